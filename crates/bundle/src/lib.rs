#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod block;
mod bundle;
mod content;
mod export;
mod header;
mod import;
mod lacking;
pub mod limits;
mod read;
mod select;
mod state;
mod walk;

pub use block::{BlockKind, CHECKSUM_LENGTH, FileKind, MAGIC, ReadError, VERSION, Written};
pub use bundle::{BundleReader, BundleWriter, Item, WriteError};
pub use content::{ContentError, ContentProblem, Part};
pub use export::{Export, ExportError, write_state};
pub use header::{BundleHeader, Origin, SchemaList, Scope, StateHeader};
pub use import::{ImportError, Reason, Refused, Report, check, import};
pub use select::{SelectError, Selection};
pub use state::{LogState, Logs, StateReader, StateWriter};
