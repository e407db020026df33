//! Every limit, at it and one past it, and requests made to do harm.

use std::time::Duration;

use pandan_bamboo::{LogId, NextArgs};
use pandan_operations::{Operation, RawValue, SchemaId, SystemSchema};
use serde_json::{Value, json};

use crate::support::{Author, World, relations, str};

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("none")
}

#[test]
fn queries_are_nested_up_to_a_depth() {
    let world = World::in_memory();
    let introspect = |depth: usize| {
        let inner = "ofType { ".repeat(depth - 2);
        format!("{{ __type(name: \"Query\") {{ {inner} name {} }} }}", "}".repeat(depth - 2))
    };
    assert_eq!(code(&world.ask(&introspect(32), json!({}))), "none");
    assert_eq!(code(&world.ask(&introspect(33), json!({}))), "LIMIT_EXCEEDED");
}

#[test]
fn texts_are_nested_up_to_a_depth_and_no_deeper() {
    let world = World::in_memory();
    for (open, close) in [("{a", "}"), ("{...", "}"), ("{a(b:[", "])}"), ("{a(b:{c:", "})}")] {
        for count in [129, 100_000] {
            let query = format!("{}{}", open.repeat(count), close.repeat(count));
            let answer = world.ask(&query, json!({}));
            assert_eq!(code(&answer), "GRAPHQL_PARSE_FAILED", "{open}");
        }
    }
    for inside in ["[", "{a:"] {
        let query = format!("{{ a(b: {}", inside.repeat(200_000));
        assert_eq!(code(&world.ask(&query, json!({}))), "GRAPHQL_PARSE_FAILED");
        let query = format!("query($a: {}Int", "[".repeat(200_000));
        assert_eq!(code(&world.ask(&query, json!({}))), "GRAPHQL_PARSE_FAILED");
    }
}

#[test]
fn fragments_do_not_multiply() {
    let world = World::in_memory();
    let mut query = String::from("{ ...F0 }");
    for number in 0..20 {
        let next = number + 1;
        query += &format!(
            " fragment F{number} on Query {{ a{number}: __typename ... {{ ...F{next} }} ... {{ ...F{next} }} }}"
        );
    }
    query += " fragment F20 on Query { __typename }";
    assert_eq!(code(&world.ask(&query, json!({}))), "none");
    // The same with fields in between, where fragments are put in again each time.
    let mut query = String::from("{ __schema { ...F0 } }");
    for number in 0..20 {
        let (next, ty) = (number + 1, "__Type");
        let on = if number == 0 { "__Schema" } else { ty };
        let field = if number == 0 { "types" } else { "ofType" };
        query += &format!(
            " fragment F{number} on {on} {{ a: {field} {{ ...F{next} }} b: {field} {{ ...F{next} }} }}"
        );
    }
    query += " fragment F20 on __Type { name }";
    assert_eq!(code(&world.ask(&query, json!({}))), "LIMIT_EXCEEDED");
    let mut query = String::from("{ ...F0 }");
    for number in 0..998 {
        query += &format!(" fragment F{number} on Query {{ ...F{} }}", number + 1);
    }
    query += " fragment F998 on Query { __typename }";
    assert_eq!(code(&world.ask(&query, json!({}))), "LIMIT_EXCEEDED");
}

#[test]
fn root_fields_and_fields_are_counted() {
    let world = World::with_limits(|limits| {
        limits.root_fields = 3;
        limits.fields = 10;
    });
    let root = |count: usize| {
        let fields: Vec<_> = (0..count).map(|number| format!("a{number}: __typename")).collect();
        format!("{{ {} }}", fields.join(" "))
    };
    assert_eq!(code(&world.ask(&root(3), json!({}))), "none");
    assert_eq!(code(&world.ask(&root(4), json!({}))), "LIMIT_EXCEEDED");
    let inner = |count: usize| {
        let fields: Vec<_> = (0..count).map(|number| format!("a{number}: __typename")).collect();
        format!("{{ all_blob_v1 {{ {} }} }}", fields.join(" "))
    };
    assert_eq!(code(&world.ask(&inner(9), json!({}))), "none");
    assert_eq!(code(&world.ask(&inner(10), json!({}))), "LIMIT_EXCEEDED");
}

#[test]
fn pages_have_a_size() {
    let world = World::with_limits(|limits| limits.page = 3);
    let ask = |first: usize| {
        world.ask(&format!("{{ a: all_blob_v1(first: {first}) {{ totalCount }} }}"), json!({}))
    };
    assert_eq!(code(&ask(3)), "none");
    let refused = ask(4);
    assert_eq!(code(&refused), "LIMIT_EXCEEDED");
    assert_eq!(refused["errors"][0]["message"], "\"first\" has to be at most 3, found 4");
    assert_eq!(refused["errors"][0]["path"], json!(["a"]));
    assert_eq!(code(&world.ask("{ all_blob_v1 { totalCount } }", json!({}))), "none");
    let world = World::in_memory();
    let ask = |first: usize| {
        world.ask(&format!("{{ a: all_blob_v1(first: {first}) {{ totalCount }} }}"), json!({}))
    };
    assert_eq!((code(&ask(1_000)), code(&ask(1_001))), ("none", "LIMIT_EXCEEDED"));
}

#[test]
fn answers_have_a_size() {
    let world = World::with_limits(|limits| {
        limits.answer_values = 300;
        limits.answer_bytes = 10_000;
    });
    let ada = Author::new(1);
    let node = ada.define(&world, "node", &[("name", "str")]);
    let list = ada.define(&world, "list", &[("items", &format!("relation_list({node})"))]);
    let one = ada.create(&world, &node, &[("name", str(&"x".repeat(2_000)))]);
    ada.create(&world, &list, &[("items", relations(&[one; 100]))]);
    let items = |first: usize, selection: &str| {
        world.ask(&format!("{{ a: all_{list} {{ documents {{ fields {{ items(first: {first}) {{ documents {{ {selection} }} }} }} }} }} }}"), json!({}))
    };
    assert_eq!(code(&items(100, "cursor")), "none");
    assert_eq!(code(&items(100, "cursor a: cursor b: cursor")), "LIMIT_EXCEEDED");
    assert_eq!(code(&items(3, "fields { name }")), "none");
    assert_eq!(code(&items(4, "fields { name }")), "LIMIT_EXCEEDED");
    // Introspection is no way around it.
    let query =
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
    assert_eq!(code(&world.ask(query, json!({}))), "LIMIT_EXCEEDED");
}

#[test]
fn bodies_have_a_size() {
    let world = World::with_limits(|limits| limits.body_bytes = 100);
    let body = |size: usize| {
        let start = r#"{"query":"{ __typename }"}"#;
        format!("{start}{}", " ".repeat(size - start.len()))
    };
    assert_eq!(world.send("POST", "/graphql", &[], body(100).as_bytes()).status, 200);
    let answer = world.send("POST", "/graphql", &[], body(101).as_bytes());
    assert_eq!(answer.status, 413);
    assert_eq!(code(&answer.json()), "BODY_TOO_LARGE");
}

#[test]
fn values_are_counted() {
    let world = World::in_memory();
    let ask = |count: usize| {
        let names: Vec<_> = (0..count).map(|_| "a").collect();
        let query = "query($n: [String!]) { all_schema_definition_v1(filter: { name: { in: $n } }) { totalCount } }";
        world.ask(query, json!({ "n": names }))
    };
    assert_eq!(code(&ask(1_000)), "none");
    assert_eq!(code(&ask(100_001)), "BAD_USER_INPUT");
}

#[test]
fn requests_have_a_time() {
    let world = World::with_limits(|limits| limits.request_time = Duration::ZERO);
    // On a busy machine the time may be over before all of the request is there: another status.
    let body = json!({ "query": "{ all_blob_v1 { totalCount } }" }).to_string();
    let answer = world.send("POST", "/graphql", &[], body.as_bytes());
    assert_eq!(code(&answer.json()), "REQUEST_TIMEOUT");
}

#[test]
fn few_reads_at_a_time_still_answer_all() {
    let world = World::with_limits(|limits| {
        limits.concurrent_reads = 1;
        limits.queued_entries = 1;
        limits.batch_entries = 2;
        limits.connections = 4;
    });
    std::thread::scope(|scope| {
        for number in 1..=4 {
            let world = &world;
            scope.spawn(move || {
                let author = Author::new(number);
                let piece = SchemaId::from(SystemSchema::BlobPiece);
                for _ in 0..5 {
                    author.create(world, &piece, &[("data", RawValue::Bytes(vec![number]))]);
                }
            });
        }
    });
    assert_eq!(world.data("{ a: all_blob_piece_v1 { totalCount } }")["a"]["totalCount"], json!(20));
}

#[test]
fn large_pages_are_loaded_in_parts_and_show_everything_once() {
    for world in [World::in_memory(), World::on_disk()] {
        let ada = Author::new(1);
        let piece = SchemaId::from(SystemSchema::BlobPiece);
        let publish = |number: u64| {
            let data = RawValue::Bytes(number.to_be_bytes().to_vec());
            let fields = crate::support::fields(&[("data", data)]);
            let payload = Operation::Create { schema: piece.clone(), fields }.encode();
            let entry = NextArgs::first(LogId::new(number)).forge(&ada.key_pair, &payload);
            let node = world.node.clone().unwrap();
            world
                .runtime
                .spawn(async move { node.publish(entry.as_bytes(), &payload).await.unwrap() })
        };
        let publishing: Vec<_> = (0..600).map(publish).collect();
        for done in publishing {
            world.runtime.block_on(done).unwrap();
        }
        for (first, order) in [(600, "ASC"), (599, "DESC"), (601, "ASC"), (257, "DESC")] {
            let query = format!(
                "{{ a: all_blob_piece_v1(first: {first}, orderBy: data, orderDirection: {order}) {{
                    totalCount hasNextPage documents {{ fields {{ data }} }} }} }}"
            );
            let page = world.data(&query)["a"].clone();
            let documents = page["documents"].as_array().unwrap();
            let data = documents.iter().map(|item| item["fields"]["data"].as_str().unwrap());
            let mut data: Vec<_> = data.map(String::from).collect();
            if order == "DESC" {
                data.reverse();
            }
            assert!(data.is_sorted());
            data.dedup();
            assert_eq!((data.len(), &page["totalCount"]), (first.min(600), &json!(600)));
            assert_eq!(page["hasNextPage"], json!(first < 600));
        }
    }
}
