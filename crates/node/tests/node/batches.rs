//! What a peer brings, on its way through the writer: in order, and no more at a time than allowed.

use std::sync::Arc;

use pandan_operations::DocumentViewId;

use crate::odd_store::Odd;
use crate::support::{Author, World, str};

/// Entries of one transaction.
const BATCH_MAX: usize = 20;

/// Entries of one log, and the bytes in each: several frames in all, of more than one batch each.
const CHANGES: usize = 300;
const CHANGE_BYTES: usize = 3_000;

#[test]
fn a_long_log_comes_in_order_while_parts_of_it_are_written() {
    let store = Arc::new(Odd::default());
    let ours = World::replicating_in_store(Arc::<Odd>::clone(&store), |limits| {
        limits.batch_entries = BATCH_MAX;
        limits.queued_entries = 2;
    });
    let theirs = World::replicating();
    let ada = Author::new(1);
    let schema = ada.define(&theirs, "band", &[("name", "str")]);
    let id = ada.create(&theirs, &schema, &[("name", str("Can"))]);
    let mut view = DocumentViewId::from(id);
    for number in 0..CHANGES {
        let name = format!("{number:0CHANGE_BYTES$}");
        view = ada.update(&theirs, &schema, &view, &[("name", str(&name))]);
    }
    ours.keep(&theirs);
    ours.wait_until("all is there", |_| ours.heads() == theirs.heads());
    let expected = CHANGES as u64 + 3;
    ours.wait_until("all is accounted for", |status| status.totals.stored == expected);
    let totals = ours.node().sync_status().totals;
    // Out of order, some would have waited for those before them.
    assert_eq!((totals.received, totals.waiting, totals.refused), (expected, 0, 0));
    let batches = store.batches.lock().unwrap();
    assert!(batches.iter().all(|count| *count <= BATCH_MAX), "{batches:?}");
    assert!(batches.contains(&BATCH_MAX), "entries of a frame are written together: {batches:?}");
}
