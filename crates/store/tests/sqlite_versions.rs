//! Files of every version that was ever released open, with everything that is in them.
//!
//! `tests/fixtures/version_<n>.sql` builds a file as version n left it. Before a version is
//! released, its fixture is written with
//! `cargo test --all-features --test sqlite_versions -- --ignored`.

#![cfg(all(feature = "conformance", feature = "sqlite"))]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use pandan_admission::{Candidate, Door, Part, PartAsk, PartClaim, PartEntry, Payloads};
use pandan_bamboo::HeadsSum;
use pandan_operations::SystemSchema;
use pandan_store::conformance::contents;
use pandan_store::heads::{HeadInRange, SCHEMA_OF_FORKED};
use pandan_store::{MemoryStore, Options, Outcome, SqliteStore, Store, Teller};
use pandan_testkit::{Author, Delivery, History, fields, text};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

const VERSION: u32 = 3;

fn fixture(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/version_{version}.sql"))
}

#[test]
fn every_version_opens_and_is_complete() {
    for version in 1..=VERSION {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("pandan.sqlite");
        let sql = fs::read_to_string(fixture(version)).expect("each version has a fixture");
        let connection = Connection::open(&path).expect("the file opens");
        connection.execute_batch(&sql).expect("fixtures are good SQL");
        let entries = entries(&connection);
        drop(connection);
        let store = SqliteStore::open(&path, Options::default()).expect("the version opens");
        let model = MemoryStore::new();
        for (entry, operation) in &entries {
            let candidate = Candidate::examine(entry, operation).expect("what is stored is good");
            let outcomes = model.ingest(vec![(candidate, Door::Peer)]).expect("memory is there");
            assert!(matches!(outcomes.as_slice(), [Outcome::Committed(_)]), "{outcomes:?}");
        }
        let read = |store: &dyn Store| contents(&*store.snapshot().expect("it can be read"));
        assert_eq!(read(&store), read(&model), "version {version}");
        // Parts came with version 2.
        let parts = store.snapshot().expect("it can be read").parts().expect("they can be read");
        let expected = if version < 2 { Vec::new() } else { vec![part().subject()] };
        let subjects: Vec<_> = parts.iter().map(|part| part.ask.subject()).collect();
        assert_eq!(subjects, expected, "version {version}");
        assert_eq!(version_of(&path), VERSION);
    }
}

/// Migrating an empty file and bringing an old one up to date end in the same tables.
#[test]
fn migrated_files_have_the_tables_of_new_ones() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (new, old) = (folder.path().join("new.sqlite"), folder.path().join("old.sqlite"));
    let connection = Connection::open(&old).expect("the file opens");
    let sql = fs::read_to_string(fixture(1)).expect("each version has a fixture");
    connection.execute_batch(&sql).expect("fixtures are good SQL");
    drop(connection);
    let tables = |path: &Path| {
        drop(SqliteStore::open(path, Options::default()).expect("the version opens"));
        let connection = Connection::open(path).expect("the file opens");
        // Those of the system schemas and the common ones; other schemas are content.
        let sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL \
                   AND (tbl_name NOT LIKE 'rows_%' OR tbl_name IN ('rows_1', 'rows_2', 'rows_3', 'rows_4')) ORDER BY name";
        let mut statement = connection.prepare(sql).expect("it is good SQL");
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("it can be read");
        rows.collect::<Result<Vec<_>, _>>().expect("it can be read")
    };
    assert_eq!(tables(&old), tables(&new));
}

/// Files of version 2 had no heads for logs that fork at their first entry.
#[test]
fn logs_that_fork_at_their_first_entry_get_heads() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("pandan.sqlite");
    let open = || SqliteStore::open(&path, Options::default()).expect("the store opens");
    let store = open();
    let history = History::with_forks(3, 300);
    Delivery::in_order().bring(&history, &store);
    for proof in history.proofs() {
        store.ingest_proof(proof).expect("it can be written");
    }
    let expected = contents(&*store.snapshot().expect("it can be read"));
    let forked = expected.heads.iter().filter(|found| found.head.latest.is_none()).count();
    assert!(forked > 1, "the history has such logs");
    drop(store);
    let connection = Connection::open(&path).expect("the file opens");
    let removed = connection.execute(
        "DELETE FROM heads WHERE log IN (SELECT id FROM logs WHERE branch = 0 AND fork = 1)",
        [],
    );
    assert_eq!(removed.expect("it is good SQL"), forked);
    // The sums of what is left, which are all in one part here.
    let schemas: Vec<_> = expected.schemas.keys().collect();
    let mut sum = HeadsSum::EMPTY;
    for HeadInRange { range, head } in &expected.heads {
        if *schemas[*range] == SCHEMA_OF_FORKED.into() && head.latest.is_some() {
            sum.add(&head.state);
        }
    }
    let sql = "UPDATE head_sums SET heads = ?, sum = ? WHERE schema = \
               (SELECT id FROM schemas WHERE name = 'schema_definition' AND view = x'')";
    let changed = connection.execute(sql, params![sum.count(), sum.to_bytes()]);
    assert_eq!(changed.expect("it is good SQL"), 1);
    connection.pragma_update(None, "user_version", 2).expect("it can be set");
    drop(connection);
    let store = open();
    assert_eq!(contents(&*store.snapshot().expect("it can be read")), expected);
    let report = store.check(&mut |_| {}).expect("it can be checked");
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

fn version_of(path: &Path) -> u32 {
    let connection = Connection::open(path).expect("the file opens");
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0));
    version.expect("it can be read")
}

fn entries(connection: &Connection) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut statement = connection
        .prepare("SELECT entry, payload FROM entries ORDER BY id")
        .expect("there are entries in every version");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.expect("it can be read").collect::<Result<_, _>>().expect("it can be read")
}

#[test]
#[ignore = "writes the fixture of the latest version"]
fn write_fixture() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("pandan.sqlite");
    let store = SqliteStore::open(&path, Options::default()).expect("a new store opens");
    Delivery::in_order().bring(&History::from_seed(4, 120), &store);
    let teller = Teller { peer: [7; 32], unix_seconds: 1_700_000_000 };
    store.keep_part(&part(), teller).expect("a part can be kept");
    drop(store);
    let connection = Connection::open(&path).expect("the file opens");
    fs::write(fixture(VERSION), dump(&connection)).expect("the fixture can be written");
}

/// The first entry of somebody of whom nothing is stored.
fn part() -> Part {
    let schema = SystemSchema::SchemaFieldDefinition.into();
    let values = [("name", text("title")), ("type", text("str"))];
    let signed = Author::new(200).create(&schema, fields(values));
    let header = signed.entry.header();
    let (author, log_id) = (header.public_key(), header.log_id());
    let entry = signed.entry.as_bytes().to_vec();
    let claim = PartClaim {
        ask: PartAsk::Newest { author, log_id, count: 1 },
        state: None,
        entries: vec![PartEntry { entry, payload: Some(signed.payload) }],
        proofs: Vec::new(),
    };
    Part::verify(claim, Payloads::All).expect("it verifies")
}

/// SQL that makes the same database.
fn dump(connection: &Connection) -> String {
    let pragma = |name: &str| {
        let value = connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        format!("PRAGMA {name} = {};\n", value.expect("it can be read"))
    };
    let mut sql = pragma("application_id") + &pragma("user_version");
    let mut statement = connection
        .prepare("SELECT sql, name, type FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
        .expect("it is good SQL");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let rows: Vec<(String, String, String)> =
        rows.expect("it can be read").collect::<Result<_, _>>().expect("it can be read");
    for (create, name, kind) in rows {
        writeln!(sql, "{create};").expect("a string takes everything");
        if kind == "table" {
            dump_rows(connection, &name, &mut sql);
        }
    }
    sql
}

fn dump_rows(connection: &Connection, table: &str, sql: &mut String) {
    let mut statement =
        connection.prepare(&format!("SELECT * FROM {table}")).expect("the table is there");
    let columns = statement.column_count();
    let mut rows = statement.query([]).expect("it can be read");
    while let Some(row) = rows.next().expect("it can be read") {
        let value = |column| literal(row.get_ref(column).expect("the column is there"));
        let values: Vec<_> = (0..columns).map(value).collect();
        writeln!(sql, "INSERT INTO {table} VALUES ({});", values.join(", "))
            .expect("a string takes everything");
    }
}

fn literal(value: ValueRef<'_>) -> String {
    let hex =
        |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    match value {
        ValueRef::Null => String::from("NULL"),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) if number.is_infinite() => {
            String::from(if number > 0.0 { "9e999" } else { "-9e999" })
        }
        // A literal would lose the sign.
        ValueRef::Real(number) if number == 0.0 && number.is_sign_negative() => {
            String::from("0.0 * -1.0")
        }
        ValueRef::Real(number) => format!("{number:?}"),
        ValueRef::Text(text) => format!("CAST(x'{}' AS TEXT)", hex(text)),
        ValueRef::Blob(bytes) => format!("x'{}'", hex(bytes)),
    }
}
