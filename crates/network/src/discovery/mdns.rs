//! Nodes in the local network, found by multicast DNS as libp2p does it.
//!
//! libp2p's implementation goes on answering when it is dropped, so it has a thread and a runtime
//! of its own, which end with the network.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use if_watch::{IfEvent, tokio::IfWatcher};
use libp2p_core::{Multiaddr, transport::ListenerId};
use libp2p_mdns::{Config, Event as MdnsEvent, tokio::Behaviour};
use libp2p_swarm::{ExpiredListenAddr, FromSwarm, NetworkBehaviour, NewListenAddr, ToSwarm};
use tokio::runtime;

use super::found::{is_reachable_at, multiaddr, sort};
use crate::{Event, PeerId, limits::KNOWN_PEERS_MAX, network::Inner};

/// What is heard is believed for so many intervals of asking.
const INTERVALS_BELIEVED: u32 = 3;

/// How long to wait when the system does not tell of its interfaces.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

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
        let outcome = runtime::Builder::new_current_thread().enable_all().build().map(
            // The runtime ends with each round, and with it all that libp2p left running in it.
            |runtime| runtime.block_on(round(inner, listening, interval)),
        );
        match outcome {
            Ok(Outcome::Stopped) => return,
            Ok(Outcome::Again) => {}
            Err(error) => {
                tracing::error!(%error, "cannot look around in the local network");
                return;
            }
        }
    }
}

enum Outcome {
    Stopped,
    Again,
}

/// Looks around until the network stops or something is in the way.
async fn round(inner: &Arc<Inner>, listening: SocketAddr, interval: Duration) -> Outcome {
    let look = async {
        let pause = match look_around(inner, listening, interval).await {
            Ok(Full) => {
                tracing::warn!("the local network is full of nodes, starting over");
                interval
            }
            Err(error) => {
                tracing::warn!(%error, "cannot look around in the local network for now");
                AGAIN_AFTER
            }
        };
        // Not at once, so that neither a flood nor what does not work costs much.
        tokio::time::sleep(pause).await;
    };
    tokio::select! {
        () = inner.stopped() => Outcome::Stopped,
        () = look => Outcome::Again,
    }
}

/// libp2p remembers all that it hears of and knows no bound.
struct Full;

async fn look_around(
    inner: &Arc<Inner>,
    listening: SocketAddr,
    interval: Duration,
) -> io::Result<Full> {
    let mut lookout = Lookout::new(inner.me, listening, interval)?;
    while !lookout.is_full() {
        for (peer, addresses) in lookout.next().await? {
            inner.tell_if_room(Event::Discovered { peer, addresses: addresses.clone() });
            inner.keeper.found(peer, addresses).await;
        }
    }
    Ok(Full)
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
