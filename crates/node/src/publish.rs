//! Why an entry was not published, and why no arguments for a next one can be given.

use std::error::Error as StdError;
use std::sync::Arc;

use pandan_admission::Refusal;
use pandan_operations::OperationId;
use pandan_store::StoreError;
use thiserror::Error;

use crate::graphql::{self, code};

/// Why an entry was not published.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum PublishError {
    /// It broke a rule.
    #[error(transparent)]
    Refused(Arc<Refusal>),
    /// It is published already.
    #[error("entry {0} is published already")]
    Known(OperationId),
    /// It is published, and was the last one of its log: there are no next arguments.
    #[error("entry {0} is published and ends its log, so there is no next entry")]
    LogEnded(OperationId),
    /// The store failed; nothing was written.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// The node is stopping.
    #[error("the node is stopping and takes no more entries")]
    Stopping,
    /// The node failed; nothing was written.
    #[error("the node failed to store the entry")]
    Internal,
}

impl PublishError {
    /// What happened, for programs; codes do not change.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Known(_) => "ALREADY_PUBLISHED",
            Self::LogEnded(_) => code::LOG_ENDED,
            Self::Store(error) => store_code(error),
            Self::Stopping => code::STOPPING,
            Self::Internal => code::INTERNAL,
        }
    }

    /// The requirement of the p2panda specification that was broken.
    #[must_use]
    pub fn requirement(&self) -> Option<&'static str> {
        if let Self::Refused(refusal) = self { refusal.requirement() } else { None }
    }

    pub(crate) fn to_graphql(&self) -> graphql::Error {
        graphql::Error::new(self.code(), chain(self)).with_requirement(self.requirement())
    }
}

/// The code of a failing store.
pub(crate) const fn store_code(error: &StoreError) -> &'static str {
    match error {
        StoreError::Full => code::STORAGE_FULL,
        StoreError::ForeignCursor => code::CURSOR,
        StoreError::Cancelled => code::TIMEOUT,
        _ => code::STORAGE,
    }
}

/// An error and what caused it, in one line.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text = text + ": " + &inner_text;
        }
        source = inner.source();
    }
    text
}
