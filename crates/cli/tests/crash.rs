//! A node is killed at moments made by chance while several write to it; what it acknowledged is
//! there afterwards, and everything holds together.
//!
//! `PANDAN_CRASH_ROUNDS` is how often, `PANDAN_CRASH_SEED` repeats a run as far as chance decides.
#![cfg(unix)]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use common::Desk;
use pandan_bamboo::{EncodedEntry, EntryHash, LogId, NextArgs, SeqNum};
use pandan_identity::KeyPair;
use pandan_operations::{DocumentId, Fields, Operation, OperationId, RawValue, SchemaId};
use pandan_store::query::Selection;
use pandan_store::{SqliteStore, Store};
use serde_json::{Value, json};

const ROUNDS: u64 = 5;
const WRITERS: u64 = 4;
/// A round ends after at most this many acknowledgements.
const MAX_ACKNOWLEDGED: u32 = 120;
/// And at most this much later.
const MAX_DELAY: Duration = Duration::from_millis(20);

#[test]
fn killed_nodes_lose_nothing_that_they_acknowledged() {
    let setting = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let rounds = setting("PANDAN_CRASH_ROUNDS").unwrap_or(ROUNDS);
    let seed = setting("PANDAN_CRASH_SEED").unwrap_or_else(|| {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).expect("the system has randomness");
        u64::from_be_bytes(bytes)
    });
    println!("seed {seed}, {rounds} rounds");
    let mut chance = Chance(seed);
    let mut desk = Desk::with_node();
    let schema: SchemaId = desk.with_book_schema().parse().expect("the id of a schema");
    let mut acknowledged: Vec<Acknowledged> = Vec::new();
    for round in 0..rounds {
        let node = desk.node.as_ref().expect("it runs");
        assert_eq!(node.greeting["durability"], "full");
        let url = node.url.clone();
        let (sender, receiver) = mpsc::channel();
        let common = common_document(&url, &schema, round, &sender);
        std::thread::scope(|scope| {
            for number in 0..WRITERS {
                let mut writer = Writer::new(round, number, &url, &schema, sender.clone());
                scope.spawn(move || writer.write_until_killed(common));
            }
            drop(sender);
            acknowledged.extend(collect(&receiver, &mut chance));
            // Kills it, without a word.
            desk.node = None;
            acknowledged.extend(receiver);
        });
        // As it was left behind, and once more beside the node that took it over.
        holds(&desk, round, acknowledged.len());
        desk.start_node();
        check(&desk.path("data"), &acknowledged);
        holds(&desk, round, acknowledged.len());
    }
    println!("{rounds} rounds, {} entries acknowledged, lost: 0", acknowledged.len());
}

/// Everything in the folder holds together.
fn holds(desk: &Desk, round: u64, acknowledged: usize) {
    let doctor = desk.json(&["doctor", "--data-dir", "data"]);
    assert_eq!(doctor["holds"], true, "round {round}: {doctor}");
    assert!(doctor["entries"].as_u64() >= Some(acknowledged as u64), "round {round}: {doctor}");
}

/// What a node said is stored.
struct Acknowledged {
    entry: EntryHash,
    document: DocumentId,
    is_delete: bool,
}

/// All acknowledged entries are stored, with the documents that they belong to.
fn check(folder: &Path, acknowledged: &[Acknowledged]) {
    let store = SqliteStore::open_read_only(folder.join("pandan.sqlite")).expect("it opens");
    let snapshot = store.snapshot().expect("a snapshot can be taken");
    for Acknowledged { entry, document, is_delete } in acknowledged {
        let found = snapshot.entry(entry).expect("entries can be read");
        assert!(found.is_some_and(|found| found.operation.is_some()), "lost: entry {entry}");
        let found = snapshot.documents(&[*document], &Selection::All);
        let found = found.expect("documents can be read").pop().flatten();
        let found = found.unwrap_or_else(|| panic!("lost: document {document}"));
        assert!(found.is_deleted() || !is_delete, "lost: deletion of {document}");
    }
}

/// What is acknowledged until it is time to kill the node.
fn collect(receiver: &Receiver<Acknowledged>, chance: &mut Chance) -> Vec<Acknowledged> {
    let count = 1 + chance.below(MAX_ACKNOWLEDGED);
    let mut acknowledged: Vec<_> = receiver.iter().take(count as usize).collect();
    let end = Instant::now() + MAX_DELAY * chance.below(1_000) / 1_000;
    while let Ok(next) = receiver.recv_timeout(end.saturating_duration_since(Instant::now())) {
        acknowledged.push(next);
    }
    acknowledged
}

/// A document to which all writers of a round write.
fn common_document(
    url: &str,
    schema: &SchemaId,
    round: u64,
    sender: &Sender<Acknowledged>,
) -> DocumentId {
    let mut writer = Writer::new(round, WRITERS, url, schema, sender.clone());
    let created = writer.create(0).expect("the node answers");
    created.document.expect("it was begun")
}

/// Somebody who writes; new ones come with each round, who know what they have signed.
struct Writer<'a> {
    key_pair: KeyPair,
    url: &'a str,
    schema: &'a SchemaId,
    sender: Sender<Acknowledged>,
    next_log: u64,
}

/// The entries of a writer in one document.
struct Log {
    document: Option<DocumentId>,
    log_id: LogId,
    entries: Vec<EncodedEntry>,
}

impl<'a> Writer<'a> {
    fn new(
        round: u64,
        number: u64,
        url: &'a str,
        schema: &'a SchemaId,
        sender: Sender<Acknowledged>,
    ) -> Self {
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&round.to_be_bytes());
        seed[8..16].copy_from_slice(&number.to_be_bytes());
        Self { key_pair: KeyPair::from_seed(&seed), url, schema, sender, next_log: 0 }
    }

    /// Begins documents, changes and deletes them, and changes the common one beside the others.
    /// None as soon as the node does not answer any more.
    fn write_until_killed(&mut self, common: DocumentId) -> Option<()> {
        let mut shared = self.log(Some(common));
        let mut latest = OperationId::from(common);
        for number in 0.. {
            latest = self.update(&mut shared, latest, number)?;
            let mut log = self.create(number)?;
            let document = log.document.map(OperationId::from)?;
            let changed = self.update(&mut log, document, number)?;
            if number % 3 == 0 {
                let schema = self.schema.clone();
                let delete = Operation::Delete { schema, previous: changed.into() };
                self.append(&mut log, &delete)?;
            }
        }
        None
    }

    fn log(&mut self, document: Option<DocumentId>) -> Log {
        let log_id = LogId::new(self.next_log);
        self.next_log += 1;
        Log { document, log_id, entries: Vec::new() }
    }

    fn create(&mut self, number: i64) -> Option<Log> {
        let title = RawValue::Str(format!("Book {number}"));
        let fields = [("pages", RawValue::Int(number)), ("title", title)];
        let fields = Fields::from_pairs(fields).expect("every field is given once");
        let mut log = self.log(None);
        self.append(&mut log, &Operation::Create { schema: self.schema.clone(), fields })?;
        Some(log)
    }

    fn update(&self, log: &mut Log, previous: OperationId, number: i64) -> Option<OperationId> {
        let fields = Fields::from_pairs([("pages", RawValue::Int(number + 1))]);
        let fields = fields.expect("every field is given once");
        let (schema, previous) = (self.schema.clone(), previous.into());
        self.append(log, &Operation::Update { schema, previous, fields })
    }

    /// Signs an operation, hands it to the node, and tells when it is acknowledged.
    fn append(&self, log: &mut Log, operation: &Operation) -> Option<OperationId> {
        let payload = operation.encode();
        let entry = log.next_args().forge(&self.key_pair, &payload);
        publish(self.url, entry.as_bytes(), &payload)?;
        let hash = entry.hash();
        let document = *log.document.get_or_insert(OperationId::from(hash).into());
        let is_delete = matches!(operation, Operation::Delete { .. });
        log.entries.push(entry);
        // Nobody listens any more when a check failed.
        self.sender.send(Acknowledged { entry: hash, document, is_delete }).ok()?;
        Some(hash.into())
    }
}

impl Log {
    fn next_args(&self) -> NextArgs {
        let Some(latest) = self.entries.last() else { return NextArgs::first(self.log_id) };
        let skiplink = latest.header().seq_num().next().and_then(SeqNum::skiplink);
        let skiplink = skiplink.map(|target| self.hash_at(target));
        NextArgs::after(latest.header(), skiplink).expect("the log has all its entries")
    }

    fn hash_at(&self, seq_num: SeqNum) -> EntryHash {
        let found = self.entries.iter().find(|entry| entry.header().seq_num() == seq_num);
        found.expect("the log has all its entries").hash()
    }
}

/// Hands an entry to a node; none when it does not answer. An answer has to be good.
fn publish(url: &str, entry: &[u8], operation: &[u8]) -> Option<()> {
    let query = format!(
        "mutation {{ publish(entry: \"{}\", operation: \"{}\") {{ logId }} }}",
        hex(entry),
        hex(operation)
    );
    let body = json!({ "query": query }).to_string();
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).ok()?;
    let head = format!("POST /graphql HTTP/1.1\r\nhost: {address}\r\nconnection: close");
    let kind = format!("content-type: application/json\r\ncontent-length: {}", body.len());
    write!(stream, "{head}\r\n{kind}\r\n\r\n{body}").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    // It may have been killed in the middle of its answer.
    let answer: Value = serde_json::from_str(body).ok()?;
    assert!(answer["data"]["publish"]["logId"].is_string(), "{answer}");
    Some(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Numbers made from a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let number = (mixed ^ (mixed >> 31)) % u64::from(limit);
        u32::try_from(number).expect("it is below the limit")
    }
}
