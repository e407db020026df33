//! The state of a document at one point of its history.

use alloc::collections::BTreeMap;

use pandan_operations::limits::MAX_PREVIOUS;
use pandan_operations::{DocumentViewId, FieldName, OperationId, SchemaId};
use pandan_schema::{CheckedOperation, Value};
use thiserror::Error;

use crate::DocumentOperation;

/// The values of a document after some of its operations.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentView {
    /// The tips of the graph, or the DELETE that counts (DO4).
    pub id: DocumentViewId,
    /// All fields of the schema; none when the document is deleted.
    pub fields: Option<BTreeMap<FieldName, ViewField>>,
    /// Whether some field was last written by another operation than the CREATE, or all are gone.
    pub is_edited: bool,
}

/// The value of a field and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewField {
    /// The value.
    pub value: Value,
    /// The operation that wrote it.
    pub operation: OperationId,
}

impl DocumentView {
    /// Whether the document was deleted.
    #[must_use]
    pub const fn is_deleted(&self) -> bool {
        self.fields.is_none()
    }

    /// Adds an operation that was made on top of just this state, in time that does not depend on
    /// the length of the document's history.
    ///
    /// The result is the one that building the document again would have. Every other operation,
    /// one that is concurrent to a tip or that names an older operation beside all tips, can
    /// change the order of those before it; it is refused, and the document has to be built again.
    /// So it is with deleted documents, whose view id does not tell their tips. Void operations
    /// change nothing.
    pub fn extend(&mut self, operation: DocumentOperation) -> Result<(), ExtendError> {
        let previous =
            operation.previous().ok_or(ExtendError::Create { operation: operation.id })?;
        if operation.is_void {
            return Ok(());
        }
        let Some(fields) = &mut self.fields else {
            return Err(ExtendError::Deleted { operation: operation.id });
        };
        if !extends(previous, &self.id) {
            return Err(ExtendError::NotAtTip { operation: operation.id });
        }
        match operation.operation {
            CheckedOperation::Update { fields: written, .. } => {
                for (name, value) in written {
                    // A CREATE has all fields of the schema, so none is new.
                    if let Some(field) = fields.get_mut(&name) {
                        *field = ViewField { value, operation: operation.id };
                        self.is_edited = true;
                    }
                }
            }
            CheckedOperation::Create { .. } | CheckedOperation::Delete { .. } => {
                self.fields = None;
                self.is_edited = true;
            }
        }
        self.id = operation.id.into();
        Ok(())
    }
}

/// Whether an operation with this `previous` extends the state with these tips: it names all of
/// them and nothing else.
///
/// A state of as many tips as a view id has room for may have more, so that nothing extends it.
#[must_use]
pub fn extends(previous: &DocumentViewId, tips: &DocumentViewId) -> bool {
    previous == tips && tips.len() < MAX_PREVIOUS
}

/// An operation that does not follow right after a state.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExtendError {
    /// A document has only one CREATE, its first operation.
    #[error("operation {operation} creates a document and cannot extend one")]
    Create {
        /// The operation.
        operation: OperationId,
    },
    /// The tips of a deleted document do not show in its view.
    #[error("operation {operation} cannot extend the view of a deleted document")]
    Deleted {
        /// The operation.
        operation: OperationId,
    },
    /// `previous` is not exactly the tips.
    #[error("operation {operation} was not made on top of all tips and of nothing else")]
    NotAtTip {
        /// The operation.
        operation: OperationId,
    },
    /// All operations of a document claim one schema.
    #[error("operation {operation} claims schema {found} in a document of {expected}")]
    OtherSchema {
        /// The operation.
        operation: OperationId,
        /// The schema of the document.
        expected: SchemaId,
        /// What the operation claims.
        found: SchemaId,
    },
}
