//! HTTP around GraphQL.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::support::{Author, World};

const QUERY: &str = r#"{"query":"{ __typename }"}"#;

#[test]
fn the_content_type_of_a_request_is_not_looked_at() {
    let world = World::in_memory();
    for content_type in ["application/json", "application/json; charset=utf-8", "text/plain", ""] {
        let headers = [("content-type", content_type)];
        let headers = if content_type.is_empty() { &headers[..0] } else { &headers[..] };
        let answer = world.send("POST", "/graphql", headers, QUERY.as_bytes());
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, r#"{"data":{"__typename":"Query"}}"#)
        );
    }
}

#[test]
fn bodies_that_are_no_requests_are_refused() {
    let world = World::in_memory();
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let (deep, deeper) = (deep(10_000), deep(100_000));
    let cases: &[(&[u8], u16, &str)] = &[
        (b"", 400, "BAD_REQUEST"),
        (b"nonsense", 400, "BAD_REQUEST"),
        (b"\xff\xfe", 400, "BAD_REQUEST"),
        (b"1", 400, "BAD_REQUEST"),
        (b"{\"query\":1}", 400, "BAD_REQUEST"),
        (b"{\"query\":\"{ __typename }\",\"variables\":[]}", 400, "BAD_REQUEST"),
        (b"{\"query\":\"{ __typename }\",\"variables\":\"{}\"}", 400, "BAD_REQUEST"),
        (b"{\"query\":\"{ __typename }\",\"operationName\":1}", 400, "BAD_REQUEST"),
        (b"[{\"query\":\"{ __typename }\"}]", 400, "BATCH_NOT_SUPPORTED"),
        (deep.as_bytes(), 400, "BAD_REQUEST"),
        (deeper.as_bytes(), 413, "LIMIT_EXCEEDED"),
        (b"{}", 200, "GRAPHQL_PARSE_FAILED"),
        (
            b"{\"query\":null,\"variables\":null,\"operationName\":null}",
            200,
            "GRAPHQL_PARSE_FAILED",
        ),
    ];
    for (body, status, code) in cases {
        let answer = world.send("POST", "/graphql", &[], body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(answer.status, *status, "{shown}");
        assert_eq!(answer.json()["errors"][0]["extensions"]["code"], json!(code), "{shown}");
    }
}

#[test]
fn queries_can_be_asked_with_get() {
    let world = World::in_memory();
    let answer = world.get("/graphql?query=%7B__typename%7D", &[]);
    assert_eq!(answer.json(), json!({ "data": { "__typename": "Query" } }));
    let path = "/graphql?query=query%20A(%24n%3AInt)%7Ba%3Aall_blob_v1(first%3A%24n)%7BtotalCount%7D%7D%20query%20B%7B__typename%7D&variables=%7B%22n%22%3A3%7D&operationName=A";
    assert_eq!(world.get(path, &[]).json(), json!({ "data": { "a": { "totalCount": 0 } } }));
    let answer = world.get("/graphql?query=mutation%7B__typename%7D", &[]);
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    assert_eq!(world.get("/graphql?query=%7B__typename%7D&variables=nonsense", &[]).status, 400);
    let answer = world.get("/graphql", &[("accept", "application/json")]);
    assert_eq!(answer.status, 400);
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let world = World::in_memory();
    let answer = world.get("/graphql", &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")]);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let page = answer.text();
    for elsewhere in ["http://", "https://", "src=\"", "@import", "url("] {
        assert!(!page.contains(elsewhere), "{elsewhere}");
    }
    assert!(answer.header("content-security-policy").unwrap().contains("default-src 'none'"));
    assert_eq!(world.send("HEAD", "/graphql", &[], &[]).status, 200);
}

#[test]
fn pages_of_every_origin_may_use_the_node() {
    let world = World::in_memory();
    for path in ["/graphql", "/blobs/x", "/health"] {
        let headers = [
            ("origin", "https://example.org"),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type"),
        ];
        let answer = world.send("OPTIONS", path, &headers, &[]);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-methods"), Some("GET,POST,OPTIONS"));
        assert_eq!(answer.header("access-control-allow-headers"), Some("content-type"));
    }
    for answer in [
        world.send("POST", "/graphql", &[], QUERY.as_bytes()),
        world.get("/nothing", &[]),
        world.send("PUT", "/graphql", &[], b""),
    ] {
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert!(answer.header("access-control-allow-credentials").is_none());
        let mut vary = answer.headers.get_all("vary").iter();
        assert!(vary.any(|value| value.to_str().unwrap().contains("origin")));
    }
}

#[test]
fn other_paths_and_methods_are_refused() {
    let world = World::in_memory();
    for path in ["/", "/nothing", "/graphql/", "/blobs", "/health/"] {
        let answer = world.get(path, &[]);
        assert_eq!((answer.status, answer.body.len()), (404, 0), "{path}");
    }
    for (method, path) in [("PUT", "/graphql"), ("DELETE", "/graphql"), ("POST", "/health")] {
        let answer = world.send(method, path, &[], b"");
        assert_eq!((answer.status, answer.body.len()), (405, 0), "{method} {path}");
        assert!(answer.header("allow").unwrap().contains("GET"));
    }
}

#[test]
fn health_is_told_in_numbers() {
    let world = World::on_disk();
    Author::new(1).define(&world, "band", &[("name", "str")]);
    let answer = world.get("/health", &[]);
    assert_eq!(answer.status, 200);
    let health = answer.json();
    assert_eq!(health["status"], "ok");
    let counts = (&health["entries"], &health["documents"], &health["schemas"], &health["authors"]);
    assert_eq!(counts, (&json!(2), &json!(2), &json!(5), &json!(1)));
}

#[test]
fn long_answers_are_compressed_for_those_who_can_read_it() {
    let world = World::in_memory();
    let body = json!({ "query": "{ __schema { types { name fields { name type { name } } } } }" })
        .to_string();
    let raw = |accepted: &str| {
        let mut stream = TcpStream::connect(world.url.trim_start_matches("http://")).unwrap();
        write!(
            stream,
            "POST /graphql HTTP/1.1\r\nhost: x\r\nconnection: close\r\naccept-encoding: {accepted}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    };
    let plain = raw("identity");
    for accepted in ["gzip", "br, gzip;q=0.5", "*"] {
        let answer = raw(accepted);
        let head = String::from_utf8_lossy(&answer).to_lowercase();
        assert!(head.contains("content-encoding: gzip"), "{accepted}");
        assert!(head.contains("vary: accept-encoding"), "{accepted}");
        assert!(answer.len() * 2 < plain.len());
    }
    let refused = raw("gzip;q=0");
    assert!(!String::from_utf8_lossy(&refused).contains("content-encoding"));
}

#[test]
fn a_connection_serves_many_requests() {
    let world = World::in_memory();
    let mut stream = TcpStream::connect(world.url.trim_start_matches("http://")).unwrap();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{QUERY}",
        QUERY.len()
    );
    stream.write_all(request.repeat(3).as_bytes()).unwrap();
    let mut answer = String::new();
    let mut buffer = [0; 1024];
    while answer.matches("{\"data\"").count() < 3 {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "{answer}");
        answer.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 3);
}

#[test]
fn unknown_members_of_a_request_are_left_alone() {
    let world = World::in_memory();
    let body = json!({ "query": "{ __typename }", "extensions": { "a": 1 }, "id": 7 }).to_string();
    let answer = world.send("POST", "/graphql", &[], body.as_bytes()).json();
    assert_eq!(answer.get("errors"), None::<&Value>);
}
