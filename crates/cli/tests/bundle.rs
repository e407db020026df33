//! Documents that are carried from folder to folder in files.
#![cfg(unix)]

mod common;

use common::{Desk, text_at};
use serde_json::Value;

/// A folder `data` with a schema and two books, without its node; the id of the first one.
fn library() -> (Desk, String) {
    let mut desk = Desk::with_node();
    desk.with_book_schema();
    let moon = desk.json(&["document", "create", "book", "title=Moon", "pages=5"]);
    desk.json(&["document", "create", "book", "title=Sun", "pages=7"]);
    desk.stop_node();
    (desk, text_at(&moon, "document"))
}

fn import(desk: &Desk, file: &str, folder: &str) -> Value {
    desk.json(&["import", file, "--data-dir", folder])["result"].clone()
}

/// The numbers that are told of entries: stored, known, waiting, refused.
fn told(result: &Value) -> [u64; 4] {
    ["stored", "known", "waiting", "refused"]
        .map(|name| result[name].as_u64().unwrap_or_else(|| panic!("{name} in {result}")))
}

#[test]
fn a_bundle_brings_everything_once() {
    let (mut desk, _) = library();
    let wrote = desk.json(&["export", "all.bundle", "--data-dir", "data"]);
    assert_eq!((&wrote["entries"], &wrote["schemas_total"]), (&5.into(), &3.into()), "{wrote}");
    let shown = desk.json(&["bundle", "show", "all.bundle"]);
    for name in ["bytes", "checksum", "entries", "schemas", "software"] {
        assert_eq!(shown[name], wrote[name], "{name}");
    }
    assert_eq!((&shown["complete"], &shown["selection"]), (&true.into(), &false.into()));
    let text = desk.text(&["bundle", "show", "all.bundle"]);
    assert!(text.contains("holds      everything") && text.contains("✓ whole"), "{text}");

    // Nothing is stored, and no folder made.
    let tried = desk.json(&["import", "all.bundle", "--dry-run", "--data-dir", "other"]);
    assert_eq!(told(&tried["result"]), [0, 0, 0, 0]);
    assert!(!desk.path("other").exists());
    let text = desk.text(&["import", "all.bundle", "--dry-run"]);
    assert!(text.contains("✓ 5 entries hold"), "{text}");

    assert_eq!(told(&import(&desk, "all.bundle", "other")), [5, 0, 0, 0]);
    assert_eq!(told(&import(&desk, "all.bundle", "other")), [0, 5, 0, 0]);
    assert_eq!(told(&import(&desk, "all.bundle", "data")), [0, 5, 0, 0]);
    assert_eq!(desk.json(&["doctor", "--data-dir", "other"])["holds"], true);

    // Equal folders make equal files.
    desk.json(&["export", "again.bundle", "--data-dir", "other"]);
    let [one, other] = ["all.bundle", "again.bundle"].map(|name| std::fs::read(desk.path(name)));
    assert_eq!(one.expect("it was written"), other.expect("it was written"));

    // A node shows what came.
    std::fs::remove_dir_all(desk.path("data")).expect("it is our own");
    std::fs::rename(desk.path("other"), desk.path("data")).expect("it is our own");
    desk.start_node();
    let page = desk.json(&["document", "list", "book", "--order-by", "title"]);
    assert_eq!(page["documents"][0]["fields"]["title"], "Moon", "{page}");
    assert_eq!(page["totalCount"], 2, "{page}");
}

#[test]
fn parts_and_differences() {
    let (mut desk, moon) = library();
    let one = desk.json(&["export", "one.bundle", "--document", &moon, "--data-dir", "data"]);
    assert_eq!((&one["entries"], &one["selection"]), (&4.into(), &true.into()));
    let schema = ["export", "books.bundle", "--schema", "book", "--data-dir", "data"];
    assert_eq!(desk.json(&schema)["entries"], 5);
    assert_eq!(told(&import(&desk, "one.bundle", "other")), [4, 0, 0, 0]);

    let state = desk.json(&["export", "--state", "other.state", "--data-dir", "other"]);
    assert_eq!((&state["logs"], &state["kind"]), (&4.into(), &"state".into()));
    assert_eq!(desk.json(&["bundle", "show", "other.state"])["logs"], 4);
    let lacking = ["export", "--lacking", "other.state", "news.bundle", "--data-dir", "data"];
    let news = desk.json(&lacking);
    assert_eq!((&news["entries"], &news["difference"]), (&1.into(), &true.into()));
    // In another place it has nothing to build upon.
    let output = desk.run(&["import", "news.bundle", "--data-dir", "empty", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told(&value["result"]), [0, 0, 1, 0]);
    desk.fails(
        &["import", "news.bundle", "--data-dir", "empty"],
        1,
        "one entry of news.bundle lack",
    );

    assert_eq!(told(&import(&desk, "news.bundle", "other")), [1, 0, 0, 0]);
    desk.json(&["export", "--state", "other.state", "--force", "--data-dir", "other"]);
    let text = desk.text(&[&lacking[..], &["--force"]].concat());
    assert!(text.contains("nothing to bring"), "{text}");

    // Export works beside a running node.
    desk.start_node();
    desk.json(&["document", "create", "book", "title=Stars", "pages=9"]);
    assert_eq!(desk.json(&["export", "more.bundle", "--data-dir", "data"])["entries"], 6);
}

#[test]
fn damage_ends_an_import_and_what_came_before_stays() {
    let (desk, _) = library();
    desk.text(&["export", "all.bundle", "--data-dir", "data"]);
    let good = std::fs::read(desk.path("all.bundle")).expect("it was written");
    // Without its end block, which has 42 bytes.
    std::fs::write(desk.path("short.bundle"), &good[..good.len() - 42]).expect("it can be written");
    let end = format!("the file ends at byte {}", good.len() - 42);
    desk.fails(&["bundle", "show", "short.bundle"], 5, &end);
    desk.fails(&["import", "short.bundle", "--data-dir", "other"], 5, "what came before is stored");
    assert_eq!(told(&import(&desk, "all.bundle", "other")), [0, 5, 0, 0]);
    let mut damaged = good;
    let last = damaged.len() - 50;
    damaged[last] ^= 1;
    std::fs::write(desk.path("damaged.bundle"), damaged).expect("it can be written");
    desk.fails(&["import", "damaged.bundle", "--data-dir", "third"], 5, "is damaged");
    assert_eq!(told(&import(&desk, "all.bundle", "third")), [5, 0, 0, 0]);
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let (mut desk, moon) = library();
    let data = ["--data-dir", "data"];
    let fails = |desk: &Desk, arguments: &[&str], code, sentence: &str| {
        desk.fails(&[arguments, &data].concat(), code, sentence);
    };
    desk.write("taken", "something else");
    fails(&desk, &["export", "taken"], 2, "taken exists");
    fails(&desk, &["export", "x", "--schema", "cat"], 1, "there is no schema cat");
    let nobody = moon.replace(&moon[60..], "00000000");
    fails(&desk, &["export", "x", "--document", &nobody], 1, "is not stored here");
    fails(&desk, &["export", "x", "--lacking", "taken"], 5, "taken: ");
    fails(&desk, &["export", "x", "--lacking", "missing"], 2, "cannot read missing");
    fails(&desk, &["export", "x", "--state", "--schema", "book"], 2, "cannot be used with");
    desk.fails(&["export", "x", "--data-dir", "none"], 2, "holds no data of a node");
    assert!(!desk.path("x").exists() && !desk.path("x.part").exists());
    desk.write("y.part", "somebody else's");
    fails(&desk, &["export", "y"], 2, "y.part exists");
    assert_eq!(std::fs::read_to_string(desk.path("y.part")).expect("it stays"), "somebody else's");
    desk.fails(&["import", "taken", "--data-dir", "new"], 5, "taken: ");
    desk.fails(&["import", "missing", "--data-dir", "new"], 2, "cannot read missing");
    desk.fails(&["bundle", "show", "taken"], 5, "taken: ");
    assert!(!desk.path("new").exists());
    desk.text(&["export", "--state", "here.state", "--data-dir", "data"]);
    fails(&desk, &["import", "here.state"], 5, "expected a bundle, found the state of a node");
    // While a node uses the folder.
    desk.text(&["export", "all.bundle", "--data-dir", "data"]);
    desk.start_node();
    fails(&desk, &["import", "all.bundle"], 6, "stop that one");
}

#[test]
fn bundles_go_through_pipes() {
    let (desk, _) = library();
    let output = desk.run(&["export", "-", "--data-dir", "data"]);
    assert!(output.status.success());
    std::fs::write(desk.path("piped.bundle"), &output.stdout).expect("it can be written");
    let wrote = desk.json(&["export", "file.bundle", "--data-dir", "data"]);
    assert_eq!(std::fs::read(desk.path("file.bundle")).expect("it was written"), output.stdout);
    let stdin = std::fs::File::open(desk.path("piped.bundle")).expect("it was written");
    let mut command = common::pandan();
    command.current_dir(desk.folder.path()).stdin(stdin);
    command.args(["import", "-", "--data-dir", "other", "--json"]);
    let output = command.output().expect("the program starts");
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(value["result"]["stored"], wrote["entries"], "{value}");
}
