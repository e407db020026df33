//! The endpoint: one socket, all connections.

use std::collections::HashMap;
use std::io;
use std::mem::{Discriminant, discriminant};
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pandan_identity::KeyPair;
use socket2::{Domain, Socket, Type};
use thiserror::Error;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::{
    AccessList, Address, CloseCode, Config, Connection, DialError, Event, Limits, PeerId, Protocol,
    RefusalReason,
    access::{Answer, Bucket, Guard, SharedList},
    connection::canonical,
    discovery::{self, Keeper},
    establish::{ALPN_LIBP2P, ALPN_PANDAN, ip_of},
    limits::{EVENTS_MAX, REFUSALS_TOLD_MAX, REFUSALS_TOLD_SECOND},
    registry::Registry,
    tls::{Identity, TlsError},
    transport,
    wire::hello::Greeter,
};

/// A node in its network: the events, and with [`Network::handle`] the commands.
///
/// Dropping it closes all connections; [`Network::shutdown`] also waits until peers were told.
#[derive(Debug)]
pub struct Network {
    handle: Handle,
    events: mpsc::Receiver<Event>,
}

/// Commands to a network. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) me: PeerId,
    pub(crate) endpoint: quinn::Endpoint,
    pub(crate) identity: Identity,
    pub(crate) greeter: Greeter,
    pub(crate) guard: Arc<Guard>,
    pub(crate) access: Arc<SharedList>,
    pub(crate) registry: Registry,
    pub(crate) protocols: Arc<[Protocol]>,
    pub(crate) limits: Limits,
    pub(crate) timeout: Duration,
    pub(crate) keeper: Keeper,
    events: mpsc::Sender<Event>,
    refusals: Mutex<Refusals>,
    stopping: watch::Sender<bool>,
}

impl Network {
    /// Binds the socket and begins to listen, to dial and to look around, as configured. Must be
    /// called within a tokio runtime.
    pub fn bind(config: Config, key_pair: &KeyPair) -> Result<Self, BindError> {
        let alpn = match &config.network_key {
            Some(key) => vec![key.alpn().to_vec()],
            None if config.greets => vec![ALPN_PANDAN.to_vec(), ALPN_LIBP2P.to_vec()],
            None => vec![ALPN_LIBP2P.to_vec()],
        };
        let identity = Identity::new(key_pair, alpn, transport::connection(&config)?)?;
        let endpoint = transport::endpoint(&config, key_pair, &identity, bind(config.bind)?)?;
        let address = endpoint.local_addr()?;
        let seed = config.seed.map_or_else(|| identity.random(), Ok)?;
        let (keeper, orders) = Keeper::new();
        let (events, received) = mpsc::channel(EVENTS_MAX);
        let inner = Arc::new(Inner {
            me: key_pair.public_key().into(),
            greeter: Greeter {
                instance: identity.random()?,
                network_key: config.network_key.clone(),
            },
            endpoint,
            identity,
            guard: Guard::new(config.limits.clone()),
            access: Arc::new(SharedList::new(config.access.clone())),
            registry: Registry::default(),
            protocols: config.protocols.clone().into(),
            limits: config.limits.clone(),
            timeout: config.handshake_timeout,
            keeper,
            events,
            refusals: Mutex::new(Refusals::new(Instant::now())),
            stopping: watch::Sender::new(false),
        });
        inner.tell_if_room(Event::Listening { address });
        tokio::spawn(accept(inner.clone()));
        discovery::start(&inner, &config, seed, orders, address)?;
        Ok(Self { handle: Handle(inner), events: received })
    }

    /// The next event. May be cancelled without loss.
    pub async fn next_event(&mut self) -> Event {
        match self.events.recv().await {
            Some(event) => event,
            // The sender lives in the handle, which lives as long as `self`.
            None => std::future::pending().await,
        }
    }

    /// The commands.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Closes all connections and waits until peers were told, or their time is up. The address is
    /// free again when the last handle is gone, too.
    pub async fn shutdown(self) {
        let inner = self.handle.0.clone();
        inner.stop();
        inner.keeper.stopped().await;
        inner.endpoint.wait_idle().await;
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.handle.0.stop();
    }
}

impl Handle {
    /// This node.
    #[must_use]
    pub fn peer(&self) -> PeerId {
        self.0.me
    }

    /// The address of the socket.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.0.endpoint.local_addr()
    }

    /// Connects with a node, once, and gives the connection with it: the one that it has already,
    /// if there is one.
    ///
    /// If somebody else than the expected peer is there, it learns nothing of this node but its
    /// address. Goes on when it is cancelled.
    pub async fn dial(
        &self,
        address: impl Into<Address>,
        expected: Option<PeerId>,
    ) -> Result<Connection, DialError> {
        let dial = tokio::spawn(self.0.clone().dial(address.into(), expected));
        dial.await.unwrap_or(Err(DialError::Stopped))
    }

    /// Stays connected with the node at this address from now on: dials it, and again whenever the
    /// connection is lost.
    pub async fn keep(&self, address: impl Into<Address>, expected: Option<PeerId>) {
        self.0.keeper.keep(address.into(), expected).await;
    }

    /// Stops staying connected with whoever is at this address. A connection goes on, and a peer
    /// that was met there stays one that is known.
    pub async fn forget(&self, address: impl Into<Address>) {
        self.0.keeper.forget(address.into()).await;
    }

    /// The connection with a peer.
    #[must_use]
    pub fn connection(&self, peer: &PeerId) -> Option<Connection> {
        self.0.registry.find(peer).map(Connection::new)
    }

    /// All connections.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        self.0.registry.all().into_iter().map(Connection::new).collect()
    }

    /// Closes the connection with a peer, and says whether there was one. A peer that is known is
    /// dialled again after a while; [`Handle::block`] keeps it away.
    pub fn disconnect(&self, peer: &PeerId) -> bool {
        self.connection(peer).inspect(Connection::close).is_some()
    }

    /// Blocks a peer, and closes the connection with it.
    pub fn block(&self, peer: PeerId) {
        self.set_access(|list| {
            list.block.insert(peer);
        });
    }

    /// Takes a peer off the list of those who are blocked.
    pub fn unblock(&self, peer: &PeerId) {
        self.set_access(|list| {
            list.block.remove(peer);
        });
    }

    /// Keeps a peer out for a while, and closes the connection with it. The list of those who are
    /// blocked stays as it is: whoever is on it is still blocked afterwards.
    pub fn block_for(&self, peer: PeerId, time: Duration) {
        self.0.access.keep_out(peer, time);
        self.close_forbidden();
    }

    /// Changes who may be connected, and closes the connections that may not be any more.
    pub fn set_access(&self, change: impl FnOnce(&mut AccessList)) {
        self.0.access.change(change);
        self.close_forbidden();
    }

    fn close_forbidden(&self) {
        for link in self.0.registry.all() {
            if !self.0.access.permits(&link.peer()) {
                link.close(CloseCode::NotAllowed);
            }
        }
    }

    /// Goes on with another socket, for instance because the addresses of this computer have
    /// changed. Connections go on.
    pub fn rebind(&self, address: SocketAddr) -> io::Result<()> {
        self.0.endpoint.rebind(bind(address)?)
    }
}

impl Inner {
    /// Tells the embedder, who may be slow.
    pub(crate) async fn tell(&self, event: Event) {
        // Fails when the network has been dropped.
        let _ = self.events.send(event).await;
    }

    /// Tells the embedder, unless it has not listened for long.
    pub(crate) fn tell_if_room(&self, event: Event) {
        let _ = self.events.try_send(event);
    }

    /// Waits for the end of the network.
    pub(crate) async fn stopped(&self) {
        // An error says that the sender is gone, which lives as long as `self`.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    fn stop(&self) {
        self.stopping.send_replace(true);
        self.endpoint.close(CloseCode::Done.to_varint(), &[]);
    }
}

/// The door: judges every attempt before anything is spent on it.
async fn accept(inner: Arc<Inner>) {
    while let Some(incoming) = inner.endpoint.accept().await {
        let address = canonical(incoming.remote_address());
        let validated = incoming.remote_address_validated();
        match inner.guard.knock(ip_of(&incoming), validated, Instant::now()) {
            Answer::Enter(slot) => {
                let inner = inner.clone();
                tokio::spawn(async move {
                    if let Err(reason) = inner.clone().receive(incoming, slot).await {
                        inner.refused(address, reason);
                    }
                });
            }
            Answer::Retry => {
                // Fails for addresses that are validated, which are not asked.
                let _ = incoming.retry();
            }
            Answer::Refuse(reason) => {
                incoming.refuse();
                inner.refused(address, reason);
            }
            Answer::Ignore(reason) => {
                incoming.ignore();
                inner.refused(address, reason);
            }
        }
    }
}

impl Inner {
    fn refused(&self, address: SocketAddr, reason: RefusalReason) {
        tracing::debug!(%address, %reason, "refused");
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = refusals.note(&reason, Instant::now())
            && self
                .events
                .try_send(Event::Refused { address, reason: reason.clone(), count })
                .is_err()
        {
            refusals.add(&reason, count);
        }
    }
}

/// Which refusals are told of: refusing costs little, and telling of it is not to cost more.
#[derive(Debug)]
struct Refusals {
    events: Bucket,
    /// How many of each kind were not told of.
    untold: HashMap<Discriminant<RefusalReason>, u64>,
}

impl Refusals {
    fn new(now: Instant) -> Self {
        let events = Bucket::new(REFUSALS_TOLD_MAX, REFUSALS_TOLD_SECOND, now);
        Self { events, untold: HashMap::new() }
    }

    /// Somebody was refused; gives how many to tell of, if it is time to.
    fn note(&mut self, reason: &RefusalReason, now: Instant) -> Option<u64> {
        self.add(reason, 1);
        let is_time = self.events.take(0, now);
        is_time.then(|| self.untold.remove(&discriminant(reason))).flatten()
    }

    fn add(&mut self, reason: &RefusalReason, count: u64) {
        let untold = self.untold.entry(discriminant(reason)).or_default();
        *untold = untold.saturating_add(count);
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        // Some systems would leave IPv4 out.
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// A network that could not be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BindError {
    /// The socket could not be bound.
    #[error("socket could not be bound")]
    Socket(#[from] io::Error),
    /// TLS could not be set up.
    #[error("TLS could not be set up")]
    Tls(#[from] TlsError),
    /// The idle time is longer than QUIC can say.
    #[error("idle time is longer than QUIC allows")]
    IdleTimeout(#[from] quinn::VarIntBoundsExceeded),
    /// Looking around in the local network was asked for, but left out when this was compiled.
    #[error("mDNS is not compiled in")]
    NoMdns,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flood of attempts woke the embedder once for each of them.
    #[tokio::test(start_paused = true)]
    async fn one_event_tells_of_many_refusals() {
        let config = Config::new(([127, 0, 0, 1], 0).into());
        let mut network = Network::bind(config, &KeyPair::from_seed(&[1; 32])).unwrap();
        let inner = network.handle.0.clone();
        let address = ([192, 0, 2, 1], 1).into();
        let mut counted = 0;
        for expected in [REFUSALS_TOLD_MAX, REFUSALS_TOLD_SECOND] {
            for _ in 0..1000 {
                inner.refused(address, RefusalReason::TooManyHandshakes);
            }
            let mut told = 0;
            while let Ok(event) = network.events.try_recv() {
                if let Event::Refused { reason, count, .. } = event {
                    assert_eq!(reason, RefusalReason::TooManyHandshakes);
                    (told, counted) = (told + 1, counted + count);
                }
            }
            assert_eq!(told, expected);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        // Those that are still to be told of are not lost, nor those for which there is no room.
        for _ in 0..2 * EVENTS_MAX {
            let _ = inner.events.try_send(Event::Listening { address });
        }
        inner.refused(address, RefusalReason::TooManyHandshakes);
        while network.events.try_recv().is_ok() {}
        inner.refused(address, RefusalReason::Misbehaved);
        inner.refused(address, RefusalReason::TooManyHandshakes);
        for (kind, expected) in
            [(RefusalReason::Misbehaved, 1), (RefusalReason::TooManyHandshakes, 2002 - counted)]
        {
            let Ok(Event::Refused { reason, count, .. }) = network.events.try_recv() else {
                panic!("{kind} is told of");
            };
            assert_eq!((reason, count), (kind, expected));
        }
    }
}
