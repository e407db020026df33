//! What happens when the disk, the file or another process is in the way.

#![cfg(all(feature = "conformance", feature = "sqlite"))]

use std::fs;
use std::path::{Path, PathBuf};

use pandan_admission::Door;
use pandan_operations::{RawValue, SystemSchema};
use pandan_store::conformance::{Author, Signed, fields};
use pandan_store::{Durability, Options, Outcome, SqliteStore, Store, StoreError};
use rusqlite::Connection;
use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder can be made"))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("pandan.sqlite")
    }

    fn open(&self) -> SqliteStore {
        SqliteStore::open(self.file(), Options::default()).expect("the store opens")
    }

    fn refused(&self) -> StoreError {
        SqliteStore::open(self.file(), Options::default()).expect_err("the file is not good")
    }
}

fn piece(author: &mut Author, bytes: usize) -> Signed {
    let data = RawValue::Bytes(vec![7; bytes]);
    author.create(&SystemSchema::BlobPiece.into(), fields([("data", data)]))
}

fn ingest(store: &SqliteStore, signed: &[Signed]) -> Result<Vec<Outcome>, StoreError> {
    store.ingest(signed.iter().map(|signed| (signed.candidate(), Door::Peer)).collect())
}

fn publish(store: &SqliteStore, signed: &Signed) {
    let outcomes = ingest(store, std::slice::from_ref(signed)).expect("the store can be written");
    assert!(matches!(outcomes.as_slice(), [Outcome::Committed(_)]), "{outcomes:?}");
}

fn entries(store: &SqliteStore) -> u64 {
    let snapshot = store.snapshot().expect("a snapshot can be taken");
    snapshot.counts().expect("entries can be counted").entries
}

#[test]
fn what_was_acknowledged_is_there_after_opening_again() {
    let (folder, mut author) = (Folder::new(), Author::new(1));
    for count in 1..=3 {
        let store = folder.open();
        publish(&store, &piece(&mut author, 10));
        assert_eq!(entries(&store), count);
    }
    assert_eq!(entries(&SqliteStore::open_read_only(folder.file()).expect("it opens")), 3);
}

/// A closed store is one file, which can be copied. The writer was closed before the readers once,
/// which left the log to be found.
#[test]
fn a_closed_store_leaves_no_log_behind() {
    let (folder, mut author) = (Folder::new(), Author::new(1));
    let store = folder.open();
    publish(&store, &piece(&mut author, 10));
    assert_eq!(entries(&store), 1);
    drop(store);
    let files = fs::read_dir(folder.0.path()).expect("the folder is there").count();
    assert_eq!(files, 1);
}

/// As after `kill -9`: the file and its log as they are, with no connection that closed them.
#[test]
fn what_was_acknowledged_survives_being_killed() {
    for durability in [Durability::Full, Durability::Normal] {
        let (folder, copy, mut author) = (Folder::new(), Folder::new(), Author::new(1));
        let options = Options { durability, ..Options::default() };
        let store = SqliteStore::open(folder.file(), options).expect("the store opens");
        for _ in 0..5 {
            publish(&store, &piece(&mut author, 1_000));
        }
        for suffix in ["", "-wal"] {
            let with = |path: PathBuf| PathBuf::from(format!("{}{suffix}", path.display()));
            fs::copy(with(folder.file()), with(copy.file())).expect("files can be copied");
        }
        assert_eq!(entries(&copy.open()), 5);
    }
}

/// A power cut tears the log at any byte: what is left is a prefix of the batches.
#[test]
fn a_torn_log_leaves_whole_batches() {
    let (folder, mut author) = (Folder::new(), Author::new(1));
    let store = folder.open();
    for _ in 0..4 {
        let batch: Vec<_> = (0..3).map(|_| piece(&mut author, 500)).collect();
        ingest(&store, &batch).expect("the store can be written");
    }
    let log = fs::read(format!("{}-wal", folder.file().display())).expect("there is a log");
    let file = fs::read(folder.file()).expect("there is a file");
    let mut seen = Vec::new();
    for part in 0..24 {
        let copy = Folder::new();
        fs::write(copy.file(), &file).expect("files can be written");
        let torn = &log[..log.len() * part / 23];
        fs::write(format!("{}-wal", copy.file().display()), torn).expect("files can be written");
        let found = entries(&copy.open());
        assert_eq!(found % 3, 0, "a batch is there or not");
        seen.push(found);
    }
    assert!(seen.is_sorted(), "{seen:?}");
    assert_eq!(seen.last(), Some(&12));
}

#[test]
fn a_full_disk_loses_nothing_and_the_store_goes_on() {
    let (folder, mut author) = (Folder::new(), Author::new(1));
    let options = Options { quota_bytes: Some(600 * 1024), ..Options::default() };
    let store = SqliteStore::open(folder.file(), options).expect("the store opens");
    publish(&store, &piece(&mut author, 100));
    let large: Vec<_> = (0..10).map(|_| piece(&mut author.clone(), 200_000)).take(1).collect();
    let many: Vec<_> =
        large.into_iter().chain((0..9).map(|_| piece(&mut author, 200_000))).collect();
    let error = ingest(&store, &many).expect_err("there is no room");
    assert!(matches!(error, StoreError::Full), "{error:?}");
    assert!(error.to_string().contains("free some space"), "{error}");
    assert_eq!(entries(&store), 1, "nothing of the batch is there");
    publish(&store, &piece(&mut Author::new(2), 100));
    drop(store);
    assert_eq!(entries(&folder.open()), 2);
}

#[test]
fn foreign_and_damaged_files_are_refused_and_left_alone() {
    let text = b"dear diary, this is not a database at all".repeat(100);
    let garbled = |path: &Path| {
        let mut bytes = fs::read(path).expect("the file can be read");
        bytes[..200].fill(0xaa);
        fs::write(path, bytes).expect("the file can be written");
    };
    let foreign = |path: &Path| {
        let connection = Connection::open(path).expect("the file opens");
        connection.execute_batch("CREATE TABLE notes (text)").expect("it can be written");
    };
    let folders = [Folder::new(), Folder::new(), Folder::new()];
    fs::write(folders[0].file(), &text).expect("files can be written");
    drop(folders[1].open());
    garbled(&folders[1].file());
    foreign(&folders[2].file());
    for folder in &folders {
        let before = fs::read(folder.file()).expect("the file can be read");
        let error = folder.refused();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
        assert!(error.to_string().contains("restore it from a copy"), "{error}");
        assert_eq!(fs::read(folder.file()).expect("the file can be read"), before);
    }
}

#[test]
fn damage_inside_shows_when_it_is_read() {
    let (folder, mut author) = (Folder::new(), Author::new(1));
    let store = folder.open();
    let signed: Vec<_> = (0..200).map(|_| piece(&mut author, 2_000)).collect();
    ingest(&store, &signed).expect("the store can be written");
    drop(store);
    let mut bytes = fs::read(folder.file()).expect("the file can be read");
    // Entries and rows of documents stand in parts of their own: some of both.
    let quarter = bytes.len() / 4;
    bytes[quarter..3 * quarter].fill(0x55);
    fs::write(folder.file(), bytes).expect("the file can be written");
    let store = folder.open();
    let snapshot = store.snapshot().expect("a snapshot can be taken");
    let found = signed.iter().map(|signed| snapshot.entry(&signed.entry.hash()));
    let errors: Vec<_> = found.filter_map(Result::err).collect();
    assert!(!errors.is_empty());
    let is_known = |error: &StoreError| {
        matches!(error, StoreError::Corrupt { .. } | StoreError::Inconsistent { .. })
    };
    assert!(errors.iter().all(is_known), "{errors:?}");
}

#[test]
fn newer_versions_are_refused() {
    let folder = Folder::new();
    drop(folder.open());
    let connection = Connection::open(folder.file()).expect("the file opens");
    connection.pragma_update(None, "user_version", 77).expect("it can be written");
    drop(connection);
    let is_newer = |error| matches!(error, StoreError::NewerVersion { found: 77, supported: 3 });
    assert!(is_newer(folder.refused()));
    assert!(is_newer(SqliteStore::open_read_only(folder.file()).expect_err("it is newer")));
}

#[test]
fn paths_that_can_not_be_used_say_why() {
    let folder = Folder::new();
    let open = |path: &Path| SqliteStore::open(path, Options::default());
    let cases = [
        (folder.0.path().join("missing").join("pandan.sqlite"), "folder does not exist"),
        (folder.0.path().to_owned(), "it is a folder"),
    ];
    for (path, reason) in cases {
        let error = open(&path).expect_err("it can not be used");
        assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    let error = SqliteStore::open_read_only(folder.file()).expect_err("there is nothing");
    assert!(error.to_string().contains("does not exist"), "{error}");
}

#[cfg(unix)]
#[test]
fn missing_rights_are_named() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new();
    drop(folder.open());
    let read_only = fs::Permissions::from_mode(0o400);
    fs::set_permissions(folder.file(), read_only).expect("rights can be changed");
    if fs::OpenOptions::new().write(true).open(folder.file()).is_ok() {
        // Whoever runs this may write everything.
        return;
    }
    let error = folder.refused();
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
    assert!(error.to_string().contains("rights"), "{error}");
}

#[test]
fn a_store_for_reading_refuses_to_write_and_follows_the_writer() {
    let (folder, mut author) = (Folder::new(), Author::new(1));
    let writer = folder.open();
    let reader = SqliteStore::open_read_only(folder.file()).expect("it opens");
    assert_eq!(entries(&reader), 0);
    let signed = author.define("place", &[("name", pandan_schema::FieldType::Str)]).signed;
    ingest(&writer, &signed).expect("the store can be written");
    assert_eq!(entries(&reader), 2);
    let schemas = reader.snapshot().expect("a snapshot can be taken").schemas();
    assert_eq!(schemas.expect("schemas can be read").len(), 5);
    let error = ingest(&reader, &signed).expect_err("it is for reading");
    assert!(matches!(error, StoreError::ReadOnly));
}

#[test]
fn two_writers_take_turns() {
    let folder = Folder::new();
    let stores = [folder.open(), folder.open()];
    std::thread::scope(|scope| {
        for (store, number) in stores.iter().zip(1..) {
            scope.spawn(move || {
                let mut author = Author::new(number);
                for _ in 0..20 {
                    publish(store, &piece(&mut author, 10));
                }
            });
        }
    });
    assert_eq!(stores.each_ref().map(entries), [40, 40]);
}

/// A transaction of another program that never ends: an error after some seconds, no hanging.
#[test]
fn a_locked_database_is_busy() {
    let (folder, mut author) = (Folder::new(), Author::new(1));
    let options =
        Options { busy_timeout: std::time::Duration::from_millis(1), ..Options::default() };
    let store = SqliteStore::open(folder.file(), options).expect("the store opens");
    let other = Connection::open(folder.file()).expect("the file opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
    let signed = piece(&mut author, 10);
    let error = ingest(&store, std::slice::from_ref(&signed)).expect_err("another one writes");
    assert!(matches!(error, StoreError::Busy), "{error:?}");
    assert_eq!(entries(&store), 0, "reading goes on");
    other.execute_batch("ROLLBACK").expect("it was begun");
    publish(&store, &signed);
}

#[cfg(unix)]
#[test]
fn a_folder_without_rights_is_named() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new();
    let with = |mode| fs::set_permissions(folder.0.path(), fs::Permissions::from_mode(mode));
    with(0o500).expect("rights can be changed");
    let probe = folder.0.path().join("probe");
    let error = (fs::write(probe, "").is_err()).then(|| folder.refused());
    with(0o700).expect("rights can be changed");
    // Whoever may write everything has no error to look at.
    if let Some(error) = error {
        assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
        assert!(error.to_string().contains("written to"), "{error}");
    }
}
