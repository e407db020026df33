#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod cancel;
#[cfg(feature = "sqlite")]
pub mod check;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod contract;
pub mod cursor;
mod error;
pub mod evaluate;
pub mod forks;
pub mod heads;
pub mod limits;
mod model;
pub mod parts;
pub mod query;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use cancel::{Cancel, CancelOnDrop};
pub use contract::{
    Committed, Counts, DocumentRecord, KnownSchema, LogHead, Outcome, Snapshot, Store, StoredEntry,
};
pub use error::StoreError;
pub use forks::{Fork, ForkPage, ForkQuery, Frozen};
pub use model::MemoryStore;
pub use parts::{Keeping, KeptEntry, KeptPart, PartSummary, Teller};
#[cfg(feature = "sqlite")]
pub use sqlite::{Durability, Options, SqliteStore};
