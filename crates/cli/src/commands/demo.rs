//! `pandan demo`: a node at work on real data, and everything that it says checked.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use pandan_node::{Config, Storage};
use pandan_operations::DocumentId;
use pandan_schema::Schema;
use serde_json::{Value, json};

use crate::client::Client;
use crate::demo::audit::{self, Audit};
use crate::demo::drama::{self, Drama};
use crate::demo::mesh::{self, ANY_PORT, Exchange, Mesh};
use crate::demo::people::People;
use crate::demo::programme::{self, Programme, Schemas};
use crate::demo::tour::{self, Tour};
use crate::output::Output;
use crate::running::RunningNode;
use crate::style::{BOLD, DIM, GOOD, VALUE, paint};
use crate::table::Table;

/// Publish a festival to a new node, query it, part and join it with two more, check everything
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// End after the checks instead of leaving the node open to look around
    #[arg(long)]
    once: bool,
    /// Where to listen; a free port unless told
    #[arg(long, value_name = "HOST:PORT", default_value_t = ANY_PORT)]
    http: SocketAddr,
}

/// What was done, how it went and how long it took.
struct Step {
    name: &'static str,
    time: Duration,
    result: String,
}

/// Everything that the demo found.
struct Story {
    schemas: Schemas,
    programme: Programme,
    drama: Drama,
    tour: Tour,
    audit: Audit,
    together: Together,
    steps: Vec<Step>,
}

/// What became of three nodes.
struct Together {
    joined: Exchange,
    healed: Exchange,
    edits: usize,
    table: Table,
}

impl Demo {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        let folder = Scratch::new()?;
        let mut config = Config::default();
        config.storage = Storage::Folder(folder.path.join("first"));
        config.replication = Some(mesh::replication());
        config.http = Some(self.http);
        let node = RunningNode::start(config)?;
        let url = node.url().context("the node does not listen")?;
        out.say(&format!(
            "{} a node at {} with its data in {}\n",
            paint(BOLD, "Started"),
            paint(VALUE, &url),
            folder.path.display()
        ))?;
        let told = self.tell(&node, &url, &folder.path, out);
        if told.is_ok() && !self.once {
            out.say(&invitation(&url))?;
            node.wait_for_signal()?;
        }
        node.stop();
        told
    }

    fn tell(
        &self,
        node: &RunningNode,
        url: &str,
        folder: &Path,
        out: Output,
    ) -> anyhow::Result<()> {
        let story = Story::play(node, folder, &Client::new(url), out)?;
        out.show(&story.json(url), || story.summary())?;
        Ok(())
    }
}

impl Story {
    fn play(
        node: &RunningNode,
        folder: &Path,
        client: &Client,
        out: Output,
    ) -> anyhow::Result<Self> {
        let mut steps = Steps { out, steps: Vec::new() };
        let mut people = People::new(client);
        let begin = Instant::now();
        let schemas = programme::define(client, &people)?;
        steps.done(
            "three schemas defined",
            begin,
            format!("{} signed operations", schemas.definitions.len()),
        )?;

        let begin = Instant::now();
        let programme = programme::publish(&mut people, &schemas)?;
        let result =
            format!("{} documents by {} people at the same time", programme.len(), people.len());
        steps.done("a festival published", begin, result)?;

        let begin = Instant::now();
        let drama = drama::play(client, &people, &schemas, &programme)?;
        let result = format!(
            "{} updates, one of them a merge, one deletion, one forgery refused",
            drama.operations - 1
        );
        steps.done("documents edited", begin, result)?;

        let begin = Instant::now();
        let tour = tour::ask(client, &people, &schemas, &programme, &drama)?;
        let result = format!("{} events on {} pages, each once", tour.events, tour.pages);
        steps.done("queries answered", begin, result)?;

        let begin = Instant::now();
        let audit = audit::check(client, &documents(&schemas, &programme))?;
        let result = format!(
            "{} entries in {} logs of {} documents",
            audit.entries, audit.logs, audit.documents
        );
        steps.done("everything checked again", begin, result)?;
        let together = Together::play(node, folder, &schemas, &programme, &mut steps)?;
        Ok(Self { schemas, programme, drama, tour, audit, together, steps: steps.steps })
    }

    fn summary(&self) -> String {
        let evening = &self.tour.evening;
        let query = evening.query.lines().map(|line| format!("  {}\n", paint(DIM, line)));
        [
            title("Saturday for 20 or less, dearest first, with relations followed:"),
            query.collect(),
            format!("\n{}  … 6 of {}\n", evening.table.render(), evening.total),
            title("One event, edited by two people at the same time and merged by a third:"),
            self.tour.graph.clone(),
            String::from("\n"),
            self.tour.contest.render(),
            title("Three nodes in a row, what each of them took and gave:"),
            self.together.table.render(),
            title("What was checked, without trusting the node:"),
            self.checks(),
        ]
        .concat()
    }

    fn checks(&self) -> String {
        let Audit { documents, entries, logs } = self.audit;
        let lines = [
            format!("{entries} signatures, and that each entry names its operation by hash"),
            format!("{logs} logs without gaps, every backlink and skiplink"),
            format!(
                "{documents} documents built again from their operations, all equal to the node's"
            ),
            format!("a forged entry was refused: \"{}\"", self.drama.refusal),
            String::from("the deleted event is gone; its history still verifies"),
            String::from("the third node shows the same documents, built from the same entries"),
        ];
        let lines = lines.iter().map(|line| format!("  {} {line}\n", paint(GOOD, '✓')));
        lines.collect()
    }

    fn json(&self, url: &str) -> Value {
        let Schemas { venue, artist, event, definitions } = &self.schemas;
        let Audit { documents, entries, logs } = self.audit;
        let schemas = [venue, artist, event].map(|schema| schema.id().as_str());
        let published = definitions.len() + self.programme.len();
        let steps = self.steps.iter().map(|step| {
            let milliseconds = step.time.as_secs_f64() * 1000.0;
            json!({ "name": step.name, "milliseconds": milliseconds, "result": step.result })
        });
        json!({
            "node": url,
            "held": true,
            "schemas": schemas,
            "documents": self.programme.len(),
            "operations": published + self.drama.operations,
            "contested": self.drama.contested.to_string(),
            "deleted": self.drama.cancelled.to_string(),
            "refusal": self.drama.refusal,
            "replication": {
                "nodes": 3,
                "joined": exchange(self.together.joined),
                "edits_while_parted": self.together.edits,
                "healed": exchange(self.together.healed),
            },
            "verified": { "documents": documents, "entries": entries, "logs": logs },
            "steps": steps.collect::<Vec<_>>(),
        })
    }
}

impl Together {
    fn play(
        node: &RunningNode,
        folder: &Path,
        schemas: &Schemas,
        programme: &Programme,
        steps: &mut Steps,
    ) -> anyhow::Result<Self> {
        let begin = Instant::now();
        let (mesh, joined) = Mesh::join(node, folder)?;
        let told = |exchange: Exchange| {
            format!("{} entries travelled in {} KiB", exchange.entries, exchange.bytes / 1024)
        };
        steps.done("two more nodes caught up", begin, told(joined))?;

        let begin = Instant::now();
        mesh.part()?;
        let edits = mesh.edit_apart(schemas, programme)?;
        let result = format!("{edits} updates, half of them on each side, of the same events");
        steps.done("the third node cut off", begin, result)?;

        let begin = Instant::now();
        let healed = mesh.heal()?;
        steps.done("together again, all the same", begin, told(healed))?;

        let begin = Instant::now();
        let time = mesh.pass_on(schemas, programme)?;
        let result = format!("over two hops in {:.1} ms", time.as_secs_f64() * 1000.0);
        steps.done("news passed on live", begin, result)?;

        let begin = Instant::now();
        let audit = audit::check(&mesh.last()?, &documents(schemas, programme))?;
        let result = format!("{} entries of {} documents", audit.entries, audit.documents);
        steps.done("the third node checked", begin, result)?;
        let table = mesh.table();
        mesh.stop();
        Ok(Self { joined, healed, edits, table })
    }
}

fn exchange(Exchange { entries, bytes }: Exchange) -> Value {
    json!({ "entries": entries, "bytes": bytes })
}

fn title(text: &str) -> String {
    format!("\n{}\n", paint(BOLD, text))
}

/// All documents with their schemas, those that define schemas included.
fn documents<'a>(schemas: &'a Schemas, programme: &'a Programme) -> Vec<(DocumentId, &'a Schema)> {
    let with = |ids: &'a [DocumentId], schema: &'a Schema| ids.iter().map(move |id| (*id, schema));
    let definitions = schemas.definitions.iter().map(|(id, schema)| (*id, schema));
    definitions
        .chain(with(&programme.venues, &schemas.venue))
        .chain(with(&programme.artists, &schemas.artist))
        .chain(with(&programme.events, &schemas.event))
        .collect()
}

/// Says what is done while it is done.
struct Steps {
    out: Output,
    steps: Vec<Step>,
}

impl Steps {
    fn done(&mut self, name: &'static str, begin: Instant, result: String) -> anyhow::Result<()> {
        let time = begin.elapsed();
        let shown = paint(DIM, format!("{:>6.0} ms", time.as_secs_f64() * 1000.0));
        self.out.say(&format!("  {} {shown}  {name}: {result}", paint(GOOD, '✓')))?;
        self.steps.push(Step { name, time, result });
        Ok(())
    }
}

fn invitation(url: &str) -> String {
    // As it was called, so that it can be called again.
    let pandan = std::env::args().next().unwrap_or_else(|| String::from("pandan"));
    let page = paint(VALUE, format!("{url}/graphql"));
    [
        format!("\n{} until you press Ctrl-C:\n", paint(BOLD, "The node goes on running")),
        format!("  queries  {page}\n"),
        format!("  schemas  {pandan} schema list --node {url}\n"),
        format!("  events   {pandan} document list event --node {url} {CONDITIONS}\n"),
        format!("  curl     curl {url}/graphql -H 'content-type: application/json' \\\n"),
        format!("             -d '{{\"query\": \"{QUERY}\"}}'\n"),
    ]
    .concat()
}

/// Examples for people who look around.
const CONDITIONS: &str = "--where day=Sunday --order-by price --first 10";
const QUERY: &str =
    "{ all_schema_definition_v1 { documents { fields { name } meta { viewId } } } }";

/// A folder that goes when the demo does.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        let mut unique = [0; 8];
        getrandom::fill(&mut unique).context("the system gives no randomness")?;
        let name = format!("pandan-demo-{:016x}", u64::from_be_bytes(unique));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left would be in the temporary folder of the system.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
