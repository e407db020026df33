//! Storage of entries and of everything that follows from them.
#![forbid(unsafe_code)]

pub mod contract;
pub mod cursor;
mod error;
pub mod limits;
pub mod query;

pub use contract::{
    Committed, Counts, DocumentRecord, KnownSchema, LogHead, Outcome, Snapshot, Store, StoredEntry,
};
pub use error::StoreError;
