//! The log file: it is taken into the main file beside the writer, and stays short.

#![cfg(all(feature = "conformance", feature = "sqlite"))]

use std::fs;
use std::path::{Path, PathBuf};

use pandan_admission::Door;
use pandan_operations::{RawValue, SystemSchema};
use pandan_store::conformance::{Author, fields};
use pandan_store::{Options, Outcome, SqliteStore, Store};

/// How long the log may become; the writer waits beyond. Making a store takes half of it.
const LOG_BYTES: u64 = 512 * 1024;

/// More than any batch here adds to the log.
const BATCH_BYTES: u64 = 128 * 1024;

/// Bytes of the payload of each entry, of which there is one in a batch.
const PAYLOAD_BYTES: usize = 2_000;

fn open(file: &Path) -> SqliteStore {
    let options = Options { journal_bytes: LOG_BYTES, ..Options::default() };
    SqliteStore::open(file, options).expect("the store opens")
}

fn publish(store: &SqliteStore, author: &mut Author, batches: u64) {
    for _ in 0..batches {
        let data = RawValue::Bytes(vec![7; PAYLOAD_BYTES]);
        let signed = author.create(&SystemSchema::BlobPiece.into(), fields([("data", data)]));
        let outcomes = store.ingest(vec![(signed.candidate(), Door::Client)]);
        let outcomes = outcomes.expect("the store can be written");
        assert!(matches!(outcomes.as_slice(), [Outcome::Committed(_)]), "{outcomes:?}");
    }
}

fn entries(store: &SqliteStore) -> u64 {
    let snapshot = store.snapshot().expect("a snapshot can be taken");
    snapshot.counts().expect("entries can be counted").entries
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).expect("the file is there").len()
}

fn log_of(file: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", file.display()))
}

#[test]
fn the_log_is_taken_while_commits_go_on() {
    const BATCHES: u64 = 300;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("pandan.sqlite");
    let store = open(&file);
    let mut author = Author::new(1);
    for done in 1..=BATCHES {
        publish(&store, &mut author, 1);
        let (log, file) = (length(&log_of(&file)), length(&file));
        assert!(log <= LOG_BYTES + BATCH_BYTES, "{log} bytes after {done} batches");
        let written = done * PAYLOAD_BYTES as u64;
        assert!(file + log >= written, "{file} and {log} bytes after {done} batches");
    }
    assert_eq!(entries(&store), BATCHES);
    drop(store);
    assert!(!log_of(&file).exists(), "a closed store leaves no log behind");
    let store = open(&file);
    assert_eq!(entries(&store), BATCHES);
    let report = store.check(&mut |_| {}).expect("the file can be read");
    assert!(report.is_clean(), "{:#?}", report.findings);
}

/// A snapshot keeps the log from beginning anew; the writer goes on, and so does the snapshot.
#[test]
fn a_held_snapshot_stops_nobody_and_the_log_shrinks_afterwards() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("pandan.sqlite");
    let (store, mut author) = (open(&file), Author::new(1));
    publish(&store, &mut author, 10);
    let snapshot = store.snapshot().expect("a snapshot can be taken");
    publish(&store, &mut author, 100);
    assert!(length(&log_of(&file)) > LOG_BYTES + BATCH_BYTES, "nothing could be taken away");
    assert_eq!(snapshot.counts().expect("entries can be counted").entries, 10);
    assert_eq!(entries(&store), 110);
    drop(snapshot);
    publish(&store, &mut author, 3);
    assert!(length(&log_of(&file)) <= LOG_BYTES + BATCH_BYTES, "it begins anew");
    assert_eq!(entries(&store), 113);
}
