//! Checking operations against the schema they claim.

use alloc::string::String;
use alloc::vec::Vec;

use pandan_operations::{Action, DocumentViewId, FieldName, Fields, Operation, RawValue, SchemaId};
use thiserror::Error;

use crate::system;
use crate::{FieldType, RuleError, Schema, Value, ValueError};

/// Values of fields in ascending order of the names of the fields, each name once.
pub type TypedFields = Vec<(FieldName, Value)>;

/// An operation that follows its schema, with typed values.
///
/// Only [`Schema::check`] makes one out of what others send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckedOperation {
    /// Begins a document.
    Create {
        /// The schema which the document follows.
        schema: SchemaId,
        /// All fields of the schema.
        fields: TypedFields,
    },
    /// Changes some fields.
    Update {
        /// The schema which the document follows.
        schema: SchemaId,
        /// The state of the document which the author knew.
        previous: DocumentViewId,
        /// The new values; possibly none.
        fields: TypedFields,
    },
    /// Deletes the document.
    Delete {
        /// The schema which the document follows.
        schema: SchemaId,
        /// The state of the document which the author knew.
        previous: DocumentViewId,
    },
}

impl Schema {
    /// Checks that an operation follows this schema, and gives its values their types.
    ///
    /// A CREATE has all fields of the schema, an UPDATE any of them or none, each of its type;
    /// what system schemas ask beyond types is checked behind that, and unknown fields last.
    pub fn check(&self, operation: Operation) -> Result<CheckedOperation, CheckError> {
        if operation.schema() != self.id() {
            let (expected, found) = (self.id().clone(), operation.schema().clone());
            return Err(CheckError::Schema { expected, found });
        }
        Ok(match operation {
            Operation::Create { schema, fields } => {
                CheckedOperation::Create { schema, fields: self.check_all(fields)? }
            }
            Operation::Update { schema, previous, fields } => {
                CheckedOperation::Update { schema, previous, fields: self.check_some(fields)? }
            }
            Operation::Delete { schema, previous } => CheckedOperation::Delete { schema, previous },
        })
    }

    /// Walks given fields and those of the schema side by side.
    fn check_all(&self, fields: Fields) -> Result<TypedFields, CheckError> {
        let mut typed = Vec::with_capacity(self.len());
        let mut expected = self.slice().iter();
        let mut unknown = None;
        fields.try_for_each(|found, value| -> Result<(), CheckError> {
            match expected.next() {
                Some((name, field_type)) if name == found => {
                    typed.push(check_value(name, field_type, value)?);
                }
                Some((name, _)) => return Err(mismatch(name, found)),
                None => keep_first(&mut unknown, found),
            }
            Ok(())
        })?;
        if let Some((name, _)) = expected.next() {
            return Err(CheckError::MissingField { expected: name.clone() });
        }
        self.finish(typed, unknown)
    }

    fn check_some(&self, fields: Fields) -> Result<TypedFields, CheckError> {
        let mut typed = Vec::with_capacity(fields.len().min(self.len()));
        let mut unknown = None;
        fields.try_for_each(|found, value| -> Result<(), CheckError> {
            match self.field(found).and_then(|(index, _)| self.slice().get(index)) {
                Some((name, field_type)) => typed.push(check_value(name, field_type, value)?),
                None => keep_first(&mut unknown, found),
            }
            Ok(())
        })?;
        self.finish(typed, unknown)
    }

    fn finish(
        &self,
        typed: TypedFields,
        unknown: Option<String>,
    ) -> Result<TypedFields, CheckError> {
        if let SchemaId::System(system) = self.id() {
            system::check(*system, &typed)?;
        }
        match unknown {
            Some(found) => Err(CheckError::UnknownField { found }),
            None => Ok(typed),
        }
    }
}

fn check_value(
    name: &FieldName,
    field_type: &FieldType,
    value: RawValue,
) -> Result<(FieldName, Value), CheckError> {
    match Value::from_raw(field_type, value) {
        Ok(value) => Ok((name.clone(), value)),
        Err(source) => Err(CheckError::Value { field: name.clone(), source }),
    }
}

/// Two sorted lists of names differ: the smaller name is the one which the other list lacks.
fn mismatch(expected: &FieldName, found: &str) -> CheckError {
    if found < expected.as_str() {
        CheckError::UnknownField { found: found.into() }
    } else {
        CheckError::MissingField { expected: expected.clone() }
    }
}

fn keep_first(unknown: &mut Option<String>, found: &str) {
    if unknown.is_none() {
        *unknown = Some(found.into());
    }
}

impl CheckedOperation {
    /// What it does.
    #[must_use]
    pub const fn action(&self) -> Action {
        match self {
            Self::Create { .. } => Action::Create,
            Self::Update { .. } => Action::Update,
            Self::Delete { .. } => Action::Delete,
        }
    }

    /// The schema which the document follows.
    #[must_use]
    pub const fn schema(&self) -> &SchemaId {
        match self {
            Self::Create { schema, .. }
            | Self::Update { schema, .. }
            | Self::Delete { schema, .. } => schema,
        }
    }

    /// The state of the document which the author knew; none for a CREATE.
    #[must_use]
    pub const fn previous(&self) -> Option<&DocumentViewId> {
        match self {
            Self::Create { .. } => None,
            Self::Update { previous, .. } | Self::Delete { previous, .. } => Some(previous),
        }
    }

    /// The fields; none for a DELETE.
    #[must_use]
    pub const fn fields(&self) -> Option<&TypedFields> {
        match self {
            Self::Create { fields, .. } | Self::Update { fields, .. } => Some(fields),
            Self::Delete { .. } => None,
        }
    }

    /// The operation as it is encoded.
    #[must_use]
    pub fn to_operation(&self) -> Operation {
        match self {
            Self::Create { schema, fields } => {
                Operation::Create { schema: schema.clone(), fields: to_raw(fields) }
            }
            Self::Update { schema, previous, fields } => Operation::Update {
                schema: schema.clone(),
                previous: previous.clone(),
                fields: to_raw(fields),
            },
            Self::Delete { schema, previous } => {
                Operation::Delete { schema: schema.clone(), previous: previous.clone() }
            }
        }
    }
}

fn to_raw(fields: &TypedFields) -> Fields {
    fields.iter().map(|(name, value)| (name, value.to_raw())).collect()
}

/// An operation that does not follow its schema.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The operation claims another schema.
    #[error("expected an operation of schema {expected}, found one of {found}")]
    Schema {
        /// The schema that checks.
        expected: SchemaId,
        /// The schema which the operation claims.
        found: SchemaId,
    },
    /// A CREATE lacks a field of the schema.
    #[error("expected field \"{expected}\", found none")]
    MissingField {
        /// The name of the first such field.
        expected: FieldName,
    },
    /// A field that the schema does not have.
    #[error("expected fields of the schema only, found \"{found}\"")]
    UnknownField {
        /// The name of the first such field.
        found: String,
    },
    /// A value does not fit the type of its field.
    #[error("field \"{field}\" holds a value of another type")]
    Value {
        /// The name of the field.
        field: FieldName,
        /// What is wrong.
        source: ValueError,
    },
    /// A value breaks a rule of a system schema.
    #[error("operation breaks a rule of its system schema")]
    Rule(#[from] RuleError),
}

impl CheckError {
    /// The requirement of the specification that the operation breaks, if it names one.
    #[must_use]
    pub const fn requirement(&self) -> Option<&'static str> {
        match self {
            Self::Schema { .. } => Some("OP4"),
            Self::MissingField { .. } | Self::UnknownField { .. } => Some("OP6"),
            Self::Value { .. } => Some("OP8"),
            Self::Rule(rule) => rule.requirement(),
        }
    }
}
