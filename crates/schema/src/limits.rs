//! How much others can make us read and keep.

pub use pandan_operations::limits::{
    MAX_BLOB_PIECE_LENGTH, MAX_FIELD_NAME_LENGTH, MAX_FIELDS, MAX_LIST_ITEMS, MAX_PREVIOUS,
    MAX_SCHEMA_NAME_LENGTH,
};

/// Greatest number of characters (Unicode scalar values) in the description of a schema (SC2).
pub const MAX_DESCRIPTION_LENGTH: usize = 256;
