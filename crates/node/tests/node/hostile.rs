//! Connections that are not what they should be.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::support::{Author, World, str};

fn connect(world: &World) -> TcpStream {
    TcpStream::connect(world.url.trim_start_matches("http://")).unwrap()
}

/// Sends bytes and reads until the node closes the connection.
fn exchange(world: &World, bytes: &[u8]) -> String {
    let mut stream = connect(world);
    // The node may have closed the connection before all was sent.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn is_well(world: &World) {
    assert_eq!(world.data("{ __typename }"), json!({ "__typename": "Query" }));
}

/// Serves, where little time is given to a request: on a busy machine it takes several.
fn is_well_with_time(world: &World) {
    let request = post(&format!("content-length: {}\r\n", QUERY.len()), QUERY);
    let mut answers = (0..1_000).map(|_| exchange(world, request.as_bytes()));
    assert!(answers.any(|answer| answer.starts_with("HTTP/1.1 200")));
}

#[test]
fn heads_that_never_end_are_not_waited_for() {
    let world = World::with_limits(|limits| limits.header_time = Duration::from_millis(50));
    assert_eq!(exchange(&world, b"POST /graphql HTTP/1.1\r\nhost:"), "");
    assert_eq!(exchange(&world, b""), "");
    is_well_with_time(&world);
}

#[test]
fn bodies_that_never_end_are_not_waited_for() {
    let world = World::with_limits(|limits| limits.request_time = Duration::from_millis(50));
    let head =
        b"POST /graphql HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 100\r\n\r\n{";
    assert!(exchange(&world, head).starts_with("HTTP/1.1 408"));
}

#[test]
fn heads_have_a_size() {
    let world = World::in_memory();
    let head = |size: usize| {
        format!(
            "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\na: {}\r\n\r\n",
            "a".repeat(size)
        )
    };
    assert!(exchange(&world, head(30_000).as_bytes()).starts_with("HTTP/1.1 200"));
    let answer = exchange(&world, head(1_000_000).as_bytes());
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    is_well(&world);
}

#[test]
fn bytes_that_are_not_http_are_refused() {
    let world = World::in_memory();
    let tls = [
        0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03, b'\r', b'\n', b'\r',
        b'\n',
    ];
    for bytes in
        [&b"nonsense\r\n\r\n"[..], &tls, b"GET /graphql HTTP/9.9\r\n\r\n", b"\0\0\0\0\r\n\r\n"]
    {
        let answer = exchange(&world, bytes);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    is_well(&world);
}

#[test]
fn a_body_without_a_length_is_bounded_too() {
    let world = World::with_limits(|limits| limits.body_bytes = 1_000);
    let head = "POST /graphql HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let query = r#"{"query":"{ __typename }"}"#;
    let good = format!("{head}{:x}\r\n{query}\r\n0\r\n\r\n", query.len());
    assert!(exchange(&world, good.as_bytes()).starts_with("HTTP/1.1 200"));
    let long = format!("{head}{:x}\r\n{}\r\n0\r\n\r\n", 1_001, " ".repeat(1_001));
    assert!(exchange(&world, long.as_bytes()).starts_with("HTTP/1.1 413"));
}

#[test]
fn bodies_wait_for_room_and_find_it() {
    let world = World::with_limits(|limits| {
        limits.body_bytes = 200_000;
        limits.bodies_bytes = 200_000;
    });
    let body =
        json!({ "query": format!("{{ __typename }} # {}", "a".repeat(150_000)) }).to_string();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            let (world, body) = (&world, body.as_bytes());
            scope.spawn(move || {
                for _ in 0..5 {
                    assert_eq!(world.send("POST", "/graphql", &[], body).status, 200);
                }
            });
        }
    });
}

#[test]
fn clients_that_leave_early_do_no_harm() {
    let world = World::in_memory();
    let body = json!({ "query": "{ __schema { types { name fields { name } } } }" }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    for length in (0..request.len()).step_by(10) {
        connect(&world).write_all(&request.as_bytes()[..length]).unwrap();
    }
    is_well(&world);
}

#[test]
fn more_clients_than_connections_wait_for_their_turn() {
    let world = World::with_limits(|limits| limits.connections = 2);
    let idle: Vec<_> = (0..2).map(|_| connect(&world)).collect();
    // Those who say nothing are sent away, and then there is room.
    is_well(&world);
    drop(idle);
}

const QUERY: &str = r#"{"query":"{ __typename }"}"#;

fn post(headers: &str, body: &str) -> String {
    format!("POST /graphql HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n{body}")
}

#[test]
fn tricks_with_lengths_are_refused() {
    let hasty = World::with_limits(|limits| limits.request_time = Duration::from_millis(200));
    let patient = World::in_memory();
    let length = QUERY.len();
    let chunk = format!("{length:x}\r\n{QUERY}\r\n0\r\n\r\n");
    let chunked = "transfer-encoding: chunked\r\n";
    for (headers, body, expected) in [
        (format!("content-length: {length}\r\n"), QUERY, "HTTP/1.1 200"),
        (String::from(chunked), &*chunk, "HTTP/1.1 200"),
        (format!("content-length: {length}\r\ncontent-length: 3\r\n"), QUERY, "HTTP/1.1 400"),
        (format!("content-length: {}\r\n", u64::MAX), QUERY, "HTTP/1.1 4"),
        (format!("content-length: {}9\r\n", u64::MAX), QUERY, "HTTP/1.1 400"),
        (String::from("content-length: -1\r\n"), QUERY, "HTTP/1.1 400"),
        (String::from("content-length: 5000000\r\n"), "", "HTTP/1.1 413"),
        (String::from("transfer-encoding: gzip\r\n"), QUERY, "HTTP/1.1 4"),
        (String::from(chunked), "ffffffffffffffff\r\n", "HTTP/1.1 4"),
        (String::from(chunked), "fffffffffffffffff\r\n", "HTTP/1.1 4"),
        (String::from(chunked), "nonsense\r\n", "HTTP/1.1 4"),
        (format!("{chunked}content-length: 3\r\n"), &*chunk, "HTTP/1.1 "),
    ] {
        // Of some the body never comes, and good ones need their time.
        let world = if expected.ends_with("200") { &patient } else { &hasty };
        let answer = exchange(world, post(&headers, body).as_bytes());
        assert!(answer.starts_with(expected), "{headers}{body}: {answer}");
    }
    is_well(&patient);
    is_well_with_time(&hasty);
}

#[test]
fn tiny_chunks_and_their_extensions_are_bounded() {
    let world = World::with_limits(|limits| limits.body_bytes = 10_000);
    let head = post("transfer-encoding: chunked\r\n", "");
    let tiny = |count: usize| format!("{head}{}0\r\n\r\n", "1\r\n \r\n".repeat(count));
    assert!(exchange(&world, tiny(10_000).as_bytes()).starts_with("HTTP/1.1 400"));
    assert!(exchange(&world, tiny(10_001).as_bytes()).starts_with("HTTP/1.1 413"));
    let extension = format!("{head}1;{}\r\n \r\n0\r\n\r\n", "x".repeat(1_000_000));
    assert!(!exchange(&world, extension.as_bytes()).starts_with("HTTP/1.1 200"));
    let trailer = format!("{head}1\r\n1\r\n0\r\n{}\r\n", "a: b\r\n".repeat(100_000));
    assert!(!exchange(&world, trailer.as_bytes()).starts_with("HTTP/1.1 200"));
    is_well(&world);
}

#[test]
fn floods_of_headers_are_refused() {
    let world = World::in_memory();
    let head = |count: usize| {
        format!(
            "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{}\r\n",
            "a: b\r\n".repeat(count)
        )
    };
    assert!(exchange(&world, head(90).as_bytes()).starts_with("HTTP/1.1 200"));
    for count in [101, 100_000] {
        let answer = exchange(&world, head(count).as_bytes());
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    is_well(&world);
}

#[test]
fn what_is_not_offered_is_not_done() {
    let world = World::in_memory();
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    zipped.write_all(&vec![b' '; 10_000_000]).unwrap();
    let zipped = zipped.finish().unwrap();
    let answer = world.send("POST", "/graphql", &[("content-encoding", "gzip")], &zipped);
    let answer = (answer.status, answer.json()["errors"][0]["extensions"]["code"].clone());
    assert_eq!(answer, (400, json!("BAD_REQUEST")));
    let upgrade = "upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-protocol: graphql-transport-ws\r\n";
    for (request, expected) in [
        (
            format!(
                "GET /graphql HTTP/1.1\r\nhost: x\r\nconnection: close, upgrade\r\n{upgrade}\r\n"
            ),
            "HTTP/1.1 200",
        ),
        (
            String::from("CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\nconnection: close\r\n\r\n"),
            "HTTP/1.1 4",
        ),
        (String::from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "HTTP/1.1 4"),
    ] {
        let answer = exchange(&world, request.as_bytes());
        assert!(answer.is_empty() || answer.starts_with(expected), "{request}: {answer}");
    }
    is_well(&world);
}

#[test]
fn half_closed_connections_are_taken_as_left() {
    let world = World::in_memory();
    let request = post(&format!("content-length: {}\r\n", QUERY.len()), QUERY);
    for length in [request.len(), request.len() - 1, 20, 0] {
        let mut stream = connect(&world);
        stream.write_all(&request.as_bytes()[..length]).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        // The answer may have been quicker than the end.
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 "), "{answer}");
    }
    is_well(&world);
}

#[test]
fn pipelined_floods_wait_for_their_reader() {
    let world = World::in_memory();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{QUERY}",
        QUERY.len()
    );
    let mut stream = connect(&world);
    let mut reader = stream.try_clone().unwrap();
    let flood = std::thread::spawn(move || stream.write_all(request.repeat(5_000).as_bytes()));
    for _ in 0..10 {
        is_well(&world);
    }
    let mut answers = 0;
    let mut buffer = vec![0; 64 * 1024];
    let mut text = Vec::new();
    while answers < 5_000 {
        let read = reader.read(&mut buffer).unwrap();
        assert!(read > 0, "only {answers} answers");
        let from = text.len().saturating_sub(11);
        text.extend_from_slice(&buffer[..read]);
        answers += text[from..].windows(12).filter(|part| part == b"HTTP/1.1 200").count();
    }
    flood.join().unwrap().unwrap();
}

#[test]
fn announced_bodies_take_no_room_from_those_that_come() {
    let world = World::with_limits(|limits| {
        limits.body_bytes = 1_000_000;
        limits.bodies_bytes = 1_000_000;
    });
    let head = "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n{";
    let silent: Vec<_> = (0..50)
        .map(|_| {
            let mut stream = connect(&world);
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    let body =
        json!({ "query": format!("{{ __typename }} # {}", "a".repeat(900_000)) }).to_string();
    for _ in 0..5 {
        assert_eq!(world.send("POST", "/graphql", &[], body.as_bytes()).status, 200);
    }
    drop(silent);
}

#[test]
fn answers_that_are_not_read_are_bounded() {
    let world = World::with_limits(|limits| {
        limits.answer_bytes = 10_000_000;
        limits.answers_bytes = 20_000_000;
    });
    let ada = Author::new(1);
    let schema = ada.define(&world, "thing", &[("name", "str")]);
    let document = ada.create(&world, &schema, &[("name", str(&"x".repeat(250_000)))]);
    let fields: String = (0..32).map(|index| format!("a{index}: name ")).collect();
    let query = format!("{{ {schema}(id: \"{document}\") {{ fields {{ {fields} }} }} }}");
    let body = json!({ "query": query }).to_string();
    let request = post(&format!("content-length: {}\r\n", body.len()), &body);
    let ask = || {
        let mut stream = connect(&world);
        stream.write_all(request.as_bytes()).unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        (String::from_utf8_lossy(&status).into_owned(), stream)
    };
    let mut deaf = Vec::new();
    let refused = loop {
        let (status, stream) = ask();
        if status != "HTTP/1.1 200" {
            break status;
        }
        deaf.push(stream);
        // What the system keeps of an answer takes no room in the node.
        assert!(deaf.len() < 10, "nothing was refused");
    };
    assert_eq!(refused, "HTTP/1.1 503");
    assert!(deaf.len() >= 2, "{}", deaf.len());
    is_well(&world);
    // When they leave there is room again.
    drop(deaf);
    while ask().0 != "HTTP/1.1 200" {}
}

#[test]
fn clients_who_say_nothing_make_room_for_others() {
    let world = World::with_limits(|limits| limits.connections = 4);
    let silent: Vec<_> = (0..50).map(|_| connect(&world)).collect();
    let mut halfway = connect(&world);
    halfway.write_all(b"POST /graphql HTTP/1.1\r\ncontent-length: 100\r\n\r\n{").unwrap();
    for _ in 0..20 {
        let answer = exchange(
            &world,
            post(&format!("content-length: {}\r\n", QUERY.len()), QUERY).as_bytes(),
        );
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    // The first ones have been sent away.
    for mut stream in silent.into_iter().take(40) {
        assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    }
}
