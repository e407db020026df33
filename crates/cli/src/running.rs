//! A node inside of this process.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use pandan_node::network::PeerId;
use pandan_node::{Config, Node, StartError};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::failure::{Exit, failure};

/// How often to look whether something holds.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A node and the threads that it runs on.
#[derive(Debug)]
pub(crate) struct RunningNode {
    runtime: Runtime,
    node: Node,
}

impl RunningNode {
    /// Starts a node.
    pub(crate) fn start(config: Config) -> anyhow::Result<Self> {
        let runtime = Runtime::new().context("the system gives no threads to run a node on")?;
        let node = runtime.block_on(Node::builder().config(config).start()).map_err(explain)?;
        Ok(Self { runtime, node })
    }

    /// Where it listens.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        self.node.addresses()
    }

    /// Where to find its pages, if it listens.
    pub(crate) fn url(&self) -> Option<String> {
        self.addresses().first().map(|address| format!("http://{address}"))
    }

    /// Where it listens for other nodes, if it does.
    pub(crate) fn quic_address(&self) -> Option<SocketAddr> {
        self.node.quic_address()
    }

    /// The name under which other nodes know it.
    pub(crate) fn peer_id(&self) -> Option<PeerId> {
        self.node.peer_id()
    }

    /// The node itself.
    pub(crate) const fn node(&self) -> &Node {
        &self.node
    }

    /// Runs something beside the node, as long as the program lives.
    pub(crate) fn spawn<F: Future<Output = ()> + Send + 'static>(
        &self,
        task: impl FnOnce(Node) -> F,
    ) {
        self.runtime.spawn(task(self.node.clone()));
    }

    /// Waits for something that the node does.
    pub(crate) fn block_on<T>(&self, task: impl Future<Output = T>) -> T {
        self.runtime.block_on(task)
    }

    /// Waits until something holds, as often as the status of replication changes.
    pub(crate) fn wait_until(
        &self,
        patience: Duration,
        mut holds: impl FnMut() -> bool,
    ) -> anyhow::Result<()> {
        let end = Instant::now() + patience;
        let mut changes = self.node.sync_changes().context("the node does not replicate")?;
        while !holds() {
            ensure!(Instant::now() < end, "nodes did not agree within {} s", patience.as_secs());
            // What is stored changes without a word of a session, too.
            let _ = self.block_on(async { timeout(LOOK_AGAIN, changes.changed()).await });
        }
        Ok(())
    }

    /// Waits until somebody asks the program to end.
    pub(crate) fn wait_for_signal(&self) -> anyhow::Result<()> {
        self.runtime.block_on(signal()).context("cannot wait for the signal to stop")
    }

    /// Stops it: everything that was begun comes to its end, unless somebody asks again.
    pub(crate) fn stop(self) {
        let Self { runtime, node } = self;
        let is_stopped = runtime.block_on(async {
            tokio::select! {
                () = node.shutdown() => true,
                // Whoever asks twice does not want to wait. What was acknowledged is on disk.
                _ = signal() => false,
            }
        });
        if !is_stopped {
            runtime.shutdown_background();
        }
    }
}

/// The exit code for a node that does not start.
pub(crate) fn explain(error: StartError) -> anyhow::Error {
    let exit = match error {
        StartError::InUse { .. } | StartError::PortTaken { .. } => Exit::InUse,
        _ => Exit::Failed,
    };
    failure(exit, format!("{:#}", anyhow::Error::new(error)))
}

/// SIGINT or SIGTERM where there are such, Ctrl-C elsewhere.
async fn signal() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
