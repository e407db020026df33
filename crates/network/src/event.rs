//! What a network tells its embedder.

use std::net::SocketAddr;

use thiserror::Error;

use crate::{CertificateError, Connection, Disconnect, PeerId};

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The peer.
    Incoming,
    /// This node.
    Outgoing,
}

/// Something happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The node can be reached here.
    Listening {
        /// The address of its socket.
        address: SocketAddr,
    },
    /// A peer is connected. There is one connection for each peer, and the events of one peer take
    /// turns: connected, disconnected, connected…
    PeerConnected(Connection),
    /// A peer is not connected any more.
    PeerDisconnected {
        /// Who.
        peer: PeerId,
        /// Why.
        reason: Disconnect,
    },
    /// A peer was found in the local network. If it may be connected, it is dialled.
    Discovered {
        /// Who it says it is.
        peer: PeerId,
        /// Where it says it can be reached.
        addresses: Vec<SocketAddr>,
    },
    /// Somebody was not let in. When there are many, one event stands for several.
    Refused {
        /// Where the last one came from.
        address: SocketAddr,
        /// Why not.
        reason: RefusalReason,
        /// How many were not let in for a reason of this kind since the last event that says so.
        count: u64,
    },
}

/// Why somebody was not let in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RefusalReason {
    /// All places are taken.
    #[error("too many connections")]
    TooManyConnections,
    /// The address has all the connections that one address may have.
    #[error("too many connections of this address")]
    TooManyConnectionsFromAddress,
    /// Too many connections are not authenticated yet.
    #[error("too many handshakes at the same time")]
    TooManyHandshakes,
    /// The address begins too many handshakes.
    #[error("too many handshakes of this address")]
    TooManyHandshakesFromAddress,
    /// The peer is blocked, or not on the list of those who are allowed.
    #[error("{0} is not allowed")]
    NotAllowed(PeerId),
    /// This node dialled itself.
    #[error("this node dialled itself")]
    Itself,
    /// The certificate does not show a node.
    #[error("certificate does not show a node")]
    Certificate(#[source] CertificateError),
    /// The key of the private network was not proven.
    #[error("key of the private network was not proven")]
    WrongNetwork,
    /// The peer did not keep to the hello.
    #[error("the peer did not keep to the hello")]
    Misbehaved,
    /// The handshake took too long.
    #[error("the handshake took too long")]
    TimedOut,
    /// The handshake failed, for instance because there is no common ALPN name: the other is in no
    /// network, or in another one.
    #[error("the handshake failed")]
    Handshake(#[source] Disconnect),
    /// The node itself is at fault.
    #[error("this node cannot set up TLS")]
    Unavailable,
}
