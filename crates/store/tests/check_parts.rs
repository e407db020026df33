//! A check verifies what is kept in part.

#![cfg(all(feature = "conformance", feature = "sqlite"))]

use std::path::Path;

use pandan_admission::{ClaimedState, Part, PartAsk, PartClaim, PartEntry, Payloads};
use pandan_operations::FieldName;
use pandan_schema::FieldType;
use pandan_store::check::{About, Problem, Report};
use pandan_store::conformance::{Author, Signed, fields, text};
use pandan_store::{Keeping, Options, SqliteStore, Store, Teller};
use rusqlite::Connection;

const FILE: &str = "pandan.sqlite";

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(folder.join(FILE), Options::default()).expect("the store opens")
}

fn check(folder: &Path) -> Report {
    open(folder).check(&mut |_| {}).expect("the file can be read")
}

/// A note of two entries, kept in part.
fn kept(folder: &Path) -> Part {
    let mut author = Author::new(1);
    let definition = author.define("note", &[("title", FieldType::Str)]);
    let title = |title| fields([("title", text(title))]);
    let first = author.create(&definition.schema, title("1"));
    let (id, view) = (first.document(), first.view());
    let second = author.update(id, &definition.schema, &view, title("2"));
    let name = FieldName::parse("title").expect("it is a name");
    let state = ClaimedState { view: second.view(), fields: vec![(name, second.id())] };
    let entry = |signed: &Signed| PartEntry {
        entry: signed.entry.as_bytes().to_vec(),
        payload: Some(signed.payload.clone()),
    };
    let claim = PartClaim {
        ask: PartAsk::Document(id),
        state: Some(state),
        entries: vec![entry(&first), entry(&second)],
        proofs: Vec::new(),
    };
    let part = Part::verify(claim, Payloads::All).expect("it verifies");
    let teller = Teller { peer: [7; 32], unix_seconds: 1 };
    let keeping = open(folder).keep_part(&part, teller).expect("it can be written");
    assert_eq!(keeping, Keeping::Kept);
    part
}

#[test]
fn parts_that_were_changed_are_found() {
    let unchanged = tempfile::tempdir().expect("a folder can be made");
    kept(unchanged.path());
    let report = check(unchanged.path());
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!(report.parts, 1);
    for sql in [
        "UPDATE part_entries SET payload = x'00'",
        "UPDATE part_entries SET payload = NULL",
        "UPDATE part_entries SET asked = 0",
        "UPDATE part_entries SET hash = zeroblob(32)",
        "UPDATE part_fields SET name = 'body'",
        "DELETE FROM part_fields",
        "DELETE FROM part_entries WHERE seq_num = x'0000000000000001'",
        "DELETE FROM parts",
        "UPDATE parts SET view = NULL",
        "UPDATE parts SET told = -1",
    ] {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let part = kept(folder.path());
        let connection = Connection::open(folder.path().join(FILE)).expect("the file opens");
        connection.execute_batch(sql).expect("it is good SQL");
        assert!(connection.changes() > 0, "{sql}");
        drop(connection);
        let PartAsk::Document(id) = *part.ask() else { unreachable!() };
        let is_told = |about: &About, problem: &Problem| match (about, problem) {
            (About::Document(found), Problem::Part { .. }) => *found == id,
            (About::Row { table, .. }, Problem::Unreadable { .. }) => table == "parts",
            (About::Row { table, .. }, Problem::Stray { .. }) => table.starts_with("part_"),
            _ => false,
        };
        let findings = check(folder.path()).findings;
        assert!(!findings.is_empty(), "{sql}");
        assert!(findings.iter().all(|it| is_told(&it.about, &it.problem)), "{sql}: {findings:?}");
    }
}
