//! `pandan log`: the entries of one author in one log.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use pandan_bamboo::{Header, LogId, SeqNum};
use pandan_identity::{PublicKey, hex};
use pandan_operations::{Action, Operation};
use pandan_store::Store;
use serde_json::json;

use crate::arguments::NodeArgs;
use crate::failure::{missing, unverified};
use crate::fields::short;
use crate::folder;
use crate::output::Output;
use crate::proof::{Logs, Proven};
use crate::remote::{self, ENTRIES, RawEntry};
use crate::style::{GOOD, paint};
use crate::table::Table;

/// What to do with logs.
#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Show the entries of a log
    Show(Show),
    /// Verify a log: signatures, payloads, links, no gaps
    Verify(Verify),
}

impl LogCommand {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        match self {
            Self::Show(command) => command.run(out),
            Self::Verify(command) => command.run(out),
        }
    }
}

/// A log and where to read it.
#[derive(Args, Debug)]
struct Source {
    /// Public key of the author
    author: PublicKey,
    /// The log
    log_id: LogId,
    #[command(flatten)]
    node: NodeArgs,
    /// Read from the folder of a node, running or not, instead of asking it
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Source {
    fn entries(&self) -> anyhow::Result<Vec<RawEntry>> {
        let read = match &self.data_dir {
            None => self.ask_node(),
            Some(folder) => self.read_folder(folder),
        };
        let entries = read?;
        if entries.is_empty() {
            return Err(missing(format!("there is no log {} of {}", self.log_id, self.author)));
        }
        Ok(entries)
    }

    fn ask_node(&self) -> anyhow::Result<Vec<RawEntry>> {
        let client = self.node.client();
        pages(|from| {
            Ok(remote::log_entries_page(
                &client,
                &self.author,
                self.log_id,
                from.number(),
                ENTRIES,
            )?)
        })
    }

    fn read_folder(&self, folder: &Path) -> anyhow::Result<Vec<RawEntry>> {
        let in_folder = || folder::failed(folder);
        let store = folder::read(folder)?;
        let snapshot = store.snapshot().with_context(in_folder)?;
        pages(|from| {
            let page = snapshot.log(&self.author, self.log_id, from, ENTRIES);
            let page = page.with_context(in_folder)?.into_iter().map(|stored| RawEntry {
                entry: stored.entry.as_bytes().to_vec(),
                operation: stored.operation,
            });
            Ok(page.collect())
        })
    }
}

/// Reads a log page by page from its beginning.
fn pages(
    page_from: impl Fn(SeqNum) -> anyhow::Result<Vec<RawEntry>>,
) -> anyhow::Result<Vec<RawEntry>> {
    let mut all = Vec::new();
    while let Some(from) = SeqNum::new(all.len() as u64 + 1) {
        let page = page_from(from)?;
        let is_last = page.len() < ENTRIES;
        all.extend(page);
        if is_last {
            break;
        }
    }
    Ok(all)
}

/// An entry of which everything was checked.
struct Checked {
    header: Header,
    operation: Option<Operation>,
}

/// Checks each entry for itself and that together they are the log that was asked for, without
/// gaps.
fn verify(source: &Source, entries: &[RawEntry]) -> anyhow::Result<Vec<Checked>> {
    let mut logs = Logs::default();
    let checked = entries.iter().zip(1..).map(|(raw, place)| {
        let fault = |error: &dyn std::fmt::Display| unverified(format!("entry {place}: {error}"));
        let (header, operation) = Proven::check_header(&raw.entry, raw.operation.as_deref())
            .map_err(|error| fault(&error))?;
        if (header.public_key(), header.log_id()) != (source.author, source.log_id) {
            let (author, log_id) = (header.public_key(), header.log_id());
            return Err(fault(&format!("it belongs to log {log_id} of {author}")));
        }
        logs.push(header).map_err(|error| fault(&error))?;
        Ok(Checked { header, operation })
    });
    checked.collect()
}

/// Show the entries of a log
#[derive(Args, Debug)]
pub(crate) struct Show {
    #[command(flatten)]
    source: Source,
}

impl Show {
    fn run(self, out: Output) -> anyhow::Result<()> {
        let entries = self.source.entries()?;
        if out.is_json() {
            for raw in &entries {
                let operation = raw.operation.as_deref().map(hex::encode);
                out.line(&json!({ "entry": hex::encode(&raw.entry), "operation": operation }))?;
            }
        }
        let checked = verify(&self.source, &entries)?;
        let mut table = Table::new(["seq", "entry", "action", "schema", "bytes", "links"]);
        for Checked { header, operation } in &checked {
            let action = operation.as_ref().map_or("–", |operation| action(operation.action()));
            let schema =
                operation.as_ref().map_or("(deleted)", |operation| operation.schema().name());
            let links = [header.links().skiplink(), header.links().backlink()];
            let links = links.into_iter().flatten().map(|link| short(&link.to_string()));
            table.row([
                header.seq_num().to_string(),
                header.hash().to_string(),
                action.to_owned(),
                schema.to_owned(),
                header.payload_size().to_string(),
                links.collect::<Vec<_>>().join(" "),
            ]);
        }
        out.say(&(table.render() + &good(checked.len())))?;
        Ok(())
    }
}

/// Verify a log: signatures, payloads, links, no gaps
#[derive(Args, Debug)]
pub(crate) struct Verify {
    #[command(flatten)]
    source: Source,
}

impl Verify {
    fn run(self, out: Output) -> anyhow::Result<()> {
        let checked = verify(&self.source, &self.source.entries()?)?;
        let operations = checked.iter().filter(|checked| checked.operation.is_some()).count();
        let last = checked.last().context("a log has entries")?;
        let value = json!({
            "verified": true,
            "entries": checked.len(),
            "operations": operations,
            "last": last.header.hash().to_string(),
        });
        out.show(&value, || good(checked.len()))?;
        Ok(())
    }
}

fn good(count: usize) -> String {
    paint(GOOD, format!("✓ {count} entries verified: signatures, payloads, links, no gaps"))
}

const fn action(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Delete => "delete",
    }
}
