//! What all runs write, and what there is after each of the batches.

use std::sync::LazyLock;

use pandan_admission::Door;
use pandan_operations::{RawValue, SystemSchema};
use pandan_store::conformance::{Author, Contents, Signed, fields, try_contents};
use pandan_store::{MemoryStore, Outcome, Store, StoreError};
use pandan_testkit::History;

/// Enough that the log is taken over into the file while the store is open, at its thousandth page.
pub(crate) const LARGE: usize = 3;
const PIECES: usize = 6;
const PIECE_BYTES: usize = 250_000;

/// The last [`LARGE`] of them are large.
pub(crate) static BATCHES: LazyLock<Vec<Vec<Signed>>> = LazyLock::new(|| {
    let history = History::from_seed(5, 30);
    let mut batches: Vec<_> = history.signed.chunks(5).map(<[Signed]>::to_vec).collect();
    let mut author = Author::new(200);
    for _ in 0..LARGE {
        let piece = |_| {
            let data = RawValue::Bytes(vec![7; PIECE_BYTES]);
            author.create(&SystemSchema::BlobPiece.into(), fields([("data", data)]))
        };
        batches.push((0..PIECES).map(piece).collect());
    }
    batches
});

/// One more than there are batches: the first is that of an empty store.
pub(crate) static STATES: LazyLock<Vec<Contents>> = LazyLock::new(|| {
    let model = MemoryStore::new();
    let mut states = vec![read(&model).expect("memory can be read")];
    for batch in &*BATCHES {
        ingest(&model, batch).expect("memory is there");
        states.push(read(&model).expect("memory can be read"));
    }
    assert!(states.windows(2).all(|pair| pair[0] != pair[1]), "each batch changes something");
    states
});

pub(crate) fn ingest(store: &dyn Store, batch: &[Signed]) -> Result<Vec<Outcome>, StoreError> {
    store.ingest(batch.iter().map(|signed| (signed.candidate(), Door::Peer)).collect())
}

pub(crate) fn read(store: &dyn Store) -> Result<Contents, StoreError> {
    try_contents(&*store.snapshot()?)
}
