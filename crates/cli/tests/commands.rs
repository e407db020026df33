//! Commands against a node.
#![cfg(unix)]

mod common;

use common::{BOOK, Desk, ask, impostor, text_at};
use serde_json::{Value, json};

#[test]
fn documents_are_written_and_read() {
    let desk = Desk::with_node();
    desk.with_book_schema();
    let create = |title: &str, pages: &str| {
        let (title, pages) = (format!("title={title}"), format!("pages={pages}"));
        text_at(&desk.json(&["document", "create", "book", &title, &pages]), "document")
    };
    let (moon, sun) = (create("Moon", "300"), create("Sun", "20"));
    desk.text(&["document", "update", &moon, "--fields", r#"{"pages": 301}"#]);
    assert_eq!(desk.json(&["document", "show", &moon])["fields"]["pages"], 301);

    let list = ["document", "list", "book", "--where", "pages>=21", "--order-by", "title"];
    let page = desk.json(&list);
    assert_eq!(page["totalCount"], 1);
    assert_eq!(page["documents"][0]["meta"]["documentId"], moon.as_str());
    let pages = desk.text(&["document", "list", "book", "--first", "1", "--all", "--json"]);
    assert_eq!(pages.lines().count(), 2);
    assert!(desk.text(&list).contains("1 of 1 documents"));

    desk.text(&["document", "delete", &sun]);
    desk.fails(&["document", "show", &sun], 1, "deleted");
    assert!(desk.text(&["document", "history", &sun]).contains("delete"));
}

#[test]
fn wrong_fields_are_refused_before_they_are_sent() {
    let desk = Desk::with_node();
    desk.with_book_schema();
    desk.fails(&["document", "create", "book", "title=Moon"], 2, "pages");
    desk.fails(&["document", "create", "book", "titel=Moon"], 2, "its fields are pages, title");
    desk.fails(&["document", "create", "book", "title=M", "pages=many"], 2, "whole number");
    desk.fails(&["document", "create", "boook"], 1, "pandan schema list");
    desk.fails(&["document", "list", "book", "--where", "pages"], 2, "no condition");
}

#[test]
fn concurrent_edits_show_in_the_history_and_can_be_merged() {
    let desk = Desk::with_node();
    desk.with_book_schema();
    desk.text(&["key", "new", "second.pem"]);
    let book = desk.json(&["document", "create", "book", "title=Moon", "pages=1"]);
    let book = text_at(&book, "document");
    let update = |title: &str, key: &str| {
        let title = format!("title={title}");
        let arguments = ["document", "update", &book, &title, "--previous", &book, "--key", key];
        text_at(&desk.json(&arguments), "operation")
    };
    let mut tips = [update("Sun", "secret.txt"), update("Stars", "second.pem")];
    let history = desk.json(&["document", "history", &book]);
    assert_eq!(history["conflicts"][0]["field"], "title");
    let winner = text_at(&history["conflicts"][0], "winner");
    assert!(tips.contains(&winner));
    assert!(desk.text(&["document", "history", &book]).contains("← shown"));

    tips.sort();
    assert_eq!(history["view"], tips.join("_"));
    desk.text(&["document", "update", &book, "title=Sky"]);
    let history = desk.json(&["document", "history", &book]);
    assert_eq!(history["conflicts"], json!([]));
    let drawn = desk.text(&["document", "history", &book]);
    assert!(drawn.contains(" merge") && drawn.contains("├─╯"), "{drawn}");
    assert_eq!(desk.json(&["document", "show", &book, "--view", &book])["fields"]["title"], "Moon");
}

#[test]
fn schemas_are_built_updated_and_deployed_again() {
    let desk = Desk::with_node();
    let first = desk.with_book_schema();
    let deployed = desk.json(&["schema", "deploy"]);
    assert_eq!((&deployed["published"], &deployed["known"]), (&0.into(), &3.into()));
    assert_eq!(desk.json(&["schema", "build"])["commits"], 0);

    let changed = BOOK.replace("\"int\"", "\"float\"")
        + "isbn = { type = \"str\" }\n"
        + "[shelf]\ndescription = \"\"\n[shelf.fields]\n"
        + "books = { type = \"relation_list\", schema = { name = \"book\" } }\n";
    desk.write("schema.toml", &changed);
    let built = desk.json(&["schema", "build"]);
    // A new field, a changed one, the changed schema, and the new schema with its field.
    assert_eq!(built["commits"], 5);
    assert_eq!(built["schemas"][0]["change"], "updated");
    assert_eq!(built["schemas"][1]["change"], "created");
    let deployed = desk.json(&["schema", "deploy"]);
    assert_eq!((&deployed["published"], &deployed["known"]), (&5.into(), &3.into()));

    let shown = desk.json(&["schema", "show", "book"]);
    assert_eq!(shown["fields"][1]["type"], "float");
    assert_eq!(desk.json(&["schema", "show", &first])["fields"][0]["type"], "int");
    let list = desk.json(&["schema", "list"]);
    assert_eq!(list["schemas"].as_array().map(Vec::len), Some(2));
}

#[test]
fn damaged_lock_files_are_refused() {
    let desk = Desk::with_node();
    desk.with_book_schema();
    let lock = std::fs::read_to_string(desk.path("schema.lock")).expect("it was built");
    desk.write("schema.lock", &lock.replacen("operation = \"84", "operation = \"85", 1));
    desk.fails(&["schema", "deploy"], 2, "commit 1 is damaged");
    // Without the first commit the others are good for themselves, and do not make a schema.
    let second = lock.match_indices("[[commits]]").nth(1).expect("there are three").0;
    desk.write("schema.lock", &format!("version = 1\n\n{}", &lock[second..]));
    desk.fails(&["schema", "build"], 5, "does not hold");
}

#[test]
fn operations_as_json_are_published() {
    let desk = Desk::with_node();
    let schema = desk.with_book_schema();
    let create = format!(r#"[1, 0, "{schema}", {{"title": "Moon", "pages": 1}}]"#);
    let id = text_at(&desk.json(&["publish", &create]), "operation");
    desk.write("update.json", &format!(r#"[1, 1, "{schema}", ["{id}"], {{"pages": 2}}]"#));
    let update = desk.json(&["publish", "update.json"]);
    assert_eq!(update["next"]["seqNum"], "3");
    assert_eq!(desk.json(&["document", "show", &id])["fields"]["pages"], 2);
    let update = text_at(&update, "operation");
    desk.text(&["publish", &format!(r#"[1, 2, "{schema}", ["{update}"]]"#)]);
    desk.fails(&["document", "show", &id], 1, "deleted");
    let again = format!(r#"[1, 2, "{schema}", ["{update}"]]"#);
    desk.fails(&["publish", &again], 4, "node refused");
    desk.fails(&["publish", "[1, 0]"], 2, "expected [1, 0");
}

#[test]
fn files_are_published_and_fetched() {
    let desk = Desk::with_node();
    desk.text(&["key", "new"]);
    let content: Vec<u8> = (0..600_000_u32).map(|index| index.to_le_bytes()[0]).collect();
    for (name, length, pieces) in [("long.png", content.len(), 3), ("empty.txt", 0, 1)] {
        std::fs::write(desk.path(name), &content[..length]).expect("writes to its own folder");
        let put = desk.json(&["blob", "put", name]);
        assert_eq!((&put["length"], &put["pieces"]), (&length.into(), &pieces.into()));
        desk.text(&["blob", "get", &text_at(&put, "document"), "--output", "back"]);
        let back = std::fs::read(desk.path("back")).expect("it was written");
        assert!(back == content[..length], "{name}");
    }
    desk.fails(&["blob", "put", "none"], 2, "cannot read none");
    desk.fails(&["blob", "put", "long.png", "--mime-type", "Image"], 2, "media type");
    let nothing = "0020af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
    desk.fails(&["blob", "get", nothing], 4, "there is nothing at");
}

#[test]
fn logs_and_entries_are_verified() {
    let desk = Desk::with_node();
    desk.with_book_schema();
    let book = desk.json(&["document", "create", "book", "title=Moon", "pages=1"]);
    let book = text_at(&book, "document");
    for pages in ["pages=2", "pages=3", "pages=4"] {
        desk.text(&["document", "update", &book, pages]);
    }
    let key = text_at(&desk.json(&["key", "show"]), "public_key");
    // Logs 0 to 2 define the schema.
    let verified = desk.json(&["log", "verify", &key, "3"]);
    assert_eq!((&verified["entries"], &verified["verified"]), (&4.into(), &true.into()));
    assert!(desk.text(&["log", "show", &key, "3"]).contains("4 entries verified"));
    desk.fails(&["log", "show", &key, "9"], 1, "no log 9");

    let lines = desk.text(&["log", "show", &key, "3", "--json"]);
    let last: Value = serde_json::from_str(lines.lines().last().expect("four")).expect("JSON");
    let (entry, operation) = (text_at(&last, "entry"), text_at(&last, "operation"));
    let inspected = desk.json(&["entry", "inspect", &entry, "--operation", &operation]);
    assert_eq!(inspected["verified"], true);
    let text = desk.text(&["entry", "inspect", &entry, "--operation", &operation]);
    for expected in ["sequence number 4", "skiplink: hash of entry 1", "update", "✓ signature"] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let data = desk.path("data");
    let offline = ["log", "verify", &key, "3", "--data-dir", data.to_str().expect("text")];
    assert_eq!(desk.json(&offline)["entries"], 4);
    desk.fails(&["log", "verify", &key, "3", "--data-dir", "."], 2, "no data of a node");
    desk.write("entry.bin", &entry);
    let broken = entry.replacen("00", "01", 1);
    desk.fails(&["entry", "inspect", &broken], 5, "does not hold");
    desk.fails(&["entry", "inspect", "entry.bin", "--operation", "8401"], 5, "does not hold");
    desk.fails(&["entry", "inspect", "00ff"], 5, "no entry");
    desk.fails(&["entry", "inspect", "missing"], 2, "neither hexadecimal nor a file");
}

#[test]
fn what_a_lying_node_answers_is_not_believed() {
    let desk = Desk::with_node();
    desk.with_book_schema();
    let key = text_at(&desk.json(&["key", "show"]), "public_key");
    let line = |log: &str| -> Value {
        serde_json::from_str(&desk.text(&["log", "show", &key, log, "--json"])).expect("JSON")
    };
    let (mut first, second) = (line("0"), line("1"));
    let check = |entries: Value, expected: &str| {
        let node = impostor(json!({ "data": { "entries": entries } }).to_string());
        desk.fails(&["log", "verify", &key, "0", "--node", &node], 5, expected);
    };
    check(json!([first, second]), "entry 2: it belongs to log 1");
    check(json!([first, first]), "expected entry 2");
    first["operation"] = second["operation"].clone();
    check(json!([first]), "not the one that was signed");
    first["entry"] = json!("00ff");
    check(json!([first]), "malformed");
}

#[test]
fn a_schema_is_what_its_operations_say() {
    let desk = Desk::with_node();
    let id = desk.with_book_schema();
    let view = id.trim_start_matches("book_").to_owned();
    let node = desk.node.as_ref().expect("it runs");
    // What a node says of the definition, and its entries; then with a word changed.
    let query = format!(
        "{{ definition: schema_definition_v1(viewId: \"{view}\") {{ meta {{ documentId }} fields {{
             name description fields {{ hasNextPage documents {{ meta {{ documentId viewId }}
               fields {{ name type }} }} }} }} }} d0: documentEntries(id: \"{view}\") {{ entry operation }} }}"
    );
    let mut answer = ask(&node.url, &query);
    let fields = answer["data"]["definition"]["fields"]["fields"]["documents"].clone();
    for (place, field) in (1..).zip(fields.as_array().expect("fields")) {
        let id = text_at(&field["meta"], "documentId");
        let query = format!("{{ entries: documentEntries(id: \"{id}\") {{ entry operation }} }}");
        answer["data"][format!("d{place}")] = ask(&node.url, &query)["data"]["entries"].clone();
    }
    let show = ["schema", "show", &id, "--node"];
    let honest = impostor(answer.to_string());
    assert!(desk.text(&[&show[..], &[&honest]].concat()).contains("pages"));
    for (told, lie) in [("Something to read", "Something else"), ("\"int\"", "\"str\"")] {
        let node = impostor(answer.to_string().replace(told, lie));
        desk.fails(&[&show[..], &[&node]].concat(), 5, "defines another");
    }
}

#[test]
fn what_is_no_node_is_told_apart() {
    let desk = Desk::empty();
    for body in ["hello", "{}", "[]", r#"{"data": null}"#, r#"{"data": {}}"#] {
        let node = impostor(body.to_owned());
        let key = "b487ae560dac528926c9ffed20c44d78bb8ee344bb39e0d4847d83367d8221da";
        let arguments = ["log", "show", key, "0", "--node", &node];
        desk.fails(&arguments, 3, "does not answer like a p2panda node");
    }
    let message = r#"{"errors": [{"message": "Unknown field documentEntries"}]}"#;
    let (node, id) = (impostor(message.to_owned()), format!("0020{}", "0".repeat(64)));
    desk.fails(&["document", "history", &id, "--node", &node], 4, "hands out no entries");
    desk.fails(&["document", "show", &id, "--node", &node], 4, "name it with --schema");
    let node = impostor(r#"{"errors": [{"message": "no\u001b[31m"}]}"#.to_owned());
    desk.fails(&["schema", "list", "--node", &node], 4, "node refused: no\u{fffd}[31m");
}

/// The two entries and nothing else are asked for.
#[test]
fn a_fork_is_verified_from_its_proof() {
    use pandan_bamboo::limits::MAX_FORK_PROOF_LENGTH;
    use pandan_bamboo::{ForkProof, LogId, NextArgs};

    let key_pair = pandan_identity::KeyPair::from_seed(&[7; 32]);
    let [one, other] = [b"one" as &[u8], b"other"]
        .map(|payload| NextArgs::first(LogId::new(5)).forge(&key_pair, payload));
    let proof = ForkProof::new(&one.as_authentic(), &other.as_authentic()).expect("a fork");
    let bytes = proof.encode(&mut [0; MAX_FORK_PROOF_LENGTH]).to_vec();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let desk = Desk::empty();
    std::fs::write(desk.path("proof"), &bytes).expect("writes to its own folder");
    for source in [hex.as_str(), "proof"] {
        let found = desk.json(&["fork", "verify", source]);
        assert_eq!(
            (&found["verified"], &found["log"], &found["seq"]),
            (&true.into(), &"5".into(), &"1".into())
        );
        assert_eq!(found["author"], key_pair.public_key().to_string());
    }
    assert!(desk.text(&["fork", "verify", &hex]).contains("frozen from entry 1 on"));
    let changed = format!("{}00", &hex[..hex.len() - 2]);
    desk.fails(&["fork", "verify", &changed], 5, "this proves no fork");
    desk.fails(&["fork", "verify", "nowhere"], 2, "nowhere");
}

#[test]
fn a_node_without_forks_lists_none() {
    let desk = Desk::with_node();
    assert_eq!(desk.json(&["fork", "list"])["forks"], serde_json::json!([]));
    assert!(desk.text(&["fork", "list"]).contains("No forks"));
    let key = pandan_identity::KeyPair::from_seed(&[7; 32]).public_key().to_string();
    desk.fails(&["fork", "show", &key, "0"], 1, "no fork of log 0");
}
