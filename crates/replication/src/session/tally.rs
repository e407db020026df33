//! What a session does for each schema, as it is counted.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use pandan_operations::{Operation, SchemaId};

use crate::Received;
use crate::limits::MAX_SCHEMAS;

/// Counts of one schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchemaCounts {
    /// Entries that comparing found to be missing here.
    pub missing: u64,
    /// Entries that came and are stored.
    pub received: u64,
    /// Bytes of these entries and their payloads.
    pub bytes_in: u64,
    /// Entries that were sent.
    pub sent: u64,
    /// Bytes of these entries and their payloads.
    pub bytes_out: u64,
}

/// Names a schema within a tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SchemaIndex(usize);

/// Counts by schema since they were taken last, of up to [`MAX_SCHEMAS`] schemas.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// The schemas, in the order in which they were met.
    counted: Vec<(SchemaId, SchemaCounts)>,
    /// Invariant: holds the text of each of the schemas.
    indexes: BTreeMap<String, SchemaIndex>,
    changed: BTreeSet<SchemaIndex>,
}

impl Tally {
    /// The schema of an entry, as its payload says.
    pub(crate) fn index_of(&mut self, received: &Received) -> Option<SchemaIndex> {
        let text = Operation::schema_text(received.payload.as_ref()?)?;
        if let Some(index) = self.indexes.get(text) {
            return Some(*index);
        }
        text.parse().ok().and_then(|schema| self.add(schema))
    }

    /// Entries of a schema are missing.
    pub(crate) fn missing(&mut self, schema: &SchemaId, count: u64) {
        let index = self.indexes.get(schema.as_str()).copied();
        let index = index.or_else(|| self.add(schema.clone()));
        self.count(index, |counts| add(&mut counts.missing, count));
    }

    /// An entry came.
    pub(crate) fn received(&mut self, schema: Option<SchemaIndex>, bytes: u64) {
        self.count(schema, |counts| {
            add(&mut counts.received, 1);
            add(&mut counts.bytes_in, bytes);
        });
    }

    /// An entry is sent.
    pub(crate) fn sent(&mut self, received: &Received) {
        let index = self.index_of(received);
        self.count(index, |counts| {
            add(&mut counts.sent, 1);
            add(&mut counts.bytes_out, received.bytes());
        });
    }

    /// Takes the counts, those that are not zero.
    pub(crate) fn take(&mut self) -> Vec<(SchemaId, SchemaCounts)> {
        let changed = core::mem::take(&mut self.changed).into_iter();
        let taken = changed.filter_map(|SchemaIndex(index)| {
            let (schema, counts) = self.counted.get_mut(index)?;
            Some((schema.clone(), core::mem::take(counts)))
        });
        taken.collect()
    }

    fn add(&mut self, schema: SchemaId) -> Option<SchemaIndex> {
        if self.counted.len() >= MAX_SCHEMAS {
            return None;
        }
        let index = SchemaIndex(self.counted.len());
        self.indexes.insert(schema.as_str().into(), index);
        self.counted.push((schema, SchemaCounts::default()));
        Some(index)
    }

    fn count(&mut self, index: Option<SchemaIndex>, count: impl FnOnce(&mut SchemaCounts)) {
        let Some(index) = index else { return };
        if let Some((_, counts)) = self.counted.get_mut(index.0) {
            count(counts);
            self.changed.insert(index);
        }
    }
}

const fn add(count: &mut u64, more: u64) {
    *count = count.saturating_add(more);
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use pandan_operations::{Fields, RawValue, SystemSchema};

    use super::*;

    fn received(schema: &SchemaId) -> Received {
        let fields = Fields::from_pairs([("data", RawValue::Int(1))]).expect("one field");
        let payload = Operation::Create { schema: schema.clone(), fields }.encode();
        Received { entry: alloc::vec![0; 10], payload: Some(payload) }
    }

    fn schema(number: usize) -> SchemaId {
        let text = format!("name_0020{number:064x}");
        text.parse().expect("it is a schema id")
    }

    #[test]
    fn counts_are_taken_once_and_by_schema() {
        let (mut tally, blob) = (Tally::default(), SchemaId::from(SystemSchema::Blob));
        let entry = received(&blob);
        let bytes = entry.bytes();
        tally.sent(&entry);
        tally.sent(&entry);
        let index = tally.index_of(&entry);
        tally.received(index, 5);
        tally.missing(&schema(1), 7);
        let counts = SchemaCounts {
            received: 1,
            bytes_in: 5,
            sent: 2,
            bytes_out: bytes.saturating_mul(2),
            ..SchemaCounts::default()
        };
        let missing = SchemaCounts { missing: 7, ..SchemaCounts::default() };
        assert_eq!(tally.take(), [(blob.clone(), counts), (schema(1), missing)]);
        assert_eq!(tally.take(), []);
        tally.missing(&blob, 1);
        assert_eq!(tally.take().len(), 1);
    }

    #[test]
    fn what_is_no_operation_is_not_counted() {
        let mut tally = Tally::default();
        for payload in [None, Some(Vec::new()), Some(alloc::vec![0x84, 1, 0, 0x61, b'?'])] {
            tally.sent(&Received { entry: Vec::new(), payload });
        }
        assert_eq!(tally.take(), []);
    }

    #[test]
    fn so_many_schemas_are_counted() {
        let mut tally = Tally::default();
        for number in 0..=MAX_SCHEMAS {
            tally.sent(&received(&schema(number)));
        }
        assert_eq!(tally.take().len(), MAX_SCHEMAS);
        tally.sent(&received(&schema(0)));
        assert_eq!(tally.take().len(), 1);
    }
}
