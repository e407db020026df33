//! What comes in, and what does not.

use std::sync::Arc;

use pandan_admission::{Door, NextArgsError};
use pandan_bamboo::{LogId, NextArgs, SeqNum};
use pandan_operations::{
    DocumentId, DocumentViewId, Fields, Operation, RawValue, SchemaId, SystemSchema,
};
use pandan_schema::{FieldType, Schema};

use super::author::{Author, Signed, fields, pinned_relation_list, text};
use super::world::{World, ids};
use super::zoo::no_operation;
use crate::contract::{Outcome, Store};

/// Long enough for all sorts of links.
const LENGTH: u64 = 45;

fn world(new_store: &dyn Fn() -> Box<dyn Store>) -> (World, Arc<Schema>) {
    let mut world = World::new(new_store());
    let schema = world.define("note", &[("body", FieldType::Str)]);
    (world, schema)
}

fn body(body: &str) -> Fields {
    fields([("body", text(body))])
}

/// What a store hands out as next arguments can be used, and what it returns on publishing is the
/// same.
pub(super) fn check_chain(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (mut world, schema) = world(new_store);
    let key = world.author.public_key();
    let next = |world: &World, view: &DocumentViewId| {
        world.snapshot().next_args(&key, Some(view)).expect("next arguments can be read")
    };
    let create = world.author.create(schema.id(), body("0"));
    let (document, mut view) = (create.document(), create.view());
    assert_eq!(
        next(&world, &view),
        Err(NextArgsError::OperationNotFound { operation: create.id() }),
        "tools find out so whether an operation is known"
    );
    let mut committed = world.publish(&create);
    for number in 1..LENGTH {
        assert_eq!(committed.document, document);
        assert_eq!(committed.author, key);
        assert_eq!(committed.schema, *schema.id());
        assert_eq!(committed.operation, *view.iter().next().expect("a view is never empty"));
        let args = next(&world, &view).expect("the document can be changed");
        assert_eq!(committed.next, Some(args), "the answer to publishing is that of next_args");
        assert_eq!(args, world.author.next_args(document), "entry {number}");
        assert_eq!(args, next(&world, &document.into()).expect("any view of the document will do"));
        let change = world.author.update(document, schema.id(), &view, body(&number.to_string()));
        view = change.view();
        committed = world.publish(&change);
        let record = world.document(document);
        assert_eq!(record.view_id, view, "what was published is there at once");
        assert_eq!(record.fields.map(|fields| fields.len()), Some(1));
    }
}

/// Next arguments without a view are those of a new log.
pub(super) fn check_new_logs(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (mut world, schema) = world(new_store);
    let mut other = Author::new(2);
    let next = |world: &World, author: &Author, view: Option<&DocumentViewId>| {
        let args = world.snapshot().next_args(&author.public_key(), view);
        args.expect("next arguments can be read")
    };
    assert_eq!(next(&world, &other, None), Ok(NextArgs::first(LogId::new(0))));
    let note = world.create(&schema, body("mine"));
    let args = next(&world, &other, Some(&note.into()));
    assert_eq!(args, Ok(NextArgs::first(LogId::new(0))), "a new log for the document of another");
    world.publish(&other.update(note, schema.id(), &note.into(), body("ours")));
    assert_eq!(next(&world, &other, None), Ok(NextArgs::first(LogId::new(1))));
    // Gaps are allowed, and what follows comes behind the greatest.
    let mut other = other.from_log(LogId::new(41));
    world.publish(&other.create(schema.id(), body("theirs")));
    assert_eq!(next(&world, &other, None), Ok(NextArgs::first(LogId::new(42))));
    let mut lower = Author::with_key_pair(other.key_pair().clone()).from_log(LogId::new(7));
    world.publish(&lower.create(schema.id(), body("theirs, too")));
    assert_eq!(next(&world, &other, None), Ok(NextArgs::first(LogId::new(42))));
    let unknown = Author::new(3);
    assert_eq!(next(&world, &unknown, None), Ok(NextArgs::first(LogId::new(0))));
    let two = world.create(&schema, body("another"));
    let mixed = DocumentViewId::from_tips([note, two].map(Into::into)).expect("there are two tips");
    let answer = next(&world, &other, Some(&mixed));
    assert!(matches!(answer, Err(NextArgsError::SeveralDocuments { .. })), "{answer:?}");
    world.delete(note);
    assert_eq!(next(&world, &other, Some(&note.into())), Err(NextArgsError::DocumentDeleted));
}

/// Log ids span all of `u64`, and the greatest is the last.
pub(super) fn check_great_log_ids(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (world, schema) = world(new_store);
    let mut author = Author::new(2);
    let key = author.public_key();
    let next =
        |world: &World| world.snapshot().next_args(&key, None).expect("next arguments can be read");
    let numbers = [0, 1, i64::MAX as u64 - 1, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX - 1];
    for number in numbers {
        author = author.from_log(LogId::new(number));
        world.publish(&author.create(schema.id(), body(&number.to_string())));
        assert_eq!(next(&world), Ok(NextArgs::first(LogId::new(number + 1))));
        let logs = world.snapshot().logs(&key).expect("logs can be read");
        assert_eq!(logs.last().map(|log| log.log_id), Some(LogId::new(number)), "ordered by id");
    }
    let last = author.create(schema.id(), body("last"));
    let document = world.publish(&last).document;
    assert_eq!(next(&world), Err(NextArgsError::MaxLogId));
    let change = author.update(document, schema.id(), &last.view(), body("still open"));
    world.publish(&change);
    let entries = world.snapshot().log(&key, LogId::new(u64::MAX), SeqNum::FIRST, 10);
    assert_eq!(entries.expect("logs can be read").len(), 2);
}

/// Everybody may change every document, each in a log of their own.
pub(super) fn check_several_authors(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (mut world, schema) = world(new_store);
    let note = world.create(&schema, body("0"));
    let owner = world.author.public_key();
    let mut view = note.into();
    let mut others = [2, 3, 4].map(Author::new);
    for round in 0..3 {
        for other in &mut others {
            let change = other.update(note, schema.id(), &view, body(&round.to_string()));
            let committed = world.publish(&change);
            assert_eq!((committed.author, committed.document), (other.public_key(), note));
            view = change.view();
        }
    }
    let record = world.document(note);
    assert_eq!((record.owner, record.view_id), (owner, view.clone()));
    let delete = others[0].delete(note, schema.id(), &view);
    world.publish(&delete);
    assert!(world.document(note).is_deleted());
    for other in &others {
        let logs = world.snapshot().logs(&other.public_key()).expect("logs can be read");
        assert_eq!(logs.len(), 1, "one log for one document");
    }
}

/// Candidates of one batch build on each other, and a bad one loses only itself.
pub(super) fn check_batches(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut world = World::new(new_store());
    let definition = world.author.define("note", &[("body", FieldType::Str)]);
    let schema = &definition.schema;
    let create = world.author.create(schema, body("a"));
    let document = create.document();
    let bad = world.author.create(schema, fields([("body", RawValue::Int(1))]));
    let change = world.author.update(document, schema, &create.view(), body("b"));
    let mut other = Author::new(2);
    let theirs = other.update(document, schema, &change.view(), body("c"));
    let early = other.update(document, schema, &no_operation().into(), body("d"));
    let end = world.author.delete(document, schema, &theirs.view());
    let mut batch: Vec<_> = definition.signed.iter().collect();
    batch.extend([&create, &bad, &change, &change, &theirs, &early, &end]);
    let outcomes = world.ingest(&batch, Door::Peer);
    let words: Vec<_> = outcomes.iter().map(word).collect();
    assert_eq!(
        words,
        ["new", "new", "new", "refused", "new", "known", "new", "wait", "new"],
        "{outcomes:?}"
    );
    let schemas = outcomes.iter().flat_map(|outcome| match outcome {
        Outcome::Committed(committed) => committed.schemas.clone(),
        _ => Vec::new(),
    });
    let schemas: Vec<_> = schemas.map(|known| known.schema.id().clone()).collect();
    assert_eq!(schemas, std::slice::from_ref(schema), "it became known once");
    assert!(world.document(document).is_deleted());
    assert!(world.ingest(&[], Door::Peer).is_empty(), "an empty batch is no error");
    let again = world.ingest(&batch, Door::Peer);
    let words: Vec<_> = again.iter().map(word).collect();
    assert_eq!(
        words,
        ["known", "known", "known", "refused", "known", "known", "known", "wait", "known"]
    );
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Committed(_) => "new",
        Outcome::Known => "known",
        Outcome::Wait(_) => "wait",
        Outcome::Refused(_) => "refused",
    }
}

/// What a peer sends twice is known; a client hears that its entry is not the next one.
pub(super) fn check_known(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (mut world, schema) = world(new_store);
    let create = world.author.create(schema.id(), body("a"));
    world.publish(&create);
    let before = world.contents();
    for _ in 0..2 {
        assert_eq!(word(&world.offer_at(&create, Door::Peer)), "known");
        assert_eq!(word(&world.offer(&create)), "refused");
    }
    assert_eq!(world.contents(), before);
}

/// Entries that break a rule leave nothing behind.
pub(super) fn check_refusals(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let before = scene.world.contents();
    for (code, signed) in scene.refused() {
        for door in [Door::Client, Door::Peer] {
            match scene.world.offer_at(&signed, door) {
                // A peer hears of a fork what a client hears of a taken place.
                Outcome::Refused(refusal) if door == Door::Peer && code == "SEQ_NUM_MISMATCH" => {
                    assert!(["LOG_FORKED", code].contains(&refusal.code()), "{refusal:?}");
                }
                Outcome::Refused(refusal) => assert_eq!(refusal.code(), code, "{refusal:?}"),
                other => panic!("expected {code} at {door:?}, found {other:?}"),
            }
            assert_eq!(scene.world.contents(), before, "after {code} at {door:?}");
        }
    }
}

/// Entries that lack something wait and leave nothing behind.
pub(super) fn check_waiting(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let before = scene.world.contents();
    for (code, signed) in scene.early() {
        for door in [Door::Client, Door::Peer] {
            match scene.world.offer_at(&signed, door) {
                Outcome::Wait(waiting) => assert_eq!(waiting.into_refusal().code(), code),
                other => panic!("expected to wait for {code} at {door:?}, found {other:?}"),
            }
            assert_eq!(scene.world.contents(), before, "after {code} at {door:?}");
        }
    }
}

/// A client hears what makes no sense any more; what a peer brings may be older than that.
pub(super) fn check_doors(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut scene = Scene::new(new_store);
    for (code, signed) in scene.refused_to_clients() {
        let before = scene.world.contents();
        match scene.world.offer(&signed) {
            Outcome::Refused(refusal) => assert_eq!(refusal.code(), code, "{refusal:?}"),
            other => panic!("expected {code}, found {other:?}"),
        }
        assert_eq!(scene.world.contents(), before, "after {code}");
        scene.world.publish_from_peer(&signed);
        assert_ne!(scene.world.contents(), before, "what {code} said was stored for a peer");
    }
    let page = scene.world.collection(&super::world::all(&scene.schema));
    assert!(!ids(&page).contains(&scene.deleted), "it stays deleted");
}

/// Blobs with all their pieces are taken at both doors.
pub(super) fn check_blobs(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut scene = Scene::new(new_store);
    let pieces = [b"one" as &[u8], b"", b"three"].map(|data| scene.piece(data));
    let [one, empty, three] = pieces;
    let list = [one.clone(), empty, three, one];
    let blob = scene.blob(11, &list);
    let document = scene.world.publish(&blob).document;
    let schema = SystemSchema::Blob.into();
    let change = fields([("mime_type", text("image/png"))]);
    let change = scene.world.author.update(document, &schema, &document.into(), change);
    scene.world.publish(&change);
    let both = [("length", RawValue::Int(3)), ("pieces", pinned_relation_list(&list[..1]))];
    let both = scene.world.author.update(document, &schema, &change.view(), fields(both));
    scene.world.publish(&both);
}

/// A store in which much can go wrong.
struct Scene {
    world: World,
    schema: Arc<Schema>,
    other_schema: Arc<Schema>,
    /// Two notes, the first with a log of 7 entries.
    notes: [DocumentId; 2],
    view: DocumentViewId,
    deleted: DocumentId,
    deleted_view: DocumentViewId,
}

impl Scene {
    fn new(new_store: &dyn Fn() -> Box<dyn Store>) -> Self {
        let (mut world, schema) = world(new_store);
        let other_schema = world.define("other", &[("body", FieldType::Str)]);
        let notes = [(); 2].map(|()| world.create(&schema, body("0")));
        let mut view = notes[0].into();
        for number in 1..7 {
            view = world.update(notes[0], body(&number.to_string()));
        }
        let deleted = world.create(&schema, body("0"));
        let deleted_view = world.delete(deleted);
        Self { world, schema, other_schema, notes, view, deleted, deleted_view }
    }

    /// Signs an update of the first note at some place.
    fn at(&self, args: NextArgs) -> Signed {
        let (schema, previous) = (self.schema.id().clone(), self.view.clone());
        let operation = Operation::Update { schema, previous, fields: body("x") };
        self.world.author.sign(&args, &operation)
    }

    fn args(&self, seq_num: u64, backlink: u64, skiplink: Option<u64>) -> NextArgs {
        let hash = |number| {
            let seq_num = SeqNum::new(number).expect("it is not 0");
            self.world.author.hash_at(self.notes[0], seq_num)
        };
        let log_id = self.log_id(self.notes[0]);
        let seq_num = SeqNum::new(seq_num).expect("it is not 0");
        let links = pandan_bamboo::Links::new(seq_num, hash(backlink), skiplink.and_then(hash));
        NextArgs::new(log_id, seq_num, links.expect("an entry there has such links"))
            .expect("an entry there has such links")
    }

    fn log_id(&self, document: DocumentId) -> LogId {
        let logs = self.world.snapshot().logs(&self.world.author.public_key());
        let logs = logs.expect("logs can be read");
        logs.iter().find(|log| log.document == document).expect("it has a log").log_id
    }

    fn create(&self, schema: &SchemaId, fields: Fields) -> Signed {
        // Refused entries must not count in the log ids of the author that goes on.
        self.world.author.clone().create(schema, fields)
    }

    fn piece(&mut self, data: &[u8]) -> DocumentViewId {
        let data = fields([("data", RawValue::Bytes(data.into()))]);
        let signed = self.world.author.create(&SystemSchema::BlobPiece.into(), data);
        self.world.publish(&signed);
        signed.view()
    }

    fn blob(&mut self, length: i64, pieces: &[DocumentViewId]) -> Signed {
        let values = [
            ("length", RawValue::Int(length)),
            ("mime_type", text("text/plain")),
            ("pieces", pinned_relation_list(pieces)),
        ];
        self.world.author.create(&SystemSchema::Blob.into(), fields(values))
    }

    fn refused(&self) -> Vec<(&'static str, Signed)> {
        let schema = self.schema.id().clone();
        let (other_schema, notes, view) =
            (self.other_schema.id().clone(), self.notes, self.view.clone());
        let stranger = || Author::new(9);
        let mixed = DocumentViewId::from_tips(notes.map(Into::into)).expect("there are two tips");
        let mine = || self.world.author.clone();
        let create = Operation::Create { schema: schema.clone(), fields: body("x") };
        let system = |system: SystemSchema| SchemaId::from(system);
        let definition = |name: &str, field_type: &str| {
            fields([("name", text(name)), ("type", text(field_type))])
        };
        let next = mine().next_args(notes[0]);
        let first = |log_id| NextArgs::first(LogId::new(log_id));
        vec![
            // Places and links: the log has 7 entries.
            ("SEQ_NUM_MISMATCH", self.at(first(self.log_id(notes[0]).number()))),
            ("SEQ_NUM_MISMATCH", self.at(self.args(7, 6, None))),
            ("SEQ_NUM_MISMATCH", self.at(self.args(4, 3, Some(1)))),
            ("BACKLINK_MISMATCH", self.at(self.args(8, 6, Some(4)))),
            ("SKIPLINK_MISMATCH", self.at(self.args(8, 7, Some(5)))),
            // Logs and documents.
            ("DOCUMENT_LOG_NOT_FOUND", self.world.author.sign(&next, &create)),
            ("LOG_ID_MISMATCH", self.at(first(1_000))),
            ("LOG_ID_MISMATCH", {
                let args = mine().next_args(notes[1]);
                self.at(args)
            }),
            // Fields.
            ("FIELD_MISSING", self.create(&schema, Fields::new())),
            ("FIELD_TYPE_MISMATCH", self.create(&schema, fields([("body", RawValue::Int(1))]))),
            ("FIELD_UNKNOWN", {
                let unknown = fields([("body", text("x")), ("zoo", text("x"))]);
                self.create(&schema, unknown)
            }),
            ("FIELD_UNKNOWN", {
                mine().update(notes[0], &schema, &view, fields([("zoo", text("x"))]))
            }),
            ("SYSTEM_SCHEMA_RULE", {
                self.create(&system(SystemSchema::SchemaFieldDefinition), definition("1", "str"))
            }),
            ("SYSTEM_SCHEMA_RULE", {
                self.create(&system(SystemSchema::SchemaFieldDefinition), definition("a", "string"))
            }),
            ("SYSTEM_SCHEMA_RULE", {
                let data = fields([("data", RawValue::Bytes(vec![0; 256_001]))]);
                self.create(&system(SystemSchema::BlobPiece), data)
            }),
            // What came before.
            ("SCHEMA_MISMATCH", { mine().update(notes[0], &other_schema, &view, body("x")) }),
            ("SEVERAL_DOCUMENTS", stranger().update(notes[0], &schema, &mixed, body("x"))),
        ]
    }

    fn early(&self) -> Vec<(&'static str, Signed)> {
        let schema = self.schema.id().clone();
        let unknown = SchemaId::application(
            "unknown".parse().expect("the name is good"),
            no_operation().into(),
        );
        let note = self.notes[0];
        let mut ahead = self.world.author.clone();
        ahead.update(note, &schema, &self.view, body("not sent"));
        let known = *self.view.iter().next().expect("a view is never empty");
        let some = DocumentViewId::from_tips([known, no_operation()]).expect("there are two tips");
        let mut mine = self.world.author.clone();
        vec![
            ("SCHEMA_NOT_FOUND", mine.clone().create(&unknown, body("x"))),
            ("SEQ_NUM_MISMATCH", ahead.update(note, &schema, &self.view, body("x"))),
            ("PREVIOUS_NOT_FOUND", {
                mine.clone().update(note, &schema, &no_operation().into(), body("x"))
            }),
            ("PREVIOUS_NOT_FOUND", mine.update(note, &schema, &some, body("x"))),
        ]
    }

    fn refused_to_clients(&mut self) -> Vec<(&'static str, Signed)> {
        let schema = self.schema.id().clone();
        let (deleted, deleted_view) = (self.deleted, self.deleted_view.clone());
        let mut other = Author::new(2);
        let update = other.update(deleted, &schema, &deleted.into(), body("late"));
        let delete = self.world.author.delete(deleted, &schema, &deleted_view);
        let piece = self.piece(b"12345");
        let blobs = [
            ("BLOB_LENGTH_MISMATCH", self.blob(4, std::slice::from_ref(&piece))),
            ("BLOB_PIECE_MISSING", self.blob(5, &[no_operation().into()])),
            ("BLOB_PIECE_MISSING", self.blob(5, &[self.notes[0].into()])),
        ];
        let definition = self.other_schema.id().view_id().expect("it is an application schema");
        let definition = DocumentId::from_hash(*definition.as_slice()[0].as_hash());
        self.world.delete(definition);
        let other_schema = self.other_schema.id().clone();
        let retired = self.world.author.create(&other_schema, body("late"));
        let mut table = vec![("DOCUMENT_DELETED", update), ("DOCUMENT_DELETED", delete)];
        table.extend(blobs);
        table.push(("SCHEMA_RETIRED", retired));
        table
    }
}
