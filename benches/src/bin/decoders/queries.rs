//! GraphQL: a whole request to a node with nothing in it, from the text to the answer.
//!
//! Handing a request to another thread is part of it, so small ones are not looked at.

use std::rc::Rc;

use pandan_node::{Node, Request};
use serde_json::{Map, Value};
use tokio::runtime::Runtime;

use crate::{Decoder, QUERY_BYTE_ASKED};

/// What takes its time: many of the same in one document.
const REPEATED: [(&str, &str, &str, &str); 8] = [
    ("query: fields", "{ ", "a ", "}"),
    ("query: spreads of no fragment", "{ ", "...F ", "}"),
    ("query: fragments", "{a} ", "fragment F on Query {a} ", ""),
    ("query: items of a list", "{ a(a:[", "1 ", "]) }"),
    ("query: lists in a list", "{ a(a:[", "[] ", "]) }"),
    ("query: variables", "query(", "$a:A ", ") { a }"),
    ("query: escapes of a string", "{ a(a:\"", "\\n", "\") }"),
    ("query: comments", "{a} ", "#,\n", ""),
];

pub(crate) fn all() -> Vec<Decoder> {
    let runtime = Runtime::new().expect("threads can be made");
    let node = runtime.block_on(Node::builder().in_memory().without_http().start());
    let place = Rc::new((runtime, node.expect("a node in memory starts")));
    let mut decoders: Vec<_> = REPEATED
        .into_iter()
        .map(|(name, start, piece, end)| {
            let make = move |size: usize| {
                format!("{start}{}{end}", piece.repeat(size / piece.len())).into_bytes()
            };
            let place = Rc::clone(&place);
            let read = move |bytes: &[u8]| {
                let text = String::from_utf8_lossy(bytes);
                let (runtime, node) = &*place;
                runtime.block_on(node.query(Request::new(text))).errors().is_empty()
            };
            // Nothing of that is in the API, or there is too much of it.
            Decoder::new(name, 16 * 1024, make, read).refusing().within(QUERY_BYTE_ASKED)
        })
        .collect();
    decoders.push(variables(place));
    decoders
}

/// The variables of a request, as JSON.
fn variables(place: Rc<(Runtime, Node)>) -> Decoder {
    let make = |size: usize| format!("{{\"a\":[{}0]}}", "[0],".repeat(size / 4)).into_bytes();
    let read = move |bytes: &[u8]| {
        let Ok(variables) = serde_json::from_slice::<Map<String, Value>>(bytes) else {
            return false;
        };
        let request = Request::new("{ __typename }").variables(variables);
        let (runtime, node) = &*place;
        runtime.block_on(node.query(request)).errors().is_empty()
    };
    Decoder::new("variables of a query", 32 * 1024, make, read).within(QUERY_BYTE_ASKED)
}
