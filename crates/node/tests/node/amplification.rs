//! Small requests that would have large answers: what is written again and again is counted each
//! time, so that an answer keeps within its size.

use pandan_operations::{DocumentViewId, OperationId, RawValue, SchemaId, SystemSchema};
use serde_json::{Value, json};

use crate::support::{Author, World, str};

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("none")
}

/// A node with small answers and 20 documents.
fn world() -> World {
    let world = World::with_limits(|limits| limits.answer_bytes = 100_000);
    let ada = Author::new(1);
    let piece = SchemaId::from(SystemSchema::BlobPiece);
    for number in 0..20 {
        ada.create(&world, &piece, &[("data", RawValue::Bytes(vec![number]))]);
    }
    world
}

#[test]
fn long_aliases_are_counted_in_every_row() {
    let world = world();
    let ask = |length: usize, place: &str| {
        let selection = place.replace('*', &"a".repeat(length));
        let query = format!("{{ x: all_blob_piece_v1(first: 20) {{ {selection} }} }}");
        code(&world.ask(&query, json!({}))).to_owned()
    };
    for place in [
        "documents { *: cursor }",
        "documents { *: __typename }",
        "documents { *: fields { data } }",
        "documents { fields { *: data } }",
        "documents { meta { *: owner } }",
    ] {
        assert_eq!(ask(4_000, place), "none", "{place}");
        assert_eq!(ask(5_000, place), "LIMIT_EXCEEDED", "{place}");
    }
    // Once is no harm.
    assert_eq!(ask(90_000, "*: totalCount"), "none");
}

#[test]
fn long_aliases_are_counted_in_introspection_and_entries() {
    let world = world();
    let author = Author::new(1).public_key();
    let alias = "a".repeat(20_000);
    for query in [
        format!("{{ __schema {{ types {{ {alias}: name }} }} }}"),
        format!(
            "{{ logEntries(publicKey: \"{author}\", logId: \"0\") {{ {alias}: entry {} }} }}",
            (0..4).map(|index| format!("{alias}{index}: entry ")).collect::<String>()
        ),
    ] {
        assert_eq!(code(&world.ask(&query, json!({}))), "LIMIT_EXCEEDED");
    }
}

#[test]
fn view_ids_and_owners_are_counted() {
    let world = world();
    let ask = |name: &str, count: usize| {
        let fields: String = (0..count).map(|index| format!("a{index}: {name} ")).collect();
        let query = format!("{{ x: all_blob_piece_v1 {{ documents {{ meta {{ {fields} }} }} }} }}");
        code(&world.ask(&query, json!({}))).to_owned()
    };
    for name in ["viewId", "documentId", "owner", "__typename"] {
        assert_eq!(ask(name, 50), "none", "{name}");
        assert_eq!(ask(name, 500), "LIMIT_EXCEEDED", "{name}");
    }
}

#[test]
fn a_document_of_many_tips_does_not_multiply() {
    let world = World::with_limits(|limits| limits.answer_bytes = 100_000);
    let ada = Author::new(1);
    let schema = ada.define(&world, "thing", &[("name", "str")]);
    let document = ada.create(&world, &schema, &[("name", str("first"))]);
    let created = DocumentViewId::from(OperationId::from_hash(*document.as_hash()));
    for number in 0..40 {
        ada.update(&world, &schema, &created, &[("name", str(&format!("{number}")))]);
    }
    let ask = |count: usize| {
        let fields: String = (0..count).map(|index| format!("a{index}: viewId ")).collect();
        let query = format!("{{ {schema}(id: \"{document}\") {{ meta {{ {fields} }} }} }}");
        world.ask(&query, json!({}))
    };
    // A view id of 40 operations has 2,759 characters.
    assert_eq!(code(&ask(36)), "none");
    assert_eq!(code(&ask(37)), "LIMIT_EXCEEDED");
}

#[test]
fn characters_that_are_escaped_are_counted_as_they_are_written() {
    let world = World::with_limits(|limits| limits.answer_bytes = 10_000);
    let ada = Author::new(1);
    let schema = ada.define(&world, "thing", &[("name", "str")]);
    let plain = ada.create(&world, &schema, &[("name", str(&"a".repeat(8_000)))]);
    let escaped = ada.create(&world, &schema, &[("name", str(&"\u{1}".repeat(8_000)))]);
    let ask =
        |id| world.ask(&format!("{{ {schema}(id: \"{id}\") {{ fields {{ name }} }} }}"), json!({}));
    assert_eq!(code(&ask(plain)), "none");
    assert_eq!(code(&ask(escaped)), "LIMIT_EXCEEDED");
}

#[test]
fn entries_are_loaded_in_parts_and_counted() {
    let world = World::with_limits(|limits| limits.answer_bytes = 150_000);
    let ada = Author::new(1);
    let schema = ada.define(&world, "thing", &[("name", "str")]);
    let document = ada.create(&world, &schema, &[("name", str("first"))]);
    let mut view = DocumentViewId::from(OperationId::from_hash(*document.as_hash()));
    for number in 0..149 {
        view = ada.update(&world, &schema, &view, &[("name", str(&format!("{number:0500}")))]);
    }
    let log = ada.next_args(&world, Some(&view)).log_id();
    let key = ada.public_key();
    for (query, size) in [
        (format!("documentEntries(id: \"{document}\", first: 1000"), 150),
        (format!("documentEntries(id: \"{document}\", first: 1000, skip: 140"), 10),
        (format!("logEntries(publicKey: \"{key}\", logId: \"{log}\", first: 1000"), 150),
        (format!("logEntries(publicKey: \"{key}\", logId: \"{log}\", first: 99"), 99),
        (
            format!(
                "logEntries(publicKey: \"{key}\", logId: \"{log}\", first: 1000, from: \"150\""
            ),
            1,
        ),
        (
            format!(
                "logEntries(publicKey: \"{key}\", logId: \"{log}\", first: 1000, from: \"151\""
            ),
            0,
        ),
    ] {
        let data = world.data(&format!("{{ a: {query}) {{ entry }} }}"));
        let entries = data["a"].as_array().unwrap();
        let mut distinct: Vec<_> = entries.iter().map(Value::to_string).collect();
        distinct.sort();
        distinct.dedup();
        assert_eq!((entries.len(), distinct.len()), (size, size), "{query}");
    }
    let query = format!("{{ documentEntries(id: \"{document}\", first: 1000) {{ operation }} }}");
    assert_eq!(code(&world.ask(&query, json!({}))), "LIMIT_EXCEEDED");
}
