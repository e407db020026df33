//! `pandan sync`: how a node replicates with others.

use std::io::{self, IsTerminal, Read};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::parts;
use crate::arguments::NodeArgs;
use crate::client::{Client, ClientError};
use crate::fields::short;
use crate::output::Output;
use crate::style::{BOLD, DIM, GOOD, WARN, clean, paint};
use crate::table::Table;

/// How often the live view is drawn anew.
const REFRESH: Duration = Duration::from_millis(500);

/// What to see of replication, and what to fetch.
#[derive(Debug, Subcommand)]
pub(crate) enum SyncCommand {
    /// Show with whom a node replicates and how far it is, until Ctrl-C
    Status(Status),
    /// Fetch a document at its latest view, or the newest part of a log, and hold it in part
    Fetch(parts::Fetch),
    /// Show what a node holds only a part of
    Parts(parts::Parts),
    /// Fetch all of a document of which a part is held, with its schema
    Complete(parts::Complete),
    /// Let go what is held in part
    Forget(parts::Forget),
}

impl SyncCommand {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        match self {
            Self::Status(command) => command.run(out),
            Self::Fetch(command) => command.run(out),
            Self::Parts(command) => command.run(out),
            Self::Complete(command) => command.run(out),
            Self::Forget(command) => command.run(out),
        }
    }
}

/// Show with whom a node replicates and how far it is, until Ctrl-C
#[derive(Args, Debug)]
pub(crate) struct Status {
    /// Show it once; so it is where output is no terminal, and with --json
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    node: NodeArgs,
}

impl Status {
    fn run(self, out: Output) -> anyhow::Result<()> {
        let client = self.node.client();
        let mut status = read(&client)?;
        if !is_live(
            self.once || out.is_json(),
            io::stdout().is_terminal(),
            io::stderr().is_terminal(),
        ) {
            out.show(&status, || describe(&status))?;
            return Ok(());
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        loop {
            bar.set_message(describe(&status).trim_end().to_owned());
            bar.tick();
            thread::sleep(REFRESH);
            status = read(&client)?;
        }
    }
}

/// Whether the view goes on. It is drawn on standard error, and who sends standard output somewhere
/// else waits for what comes there.
const fn is_live(is_once: bool, stdout_is_terminal: bool, stderr_is_terminal: bool) -> bool {
    !is_once && stdout_is_terminal && stderr_is_terminal
}

/// What the node tells of its peers.
pub(crate) fn read(client: &Client) -> Result<Value, ClientError> {
    let (_, body) = client.get("/peers")?;
    let mut text = String::new();
    body.take(ANSWER_MAX)
        .read_to_string(&mut text)
        .map_err(|error| client.not_a_node(format!("/peers: {error}")))?;
    let status: Option<Value> = serde_json::from_str(&text).ok();
    status
        .filter(|status| status["peers"].is_array())
        .ok_or_else(|| client.not_a_node("/peers does not answer with peers"))
}

/// Longer than the answer about as many peers as a node knows, each with as many schemas as are
/// counted.
const ANSWER_MAX: u64 = 256 * 1024 * 1024;

fn peers(status: &Value) -> &[Value] {
    status["peers"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Who is there.
pub(crate) fn peers_table(status: &Value) -> String {
    if status["replicates"] == false {
        return String::from(
            "The node is offline: it was started with --offline or without QUIC.\n",
        );
    }
    if peers(status).is_empty() {
        return String::from("No peers yet.\n");
    }
    let mut table = Table::new(["peer", "address", "state"]);
    for peer in peers(status) {
        let state = match (peer["connected"] == true, peer["incoming"] == true) {
            (false, _) if peer["left_unix_seconds"].is_u64() => {
                format!("gone, {}", ago(&peer["left_unix_seconds"]))
            }
            (false, _) => String::from("gone"),
            (true, true) => String::from("connected, it dialled"),
            (true, false) => String::from("connected"),
        };
        let version = if is_old(peer) { ", version 1" } else { "" };
        let state = format!("{state}{version}");
        table.row([text(&peer["peer"]), text(&peer["address"]), state]);
    }
    table.render()
}

fn describe(status: &Value) -> String {
    if status["replicates"] == false || peers(status).is_empty() {
        return peers_table(status);
    }
    let mut table =
        Table::new(["peer", "session", "in", "out", "to come", "KiB in", "KiB out", "alike"]);
    let mut failures = String::new();
    for peer in peers(status) {
        let session = &peer["session"];
        let sum = |name: &str| number(&peer["totals"][name]) + number(&session["totals"][name]);
        table.row([
            short(&text(&peer["peer"])),
            phase(peer),
            sum("received").to_string(),
            sum("sent").to_string(),
            coming(session),
            (sum("bytes_in") / 1024).to_string(),
            (sum("bytes_out") / 1024).to_string(),
            ago(&peer["agreed_unix_seconds"]),
        ]);
        if let Some(failure) = peer["failure"].as_str() {
            let name = short(&text(&peer["peer"]));
            failures += &format!("  {} {name}: {}\n", paint(WARN, '!'), clean(failure));
        }
    }
    let totals = &status["totals"];
    let line = format!(
        "{} entries in, {} of them stored, {} refused; {} out",
        totals["received"], totals["stored"], totals["refused"], totals["sent"]
    );
    let title = paint(BOLD, "Replication");
    let (table, line) = (table.render(), paint(DIM, line));
    format!("{title}\n{table}{failures}{}{}{line}\n", schemas(status), forks(status))
}

/// How many rows of schemas are shown.
const SCHEMAS_SHOWN: usize = 20;

/// What came and went of each schema; nothing before something did.
fn schemas(status: &Value) -> String {
    let rows = peers(status).iter().flat_map(|peer| {
        let schemas = peer["schemas"].as_array().map(Vec::as_slice).unwrap_or_default();
        schemas.iter().map(move |schema| (peer, schema))
    });
    let mut rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return String::new();
    }
    let moved = |schema: &Value| number(&schema["received"]) + number(&schema["sent"]);
    rows.sort_by_key(|(_, schema)| std::cmp::Reverse((number(&schema["missing"]), moved(schema))));
    let mut table =
        Table::new(["peer", "schema", "missing", "in", "out", "KiB in", "KiB out", "alike"]);
    for (peer, schema) in rows.iter().take(SCHEMAS_SHOWN) {
        let count = |name: &str| number(&schema[name]).to_string();
        let kib = |name: &str| (number(&schema[name]) / 1024).to_string();
        table.row([
            short(&text(&peer["peer"])),
            schema_name(&text(&schema["schema"])),
            missing(schema),
            count("received"),
            count("sent"),
            kib("bytes_in"),
            kib("bytes_out"),
            ago(&schema["agreed_unix_seconds"]),
        ]);
    }
    let more = rows.len().saturating_sub(SCHEMAS_SHOWN);
    let more = if more == 0 { String::new() } else { paint(DIM, format!("… and {more} more\n")) };
    format!("\n{}{more}\n", table.render())
}

/// The name of a schema and the end of its id.
fn schema_name(id: &str) -> String {
    match id.rsplit_once('_') {
        Some((name, view)) => format!("{name}_{}", short(view)),
        None => id.to_owned(),
    }
}

fn missing(schema: &Value) -> String {
    match number(&schema["missing"]) {
        0 => String::from("0"),
        missing => format!("{missing} ({} % here)", number(&schema["percent"])),
    }
}

/// Logs that have forked, and the documents that these change.
fn forks(status: &Value) -> String {
    let forks = &status["forks"];
    let known = number(&forks["known"]);
    if known == 0 {
        return String::new();
    }
    let logs = if known == 1 { "log has" } else { "logs have" };
    let mark = paint(WARN, '!');
    let mut lines = format!("  {mark} {known} {logs} forked; `pandan fork list` shows all\n");
    let latest = forks["latest"].as_array().map(Vec::as_slice).unwrap_or_default();
    for fork in latest {
        let document = match fork["document"].as_str() {
            Some(document) => format!("document {}", short(&clean(document))),
            None => String::from("no document"),
        };
        lines += &format!(
            "    log {} of {} from entry {} on: {document}, {}\n",
            text(&fork["log_id"]),
            short(&text(&fork["author"])),
            text(&fork["seq_num"]),
            ago(&fork["at_unix_seconds"]),
        );
    }
    lines
}

fn phase(peer: &Value) -> String {
    match (peer["connected"] == true, peer["session"]["phase"].as_str()) {
        (false, _) => paint(DIM, "gone"),
        (true, Some("live")) => paint(GOOD, "live"),
        (true, Some(phase)) => clean(phase),
        // Its sessions are short, and far between.
        (true, None) if is_old(peer) => String::from("version 1"),
        (true, None) => String::from("idle"),
    }
}

/// Whether version 1 of the protocol is spoken with it.
fn is_old(peer: &Value) -> bool {
    peer["connected"] == true && peer["version"] == 1
}

fn coming(session: &Value) -> String {
    match number(&session["expected"]) {
        0 => String::from("0"),
        expected => format!("{expected} ({} %)", number(&session["percent"])),
    }
}

/// How long ago something was, such as that both had the same.
fn ago(seconds: &Value) -> String {
    let Some(then) = seconds.as_u64() else { return String::from("not yet") };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    match now.saturating_sub(then) {
        ago @ 0..120 => format!("{ago} s ago"),
        ago @ 120..7200 => format!("{} min ago", ago / 60),
        ago => format!("{} h ago", ago / 3600),
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn text(value: &Value) -> String {
    clean(value.as_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{describe, is_live, peers_table};

    /// `pandan sync status > file` went on for ever and wrote nothing.
    #[test]
    fn the_view_goes_on_for_those_who_look_at_it_only() {
        assert!(is_live(false, true, true));
        for (is_once, stdout, stderr) in
            [(true, true, true), (false, false, true), (false, true, false)]
        {
            assert!(!is_live(is_once, stdout, stderr));
        }
    }

    #[test]
    fn who_speaks_version_1_is_told_apart() {
        let peer = |version: u64, connected: bool| {
            json!({ "peer": format!("12D3KooW{version}"), "address": "192.0.2.1:2022",
                "incoming": true, "connected": connected, "version": version, "session": null,
                "totals": {}, "agreed_unix_seconds": null, "failure": null })
        };
        let status = |peer| json!({ "replicates": true, "peers": [peer], "totals": {} });
        for (version, connected, expected) in [(1, true, true), (1, false, false), (2, true, false)]
        {
            let status = status(peer(version, connected));
            assert_eq!(peers_table(&status).contains("version 1"), expected);
            assert_eq!(describe(&status).contains("version 1"), expected);
        }
    }
}
