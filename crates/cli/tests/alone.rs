//! Commands that need no node.

mod common;

use common::{Desk, text_at};

#[test]
fn keys_are_made_once_and_shown() {
    let desk = Desk::empty();
    for file in ["secret.txt", "key.pem"] {
        let made = desk.json(&["key", "new", file]);
        assert_eq!(desk.json(&["key", "show", file])["public_key"], made["public_key"]);
        desk.fails(&["key", "new", file], 2, "exists already");
    }
    let pem = std::fs::read_to_string(desk.path("key.pem")).expect("it was written");
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----"));
    desk.write("bad.txt", "not a key");
    desk.fails(&["key", "show", "bad.txt"], 2, "64 hex digits");
    desk.fails(&["key", "show", "none.txt"], 2, "pandan key new");
}

#[test]
fn schemas_begin_with_a_template_that_builds() {
    let desk = Desk::empty();
    let begun = desk.json(&["schema", "init", "poem"]);
    assert_eq!(begun["new_key"], true);
    let built = desk.json(&["schema", "build"]);
    assert!(text_at(&built["schemas"][0], "id").starts_with("poem_0020"));
    assert_eq!(built["commits"], 2);
    desk.fails(&["schema", "init"], 2, "exists already");
    desk.write("schema.toml", "[poem]\n");
    desk.fails(&["schema", "build"], 2, "schema.toml");
    desk.fails(&["schema", "deploy", "--lock", "none.lock"], 2, "pandan schema build");
    desk.fails(&["schema", "deploy", "--node", "http://127.0.0.1:9"], 3, "no node answers");
}

#[test]
fn errors_are_json_when_asked_for() {
    let desk = Desk::empty();
    let output = desk.run(&["schema", "list", "--node", "127.0.0.1:9", "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let error: serde_json::Value = serde_json::from_slice(&output.stderr).expect("JSON");
    assert_eq!(error["error"]["exit"], 3);
    for command in [["schema", "list"], ["peer", "list"], ["sync", "status"], ["sync", "parts"]] {
        let encrypted = [&command[..], &["--node", "https://127.0.0.1:9"]].concat();
        desk.fails(&encrypted, 2, "only plain HTTP");
    }
}

#[test]
fn help_for_shells_and_readers_is_written() {
    let desk = Desk::empty();
    for shell in ["bash", "zsh", "fish"] {
        assert!(desk.text(&["completions", shell]).contains("pandan"));
    }
    assert!(desk.text(&["man"]).contains(".TH"));
    desk.text(&["man", "--dir", "pages"]);
    assert!(desk.path("pages/pandan.1").exists());
    assert!(desk.text(&["--help"]).contains("Exit codes"));
}
