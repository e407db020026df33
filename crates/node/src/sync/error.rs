//! Why a node does not replicate.

use pandan_network::{BindError, ProtocolError};
use thiserror::Error;

/// Why replication did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReplicationError {
    /// The network could not be started.
    #[error(transparent)]
    Network(#[from] BindError),
    /// The address of the socket is not known.
    #[error("the address of the socket is not known")]
    Address(#[from] std::io::Error),
    /// A protocol has a name that cannot be.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// The key of the node cannot be read or made.
    #[error("the key of the node cannot be used: {0}")]
    Key(#[from] pandan_identity::KeyFileError),
}
