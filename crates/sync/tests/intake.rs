//! The door of a store.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::sync::Arc;

use pandan_admission::{Candidate, Door};
use pandan_bamboo::{EncodedEntry, ForkProof, LogId, NextArgs};
use pandan_identity::KeyPair;
use pandan_operations::{Fields, Operation, RawValue, SystemSchema};
use pandan_replication::Verdict;
use pandan_store::{MemoryStore, Options, SqliteStore, Store};
use pandan_sync::Intake;

/// The first entry of a log, with its operation.
fn first(log_id: u64, name: &str) -> (EncodedEntry, Vec<u8>) {
    let schema = SystemSchema::SchemaFieldDefinition.into();
    let fields = [("name", name), ("type", "str")];
    let fields = fields.map(|(name, text)| (name, RawValue::Str(text.into())));
    let fields = Fields::from_pairs(fields).unwrap();
    let operation = Operation::Create { schema, fields }.encode();
    let entry = NextArgs::first(LogId::new(log_id));
    (entry.forge(&KeyPair::from_seed(&[7; 32]), &operation), operation)
}

/// The door remembered the proofs of all such logs, which may be as many as somebody likes.
#[test]
fn who_sends_entries_of_a_log_that_forks_at_the_first_is_told_whoever_found_that() {
    let folder = tempfile::tempdir().unwrap();
    let file = SqliteStore::open(folder.path().join("store"), Options::default()).unwrap();
    let stores: [Arc<dyn Store>; 2] = [Arc::new(MemoryStore::new()), Arc::new(file)];
    for store in stores {
        let mut intake = Intake::new(Arc::clone(&store));
        let (one, operation) = first(0, "one");
        let (other, _) = first(0, "other");
        let proof = ForkProof::new(&one.as_authentic(), &other.as_authentic()).unwrap();
        store.ingest_proof(proof).unwrap();
        let of_others = first(1, "elsewhere");
        let batch = [(one, operation), of_others].map(|(entry, operation)| {
            (Candidate::examine(entry.as_bytes(), &operation).unwrap(), Door::Peer)
        });
        for fate in ["new", "known"] {
            let taken = intake.take(batch.to_vec()).unwrap();
            let verdicts: Vec<_> = taken.judged.iter().map(|judged| judged.verdict()).collect();
            assert_eq!(verdicts[0], Verdict::Fork(Box::new(proof)), "{fate}");
            assert!(matches!(verdicts[1], Verdict::Stored | Verdict::Known), "{fate}");
        }
    }
}
