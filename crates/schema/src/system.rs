//! The schemas that every node knows, and what must hold beyond the types of their fields.

use alloc::vec;
use alloc::vec::Vec;

use pandan_operations::{FieldName, NameError, SchemaId, SchemaName, SystemSchema};
use thiserror::Error;

use crate::schema::check_description;
use crate::{FieldType, FieldTypeError, Schema, SchemaError, TypedFields, Value, limits};

impl Schema {
    /// A schema that is built in.
    #[must_use]
    pub fn system(system: SystemSchema) -> Self {
        let (description, fields) = definition(system);
        let name = |text| FieldName::parse(text).expect("names of system schemas are good");
        let fields: Vec<_> = fields.into_iter().map(|(text, kind)| (name(text), kind)).collect();
        Self::from_parts(system.into(), description, fields)
    }
}

/// Fields stand in ascending order.
fn definition(system: SystemSchema) -> (&'static str, Vec<(&'static str, FieldType)>) {
    let pinned = |target| FieldType::PinnedRelationList(SchemaId::System(target));
    match system {
        SystemSchema::SchemaDefinition => (
            "Defines a schema: its name, what it is for and its fields",
            vec![
                ("description", FieldType::Str),
                ("fields", pinned(SystemSchema::SchemaFieldDefinition)),
                ("name", FieldType::Str),
            ],
        ),
        SystemSchema::SchemaFieldDefinition => (
            "Defines a field of a schema: its name and type",
            vec![("name", FieldType::Str), ("type", FieldType::Str)],
        ),
        SystemSchema::Blob => (
            "A file: its length in bytes, its media type and its pieces in order",
            vec![
                ("length", FieldType::Int),
                ("mime_type", FieldType::Str),
                ("pieces", pinned(SystemSchema::BlobPiece)),
            ],
        ),
        SystemSchema::BlobPiece => ("Some bytes of a file", vec![("data", FieldType::Bytes)]),
    }
}

/// Checks what a system schema asks of the values that are given.
pub(crate) fn check(system: SystemSchema, fields: &TypedFields) -> Result<(), RuleError> {
    fields.iter().try_for_each(|(name, value)| check_field(system, name, value))
}

fn check_field(system: SystemSchema, name: &str, value: &Value) -> Result<(), RuleError> {
    match (system, name, value) {
        (SystemSchema::SchemaDefinition, "name", Value::Str(name)) => {
            SchemaName::check(name).map_err(RuleError::SchemaName)
        }
        (SystemSchema::SchemaDefinition, "description", Value::Str(description)) => {
            check_description(description).map_err(RuleError::Description)
        }
        (SystemSchema::SchemaDefinition, "fields", Value::PinnedRelationList(fields)) => {
            check_field_count(fields.len())
        }
        (SystemSchema::SchemaFieldDefinition, "name", Value::Str(name)) => {
            FieldName::check(name).map_err(RuleError::FieldName)
        }
        (SystemSchema::SchemaFieldDefinition, "type", Value::Str(text)) => {
            text.parse::<FieldType>().map(|_| ()).map_err(RuleError::FieldType)
        }
        (SystemSchema::Blob, "length", Value::Int(length)) => check_blob_length(*length),
        (SystemSchema::Blob, "mime_type", Value::Str(text)) => check_mime_type(text),
        (SystemSchema::Blob, "pieces", Value::PinnedRelationList(pieces)) => {
            if pieces.is_empty() {
                Err(RuleError::NoPieces)
            } else {
                Ok(())
            }
        }
        (SystemSchema::BlobPiece, "data", Value::Bytes(data)) => check_piece_length(data.len()),
        _ => Ok(()),
    }
}

fn check_field_count(found: usize) -> Result<(), RuleError> {
    let max = limits::MAX_FIELDS;
    if found > max { Err(RuleError::TooManyFields { max, found }) } else { Ok(()) }
}

fn check_blob_length(found: i64) -> Result<(), RuleError> {
    if found < 0 { Err(RuleError::NegativeLength { found }) } else { Ok(()) }
}

fn check_piece_length(found: usize) -> Result<(), RuleError> {
    let max = limits::MAX_BLOB_PIECE_LENGTH;
    if found > max { Err(RuleError::PieceTooLong { max, found }) } else { Ok(()) }
}

/// `[a-z-]{1,12}/([a-z0-9]{1,18}[.+|-]){0,6}[a-z0-9]{1,16}`
fn check_mime_type(text: &str) -> Result<(), RuleError> {
    if is_mime_type(text) { Ok(()) } else { Err(RuleError::MimeType) }
}

fn is_mime_type(text: &str) -> bool {
    let Some((kind, rest)) = text.split_once('/') else { return false };
    let is_kind = (1..=12).contains(&kind.len())
        && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let is_word = |word: &str, max: usize| {
        (1..=max).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let mut words = rest.rsplit(['.', '+', '|', '-']);
    let last = words.next().unwrap_or_default();
    is_kind
        && is_word(last, 16)
        && words.clone().count() <= 6
        && words.all(|word| is_word(word, 18))
}

/// A value that its type allows and its system schema does not.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RuleError {
    /// `name` of a schema definition.
    #[error("schema definition has no good name")]
    SchemaName(#[source] NameError),
    /// `description` of a schema definition.
    #[error("schema definition has no good description")]
    Description(#[source] SchemaError),
    /// `fields` of a schema definition.
    #[error("expected at most {max} fields in a schema definition, found {found}")]
    TooManyFields {
        /// The limit.
        max: usize,
        /// The number of fields found.
        found: usize,
    },
    /// `name` of a field definition.
    #[error("field definition has no good name")]
    FieldName(#[source] NameError),
    /// `type` of a field definition.
    #[error("field definition has no good type")]
    FieldType(#[source] FieldTypeError),
    /// `length` of a blob (PN18).
    #[error("expected a blob length of at least 0, found {found}")]
    NegativeLength {
        /// The length found.
        found: i64,
    },
    /// `mime_type` of a blob.
    #[error("expected a lower case media type without parameters, found something else")]
    MimeType,
    /// `pieces` of a blob (PN18).
    #[error("expected at least one piece in a blob, found none")]
    NoPieces,
    /// `data` of a blob piece.
    #[error("expected at most {max} bytes in a blob piece, found {found}")]
    PieceTooLong {
        /// The limit.
        max: usize,
        /// The number of bytes found.
        found: usize,
    },
}

impl RuleError {
    /// The requirement of the specification that the value breaks; blobs have none with a number.
    #[must_use]
    pub const fn requirement(&self) -> Option<&'static str> {
        match self {
            Self::SchemaName(_) => Some("SC1"),
            Self::Description(_) => Some("SC2"),
            Self::TooManyFields { .. } => Some("SC3"),
            Self::FieldName(_) => Some("SC4"),
            Self::FieldType(_) => Some("SC10"),
            Self::NegativeLength { .. }
            | Self::MimeType
            | Self::NoPieces
            | Self::PieceTooLong { .. } => None,
        }
    }
}
