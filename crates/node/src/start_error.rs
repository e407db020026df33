//! Why a node did not start.

use std::net::SocketAddr;
use std::path::PathBuf;

use pandan_store::StoreError;
use thiserror::Error;

use crate::ReplicationError;

/// Why a node did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The folder for data can not be used.
    #[error("cannot use {path} for data: {source}")]
    Folder {
        /// The folder or a file in it.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another node uses the folder.
    #[error(
        "the data in {path} is in use by another node{}; stop that one, or choose another folder",
        .holder.map(|id| format!(" (process {id})")).unwrap_or_default()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process of the other node, if known.
        holder: Option<u32>,
    },
    /// The store can not be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something else listens there.
    #[error(
        "cannot listen on {address}: the port is taken by another program; stop that one, choose \
         another port, or 0 for any free one"
    )]
    PortTaken {
        /// The address.
        address: SocketAddr,
    },
    /// The address can not be used.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The node cannot take part in a network.
    #[error("cannot replicate with other nodes on {address}: {source}")]
    Replication {
        /// Where it was to listen.
        address: SocketAddr,
        /// Why.
        source: Box<ReplicationError>,
    },
    /// The system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
}
