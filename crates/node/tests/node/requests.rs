//! Requests made to cost much: each is answered or refused by its code, and the node goes on.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::support::{Author, World, str};

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("none")
}

fn repeat(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, index| {
        let _ = write!(text, "{} ", item(index));
        text
    })
}

/// Asks for all of these, and has each answered with its code.
#[track_caller]
fn check(cases: &[(&str, String, Value, &str)]) {
    let world = World::in_memory();
    for (name, query, variables, expected) in cases {
        assert_eq!(code(&world.ask(query, variables.clone())), *expected, "{name}");
    }
    assert_eq!(world.data("{ __typename }"), json!({ "__typename": "Query" }));
}

#[test]
fn floods_of_names() {
    let none = || json!({});
    let inner = |count| {
        format!("{{ all_blob_v1 {{ {} }} }}", repeat(count, |n| format!("a{n}: totalCount")))
    };
    check(&[
        (
            "root fields",
            format!("{{ {} }}", repeat(100, |n| format!("a{n}: __typename"))),
            none(),
            "none",
        ),
        (
            "more",
            format!("{{ {} }}", repeat(101, |n| format!("a{n}: __typename"))),
            none(),
            "LIMIT_EXCEEDED",
        ),
        ("aliases", inner(4_999), none(), "none"),
        ("more", inner(5_000), none(), "LIMIT_EXCEEDED"),
        ("the same", format!("{{ {} }}", "__typename ".repeat(5_000)), none(), "none"),
        ("more", format!("{{ {} }}", "__typename ".repeat(5_001)), none(), "LIMIT_EXCEEDED"),
        ("tokens", format!("{{ {} }}", "a ".repeat(50_000)), none(), "GRAPHQL_PARSE_FAILED"),
        (
            "unknown",
            format!("{{ {} }}", repeat(40_000, |n| format!("a{n}"))),
            none(),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "a long name",
            format!("{{ {} }}", "a".repeat(1_000_000)),
            none(),
            "GRAPHQL_VALIDATION_FAILED",
        ),
    ]);
}

#[test]
fn floods_of_definitions() {
    let none = || json!({});
    let operations = |count| repeat(count, |n| format!("query q{n} {{ __typename }}"));
    let chain = |count: usize| {
        let fragments = repeat(count, |n| format!("fragment f{n} on Query {{ ...f{} }}", n + 1));
        format!("{{ ...f0 }} {fragments} fragment f{count} on Query {{ __typename }}")
    };
    let ring = format!(
        "{{ ...f0 }} {}",
        repeat(900, |n| format!("fragment f{n} on Query {{ ...f{} }}", (n + 1) % 900))
    );
    let reached = format!(
        "{} fragment f on Query {{ {} }}",
        repeat(900, |n| format!("query q{n} {{ ...f }}")),
        repeat(14_000, |_| String::from("...f"))
    );
    check(&[
        ("operations", operations(1_000), none(), "OPERATION_RESOLUTION_FAILURE"),
        ("more", operations(1_001), none(), "GRAPHQL_PARSE_FAILED"),
        ("a chain", chain(998), none(), "LIMIT_EXCEEDED"),
        ("a longer chain", chain(999), none(), "GRAPHQL_PARSE_FAILED"),
        ("a ring", ring, none(), "GRAPHQL_VALIDATION_FAILED"),
        ("a fragment of itself", reached, none(), "GRAPHQL_VALIDATION_FAILED"),
        ("equal names", "query a { __typename }".repeat(900), none(), "GRAPHQL_VALIDATION_FAILED"),
    ]);
}

#[test]
fn floods_of_variables_and_directives() {
    let none = || json!({});
    let unused = repeat(10_000, |n| format!("$v{n}: Int"));
    let used = repeat(30, |n| format!("a{n}: all_blob_v1(first: $v) {{ totalCount }}"));
    let undefined = format!(
        "{} fragment f on Query {{ all_blob_v1(filter: {{ length: {{ in: [{}] }} }}) {{ totalCount }} }}",
        repeat(900, |n| format!("query q{n} {{ ...f }}")),
        repeat(15_000, |n| format!("$v{n}"))
    );
    let directives = |count| format!("{{ __typename {} }}", "@skip(if: false) ".repeat(count));
    check(&[
        (
            "unused",
            format!("query({unused}) {{ __typename }}"),
            none(),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("used", format!("query($v: Int) {{ {used} }}"), json!({ "v": 1 }), "none"),
        ("undefined", undefined, none(), "GRAPHQL_VALIDATION_FAILED"),
        ("directives", directives(1), none(), "none"),
        ("the same again", directives(5_000), none(), "GRAPHQL_VALIDATION_FAILED"),
        (
            "unknown",
            format!("{{ __typename {} }}", "@a ".repeat(20_000)),
            none(),
            "GRAPHQL_VALIDATION_FAILED",
        ),
    ]);
}

#[test]
fn huge_numbers_and_strings() {
    let first = |number: &str| format!("{{ all_blob_v1(first: {number}) {{ totalCount }} }}");
    let length = |value: &str| {
        format!("{{ all_blob_v1(filter: {{ length: {{ eq: {value} }} }}) {{ totalCount }} }}")
    };
    let text = "query($v: String!) { all_blob_v1(filter: { mime_type: { contains: $v } }) { totalCount } }";
    let digits = "9".repeat(1_000_000);
    let none = || json!({});
    check(&[
        ("first", first("1000"), none(), "none"),
        ("first", first("1001"), none(), "LIMIT_EXCEEDED"),
        ("first", first("9223372036854775807"), none(), "LIMIT_EXCEEDED"),
        ("first", first("9223372036854775808"), none(), "GRAPHQL_VALIDATION_FAILED"),
        ("first", first("-9223372036854775808"), none(), "BAD_USER_INPUT"),
        ("first", first(&digits), none(), "GRAPHQL_VALIDATION_FAILED"),
        ("number", length(&digits), none(), "GRAPHQL_VALIDATION_FAILED"),
        ("number", length("1e999999999"), none(), "GRAPHQL_VALIDATION_FAILED"),
        ("string", length(&format!("\"{digits}\"")), none(), "GRAPHQL_VALIDATION_FAILED"),
        ("string", String::from(text), json!({ "v": digits }), "none"),
        ("wildcards", String::from(text), json!({ "v": "%_*?".repeat(250_000) }), "none"),
        (
            "block",
            length(&format!("\"\"\"{}\"\"\"", " \n".repeat(500_000))),
            none(),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "escapes",
            length(&format!("\"{}\"", "\\u0001".repeat(100_000))),
            none(),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("comments", format!("{} {{ __typename }}", "#\n,".repeat(300_000)), none(), "none"),
        (
            "cursor",
            format!("{{ all_blob_v1(after: \"{digits}\") {{ totalCount }} }}"),
            none(),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "view id",
            format!("{{ blob_v1(viewId: \"{}\") {{ meta {{ viewId }} }} }}", "00_".repeat(300_000)),
            none(),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "key",
            format!("{{ nextArgs(publicKey: \"{digits}\") {{ logId }} }}"),
            none(),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "log id",
            format!(
                "{{ logEntries(publicKey: \"{}\", logId: \"{digits}\") {{ entry }} }}",
                Author::new(1).public_key()
            ),
            none(),
            "GRAPHQL_VALIDATION_FAILED",
        ),
    ]);
}

#[test]
fn long_lists_reach_both_stores() {
    for world in [World::in_memory(), World::on_disk()] {
        let ada = Author::new(1);
        let schema = ada.define(&world, "thing", &[("name", "str")]);
        ada.create(&world, &schema, &[("name", str("7"))]);
        for (operator, count) in [("in", 1), ("notIn", 0)] {
            let query = format!(
                "query($v: [String!]) {{ a: all_{schema}(filter: {{ name: {{ {operator}: $v }} }}) {{ totalCount }} }}"
            );
            let values: Vec<String> = (0..90_000).map(|number| number.to_string()).collect();
            let answer = world.ask(&query, json!({ "v": values }));
            assert_eq!(answer["data"]["a"]["totalCount"], json!(count), "{answer}");
        }
    }
}

#[test]
fn values_are_weighed_before_they_are_read() {
    let world = World::in_memory();
    let send = |value: &str| {
        let body = format!(r#"{{"query":"{{ __typename }}","variables":{{"v":{value}}}}}"#);
        let answer = world.send("POST", "/graphql", &[], body.as_bytes());
        (answer.status, code(&answer.json()).to_owned())
    };
    let refused = (413, String::from("LIMIT_EXCEEDED"));
    for value in [r#"{"":0},"#, "[],", "[[0]],", "0,", r#""","#] {
        let list = |count: usize| format!("[{}0]", value.repeat(count));
        assert_eq!(send(&list(3_000)), (200, String::from("none")), "{value}");
        assert_eq!(send(&list(300_000)), refused, "{value}");
    }
    let object = |count: usize| {
        let members = (0..count).map(|number| format!("\"{number}\":0,")).collect::<String>();
        format!("{{{members}\"\":0}}")
    };
    assert_eq!(send(&object(240_000)).0, 200);
    assert_eq!(send(&object(260_000)), refused);
    let nested = |depth: usize| format!("{}0{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    assert_eq!(send(&nested(100)).0, 200);
    assert_eq!(send(&nested(10_000)), (400, String::from("BAD_REQUEST")));
}

#[test]
fn bombs_of_introspection() {
    let wide = |count| {
        let fields = repeat(count, |n| format!("a{n}: fields {{ name args {{ name }} }}"));
        format!("{{ __schema {{ types {{ {fields} }} }} }}")
    };
    let deep = |depth: usize| {
        let inner = "fields { type { ofType { ".repeat(depth);
        format!("{{ __schema {{ types {{ {inner} name {} }} }} }}", "} } }".repeat(depth))
    };
    let world = World::with_limits(|limits| limits.answer_values = 20_000);
    for (query, expected) in
        [(wide(1), "none"), (wide(200), "LIMIT_EXCEEDED"), (deep(1), "none"), (deep(9), "none")]
    {
        assert_eq!(code(&world.ask(&query, json!({}))), expected);
    }
}

/// What makes the reference implementation fall over.
#[test]
fn the_same_documents_under_two_names() {
    let world = World::in_memory();
    let ada = Author::new(1);
    let schema = ada.define(&world, "thing", &[("name", "str"), ("size", "int")]);
    ada.create(
        &world,
        &schema,
        &[("name", str("x")), ("size", pandan_operations::RawValue::Int(1))],
    );
    let query = format!(
        "{{ x: all_{schema} {{ a: documents {{ fields {{ name }} }} b: documents {{ fields {{ size }} meta {{ owner }} }} }} }}"
    );
    let data = world.data(&query);
    assert_eq!(data["x"]["a"], json!([{ "fields": { "name": "x" } }]));
    assert_eq!(data["x"]["b"][0]["fields"], json!({ "size": 1 }));
}
