//! How QUIC is set up.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use pandan_identity::KeyPair;
use quinn::{
    ConnectionId, ConnectionIdGenerator, Endpoint, EndpointConfig, IdleTimeout, TokioRuntime,
    TransportConfig, VarInt,
    crypto::{CryptoError, HmacKey},
};

use crate::{
    BindError, Config, Limits,
    limits::{CONNECTION_WINDOW_BYTES, UNGREETED_WINDOW_BYTES},
    tls::{Identity, Verdict},
};

/// QUIC version 1; no drafts.
const VERSION: u32 = 1;

/// Bytes that are kept of all attempts together before they are judged, which happens at once.
const UNJUDGED_BYTES_MAX: u64 = CONNECTION_WINDOW_BYTES as u64;

/// For all connections, both ways, as long as nobody has said hello; see [`open_window`].
pub(crate) fn connection(config: &Config) -> Result<TransportConfig, BindError> {
    let limits = &config.limits;
    let mut transport = TransportConfig::default();
    transport
        // One stream is the hello's at the beginning.
        .max_concurrent_bidi_streams(VarInt::from_u32(limits.streams.max(1)))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(limits.stream_window_bytes))
        .receive_window(VarInt::from_u32(
            limits.connection_window_bytes.min(UNGREETED_WINDOW_BYTES),
        ))
        .send_window(limits.send_window_bytes.into())
        .keep_alive_interval(Some(config.keep_alive))
        .max_idle_timeout(Some(IdleTimeout::try_from(config.idle_timeout)?));
    Ok(transport)
}

/// Gives a peer the room that it may have, now that it is known to be one of this network.
pub(crate) fn open_window(connection: &quinn::Connection, limits: &Limits) {
    connection.set_receive_window(VarInt::from_u32(limits.connection_window_bytes));
}

/// The endpoint on its socket.
pub(crate) fn endpoint(
    config: &Config,
    key_pair: &KeyPair,
    identity: &Identity,
    socket: UdpSocket,
) -> Result<Endpoint, BindError> {
    let mut endpoint = EndpointConfig::new(Arc::new(ResetKey::of(key_pair)));
    endpoint.supported_versions(vec![VERSION]);
    let ids = identity.random()?;
    endpoint.cid_generator(move || Box::new(Ids { seed: ids, drawn: 0 }));
    // Each attempt gets a configuration of its own when it is let in; this one is for packets
    // before that.
    let mut server = identity.server(Arc::new(|_| Ok(())), Verdict::default())?;
    server
        .max_incoming(config.limits.handshakes.max(1))
        .incoming_buffer_size_total(UNJUDGED_BYTES_MAX);
    Ok(Endpoint::new(endpoint, Some(server), socket, Arc::new(TokioRuntime))?)
}

/// Makes the tokens with which a node says that it does not remember a connection. As they follow
/// from the node key, a node that was started anew can say so of connections from before, and peers
/// need not wait until they are sure that nobody is there.
struct ResetKey([u8; 32]);

impl ResetKey {
    fn of(key_pair: &KeyPair) -> Self {
        let context = "pandan-network 2026 stateless reset";
        Self(blake3::derive_key(context, key_pair.seed().as_ref()))
    }

    fn mac(&self, data: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(&self.0, data)
    }
}

impl HmacKey for ResetKey {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        let mac = self.mac(data);
        for (out, byte) in signature_out.iter_mut().zip(mac.as_bytes()) {
            *out = *byte;
        }
    }

    fn signature_len(&self) -> usize {
        blake3::OUT_LEN
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        // The comparison of hashes takes the same time wherever they differ.
        if self.mac(data) == *signature { Ok(()) } else { Err(CryptoError) }
    }
}

/// Draws the ids by which this node knows its connections.
///
/// quinn's own ids can be told from those of an earlier start, and packets that carry one of those
/// are left unanswered: just the ones that the reset key is for. These are random in all of their
/// bytes, so nobody can have made this node tell the reset token of an id that it will draw. quinn
/// bounds how many packets of unknown connections are answered.
struct Ids {
    seed: [u8; 32],
    drawn: u64,
}

const ID_LENGTH: usize = 8;

impl ConnectionIdGenerator for Ids {
    fn generate_cid(&mut self) -> ConnectionId {
        self.drawn = self.drawn.wrapping_add(1);
        let hash = blake3::keyed_hash(&self.seed, &self.drawn.to_be_bytes());
        ConnectionId::new(&hash.as_bytes()[..ID_LENGTH])
    }

    fn cid_len(&self) -> usize {
        ID_LENGTH
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}
