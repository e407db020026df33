//! The query language: what is read, what is refused, and what deployed clients rely on.

use serde_json::{Value, json};

use crate::support::{Author, World};

const ALL: &str = "all_schema_field_definition_v1";

/// A world with two field definitions, `a: int` and `b: str`.
fn world() -> World {
    let world = World::in_memory();
    Author::new(1).define(&world, "band", &[("a", "int"), ("b", "str")]);
    world
}

#[test]
fn documents_that_are_read() {
    let world = world();
    let count = json!({ "totalCount": 2 });
    let cases: &[(&str, Value, Value)] = &[
        ("{ all_schema_field_definition_v1 { totalCount } }", json!({}), json!({ ALL: count })),
        (
            "query { x: all_schema_field_definition_v1 { totalCount } }",
            json!({}),
            json!({ "x": count }),
        ),
        (
            "query Name { x: all_schema_field_definition_v1 { totalCount } }",
            json!({}),
            json!({ "x": count }),
        ),
        (
            "\u{feff}# comment\n{ , x: all_schema_field_definition_v1 , { totalCount, } }",
            json!({}),
            json!({ "x": count }),
        ),
        ("{ __typename }", json!({}), json!({ "__typename": "Query" })),
        (
            "\"Counts\" query A(\"how many\" $n: Int) { x: all_schema_field_definition_v1(first: $n) { ...F } }
             \"\"\"What is shown\"\"\" fragment F on schema_field_definition_v1Collection { totalCount }",
            json!({}),
            json!({ "x": count }),
        ),
        ("mutation { __typename }", json!({}), json!({ "__typename": "MutationRoot" })),
        (
            "{ ...F } fragment F on Query { x: all_schema_field_definition_v1 { ...G } } fragment G on schema_field_definition_v1Collection { totalCount }",
            json!({}),
            json!({ "x": count }),
        ),
        (
            "{ ... on Query { x: all_schema_field_definition_v1 { ... { totalCount } } } }",
            json!({}),
            json!({ "x": count }),
        ),
        (
            "{ ... @include(if: true) { x: all_schema_field_definition_v1 { totalCount } } }",
            json!({}),
            json!({ "x": count }),
        ),
        (
            "query($yes: Boolean!) { x: all_schema_field_definition_v1 { totalCount @include(if: $yes) hasNextPage @skip(if: $yes) } }",
            json!({ "yes": true }),
            json!({ "x": count }),
        ),
        (
            "query($yes: Boolean = false) { x: all_schema_field_definition_v1 { totalCount ...F @include(if: $yes) } } fragment F on schema_field_definition_v1Collection { hasNextPage }",
            json!({}),
            json!({ "x": count }),
        ),
        // Selections of one key are merged.
        (
            "{ x: all_schema_field_definition_v1(first: 1) { totalCount } x: all_schema_field_definition_v1(first: 1) { hasNextPage } }",
            json!({}),
            json!({ "x": { "totalCount": 2, "hasNextPage": true } }),
        ),
        // Variables declared as strings, wherever a string is a good value.
        (
            "query($o: String, $d: String!) { x: all_schema_field_definition_v1(orderBy: $o, orderDirection: $d) { totalCount } }",
            json!({ "o": "name", "d": "DESC" }),
            json!({ "x": count }),
        ),
        (
            "query($f: schema_field_definition_v1Filter, $m: MetaFilterInputObject) { x: all_schema_field_definition_v1(filter: $f, meta: $m) { totalCount } }",
            json!({ "f": { "name": { "eq": "a" } }, "m": { "deleted": { "eq": false } } }),
            json!({ "x": { "totalCount": 1 } }),
        ),
        (
            "query($n: String!) { x: all_schema_field_definition_v1(filter: { name: { in: [$n, \"b\"] } }) { totalCount } }",
            json!({ "n": "a" }),
            json!({ "x": count }),
        ),
        // A variable without a value is as if its argument was not there.
        (
            "query($n: Int) { x: all_schema_field_definition_v1(first: $n) { totalCount } }",
            json!({}),
            json!({ "x": count }),
        ),
        (
            "query($n: Int = 1) { x: all_schema_field_definition_v1(first: $n) { hasNextPage } }",
            json!({}),
            json!({ "x": { "hasNextPage": true } }),
        ),
        // Strings in all their forms.
        (
            r#"{ x: all_schema_field_definition_v1(filter: { name: { eq: "\u0061" } }) { totalCount } }"#,
            json!({}),
            json!({ "x": { "totalCount": 1 } }),
        ),
        (
            "{ x: all_schema_field_definition_v1(filter: { name: { eq: \"\"\"\n    a\n  \"\"\" } }) { totalCount } }",
            json!({}),
            json!({ "x": { "totalCount": 1 } }),
        ),
        (
            r#"{ x: all_schema_field_definition_v1(filter: { name: { eq: "\ud83d\ude00 \u{1F600} \n\"" } }) { totalCount } }"#,
            json!({}),
            json!({ "x": { "totalCount": 0 } }),
        ),
    ];
    for (query, variables, expected) in cases {
        assert_eq!(world.data_with(query, variables.clone()), *expected, "{query}");
    }
}

#[test]
fn order_of_answers_is_that_of_the_question() {
    let world = world();
    let body = json!({ "query": format!("{{ b: __typename a: {ALL}(first: 1) {{ totalCount hasNextPage t: __typename }} }}") });
    let answer = world.send("POST", "/graphql", &[], body.to_string().as_bytes());
    let expected = r#"{"data":{"b":"Query","a":{"totalCount":2,"hasNextPage":true,"t":"schema_field_definition_v1Collection"}}}"#;
    assert_eq!(answer.text(), expected);
}

#[test]
fn documents_that_are_refused() {
    let world = world();
    let syntax = "GRAPHQL_PARSE_FAILED";
    let validation = "GRAPHQL_VALIDATION_FAILED";
    let input = "BAD_USER_INPUT";
    let operation = "OPERATION_RESOLUTION_FAILURE";
    let cases: &[(&str, Value, &str)] = &[
        ("", json!({}), syntax),
        ("{", json!({}), syntax),
        ("{ }", json!({}), syntax),
        ("{ a", json!({}), syntax),
        ("nonsense", json!({}), syntax),
        ("\"described\" { __typename }", json!({}), syntax),
        ("{ __typename } \"described\"", json!({}), syntax),
        ("{ __typename } type A { a: Int }", json!({}), syntax),
        ("{ __type(name: \"unclosed) { name } }", json!({}), syntax),
        ("{ __type(name: \"\\x\") { name } }", json!({}), syntax),
        ("{ __type(name: \"\\ud800\") { name } }", json!({}), syntax),
        ("{ x: __type(name: 01) { name } }", json!({}), syntax),
        ("{ x: __type(name: 1.) { name } }", json!({}), syntax),
        ("query($a: Int = $b) { __typename }", json!({}), syntax),
        ("{ nothing }", json!({}), validation),
        ("{ __typename { a } }", json!({}), validation),
        ("{ all_schema_definition_v1 }", json!({}), validation),
        ("{ all_schema_definition_v1 { nothing } }", json!({}), validation),
        ("{ all_schema_definition_v1(nothing: 1) { totalCount } }", json!({}), validation),
        ("{ all_schema_definition_v1(first: 1, first: 1) { totalCount } }", json!({}), validation),
        ("{ all_schema_definition_v1(first: \"1\") { totalCount } }", json!({}), validation),
        ("{ all_schema_definition_v1(first: 1.0) { totalCount } }", json!({}), validation),
        ("{ all_schema_definition_v1(first: null) { totalCount } }", json!({}), validation),
        (
            "{ all_schema_definition_v1(first: 9223372036854775808) { totalCount } }",
            json!({}),
            validation,
        ),
        ("{ all_schema_definition_v1(filter: null) { totalCount } }", json!({}), validation),
        ("{ all_schema_definition_v1(orderBy: null) { totalCount } }", json!({}), validation),
        ("{ all_schema_definition_v1(orderBy: nothing) { totalCount } }", json!({}), validation),
        (
            "{ all_schema_definition_v1(orderDirection: \"asc\") { totalCount } }",
            json!({}),
            validation,
        ),
        (
            "{ all_schema_definition_v1(filter: { nothing: {} }) { totalCount } }",
            json!({}),
            validation,
        ),
        (
            "{ all_schema_definition_v1(filter: { name: { nothing: 1 } }) { totalCount } }",
            json!({}),
            validation,
        ),
        (
            "{ all_schema_definition_v1(filter: { name: { eq: 1 } }) { totalCount } }",
            json!({}),
            validation,
        ),
        (
            "{ all_schema_definition_v1(filter: { name: { in: \"a\" } }) { totalCount } }",
            json!({}),
            validation,
        ),
        (
            "{ all_schema_definition_v1(filter: { name: { in: [null] } }) { totalCount } }",
            json!({}),
            validation,
        ),
        (
            "{ all_schema_definition_v1(filter: { name: { contains: null } }) { totalCount } }",
            json!({}),
            validation,
        ),
        ("{ schema_definition_v1(id: \"zz\") { meta { viewId } } }", json!({}), validation),
        ("{ schema_definition_v1(id: null) { meta { viewId } } }", json!({}), validation),
        ("{ schema_definition_v1(viewId: null) { meta { viewId } } }", json!({}), validation),
        ("{ nextArgs(viewId: null) { logId } }", json!({}), validation),
        ("{ nextArgs(publicKey: \"00\") { logId } }", json!({}), validation),
        ("{ __typename @nothing }", json!({}), validation),
        ("{ __typename @skip }", json!({}), validation),
        ("{ __typename @skip(if: 1) }", json!({}), validation),
        ("{ __typename @skip(if: true) @skip(if: true) }", json!({}), validation),
        ("query @skip(if: true) { __typename }", json!({}), validation),
        ("{ ...F }", json!({}), validation),
        ("{ __typename } fragment F on Query { __typename }", json!({}), validation),
        ("{ ...F } fragment F on Nothing { __typename }", json!({}), validation),
        ("{ ...F } fragment F on Int { __typename }", json!({}), validation),
        ("{ ...F } fragment F on MutationRoot { __typename }", json!({}), validation),
        ("{ ...F } fragment F on Query { ...F }", json!({}), validation),
        (
            "{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }",
            json!({}),
            validation,
        ),
        (
            "{ ...F } fragment F on Query { __typename } fragment F on Query { __typename }",
            json!({}),
            validation,
        ),
        ("query A { __typename } query A { __typename }", json!({}), validation),
        ("{ __typename } query A { __typename }", json!({}), validation),
        ("subscription { a }", json!({}), validation),
        ("query($a: Int) { __typename }", json!({}), validation),
        ("{ all_schema_definition_v1(first: $a) { totalCount } }", json!({}), validation),
        (
            "query($a: Nothing) { all_schema_definition_v1(first: $a) { totalCount } }",
            json!({}),
            validation,
        ),
        (
            "query($a: Query) { all_schema_definition_v1(first: $a) { totalCount } }",
            json!({}),
            validation,
        ),
        (
            "query($a: Int, $a: Int) { all_schema_definition_v1(first: $a) { totalCount } }",
            json!({}),
            validation,
        ),
        ("{ x: __typename x: all_schema_definition_v1 { totalCount } }", json!({}), validation),
        (
            "{ x: all_schema_definition_v1(first: 1) { totalCount } x: all_schema_definition_v1(first: 2) { totalCount } }",
            json!({}),
            validation,
        ),
        (
            "query($a: Int!) { all_schema_definition_v1(first: $a) { totalCount } }",
            json!({}),
            input,
        ),
        (
            "query($a: Int!) { all_schema_definition_v1(first: $a) { totalCount } }",
            json!({ "a": null }),
            input,
        ),
        (
            "query($a: Int) { all_schema_definition_v1(first: $a) { totalCount } }",
            json!({ "a": null }),
            input,
        ),
        (
            "query($a: Int) { all_schema_definition_v1(first: $a) { totalCount } }",
            json!({ "a": "1" }),
            input,
        ),
        (
            "query($a: Int) { all_schema_definition_v1(first: $a) { totalCount } }",
            json!({ "a": 1.5 }),
            input,
        ),
        (
            "query($a: Int) { all_schema_definition_v1(first: $a) { totalCount } }",
            json!({ "a": 9_223_372_036_854_775_808_u64 }),
            input,
        ),
        (
            "query($a: String) { all_schema_definition_v1(orderBy: $a) { totalCount } }",
            json!({ "a": "nothing" }),
            input,
        ),
        (
            "query($a: String) { schema_definition_v1(id: $a) { meta { viewId } } }",
            json!({ "a": "zz" }),
            input,
        ),
        ("{ all_schema_definition_v1(first: 0) { totalCount } }", json!({}), input),
        ("{ all_schema_definition_v1(first: -1) { totalCount } }", json!({}), input),
        ("query A { __typename } query B { __typename }", json!({}), operation),
        ("fragment F on Query { __typename }", json!({}), validation),
    ];
    for (query, variables, code) in cases {
        let answer = world.ask(query, variables.clone());
        assert_eq!(answer["data"], Value::Null, "{query}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], json!(code), "{query}: {answer}");
        let message = answer["errors"][0]["message"].as_str().unwrap();
        assert!(!message.is_empty() && message.len() < 500, "{message}");
    }
}

#[test]
fn errors_say_where_they_are() {
    let world = world();
    let error = world.error("{\n  __typename\n  é: nothing\n}");
    assert_eq!(error["locations"], json!([{ "line": 3, "column": 3 }]));
    let error = world.error("{\n  __typename\n  nothing\n}");
    assert_eq!(error["locations"], json!([{ "line": 3, "column": 3 }]));
    let error =
        world.error("{ a: all_schema_definition_v1(filter: { name: { eq: 1 } }) { totalCount } }");
    assert_eq!(
        error["message"],
        "Invalid value for argument \"filter.name.eq\", expected type \"String\": found the number 1"
    );
    let error = world
        .error("{ a: all_blob_v1 { documents { fields { pieces(first: 0) { totalCount } } } } }");
    assert_eq!(error["path"], json!(["a", "documents", "fields", "pieces"]));
}

#[test]
fn operations_are_chosen_by_name() {
    let world = world();
    let query = "query A { a: __typename } query B { b: __typename }";
    let ask = |name: &str| {
        let body = json!({ "query": query, "operationName": name }).to_string();
        world.send("POST", "/graphql", &[], body.as_bytes()).json()
    };
    assert_eq!(ask("B"), json!({ "data": { "b": "Query" } }));
    assert_eq!(ask("C")["errors"][0]["extensions"]["code"], "OPERATION_RESOLUTION_FAILURE");
}

#[test]
fn several_errors_are_told_at_once() {
    let world = world();
    let answer = world.ask("{ one two three }", json!({}));
    assert_eq!(answer["errors"].as_array().unwrap().len(), 3);
}
