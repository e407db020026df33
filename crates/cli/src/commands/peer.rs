//! `pandan peer`: with whom a node is connected, and with whom it is to be.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pandan_node::network::PeerId;
use serde_json::{Value, json};

use super::sync;
use crate::arguments::NodeArgs;
use crate::failure::missing;
use crate::folder;
use crate::neighbours::{LOOK_INTERVAL, Neighbours};
use crate::network::Peer;
use crate::output::Output;
use crate::style::{BOLD, DIM, VALUE, paint};

/// What to do with peers.
#[derive(Debug, Subcommand)]
pub(crate) enum PeerCommand {
    /// List the nodes that a node is, or was, connected with, and those that were added and blocked
    List(List),
    /// Stay connected with a node from now on
    Add(Add),
    /// No longer stay connected with a node
    Remove(Remove),
    /// Keep a node out from now on
    Block(Block),
    /// Let a node in again
    Unblock(Unblock),
}

impl PeerCommand {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run(out),
            Self::Add(Add { peer, folder }) => {
                folder.change(out, &format!("stays connected with {peer}"), |neighbours| {
                    neighbours.add(peer.clone());
                    Ok(())
                })
            }
            Self::Remove(Remove { peer, folder }) => {
                folder.change(out, &format!("does not stay connected with {peer}"), |neighbours| {
                    let count = neighbours.peers.len();
                    neighbours.peers.retain(|known| *known != peer);
                    if neighbours.peers.len() == count {
                        return Err(missing(not_added(&peer, neighbours)));
                    }
                    Ok(())
                })
            }
            Self::Block(Block { peer, folder }) => {
                folder.change(out, &format!("keeps {peer} out"), |neighbours| {
                    neighbours.block.insert(peer);
                    Ok(())
                })
            }
            Self::Unblock(Unblock { peer, folder }) => {
                folder.change(out, &format!("lets {peer} in"), |neighbours| {
                    if neighbours.block.remove(&peer) {
                        return Ok(());
                    }
                    Err(missing(format!("{peer} was not kept out with `pandan peer block`")))
                })
            }
        }
    }
}

fn not_added(peer: &Peer, neighbours: &Neighbours) -> String {
    let known: Vec<_> = neighbours.peers.iter().map(ToString::to_string).collect();
    match known.as_slice() {
        [] => format!("{peer} was not added, and no other; its settings may name it"),
        known => format!("{peer} was not added; there are: {}", known.join(", ")),
    }
}

/// Which node is meant.
#[derive(Args, Debug)]
struct Folder {
    /// Folder of the node [default: pandan in the folder for data of the system]
    #[arg(long, value_name = "DIR", env = "PANDAN_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

impl Folder {
    fn change(
        self,
        out: Output,
        what: &str,
        change: impl FnOnce(&mut Neighbours) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let folder = folder::named_or_default(self.data_dir)?;
        let mut neighbours = Neighbours::read(&folder)?;
        change(&mut neighbours)?;
        neighbours.write(&folder)?;
        let peers: Vec<_> = neighbours.peers.iter().map(ToString::to_string).collect();
        let block: Vec<_> = neighbours.block.iter().map(ToString::to_string).collect();
        let value = json!({ "data_dir": folder, "peers": peers, "block": block });
        out.show(&value, || {
            let shown = paint(VALUE, folder.display());
            let seconds = LOOK_INTERVAL.as_secs();
            let when = format!("within {seconds} s if it runs, else when it is started");
            format!(
                "The node in {shown} {what}.\n{}\n",
                paint(DIM, format!("It takes this up {when}."))
            )
        })?;
        Ok(())
    }
}

/// List the nodes that a node is, or was, connected with, and those that were added and blocked
#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    folder: Folder,
}

impl List {
    fn run(self, out: Output) -> anyhow::Result<()> {
        let status = sync::read(&self.node.client())?;
        // A node elsewhere has its folder there.
        let folder = folder::named_or_default(self.folder.data_dir).ok();
        let told = folder.as_deref().map(Neighbours::read).transpose()?.unwrap_or_default();
        let peers = status["peers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let values: Vec<Value> = peers
            .iter()
            .map(|peer| {
                json!({
                    "peer": peer["peer"],
                    "address": peer["address"],
                    "incoming": peer["incoming"],
                    "connected": peer["connected"],
                    "version": peer["version"],
                    "left_unix_seconds": peer["left_unix_seconds"],
                })
            })
            .collect();
        let added: Vec<_> = told.peers.iter().map(ToString::to_string).collect();
        let blocked: Vec<_> = told.block.iter().map(ToString::to_string).collect();
        let value = json!({ "peers": values, "added": added, "blocked": blocked });
        out.show(&value, || {
            let added = section("Added with `pandan peer add`:", &added);
            let blocked = section("Kept out with `pandan peer block`:", &blocked);
            sync::peers_table(&status) + &added + &blocked
        })?;
        Ok(())
    }
}

fn section(title: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
    format!("\n{}\n{lines}", paint(BOLD, title))
}

/// Stay connected with a node from now on
#[derive(Args, Debug)]
pub(crate) struct Add {
    /// HOST:PORT, or PEER_ID@HOST:PORT to be sure who is there
    #[arg(value_name = "ADDRESS")]
    peer: Peer,
    #[command(flatten)]
    folder: Folder,
}

/// No longer stay connected with a node
#[derive(Args, Debug)]
pub(crate) struct Remove {
    /// The address as it was added
    #[arg(value_name = "ADDRESS")]
    peer: Peer,
    #[command(flatten)]
    folder: Folder,
}

/// Keep a node out from now on
#[derive(Args, Debug)]
pub(crate) struct Block {
    /// Its id, such as `pandan peer list` shows
    peer: PeerId,
    #[command(flatten)]
    folder: Folder,
}

/// Let a node in again
#[derive(Args, Debug)]
pub(crate) struct Unblock {
    /// Its id
    peer: PeerId,
    #[command(flatten)]
    folder: Folder,
}
