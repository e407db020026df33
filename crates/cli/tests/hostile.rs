//! Hostile clients of a node of its own process: how much memory they can make it take, and whether
//! it serves others meanwhile.
#![cfg(target_os = "linux")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use common::{RunningNode, ask, pandan};
use pandan_testkit::skipped;
use serde_json::{Value, json};

/// A node and how much memory it took when it had nothing to do, where the system tells that.
struct World {
    node: RunningNode,
    before: Option<u64>,
}

impl World {
    fn with_limits(limits: &[&str]) -> Self {
        Self::run(pandan(), limits)
    }

    /// A node that may open only so many files.
    fn with_files(files: usize) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\"")]);
        command.arg(env!("CARGO_BIN_EXE_pandan"));
        Self::run(command, &[])
    }

    fn run(mut command: Command, limits: &[&str]) -> Self {
        command.args(["node", "--in-memory", "--http", "127.0.0.1:0", "--offline", "--json"]);
        // As many as where the allowances were measured: each costs some memory.
        command.env("TOKIO_WORKER_THREADS", "2");
        for limit in limits {
            command.args(["--limit", limit]);
        }
        let node = RunningNode::spawn(command);
        let world = Self { before: node.memory_kib("VmRSS"), node };
        world.serves(1);
        world
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.node.url.trim_start_matches("http://")).expect("the node listens")
    }

    /// Whether a client is served as often as it asks.
    #[track_caller]
    fn serves(&self, times: usize) {
        for _ in 0..times {
            let answer = ask(&self.node.url, "{ all_blob_v1 { totalCount } }");
            assert_eq!(answer, json!({ "data": { "all_blob_v1": { "totalCount": 0 } } }));
        }
    }

    fn ask(&self, body: &str) -> Value {
        let mut stream = self.connect();
        let head = "POST /graphql HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length:";
        write!(stream, "{head} {}\r\n\r\n{body}", body.len()).expect("the node reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the node answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        serde_json::from_str(body).expect("JSON")
    }

    /// The most memory it ever took, and that it is less than so many MiB above what it began with.
    #[track_caller]
    fn grew_by_at_most(&self, mib: u64, what: &str) {
        let (Some(before), Some(most)) = (self.before, self.node.memory_kib("VmHWM")) else {
            return skipped("the system does not tell how much memory a process takes");
        };
        let grown = most.saturating_sub(before) / 1_024;
        println!("{what}: from {} MiB by {grown} MiB", before / 1_024);
        assert!(grown <= mib, "{what}: {grown} MiB, more than {mib}");
    }
}

/// How long something takes depends on what else the machine has to do.
const PATIENT: [&str; 2] = ["request_time_s=600", "header_time_s=600"];

/// How many connections this process can hold, at most so many.
fn connections(wanted: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("Linux tells");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("it tells");
    let soft = line.split_whitespace().nth(3).expect("a soft limit");
    wanted.min(soft.parse::<usize>().map_or(wanted, |soft| soft.saturating_sub(200)))
}

#[test]
fn thousands_of_silent_connections() {
    let world = World::with_limits(&["connections=4096", "header_time_s=600"]);
    let count = connections(2_500);
    let silent: Vec<_> = (0..count).map(|_| world.connect()).collect();
    world.serves(50);
    world.grew_by_at_most(64, &format!("{count} silent connections"));
    drop(silent);
    world.serves(5);
}

#[test]
fn more_silent_connections_than_there_are_slots() {
    let world = World::with_limits(&["connections=200", "header_time_s=600"]);
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.extend((0..connections(2_000) / 20).map(|_| world.connect()));
        world.serves(2);
    }
    world.grew_by_at_most(32, "silent connections beyond the limit");
}

#[test]
fn more_connections_than_files() {
    let world = World::with_files(64);
    let silent: Vec<_> = (0..200).map(|_| world.connect()).collect();
    world.serves(20);
    world.grew_by_at_most(32, "connections beyond the limit of files");
    drop(silent);
    world.serves(5);
}

#[test]
fn slow_heads_and_bodies() {
    let world = World::with_limits(&PATIENT);
    let head = "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 4000000\r\n\r\n{";
    let slow = |length: usize, count: usize| -> Vec<TcpStream> {
        let text = format!("{head}{}", " ".repeat(length));
        let open = |_| {
            let mut stream = world.connect();
            stream.write_all(text.as_bytes()).expect("the node reads");
            stream
        };
        (0..count).map(open).collect()
    };
    let _bodies = slow(60_000, 500);
    world.serves(20);
    world.grew_by_at_most(160, "500 slow bodies");
    let mut heads: Vec<_> = (0..200).map(|_| world.connect()).collect();
    for stream in &mut heads {
        stream
            .write_all(format!("GET / HTTP/1.1\r\na: {}", "a".repeat(50_000)).as_bytes())
            .expect("it reads");
    }
    world.serves(20);
    // Those that come with more than announced little still wait for room.
    let large = json!({ "query": format!("{{ __typename }} #{}", "a".repeat(1_000_000)) });
    assert_eq!(world.ask(&large.to_string())["data"]["__typename"], "Query");
    world.grew_by_at_most(224, "and 200 slow heads");
}

#[test]
fn floods_of_heavy_requests() {
    let world = World::with_limits(&PATIENT);
    let bomb = format!(r#"{{"query":"{{ a }}","variables":[{}0]}}"#, r#"{"":0},"#.repeat(550_000));
    let just =
        format!(r#"{{"query":"{{ a }}","variables":{{"a":[{}0]}}}}"#, r#"{"":0},"#.repeat(9_000));
    let fields: String = (0..4_900).map(|number| format!("a{number}:totalCount ")).collect();
    let wide = json!({ "query": format!("{{ all_blob_v1 {{ {fields} }} }}") }).to_string();
    let code = |answer: &Value| answer["errors"][0]["extensions"]["code"].clone();
    std::thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| {
                assert_eq!(code(&world.ask(&bomb)), "LIMIT_EXCEEDED");
                assert_eq!(code(&world.ask(&just)), "GRAPHQL_VALIDATION_FAILED");
                assert_eq!(world.ask(&wide)["data"]["all_blob_v1"]["a7"], 0);
            });
        }
        world.serves(20);
    });
    world.grew_by_at_most(400, "24 times three heavy requests at a time");
    world.serves(5);
}

#[test]
fn floods_of_entries_that_are_not_valid() {
    let world = World::with_limits(&PATIENT);
    let query =
        "mutation($e: String!, $o: String!) { publish(entry: $e, operation: $o) { logId } }";
    let body = |entry: usize, operation: usize| {
        let variables = json!({ "e": "00".repeat(entry), "o": "a4".repeat(operation) });
        json!({ "query": query, "variables": variables }).to_string()
    };
    let bodies = [body(0, 0), body(200, 1_000), body(200, 524_289), body(100_000, 600_000)];
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for body in bodies.iter().cycle().take(4) {
                    let answer = world.ask(body);
                    assert!(answer["errors"][0]["extensions"]["code"].is_string(), "{answer}");
                }
            });
        }
        world.serves(20);
    });
    world.grew_by_at_most(400, "64 entries that are refused");
    world.serves(5);
}
