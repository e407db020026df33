//! `pandan sync fetch`: a node holds a part of what another has, until it is told to fetch all.
#![cfg(unix)]

mod common;

use std::thread;
use std::time::{Duration, Instant};

use common::{Desk, RunningNode, text_at};
use serde_json::json;

const QUIC: [&str; 2] = ["--quic", "127.0.0.1:0"];

#[test]
fn documents_are_fetched_in_part_shown_and_completed() {
    let mut desk = Desk::empty();
    desk.node = Some(RunningNode::replicating(&desk.path("full"), &QUIC));
    let schema = desk.with_book_schema();
    let moon = desk.json(&["document", "create", &schema, "title=Moon", "pages=5"]);
    let id = text_at(&moon, "document");
    desk.text(&["document", "update", &id, "title=The Moon"]);
    let author = text_at(&desk.json(&["key", "show"]), "public_key");
    let full = desk.node.as_ref().expect("it runs");
    let (address, peer) = (text_at(&full.greeting, "quic"), text_at(&full.greeting, "peer_id"));

    // A node that replicates files only.
    let light = RunningNode::replicating(
        &desk.path("light"),
        &[&QUIC[..], &["--schema", "blob_v1"]].concat(),
    );
    let url = light.url.clone();
    let json = |arguments: &[&str]| desk.json(&[arguments, &["--node", &url]].concat());
    let text = |arguments: &[&str]| desk.text(&[arguments, &["--node", &url]].concat());
    let fails = |arguments: &[&str], code, expected: &str| {
        desk.fails(&[arguments, &["--node", &url]].concat(), code, expected);
    };
    fails(&["sync", "fetch", &id], 4, "nobody is; see `pandan peer list`");
    desk.text(&["peer", "add", &format!("{peer}@{address}"), "--data-dir", "light"]);
    let end = Instant::now() + Duration::from_secs(60);
    while json(&["sync", "status"])["peers"][0]["connected"] != true {
        assert!(Instant::now() < end, "they do not connect");
        thread::sleep(Duration::from_millis(50));
    }

    assert!(text(&["sync", "parts"]).contains("Nothing"));
    fails(&["sync", "parts", &id], 1, "nothing is held");
    fails(&["sync", "fetch"], 2, "name a document");
    let fetched = json(&["sync", "fetch", &id, "--peer", &peer]);
    assert_eq!(fetched["outcome"], json!("kept"), "{fetched}");
    assert_eq!(fetched["part"]["told_by"], json!(peer));
    let part = json(&["sync", "parts", &id]);
    let values: Vec<_> = part["part"]["fields"]
        .as_array()
        .expect("there are fields")
        .iter()
        .map(|field| (field["name"].clone(), field["value"].clone()))
        .collect();
    let expected = [(json!("pages"), json!(5)), (json!("title"), json!("The Moon"))];
    assert_eq!(values, expected);
    let shown = text(&["sync", "parts", &id]);
    assert!(shown.contains("held in part") && shown.contains("The Moon"), "{shown}");
    assert!(text(&["sync", "parts"]).contains(&id));

    fails(&["document", "show", &id], 1, "holds only a part");

    // The newest entry of its log, without its payload, which comes later.
    let name = format!("{author}/{}", log_id(&part));
    let newest = json(&["sync", "fetch", "--log", &name, "--newest", "1", "--without-payloads"]);
    assert_eq!(newest["part"]["without_payload"], json!(1), "{newest}");
    let newest = json(&["sync", "fetch", "--log", &name, "--left-out"]);
    assert_eq!(newest["part"]["without_payload"], json!(0), "{newest}");
    fails(&["sync", "fetch", "--log", &name, "--newest", "1025"], 2, "1..=1024");
    assert_eq!(json(&["sync", "forget", "--log", &name])["forgotten"], json!(true));
    fails(&["sync", "forget", "--log", &name], 1, "nothing is held");

    let completed = json(&["sync", "complete", &id]);
    assert_eq!(completed["held_in_part"], json!(false), "{completed}");
    assert_eq!(json(&["sync", "parts"])["parts"], json!([]));
    let document = json(&["document", "show", &id]);
    assert_eq!(document["fields"]["title"], json!("The Moon"), "{document}");
    let missing = id.replace(&id[60..], "00000000");
    fails(&["sync", "complete", &missing], 1, "no peer");
}

/// The log of the entries of a part.
fn log_id(part: &serde_json::Value) -> u64 {
    let entry = part["entries"][0]["entry"].as_str().expect("there is one");
    // Behind the tag and the key; small numbers take one byte.
    u64::from_str_radix(&entry[66..68], 16).expect("hex")
}
