//! `pandan log`: the entries of one author in one log.

use anyhow::Context;
use clap::{Args, Subcommand};
use pandan_bamboo::{Header, LogId};
use pandan_identity::PublicKey;
use pandan_operations::{Action, Operation};
use serde_json::json;

use crate::arguments::NodeArgs;
use crate::client::encode_hex;
use crate::failure::{unverified, usage};
use crate::fields::short;
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
}

impl Source {
    fn entries(&self) -> anyhow::Result<Vec<RawEntry>> {
        let client = self.node.client();
        let mut all = Vec::new();
        loop {
            let from = all.len() as u64 + 1;
            let page = remote::log_entries_page(&client, &self.author, self.log_id, from, ENTRIES)?;
            let last = page.len() < ENTRIES;
            all.extend(page);
            if last {
                break;
            }
        }
        if all.is_empty() {
            return Err(usage(format!("there is no log {} of {}", self.log_id, self.author)));
        }
        Ok(all)
    }
}

/// An entry of which everything was checked.
struct Checked {
    header: Header,
    operation: Option<Operation>,
}

/// Checks each entry for itself and that together they are one log without gaps.
fn verify(entries: &[RawEntry]) -> anyhow::Result<Vec<Checked>> {
    let mut logs = Logs::default();
    let checked = entries.iter().zip(1..).map(|(raw, place)| {
        let fault = |error: &dyn std::fmt::Display| unverified(format!("entry {place}: {error}"));
        let (header, operation) = Proven::check_header(&raw.entry, raw.operation.as_deref())
            .map_err(|error| fault(&error))?;
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
                let operation = raw.operation.as_deref().map(encode_hex);
                out.line(&json!({ "entry": encode_hex(&raw.entry), "operation": operation }))?;
            }
        }
        let checked = verify(&entries)?;
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
        let checked = verify(&self.source.entries()?)?;
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
