//! Version 1 of replication between stores: two links that talk over pipes in memory, by a clock of
//! their own.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use pandan_admission::Door;
use pandan_bamboo::{LogId, NextArgs};
use pandan_operations::{DocumentId, Operation, SchemaId};
use pandan_replication::legacy::{
    Answer, Config, Effect, Link, Memory, Outcome, Precedence, Query, Received, SchemaSet, Serves,
    StoredEntry, Verdict,
};
use pandan_schema::FieldType;
use pandan_store::conformance::{Author, Signed, contents, fields, text};
use pandan_store::{MemoryStore, Options, Snapshot, SqliteStore, Store};
use pandan_sync::{Intake, legacy};

/// A store with its door and its end of the connection.
struct Side {
    store: Arc<dyn Store>,
    intake: Intake,
    link: Link,
    inbox: VecDeque<u8>,
    outcomes: Vec<Outcome>,
    sent: u64,
}

impl Side {
    fn new(store: Arc<dyn Store>, precedence: Precedence) -> Self {
        let intake = Intake::new(Arc::clone(&store));
        let schemas = schemas(&*store);
        let config = Config { precedence, serves: Serves::Everything, schemas, timestamp: 1 };
        let link = Link::new(config, Memory::new(), 0);
        Self { store, intake, link, inbox: VecDeque::new(), outcomes: Vec::new(), sent: 0 }
    }

    /// Does what the link asks for until it wants nothing more; gives what it sends.
    fn work(&mut self, now: u64) -> Vec<u8> {
        let mut sent = Vec::new();
        loop {
            while let Some(effect) = self.link.poll() {
                match effect {
                    Effect::Send(bytes) => sent.extend(bytes),
                    Effect::Read(id, query) => {
                        let answer = legacy::answer(&*self.store.snapshot().unwrap(), &query);
                        self.link.answer(id, answer.unwrap(), now);
                    }
                    Effect::Ingest(id, received) => {
                        let verdicts: Vec<_> = received.iter().map(|it| self.take(it)).collect();
                        self.link.ingested(id, &verdicts, now);
                    }
                    Effect::Finished(finished) => {
                        self.sent += finished.counts.sent;
                        self.outcomes.push(finished.outcome);
                    }
                    Effect::Misbehaved(fault) => panic!("{fault}"),
                }
            }
            let bytes = self.inbox.make_contiguous();
            let taken = self.link.handle(bytes, now);
            self.inbox.drain(..taken);
            if taken == 0 {
                return sent;
            }
        }
    }

    fn take(&mut self, received: &Received) -> Verdict {
        match legacy::examine(received) {
            Err(refusal) => legacy::verdict_of_refusal(&refusal),
            Ok(candidate) => {
                let taken = self.intake.take(vec![(candidate, Door::Peer)]).unwrap();
                legacy::verdict(&taken.judged[0].verdict())
            }
        }
    }
}

fn schemas(store: &dyn Store) -> SchemaSet {
    let known = store.snapshot().unwrap().schemas().unwrap();
    SchemaSet::fitting(known.iter().map(|known| known.schema.id().clone()))
}

/// Lets two stores talk for some minutes, as long as new schemas may come up.
fn talk(stores: [&Arc<dyn Store>; 2]) -> [Side; 2] {
    let [mut one, mut other] = [Precedence::Insists, Precedence::Yields].map(|precedence| {
        let store = stores[usize::from(precedence == Precedence::Yields)];
        Side::new(Arc::clone(store), precedence)
    });
    for now in (0..300_000).step_by(500) {
        loop {
            for side in [&mut one, &mut other] {
                side.link.announce(schemas(&*side.store), 1, now);
                side.link.timeout(now);
            }
            let (to_other, to_one) = (one.work(now), other.work(now));
            if to_other.is_empty() && to_one.is_empty() {
                break;
            }
            other.inbox.extend(to_other);
            one.inbox.extend(to_one);
        }
    }
    [one, other]
}

fn stores(folder: &Path) -> [Arc<dyn Store>; 2] {
    let sqlite = SqliteStore::open(folder.join("pandan.sqlite"), Options::default()).unwrap();
    [Arc::new(sqlite), Arc::new(MemoryStore::new())]
}

fn ingest<'a>(store: &Arc<dyn Store>, signed: impl IntoIterator<Item = &'a Signed>) {
    let batch = signed.into_iter().map(|it| (it.candidate(), Door::Peer)).collect();
    let mut intake = Intake::new(Arc::clone(store));
    let taken = intake.take(batch).unwrap();
    assert!(taken.news.len() >= taken.judged.len(), "all of it is stored");
}

/// Documents of several authors each, whose entries alternate; some are deleted.
fn documents(schema: &SchemaId, first_author: u8, updates: usize) -> Vec<Signed> {
    let mut authors: Vec<_> = (first_author..first_author + 3).map(Author::new).collect();
    let body = |number: usize| fields([("body", text(&number.to_string()))]);
    let mut signed = Vec::new();
    for number in 0..6 {
        let create = authors[number % 3].create(schema, body(number));
        let (document, mut view) = (create.document(), create.view());
        signed.push(create);
        for update in 0..updates {
            let author = &mut authors[update * update % 3];
            let update = author.update(document, schema, &view, body(update));
            view = update.view();
            signed.push(update);
        }
        if number % 3 == 2 {
            signed.push(authors[0].delete(document, schema, &view));
        }
    }
    signed
}

#[test]
fn two_stores_end_with_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = stores(folder.path());
    let definition = Author::new(1).define("note", &[("body", FieldType::Str)]);
    ingest(&one, definition.signed.iter().chain(&documents(&definition.schema, 10, 100)));
    let elsewhere = Author::new(2).define("mark", &[("body", FieldType::Str)]);
    ingest(&other, elsewhere.signed.iter().chain(&documents(&elsewhere.schema, 20, 10)));
    let sides = talk([&one, &other]);
    let [mut one, mut other] = [&one, &other].map(|it| contents(&*it.snapshot().unwrap()));
    // They are asked for in the order in which they became known.
    for contents in [&mut one, &mut other] {
        contents.heads.sort_by_key(|it| it.head.place());
        contents.heads.iter_mut().for_each(|head| head.range = 0);
    }
    assert_eq!(one, other);
    assert_eq!((one.counts.documents, one.counts.deleted), (4 + 12, 4));
    for side in sides {
        assert!(side.outcomes.iter().all(|it| *it == Outcome::Complete), "{:?}", side.outcomes);
    }
}

/// All pages of an answer.
fn pages(snapshot: &dyn Snapshot, query: &Query) -> Vec<StoredEntry> {
    let (mut query, mut all) = (query.clone(), Vec::new());
    loop {
        let Answer::Entries { entries, more } = legacy::answer(snapshot, &query).unwrap() else {
            panic!("entries are answered with entries");
        };
        let Query::Entries { after, max_entries, .. } = &mut query else { panic!("they were") };
        assert!(entries.len() <= *max_entries);
        *after = entries.last().map(|it| it.entry.hash().into()).or(*after);
        all.extend(entries);
        if !more {
            return all;
        }
    }
}

/// The query for all entries of a schema.
fn everything(
    snapshot: &dyn Snapshot,
    schema: &SchemaId,
    (entries, bytes): (usize, usize),
) -> Query {
    let heads = snapshot.document_heads(std::slice::from_ref(schema), usize::MAX).unwrap();
    let need = |head: &pandan_store::heads::DocumentHead| pandan_replication::legacy::Need {
        document: head.document,
        author: head.author,
        log_id: head.log_id,
        from: pandan_bamboo::SeqNum::FIRST,
        to: head.seq_num,
    };
    let needs = heads.iter().map(need).collect();
    Query::Entries { needs, after: None, max_entries: entries, max_bytes: bytes }
}

#[test]
fn entries_come_document_by_document_in_pages_of_any_size() {
    let folder = tempfile::tempdir().unwrap();
    for store in stores(folder.path()) {
        let definition = Author::new(1).define("note", &[("body", FieldType::Str)]);
        let signed = documents(&definition.schema, 10, 9);
        ingest(&store, definition.signed.iter().chain(&signed));
        let snapshot = store.snapshot().unwrap();
        for budget in [(1, usize::MAX), (2, usize::MAX), (7, 900), (100, 1), (1_000, usize::MAX)] {
            let query = everything(&*snapshot, &definition.schema, budget);
            let found = pages(&*snapshot, &query);
            let payloads = found.iter().map(|it| it.operation.as_deref());
            assert!(payloads.eq(signed.iter().map(|it| Some(&*it.payload))), "{budget:?}");
        }
    }
}

/// Takes the payload of an entry out of a database.
fn forget(file: &Path, signed: &Signed) {
    let connection = rusqlite::Connection::open(file).unwrap();
    let digest = *signed.entry.hash().as_hash().digest();
    let changed =
        connection.execute("UPDATE entries SET payload = NULL WHERE hash = ?", [digest]).unwrap();
    assert_eq!(changed, 1);
}

#[test]
fn behind_a_payload_that_is_gone_nothing_of_a_document_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = stores(folder.path());
    let definition = Author::new(1).define("note", &[("body", FieldType::Str)]);
    let signed = documents(&definition.schema, 10, 9);
    ingest(&one, definition.signed.iter().chain(&signed));
    // The fourth of the first document.
    forget(&folder.path().join("pandan.sqlite"), &signed[3]);
    let snapshot = one.snapshot().unwrap();
    for budget in [(1, usize::MAX), (1_000, usize::MAX)] {
        let found = pages(&*snapshot, &everything(&*snapshot, &definition.schema, budget));
        let expected = signed[..4].iter().chain(&signed[10..]);
        assert!(found.iter().map(|it| it.entry.hash()).eq(expected.map(|it| it.entry.hash())));
        assert_eq!(found.iter().position(|it| it.operation.is_none()), Some(3));
    }
    drop(snapshot);
    let sides = talk([&one, &other]);
    let of_first = sides[1].store.snapshot().unwrap();
    let of_first = of_first.document_entries(&signed[0].document(), 0, 99).unwrap();
    assert_eq!(of_first.len(), 3);
    let counts = other.snapshot().unwrap().counts().unwrap();
    assert_eq!(counts.entries, (2 + signed.len() - 7) as u64);
}

#[test]
fn of_a_frozen_log_goes_what_is_before_the_fork() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = stores(folder.path());
    let mut author = Author::new(1);
    let definition = author.define("note", &[("body", FieldType::Str)]);
    let body = |body| fields([("body", text(body))]);
    let create = author.create(&definition.schema, body("begin"));
    let (document, view): (DocumentId, _) = (create.document(), create.view());
    let mut twin = author.clone();
    let sides = [&mut author, &mut twin]
        .map(|it| it.update(document, &definition.schema, &view, body("fork")).entry.hash());
    assert_eq!(sides[0], sides[1], "one entry, signed twice");
    let [line, branch] = [(&mut author, "line"), (&mut twin, "branch")]
        .map(|(author, name)| author.update(document, &definition.schema, &view, body(name)));
    let fork =
        author.copy_at(document, 1).update(document, &definition.schema, &view, body("fork"));
    let others = documents(&definition.schema, 10, 3);
    ingest(&one, definition.signed.iter().chain([&create, &fork, &line, &branch]).chain(&others));
    let sent = talk([&one, &other]);
    let expected = definition.signed.len() + 2 + others.len();
    assert_eq!(sent[0].sent, u64::try_from(expected).unwrap());
    let stored = other.snapshot().unwrap().document_entries(&document, 0, 9).unwrap();
    let hashes: Vec<_> = stored.iter().map(|it| it.entry.hash()).collect();
    assert_eq!(hashes, [create.entry.hash(), fork.entry.hash()]);
}

#[test]
fn who_passes_on_what_others_take_is_no_forger() {
    let author = Author::new(1);
    let operation = Operation::Create {
        schema: pandan_schema::SystemSchema::SchemaFieldDefinition.into(),
        fields: fields([("name", text("body")), ("type", text("str"))]),
    };
    let good = operation.encode();
    let sign = |payload: &[u8]| {
        let entry = NextArgs::first(LogId::new(0)).forge(author.key_pair(), payload);
        Received { entry: entry.as_bytes().to_vec(), operation: payload.to_vec() }
    };
    let verdict = |received: &Received| {
        legacy::examine(received).map(drop).map_err(|refusal| legacy::verdict_of_refusal(&refusal))
    };
    assert_eq!(verdict(&sign(&good)), Ok(()));
    // Something behind the operation is not canonical, and deployed nodes take it.
    let surplus = [&good[..], &[0]].concat();
    assert_eq!(verdict(&sign(&surplus)), Err(Verdict::Refused));
    let mut other_payload = sign(&good);
    let name = other_payload.operation.windows(4).position(|it| it == b"body").unwrap();
    other_payload.operation[name] = b'm';
    assert_eq!(verdict(&other_payload), Err(Verdict::Forged));
    let mut bad_signature = sign(&good);
    *bad_signature.entry.last_mut().unwrap() ^= 1;
    assert_eq!(verdict(&bad_signature), Err(Verdict::Forged));
}
