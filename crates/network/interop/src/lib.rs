//! A node of rust-libp2p, as it is without anything of ours, and what deployed nodes say over it,
//! for tests.

#![forbid(unsafe_code)]

#[cfg(feature = "nodes")]
pub mod cbor;
#[cfg(feature = "nodes")]
pub mod deployed;

use std::time::Duration;

use futures::StreamExt;
use libp2p_core::{Multiaddr, Transport, muxing::StreamMuxerBox};
use libp2p_identity::Keypair;
use libp2p_stream::Control;
use libp2p_swarm::{NetworkBehaviour, Swarm, SwarmEvent, behaviour::toggle::Toggle};

/// Time for handshakes and pings, enough on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// Streams for anybody, and pings; or questions who the peer is.
#[derive(NetworkBehaviour)]
#[behaviour(prelude = "libp2p_swarm::derive_prelude")]
pub struct Behaviour {
    stream: libp2p_stream::Behaviour,
    ping: Toggle<libp2p_ping::Behaviour>,
    identify: Toggle<libp2p_identify::Behaviour>,
}

/// The node.
pub struct Libp2p {
    /// Dials and tells what happens.
    pub swarm: Swarm<Behaviour>,
    /// Opens and takes streams.
    pub control: Control,
}

impl Libp2p {
    /// A node with a key of its own that listens here, and keeps connections.
    pub async fn listen(address: &str) -> (Self, Multiaddr) {
        let config = libp2p_ping::Config::new();
        let config = config.with_interval(Duration::from_millis(50)).with_timeout(PATIENCE);
        let ping = Some(libp2p_ping::Behaviour::new(config));
        Self::start(address, Duration::from_secs(3600), ping, false).await
    }

    /// A node that closes connections without streams at once, as deployed ones do. Those that are
    /// relays ask a peer who it is first.
    pub async fn impatient_relay(address: &str) -> (Self, Multiaddr) {
        Self::start(address, Duration::ZERO, None, true).await
    }

    async fn start(
        address: &str,
        idle: Duration,
        ping: Option<libp2p_ping::Behaviour>,
        identifies: bool,
    ) -> (Self, Multiaddr) {
        let key = Keypair::generate_ed25519();
        let mut quic = libp2p_quic::Config::new(&key);
        quic.handshake_timeout = PATIENCE;
        let transport = libp2p_quic::tokio::Transport::new(quic)
            .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)))
            .boxed();
        let identify = libp2p_identify::Config::new("aquadoggo/1.0.0".into(), key.public());
        let identify = identifies.then(|| libp2p_identify::Behaviour::new(identify));
        let stream = libp2p_stream::Behaviour::new();
        let behaviour = Behaviour { stream, ping: ping.into(), identify: identify.into() };
        let config = libp2p_swarm::Config::with_tokio_executor().with_idle_connection_timeout(idle);
        let mut swarm = Swarm::new(transport, behaviour, key.public().to_peer_id(), config);
        swarm.listen_on(address.parse().expect("an address")).expect("a listener");
        let control = swarm.behaviour().stream.new_control();
        let mut node = Self { swarm, control };
        let address = node
            .until(|event| match event {
                SwarmEvent::NewListenAddr { address, .. } => Some(address),
                _ => None,
            })
            .await;
        (node, address)
    }

    /// Waits for an event.
    pub async fn until<T>(&mut self, want: impl Fn(SwarmEvent<BehaviourEvent>) -> Option<T>) -> T {
        loop {
            if let Some(found) = want(self.swarm.select_next_some().await) {
                return found;
            }
        }
    }

    /// Goes on in the background, for those who are interested in streams only.
    pub fn run(self) -> Control {
        let control = self.control.clone();
        tokio::spawn(self.run_on());
        control
    }

    async fn run_on(mut self) {
        loop {
            self.swarm.select_next_some().await;
        }
    }
}
