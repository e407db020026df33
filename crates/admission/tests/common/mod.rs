//! Shortens what every test does.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use pandan_admission::{Admitted, Candidate, Verdict};
use pandan_bamboo::NextArgs;
use pandan_identity::KeyPair;
use pandan_operations::{DocumentViewId, Fields, Operation, RawValue, SystemSchema};
use pandan_schema::Schema;
pub(crate) use pandan_testkit::memory::Memory;

pub(crate) const PIECE: SystemSchema = SystemSchema::BlobPiece;

/// A store that knows pieces and blobs.
pub(crate) fn memory() -> Memory {
    Memory::default()
        .with_schema(Schema::system(PIECE))
        .with_schema(Schema::system(SystemSchema::Blob))
}

pub(crate) fn key_pair(number: u8) -> KeyPair {
    KeyPair::from_seed(&[number; 32])
}

fn data(bytes: &[u8]) -> Fields {
    Fields::from_pairs([("data", RawValue::Bytes(bytes.to_vec()))]).unwrap()
}

pub(crate) fn create(bytes: &[u8]) -> Operation {
    Operation::Create { schema: PIECE.into(), fields: data(bytes) }
}

pub(crate) fn update(previous: impl Into<DocumentViewId>, bytes: &[u8]) -> Operation {
    Operation::Update { schema: PIECE.into(), previous: previous.into(), fields: data(bytes) }
}

pub(crate) fn delete(previous: impl Into<DocumentViewId>) -> Operation {
    Operation::Delete { schema: PIECE.into(), previous: previous.into() }
}

pub(crate) fn candidate(key_pair: &KeyPair, args: &NextArgs, operation: &Operation) -> Candidate {
    let payload = operation.encode();
    Candidate::examine(args.forge(key_pair, &payload).as_bytes(), &payload).unwrap()
}

pub(crate) fn admitted(verdict: Verdict) -> Box<Admitted> {
    match verdict {
        Verdict::Admitted(admitted) => admitted,
        verdict => panic!("expected an admitted entry, found {verdict:?}"),
    }
}

/// The code of a refusal, or what else the verdict is.
pub(crate) fn outcome(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Admitted(_) => "admitted",
        Verdict::Fork(_) => "fork",
        Verdict::Known { .. } => "known",
        Verdict::Wait(_) => "wait",
        Verdict::Refused(refusal) => refusal.code(),
    }
}
