//! Field values whose type is known.
//!
//! Encoded values do not tell bytes from a relation, nor a list of relations from a pinned
//! relation; the type of the field decides:
//!
//! | type | taken |
//! |---|---|
//! | `bool`, `int`, `float`, `str`, `bytes` | the same kind; integers are never floats |
//! | `relation` | bytes that are a hash |
//! | `relation_list` | a list of hashes, in any order, repeated or none at all |
//! | `pinned_relation` | a list of hashes, strictly ascending, at least one |
//! | `pinned_relation_list` | a list of such lists, or the empty list (PN15) |

use alloc::string::String;
use alloc::vec::Vec;

use pandan_bamboo::{Hash, HashError};
use pandan_operations::{
    DocumentId, DocumentViewId, Float, Kind, OperationId, RawValue, ViewIdError,
};
use thiserror::Error;

use crate::{FieldType, limits};

/// The value of a field, with its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating point number.
    Float(Float),
    /// Text.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A document.
    Relation(DocumentId),
    /// Documents; order and repetition have meaning.
    RelationList(Vec<DocumentId>),
    /// A state of a document.
    PinnedRelation(DocumentViewId),
    /// States of documents; order and repetition have meaning.
    PinnedRelationList(Vec<DocumentViewId>),
}

impl Value {
    /// Gives a decoded value its type, moving what it holds.
    pub fn from_raw(field_type: &FieldType, raw: RawValue) -> Result<Self, ValueError> {
        Ok(match (field_type, raw) {
            (FieldType::Bool, RawValue::Bool(value)) => Self::Bool(value),
            (FieldType::Int, RawValue::Int(value)) => Self::Int(value),
            (FieldType::Float, RawValue::Float(value)) => Self::Float(value),
            (FieldType::Str, RawValue::Str(value)) => Self::Str(value),
            (FieldType::Bytes, RawValue::Bytes(value)) => Self::Bytes(value),
            (FieldType::Relation(_), RawValue::Bytes(value)) => {
                Self::Relation(DocumentId::decode(&value)?)
            }
            (FieldType::RelationList(_), RawValue::HashList(hashes)) => {
                Self::RelationList(relation_list(hashes)?)
            }
            (FieldType::PinnedRelation(_), RawValue::HashList(hashes)) => {
                Self::PinnedRelation(view_id(hashes)?)
            }
            (FieldType::PinnedRelationList(_), RawValue::NestedHashList(lists)) => {
                Self::PinnedRelationList(pinned_relation_list(lists)?)
            }
            (FieldType::PinnedRelationList(_), RawValue::HashList(hashes)) if hashes.is_empty() => {
                Self::PinnedRelationList(Vec::new())
            }
            (expected, raw) => {
                return Err(ValueError::Type { expected: expected.name(), found: raw.kind() });
            }
        })
    }

    /// The value as it is encoded.
    #[must_use]
    pub fn to_raw(&self) -> RawValue {
        match self {
            Self::Bool(value) => RawValue::Bool(*value),
            Self::Int(value) => RawValue::Int(*value),
            Self::Float(value) => RawValue::Float(*value),
            Self::Str(value) => RawValue::Str(value.clone()),
            Self::Bytes(value) => RawValue::Bytes(value.clone()),
            Self::Relation(id) => RawValue::Bytes(id.encode().to_vec()),
            Self::RelationList(ids) => {
                RawValue::HashList(ids.iter().map(|id| *id.as_hash()).collect())
            }
            Self::PinnedRelation(view) => RawValue::HashList(hashes(view)),
            // The empty list looks the same in both list types.
            Self::PinnedRelationList(views) if views.is_empty() => RawValue::HashList(Vec::new()),
            Self::PinnedRelationList(views) => {
                RawValue::NestedHashList(views.iter().map(hashes).collect())
            }
        }
    }
}

fn hashes(view: &DocumentViewId) -> Vec<Hash> {
    view.iter().map(|id| *id.as_hash()).collect()
}

fn relation_list(hashes: Vec<Hash>) -> Result<Vec<DocumentId>, ValueError> {
    check_length(hashes.len())?;
    Ok(hashes.into_iter().map(DocumentId::from_hash).collect())
}

fn pinned_relation_list(lists: Vec<Vec<Hash>>) -> Result<Vec<DocumentViewId>, ValueError> {
    check_length(lists.len())?;
    lists.into_iter().map(view_id).collect()
}

fn check_length(found: usize) -> Result<(), ValueError> {
    let max = limits::MAX_LIST_ITEMS;
    if found > max { Err(ValueError::TooManyItems { max, found }) } else { Ok(()) }
}

fn view_id(hashes: Vec<Hash>) -> Result<DocumentViewId, ValueError> {
    let ids = hashes.into_iter().map(OperationId::from_hash).collect();
    Ok(DocumentViewId::from_sorted(ids)?)
}

/// A value that does not fit the type of its field (SC10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ValueError {
    /// Another kind of value.
    #[error("expected a value of type {expected}, found {found}")]
    Type {
        /// The name of the type of the field.
        expected: &'static str,
        /// The kind of the value.
        found: Kind,
    },
    /// A relation that is not a hash.
    #[error("relation is not a hash")]
    Relation(#[from] HashError),
    /// A pinned relation that is not a document view id.
    #[error("pinned relation is not a document view id")]
    PinnedRelation(#[from] ViewIdError),
    /// A list longer than we keep.
    #[error("expected at most {max} items in a list, found {found}")]
    TooManyItems {
        /// The limit.
        max: usize,
        /// The number of items found.
        found: usize,
    },
}
