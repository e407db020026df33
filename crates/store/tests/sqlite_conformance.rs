//! SQLite passes the suite.

#![cfg(all(feature = "conformance", feature = "sqlite"))]

use std::sync::Mutex;

use pandan_store::{Options, SqliteStore, Store};

#[test]
fn conforms() {
    let folders = Mutex::new(Vec::new());
    pandan_store::conformance::run_all(&|| {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let store = SqliteStore::open(folder.path().join("pandan.sqlite"), Options::default());
        folders.lock().expect("nobody panicked").push(folder);
        Box::new(store.expect("a new store opens")) as Box<dyn Store>
    });
}
