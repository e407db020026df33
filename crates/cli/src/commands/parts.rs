//! `pandan sync fetch` and what belongs to it: what a node holds only a part of.

use std::io::Read;
use std::str::FromStr;

use anyhow::Context;
use clap::{Args, value_parser};
use pandan_bamboo::LogId;
use pandan_identity::{PublicKey, hex};
use pandan_node::MAX_NEWEST;
use pandan_node::network::PeerId;
use pandan_operations::{DocumentId, Operation, RawValue};
use serde_json::{Map, Value, json};

use crate::arguments::NodeArgs;
use crate::client::{Client, ClientError};
use crate::failure::{missing, unverified, usage};
use crate::fields::short;
use crate::output::Output;
use crate::style::{BOLD, DIM, GOOD, VALUE, WARN, clean, paint};
use crate::table::Table;

/// Longer than the answer about the largest part.
const ANSWER_MAX: u64 = 64 * 1024 * 1024;

/// What to say when nobody has what was asked for.
const NOBODY_HAS_IT: &str =
    "no peer that was asked has it, or replicates its schema; see `pandan peer list`";

const NOT_HELD: &str = "nothing is held of it in part; see `pandan sync parts`";

/// A document, or a log.
#[derive(Args, Debug)]
struct Subject {
    /// The document
    document: Option<DocumentId>,
    /// The newest part of a log instead: AUTHOR/LOG_ID
    #[arg(long, value_name = "AUTHOR/LOG_ID", conflicts_with = "document")]
    log: Option<Log>,
}

/// The name of a log.
#[derive(Clone, Debug)]
struct Log {
    author: PublicKey,
    log_id: LogId,
}

impl FromStr for Log {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected AUTHOR/LOG_ID, such as 7cf4…/0, found {text:?}");
        let (author, log_id) = text.split_once('/').ok_or_else(expected)?;
        let author = author.parse().map_err(|error| format!("{error}"))?;
        Ok(Self { author, log_id: log_id.parse().map_err(|_| expected())? })
    }
}

impl Subject {
    /// What the node is told of it; none when nothing is named.
    fn members(&self) -> Option<Map<String, Value>> {
        let members = match (&self.document, &self.log) {
            (Some(id), _) => json!({ "document": id.to_string() }),
            (None, Some(Log { author, log_id })) => {
                json!({ "author": author.to_string(), "log_id": log_id.to_string() })
            }
            (None, None) => return None,
        };
        members.as_object().cloned()
    }

    fn named(&self) -> anyhow::Result<Map<String, Value>> {
        self.members().ok_or_else(|| usage("name a document, or a log with --log AUTHOR/LOG_ID"))
    }

    fn path(&self) -> Option<String> {
        match (&self.document, &self.log) {
            (Some(id), _) => Some(format!("/parts/{id}")),
            (None, Some(Log { author, log_id })) => Some(format!("/parts/{author}/{log_id}")),
            (None, None) => None,
        }
    }
}

/// Fetch a document at its latest view, or the newest part of a log, and hold it in part
#[derive(Args, Debug)]
pub(crate) struct Fetch {
    #[command(flatten)]
    subject: Subject,
    #[arg(long, value_name = "N", requires = "log", default_value_t = 1, help = newest_help(),
        value_parser = value_parser!(u64).range(1..=MAX_NEWEST))]
    newest: u64,
    /// Leave out payloads, but for those without which nothing can be verified
    #[arg(long, conflicts_with = "left_out")]
    without_payloads: bool,
    /// Fetch the payloads that were left out before
    #[arg(long)]
    left_out: bool,
    /// Whom to ask; without it, everybody who is connected, one after the other
    #[arg(long, value_name = "PEER_ID")]
    peer: Option<PeerId>,
    #[command(flatten)]
    node: NodeArgs,
}

fn newest_help() -> String {
    format!("How many of the newest entries of the log to fetch, 1 to {MAX_NEWEST}")
}

impl Fetch {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        let mut members = self.subject.named()?;
        add_peer(&mut members, self.peer);
        let client = self.node.client();
        let answer = if self.left_out {
            post(&client, "/parts/payloads", members)?
        } else {
            if self.subject.log.is_some() {
                members.insert(String::from("newest"), json!(self.newest));
            }
            members.insert(String::from("without_payloads"), json!(self.without_payloads));
            post(&client, "/parts", members)?
        };
        match answer["outcome"].as_str() {
            Some("kept" | "stored") => out.show(&answer, || describe_fetched(&answer))?,
            Some("nothing") => {
                return Err(missing(NOBODY_HAS_IT));
            }
            Some("too_much") => {
                return Err(missing(
                    "it is more than is told in part: ask for less, leave payloads out with \
                     --without-payloads, or fetch all of it with `pandan sync complete`",
                ));
            }
            Some("forked") => return Err(unverified(describe_forks(&answer))),
            _ => return Err(client.not_a_node("/parts does not say what came of it").into()),
        }
        Ok(())
    }
}

/// Show what a node holds only a part of
#[derive(Args, Debug)]
pub(crate) struct Parts {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    node: NodeArgs,
}

impl Parts {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        let client = self.node.client();
        let Some(path) = self.subject.path() else {
            let parts = get(&client, "/parts")?;
            out.show(&parts, || describe_parts(&parts))?;
            return Ok(());
        };
        let mut part = get(&client, &path).map_err(|error| match error.downcast_ref() {
            Some(ClientError::Refused { .. }) => missing(NOT_HELD),
            _ => error,
        })?;
        add_values(&mut part);
        out.show(&part, || describe_part(&part))?;
        Ok(())
    }
}

/// Fetch all of a document of which a part is held, with its schema
#[derive(Args, Debug)]
pub(crate) struct Complete {
    #[command(flatten)]
    subject: Subject,
    /// Whom to ask; without it, everybody who is connected, one after the other
    #[arg(long, value_name = "PEER_ID")]
    peer: Option<PeerId>,
    #[command(flatten)]
    node: NodeArgs,
}

impl Complete {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        let mut members = self.subject.named()?;
        add_peer(&mut members, self.peer);
        let answer = post(&self.node.client(), "/parts/complete", members)?;
        let completed = &answer["completed"];
        if completed.is_null() {
            return Err(missing(NOBODY_HAS_IT));
        }
        out.show(&answer, || {
            let line = format!(
                "{} entries stored, {} known before, {} waiting, {} refused",
                completed["stored"], completed["known"], completed["waiting"], completed["refused"]
            );
            match answer["held_in_part"] == true {
                false => paint(GOOD, format!("✓ {line}")),
                true => format!("{}\n{line}", paint(WARN, "! It is still held only in part.")),
            }
        })?;
        Ok(())
    }
}

/// Let go what is held in part
#[derive(Args, Debug)]
pub(crate) struct Forget {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    node: NodeArgs,
}

impl Forget {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        let answer = post(&self.node.client(), "/parts/forget", self.subject.named()?)?;
        if answer["forgotten"] != true {
            return Err(missing(NOT_HELD));
        }
        out.show(&answer, || String::from("It is no longer held in part."))?;
        Ok(())
    }
}

fn add_peer(members: &mut Map<String, Value>, peer: Option<PeerId>) {
    if let Some(peer) = peer {
        members.insert(String::from("peer"), json!(peer.to_string()));
    }
}

/// Has the node do something; what it refuses comes with what can be done about it.
fn post(client: &Client, path: &str, members: Map<String, Value>) -> Result<Value, ClientError> {
    client.post(path, &Value::Object(members)).map_err(|error| match error {
        ClientError::Refused { message, code, requirement } => {
            let message = match code.as_deref().and_then(way_out) {
                Some(way_out) => format!("{message}; {way_out}"),
                None => message,
            };
            ClientError::Refused { message, code, requirement }
        }
        other => other,
    })
}

fn way_out(code: &str) -> Option<&'static str> {
    Some(match code {
        "NODE_OFFLINE" => "start it without --offline, and with QUIC",
        "NOT_CONNECTED" => "see `pandan peer list`, and connect with `pandan peer add`",
        "PEER_DECLINED" | "ASK_ENDED" | "PART_UNVERIFIED" => "name another peer with --peer",
        "NO_PART" => "see `pandan sync parts`",
        _ => return None,
    })
}

fn get(client: &Client, path: &str) -> anyhow::Result<Value> {
    let (_, body) = client.get(path)?;
    let mut text = String::new();
    body.take(ANSWER_MAX).read_to_string(&mut text).with_context(|| format!("reading {path}"))?;
    let answer: Option<Value> = serde_json::from_str(&text).ok();
    Ok(answer.ok_or_else(|| client.not_a_node(format!("{path} does not answer with JSON")))?)
}

/// Puts the values that are there beside the fields that they belong to.
fn add_values(answer: &mut Value) {
    let entries = answer["entries"].as_array().cloned().unwrap_or_default();
    let written: Vec<_> = entries.iter().filter_map(operation).collect();
    let Some(fields) = answer["part"]["fields"].as_array_mut() else { return };
    for field in fields {
        let name = field["name"].as_str().unwrap_or_default().to_owned();
        let found = written.iter().find(|(id, _)| field["operation"] == id.as_str());
        let value = found.and_then(|(_, operation)| operation.fields()?.get(&name));
        field["value"] = value.map_or(Value::Null, raw_to_json);
    }
}

/// The operation of an entry, with its id.
fn operation(entry: &Value) -> Option<(String, Operation)> {
    let bytes = hex::decode_vec(entry["entry"].as_str()?).ok()?;
    let payload = hex::decode_vec(entry["operation"].as_str()?).ok()?;
    let id = pandan_bamboo::Hash::of(&bytes).to_string();
    Some((id, Operation::decode(&payload).ok()?))
}

/// A value of which the type is not known, since the schema may not be.
fn raw_to_json(value: &RawValue) -> Value {
    let view =
        |ids: &Vec<pandan_bamboo::Hash>| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    match value {
        RawValue::Bool(value) => json!(value),
        RawValue::Int(value) => json!(value),
        RawValue::Float(value) => json!(value.get()),
        RawValue::Str(text) => json!(text),
        RawValue::Bytes(bytes) => json!(hex::encode(bytes)),
        RawValue::HashList(ids) => json!(view(ids)),
        RawValue::NestedHashList(lists) => lists.iter().map(view).collect(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => clean(text),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn name(part: &Value) -> String {
    match part["document"].as_str() {
        Some(id) => format!("document {}", clean(id)),
        None => format!("log {} of {}", text(&part["log_id"]), text(&part["author"])),
    }
}

fn describe_fetched(answer: &Value) -> String {
    if answer["outcome"] == "stored" {
        return paint(GOOD, "✓ All of it is stored here already.");
    }
    let part = &answer["part"];
    let claim = format!(
        "Whether it is the newest is what {} says; nobody can prove that.",
        short(&text(&part["told_by"]))
    );
    format!(
        "{} {} entries verify, {} of them asked for\nHeld in part: {}\n{}\n",
        paint(GOOD, "✓"),
        part["entries"],
        part["asked"],
        paint(VALUE, name(part)),
        paint(DIM, claim)
    )
}

fn describe_forks(answer: &Value) -> String {
    let forks = answer["forks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let place = |fork: &Value| {
        format!(
            "log {} of {} at entry {}",
            text(&fork["log_id"]),
            text(&fork["author"]),
            text(&fork["seq_num"])
        )
    };
    let places: Vec<_> = forks.iter().map(place).collect();
    format!(
        "its author forked {}; the proof is kept, and nothing else of it (see `pandan fork list`)",
        places.join(", ")
    )
}

fn describe_parts(answer: &Value) -> String {
    let parts = answer["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    if parts.is_empty() {
        return String::from("Nothing is held only in part.\n");
    }
    let mut table = Table::new(["held in part", "id or author", "told by", "entries", "bytes"]);
    for part in parts {
        let (kind, name) = match part["document"].as_str() {
            Some(id) => (String::from("document"), clean(id)),
            None => (format!("log {}", text(&part["log_id"])), text(&part["author"])),
        };
        table.row([
            kind,
            name,
            short(&text(&part["told_by"])),
            part["entries"].to_string(),
            part["bytes"].to_string(),
        ]);
    }
    table.render()
}

fn describe_part(answer: &Value) -> String {
    let part = &answer["part"];
    let title = format!("{}, held in part", name(part));
    let told = format!("told by {}; whether it is the newest is its claim", text(&part["told_by"]));
    let mut shown = format!("{}\n{}\n", paint(BOLD, title), paint(DIM, told));
    if part["deleted"] == true {
        shown += "deleted\n";
    }
    if let Some(fields) = part["fields"].as_array().filter(|fields| !fields.is_empty()) {
        let mut table = Table::new(["field", "value", "set by"]);
        for field in fields {
            let value = match &field["value"] {
                Value::Null => paint(WARN, "left out"),
                value => text(value),
            };
            table.row([text(&field["name"]), value, short(&text(&field["operation"]))]);
        }
        shown += &table.render();
    }
    shown
        + &format!(
            "{} entries, {} asked for, {} of these without payload\n",
            part["entries"], part["asked"], part["without_payload"]
        )
}
