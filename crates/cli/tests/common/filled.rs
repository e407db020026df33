//! Folders of nodes that are filled, and read, while no node uses them.

use std::fs;
use std::ops::Range;
use std::path::Path;

use pandan_admission::Door;
use pandan_operations::{Fields, RawValue, SystemSchema};
use pandan_store::conformance::Author;
use pandan_store::heads::{Head, HeadRange};
use pandan_store::{Options, SqliteStore, Store};

/// The schema of what folders are filled with.
pub(crate) const SCHEMA: SystemSchema = SystemSchema::SchemaFieldDefinition;

/// Writes so many documents of some authors in turn, faster than over HTTP.
pub(crate) fn fill(folder: &Path, authors: Range<u8>, entries: u64) {
    fs::create_dir_all(folder).expect("a folder of our own");
    let store = SqliteStore::open(folder.join("pandan.sqlite"), Options::default());
    let store = store.expect("a new store");
    let mut authors: Vec<_> = authors.map(Author::new).collect();
    let count = authors.len() as u64;
    let candidates: Vec<_> = (0..entries)
        .map(|index| {
            let name = RawValue::Str(format!("field_{index}"));
            let fields = [("name", name), ("type", RawValue::Str(String::from("str")))];
            let fields = Fields::from_pairs(fields).expect("different fields");
            let author = usize::try_from(index % count).expect("small");
            (authors[author].create(&SCHEMA.into(), fields).candidate(), Door::Peer)
        })
        .collect();
    for batch in candidates.chunks(500) {
        store.ingest(batch.to_vec()).expect("they are good");
    }
}

/// The heads of all logs of that schema.
pub(crate) fn heads(folder: &Path) -> Vec<Head> {
    let store = SqliteStore::open_read_only(folder.join("pandan.sqlite")).expect("it opens");
    let snapshot = store.snapshot().expect("a snapshot can be taken");
    let range = HeadRange::all(SCHEMA.into());
    let heads = snapshot.heads(&[range], usize::MAX).expect("they can be read");
    heads.into_iter().map(|found| found.head).collect()
}
