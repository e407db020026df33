//! GraphQL: whatever is asked, there is an answer, and it is JSON.

use std::sync::OnceLock;

use pandan_admission::Door;
use pandan_node::{Node, Request};
use pandan_operations::SystemSchema;
use pandan_schema::FieldType;
use pandan_store::MemoryStore;
use pandan_store::Store;
use pandan_testkit::{Author, fields, relation_list, text};
use tokio::runtime::Runtime;

/// Asks for what stands before the first NUL, with the variables behind it.
pub fn check(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let Some(Ok(query)) = parts.next().map(std::str::from_utf8) else { return };
    let variables = parts.next().and_then(|json| serde_json::from_slice(json).ok());
    let request = Request::new(query).variables(variables.unwrap_or_default());
    let (runtime, node) = NODE.get_or_init(start);
    let answer = runtime.block_on(node.query(request)).to_json();
    let answer: serde_json::Value = serde_json::from_str(&answer).expect("answers are JSON");
    assert!(answer.get("data").is_some());
    assert!(answer["data"].is_object() || !answer["errors"].as_array().is_none_or(Vec::is_empty));
}

static NODE: OnceLock<(Runtime, Node)> = OnceLock::new();

fn start() -> (Runtime, Node) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime needs no more than memory");
    let store = std::sync::Arc::new(filled());
    let node = Node::builder().store(store).without_http();
    let node = runtime.block_on(node.start()).expect("a node in memory starts");
    (runtime, node)
}

/// A store with a schema and a few documents.
fn filled() -> MemoryStore {
    let mut author = Author::new(1);
    let pieces = FieldType::RelationList(SystemSchema::BlobPiece.into());
    let mut signed = Vec::new();
    let definition = author.define("thing", &[("name", FieldType::Str), ("pieces", pieces)]);
    signed.extend(definition.signed);
    for name in ["a", "b", "c"] {
        let values = [("name", text(name)), ("pieces", relation_list(&[]))];
        signed.push(author.create(&definition.schema, fields(values)));
    }
    let store = MemoryStore::new();
    let batch = signed.iter().map(|signed| (signed.candidate(), Door::Client)).collect();
    store.ingest(batch).expect("a store in memory can be written to");
    store
}
