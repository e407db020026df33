//! Texts made by chance: nothing in them makes reading, checking or planning panic.

use pandan_schema::{Schema, SystemSchema};
use pandan_store::KnownSchema;
use proptest::prelude::*;

use super::api::Api;
use super::request::{Request, prepare};
use crate::config::Limits;

fn api() -> Api {
    Api::new(SystemSchema::ALL.map(|system| KnownSchema {
        schema: std::sync::Arc::new(Schema::system(system)),
        retired: false,
    }))
}

/// A piece of a query, good or bad.
fn piece() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "query",
        "mutation",
        "fragment",
        "on",
        "Query",
        "F",
        "...",
        "...F",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ":",
        "!",
        "$a",
        "$",
        "=",
        "@skip(if: true)",
        "@include(if: $a)",
        "@",
        "all_blob_v1",
        "blob_v1",
        "documents",
        "fields",
        "pieces",
        "meta",
        "viewId",
        "cursor",
        "totalCount",
        "first",
        "after",
        "filter",
        "orderBy",
        "length",
        "eq",
        "in",
        "nextArgs",
        "publicKey",
        "publish",
        "entry",
        "operation",
        "__typename",
        "__schema",
        "types",
        "__type",
        "name",
        "1",
        "-1",
        "0.5",
        "1e400",
        "null",
        "true",
        "\"\"",
        "\"a\"",
        "\"\"\"b\"\"\"",
        "\"\\u00e9\"",
        "#c\n",
        ",",
        "\u{feff}",
        "é",
    ]);
    prop_oneof![8 => words.prop_map(String::from), 1 => ".{0,4}", 1 => "[{}()\\[\\]:$@!=|&\"\\\\.]{0,4}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn texts_of_pieces_do_not_panic(pieces in prop::collection::vec(piece(), 0..40)) {
        let request = Request::new(pieces.join(" ")).variable("a", 1);
        let _ = prepare(&api(), &Limits::default(), &request);
        let _ = prepare(&api(), &Limits::default(), &Request::new(pieces.concat()));
        let _ = request.is_mutation();
    }

    #[test]
    fn good_queries_with_a_hole_do_not_panic(from in 0..QUERY.len(), length in 0..20_usize, with in ".{0,3}") {
        let mut text = String::from(QUERY);
        text.replace_range(from..(from + length).min(QUERY.len()), &with);
        let request = Request::new(text).variable("a", "x");
        let _ = prepare(&api(), &Limits::default(), &request);
    }
}

const QUERY: &str = r#"query Name($a: String = "x", $b: [Int!] = [1, 2]) {
  one: all_blob_v1(first: 3, filter: { length: { in: $b, gt: -1 }, mime_type: { contains: $a } }, orderBy: "length") {
    totalCount ...Page
  }
  nextArgs(publicKey: "89fe1da1c95189082fd13b741043e88444c567c48a7496f10d1d8e908b6a8047", viewId: null) { logId }
}
fragment Page on blob_v1Collection {
  documents @include(if: true) { cursor meta { viewId } fields { pieces(orderDirection: DESC) { endCursor } } }
}"#;

#[test]
fn the_query_with_holes_is_good_without() {
    prepare(&api(), &Limits::default(), &Request::new(QUERY)).unwrap();
}
