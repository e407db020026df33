//! Whole documents: what comes makes an ordinary document elsewhere.

use std::sync::Arc;

use pandan_admission::Door;
use pandan_replication::{AskItem, End, Told};
use pandan_store::query::Selection;
use pandan_store::{MemoryStore, Store};
use pandan_sync::{Fate, Intake, examine, log_name};

use crate::support::{Note, on_all_stores, talk};

#[test]
fn a_whole_document_comes_with_its_schema_in_an_order_in_which_nothing_waits() {
    on_all_stores(|new_store| {
        let note = Note::new(new_store());
        let header = *note.bob.entry.header();
        let log = log_name(&header.public_key(), header.log_id());
        for item in [AskItem::Whole(note.id), AskItem::WholeOf(log)] {
            let talk = talk(&*note.store, vec![item]);
            assert_eq!((&talk.told[..], &talk.end), (&[Told::Whole][..], &End::Complete));
            // Three fields and their definition.
            assert_eq!(talk.handed_on.len(), 4 + 42);
            let store = Arc::new(MemoryStore::new());
            let mut intake = Intake::new(store.clone());
            let batch = talk.handed_on.iter().map(|it| (examine(it).unwrap(), Door::Peer));
            let taken = intake.take(batch.collect()).unwrap();
            assert!(taken.judged.iter().all(|it| matches!(it.fate, Fate::Stored(_))));
            let read = |store: &dyn Store| {
                store.snapshot().unwrap().documents(&[note.id], &Selection::All).unwrap()
            };
            assert_eq!(read(&*store), read(&*note.store));
        }
    });
}
