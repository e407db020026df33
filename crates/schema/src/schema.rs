//! Schemas: which fields a document has, and of which type.

use alloc::sync::Arc;
use alloc::vec::Vec;

use pandan_operations::{FieldName, SchemaId};
use thiserror::Error;

use crate::{FieldType, limits};

/// The fields of the documents which follow it.
///
/// Invariant: 1 to [`limits::MAX_FIELDS`] fields, in strictly ascending order of their names; a
/// description of at most [`limits::MAX_DESCRIPTION_LENGTH`] characters. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    id: SchemaId,
    description: Arc<str>,
    fields: Arc<[(FieldName, FieldType)]>,
}

impl Schema {
    /// An application schema.
    pub fn new(
        id: SchemaId,
        description: &str,
        fields: impl IntoIterator<Item = (FieldName, FieldType)>,
    ) -> Result<Self, SchemaError> {
        if let SchemaId::System(_) = id {
            return Err(SchemaError::System);
        }
        check_description(description)?;
        let mut fields: Vec<_> = fields.into_iter().collect();
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        check_fields(&fields)?;
        Ok(Self::from_parts(id, description, fields))
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &SchemaId {
        &self.id
    }

    /// Its name, which is part of its id.
    #[must_use]
    pub fn name(&self) -> &str {
        self.id.name()
    }

    /// What it is for, in the words of the one who made it.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The fields in ascending order of their names.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&FieldName, &FieldType)> {
        self.fields.iter().map(|(name, field_type)| (name, field_type))
    }

    /// The place of a field among the others, and its type.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<(usize, &FieldType)> {
        let index = self.fields.binary_search_by(|(other, _)| other.as_str().cmp(name)).ok()?;
        self.fields.get(index).map(|(_, field_type)| (index, field_type))
    }

    /// The number of fields, at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a schema always has fields")]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Takes over what is known to be right.
    pub(crate) fn from_parts(
        id: SchemaId,
        description: &str,
        fields: Vec<(FieldName, FieldType)>,
    ) -> Self {
        debug_assert!(check_fields(&fields).is_ok(), "fields are sorted");
        Self { id, description: description.into(), fields: fields.into() }
    }

    pub(crate) fn slice(&self) -> &[(FieldName, FieldType)] {
        &self.fields
    }
}

pub(crate) fn check_description(description: &str) -> Result<(), SchemaError> {
    let max = limits::MAX_DESCRIPTION_LENGTH;
    match description.chars().count() {
        found if found > max => Err(SchemaError::Description { max, found }),
        _ => Ok(()),
    }
}

fn check_fields(fields: &[(FieldName, FieldType)]) -> Result<(), SchemaError> {
    if fields.is_empty() {
        return Err(SchemaError::NoFields);
    }
    if fields.len() > limits::MAX_FIELDS {
        return Err(SchemaError::TooManyFields { max: limits::MAX_FIELDS, found: fields.len() });
    }
    for pair in fields.windows(2) {
        if let [(a, _), (b, _)] = pair
            && a == b
        {
            return Err(SchemaError::DuplicateField { name: a.clone() });
        }
    }
    Ok(())
}

/// Parts that make no schema.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// System schemas are built in and cannot be made.
    #[error("expected the id of an application schema, found that of a system schema")]
    System,
    /// The description is too long.
    #[error("expected at most {max} characters in the description of a schema, found {found}")]
    Description {
        /// The limit.
        max: usize,
        /// The number of characters found.
        found: usize,
    },
    /// There are no fields.
    #[error("expected at least one field in a schema, found none")]
    NoFields,
    /// There are too many fields.
    #[error("expected at most {max} fields in a schema, found {found}")]
    TooManyFields {
        /// The limit.
        max: usize,
        /// The number of fields found.
        found: usize,
    },
    /// Two fields have the same name.
    #[error("expected every field once, found \"{name}\" twice")]
    DuplicateField {
        /// The name of both.
        name: FieldName,
    },
}
