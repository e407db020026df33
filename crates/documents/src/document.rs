//! A document: what its operations come to.

use alloc::vec::Vec;

use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId, OperationId, SchemaId};

use crate::view::extends;
use crate::{BuildError, DocumentOperation, DocumentView, ExtendError, History};

/// A document in one of its states, without the operations that it was made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub(crate) id: DocumentId,
    pub(crate) schema: SchemaId,
    pub(crate) author: PublicKey,
    pub(crate) view: DocumentView,
    pub(crate) tips: DocumentViewId,
    pub(crate) order: Vec<OperationId>,
    pub(crate) is_withdrawn: bool,
}

impl Document {
    /// Builds a document from all its operations, in whatever order they come.
    pub fn build(
        operations: impl IntoIterator<Item = DocumentOperation>,
    ) -> Result<Self, BuildError> {
        History::new(operations)?.document()
    }

    /// Builds an earlier state of a document: what the operations that `view` names and all their
    /// ancestors come to.
    ///
    /// The id of the state is computed from its tips, so it can be shorter than what was asked
    /// for: the state of an operation and its ancestor is that of the operation.
    pub fn build_view(
        operations: impl IntoIterator<Item = DocumentOperation>,
        view: &DocumentViewId,
    ) -> Result<Self, BuildError> {
        History::new(operations)?.document_at(view)
    }

    /// The hash of the CREATE.
    #[must_use]
    pub const fn id(&self) -> DocumentId {
        self.id
    }

    /// The schema that the CREATE claims and all others follow.
    #[must_use]
    pub const fn schema(&self) -> &SchemaId {
        &self.schema
    }

    /// Who wrote the CREATE.
    #[must_use]
    pub const fn author(&self) -> PublicKey {
        self.author
    }

    /// The state.
    #[must_use]
    pub const fn view(&self) -> &DocumentView {
        &self.view
    }

    /// Whether its CREATE is void, since its author forked the log that begins with it. Such a
    /// document counts as deleted (PN34), under the view id of its CREATE, whatever else there is of it.
    #[must_use]
    pub const fn is_withdrawn(&self) -> bool {
        self.is_withdrawn
    }

    /// The operations that no other refers to: the view id, unless the document is deleted.
    #[must_use]
    pub const fn tips(&self) -> &DocumentViewId {
        &self.tips
    }

    /// All operations that the state consists of, each once and behind all those that it refers
    /// to. In a deleted document what comes after the DELETE that counts has no effect, and void
    /// operations have none in the latest state.
    #[must_use]
    pub fn order(&self) -> &[OperationId] {
        &self.order
    }

    /// Gives the state away.
    #[must_use]
    pub fn into_view(self) -> DocumentView {
        self.view
    }

    /// Adds an operation that names all tips and nothing else, in time that does not depend on
    /// the length of the history; see [`DocumentView::extend`].
    ///
    /// Void operations change nothing, and in a withdrawn document nothing changes anything.
    pub fn extend(&mut self, operation: DocumentOperation) -> Result<(), ExtendError> {
        let id = operation.id;
        let previous = operation.previous().ok_or(ExtendError::Create { operation: id })?;
        let is_void = operation.is_void || self.is_withdrawn;
        if !is_void && !extends(previous, &self.tips) {
            return Err(ExtendError::NotAtTip { operation: id });
        }
        if *operation.schema() != self.schema {
            return Err(ExtendError::OtherSchema {
                operation: id,
                expected: self.schema.clone(),
                found: operation.schema().clone(),
            });
        }
        if is_void {
            return Ok(());
        }
        if !self.view.is_deleted() {
            self.view.extend(operation)?;
        }
        self.tips = id.into();
        self.order.push(id);
        Ok(())
    }
}
