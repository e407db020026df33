//! Nodes within this process, each with threads of its own.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use pandan_network::Traffic;
use pandan_node::{Node, Replication, SyncStatus};
use tokio::runtime::Runtime;

use crate::Result;

/// How long a node may take to get where it is to be.
const PATIENCE: Duration = Duration::from_secs(600);

/// How often it is looked at: seldom enough to cost nothing.
const LOOK: Duration = Duration::from_millis(5);

/// A node with its data in a folder, durable as by default.
pub(crate) struct Peer {
    pub(crate) node: Node,
    pub(crate) runtime: Runtime,
}

impl Peer {
    /// Starts a node whose threads have this name, but for the one that writes.
    pub(crate) fn start(name: &str, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().thread_name(name).build()?;
        let replication = Replication::at("127.0.0.1:0".parse()?);
        let node = Node::builder().data_dir(folder).without_http().replication(replication);
        let node = runtime.block_on(node.start())?;
        Ok(Self { node, runtime })
    }

    /// Stays connected with another node from now on.
    pub(crate) fn keep(&self, other: &Self) -> Result<()> {
        let address = other.node.quic_address().ok_or("the node does not replicate")?;
        self.runtime.block_on(self.node.keep_peer(address, other.node.peer_id()));
        Ok(())
    }

    /// Waits until something holds, and tells when it did.
    pub(crate) fn wait_until(
        &self,
        what: &str,
        holds: impl Fn(&SyncStatus) -> bool,
    ) -> Result<Instant> {
        let end = Instant::now() + PATIENCE;
        loop {
            let (now, status) = (Instant::now(), self.node.sync_status());
            if holds(&status) {
                return Ok(now);
            }
            if now > end {
                return Err(format!("waited in vain until {what}: {status:?}").into());
            }
            std::thread::sleep(LOOK);
        }
    }

    /// What has gone through all connections so far.
    pub(crate) fn traffic(&self) -> Vec<Traffic> {
        let connections = self.node.network().map(|network| network.connections());
        connections.iter().flatten().map(|connection| connection.traffic()).collect()
    }

    pub(crate) fn stop(self) {
        self.runtime.block_on(self.node.shutdown());
    }
}
