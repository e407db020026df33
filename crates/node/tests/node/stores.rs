//! Stores that are slow, fail and panic, and what is asked of them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;

use pandan_node::Request;
use pandan_operations::{RawValue, SchemaId, SystemSchema};
use pandan_store::Store;
use serde_json::json;

use crate::odd_store::{Fault, Odd};
use crate::support::{Author, World, fields, hex, pins, relation, relations, str};

fn piece() -> SchemaId {
    SchemaId::from(SystemSchema::BlobPiece)
}

#[test]
fn reads_depend_on_the_question_and_not_on_the_number_of_documents() {
    let store = Arc::new(Odd::default());
    let world = World::with_store(Arc::clone(&store) as Arc<dyn Store>);
    let ada = Author::new(1);
    let venue = ada.define(&world, "venue", &[("name", "str")]);
    let kinds = ["relation", "relation_list", "pinned_relation_list"];
    let kinds = kinds.map(|kind| (kind, format!("{kind}({venue})")));
    let kinds: Vec<_> = kinds.iter().map(|(name, kind)| (*name, kind.as_str())).collect();
    let event = ada.define(&world, "event", &kinds);
    let query = format!(
        "{{ all_{event}(first: 100) {{ totalCount documents {{ meta {{ documentId }} fields {{
            relation {{ fields {{ name }} }}
            relation_list {{ totalCount documents {{ fields {{ name }} }} }}
            pinned_relation_list {{ documents {{ fields {{ name }} }} }}
        }} }} }} again: all_{event} {{ totalCount }} }}"
    );
    let mut counted = Vec::new();
    for _ in 0..2 {
        for number in 0..10_i32 {
            let one = ada.create(&world, &venue, &[("name", str(&number.to_string()))]);
            let values = [
                ("relation", relation(&one)),
                ("relation_list", relations(&[one, one])),
                ("pinned_relation_list", pins(&[one.into()])),
            ];
            ada.create(&world, &event, &values);
        }
        let (reads, snapshots) =
            (store.reads.load(Ordering::SeqCst), store.snapshots.load(Ordering::SeqCst));
        world.data(&query);
        counted.push(store.reads.load(Ordering::SeqCst) - reads);
        assert_eq!(store.snapshots.load(Ordering::SeqCst) - snapshots, 1);
    }
    assert_eq!(counted, [5, 5]);
}

#[test]
fn a_failing_store_fails_those_who_asked_and_nobody_else() {
    let store = Arc::new(Odd::default());
    let world = World::with_store(Arc::clone(&store) as Arc<dyn Store>);
    let ada = Author::new(1);
    for (fault, code) in [(Fault::Full, "STORAGE_FULL"), (Fault::Panic, "INTERNAL_SERVER_ERROR")] {
        *store.fault.lock().unwrap() = Some(fault);
        let payload = pandan_operations::Operation::Create {
            schema: piece(),
            fields: fields(&[("data", RawValue::Bytes(vec![1]))]),
        }
        .encode();
        let entry = ada.next_args(&world, None).forge(&ada.key_pair, &payload);
        let query =
            "mutation($e: String!, $o: String!) { publish(entry: $e, operation: $o) { logId } }";
        let variables = json!({ "e": hex(entry.as_bytes()), "o": hex(&payload) });
        let error = world.error_with(query, variables.clone());
        assert_eq!(error["extensions"]["code"], code, "{error}");
        // The same entry can be published when the store works again.
        world.data_with(query, variables);
    }
    assert_eq!(world.get("/health", &[]).status, 200);
    assert_eq!(world.data("{ a: all_blob_piece_v1 { totalCount } }")["a"]["totalCount"], json!(2));
}

#[test]
fn a_slow_query_keeps_nobody_from_reading_and_writing() {
    let gate = Arc::new(Barrier::new(2));
    let store = Arc::new(Odd { gate: Some(Arc::clone(&gate)), ..Odd::default() });
    let world = World::with_store(store);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| world.data("{ a: all_schema_definition_v1 { totalCount } }"));
        for byte in 0..3 {
            Author::new(1).create(&world, &piece(), &[("data", RawValue::Bytes(vec![byte]))]);
        }
        let count = world.data("{ a: all_blob_piece_v1 { totalCount } }");
        assert_eq!(count["a"]["totalCount"], json!(3));
        assert!(!slow.is_finished());
        gate.wait();
        assert_eq!(slow.join().unwrap()["a"]["totalCount"], json!(0));
    });
}

/// How many queries may run at the same time where more than that are asked for.
const PLACES: usize = 2;

const ENDLESS: &str = "{ a: all_schema_definition_v1 { totalCount } }";
const SHORT: &str = "{ a: all_blob_v1 { totalCount } }";

/// A node where some reads end only when they are cancelled, and who hears of them when they begin.
fn endless(request_time: Duration) -> (World, mpsc::Receiver<()>) {
    let (sender, begun) = mpsc::channel();
    let store = Arc::new(Odd { endless: Some(sender), ..Odd::default() });
    let world = World::with_store_and_limits(store, |limits| {
        limits.concurrent_reads = PLACES;
        limits.request_time = request_time;
    });
    (world, begun)
}

/// Reads of the database went on once after their time was over, and others waited for their place.
#[test]
fn queries_that_take_too_long_leave_their_place() {
    let (world, begun) = endless(Duration::from_millis(200));
    std::thread::scope(|scope| {
        for _ in 0..PLACES * 2 {
            scope.spawn(|| {
                assert_eq!(world.error(ENDLESS)["extensions"]["code"], "REQUEST_TIMEOUT");
            });
        }
    });
    assert!(begun.try_iter().count() >= PLACES, "all places were taken");
    // A machine that is busy may take longer than the time as well.
    let mut answers = (0..100).map(|_| world.ask(SHORT, json!({})));
    assert!(answers.any(|answer| answer["data"]["a"]["totalCount"] == json!(0)));
}

#[test]
fn clients_who_left_leave_their_place() {
    let (world, begun) = endless(Duration::from_secs(3_600));
    let node = world.node.as_ref().unwrap();
    for _ in 0..3 {
        let waiting = || {
            let node = node.clone();
            world.runtime.spawn(async move { node.query(Request::new(ENDLESS)).await })
        };
        let waiting: Vec<_> = (0..PLACES).map(|_| waiting()).collect();
        waiting.iter().for_each(|_| begun.recv().unwrap());
        waiting.iter().for_each(tokio::task::JoinHandle::abort);
        let read = world.runtime.block_on(node.read(|snapshot| snapshot.counts()));
        assert_eq!(read.unwrap().entries, 0);
        assert_eq!(world.data(SHORT)["a"]["totalCount"], json!(0));
    }
}
