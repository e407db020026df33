//! The in-memory store passes the suite.

#![cfg(feature = "conformance")]

use pandan_store::{MemoryStore, Store};

#[test]
fn conforms() {
    pandan_store::conformance::run_all(&|| Box::new(MemoryStore::new()) as Box<dyn Store>);
}
