//! Nodes as processes on two hosts of a local network that nobody told of each other: they find each
//! other by multicast DNS and exchange what was written.
//!
//! The hosts are network namespaces; where these cannot be made the test says so and tests nothing.
#![cfg(unix)]

mod common;

use std::thread;
use std::time::{Duration, Instant};

use common::{Desk, RunningNode, text_at};
use pandan_testkit::lan::Lan;
use pandan_testkit::skipped;

/// Only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn nodes_find_each_other_and_exchange_documents() {
    let lan = match Lan::new() {
        Ok(lan) => lan,
        Err(reason) => return skipped(format!("network namespaces cannot be made: {reason}")),
    };
    let mut desks = lan.hosts().clone().map(|host| Desk { host: Some(host), ..Desk::empty() });
    for desk in &mut desks {
        let arguments = ["--quic", "0.0.0.0:0", "--mdns", "true"];
        let data = desk.path("data");
        desk.node = Some(RunningNode::replicating_on(desk.host.as_deref(), &data, &arguments));
    }
    let begin = Instant::now();
    let [one, other] = &desks;
    one.with_book_schema();
    let moon = one.json(&["document", "create", "book", "title=Moon", "pages=5"]);
    wait_for(other, &text_at(&moon, "document"), "Moon");
    println!("found, connected and exchanged {:?} after both had started", begin.elapsed());
    other.text(&["key", "new"]);
    let sun = other.json(&["document", "create", "book", "title=Sun", "pages=6"]);
    wait_for(one, &text_at(&sun, "document"), "Sun");

    let nodes = [one, other].map(|desk| desk.node.as_ref().expect("it runs"));
    let [one_id, other_id] = nodes.map(|node| text_at(&node.greeting, "peer_id"));
    for (desk, peer) in [(one, other_id), (other, one_id)] {
        let status = desk.json(&["sync", "status"]);
        assert_eq!(status["peers"][0]["peer"], peer.as_str(), "{status}");
        assert_eq!(status["peers"].as_array().map(Vec::len), Some(1), "{status}");
    }
}

fn wait_for(desk: &Desk, document: &str, title: &str) {
    let end = Instant::now() + PATIENCE;
    loop {
        let output = desk.run(&["document", "show", document, "--json"]);
        if String::from_utf8_lossy(&output.stdout).contains(title) {
            return;
        }
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(Instant::now() < end, "{document} does not come: {error}");
        thread::sleep(Duration::from_millis(50));
    }
}
