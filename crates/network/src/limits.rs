//! Sizes, counts and rates that nothing from outside can exceed.
//!
//! Constants that are defaults of [`Limits`](crate::Limits) say so; the others are fixed.

use std::time::Duration;

/// Connections at the same time, incoming and outgoing together. Default of
/// [`Limits::connections`](crate::Limits::connections).
pub const CONNECTIONS_MAX: usize = 256;

/// Connections that others opened. Default of
/// [`Limits::connections_incoming`](crate::Limits::connections_incoming): it leaves room for those
/// that this node opens itself.
pub const CONNECTIONS_INCOMING_MAX: usize = 192;

/// Incoming connections of one address (IPv4) or one /64 network (IPv6). Default of
/// [`Limits::connections_per_address`](crate::Limits::connections_per_address).
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 16;

/// Incoming connections that are not authenticated yet. Default of
/// [`Limits::handshakes`](crate::Limits::handshakes).
pub const HANDSHAKES_MAX: usize = 64;

/// Handshakes that one address may begin at once. Default of
/// [`Limits::handshakes_per_address`](crate::Limits::handshakes_per_address).
pub const HANDSHAKES_PER_ADDRESS_MAX: u64 = 16;

/// Handshakes that one address may begin in each further second. Default of
/// [`Limits::handshakes_per_address_second`](crate::Limits::handshakes_per_address_second).
pub const HANDSHAKES_PER_ADDRESS_SECOND: u64 = 1;

/// Addresses whose handshakes are counted; beyond it those that knocked longest ago are forgotten.
pub const COUNTED_ADDRESSES_MAX: usize = 4096;

/// Peers that are kept out for a while at the same time; beyond it those whose time is over first are
/// forgotten.
pub const KEPT_OUT_MAX: usize = 4096;

/// Connections that this node tries to open at the same time. Default of
/// [`Limits::dials`](crate::Limits::dials).
pub const DIALS_MAX: usize = 32;

/// Time for a connection to become usable: TLS handshake, proof of the network key, agreement on
/// which of two connections stays. Default of
/// [`Config::handshake_timeout`](crate::Config::handshake_timeout).
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// Streams that a peer may have open at the same time. Default of
/// [`Limits::streams`](crate::Limits::streams).
pub const STREAMS_MAX: u32 = 64;

/// Unread bytes of one stream. Default of
/// [`Limits::stream_window_bytes`](crate::Limits::stream_window_bytes).
pub const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;

/// Unread bytes of all streams of one peer. Default of
/// [`Limits::connection_window_bytes`](crate::Limits::connection_window_bytes).
pub const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// Unread bytes of all streams of somebody who has not said hello yet, who may be a stranger to a
/// private network.
pub const UNGREETED_WINDOW_BYTES: u32 = 16 * 1024;

/// Bytes on their way to one peer that it has not confirmed. Default of
/// [`Limits::send_window_bytes`](crate::Limits::send_window_bytes).
pub const SEND_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// Bytes that are read from one peer each second. Default of
/// [`Limits::bytes_per_second`](crate::Limits::bytes_per_second).
pub const BYTES_PER_SECOND: u64 = 64 * 1024 * 1024;

/// The longest frame that a protocol may be configured to carry, in bytes.
pub const FRAME_LENGTH_MAX: u32 = 16 * 1024 * 1024;

/// The longest chunk that a protocol without frames delivers at once, in bytes.
pub const CHUNK_LENGTH_MAX: usize = 64 * 1024;

/// The longest name of a protocol, in bytes.
pub const PROTOCOL_NAME_LENGTH_MAX: usize = 256;

/// Protocols that one stream may ask for before it is given up.
pub const PROPOSALS_MAX: usize = 16;

/// Time to open a stream and to agree on its protocol.
pub const NEGOTIATION_TIME: Duration = Duration::from_secs(10);

/// The longest certificate that is looked at, in bytes; libp2p's have some hundred.
pub const CERTIFICATE_LENGTH_MAX: usize = 4096;

/// Events at once that tell of refusals; when there are many, one stands for several.
pub const REFUSALS_TOLD_MAX: u64 = 64;

/// Events in each further second that tell of refusals.
pub const REFUSALS_TOLD_SECOND: u64 = 8;

/// Events that wait for the embedder. When it does not take them, refusals and discoveries are
/// dropped, and new connections wait.
pub const EVENTS_MAX: usize = 256;

/// Socket addresses that are tried for one name.
pub const RESOLVED_ADDRESSES_MAX: usize = 8;

/// The longest host name, in bytes (RFC 1035, 2.3.4).
pub const HOST_LENGTH_MAX: usize = 253;

/// Peers that are remembered, in memory and in the peers file.
pub const KNOWN_PEERS_MAX: usize = 1024;

/// Addresses that are remembered of one peer.
pub const ADDRESSES_PER_PEER_MAX: usize = 8;

/// How many of them may be those at which it was connected; only these are in the peers file.
pub const PROVEN_ADDRESSES_PER_PEER_MAX: usize = 4;

/// Bytes of a peers file that are read.
pub const PEERS_FILE_LENGTH_MAX: u64 = 1024 * 1024;

/// Bytes of one address in a peers file.
pub const PEERS_FILE_LINE_LENGTH_MAX: usize = 4096;
