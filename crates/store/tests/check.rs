//! A check finds whatever was changed behind the back of a store, and nothing else.

#![cfg(all(feature = "conformance", feature = "sqlite"))]

use std::path::Path;

use pandan_admission::Door;
use pandan_operations::{DocumentId, RawValue, SchemaId};
use pandan_schema::FieldType;
use pandan_store::check::{About, Finding, Problem, Progress, Report, Stage};
use pandan_store::conformance::{Author, Signed, fields, relation_list, text};
use pandan_store::{Options, Outcome, SqliteStore, Store};
use pandan_testkit::{Delivery, History, deliveries, histories};
use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

/// A file with some of everything.
struct Sample {
    folder: TempDir,
    /// Of schema `place { friends: relation_list, name: str, size: int }`, updated three times.
    edited: DocumentId,
    schema: SchemaId,
}

impl Sample {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let store = open(folder.path());
        let mut author = Author::new(1);
        let field_definition = SchemaId::from(pandan_schema::SystemSchema::SchemaFieldDefinition);
        let friends = FieldType::RelationList(field_definition);
        let types = [("friends", friends), ("name", FieldType::Str), ("size", FieldType::Int)];
        let definition = author.define("place", &types);
        let targets: Vec<_> = definition.signed[..2].iter().map(Signed::document).collect();
        let values = || {
            let size = RawValue::Int(5);
            fields([("friends", relation_list(&targets)), ("name", text("Moon")), ("size", size)])
        };
        let schema = definition.schema;
        let mut signed = definition.signed;
        let first = author.create(&schema, values());
        let (edited, mut view) = (first.document(), first.view());
        signed.push(first);
        for number in 0..3 {
            let change = fields([("size", RawValue::Int(number))]);
            let update = author.update(edited, &schema, &view, change);
            view = update.view();
            signed.push(update);
        }
        let gone = author.create(&schema, values());
        signed.push(author.delete(gone.document(), &schema, &gone.view()));
        signed.insert(signed.len() - 1, gone);
        // Two who write at the same time.
        let mut other = Author::new(2);
        let common = author.create(&schema, values());
        let (document, view) = (common.document(), common.view());
        signed.push(common);
        for author in [&mut author, &mut other] {
            let change = fields([("name", text("Sun"))]);
            signed.push(author.update(document, &schema, &view, change));
        }
        let unused = author.define("unused", &[("name", FieldType::Str)]);
        let field = SchemaId::from(pandan_schema::SystemSchema::SchemaDefinition);
        let end = author.delete(unused.document, &field, &unused.document.into());
        signed.extend(unused.signed);
        signed.push(end);
        let count = signed.len();
        let batch = signed.iter().map(|signed| (signed.candidate(), Door::Peer)).collect();
        let outcomes = store.ingest(batch).expect("the store can be written");
        let is_new = |outcome: &&Outcome| matches!(outcome, Outcome::Committed(_));
        assert_eq!(outcomes.iter().filter(is_new).count(), count, "{outcomes:?}");
        drop(store);
        Self { folder, edited, schema }
    }

    fn run(&self, sql: &str) {
        let connection = Connection::open(self.folder.path().join(FILE)).expect("the file opens");
        // `{edited}` and `{place}` stand for rows.
        let edited = format!("(SELECT id FROM entries WHERE hash = {})", hex(&self.edited));
        let place: i64 = connection
            .query_row("SELECT id FROM schemas WHERE name = 'place'", [], |row| row.get(0))
            .expect("it is stored");
        let sql = sql
            .replace("{edited}", &edited)
            .replace("{doc}", &hex(&self.edited))
            .replace("{place}", &place.to_string());
        connection.execute_batch(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(connection.changes() > 0 || sql.starts_with("DROP"), "{sql} changes something");
    }

    fn check(&self) -> Report {
        check(&open(self.folder.path()))
    }
}

const FILE: &str = "pandan.sqlite";

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(folder.join(FILE), Options::default()).expect("the store opens")
}

fn check(store: &SqliteStore) -> Report {
    store.check(&mut |_| {}).expect("the file can be read")
}

fn hex(id: &DocumentId) -> String {
    let digest = id.as_hash().digest().iter().map(|byte| format!("{byte:02x}"));
    format!("x'{}'", digest.collect::<String>())
}

#[test]
fn untouched_files_are_clean() {
    let sample = Sample::new();
    let report = sample.check();
    assert!(report.is_clean(), "{:?}", report.findings);
    // 3 + 1 for the first schema, 4, 2, 3, and 1 + 1 + 1 for the second.
    assert_eq!((report.entries, report.schemas), (16, 6));
    let read_only = SqliteStore::open_read_only(sample.folder.path().join(FILE));
    assert_eq!(check(&read_only.expect("it opens")), report);
}

#[test]
fn new_files_are_clean() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let report = check(&open(folder.path()));
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!((report.entries, report.documents, report.schemas), (0, 0, 4));
}

/// Parts of the heads are cut where an author goes on, and split where logs come between others.
#[test]
fn many_logs_of_one_batch_are_clean() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = open(folder.path());
    let schema = SchemaId::from(pandan_schema::SystemSchema::BlobPiece);
    for (authors, logs) in [(1..=1, 700), (10..=49, 20), (100..=100, 300)] {
        let mut batch = Vec::new();
        for author in authors {
            let mut author = Author::new(author);
            for _ in 0..logs {
                let data = fields([("data", RawValue::Bytes(vec![7]))]);
                batch.push((author.create(&schema, data).candidate(), Door::Peer));
            }
        }
        let outcomes = store.ingest(batch).expect("the store can be written");
        let is_new = |outcome: &Outcome| matches!(outcome, Outcome::Committed(_));
        assert!(outcomes.iter().all(is_new), "{outcomes:?}");
    }
    let report = check(&store);
    assert!(report.is_clean(), "{:?}", report.findings);
    let connection = Connection::open(folder.path().join(FILE)).expect("the file opens");
    let sql = "SELECT max(heads), sum(heads) FROM head_sums";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (most, all): (u64, u64) = connection.query_row(sql, [], read).expect("it can be read");
    assert_eq!((most, all), (256, 1_800));
}

#[test]
fn all_parts_tell_how_far_they_are() {
    let sample = Sample::new();
    let mut told: Vec<Progress> = Vec::new();
    let store = open(sample.folder.path());
    store.check(&mut |progress| told.push(progress)).expect("the file can be read");
    for stage in [Stage::File, Stage::Tables, Stage::Entries, Stage::Documents, Stage::Schemas] {
        let last = told.iter().rfind(|progress| progress.stage == stage).expect("it was told");
        assert_eq!(last.done, last.total, "{stage:?}");
    }
}

/// Replaces a byte of a column by another one.
fn flip(column: &str, at: &str, condition: &str) -> String {
    let byte = format!("substr({column}, {at}, 1)");
    format!(
        "UPDATE entries SET {column} = CAST(substr({column}, 1, {at} - 1) || \
         CASE {byte} WHEN x'01' THEN x'02' ELSE x'01' END || substr({column}, {at} + 1) AS BLOB) \
         WHERE {condition}"
    )
}

type IsExpected = fn(&Problem) -> bool;

#[test]
fn what_was_changed_is_found() {
    let entry_3 = "log = (SELECT log FROM entries WHERE id = {edited}) AND seq_num = 3";
    let signature = flip("entry", "length(entry)", entry_3);
    let link = flip("entry", "80", entry_3);
    let payload = flip("payload", "length(payload)", entry_3);
    let is_entry = |finding: &Finding| matches!(finding.about, About::Entry(_));
    let cases: [(&str, IsExpected); 39] = [
        (&signature, |it| matches!(it, Problem::Signature { .. })),
        (&signature, |it| matches!(it, Problem::OtherHash { .. })),
        (&link, |it| matches!(it, Problem::Signature { .. })),
        (&payload, |it| matches!(it, Problem::Payload { .. })),
        ("UPDATE entries SET payload = x'83' WHERE id = {edited}", |it| {
            matches!(it, Problem::NotAnOperation { .. })
        }),
        ("UPDATE entries SET payload = NULL WHERE id = {edited}", |it| *it == Problem::NoPayload),
        ("UPDATE entries SET entry = x'0000' WHERE id = {edited}", |it| {
            matches!(it, Problem::NotAnEntry { .. })
        }),
        ("UPDATE entries SET hash = zeroblob(32) WHERE id = {edited} + 1", |it| {
            matches!(it, Problem::Link { .. })
        }),
        ("DELETE FROM entries WHERE id = {edited} + 1", |it| {
            *it == Problem::Gap { expected: 2, found: 3 }
        }),
        ("DELETE FROM entries WHERE id = {edited} + 1", |it| {
            matches!(it, Problem::NoTarget { .. })
        }),
        ("DELETE FROM entries WHERE id = {edited} + 1", |it| {
            matches!(it, Problem::Unbuildable { .. })
        }),
        ("DELETE FROM entries WHERE id = {edited} + 3", |it| matches!(it, Problem::View { .. })),
        ("UPDATE logs SET log_id = 99 WHERE document = {edited}", |it| {
            matches!(it, Problem::OtherPlace { .. })
        }),
        ("DELETE FROM logs WHERE document = {edited}", |it| *it == Problem::NoLog),
        ("DELETE FROM authors WHERE id = 2", |it| *it == Problem::NoLog),
        ("INSERT INTO authors (key) VALUES (zeroblob(32))", |it| {
            matches!(it, Problem::Stray { .. })
        }),
        ("DELETE FROM documents WHERE id = {edited}", |it| matches!(it, Problem::Stray { .. })),
        ("UPDATE documents SET deleted = 1 WHERE id = {edited}", |it| {
            *it == Problem::Deleted { expected: false, found: true }
        }),
        ("UPDATE documents SET schema = 77 WHERE id = {edited}", |it| *it == Problem::NoSchema),
        (
            "UPDATE rows_{place} SET f2 = f2 + 1 WHERE doc = {doc}",
            |it| matches!(it, Problem::Field { field } if field.as_str() == "size"),
        ),
        ("UPDATE rows_{place} SET view = NULL WHERE doc = {doc}", |it| {
            matches!(it, Problem::View { .. })
        }),
        ("UPDATE rows_{place} SET edited = 0 WHERE doc = {doc}", |it| {
            *it == Problem::Edited { expected: true, found: false }
        }),
        ("UPDATE rows_{place} SET owner = 2 WHERE doc = {doc}", |it| {
            matches!(it, Problem::Owner { .. })
        }),
        ("DELETE FROM rows_{place} WHERE doc = {doc}", |it| matches!(it, Problem::NoRow { .. })),
        ("DELETE FROM deleted WHERE schema = {place}", |it| matches!(it, Problem::NoRow { .. })),
        (
            "DELETE FROM items WHERE doc = {doc} AND target IN (SELECT min(target) FROM items WHERE doc = {doc})",
            |it| matches!(it, Problem::NoItem { field } if field.as_str() == "friends"),
        ),
        ("INSERT INTO items SELECT list, zeroblob(32), doc FROM items LIMIT 1", |it| {
            matches!(it, Problem::ExtraRow { .. })
        }),
        ("UPDATE schemas SET retired = 1 WHERE id = {place}", |it| {
            *it == Problem::Retired { expected: false, found: true }
        }),
        ("UPDATE schemas SET description = 'x' WHERE id = {place}", |it| {
            *it == Problem::OtherSchema
        }),
        ("UPDATE schemas SET retired = 0 WHERE name = 'unused'", |it| {
            *it == Problem::Retired { expected: true, found: false }
        }),
        (
            "DELETE FROM heads WHERE place = (SELECT max(place) FROM heads WHERE schema = {place})",
            |it| *it == Problem::NoHead,
        ),
        (
            "UPDATE heads SET place = CAST(place || x'00' AS BLOB) WHERE place = (SELECT max(place) FROM heads WHERE schema = {place})",
            |it| matches!(it, Problem::NoHead | Problem::Unreadable { .. }),
        ),
        ("INSERT INTO heads VALUES ({place}, x'00', 1)", |it| matches!(it, Problem::Stray { .. })),
        ("UPDATE head_sums SET heads = heads + 1 WHERE schema = {place}", |it| {
            *it == Problem::HeadsSum
        }),
        ("UPDATE head_sums SET sum = zeroblob(2048) WHERE schema = {place}", |it| {
            *it == Problem::HeadsSum
        }),
        ("DELETE FROM head_sums WHERE schema = {place}", |it| *it == Problem::HeadsSum),
        ("UPDATE head_sums SET schema = 77 WHERE schema = {place}", |it| {
            matches!(it, Problem::Stray { .. })
        }),
        ("UPDATE schemas SET documents = documents + 1 WHERE id = {place}", |it| {
            *it == Problem::Count { expected: 2, found: 3 }
        }),
        ("DROP INDEX rows_{place}_by_f1", |it| matches!(it, Problem::NoTable { .. })),
    ];
    for (sql, is_expected) in cases {
        let sample = Sample::new();
        sample.run(sql);
        let findings = sample.check().findings;
        assert!(findings.iter().any(|it| is_expected(&it.problem)), "{sql}: {findings:#?}");
        if findings.iter().any(is_entry) {
            continue;
        }
        // What is not about entries is found once or twice, not everywhere.
        assert!(findings.len() <= 4, "{sql}: {findings:#?}");
    }
}

#[test]
fn findings_are_sentences_that_name_what_they_are_about() {
    let sample = Sample::new();
    sample.run("UPDATE rows_{place} SET f1 = 'Mars' WHERE doc = {doc}");
    sample.run("UPDATE schemas SET retired = 1 WHERE id = {place}");
    let sentences: Vec<_> = sample.check().findings.iter().map(ToString::to_string).collect();
    let (document, schema) = (sample.edited, &sample.schema);
    assert_eq!(
        sentences,
        [
            format!(
                "document {document}: field `name` is stored with another value than its \
                 operations come to"
            ),
            format!("schema {schema}: it is marked as retired: true, its definition says: false"),
        ]
    );
}

/// A schema that is gone takes its documents with it; the check goes on.
#[test]
fn schemas_and_tables_that_are_gone_are_found() {
    for sql in ["DELETE FROM schemas WHERE id = {place}", "DROP TABLE rows_{place}"] {
        let sample = Sample::new();
        sample.run(sql);
        let findings = sample.check().findings;
        let no_schema = |it: &&Finding| it.problem == Problem::NoSchema;
        assert_eq!(findings.iter().filter(no_schema).count(), 3, "{sql}: {findings:#?}");
    }
}

#[test]
fn damaged_pages_are_found() {
    let sample = Sample::new();
    let path = sample.folder.path().join(FILE);
    let connection = Connection::open(&path).expect("the file opens");
    // Not of the list of tables, without which nothing can be opened.
    let sql = "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size \
               WHERE name = 'items'";
    let (page, size): (usize, usize) = connection
        .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("the table is there");
    drop(connection);
    let mut bytes = std::fs::read(&path).expect("the file can be read");
    bytes[(page - 1) * size..page * size].fill(0x55);
    std::fs::write(&path, bytes).expect("the file can be written");
    let report = sample.check();
    let is_damage = |it: &Finding| matches!(it.problem, Problem::Damaged { .. });
    assert!(report.findings.iter().any(is_damage), "{:?}", report.findings);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_written_is_clean(history in histories(60), delivery in deliveries()) {
        is_clean(&history, &delivery);
    }
}

fn is_clean(history: &History, delivery: &Delivery) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = open(folder.path());
    delivery.bring(history, &store);
    let report = check(&store);
    assert!(report.is_clean(), "{:#?}", report.findings);
}
