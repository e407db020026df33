//! Three nodes in a row: they catch up, are parted, are edited on both sides, and come together.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use pandan_node::{Config, Node, Replication, Storage};
use pandan_operations::{DocumentViewId, Operation};
use pandan_store::heads::{Head, HeadRange};
use serde_json::json;

use super::festival::{fields, text};
use super::people::People;
use super::programme::{Programme, Schemas};
use crate::client::Client;
use crate::running::RunningNode;
use crate::table::Table;

/// The three of them; the second is connected with both others.
#[derive(Debug)]
pub(crate) struct Mesh<'a> {
    first: &'a RunningNode,
    second: RunningNode,
    third: RunningNode,
}

/// What went over the wire until all had the same.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Exchange {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

/// Events that are edited on each side while the nodes are parted.
pub(crate) const EDITED_APART: usize = 20;

/// A free port that only this machine can reach.
pub(crate) const ANY_PORT: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// How long nodes may take to agree.
const PATIENCE: Duration = Duration::from_secs(60);

/// How to replicate within a demonstration: with nobody outside of this machine.
pub(crate) fn replication() -> Replication {
    Replication::at(ANY_PORT)
}

impl<'a> Mesh<'a> {
    /// Starts two more nodes, without anything, and connects all.
    pub(crate) fn join(first: &'a RunningNode, folder: &Path) -> anyhow::Result<(Self, Exchange)> {
        let start = |name: &str| {
            let mut config = Config::default();
            config.storage = Storage::Folder(folder.join(name));
            config.http = Some(ANY_PORT);
            config.replication = Some(replication());
            RunningNode::start(config)
        };
        let mesh = Self { first, second: start("second")?, third: start("third")? };
        mesh.second.block_on(keep(mesh.second.node(), mesh.first.node()));
        mesh.third.block_on(keep(mesh.third.node(), mesh.second.node()));
        let exchange = mesh.settle(Exchange::default())?;
        Ok((mesh, exchange))
    }

    /// Cuts the third one off.
    pub(crate) fn part(&self) -> anyhow::Result<()> {
        let (second, third) = (self.second.node(), self.third.node());
        let pair = second.network().zip(third.network()).context("the nodes do not replicate")?;
        pair.0.block(pair.1.peer());
        pair.1.block(pair.0.peer());
        self.third.wait_until(PATIENCE, || {
            third.sync_status().peers.iter().all(|peer| !peer.is_connected)
        })
    }

    /// Lets both sides find each other again; gives what they exchanged until all are equal.
    pub(crate) fn heal(&self) -> anyhow::Result<Exchange> {
        let before = self.exchanged();
        let (second, third) = (self.second.node(), self.third.node());
        let pair = second.network().zip(third.network()).context("the nodes do not replicate")?;
        pair.0.unblock(&pair.1.peer());
        pair.1.unblock(&pair.0.peer());
        let address = second.quic_address().context("the node does not listen")?;
        self.third.block_on(pair.1.dial(address, Some(pair.0.peer())))?;
        self.settle(before)
    }

    /// Publishes on the first node and waits until the third one shows it.
    pub(crate) fn pass_on(
        &self,
        schemas: &Schemas,
        programme: &Programme,
    ) -> anyhow::Result<Duration> {
        let (here, there) = (self.client(self.first)?, self.client(&self.third)?);
        let begin = Instant::now();
        let news = "Doors open now";
        let event = programme.events[0];
        let people = People::new(&here);
        let view = view(&here, schemas, event)?;
        people.publish(0, &retitle(schemas, view, news))?;
        let query = format!(
            "{{ event: {}(id: \"{event}\") {{ fields {{ title }} }} }}",
            schemas.event.id()
        );
        self.third.wait_until(PATIENCE, || {
            let shown = there.query(&query, &json!({}));
            shown.is_ok_and(|data| data["event"]["fields"]["title"] == news)
        })?;
        Ok(begin.elapsed())
    }

    /// Edits the same events on both sides, by different people.
    pub(crate) fn edit_apart(
        &self,
        schemas: &Schemas,
        programme: &Programme,
    ) -> anyhow::Result<usize> {
        let sides =
            [(self.client(self.first)?, 0, "indoors"), (self.client(&self.third)?, 3, "outdoors")];
        for (client, from, place) in &sides {
            let people = People::new(client);
            for (index, event) in programme.events.iter().step_by(7).take(EDITED_APART).enumerate()
            {
                let view = view(client, schemas, *event)?;
                people
                    .publish(from + index % 3, &retitle(schemas, view, &format!("Now {place}")))?;
            }
        }
        let (here, there) = (self.heads(self.first)?, self.heads(&self.third)?);
        ensure!(here != there, "nodes that are parted cannot have the same");
        Ok(2 * EDITED_APART)
    }

    /// The third node over HTTP.
    pub(crate) fn last(&self) -> anyhow::Result<Client> {
        self.client(&self.third)
    }

    pub(crate) fn table(&self) -> Table {
        let mut table =
            Table::new(["node", "entries in", "entries out", "KiB in", "KiB out", "sessions"]);
        for (name, node) in ["first", "second", "third"].iter().zip(self.nodes()) {
            let totals = node.node().sync_status().totals;
            table.row([
                (*name).to_owned(),
                totals.received.to_string(),
                totals.sent.to_string(),
                (totals.bytes_in / 1024).to_string(),
                (totals.bytes_out / 1024).to_string(),
                totals.sessions.to_string(),
            ]);
        }
        table
    }

    pub(crate) fn stop(self) {
        self.third.stop();
        self.second.stop();
    }

    const fn nodes(&self) -> [&RunningNode; 3] {
        [self.first, &self.second, &self.third]
    }

    fn client(&self, node: &RunningNode) -> anyhow::Result<Client> {
        Ok(Client::new(&node.url().context("the node does not listen")?))
    }

    /// Waits until all have the same logs, and tells what was exchanged.
    fn settle(&self, before: Exchange) -> anyhow::Result<Exchange> {
        self.third.wait_until(PATIENCE, || {
            let heads = self.nodes().map(|node| self.heads(node));
            let [Ok(one), Ok(two), Ok(three)] = heads else { return false };
            one == two && two == three
        })?;
        let after = self.exchanged();
        Ok(Exchange { entries: after.entries - before.entries, bytes: after.bytes - before.bytes })
    }

    /// All that came to any of them.
    fn exchanged(&self) -> Exchange {
        let totals = self.nodes().map(|node| node.node().sync_status().totals);
        totals.iter().fold(Exchange::default(), |sum, totals| Exchange {
            entries: sum.entries + totals.received,
            bytes: sum.bytes + totals.bytes_in,
        })
    }

    fn heads(&self, node: &RunningNode) -> anyhow::Result<Vec<Head>> {
        let known = node.node().schemas();
        let ranges: Vec<_> =
            known.iter().map(|known| HeadRange::all(known.schema.id().clone())).collect();
        let reading = node.node().read(move |snapshot| snapshot.heads(&ranges, usize::MAX));
        let heads = node.block_on(reading)?;
        let mut heads: Vec<_> = heads.into_iter().map(|found| found.head).collect();
        heads.sort_by_key(Head::place);
        Ok(heads)
    }
}

async fn keep(node: &Node, other: &Node) {
    if let Some(address) = other.quic_address() {
        node.keep_peer(address, other.peer_id()).await;
    }
}

fn retitle(schemas: &Schemas, previous: DocumentViewId, title: &str) -> Operation {
    let schema = schemas.event.id().clone();
    Operation::Update { schema, previous, fields: fields([("title", text(title))]) }
}

/// The latest state of an event on a node.
fn view(
    client: &Client,
    schemas: &Schemas,
    event: pandan_operations::DocumentId,
) -> anyhow::Result<DocumentViewId> {
    let query =
        format!("{{ event: {}(id: \"{event}\") {{ meta {{ viewId }} }} }}", schemas.event.id());
    let data = client.query(&query, &json!({}))?;
    let view = data["event"]["meta"]["viewId"].as_str().context("the event is gone")?;
    Ok(view.parse()?)
}
