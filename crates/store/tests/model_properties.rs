//! What the in-memory store holds for every history and every way of bringing it.

use std::collections::BTreeMap;

use pandan_operations::SchemaId;
use pandan_store::conformance::{Contents, contents};
use pandan_store::{MemoryStore, Snapshot, Store};
use pandan_testkit::{Delivery, History, deliveries, forked_histories, histories};
use proptest::prelude::*;

fn snapshot(history: &History, delivery: &Delivery) -> Box<dyn Snapshot> {
    let store = MemoryStore::new();
    delivery.bring(history, &store);
    store.snapshot().expect("a snapshot can be taken")
}

/// What is the same wherever all entries of a history are.
///
/// Which states of a definition somebody happened to see does not count: such a schema becomes
/// known where a document of it is.
fn lasting(snapshot: &dyn Snapshot) -> Contents {
    let mut contents = contents(snapshot);
    let used = |id: &SchemaId| contents.documents.values().any(|record| record.schema == *id);
    let schemas: BTreeMap<_, _> = contents
        .schemas
        .iter()
        .filter(|(id, _)| used(id))
        .map(|(id, schema)| (id.clone(), schema.clone()))
        .collect();
    // Heads are numbered by schema: without those that do not count the numbers are others.
    let known: Vec<_> = contents.schemas.keys().collect();
    for head in &mut contents.heads {
        let schema = known.get(head.range).expect("heads are of known schemas");
        head.range = schemas.keys().position(|id| id == *schema).expect("who has logs is used");
    }
    contents.schemas = schemas;
    contents.counts.schemas = 0;
    contents
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_order_and_batching_of_arrival_ends_alike(
        history in histories(80),
        delivery in deliveries(),
    ) {
        let expected = snapshot(&history, &Delivery::in_order());
        let found = snapshot(&history, &delivery);
        prop_assert_eq!(lasting(&*found), lasting(&*expected));
    }

    #[test]
    fn pn38_forked_histories_end_alike_whatever_the_order(
        history in forked_histories(80),
        one in deliveries(),
        other in deliveries(),
    ) {
        let views: Vec<_> = history.signed.iter().map(|signed| signed.view()).collect();
        let expected = snapshot(&history, &Delivery::in_order());
        let states = expected.views(&views).expect("views can be read");
        for delivery in [one, other] {
            let found = snapshot(&history, &delivery);
            prop_assert_eq!(lasting(&*found), lasting(&*expected));
            prop_assert_eq!(&found.views(&views).expect("views can be read"), &states);
        }
    }

    #[test]
    fn all_states_are_the_same_everywhere(history in histories(60), delivery in deliveries()) {
        let views: Vec<_> = history.signed.iter().map(|signed| signed.view()).collect();
        let read = |delivery: &Delivery| snapshot(&history, delivery).views(&views);
        let expected = read(&Delivery::in_order()).expect("views can be read");
        prop_assert_eq!(read(&delivery).expect("views can be read"), expected);
    }

    #[test]
    fn all_entries_are_there(history in histories(60), delivery in deliveries()) {
        let snapshot = snapshot(&history, &delivery);
        let mut logs = 0;
        for author in 1..=4 {
            let author = pandan_testkit::Author::new(author).public_key();
            for head in snapshot.logs(&author).expect("logs can be read") {
                let from = pandan_bamboo::SeqNum::FIRST;
                let log = snapshot.log(&author, head.log_id, from, usize::MAX);
                let log = log.expect("logs can be read");
                prop_assert_eq!(log.len() as u64, head.seq_num.number());
                logs += log.len();
            }
        }
        prop_assert_eq!(logs, history.signed.len());
        for signed in &history.signed {
            let entry = snapshot.entry(&signed.entry.hash()).expect("entries can be read");
            prop_assert_eq!(entry.and_then(|entry| entry.operation), Some(signed.payload.clone()));
        }
    }
}
