//! Operations: how people change documents.
//!
//! ```text
//! CREATE  [1, 0, schema id, fields]             begins a document, with all fields of its schema
//! UPDATE  [1, 1, schema id, previous, fields]   changes some fields
//! DELETE  [1, 2, schema id, previous]           ends it
//! ```

use crate::{DocumentViewId, Fields, SchemaId};

/// One change of a document, the payload of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Begins a document.
    Create {
        /// The schema which the document follows.
        schema: SchemaId,
        /// All fields of the schema.
        fields: Fields,
    },
    /// Changes some fields.
    Update {
        /// The schema which the document follows.
        schema: SchemaId,
        /// The state of the document which the author knew.
        previous: DocumentViewId,
        /// The new values; possibly none.
        fields: Fields,
    },
    /// Deletes the document.
    Delete {
        /// The schema which the document follows.
        schema: SchemaId,
        /// The state of the document which the author knew.
        previous: DocumentViewId,
    },
}

/// What an operation does to its document (OP3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Begins it.
    Create,
    /// Changes fields.
    Update,
    /// Ends it.
    Delete,
}

impl Operation {
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
    pub const fn fields(&self) -> Option<&Fields> {
        match self {
            Self::Create { fields, .. } | Self::Update { fields, .. } => Some(fields),
            Self::Delete { .. } => None,
        }
    }
}

impl Action {
    /// The number that stands for it in an encoded operation.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::Create => 0,
            Self::Update => 1,
            Self::Delete => 2,
        }
    }
}
