//! How much is read for those who ask document by document: logs of other documents are not
//! looked at.

use pandan_admission::Door;
use pandan_bamboo::SeqNum;
use pandan_operations::{RawValue, SchemaId, SystemSchema};
use pandan_schema::FieldType;
use rusqlite::Connection;

use super::catalog::Catalog;
use super::trace::{self, Statement};
use super::{Options, batch, by_document, connection, migrate, wanted};
use crate::conformance::{Author, Signed, fields, relation_list, text};
use crate::heads::{Budget, NeededLog};

/// Notes, of which some relate to a blob.
struct Filled {
    connection: Connection,
    catalog: Catalog,
    note: SchemaId,
    notes: Vec<Signed>,
}

impl Filled {
    /// With so many pieces that belong to nothing.
    fn new(strangers: usize) -> Self {
        let mut connection = Connection::open_in_memory().expect("memory can be had");
        connection::prepare(&connection, &Options::default()).expect("modules load");
        migrate::migrate(&mut connection).expect("an empty database migrates");
        let mut author = Author::new(1);
        let blob = SchemaId::from(SystemSchema::Blob);
        let kinds = [
            ("list", FieldType::RelationList(blob.clone())),
            ("one", FieldType::Relation(blob.clone())),
        ];
        let definition = author.define("note", &kinds);
        let mut signed = definition.signed;
        let piece = |author: &mut Author, number: usize| {
            let data = RawValue::Bytes(number.to_be_bytes().to_vec());
            author.create(&SystemSchema::BlobPiece.into(), fields([("data", data)]))
        };
        let mut stranger = Author::new(2);
        signed.extend((0..strangers).map(|number| piece(&mut stranger, number)));
        let piece = piece(&mut author, strangers);
        let pieces = crate::conformance::pinned_relation_list(&[piece.view()]);
        let content =
            [("length", RawValue::Int(8)), ("mime_type", text("text/plain")), ("pieces", pieces)];
        let blob = author.create(&blob, fields(content));
        let id = blob.document();
        signed.extend([piece, blob]);
        let note = definition.schema;
        let notes: Vec<_> = (0..5)
            .map(|_| {
                let one = crate::conformance::relation(id);
                author.create(&note, fields([("list", relation_list(&[id])), ("one", one)]))
            })
            .collect();
        signed.extend(notes.iter().cloned());
        let catalog = Catalog::default();
        let candidates = signed.iter().map(|it| (it.candidate(), Door::Peer)).collect();
        batch::ingest(&mut connection, &catalog, candidates).expect("it can be written");
        Self { connection, catalog, note, notes }
    }

    /// How many steps reading takes; every table that grows is searched.
    fn steps<T>(&mut self, read: impl FnOnce(&Self) -> T) -> i32 {
        let statements = trace::statements(&mut self.connection);
        read(&*self);
        let statements: Vec<Statement> = statements.try_iter().collect();
        assert!(!statements.is_empty());
        for statement in &statements {
            let plan = statement.plan(&self.connection);
            let scans = plan.iter().filter(|line| line.starts_with("SCAN"));
            // The array of what is asked for, and the one table whose relations are read.
            let mut grows =
                scans.filter(|line| !line.contains("rarray") && !line.contains("rows_"));
            assert_eq!(grows.next(), None, "{}: {plan:#?}", statement.sql);
        }
        statements.iter().map(|statement| statement.steps).sum()
    }
}

fn check<T>(read: impl Fn(&Filled) -> Vec<T>, expected: usize) {
    let [few, many] = [10, 2_000].map(|strangers| {
        let mut filled = Filled::new(strangers);
        assert_eq!(read(&filled).len(), expected);
        filled.steps(&read)
    });
    assert!(many <= few + few / 4, "{few} steps, {many} among many others");
}

#[test]
fn heads_of_documents_are_looked_up() {
    check(
        |filled| {
            let schemas = std::slice::from_ref(&filled.note);
            by_document::of_schemas(&filled.connection, schemas, 10).expect("it can be read")
        },
        5,
    );
}

#[test]
fn blobs_are_found_from_what_relates_to_them() {
    let both = [SystemSchema::Blob, SystemSchema::BlobPiece].map(SchemaId::from);
    check(
        |filled| {
            let from = std::slice::from_ref(&filled.note);
            let (connection, catalog) = (&filled.connection, &filled.catalog);
            by_document::of_blobs(connection, catalog, &both, from, 10).expect("it can be read")
        },
        2,
    );
}

#[test]
fn needed_entries_are_looked_up() {
    check(
        |filled| {
            let all_of = |signed: &Signed| {
                let header = signed.entry.header();
                let (author, log_id) = (header.public_key(), header.log_id());
                NeededLog { author, log_id, from: SeqNum::FIRST, to: SeqNum::MAX }
            };
            let needed: Vec<_> = filled.notes.iter().map(all_of).collect();
            let budget = Budget { entries: 3, bytes: usize::MAX };
            let page = wanted::needed::entries(&filled.connection, &needed, None, budget);
            page.expect("it can be read").entries
        },
        3,
    );
}
