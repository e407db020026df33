//! How replication gets on with each schema.

use std::collections::BTreeMap;
use std::time::SystemTime;

use pandan_operations::SchemaId;
use pandan_replication::SchemaCounts;

/// Of how many schemas a peer's counts are kept; what goes beyond is in its totals only.
const SCHEMAS_MAX: usize = 1_024;

/// Bytes of the ids of these schemas: one can have 70,000.
const SCHEMAS_LENGTH_MAX: usize = 128 * 1_024;

/// How a node replicates a schema with a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaStatus {
    /// Entries that the session under way found to be missing here. What a peer sends without being
    /// asked is not among them, as all to a node that has nothing.
    pub wanted: u64,
    /// Of these, those that have not come.
    pub missing: u64,
    /// Entries that came since the start and are stored.
    pub received: u64,
    /// Bytes of these entries and their payloads.
    pub bytes_in: u64,
    /// Entries that were sent since the start.
    pub sent: u64,
    /// Bytes of these entries and their payloads.
    pub bytes_out: u64,
    /// When both had the same for the last time. A peer that tells of entries and does not send them
    /// agrees with nobody.
    pub agreed: Option<SystemTime>,
}

impl SchemaStatus {
    /// How much of what was missing has come, in percent.
    #[must_use]
    pub fn percent(&self) -> u8 {
        let come = self.wanted.saturating_sub(self.missing);
        let percent = come.saturating_mul(100).checked_div(self.wanted).unwrap_or(100);
        u8::try_from(percent).unwrap_or(100)
    }

    const fn add(&mut self, counts: &SchemaCounts) {
        let SchemaCounts { missing, received, bytes_in, sent, bytes_out } = *counts;
        self.wanted = self.wanted.saturating_add(missing);
        self.missing = self.missing.saturating_add(missing).saturating_sub(received);
        self.received = self.received.saturating_add(received);
        self.bytes_in = self.bytes_in.saturating_add(bytes_in);
        self.sent = self.sent.saturating_add(sent);
        self.bytes_out = self.bytes_out.saturating_add(bytes_out);
    }
}

/// Forgets what was missing, as a session begins.
pub(super) fn begin(schemas: &mut BTreeMap<SchemaId, SchemaStatus>) {
    schemas.values_mut().for_each(|status| (status.wanted, status.missing) = (0, 0));
}

pub(super) fn add(
    schemas: &mut BTreeMap<SchemaId, SchemaStatus>,
    counts: Vec<(SchemaId, SchemaCounts)>,
) {
    for (schema, counts) in counts {
        if let Some(status) = find(schemas, &schema) {
            status.add(&counts);
        }
    }
}

/// These schemas are compared and sent: both have the same of those of which nothing is missing.
/// Gives whether these are all.
pub(super) fn agree(
    schemas: &mut BTreeMap<SchemaId, SchemaStatus>,
    compared: &[SchemaId],
    now: SystemTime,
) -> bool {
    let mut is_same = true;
    for schema in compared {
        let Some(status) = find(schemas, schema) else { continue };
        if status.missing == 0 {
            status.agreed = Some(now);
        } else {
            is_same = false;
        }
    }
    is_same
}

fn find<'s>(
    schemas: &'s mut BTreeMap<SchemaId, SchemaStatus>,
    schema: &SchemaId,
) -> Option<&'s mut SchemaStatus> {
    if !schemas.contains_key(schema) && !has_room(schemas, schema) {
        return None;
    }
    Some(schemas.entry(schema.clone()).or_default())
}

fn has_room(schemas: &BTreeMap<SchemaId, SchemaStatus>, schema: &SchemaId) -> bool {
    let length: usize = schemas.keys().map(|schema| schema.as_str().len()).sum();
    schemas.len() < SCHEMAS_MAX && length + schema.as_str().len() <= SCHEMAS_LENGTH_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(number: usize) -> SchemaId {
        format!("name_0020{number:064x}").parse().unwrap()
    }

    fn counts(missing: u64, received: u64) -> SchemaCounts {
        SchemaCounts { missing, received, ..SchemaCounts::default() }
    }

    #[test]
    fn what_is_missing_comes_or_is_found_anew() {
        let mut schemas = BTreeMap::new();
        let mut expect = |counts: SchemaCounts, expected: (u64, u8, u64)| {
            add(&mut schemas, vec![(schema(1), counts)]);
            let status = schemas[&schema(1)];
            assert_eq!((status.missing, status.percent(), status.received), expected);
        };
        expect(counts(0, 0), (0, 100, 0));
        expect(counts(4, 1), (3, 25, 1));
        expect(counts(0, 2), (1, 75, 3));
        expect(counts(0, 9), (0, 100, 12));
        expect(counts(4, 0), (4, 50, 12));
        begin(&mut schemas);
        assert_eq!((schemas[&schema(1)].missing, schemas[&schema(1)].percent()), (0, 100));
        add(&mut schemas, vec![(schema(1), counts(1, 0))]);
    }

    #[test]
    fn who_tells_of_entries_and_keeps_them_does_not_agree() {
        let (mut schemas, now) = (BTreeMap::new(), SystemTime::now());
        let both = [schema(1), schema(2)];
        add(&mut schemas, vec![(schema(1), counts(4, 1))]);
        assert!(!agree(&mut schemas, &both, now));
        let agreed = [1, 2].map(|number| schemas[&schema(number)].agreed);
        assert_eq!(agreed, [None, Some(now)]);
        assert_eq!((schemas[&schema(1)].missing, schemas[&schema(1)].percent()), (3, 25));
        add(&mut schemas, vec![(schema(1), counts(0, 3))]);
        assert!(agree(&mut schemas, &both, now));
        assert_eq!(schemas[&schema(1)].agreed, Some(now));
    }

    #[test]
    fn long_names_take_the_room_of_many() {
        let long = |number: usize| -> SchemaId {
            let ids = (0..1_000).map(|id| format!("_0020{:064x}", id * 100 + number));
            format!("name{}", ids.collect::<String>()).parse().unwrap()
        };
        let mut schemas = BTreeMap::new();
        add(&mut schemas, (1..=3).map(|number| (long(number), counts(0, 1))).collect());
        assert_eq!(schemas.len(), 1);
        add(&mut schemas, vec![(schema(1), counts(0, 1)), (long(1), counts(0, 1))]);
        assert_eq!((schemas.len(), schemas[&long(1)].received), (2, 2));
    }

    #[test]
    fn so_many_schemas_are_kept() {
        let mut schemas = BTreeMap::new();
        let all = (0..=SCHEMAS_MAX).map(|number| (schema(number), counts(0, 1))).collect();
        add(&mut schemas, all);
        assert_eq!(schemas.len(), SCHEMAS_MAX);
        add(&mut schemas, vec![(schema(0), counts(0, 1))]);
        assert_eq!(schemas[&schema(0)].received, 2);
    }
}
