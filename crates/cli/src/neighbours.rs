//! The file `neighbours.toml` in the folder of a node: with whom to stay connected, whom to keep
//! out. `pandan peer` changes it, and a running node takes it up.
//!
//! ```toml
//! peers = ["192.0.2.1:2022"]
//! block = ["12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"]
//! ```

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use pandan_node::Node;
use pandan_node::network::PeerId;
use toml::{Table, Value};

use crate::failure::usage;
use crate::network::Peer;

const FILE_NAME: &str = "neighbours.toml";

/// How often a running node looks whether the file has changed.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Neighbours {
    pub(crate) peers: Vec<Peer>,
    pub(crate) block: BTreeSet<PeerId>,
}

impl Neighbours {
    /// Reads the file in a folder; one that does not exist says nothing.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE_NAME);
        let shown = path.display();
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            text => text.with_context(|| format!("cannot read {shown}"))?,
        };
        Self::parse(&text).map_err(|reason| usage(format!("{shown}: {reason}")))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let table: Table = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut found = Self::default();
        for (key, value) in &table {
            match key.as_str() {
                "peers" => found.peers = crate::config::list(value)?,
                "block" => found.block = crate::config::list(value)?.into_iter().collect(),
                _ => return Err(format!("expected `peers` and `block`, found `{key}`")),
            }
        }
        Ok(found)
    }

    /// Writes the file; it is always whole.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(FILE_NAME);
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(folder)?;
            let new = path.with_extension("toml.new");
            let mut file = File::create(&new)?;
            file.write_all(self.encode().as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }

    fn encode(&self) -> String {
        let texts =
            |items: Vec<String>| Value::Array(items.into_iter().map(Value::String).collect());
        let peers = texts(self.peers.iter().map(ToString::to_string).collect());
        let block = texts(self.block.iter().map(ToString::to_string).collect());
        format!("peers = {peers}\nblock = {block}\n")
    }
}

/// Makes a running node do what the file says, whenever it changes.
pub(crate) struct Watcher {
    folder: PathBuf,
    seen: Option<SystemTime>,
    current: Neighbours,
}

impl Watcher {
    /// Begins with what the node was started with.
    pub(crate) fn new(folder: PathBuf, current: Neighbours) -> Self {
        let seen = changed_at(&folder);
        Self { folder, seen, current }
    }

    /// Watches for ever.
    pub(crate) async fn watch(mut self, node: Node) {
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let changed = changed_at(&self.folder);
            if changed == self.seen {
                continue;
            }
            self.seen = changed;
            match Neighbours::read(&self.folder) {
                Ok(next) => self.follow(&node, next).await,
                Err(error) => tracing::warn!("{error:#}"),
            }
        }
    }

    async fn follow(&mut self, node: &Node, next: Neighbours) {
        let Some(network) = node.network() else { return };
        for peer in next.peers.iter().filter(|peer| !self.current.peers.contains(peer)) {
            node.keep_peer(peer.address.clone(), peer.id).await;
        }
        for peer in self.current.peers.iter().filter(|peer| !next.peers.contains(peer)) {
            network.forget(peer.address.clone()).await;
        }
        for peer in next.block.difference(&self.current.block) {
            network.block(*peer);
        }
        for peer in self.current.block.difference(&next.block) {
            network.unblock(peer);
        }
        self.current = next;
    }
}

fn changed_at(folder: &Path) -> Option<SystemTime> {
    fs::metadata(folder.join(FILE_NAME)).ok()?.modified().ok()
}

#[cfg(test)]
mod tests {
    use super::Neighbours;

    const ID: &str = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(
            Neighbours::read(folder.path()).expect("nothing is there"),
            Neighbours::default()
        );
        let peers = ["192.0.2.1:2022", &format!("{ID}@a.example:1")]
            .map(|peer| peer.parse().expect("a peer"));
        let block = [ID.parse().expect("an id")].into();
        let neighbours = Neighbours { peers: peers.to_vec(), block };
        neighbours.write(folder.path()).expect("it is written");
        assert_eq!(Neighbours::read(folder.path()).expect("it is there"), neighbours);
        assert_eq!(std::fs::read_dir(folder.path()).expect("files").count(), 1);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, expected) in [
            ("peer = []", "found `peer`"),
            ("peers = 1", "expected a list"),
            ("peers = [\"x\"]", "HOST:PORT"),
            ("block = [\"12D3\"]", "peer id"),
        ] {
            let error = Neighbours::parse(text).expect_err(text);
            assert!(error.contains(expected), "{error}");
        }
    }
}
