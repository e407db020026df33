//! The task that dials, dials again, and remembers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    peers_file,
    redial::{Attempt, Redial, Target},
};
use crate::{Address, Config, DialError, PeerId, connection::Link, network::Inner};

/// How long changes wait for others before the peers file is written.
const WRITE_AFTER: Duration = Duration::from_secs(5);

/// Orders that wait.
const ORDERS_MAX: usize = 64;

/// Something that the keeper has to know.
#[derive(Debug)]
pub(crate) enum Order {
    Keep(Address, Option<PeerId>),
    Forget(Address),
    #[cfg(feature = "mdns")]
    Found(PeerId, Vec<SocketAddr>),
    Connected(PeerId, SocketAddr),
    /// With where it was in the end.
    Lost(PeerId, SocketAddr),
}

/// The way to the task. Orders to a keeper that has stopped have no effect.
#[derive(Debug)]
pub(crate) struct Keeper {
    orders: mpsc::Sender<Order>,
    stopped: watch::Sender<bool>,
}

impl Keeper {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Order>) {
        let (orders, received) = mpsc::channel(ORDERS_MAX);
        (Self { orders, stopped: watch::Sender::new(false) }, received)
    }

    pub(crate) async fn keep(&self, address: Address, expected: Option<PeerId>) {
        let _ = self.orders.send(Order::Keep(address, expected)).await;
    }

    pub(crate) async fn forget(&self, address: Address) {
        let _ = self.orders.send(Order::Forget(address)).await;
    }

    #[cfg(feature = "mdns")]
    pub(crate) async fn found(&self, peer: PeerId, addresses: Vec<SocketAddr>) {
        let _ = self.orders.send(Order::Found(peer, addresses)).await;
    }

    pub(crate) async fn connected(&self, link: &Link) {
        // A node dials from the socket on which it listens, so where a peer came from is where it
        // can be reached, if anywhere.
        let _ = self.orders.send(Order::Connected(link.peer(), link.address())).await;
    }

    pub(crate) async fn lost(&self, link: &Link) {
        let _ = self.orders.send(Order::Lost(link.peer(), link.address())).await;
    }

    /// Waits until the peers file is written for the last time.
    pub(crate) async fn stopped(&self) {
        // An error says that the sender is gone, which lives as long as `self`.
        let _ = self.stopped.subscribe().wait_for(|stopped| *stopped).await;
    }
}

pub(super) fn start(
    inner: Arc<Inner>,
    config: &Config,
    seed: [u8; 32],
    orders: mpsc::Receiver<Order>,
) {
    let dials_max = config.limits.dials;
    let mut redial = Redial::new(inner.me, config.backoff, dials_max, seed);
    let now = Instant::now();
    for (address, expected) in &config.addresses {
        redial.keep(address.clone(), *expected, now);
    }
    let file = config.peers_file.clone();
    let task =
        Task { inner, redial, dials: JoinSet::new(), dials_max, orders, file, changed: None };
    tokio::spawn(task.run());
}

struct Task {
    inner: Arc<Inner>,
    redial: Redial,
    dials: JoinSet<(Target, Result<PeerId, DialError>)>,
    dials_max: usize,
    orders: mpsc::Receiver<Order>,
    file: Option<PathBuf>,
    /// Since when the file is behind.
    changed: Option<Instant>,
}

impl Task {
    async fn run(mut self) {
        self.read().await;
        let inner = self.inner.clone();
        let stopped = inner.stopped();
        tokio::pin!(stopped);
        loop {
            let room = self.dials_max.saturating_sub(self.dials.len());
            let due = self.redial.next_due().filter(|_| room > 0);
            let write = self.changed.and_then(|since| since.checked_add(WRITE_AFTER));
            tokio::select! {
                () = &mut stopped => break,
                Some(order) = self.orders.recv() => self.obey(order),
                Some(Ok((target, outcome))) = self.dials.join_next() => self.note(&target, outcome),
                () = at(due) => self.dial(room),
                () = at(write) => self.write().await,
            }
        }
        self.dials.shutdown().await;
        self.write().await;
        inner.keeper.stopped.send_replace(true);
    }

    fn obey(&mut self, order: Order) {
        let now = Instant::now();
        match order {
            Order::Keep(address, expected) => self.redial.keep(address, expected, now),
            Order::Forget(address) => self.redial.forget(address),
            #[cfg(feature = "mdns")]
            Order::Found(peer, addresses) => {
                if self.inner.access.permits(&peer) {
                    let addresses = addresses.into_iter().map(Into::into).collect();
                    self.redial.learn(peer, addresses, now);
                }
            }
            Order::Connected(peer, address) => {
                self.redial.connected(peer, address.into(), unix_now(), now);
                self.changed.get_or_insert(now);
            }
            Order::Lost(peer, address) => {
                self.redial.moved(peer, address.into());
                self.redial.lost(peer, unix_now(), now);
                self.changed.get_or_insert(now);
            }
        }
    }

    fn dial(&mut self, room: usize) {
        for attempt in self.redial.take_due(room, Instant::now()) {
            let inner = self.inner.clone();
            self.dials.spawn(async move { (attempt.target.clone(), dial(inner, attempt).await) });
        }
    }

    fn note(&mut self, target: &Target, outcome: Result<PeerId, DialError>) {
        let now = Instant::now();
        match outcome {
            Ok(peer) => {
                self.redial.succeeded(target, peer, now);
                if self.inner.registry.find(&peer).is_none() {
                    // Lost already, and the news may have come before this.
                    self.redial.lost(peer, unix_now(), now);
                }
            }
            Err(error) => {
                tracing::debug!(?target, %error, "could not connect");
                self.redial.failed(target, now);
            }
        }
    }

    async fn read(&mut self) {
        let Some(path) = self.file.clone() else { return };
        match tokio::task::spawn_blocking(move || peers_file::read(&path)).await {
            Ok(Ok(known)) => {
                let (unix_now, now) = (unix_now(), Instant::now());
                known.into_iter().for_each(|peer| self.redial.remember(peer, unix_now, now));
            }
            Ok(Err(error)) => tracing::warn!(%error, "peers file could not be read"),
            // The runtime shuts down.
            Err(_) => {}
        }
    }

    async fn write(&mut self) {
        let (Some(path), Some(_)) = (self.file.clone(), self.changed.take()) else { return };
        let met = self.redial.met();
        let written = tokio::task::spawn_blocking(move || peers_file::write(&path, &met)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, "peers file could not be written");
        }
    }
}

/// Tries one address after the other.
async fn dial(inner: Arc<Inner>, attempt: Attempt) -> Result<PeerId, DialError> {
    let mut outcome = Err(DialError::NoAddress);
    for address in attempt.addresses {
        outcome = inner.clone().dial(address, attempt.expected).await;
        if outcome.is_ok() {
            break;
        }
    }
    outcome.map(|connection| connection.peer())
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
