//! Replication: joins the network, the state machine of sessions, the store and the writer.
//!
//! ```text
//! network ─ frames ─▶ ┌────────┐ ─ questions ─▶ snapshots of the store
//!                     │ Driver │ ─ entries ───▶ examined on all cores ─▶ writer
//! network ◀─ frames ─ └────────┘ ◀─ news ────────────────────────────────┘
//! ```
//!
//! The driver is one task that owns all sessions, and the links with peers that speak version 1.
//! Whatever takes time runs beside it and reports back, so a slow disk, store or peer keeps nobody
//! else waiting.

mod asking;
mod demand;
mod driver;
mod error;
mod follow;
mod forks;
mod key;
mod legacy;
mod lines;
mod news;
mod reasons;
mod schemas;
mod settings;
mod status;
mod totals;
mod turns;
mod work;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use pandan_admission::{PartAsk, PartSubject};
use pandan_network::{Address, Handle, Network, PeerId, Protocol};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use asking::{AskError, AskOptions, Asked, Completed};
pub use error::ReplicationError;
pub use forks::{ForkNews, ForksStatus};
pub use schemas::SchemaStatus;
pub use settings::Replication;
pub use status::{PeerStatus, SessionStatus, SyncStatus};
pub use totals::Totals;

pub(crate) use news::{NewsReceiver, NewsSender, news};

use crate::Storage;
use crate::node::Core;
use asking::Asking;
use driver::{Driver, Inputs};
use status::Board;

/// The replicating side of a node.
#[derive(Debug)]
pub(crate) struct Sync {
    network: Handle,
    address: SocketAddr,
    board: Arc<Board>,
    asking: Asking,
    inputs: Inputs,
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Sync {
    /// Binds the socket and begins to find and to serve peers.
    pub(crate) fn start(
        settings: Replication,
        storage: &Storage,
        core: Arc<Core>,
        news: NewsReceiver,
    ) -> Result<Self, ReplicationError> {
        let Replication { mut network, interest, follow, key_pair, legacy } = settings;
        let key_pair = match key_pair {
            Some(key_pair) => key_pair,
            None => key::of_node(storage)?,
        };
        let protocol = lines::protocol()?;
        let legacy = if legacy { Some(Protocol::chunks(Protocol::P2PANDA)?) } else { None };
        network.protocols =
            [Some(&protocol), legacy.as_ref()].into_iter().flatten().cloned().collect();
        let network = Network::bind(network, &key_pair)?;
        let (handle, board) = (network.handle(), Arc::new(Board::default()));
        let address = handle.local_address()?;
        let (stop, stopped) = watch::channel(false);
        let (asked_by, asks) = (protocol.clone(), Arc::clone(&core));
        let protocols = (protocol, legacy);
        let interest = (follow::interest(interest, follow), follow);
        let watched = Arc::clone(&core);
        let driver = Driver::new(network, protocols, interest, core, news, Arc::clone(&board))?;
        tokio::spawn(forks::watch(watched, Arc::clone(&board), stopped.clone()));
        let inputs = driver.inputs();
        let asking =
            Asking::new(handle.clone(), asked_by, asks, inputs.clone(), Arc::clone(&board));
        let task = tokio::spawn(driver.run(stopped));
        let task = Mutex::new(Some(task));
        Ok(Self { network: handle, address, board, asking, inputs, stop, task })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn peer_id(&self) -> PeerId {
        self.network.peer()
    }

    pub(crate) async fn keep(&self, address: Address, expected: Option<PeerId>) {
        self.network.keep(address, expected).await;
    }

    pub(crate) const fn network(&self) -> &Handle {
        &self.network
    }

    pub(crate) async fn ask(&self, ask: PartAsk, options: AskOptions) -> Result<Asked, AskError> {
        self.asking.ask(ask, options).await
    }

    pub(crate) async fn fetch_payloads(
        &self,
        subject: PartSubject,
        peer: Option<PeerId>,
    ) -> Result<Asked, AskError> {
        self.asking.fetch_payloads(subject, peer).await
    }

    pub(crate) async fn complete(
        &self,
        subject: PartSubject,
        peer: Option<PeerId>,
    ) -> Result<Option<Completed>, AskError> {
        self.asking.complete(subject, peer).await
    }

    pub(crate) fn status(&self) -> SyncStatus {
        self.board.status()
    }

    /// How many reports of tasks wait for the driver.
    pub(crate) fn queued(&self) -> usize {
        self.inputs.queued()
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.board.changes()
    }

    /// Ends all sessions and connections; peers are told.
    pub(crate) async fn stop(&self) {
        self.stop.send_replace(true);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && task.await.is_err()
        {
            tracing::error!("replication ended with a panic");
        }
    }
}

impl Drop for Sync {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// Seconds since 1970.
fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}
