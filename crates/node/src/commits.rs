//! News of what was stored.

use std::sync::Arc;

use pandan_store::Committed;
use thiserror::Error;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// What a node stores, from the moment of subscribing.
#[derive(Debug)]
pub struct Commits(broadcast::Receiver<Arc<Committed>>);

/// A subscriber was too slow, and commits were left out. What was stored can be read from the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{missed} commits were missed")]
pub struct Missed {
    /// How many.
    pub missed: u64,
}

impl Commits {
    pub(crate) const fn new(receiver: broadcast::Receiver<Arc<Committed>>) -> Self {
        Self(receiver)
    }

    /// Waits for the next commit; none when the node has stopped.
    pub async fn next(&mut self) -> Option<Result<Arc<Committed>, Missed>> {
        match self.0.recv().await {
            Ok(committed) => Some(Ok(committed)),
            Err(RecvError::Lagged(missed)) => Some(Err(Missed { missed })),
            Err(RecvError::Closed) => None,
        }
    }
}
