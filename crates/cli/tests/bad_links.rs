//! Nodes as processes that write on both sides of a link which loses datagrams and is slow, and end
//! alike.
//!
//! One test has a relay on loopback between them, one the kernel's emulation of such networks
//! (netem) between two network namespaces; where that is missing it says so and tests nothing.
#![cfg(unix)]

mod common;

use std::thread;
use std::time::{Duration, Instant};

use common::filled::{SCHEMA, fill, heads};
use common::{Desk, RunningNode, text_at};
use pandan_testkit::lan::Lan;
use pandan_testkit::relay::{Relay, Weather};
use pandan_testkit::skipped;
use serde_json::Value;

const LOSS_PERCENT: u32 = 5;
const DELAY_MS: u32 = 200;

/// How many documents each side has before both meet.
const BEFORE: u64 = 400;

/// How many books each side writes while they are connected.
const BOOKS: usize = 5;

/// A link with so much loss may need a while; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(240);

#[test]
fn nodes_converge_over_a_relay_that_loses_delays_doubles_and_reorders() {
    let desks = [Desk::empty(), Desk::empty()];
    let mut relay = None;
    let weather = Weather {
        loss_percent: LOSS_PERCENT as usize,
        double_percent: 5,
        delay: Duration::from_millis(DELAY_MS.into()),
        jitter: Duration::from_millis(50),
    };
    converge(desks, [&["--quic", "127.0.0.1:0"]; 2], |quic| {
        let server = quic.parse().expect("an address");
        let relay = relay.insert(Relay::start(server, weather, 11).expect("it starts"));
        relay.address().to_string()
    });
    let carried = relay.expect("it was started").carried();
    println!("{carried:?}");
    let happened = [carried.lost, carried.doubled, carried.overtaken];
    assert!(happened.iter().all(|count| *count > 0), "{carried:?}");
}

#[test]
fn nodes_converge_over_a_lossy_and_slow_network() {
    let lan = match Lan::new() {
        Ok(lan) => lan,
        Err(reason) => return skipped(format!("network namespaces cannot be made: {reason}")),
    };
    if let Err(reason) = lan.worsen(LOSS_PERCENT, DELAY_MS) {
        return skipped(format!("the kernel cannot emulate such a network: {reason}"));
    }
    let [one, other] = lan.hosts();
    let desks = [one, other].map(|host| Desk { host: Some(host.clone()), ..Desk::empty() });
    converge(desks, [&["--quic", "10.99.0.1:0"], &["--quic", "10.99.0.2:0"]], str::to_owned);
}

/// Writes on both sides, before and after they meet, and compares what they have in the end. The
/// second node dials the first; `way` makes the address for that from the one that the first has.
fn converge(mut desks: [Desk; 2], quic: [&[&str; 2]; 2], way: impl FnOnce(&str) -> String) {
    for (desk, authors) in desks.iter().zip([0..3, 3..6]) {
        fill(&desk.path("data"), authors, BEFORE);
    }
    start(&mut desks[0], quic[0]);
    let address = text_at(&desks[0].node.as_ref().expect("it runs").greeting, "quic");
    let peer = ["--peer", &way(&address)];
    start(&mut desks[1], &[quic[1].as_slice(), &peer].concat());
    let begin = Instant::now();
    let fields = SCHEMA.as_str();
    let all = |found: &[Value; 2]| found.iter().all(|it| it["totalCount"] == 2 * BEFORE);
    wait_until(&desks, fields, all);
    println!("{BEFORE} documents of each side are on the other after {:?}", begin.elapsed());

    let book = write_books(&desks);
    let count = |found: &[Value; 2]| found.iter().all(|it| it["totalCount"] == 2 * BOOKS);
    wait_until(&desks, &book, count);
    // What the other side began.
    let books = list(&desks[0], &book).expect("they are there");
    for (desk, document) in desks.iter().zip([2 * BOOKS - 1, 0]) {
        let id = text_at(&books["documents"][document]["meta"], "documentId");
        desk.text(&["document", "update", &id, "pages=7"]);
    }
    let seven = |found: &[Value; 2]| {
        found.iter().all(|it| pages(it).filter(|pages| *pages == 7).count() == 2)
    };
    wait_until(&desks, &book, seven);
    println!("books of both sides, and changes, are on the other after {:?}", begin.elapsed());

    for schema in [fields, &book] {
        let [one, other] = [&desks[0], &desks[1]].map(|desk| documents(desk, schema));
        assert_eq!(one, other);
    }
    for desk in &mut desks {
        desk.stop_node();
        let doctor = desk.json(&["doctor", "--data-dir", "data"]);
        assert_eq!(doctor["holds"], true, "{doctor}");
    }
    let [one, other] = [&desks[0], &desks[1]].map(|desk| heads(&desk.path("data")));
    assert_eq!(one, other);
}

fn start(desk: &mut Desk, arguments: &[&str]) {
    let arguments = [&["--mdns", "false"], arguments].concat();
    let data = desk.path("data");
    desk.node = Some(RunningNode::replicating_on(desk.host.as_deref(), &data, &arguments));
}

/// Books by people at both nodes; gives the schema.
fn write_books(desks: &[Desk; 2]) -> String {
    let book = desks[0].with_book_schema();
    desks[1].text(&["key", "new"]);
    wait_until(desks, &book, |_| true);
    for number in 0..BOOKS {
        for (side, desk) in desks.iter().enumerate() {
            let title = format!("title={}", "long ".repeat(40 + 10 * side + number));
            desk.text(&["document", "create", &book, &title, "pages=1"]);
        }
    }
    book
}

/// Documents of a schema; none while the node does not know it.
fn list(desk: &Desk, schema: &str) -> Option<Value> {
    let output = desk.run(&["document", "list", schema, "--first", "1000", "--json"]);
    let text = String::from_utf8(output.stdout).expect("text");
    output.status.success().then(|| serde_json::from_str(&text).expect("JSON"))
}

/// The same without what is only of use at one node.
fn documents(desk: &Desk, schema: &str) -> Vec<[Value; 2]> {
    let mut page = list(desk, schema).expect("it knows the schema");
    assert_eq!(page["hasNextPage"], false);
    let documents = page["documents"].as_array_mut().expect("a list");
    documents.iter_mut().map(|it| [it["meta"].take(), it["fields"].take()]).collect()
}

fn pages(found: &Value) -> impl Iterator<Item = i64> {
    let documents = found["documents"].as_array().expect("a list");
    documents.iter().filter_map(|document| document["fields"]["pages"].as_i64())
}

/// Waits until what both nodes have of a schema is as expected.
fn wait_until(desks: &[Desk; 2], schema: &str, holds: impl Fn(&[Value; 2]) -> bool) {
    let end = Instant::now() + PATIENCE;
    loop {
        let found = [&desks[0], &desks[1]].map(|desk| list(desk, schema));
        let counts = found.each_ref().map(|it| it.as_ref().map(|it| it["totalCount"].clone()));
        if let [Some(one), Some(other)] = found
            && holds(&[one, other])
        {
            return;
        }
        assert!(Instant::now() < end, "of {schema} both have {counts:?}");
        thread::sleep(Duration::from_millis(200));
    }
}
