//! `pandan peer` and `pandan sync`: a running node is told whom to be connected with.
#![cfg(unix)]

mod common;

use std::thread;
use std::time::{Duration, Instant};

use common::{Desk, RunningNode, text_at};
use serde_json::{Value, json};

const QUIC: [&str; 2] = ["--quic", "127.0.0.1:0"];

/// A desk at which `PANDAN_NODE` is the first of two nodes.
fn two_nodes() -> (Desk, RunningNode) {
    let mut desk = Desk::empty();
    let other = RunningNode::replicating(&desk.path("other"), &QUIC);
    desk.node = Some(RunningNode::replicating(&desk.path("data"), &QUIC));
    (desk, other)
}

fn wait_until(desk: &Desk, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let node = &desk.node.as_ref().expect("it runs").url;
    wait_until_at(desk, node, what, holds)
}

fn wait_until_at(desk: &Desk, node: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let status = desk.json(&["sync", "status", "--node", node]);
        if holds(&status) {
            return status;
        }
        assert!(Instant::now() < end, "{what}: {status}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn peers_are_added_blocked_and_let_in_again_while_the_node_runs() {
    let (desk, other) = two_nodes();
    let (address, id) = (text_at(&other.greeting, "quic"), text_at(&other.greeting, "peer_id"));
    assert_eq!(desk.text(&["peer", "list"]), "No peers yet.\n");
    let peer = format!("{id}@{address}");
    let added = desk.json(&["peer", "add", &peer, "--data-dir", "data"]);
    assert_eq!((&added["peers"], &added["block"]), (&json!([peer]), &json!([])));

    let status =
        wait_until(&desk, "live", |status| status["peers"][0]["session"]["phase"] == "live");
    assert_eq!(status["peers"][0]["peer"], json!(id));
    assert!(status["peers"][0]["agreed_unix_seconds"].is_u64(), "{status}");
    let list = desk.text(&["peer", "list"]);
    assert!(list.contains(&id) && list.contains(&address) && list.contains("connected"), "{list}");
    assert!(!list.contains("pandan peer add"), "that is in another folder: {list}");
    let list = desk.json(&["peer", "list", "--data-dir", "data"]);
    assert_eq!((&list["added"], &list["blocked"]), (&json!([peer]), &json!([])), "{list}");
    let shown = desk.text(&["sync", "status", "--once"]);
    assert!(shown.contains("live") && shown.contains("s ago"), "{shown}");

    desk.text(&["peer", "block", &id, "--data-dir", "data"]);
    let gone = wait_until(&desk, "gone", |status| status["peers"][0]["connected"] == false);
    assert!(gone["peers"][0]["left_unix_seconds"].is_u64(), "{gone}");
    let list = desk.text(&["peer", "list", "--data-dir", "data"]);
    assert!(list.contains("gone, ") && list.contains("peer block`:"), "{list}");
    desk.text(&["peer", "unblock", &id, "--data-dir", "data"]);
    wait_until(&desk, "back", |status| status["peers"][0]["connected"] == true);

    desk.fails(&["peer", "unblock", &id, "--data-dir", "data"], 1, "was not kept out");
    desk.fails(&["peer", "remove", "127.0.0.1:1", "--data-dir", "data"], 1, &peer);
    let removed = desk.json(&["peer", "remove", &peer, "--data-dir", "data"]);
    assert_eq!(removed["peers"], json!([]));
    desk.fails(&["peer", "remove", &peer, "--data-dir", "data"], 1, "and no other");
    desk.fails(&["peer", "add", "nowhere", "--data-dir", "data"], 2, "HOST:PORT");
    desk.fails(&["peer", "block", "somebody", "--data-dir", "data"], 2, "peer id");
}

/// Somebody with the same key on two devices.
#[test]
fn a_fork_shows_wherever_one_looks() {
    let (desk, other) = two_nodes();
    desk.with_book_schema();
    let created = desk.json(&["document", "create", "book", "title=Moon", "pages=5"]);
    let document = text_at(&created, "document");
    let (id, address) = (text_at(&other.greeting, "peer_id"), text_at(&other.greeting, "quic"));
    desk.text(&["peer", "add", &format!("{id}@{address}"), "--data-dir", "data"]);
    let has = |status: &Value| status["peers"][0]["session"]["totals"]["sent"].as_u64() >= Some(4);
    wait_until(&desk, "the other has all", has);
    assert_eq!(desk.json(&["document", "show", &document])["meta"]["forked"], json!(false));
    desk.text(&["peer", "block", &id, "--data-dir", "data"]);
    wait_until(&desk, "gone", |status| status["peers"][0]["connected"] == false);
    desk.text(&["document", "update", &document, "title=Here"]);
    desk.text(&["document", "update", &document, "title=There", "--node", &other.url]);
    desk.text(&["peer", "unblock", &id, "--data-dir", "data"]);

    for node in [&desk.node.as_ref().expect("it runs").url, &other.url] {
        let json = |arguments: &[&str]| desk.json(&[arguments, &["--node", node]].concat());
        let is_known = |status: &Value| status["forks"]["latest"][0].is_object();
        let status = wait_until_at(&desk, node, "the fork is known", is_known);
        assert_eq!(status["forks"]["latest"][0]["document"], json!(document), "{status}");
        let forks = json(&["fork", "list", "--document", &document])["forks"].clone();
        assert_eq!(forks[0]["documents"], json!([document]), "{forks}");
        let shown = json(&["document", "show", &document]);
        let expected = (&json!("Moon"), &json!(true));
        assert_eq!((&shown["fields"]["title"], &shown["meta"]["forked"]), expected, "{shown}");
    }
    assert!(desk.text(&["document", "show", &document]).contains("pandan fork list"));
    assert!(desk.text(&["sync", "status"]).contains("1 log has forked"));
}

/// Later sources win over the environment, which made `--offline` and `--in-memory` errors.
#[test]
fn offline_and_in_memory_win_over_the_environment() {
    let desk = Desk::empty();
    let mut command = common::pandan();
    command.env("PANDAN_QUIC", "127.0.0.1:0").env("PANDAN_DATA_DIR", desk.path("data"));
    command.env("PANDAN_OFFLINE", "0").env("PANDAN_MDNS", "off");
    command.args(["node", "--offline", "--in-memory", "--http", "127.0.0.1:0", "--json"]);
    let node = RunningNode::spawn(command);
    assert_eq!((&node.greeting["quic"], &node.greeting["data_dir"]), (&json!(null), &json!(null)));
    assert!(!desk.path("data").exists());
}

#[test]
fn a_node_that_is_offline_says_so() {
    let desk = Desk::with_node();
    let node = desk.node.as_ref().expect("it runs");
    assert_eq!((&node.greeting["quic"], &node.greeting["peer_id"]), (&json!(null), &json!(null)));
    assert!(desk.text(&["peer", "list"]).contains("offline"));
    assert!(desk.text(&["sync", "status"]).contains("offline"));
}
