//! What a field can hold.

use core::fmt;
use core::str::FromStr;

use pandan_operations::{SchemaId, SchemaIdError};
use thiserror::Error;

/// The type of a field (SC5, SC10).
///
/// ```
/// use pandan_schema::{FieldType, SystemSchema};
///
/// let relation = "relation(blob_v1)".parse::<FieldType>()?;
/// assert_eq!(relation.target(), Some(&SystemSchema::Blob.into()));
/// # Ok::<(), pandan_schema::FieldTypeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldType {
    /// `bool`: a truth value.
    Bool,
    /// `int`: a whole number of 64 bits with a sign.
    Int,
    /// `float`: a floating point number of 64 bits.
    Float,
    /// `str`: text.
    Str,
    /// `bytes`: bytes.
    Bytes,
    /// `relation(…)`: a document of this schema, in whatever state it will be.
    Relation(SchemaId),
    /// `relation_list(…)`: a list of documents.
    RelationList(SchemaId),
    /// `pinned_relation(…)`: a document of this schema, in one state for ever.
    PinnedRelation(SchemaId),
    /// `pinned_relation_list(…)`: a list of states of documents.
    PinnedRelationList(SchemaId),
}

impl FieldType {
    /// The schema of the documents which a relation refers to; none for other types.
    #[must_use]
    pub const fn target(&self) -> Option<&SchemaId> {
        match self {
            Self::Bool | Self::Int | Self::Float | Self::Str | Self::Bytes => None,
            Self::Relation(target)
            | Self::RelationList(target)
            | Self::PinnedRelation(target)
            | Self::PinnedRelationList(target) => Some(target),
        }
    }

    /// Whether it is a list of relations.
    #[must_use]
    pub const fn is_list(&self) -> bool {
        matches!(self, Self::RelationList(_) | Self::PinnedRelationList(_))
    }

    /// Whether it is a relation to states of documents.
    #[must_use]
    pub const fn is_pinned(&self) -> bool {
        matches!(self, Self::PinnedRelation(_) | Self::PinnedRelationList(_))
    }

    /// Its name, without the schema of a relation.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::Str => "str",
            Self::Bytes => "bytes",
            Self::Relation(_) => "relation",
            Self::RelationList(_) => "relation_list",
            Self::PinnedRelation(_) => "pinned_relation",
            Self::PinnedRelationList(_) => "pinned_relation_list",
        }
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self.target() {
            Some(target) => write!(f, "({target})"),
            None => Ok(()),
        }
    }
}

/// Exactly what is written, nothing around it.
impl FromStr for FieldType {
    type Err = FieldTypeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((name, rest)) = text.split_once('(') else {
            return plain(text).ok_or(FieldTypeError::Unknown);
        };
        let relation = relation(name).ok_or(FieldTypeError::Unknown)?;
        let target = rest.strip_suffix(')').ok_or(FieldTypeError::Parenthesis)?;
        Ok(relation(target.parse()?))
    }
}

fn plain(name: &str) -> Option<FieldType> {
    Some(match name {
        "bool" => FieldType::Bool,
        "int" => FieldType::Int,
        "float" => FieldType::Float,
        "str" => FieldType::Str,
        "bytes" => FieldType::Bytes,
        _ => return None,
    })
}

fn relation(name: &str) -> Option<fn(SchemaId) -> FieldType> {
    Some(match name {
        "relation" => FieldType::Relation,
        "relation_list" => FieldType::RelationList,
        "pinned_relation" => FieldType::PinnedRelation,
        "pinned_relation_list" => FieldType::PinnedRelationList,
        _ => return None,
    })
}

/// A text that is no field type (SC10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FieldTypeError {
    /// None of the known types, or a relation without a schema (SC7).
    #[error("expected bool, int, float, str, bytes or a relation with a schema id in parentheses")]
    Unknown,
    /// The text of a relation does not end in a parenthesis.
    #[error("expected a closing parenthesis at the end of the type of a relation")]
    Parenthesis,
    /// What stands in parentheses is no schema id.
    #[error("relation refers to something that is no schema id")]
    Target(#[from] SchemaIdError),
}
