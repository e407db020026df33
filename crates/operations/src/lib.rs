#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod cbor;
mod decode;
mod decode_value;
mod encode;
mod float;
mod id;
pub mod limits;
mod name;
mod operation;
mod raw_value;
mod reader;
mod schema_id;
mod view_id;

pub use decode::{DecodeOperationError, Problem};
pub use float::Float;
pub use id::{DocumentId, OperationId};
pub use name::{FieldName, NameError, SchemaName};
pub use operation::{Action, Operation};
pub use raw_value::{DuplicateField, Fields, Kind, RawValue};
pub use schema_id::{ApplicationSchemaId, SchemaId, SchemaIdError, SystemSchema};
pub use view_id::{DocumentViewId, ViewIdError};
