//! What reading a request allocates grows with the request, by a small factor, whatever it holds.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

#[path = "../../testkit/tests/counting/mod.rs"]
mod counting;
#[path = "../src/http/range.rs"]
mod range;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use counting::{Allowance, measure, measure_all, turn};
use pandan_node::{Node, Request};
use tokio::runtime::Runtime;

/// An operation of three bytes takes a place of more than 100, and a list that grows has room for
/// thrice as many for a moment. Beyond is what a node does for any request.
const QUERY: Allowance = Allowance { bytes_per_byte: 130, calls_per_hundred: 60, beyond: 200_000 };

/// An object with one member is seven bytes and takes more than 600; what all values of a body
/// weigh has a limit of its own.
const JSON: Allowance = Allowance { bytes_per_byte: 110, calls_per_hundred: 20, beyond: 400_000 };

/// A header with a range is two numbers, wherever they stand.
const RANGE: Allowance = Allowance { bytes_per_byte: 0, calls_per_hundred: 0, beyond: 0 };

/// Sizes, each twice the one before.
const SIZES: [usize; 6] = [512, 1_024, 2_048, 4_096, 8_192, 16_384];

fn start(runtime: &Runtime) -> Node {
    let node = Node::builder().in_memory().http("127.0.0.1:0".parse().unwrap()).start();
    runtime.block_on(node).unwrap()
}

#[test]
fn queries() {
    let _turn = turn();
    let runtime = Runtime::new().unwrap();
    let node = start(&runtime);
    let makers: [fn(usize) -> String; 16] = [
        |size| format!("{{ {} }}", "a ".repeat(size)),
        |size| format!("{{ {} }}", "__typename ".repeat(size)),
        |size| format!("{{ {} }}", "...F ".repeat(size)),
        |size| format!("{{ {} }}", "...{a} ".repeat(size)),
        |size| format!("{{ a {} }}", "@a ".repeat(size)),
        |size| format!("{{ a(a:[{}]) }}", "1 ".repeat(size)),
        |size| format!("{{ a(a:[{}]) }}", "[] ".repeat(size)),
        |size| format!("{{ a(a:[{}]) }}", "{} ".repeat(size)),
        |size| format!("{{ a({}) }}", "a:1 ".repeat(size)),
        |size| format!("{{ a(a:{{{}}}) }}", "a:1 ".repeat(size)),
        |size| format!("{{ a(a:\"{}\") }}", "\\n".repeat(size)),
        |size| format!("{{ a(a:\"\"\"{}\"\"\") }}", "\n".repeat(size)),
        |size| format!("query({}) {{ a }}", "$a:A ".repeat(size)),
        |size| "{a}".repeat(size),
        |size| format!("{{a}} {}", "fragment F on Query {a}".repeat(size)),
        |size| "#,\n".repeat(size),
    ];
    for make in makers {
        for size in SIZES {
            let text = make(size);
            let request = Request::new(text.clone());
            let cost = measure_all(|| runtime.block_on(node.query(request)));
            QUERY.check(&text[..text.len().min(30)], text.len(), cost);
        }
    }
    runtime.block_on(node.shutdown());
}

#[test]
fn bodies() {
    let _turn = turn();
    let runtime = Runtime::new().unwrap();
    let node = start(&runtime);
    let address = node.addresses()[0];
    let send = |body: &str| {
        let head = "POST /graphql HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length:";
        let request = format!("{head} {}\r\n\r\n{body}", body.len());
        let mut answer = [0; 4_096];
        measure_all(|| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            while stream.read(&mut answer).is_ok_and(|read| read > 0) {}
        })
    };
    for item in
        [r#"{"":0},"#, "[],", "[0],", "[[]],", "0,", r#""","#, r#""\u0001","#, "1e9,", "{},"]
    {
        for size in [SIZES.as_slice(), &[65_536, 262_144]].concat() {
            let list = format!("[{}0]", item.repeat(size));
            let body = format!(r#"{{"query":"{{ __typename }}","variables":{{"a":{list}}}}}"#);
            JSON.check(item, body.len(), send(&body));
        }
    }
    for filler in ["[", "{\"a\":", "\"", "\\", "0", "x"] {
        for size in SIZES {
            let body = filler.repeat(size);
            JSON.check(filler, body.len(), send(&body));
        }
    }
    runtime.block_on(node.shutdown());
}

#[test]
fn ranges() {
    let _turn = turn();
    for filler in ["bytes=", "0", "9", "-", "0-0,", " ", "\t", "-0,", "x", "bytes=0-,"] {
        for size in SIZES {
            for start in ["", "bytes=", "bytes=0-", "bytes=-", "bytes=0-0,"] {
                let header = format!("{start}{}", filler.repeat(size));
                let cost = measure(|| range::asked(Some(&header), 1_000));
                RANGE.check(&header[..header.len().min(30)], header.len(), cost);
            }
        }
    }
}
