//! Nodes in the local network, found by multicast DNS as libp2p does it.
//!
//! libp2p's implementation goes on answering when it is dropped, so it has a thread and a runtime
//! of its own, which end with the network.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use if_watch::{IfEvent, tokio::IfWatcher};
use libp2p_core::{Multiaddr, multiaddr::Protocol as Part, transport::ListenerId};
use libp2p_mdns::{Config, Event as MdnsEvent, tokio::Behaviour};
use libp2p_swarm::{ExpiredListenAddr, FromSwarm, NetworkBehaviour, NewListenAddr, ToSwarm};
use tokio::runtime;

use crate::{
    Event, PeerId,
    limits::{ADDRESSES_PER_PEER_MAX, KNOWN_PEERS_MAX},
    network::Inner,
};

/// What is heard is believed for so many intervals of asking.
const INTERVALS_BELIEVED: u32 = 3;

/// Begins to ask and to answer.
pub(super) fn start(
    inner: Arc<Inner>,
    listening: SocketAddr,
    interval: Duration,
) -> io::Result<()> {
    let name = "pandan-mdns".to_owned();
    thread::Builder::new().name(name).spawn(move || run(&inner, listening, interval))?;
    Ok(())
}

fn run(inner: &Arc<Inner>, listening: SocketAddr, interval: Duration) {
    loop {
        let outcome = runtime::Builder::new_current_thread().enable_all().build().and_then(
            // The runtime ends with each round, and with it all that libp2p left running in it.
            |runtime| runtime.block_on(round(inner, listening, interval)),
        );
        match outcome {
            Ok(Outcome::Stopped) => return,
            Ok(Outcome::Full) => {
                tracing::warn!("the local network is full of nodes, starting over")
            }
            Err(error) => {
                tracing::warn!(%error, "cannot look around in the local network");
                return;
            }
        }
    }
}

enum Outcome {
    Stopped,
    /// libp2p remembers all that it hears of and knows no bound.
    Full,
}

async fn round(
    inner: &Arc<Inner>,
    listening: SocketAddr,
    interval: Duration,
) -> io::Result<Outcome> {
    let mut lookout = Lookout::new(inner.me, listening, interval)?;
    let stopped = inner.stopped();
    tokio::pin!(stopped);
    loop {
        let found = tokio::select! {
            () = &mut stopped => return Ok(Outcome::Stopped),
            found = lookout.next() => found?,
        };
        for (peer, addresses) in found {
            inner.tell_if_room(Event::Discovered { peer, addresses: addresses.clone() });
            inner.keeper.found(peer, addresses).await;
        }
        if lookout.is_full() {
            // Not at once, so that a flood costs little.
            tokio::select! {
                () = &mut stopped => return Ok(Outcome::Stopped),
                () = tokio::time::sleep(interval) => return Ok(Outcome::Full),
            }
        }
    }
}

/// Both halves of the local network, and the interfaces to it.
struct Lookout {
    listening: SocketAddr,
    interfaces: IfWatcher,
    /// libp2p's does either IPv4 or IPv6.
    behaviours: [Behaviour; 2],
}

impl Lookout {
    fn new(me: PeerId, listening: SocketAddr, interval: Duration) -> io::Result<Self> {
        let me = libp2p_core::PeerId::from_bytes(&me.to_bytes()).map_err(io::Error::other)?;
        let behaviour = |enable_ipv6| {
            let ttl = interval.saturating_mul(INTERVALS_BELIEVED);
            Behaviour::new(Config { ttl, query_interval: interval, enable_ipv6 }, me)
        };
        let behaviours = [behaviour(false)?, behaviour(true)?];
        Ok(Self { listening, interfaces: IfWatcher::new()?, behaviours })
    }

    fn is_full(&self) -> bool {
        self.behaviours.iter().any(|behaviour| behaviour.discovered_nodes().len() > KNOWN_PEERS_MAX)
    }

    /// Waits for nodes.
    async fn next(&mut self) -> io::Result<BTreeMap<PeerId, Vec<SocketAddr>>> {
        enum Seen {
            Interface(io::Result<IfEvent>),
            Nodes(Vec<(libp2p_core::PeerId, Multiaddr)>),
        }
        loop {
            let seen = poll_fn(|context| {
                if let Poll::Ready(event) = self.interfaces.poll_if_event(context) {
                    return Poll::Ready(Seen::Interface(event));
                }
                for behaviour in &mut self.behaviours {
                    while let Poll::Ready(event) = behaviour.poll(context) {
                        if let ToSwarm::GenerateEvent(MdnsEvent::Discovered(nodes)) = event {
                            return Poll::Ready(Seen::Nodes(nodes));
                        }
                    }
                }
                Poll::Pending
            });
            match seen.await {
                Seen::Interface(event) => self.announce(&event?),
                Seen::Nodes(nodes) => return Ok(sort(nodes)),
            }
        }
    }

    /// Says where this node can be reached: libp2p's implementation needs addresses of interfaces.
    fn announce(&mut self, event: &IfEvent) {
        let (IfEvent::Up(network) | IfEvent::Down(network)) = event;
        let address = network.addr();
        if !is_reachable_at(self.listening, address) {
            return;
        }
        let addr = &multiaddr(SocketAddr::new(address, self.listening.port()));
        let listener_id = ListenerId::next();
        for behaviour in &mut self.behaviours {
            behaviour.on_swarm_event(match event {
                IfEvent::Up(_) => FromSwarm::NewListenAddr(NewListenAddr { listener_id, addr }),
                IfEvent::Down(_) => {
                    FromSwarm::ExpiredListenAddr(ExpiredListenAddr { listener_id, addr })
                }
            });
        }
    }
}

/// Whether a socket that is bound like this receives what is sent to an address of an interface,
/// and others can name that address.
fn is_reachable_at(listening: SocketAddr, interface: IpAddr) -> bool {
    let link_local = match interface {
        IpAddr::V6(address) => address.is_unicast_link_local(),
        IpAddr::V4(_) => false,
    };
    let bound = if listening.ip().is_unspecified() {
        listening.is_ipv6() || interface.is_ipv4()
    } else {
        listening.ip() == interface
    };
    bound && !link_local && !interface.is_loopback()
}

fn multiaddr(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip()).with(Part::Udp(address.port())).with(Part::QuicV1)
}

/// The address of a node, if it is one of QUIC.
fn socket_addr(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Part::Ip4(ip) => IpAddr::V4(ip),
        Part::Ip6(ip) => IpAddr::V6(ip),
        _ => return None,
    };
    match (parts.next()?, parts.next()?) {
        (Part::Udp(port), Part::QuicV1) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

/// The nodes whose kind of key and address this node can do something with.
fn sort(nodes: Vec<(libp2p_core::PeerId, Multiaddr)>) -> BTreeMap<PeerId, Vec<SocketAddr>> {
    let mut sorted = BTreeMap::<_, Vec<_>>::new();
    for (peer, address) in nodes {
        let Ok(peer) = PeerId::from_bytes(&peer.to_bytes()) else { continue };
        let Some(address) = socket_addr(&address) else { continue };
        let addresses = sorted.entry(peer).or_default();
        if addresses.len() < ADDRESSES_PER_PEER_MAX {
            addresses.push(address);
        }
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_quic() {
        let address: SocketAddr = "192.0.2.1:2022".parse().unwrap();
        assert_eq!(socket_addr(&multiaddr(address)), Some(address));
        for other in ["/ip4/192.0.2.1/tcp/1", "/dns/a/udp/1/quic-v1", "/ip4/192.0.2.1"] {
            assert_eq!(socket_addr(&other.parse().unwrap()), None, "{other}");
        }
    }

    #[test]
    fn only_addresses_that_others_can_use_are_announced() {
        for (listening, interface, expected) in [
            ("0.0.0.0:1", "192.0.2.1", true),
            ("0.0.0.0:1", "2001:db8::1", false),
            ("[::]:1", "192.0.2.1", true),
            ("[::]:1", "2001:db8::1", true),
            ("[::]:1", "fe80::1", false),
            ("0.0.0.0:1", "127.0.0.1", false),
            ("192.0.2.1:1", "192.0.2.1", true),
            ("192.0.2.1:1", "192.0.2.2", false),
        ] {
            let listening = listening.parse().unwrap();
            let found = is_reachable_at(listening, interface.parse().unwrap());
            assert_eq!(found, expected, "{listening} {interface}");
        }
    }
}
