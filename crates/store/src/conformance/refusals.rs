//! What does not come in, and at which door.

use std::sync::Arc;

use pandan_admission::Door;
use pandan_bamboo::{LogId, NextArgs, SeqNum};
use pandan_operations::{
    DocumentId, DocumentViewId, Fields, Operation, RawValue, SchemaId, SystemSchema,
};
use pandan_schema::{FieldType, Schema};

use super::author::{Author, Signed, fields, pinned_relation_list, text};
use super::publishing::{body, world};
use super::world::{World, ids};
use super::zoo::no_operation;
use crate::contract::{Outcome, Store};

/// Entries that break a rule leave nothing behind.
pub(super) fn check_refusals(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let before = scene.world.contents();
    for (code, signed) in scene.refused() {
        for door in [Door::Client, Door::Peer] {
            if (door, code) == (Door::Peer, "SEQ_NUM_MISMATCH") {
                // From a peer it is a fork, which is another check.
                continue;
            }
            match scene.world.offer_at(&signed, door) {
                // From a peer it may be of another branch, and waits until that shows.
                Outcome::Wait(waiting) if door == Door::Peer && waiting.missing.is_link() => {
                    assert_eq!(waiting.into_refusal().code(), code);
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
        let second_log = NextArgs::first(LogId::new(1_000));
        table.push(("LOG_ID_MISMATCH", self.at(second_log)));
        table
    }
}
