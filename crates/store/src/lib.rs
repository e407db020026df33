//! Storage of entries and of everything that follows from them.
#![forbid(unsafe_code)]

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod contract;
pub mod cursor;
mod error;
pub mod evaluate;
pub mod limits;
mod model;
pub mod query;

pub use contract::{
    Committed, Counts, DocumentRecord, KnownSchema, LogHead, Outcome, Snapshot, Store, StoredEntry,
};
pub use error::StoreError;
pub use model::MemoryStore;
