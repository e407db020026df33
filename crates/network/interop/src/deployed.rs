//! A peer that replicates as the deployed nodes do, written from the description of what they say
//! and not from ours: one bad entry ends a session, and nobody hears why.

use std::collections::{BTreeMap, BTreeSet};

use pandan_operations::{DocumentId, OperationId};
use pandan_store::conformance::Signed;

use crate::cbor::Item;

const BLOB: &str = "blob_v1";
const BLOB_PIECE: &str = "blob_piece_v1";

/// The order of system schemas; others stand behind them, by their text.
const SYSTEM: [&str; 4] = ["schema_definition_v1", "schema_field_definition_v1", BLOB, BLOB_PIECE];

type LogName = (Vec<u8>, u64);

/// What such a peer has, and the sessions it is in. Bytes come and go.
#[derive(Default)]
pub struct Deployed {
    /// All entries in the order in which they came.
    pub entries: Vec<Signed>,
    document_of: BTreeMap<OperationId, DocumentId>,
    schema_of: BTreeMap<DocumentId, String>,
    deleted: BTreeSet<DocumentId>,
    /// Whether its peer id is the lower one.
    is_lower: bool,
    theirs: Option<(u64, Vec<String>)>,
    announced: Vec<String>,
    timestamp: u64,
    sessions: Vec<Session>,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    /// Why sessions were forgotten before their end.
    pub failures: Vec<String>,
}

struct Session {
    id: u64,
    schemas: Vec<String>,
    is_ours: bool,
    their_have: bool,
    our_done: bool,
    their_done: bool,
}

impl Deployed {
    /// Stores entries, unless one of them breaks a rule.
    pub fn store<'a>(&mut self, signed: impl IntoIterator<Item = &'a Signed>) {
        for signed in signed {
            self.ingest(signed.clone()).expect("it is well formed");
        }
    }

    pub fn has(&self, signed: &Signed) -> bool {
        self.entries.contains(signed)
    }

    /// A connection is there.
    pub fn connect(&mut self, is_lower: bool) {
        self.is_lower = is_lower;
        self.sessions.clear();
        self.announced.clear();
        self.inbox.clear();
        self.outbox.clear();
        self.tick();
    }

    /// What it does every few seconds: announces what is new, and opens a session.
    pub fn tick(&mut self) {
        let schemas = self.known_schemas();
        if schemas != self.announced {
            self.timestamp += 1;
            let set = Item::texts(&schemas);
            self.send(vec![Item::Unsigned(0), Item::Unsigned(1), self.time(), set]);
            self.announced = schemas;
        }
        let Some((_, theirs)) = &self.theirs else { return };
        let shared: Vec<_> =
            self.announced.iter().filter(|schema| theirs.contains(schema)).cloned().collect();
        let is_open = self.sessions.iter().any(|session| session.schemas == shared);
        if !shared.is_empty() && !is_open && self.sessions.len() < 3 {
            self.request(shared);
        }
    }

    fn time(&self) -> Item {
        Item::Unsigned(1_700_000_000 + self.timestamp)
    }

    /// System schemas, and those of whose definitions the last part has come.
    fn known_schemas(&self) -> Vec<String> {
        let definitions = self.schema_of.iter().filter(|(_, schema)| *schema == SYSTEM[0]);
        let mut application: Vec<_> = definitions.map(|(id, _)| self.schema_id(id)).collect();
        application.sort();
        SYSTEM.map(String::from).into_iter().chain(application).collect()
    }

    fn schema_id(&self, definition: &DocumentId) -> String {
        let payload = self.entries.iter().find(|it| it.document() == *definition);
        let operation = pandan_operations::Operation::decode(&payload.expect("it is here").payload);
        let operation = operation.expect("it was read before");
        match operation.fields().and_then(|fields| fields.get("name")) {
            Some(pandan_operations::RawValue::Str(name)) => format!("{name}_{definition}"),
            other => panic!("expected the name of a schema, found {other:?}"),
        }
    }

    fn request(&mut self, schemas: Vec<String>) {
        let id = self.sessions.last().map_or(0, |session| session.id + 1);
        let set = Item::texts(&schemas);
        self.send(vec![Item::Unsigned(1), Item::Unsigned(id), Item::Unsigned(0), set]);
        self.sessions.push(Session::new(id, schemas, true));
    }

    fn send(&mut self, items: Vec<Item>) {
        self.outbox.extend(Item::Array(items).encode());
    }

    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.outbox)
    }

    pub fn read(&mut self, bytes: &[u8]) {
        self.inbox.extend(bytes);
        while let Some(message) = Item::take(&mut self.inbox) {
            let items = message.items().to_vec();
            match (items[0].number(), items.len()) {
                (0, 4) => self.on_announce(&items),
                (1, 4) => self.on_request(items[1].number(), &items[3]),
                (2, 4) => self.on_entry(items[1].number(), items[2].bytes(), items[3].bytes()),
                (3, 3) => self.on_done(items[1].number()),
                (10, 3) => self.on_have(items[1].number(), &items[2]),
                other => panic!("no message is {other:?}"),
            }
        }
    }

    fn on_announce(&mut self, items: &[Item]) {
        let (version, timestamp) = (items[1].number(), items[2].number());
        let is_later = self.theirs.as_ref().is_none_or(|(known, _)| timestamp > *known);
        if version == 1 && is_later {
            self.theirs = Some((timestamp, schemas(&items[3])));
        }
    }

    fn on_request(&mut self, id: u64, set: &Item) {
        let schemas = schemas(set);
        assert!(!schemas.is_empty(), "a request is about something");
        let meets = |session: &Session| session.id == id || session.schemas == schemas;
        if let Some(index) = self.sessions.iter().position(meets) {
            let session = &self.sessions[index];
            if !session.is_ours || session.their_have {
                return self.fail(id, "asked for again");
            }
            if !self.is_lower {
                return;
            }
            let own = self.sessions.remove(index);
            self.accept(id, schemas.clone());
            if own.schemas != schemas {
                self.request(own.schemas);
            }
            return;
        }
        self.accept(id, schemas);
    }

    fn accept(&mut self, id: u64, schemas: Vec<String>) {
        self.sessions.push(Session::new(id, schemas, false));
        let heights = self.tell_heights(id);
        if heights.is_empty() {
            self.done(id);
        }
    }

    fn tell_heights(&mut self, id: u64) -> BTreeMap<LogName, u64> {
        let heights = self.heights(&self.session(id).schemas);
        let mut authors: BTreeMap<&[u8], Vec<Item>> = BTreeMap::new();
        for ((author, log_id), seq_num) in &heights {
            let log = Item::Array([*log_id, *seq_num].map(Item::Unsigned).into());
            authors.entry(author).or_default().push(log);
        }
        let author = |(author, logs): (&[u8], _)| {
            Item::Array(vec![Item::Bytes(author.into()), Item::Array(logs)])
        };
        let authors = Item::Array(authors.into_iter().map(author).collect());
        self.send(vec![Item::Unsigned(10), Item::Unsigned(id), authors]);
        heights
    }

    fn on_have(&mut self, id: u64, authors: &Item) {
        let Some(session) = self.sessions.iter_mut().find(|session| session.id == id) else {
            return;
        };
        if std::mem::replace(&mut session.their_have, true) {
            return self.fail(id, "a second Have");
        }
        if session.is_ours {
            self.tell_heights(id);
        }
        if self.session(id).our_done {
            return self.finish(id);
        }
        for signed in self.needed(id, &theirs(authors)) {
            let [entry, operation] = [signed.entry.as_bytes(), &signed.payload];
            let [entry, operation] = [entry, operation].map(|it| Item::Bytes(it.to_vec()));
            self.send(vec![Item::Unsigned(2), Item::Unsigned(id), entry, operation]);
        }
        self.done(id);
        self.finish(id);
    }

    fn on_entry(&mut self, id: u64, entry: &[u8], payload: &[u8]) {
        let Some(session) = self.sessions.iter().find(|session| session.id == id) else { return };
        if !session.their_have {
            return self.fail(id, "an entry before Have");
        }
        let entry = pandan_bamboo::Entry::decode(entry).expect("it is an entry");
        let entry = entry.authenticate().expect("it is signed");
        let entry = entry.bind(payload).expect("they belong together").entry().to_encoded();
        if let Err(reason) = self.ingest(Signed { entry, payload: payload.to_vec() }) {
            self.fail(id, reason);
        }
    }

    fn on_done(&mut self, id: u64) {
        if let Some(session) = self.sessions.iter_mut().find(|session| session.id == id) {
            session.their_done = true;
            self.finish(id);
        }
    }

    fn done(&mut self, id: u64) {
        if let Some(session) = self.sessions.iter_mut().find(|session| session.id == id) {
            session.our_done = true;
        }
        self.send(vec![Item::Unsigned(3), Item::Unsigned(id), Item::False]);
    }

    fn finish(&mut self, id: u64) {
        self.sessions.retain(|it| it.id != id || !(it.our_done && it.their_done));
    }

    fn fail(&mut self, id: u64, reason: &str) {
        self.sessions.retain(|session| session.id != id);
        self.failures.push(reason.into());
    }

    fn session(&self, id: u64) -> &Session {
        self.sessions.iter().find(|session| session.id == id).expect("it is open")
    }

    fn heights(&self, schemas: &[String]) -> BTreeMap<LogName, u64> {
        let told = self.entries.iter().filter(|it| self.is_told(it, schemas));
        // Later entries of a log come later.
        told.map(|it| (log_of(it), it.entry.header().seq_num().number())).collect()
    }

    fn needed(&self, id: u64, theirs: &BTreeMap<LogName, u64>) -> Vec<Signed> {
        let schemas = &self.session(id).schemas;
        let is_needed = |it: &&Signed| {
            let height = theirs.get(&log_of(it)).copied().unwrap_or(0);
            self.is_told(it, schemas) && it.entry.header().seq_num().number() > height
        };
        self.entries.iter().filter(is_needed).cloned().collect()
    }

    /// Whether the log of an entry is told in a session about these schemas: blobs only when another
    /// document relates to them, pieces only of such blobs.
    fn is_told(&self, signed: &Signed, schemas: &[String]) -> bool {
        let document = self.document_of[&signed.id()];
        let schema = &self.schema_of[&document];
        schemas.contains(schema)
            && match schema.as_str() {
                BLOB => self.is_related(&document),
                BLOB_PIECE => self.entries.iter().any(|it| {
                    let owner = self.document_of[&it.id()];
                    self.schema_of[&owner] == BLOB
                        && names(&it.payload, &document)
                        && self.is_related(&owner)
                }),
                _ => true,
            }
    }

    fn is_related(&self, blob: &DocumentId) -> bool {
        let is_other = |it: &&Signed| {
            let schema = &self.schema_of[&self.document_of[&it.id()]];
            schema != BLOB && schema != BLOB_PIECE
        };
        self.entries.iter().filter(is_other).any(|it| names(&it.payload, blob))
    }

    fn ingest(&mut self, signed: Signed) -> Result<(), &'static str> {
        if self.has(&signed) {
            return Ok(());
        }
        let operation = pandan_operations::Operation::decode(&signed.payload);
        let operation = operation.map_err(|_| "no operation")?;
        if !self.known_schemas().iter().any(|known| known == operation.schema().as_str()) {
            return Ok(());
        }
        let header = *signed.entry.header();
        let of_log = self.entries.iter().filter(|it| log_of(it) == log_of(&signed));
        let latest = of_log.last().map(|it| it.entry.hash());
        if header.links().backlink() != latest {
            return Err("it does not continue its log");
        }
        let document = match operation.previous() {
            None => signed.document(),
            Some(previous) => {
                let mut documents = previous.iter().map(|id| self.document_of.get(id));
                *documents.next().flatten().ok_or("a previous operation is missing")?
            }
        };
        if self.deleted.contains(&document) {
            return Err("its document is deleted");
        }
        if operation.previous().is_some() && operation.fields().is_none() {
            self.deleted.insert(document);
        }
        self.document_of.insert(signed.id(), document);
        self.schema_of.insert(document, operation.schema().as_str().into());
        self.entries.push(signed);
        Ok(())
    }
}

impl Session {
    const fn new(id: u64, schemas: Vec<String>, is_ours: bool) -> Self {
        let (their_have, our_done, their_done) = (false, false, false);
        Self { id, schemas, is_ours, their_have, our_done, their_done }
    }
}

fn log_of(signed: &Signed) -> LogName {
    let header = signed.entry.header();
    (header.public_key().as_bytes().to_vec(), header.log_id().number())
}

/// Whether an operation has the id of a document in it.
fn names(payload: &[u8], document: &DocumentId) -> bool {
    let id = document.encode();
    payload.windows(id.len()).any(|part| *part == id[..])
}

/// The set of schemas, which has to be in order.
fn schemas(set: &Item) -> Vec<String> {
    let schemas: Vec<_> = set.items().iter().map(|it| it.text().to_owned()).collect();
    let place = |schema: &String| {
        let system = SYSTEM.iter().position(|it| it == schema);
        (system.unwrap_or(SYSTEM.len()), schema.clone())
    };
    assert!(schemas.windows(2).all(|pair| place(&pair[0]) < place(&pair[1])), "{schemas:?}");
    schemas
}

fn theirs(authors: &Item) -> BTreeMap<LogName, u64> {
    let mut logs = BTreeMap::new();
    for author in authors.items() {
        let [author, of_author] = author.items() else { panic!("expected an author and its logs") };
        for log in of_author.items() {
            let [log_id, seq_num] = log.items() else { panic!("expected a log and its height") };
            logs.insert((author.bytes().to_vec(), log_id.number()), seq_num.number());
        }
    }
    logs
}
