//! The file `neighbours.toml` in the folder of a node: with whom to stay connected, whom to keep
//! out, beside what its settings say. `pandan peer` changes it, and a running node takes it up.
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
use pandan_node::network::{Config, PeerId};
use toml::{Table, Value};

use crate::failure::usage;
use crate::network::Peer;

const FILE_NAME: &str = "neighbours.toml";

/// Name of the file in which a node remembers whom it met.
const PEERS_FILE: &str = "peers.toml";

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

    /// Stays connected with a peer. Of one at the same address it takes the place: there is one.
    pub(crate) fn add(&mut self, peer: Peer) {
        match self.peers.iter_mut().find(|known| known.address == peer.address) {
            Some(known) => *known = peer,
            None => self.peers.push(peer),
        }
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
    /// What the node was told beside the file; that stays.
    settings: Neighbours,
    current: Neighbours,
}

impl Watcher {
    /// Has a node that is to be started do what the file says, and remember in the folder whom it
    /// meets.
    pub(crate) fn begin(folder: PathBuf, network: &mut Config) -> anyhow::Result<Self> {
        let settings = Neighbours {
            peers: network
                .addresses
                .iter()
                .map(|(address, id)| Peer { address: address.clone(), id: *id })
                .collect(),
            block: network.access.block.iter().copied().collect(),
        };
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let seen = changed_at(&folder);
        let current = Neighbours::read(&folder)?;
        let added = current.peers.iter();
        network.addresses.extend(added.map(|peer| (peer.address.clone(), peer.id)));
        network.access.block.extend(&current.block);
        network.peers_file = Some(folder.join(PEERS_FILE));
        Ok(Self { folder, seen, settings, current })
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
        let change = Change::between(&self.settings, &self.current, &next);
        for peer in change.forget {
            network.forget(peer.address).await;
        }
        for peer in change.keep {
            node.keep_peer(peer.address, peer.id).await;
        }
        change.block.into_iter().for_each(|peer| network.block(peer));
        change.unblock.iter().for_each(|peer| network.unblock(peer));
        self.current = next;
    }
}

/// What is to be done when the file has changed, first things first.
#[derive(Debug, Default, PartialEq, Eq)]
struct Change {
    forget: Vec<Peer>,
    keep: Vec<Peer>,
    block: Vec<PeerId>,
    unblock: Vec<PeerId>,
}

impl Change {
    fn between(settings: &Neighbours, before: &Neighbours, after: &Neighbours) -> Self {
        let all = |file: &Neighbours| -> Vec<Peer> {
            settings.peers.iter().chain(&file.peers).cloned().collect()
        };
        let (known, wanted) = (all(before), all(after));
        let forget: Vec<_> = known.iter().filter(|it| !wanted.contains(it)).cloned().collect();
        // An address is forgotten for everybody who was expected there.
        let is_open = |peer: &&Peer| {
            !known.contains(peer) || forget.iter().any(|it| it.address == peer.address)
        };
        let keep = wanted.iter().filter(is_open).cloned().collect();
        let block = after.block.difference(&before.block).copied().collect();
        let unblock = before.block.difference(&after.block);
        let unblock = unblock.filter(|peer| !settings.block.contains(*peer)).copied().collect();
        Self { forget, keep, block, unblock }
    }
}

fn changed_at(folder: &Path) -> Option<SystemTime> {
    fs::metadata(folder.join(FILE_NAME)).ok()?.modified().ok()
}

#[cfg(test)]
mod tests {
    use super::{Change, Neighbours, Peer};

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

    fn neighbours(peers: &[&str], is_blocked: bool) -> Neighbours {
        let peers: Vec<Peer> = peers.iter().map(|peer| peer.parse().expect("a peer")).collect();
        let block = is_blocked.then(|| ID.parse().expect("an id")).into_iter().collect();
        Neighbours { peers, block }
    }

    /// `pandan peer remove` and `unblock` undid what the settings say, and an id that was added for
    /// an address was not asked for where the address had been added before.
    #[test]
    fn the_file_changes_what_it_says_and_not_the_settings() {
        let with_id = format!("{ID}@a.example:1");
        let with_id = with_id.as_str();
        let peers = |peers: &[&str]| neighbours(peers, false).peers;
        let none = neighbours(&[], false);
        let check = |settings: &[&str], before: &[&str], after: &[&str], expected: [&[&str]; 2]| {
            let [settings, before, after] =
                [settings, before, after].map(|list| neighbours(list, false));
            let change = Change::between(&settings, &before, &after);
            let [forget, keep] = expected.map(peers);
            assert_eq!(change, Change { forget, keep, ..Change::default() });
        };
        check(&[], &[], &["a.example:1"], [&[], &["a.example:1"]]);
        check(&[], &["a.example:1"], &[], [&["a.example:1"], &[]]);
        check(&["a.example:1"], &["a.example:1"], &[], [&[], &[]]);
        check(&[], &["a.example:1"], &[with_id], [&["a.example:1"], &[with_id]]);
        check(&["a.example:1"], &[with_id], &[], [&[with_id], &["a.example:1"]]);
        let blocked = neighbours(&[], true);
        let id: Vec<_> = blocked.block.iter().copied().collect();
        let change = Change::between(&none, &none, &blocked);
        assert_eq!(change, Change { block: id.clone(), ..Change::default() });
        let change = Change::between(&none, &blocked, &none);
        assert_eq!(change, Change { unblock: id, ..Change::default() });
        assert_eq!(Change::between(&blocked, &blocked, &none), Change::default());
    }

    #[test]
    fn an_address_is_added_once() {
        let mut added = neighbours(&["a.example:1", "b.example:1"], false);
        added.add(format!("{ID}@a.example:1").parse().expect("a peer"));
        added.add("b.example:1".parse().expect("a peer"));
        let texts: Vec<_> = added.peers.iter().map(ToString::to_string).collect();
        assert_eq!(texts, [format!("{ID}@a.example:1"), String::from("b.example:1")]);
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
