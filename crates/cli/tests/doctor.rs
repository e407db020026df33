//! `pandan doctor` on folders that hold and on one that does not.
#![cfg(unix)]

mod common;

use common::{Desk, text_at};

#[test]
fn a_good_folder_holds_beside_its_node_and_without_it() {
    let mut desk = Desk::with_node();
    desk.with_book_schema();
    desk.json(&["document", "create", "book", "title=Moon", "pages=5"]);
    let beside = desk.json(&["doctor", "--data-dir", "data"]);
    assert_eq!(beside["holds"], true, "{beside}");
    assert_eq!((&beside["entries"], &beside["documents"]), (&4.into(), &4.into()));
    desk.stop_node();
    assert_eq!(desk.json(&["doctor", "--data-dir", "data"]), beside);
    let text = desk.text(&["doctor", "--data-dir", "data"]);
    assert!(text.contains("4 entries, 4 documents, 5 schemas checked: everything holds"), "{text}");
    desk.start_node();
}

#[test]
fn changed_bytes_are_found() {
    let mut desk = Desk::with_node();
    desk.with_book_schema();
    let book = desk.json(&["document", "create", "book", "title=Moon", "pages=5"]);
    desk.stop_node();
    let path = desk.path("data/pandan.sqlite");
    let mut bytes = std::fs::read(&path).expect("the file can be read");
    let places: Vec<_> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(b"Moon")).collect();
    assert!(places.len() >= 2, "in the payload and in the row");
    for place in places {
        bytes[place] = b'N';
    }
    std::fs::write(&path, bytes).expect("the file can be written");
    // Row and index agree with the payload, but nobody signed it.
    let entry = text_at(&book, "document");
    let sentence = format!("entry {entry}: its payload is not the one that was signed");
    let output = desk.run(&["doctor", "--data-dir", "data"]);
    assert_eq!(output.status.code(), Some(5));
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.contains(&sentence), "{text}");
    desk.fails(&["doctor", "--data-dir", "data", "--json"], 5, "one place");
}

#[test]
fn a_folder_without_data_is_refused() {
    let desk = Desk::empty();
    desk.fails(&["doctor", "--data-dir", "none"], 2, "holds no data of a node");
}
