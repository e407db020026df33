//! `pandan node` and `pandan demo` as processes.
#![cfg(unix)]

mod common;

use std::process::Command;

use common::{Desk, RunningNode, pandan, text_at};

#[test]
fn a_node_stops_cleanly_and_keeps_what_it_acknowledged() {
    let mut desk = Desk::with_node();
    desk.with_book_schema();
    let book = desk.json(&["document", "create", "book", "title=Moon", "pages=5"]);
    let book = text_at(&book, "document");
    desk.stop_node();
    desk.fails(&["document", "show", &book], 3, "no node answers");
    desk.start_node();
    let shown = desk.json(&["document", "show", &book]);
    assert_eq!(shown["fields"]["title"], "Moon");
    desk.stop_node();
    // The database is one file again, which can be copied as it is.
    assert!(desk.path("data/pandan.sqlite").exists());
    assert!(!desk.path("data/pandan.sqlite-wal").exists());
}

#[test]
fn a_killed_node_keeps_what_it_acknowledged() {
    let mut desk = Desk::with_node();
    desk.with_book_schema();
    let book = desk.json(&["document", "create", "book", "title=Moon", "pages=5"]);
    // Kills it, without a word.
    desk.node = None;
    desk.start_node();
    let shown = desk.json(&["document", "show", &text_at(&book, "document")]);
    assert_eq!(shown["fields"]["title"], "Moon");
}

#[test]
fn a_second_node_on_the_same_data_is_refused() {
    let desk = Desk::with_node();
    let data = desk.path("data");
    let data = data.to_str().expect("text");
    let second = ["node", "--http", "127.0.0.1:0", "--data-dir", data];
    desk.fails(&second, 6, "in use by another node");
}

#[test]
fn a_taken_port_is_refused() {
    let desk = Desk::with_node();
    let node = desk.node.as_ref().expect("it runs");
    let address = node.url.trim_start_matches("http://");
    desk.fails(&["node", "--http", address, "--in-memory"], 6, "taken");
}

#[test]
fn a_node_says_when_fewer_can_be_connected_than_the_limit_says() {
    let desk = Desk::empty();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_pandan")]);
    command.args(["node", "--in-memory", "--http", "127.0.0.1:0", "--offline", "--json"]);
    command.args(["--log-level", "warn"]);
    command.stderr(std::fs::File::create(desk.path("log")).expect("the folder is there"));
    let _node = RunningNode::spawn(command);
    let log = std::fs::read_to_string(desk.path("log")).expect("it was made");
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("connections=16 limit=1024 files=64"), "{log}");
}

#[test]
fn settings_that_do_not_exist_are_refused() {
    let desk = Desk::empty();
    desk.write("pandan.toml", "htp = \"127.0.0.1:0\"");
    desk.fails(&["node"], 2, "the nearest is `http`");
    desk.write("pandan.toml", "http_port = 2020");
    desk.fails(&["node"], 2, "write `http = ");
    desk.write("pandan.toml", "http_port = 2020\nnode_port = 2022");
    desk.fails(&["node"], 2, "2 settings are wrong");
    desk.write("pandan.toml", "");
    desk.fails(&["node", "--limit", "pages=5"], 2, "the nearest is `page`");
    desk.fails(&["node", "--config", "missing.toml"], 2, "cannot read");
}

#[test]
fn the_demo_holds() {
    let output = pandan().args(["demo", "--once", "--json"]).output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let story: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(story["held"], true);
    assert!(story["verified"]["entries"].as_u64() > Some(300));
}
