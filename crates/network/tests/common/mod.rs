//! What tests of networks share.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(dead_code, reason = "each test uses a part")]

use std::net::SocketAddr;
use std::time::Duration;

use pandan_identity::KeyPair;
use pandan_network::{
    Bytes, Config, Connection, Disconnect, Event, Handle, Network, PeerId, Protocol,
};

/// Frames of the test protocol have at most so many bytes.
pub(crate) const FRAME_MAX: u32 = 1000;

/// Long enough for a slow machine; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn key(seed: u8) -> KeyPair {
    KeyPair::from_seed(&[seed; 32])
}

pub(crate) fn peer(seed: u8) -> PeerId {
    key(seed).public_key().into()
}

pub(crate) fn localhost() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

pub(crate) fn frames() -> Protocol {
    Protocol::frames(Protocol::PANDAN, FRAME_MAX).unwrap()
}

pub(crate) fn chunks() -> Protocol {
    Protocol::chunks(Protocol::P2PANDA).unwrap()
}

pub(crate) fn config() -> Config {
    let mut config = Config::new(localhost());
    config.protocols = vec![frames(), chunks()];
    config.seed = Some([0; 32]);
    (config.handshake_timeout, config.idle_timeout) = (PATIENCE, PATIENCE);
    // All nodes of a test share one address.
    config.limits.handshakes_per_address = 1000;
    config
}

pub(crate) struct Node {
    seed: u8,
    pub(crate) network: Network,
    pub(crate) handle: Handle,
    pub(crate) peer: PeerId,
    pub(crate) address: SocketAddr,
}

impl Node {
    pub(crate) fn start(seed: u8) -> Self {
        Self::with(seed, config())
    }

    pub(crate) fn with(seed: u8, config: Config) -> Self {
        Self { seed, ..Self::from_network(Network::bind(config, &key(seed)).unwrap()) }
    }

    fn from_network(network: Network) -> Self {
        let handle = network.handle();
        let address = handle.local_address().unwrap();
        Self { seed: 0, peer: handle.peer(), network, handle, address }
    }

    /// Stops the node and starts it again at the same address.
    pub(crate) async fn restart(self) -> Self {
        let Self { seed, address, network, handle, .. } = self;
        drop(handle);
        network.shutdown().await;
        Self::start_at(seed, address).await
    }

    /// Starts a node again at the same address, of which all tasks are gone.
    pub(crate) async fn restart_after_crash(self) -> Self {
        let (seed, address) = (self.seed, self.address);
        drop(self);
        Self::start_at(seed, address).await
    }

    async fn start_at(seed: u8, address: SocketAddr) -> Self {
        let mut config = config();
        config.bind = address;
        let start = async {
            loop {
                // The socket is closed when the last task that uses it has come to its end.
                match Network::bind(config.clone(), &key(seed)) {
                    Ok(network) => break network,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        let network = tokio::time::timeout(PATIENCE, start).await.expect("the address is free");
        Self { seed, ..Self::from_network(network) }
    }

    /// The first event that is wanted.
    pub(crate) async fn wait<T>(&mut self, want: impl Fn(Event) -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = want(self.network.next_event().await) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.expect("the event comes")
    }

    pub(crate) async fn connected(&mut self) -> Connection {
        self.wait(|event| match event {
            Event::PeerConnected(connection) => Some(connection),
            _ => None,
        })
        .await
    }

    pub(crate) async fn disconnected(&mut self) -> (PeerId, Disconnect) {
        self.wait(|event| match event {
            Event::PeerDisconnected { peer, reason } => Some((peer, reason)),
            _ => None,
        })
        .await
    }

    pub(crate) async fn refused(&mut self) -> pandan_network::RefusalReason {
        self.wait(|event| match event {
            Event::Refused { reason, .. } => Some(reason),
            _ => None,
        })
        .await
    }
}

/// Two nodes that are connected, the first one having dialled.
pub(crate) async fn pair() -> ((Node, Connection), (Node, Connection)) {
    let (mut first, mut second) = (Node::start(1), Node::start(2));
    let near = first.handle.dial(second.address, Some(second.peer)).await.unwrap();
    first.connected().await;
    let far = second.connected().await;
    ((first, near), (second, far))
}

/// Sends a frame over a new stream and receives it at the other end.
pub(crate) async fn exchange(near: &Connection, far: &Connection) {
    let mut there = near.open(&frames()).await.unwrap();
    there.sender.send("ping").await.unwrap();
    let mut here = far.accept().await.unwrap();
    assert_eq!(here.receiver.receive().await, Ok(Some(Bytes::from("ping"))));
    here.sender.send("pong").await.unwrap();
    assert_eq!(there.receiver.receive().await, Ok(Some(Bytes::from("pong"))));
}
