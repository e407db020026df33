//! A node inside of this process.

use std::net::SocketAddr;

use anyhow::Context;
use pandan_node::network::PeerId;
use pandan_node::{Config, Node, StartError};
use tokio::runtime::Runtime;

use crate::failure::{Exit, failure};

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

fn explain(error: StartError) -> anyhow::Error {
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
