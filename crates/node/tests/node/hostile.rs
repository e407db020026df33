//! Connections that are not what they should be.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::support::World;

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

#[test]
fn heads_that_never_end_are_not_waited_for() {
    let world = World::with_limits(|limits| limits.header_time = Duration::from_millis(50));
    assert_eq!(exchange(&world, b"POST /graphql HTTP/1.1\r\nhost:"), "");
    assert_eq!(exchange(&world, b""), "");
    is_well(&world);
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
    let world = World::with_limits(|limits| {
        limits.connections = 2;
        limits.header_time = Duration::from_millis(200);
    });
    let idle: Vec<_> = (0..2).map(|_| connect(&world)).collect();
    // Those who say nothing are sent away, and then there is room.
    is_well(&world);
    drop(idle);
}
