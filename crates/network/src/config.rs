//! What a network is to be like.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::{AccessList, Address, NetworkKey, PeerId, Protocol, limits};

/// How a node takes part.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where to listen, and from where to dial. Port 0 is any free port. `[::]` is IPv6 and IPv4.
    pub bind: SocketAddr,
    /// The protocols that streams may carry. A peer that asks for others is told that they are not
    /// available.
    pub protocols: Vec<Protocol>,
    /// Nodes to be connected with at all times, and who is expected there, if that is known.
    pub addresses: Vec<(Address, Option<PeerId>)>,
    /// Look for nodes in the local network, and be found there (feature `mdns`).
    pub mdns: bool,
    /// How often to ask the local network. Default: 10 s.
    pub mdns_interval: Duration,
    /// A file that remembers peers. Who is in it is dialled after a start.
    pub peers_file: Option<PathBuf>,
    /// The key of a private network. Without it the network is open.
    pub network_key: Option<NetworkKey>,
    /// Whether to begin with a hello where the peer does, too. Without it this node is to all
    /// others what nodes of libp2p are. In a private network there is a hello always. Default:
    /// true.
    pub greets: bool,
    /// Who may be connected.
    pub access: AccessList,
    /// Sizes, counts and rates.
    pub limits: Limits,
    /// How often a silent connection shows that it is alive. Default: 5 s.
    pub keep_alive: Duration,
    /// How long nothing may be heard of a peer. Both sides keep connections alive, so this ends
    /// those to peers that are gone, never those that are merely idle. Default: 30 s.
    pub idle_timeout: Duration,
    /// Time to set up a connection. Default: [`limits::HANDSHAKE_TIME`].
    pub handshake_timeout: Duration,
    /// How to wait before a node is dialled again.
    pub backoff: Backoff,
    /// Seed of the random part of waiting; `None` takes one from the operating system.
    pub seed: Option<[u8; 32]>,
}

impl Config {
    /// Listens here, speaks no protocol, knows nobody.
    #[must_use]
    pub fn new(bind: SocketAddr) -> Self {
        Self {
            bind,
            protocols: Vec::new(),
            addresses: Vec::new(),
            mdns: false,
            mdns_interval: Duration::from_secs(10),
            peers_file: None,
            network_key: None,
            greets: true,
            access: AccessList::default(),
            limits: Limits::default(),
            keep_alive: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(30),
            handshake_timeout: limits::HANDSHAKE_TIME,
            backoff: Backoff::default(),
            seed: None,
        }
    }
}

/// Waiting times between attempts to reach a node: twice as long after each failure, and each one
/// shortened by chance by up to a half, so that nodes which lost each other at the same time do not
/// come back at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first one. Default: 1 s.
    pub first: Duration,
    /// The longest one. Default: 5 min.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_secs(300) }
    }
}

/// Limits that a node may set for itself. The defaults are in [`limits`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is documented at the constant that is its default")]
pub struct Limits {
    pub connections: usize,
    pub connections_incoming: usize,
    pub connections_per_address: usize,
    pub handshakes: usize,
    pub handshakes_per_address: u64,
    pub handshakes_per_address_second: u64,
    pub dials: usize,
    pub streams: u32,
    pub stream_window_bytes: u32,
    pub connection_window_bytes: u32,
    pub send_window_bytes: u32,
    pub bytes_per_second: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: limits::CONNECTIONS_MAX,
            connections_incoming: limits::CONNECTIONS_INCOMING_MAX,
            connections_per_address: limits::CONNECTIONS_PER_ADDRESS_MAX,
            handshakes: limits::HANDSHAKES_MAX,
            handshakes_per_address: limits::HANDSHAKES_PER_ADDRESS_MAX,
            handshakes_per_address_second: limits::HANDSHAKES_PER_ADDRESS_SECOND,
            dials: limits::DIALS_MAX,
            streams: limits::STREAMS_MAX,
            stream_window_bytes: limits::STREAM_WINDOW_BYTES,
            connection_window_bytes: limits::CONNECTION_WINDOW_BYTES,
            send_window_bytes: limits::SEND_WINDOW_BYTES,
            bytes_per_second: limits::BYTES_PER_SECOND,
        }
    }
}
