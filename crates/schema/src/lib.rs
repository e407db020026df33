#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod assemble;
mod check;
mod field_type;
pub mod limits;
mod schema;
mod system;
mod value;

pub use assemble::{AssembleError, DefinitionView, FieldDefinitionView};
pub use check::{CheckError, CheckedOperation, TypedFields};
pub use field_type::{FieldType, FieldTypeError};
pub use pandan_operations::{
    ApplicationSchemaId, FieldName, NameError, SchemaId, SchemaIdError, SchemaName, SystemSchema,
};
pub use schema::{Schema, SchemaError};
pub use system::RuleError;
pub use value::{Value, ValueError};
