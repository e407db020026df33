//! News of what was stored, and of forks.

use std::sync::Arc;

use pandan_store::{Committed, Frozen};
use thiserror::Error;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// What a node stores, from the moment of subscribing.
#[derive(Debug)]
pub struct Commits(broadcast::Receiver<Arc<Committed>>);

/// Forks that a node finds or is told of, from the moment of subscribing.
#[derive(Debug)]
pub struct Forks(broadcast::Receiver<Arc<Frozen>>);

/// A subscriber was too slow, and news were left out. What was stored can be read from the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{missed} news were missed")]
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
        next(&mut self.0).await
    }
}

impl Forks {
    pub(crate) const fn new(receiver: broadcast::Receiver<Arc<Frozen>>) -> Self {
        Self(receiver)
    }

    /// Waits for the next log that is frozen, or from an earlier place on; none when the node has
    /// stopped.
    pub async fn next(&mut self) -> Option<Result<Arc<Frozen>, Missed>> {
        next(&mut self.0).await
    }
}

async fn next<T>(receiver: &mut broadcast::Receiver<Arc<T>>) -> Option<Result<Arc<T>, Missed>> {
    match receiver.recv().await {
        Ok(news) => Some(Ok(news)),
        Err(RecvError::Lagged(missed)) => Some(Err(Missed { missed })),
        Err(RecvError::Closed) => None,
    }
}
