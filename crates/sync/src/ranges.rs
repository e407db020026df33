//! Ranges of a session, which reach over the schemas that it is about, and those of a store, each
//! in one schema.

use pandan_identity::PublicKey;
use pandan_operations::SchemaId;
use pandan_replication::{Author, Bound, KeyRange, LogKey, LogName};
use pandan_store::heads::{HeadRange, LogPlace};

/// The ranges of a store that follow each other in a range of a session, each with the index of its
/// schema.
pub(crate) struct Ranges {
    pub(crate) schemas: Vec<u16>,
    pub(crate) ranges: Vec<HeadRange>,
}

impl Ranges {
    pub(crate) fn of(schemas: &[SchemaId], range: &KeyRange) -> Self {
        let start = range.start();
        let mut found = Self { schemas: Vec::new(), ranges: Vec::new() };
        for (index, schema) in (0_u16..=u16::MAX).zip(schemas).skip(start.schema.into()) {
            let to = match range.end() {
                Bound::Key(end) if end.schema < index => break,
                Bound::Key(end) if end.schema == index => {
                    if end == LogKey::of_schema(index) {
                        break;
                    }
                    Some(place(&end.log))
                }
                Bound::Key(_) | Bound::End => None,
            };
            let is_cut = start.schema == index && start != LogKey::of_schema(index);
            let from = is_cut.then(|| place(&start.log));
            found.schemas.push(index);
            found.ranges.push(HeadRange { schema: schema.clone(), from, to });
        }
        found
    }

    /// The key of a place in one of the ranges, or of the beginning of that range.
    pub(crate) fn key(&self, range: usize, from: Option<LogPlace>) -> Option<LogKey> {
        let schema = *self.schemas.get(range)?;
        let from = from.or_else(|| self.ranges.get(range)?.from);
        Some(from.map_or(LogKey::of_schema(schema), |place| LogKey { schema, log: name(&place) }))
    }
}

pub(crate) fn place(log: &LogName) -> LogPlace {
    LogPlace { author: *log.author.as_bytes(), log_id: log.log_id }
}

pub(crate) fn name(place: &LogPlace) -> LogName {
    LogName { author: Author::from_bytes(place.author), log_id: place.log_id }
}

/// None where there is no author: nobody can have signed such a log.
pub(crate) fn author(log: &LogName) -> Option<PublicKey> {
    PublicKey::from_bytes(log.author.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use pandan_bamboo::LogId;
    use pandan_operations::SystemSchema;

    use super::*;

    fn schemas() -> Vec<SchemaId> {
        let mut schemas = vec![
            SystemSchema::Blob.into(),
            SystemSchema::BlobPiece.into(),
            SystemSchema::SchemaDefinition.into(),
        ];
        schemas.sort_unstable();
        schemas
    }

    fn key(schema: u16, author: u8, log_id: u64) -> LogKey {
        let author = Author::from_bytes([author; 32]);
        LogKey { schema, log: LogName { author, log_id: LogId::new(log_id) } }
    }

    #[test]
    fn all_schemas_are_whole_in_the_range_of_all() {
        let schemas = schemas();
        let ranges = Ranges::of(&schemas, &KeyRange::ALL);
        let whole: Vec<_> = schemas.iter().cloned().map(HeadRange::all).collect();
        assert_eq!((ranges.schemas.as_slice(), ranges.ranges), (&[0, 1, 2][..], whole));
    }

    #[test]
    fn a_range_is_cut_where_it_begins_and_ends() {
        let schemas = schemas();
        let (start, end) = (key(0, 7, 1), key(2, 9, 3));
        let ranges = Ranges::of(&schemas, &KeyRange::new(start, Bound::Key(end)).unwrap());
        let schema = |index: usize| schemas[index].clone();
        let expected = [
            HeadRange { schema: schema(0), from: Some(place(&start.log)), to: None },
            HeadRange::all(schema(1)),
            HeadRange { schema: schema(2), from: None, to: Some(place(&end.log)) },
        ];
        assert_eq!(ranges.ranges, expected);
        assert_eq!(ranges.key(0, None), Some(start));
        assert_eq!(ranges.key(1, None), Some(LogKey::of_schema(1)));
        assert_eq!(ranges.key(2, Some(place(&end.log))), Some(end));
        assert_eq!(ranges.key(3, None), None);
    }

    #[test]
    fn a_range_that_ends_with_a_schema_has_nothing_of_the_next() {
        let end = Bound::Key(LogKey::of_schema(1));
        let range = KeyRange::new(LogKey::MIN, end).unwrap();
        assert_eq!(Ranges::of(&schemas(), &range).schemas, [0]);
    }

    #[test]
    fn a_range_behind_all_schemas_is_empty() {
        let range = KeyRange::new(key(3, 0, 0), Bound::End).unwrap();
        assert_eq!(Ranges::of(&schemas(), &range).ranges, []);
    }
}
