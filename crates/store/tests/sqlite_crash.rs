//! A process is killed while it writes; everything that it acknowledged is there afterwards.

#![cfg(all(feature = "conformance", feature = "sqlite"))]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use pandan_admission::Door;
use pandan_bamboo::{EntryHash, Hash};
use pandan_operations::{RawValue, SystemSchema};
use pandan_store::conformance::{Author, fields};
use pandan_store::query::Selection;
use pandan_store::{Options, Outcome, SqliteStore, Store};

/// Tells the process that writes which file it is.
const FILE: &str = "PANDAN_TEST_CRASH_FILE";

/// Marks lines in the output, among which the test runner prints its own.
const STORED: &str = "stored ";

#[test]
fn killed_processes_lose_nothing_that_they_acknowledged() {
    if let Some(file) = std::env::var_os(FILE) {
        return write_until_killed(Path::new(&file));
    }
    // How many batches are acknowledged before the end; further ones are under way by then.
    for batches in [1, 2, 5, 20] {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let file = folder.path().join("pandan.sqlite");
        let acknowledged = write_and_kill(&file, batches);
        assert_eq!(acknowledged.len(), batches * BATCH);
        let store = SqliteStore::open(&file, Options::default()).expect("the store opens");
        let snapshot = store.snapshot().expect("a snapshot can be taken");
        for hash in &acknowledged {
            let entry = snapshot.entry(hash).expect("entries can be read");
            assert!(entry.is_some(), "{hash} was acknowledged");
            let document = (*hash.as_hash()).into();
            let found = snapshot.documents(&[document], &Selection::All);
            assert!(found.expect("documents can be read")[0].is_some(), "{hash} has its effects");
        }
        let counts = snapshot.counts().expect("entries can be counted");
        assert!(counts.entries >= acknowledged.len() as u64);
        assert_eq!(counts.entries, counts.documents, "nothing is there by half");
        assert_eq!(counts.entries % BATCH as u64, 0, "batches are there as a whole");
    }
}

const BATCH: usize = 7;

/// Runs this test again as a process that writes; returns what it acknowledged before it was
/// killed.
fn write_and_kill(file: &Path, batches: usize) -> Vec<EntryHash> {
    let mut child = Command::new(std::env::current_exe().expect("this is a program"))
        .args(["killed_processes_lose_nothing_that_they_acknowledged", "--exact", "--nocapture"])
        .env(FILE, file)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it can be run again");
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    let lines = output.lines().map(|line| line.expect("lines are text"));
    let hash = |line: String| {
        let (_, hash) = line.split_once(STORED)?;
        Some(EntryHash::from_hash(hash.parse::<Hash>().expect("it is a hash")))
    };
    let acknowledged = lines.filter_map(hash).take(batches * BATCH).collect();
    child.kill().expect("it still runs");
    child.wait().expect("it was killed");
    acknowledged
}

fn write_until_killed(file: &Path) {
    // A short log, so that it is taken into the file again and again.
    let options = Options { journal_bytes: 256 * 1024, ..Options::default() };
    let store = SqliteStore::open(file, options).expect("a new store opens");
    let mut author = Author::new(1);
    loop {
        let data = || fields([("data", RawValue::Bytes(vec![7; 500]))]);
        let batch = (0..BATCH).map(|_| author.create(&SystemSchema::BlobPiece.into(), data()));
        let batch = batch.map(|signed| (signed.candidate(), Door::Client)).collect();
        for outcome in store.ingest(batch).expect("the store can be written") {
            let Outcome::Committed(committed) = outcome else { panic!("{outcome:?}") };
            // It ends with the one who listens.
            if writeln!(std::io::stdout(), "{STORED}{}", committed.operation).is_err() {
                return;
            }
        }
    }
}
