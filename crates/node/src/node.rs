//! The node: what is started, used and stopped.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use pandan_admission::{Candidate, Door, NextArgsError};
use pandan_bamboo::{ForkProof, NextArgs};
use pandan_identity::PublicKey;
use pandan_network::{Address, Handle, PeerId};
use pandan_operations::DocumentViewId;
use pandan_replication::Verdict;
use pandan_store::{
    Cancel, Committed, Frozen, KnownSchema, MemoryStore, Snapshot, Store, StoreError,
};
use pandan_sync::{Fate, Intake};
use tokio::sync::{Semaphore, broadcast, watch};

use crate::catalog::Catalog;
use crate::config::{Config, Limits, Storage};
use crate::counters::Counters;
use crate::graphql::{Request, Response};
use crate::http::{Server, Sizes};
use crate::lock::FolderLock;
use crate::publish::PublishError;
use crate::start_error::StartError;
use crate::sync::{NewsReceiver, NewsSender, Replication, Sync, SyncStatus, news};
use crate::writer::{Outcome, Workplace, Writer};
use crate::{Commits, Forks, storage};

/// A running node. Clones are handles of the same node.
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) core: Arc<Core>,
    server: Option<Arc<Server>>,
    sync: Option<Arc<Sync>>,
}

/// What all handles and connections of a node share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) limits: Limits,
    pub(crate) reads: Arc<Semaphore>,
    /// Room for the bodies of requests, in KiB.
    pub(crate) bodies: Arc<Semaphore>,
    /// Room for answers on their way to clients, in KiB.
    pub(crate) answers: Arc<Semaphore>,
    pub(crate) started: Instant,
    pub(crate) sizes: Sizes,
    writer: Writer,
    examinations: Arc<Semaphore>,
    commits: broadcast::Sender<Arc<Committed>>,
    forks: broadcast::Sender<Arc<Frozen>>,
    news: NewsSender,
    sync: OnceLock<Weak<Sync>>,
    pub(crate) counters: Arc<Counters>,
    // Let go last: when the lock is free the store is closed.
    _lock: Option<FolderLock>,
}

/// Settings of a node that is about to be started.
#[derive(Debug, Default)]
pub struct NodeBuilder {
    config: Config,
    store: Option<Arc<dyn Store>>,
}

/// How many commits a subscriber can be behind before it misses some.
const COMMITS_BUFFERED: usize = 256;

/// How long connections may take to end when the node stops.
const STOP_TIME: Duration = Duration::from_secs(10);

impl NodeBuilder {
    /// Takes over all settings.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Keeps data in a folder.
    #[must_use]
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.config.storage = Storage::Folder(folder.into());
        self
    }

    /// Keeps data in memory only.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.config.storage = Storage::Memory;
        self
    }

    /// Keeps data in a store of your own; nothing else may write to it.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Listens for HTTP on an address; port 0 takes any free port.
    #[must_use]
    pub const fn http(mut self, address: SocketAddr) -> Self {
        self.config.http = Some(address);
        self
    }

    /// Does not listen for HTTP.
    #[must_use]
    pub const fn without_http(mut self) -> Self {
        self.config.http = None;
        self
    }

    /// Replicates with other nodes.
    #[must_use]
    pub fn replication(mut self, replication: Replication) -> Self {
        self.config.replication = Some(replication);
        self
    }

    /// Bounds what others can make the node do.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// Opens the store and starts to listen.
    pub async fn start(self) -> Result<Node, StartError> {
        let Self { mut config, store } = self;
        let (http, replication) = (config.http, config.replication.take());
        let storage = config.storage.clone();
        let opened = tokio::task::spawn_blocking(move || Core::open(config, store)).await;
        let opened = opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        let (core, news) = opened?;
        let core = Arc::new(core);
        let sync = match replication {
            Some(settings) => {
                let address = settings.network.bind;
                let sync = Sync::start(settings, &storage, Arc::clone(&core), news);
                let failed = |source| StartError::Replication { address, source: Box::new(source) };
                Some(Arc::new(sync.map_err(failed)?))
            }
            None => None,
        };
        if let Some(sync) = &sync {
            // Fails when it is set already, which it is not.
            let _ = core.sync.set(Arc::downgrade(sync));
        }
        let server = match http {
            Some(address) => Some(Arc::new(Server::start(address, Arc::clone(&core)).await?)),
            None => None,
        };
        Ok(Node { core, server, sync })
    }
}

impl Core {
    fn open(
        config: Config,
        store: Option<Arc<dyn Store>>,
    ) -> Result<(Self, NewsReceiver), StartError> {
        let (store, lock): (Arc<dyn Store>, _) = match (store, &config.storage) {
            (Some(store), _) => (store, None),
            (None, Storage::Memory) => (Arc::new(MemoryStore::new()), None),
            (None, Storage::Folder(folder)) => {
                let lock = FolderLock::acquire(folder)?;
                (storage::open(folder, &config)?, Some(lock))
            }
        };
        let catalog = Arc::new(Catalog::new(store.snapshot()?.schemas()?));
        let (commits, _) = broadcast::channel(COMMITS_BUFFERED);
        let (forks, _) = broadcast::channel(COMMITS_BUFFERED);
        let (news, news_receiver) = news();
        let counters = Arc::new(Counters::default());
        let limits = config.limits;
        let workplace = Workplace {
            intake: Intake::new(Arc::clone(&store)),
            catalog: Arc::clone(&catalog),
            commits: commits.clone(),
            forks: forks.clone(),
            news: news.clone(),
            counters: Arc::clone(&counters),
            batch_max: limits.batch_entries,
        };
        let writer = Writer::start(workplace, limits.queued_entries).map_err(StartError::Thread)?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let core = Self {
            store,
            catalog,
            reads: Arc::new(Semaphore::new(limits.concurrent_reads.max(1))),
            bodies: Arc::new(Semaphore::new(kib(limits.bodies_bytes.max(limits.body_bytes)))),
            answers: Arc::new(Semaphore::new(kib(limits.answers_bytes.max(limits.answer_bytes)))),
            started: Instant::now(),
            sizes: Sizes::default(),
            writer,
            examinations: Arc::new(Semaphore::new(cores * 2)),
            commits,
            forks,
            news,
            limits,
            sync: OnceLock::new(),
            counters,
            _lock: lock,
        };
        Ok((core, news_receiver))
    }

    /// Looks at something on any core, as soon as others are through.
    pub(crate) fn examine<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        &self,
        examine: F,
    ) -> impl Future<Output = Option<T>> + use<T, F> {
        let examinations = Arc::clone(&self.examinations);
        let task = tokio::spawn(async move {
            let _permit = examinations.acquire_owned().await;
            tokio::task::spawn_blocking(examine).await.ok()
        });
        async move { task.await.ok().flatten() }
    }

    /// Hands entries of a peer to the writer.
    pub(crate) async fn take(&self, candidates: Vec<Candidate>) -> Outcome<Vec<Verdict>> {
        self.writer.take(candidates).await
    }

    /// Hands the proof of a fork to the writer.
    pub(crate) async fn keep(&self, proof: ForkProof) -> Result<Option<Frozen>, PublishError> {
        self.writer.keep(proof).await
    }

    /// The replicating side, if there is one.
    pub(crate) fn sync(&self) -> Option<Arc<Sync>> {
        self.sync.get()?.upgrade()
    }

    /// The forks that are found from now on.
    pub(crate) fn listen_to_forks(&self) -> Forks {
        Forks::new(self.forks.subscribe())
    }

    /// How replication gets on, if the node replicates.
    pub(crate) fn sync_status(&self) -> Option<SyncStatus> {
        Some(self.sync()?.status())
    }

    /// Reads an entry and its operation on any core, then hands it to the writer.
    pub(crate) async fn publish(
        &self,
        entry: Vec<u8>,
        operation: Vec<u8>,
    ) -> Result<NextArgs, PublishError> {
        let candidate = self
            .examine(move || Candidate::examine(&entry, &operation))
            .await
            .ok_or(PublishError::Internal)?
            .inspect_err(|refusal| self.counters.refused(Door::Client, refusal))
            .map_err(|refusal| PublishError::Refused(Arc::new(refusal)))?;
        let id = candidate.id();
        match self.writer.write(candidate).await? {
            Fate::Stored(committed) => match committed.next {
                Some(next) => Ok(next),
                None => self.next_log(&committed).await,
            },
            Fate::Known { .. } => Err(PublishError::Known(id)),
            Fate::Early(waiting) => {
                let refusal = waiting.into_refusal();
                self.counters.refused(Door::Client, &refusal);
                Err(PublishError::Refused(Arc::new(refusal)))
            }
            Fate::Refused(refusal) => Err(PublishError::Refused(Arc::new(refusal))),
            // Nobody waits at the door of clients.
            Fate::Waits(_) => Err(PublishError::Internal),
        }
    }

    /// The arguments for whoever goes on behind the last entry of a log: a new log where the next
    /// place is that of a fork.
    async fn next_log(&self, committed: &Committed) -> Result<NextArgs, PublishError> {
        let (author, id) = (committed.author, committed.operation);
        let next = self
            .read(move |snapshot| snapshot.next_args(&author, Some(&DocumentViewId::from(id))))
            .await;
        next.map_err(|error| PublishError::Store(Arc::new(error)))?
            .map_err(|_| PublishError::LogEnded(id))
    }

    /// Reads from a snapshot without keeping others from working. Reading is cancelled when the
    /// future is dropped.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Snapshot) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.reads).acquire_owned().await;
        let store = Arc::clone(&self.store);
        let cancel = Cancel::new();
        let _left = cancel.on_drop();
        let reading = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut snapshot = store.snapshot()?;
            snapshot.heed(cancel);
            read(&*snapshot)
        });
        reading.await.unwrap_or_else(|error| {
            Err(StoreError::Inconsistent { detail: format!("reading failed: {error}") })
        })
    }

    /// How many jobs wait for the writer.
    pub(crate) fn queued(&self) -> usize {
        self.writer.queued()
    }

    /// How many batches of news wait for sessions.
    pub(crate) fn news_queued(&self) -> usize {
        self.news.queued()
    }

    /// How many reads of the store are under way.
    pub(crate) fn reading(&self) -> usize {
        self.limits.concurrent_reads.max(1).saturating_sub(self.reads.available_permits())
    }

    pub(crate) fn is_writing(&self) -> bool {
        self.writer.is_running()
    }
}

/// Bytes in units of 1,024, rounded up.
pub(crate) const fn kib(bytes: usize) -> usize {
    bytes.div_ceil(1_024)
}

impl Drop for Core {
    fn drop(&mut self) {
        self.writer.stop();
    }
}

impl Node {
    /// Begins with the default settings.
    #[must_use]
    pub fn builder() -> NodeBuilder {
        NodeBuilder::default()
    }

    /// Stores a signed entry and its operation, and answers when all that follows from it can be
    /// seen and is on disk (PN27): with the arguments for the next entry of the same log.
    pub async fn publish(&self, entry: &[u8], operation: &[u8]) -> Result<NextArgs, PublishError> {
        self.core.publish(entry.to_vec(), operation.to_vec()).await
    }

    /// Tells what the next entry of an author has to be made with: that of a new document, or one
    /// that continues a state of a document.
    pub async fn next_args(
        &self,
        author: &PublicKey,
        view: Option<&DocumentViewId>,
    ) -> Result<Result<NextArgs, NextArgsError>, StoreError> {
        let (author, view) = (*author, view.cloned());
        self.core.read(move |snapshot| snapshot.next_args(&author, view.as_ref())).await
    }

    /// Answers a GraphQL request.
    pub async fn query(&self, request: Request) -> Response {
        let weight = request.weight();
        let answered = self.core.answer(weight, move || Ok(request), |response| response).await;
        answered.unwrap_or_else(|impossible: Infallible| match impossible {})
    }

    /// Listens to what is stored from now on.
    #[must_use]
    pub fn subscribe(&self) -> Commits {
        Commits::new(self.core.commits.subscribe())
    }

    /// Listens to the forks that are found from now on.
    #[must_use]
    pub fn forks(&self) -> Forks {
        self.core.listen_to_forks()
    }

    /// Keeps the proof of a fork and freezes its log; answers when that is on disk.
    ///
    /// None when an earlier fork of the log is known, or the same one.
    pub async fn keep_proof(&self, proof: ForkProof) -> Result<Option<Frozen>, PublishError> {
        self.core.keep(proof).await
    }

    /// Reads from the store, everything of one moment. Whoever drops the future cancels reading.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Snapshot) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.core.read(read).await
    }

    /// The schemas that are known now.
    #[must_use]
    pub fn schemas(&self) -> Vec<KnownSchema> {
        self.core.catalog.api().schemas().cloned().collect()
    }

    /// Where the node listens for HTTP.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        self.server.as_ref().map_or(&[], |server| server.addresses())
    }

    /// Where the node listens for other nodes; none when it does not replicate.
    #[must_use]
    pub fn quic_address(&self) -> Option<SocketAddr> {
        self.sync.as_ref().map(|sync| sync.address())
    }

    /// The name under which other nodes know this one; none when it does not replicate.
    #[must_use]
    pub fn peer_id(&self) -> Option<PeerId> {
        self.sync.as_ref().map(|sync| sync.peer_id())
    }

    /// The network of the node, to dial, block and disconnect peers; none when it does not
    /// replicate.
    #[must_use]
    pub fn network(&self) -> Option<&Handle> {
        self.sync.as_ref().map(|sync| sync.network())
    }

    /// Stays connected with the node at an address from now on, and replicates with it. Does
    /// nothing when this node does not replicate.
    pub async fn keep_peer(&self, address: impl Into<Address>, expected: Option<PeerId>) {
        if let Some(sync) = &self.sync {
            sync.keep(address.into(), expected).await;
        }
    }

    /// How replication gets on; nothing when the node does not replicate.
    #[must_use]
    pub fn sync_status(&self) -> SyncStatus {
        self.sync.as_ref().map(|sync| sync.status()).unwrap_or_default()
    }

    /// Counts changes of the status of replication, to wait for the next one; none when the node
    /// does not replicate.
    #[must_use]
    pub fn sync_changes(&self) -> Option<watch::Receiver<u64>> {
        self.sync.as_ref().map(|sync| sync.changes())
    }

    /// Stops listening, lets what was begun come to its end, writes what is in the queue and closes
    /// the store, unless others still hold it.
    pub async fn shutdown(self) {
        if let Some(sync) = &self.sync {
            sync.stop().await;
        }
        if let Some(server) = &self.server {
            server.stop(STOP_TIME).await;
        }
        let core = Arc::clone(&self.core);
        drop(self);
        let stopping = tokio::task::spawn_blocking(move || {
            core.writer.stop();
            drop(core);
        });
        if stopping.await.is_err() {
            tracing::error!("the node did not stop cleanly");
        }
    }
}
