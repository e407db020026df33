//! One operation as a document is made of it.

use pandan_identity::PublicKey;
use pandan_operations::{DocumentViewId, FieldName, OperationId, SchemaId};
use pandan_schema::{CheckedOperation, TypedFields, Value};

use crate::{GraphNode, NodeKind};

/// An operation that fits its schema, with its name and its author.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentOperation {
    /// The hash of the entry that carries it.
    pub id: OperationId,
    /// Who signed that entry.
    pub author: PublicKey,
    /// What it does.
    pub operation: CheckedOperation,
    /// Whether its entry stands at or above the fork of a log (PN31).
    pub is_void: bool,
}

impl DocumentOperation {
    /// The schema that it claims to follow.
    #[must_use]
    pub fn schema(&self) -> &SchemaId {
        match &self.operation {
            CheckedOperation::Create { schema, .. }
            | CheckedOperation::Update { schema, .. }
            | CheckedOperation::Delete { schema, .. } => schema,
        }
    }

    /// The operations on top of which it was made; none for a CREATE.
    #[must_use]
    pub fn previous(&self) -> Option<&DocumentViewId> {
        match &self.operation {
            CheckedOperation::Create { .. } => None,
            CheckedOperation::Update { previous, .. }
            | CheckedOperation::Delete { previous, .. } => Some(previous),
        }
    }

    /// The fields that it writes; none for a DELETE.
    #[must_use]
    pub fn fields(&self) -> Option<&TypedFields> {
        match &self.operation {
            CheckedOperation::Create { fields, .. } | CheckedOperation::Update { fields, .. } => {
                Some(fields)
            }
            CheckedOperation::Delete { .. } => None,
        }
    }

    /// The values that it writes, by field name; none for a DELETE.
    pub fn writes(&self) -> impl Iterator<Item = (&FieldName, &Value)> {
        self.fields().into_iter().flatten().map(|(name, value)| (name, value))
    }

    /// What the graph needs to know of it.
    #[must_use]
    pub fn node(&self) -> GraphNode<'_> {
        let kind = match &self.operation {
            CheckedOperation::Create { .. } => NodeKind::Create,
            CheckedOperation::Update { previous, .. } => NodeKind::Update { previous },
            CheckedOperation::Delete { previous, .. } => NodeKind::Delete { previous },
        };
        GraphNode { id: self.id, kind, is_void: self.is_void }
    }
}
