//! Nodes in two network namespaces, joined by a bridge, find each other.
//!
//! The test makes the namespaces, runs itself once in each, and reads what they print. That needs
//! the right to make network namespaces; where that is missing it says so and tests nothing.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![cfg(all(target_os = "linux", feature = "mdns"))]

mod common;

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::time::Instant;

use common::{Node, config, peer};
use pandan_testkit::lan::Lan;
use pandan_testkit::skipped;

/// Which key the node has, in a process that the test starts.
const SEED: &str = "PANDAN_MDNS_TEST_SEED";
/// Where that node listens.
const BIND: &str = "PANDAN_MDNS_TEST_BIND";

/// A node in its namespace: prints whom it is connected with, and ends with its standard input.
#[tokio::test]
async fn node_in_a_namespace() {
    let (Ok(seed), Ok(bind)) = (env::var(SEED), env::var(BIND)) else { return };
    let mut settings = config();
    settings.mdns = true;
    settings.bind = bind.parse().unwrap();
    let mut node = Node::with(seed.parse().unwrap(), settings);
    println!("\nstarted");
    let connection = node.connected().await;
    println!("\nconnected {} {}", connection.peer(), connection.address());
    // The other one may not have said so yet.
    let end = || std::io::stdin().read_line(&mut String::new());
    tokio::task::spawn_blocking(end).await.unwrap().unwrap();
}

struct Process(Child, BufReader<ChildStdout>);

impl Process {
    fn start(namespace: &str, seed: u8, bind: &str) -> Self {
        let program = env::current_exe().unwrap();
        let mut child = Lan::command(namespace, program.to_str().unwrap())
            .args(["--exact", "node_in_a_namespace", "--nocapture"])
            .env(SEED, seed.to_string())
            .env(BIND, bind)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self(child, output)
    }

    /// The rest of the line that begins with a word.
    fn line(&mut self, word: &str) -> String {
        loop {
            let mut line = String::new();
            let length = self.1.read_line(&mut line).unwrap();
            assert!(length > 0, "the node ended before it printed {word}");
            if let Some(rest) = line.strip_prefix(word) {
                return rest.trim().to_owned();
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn find_each_other(lan: &Lan, bind: &str) {
    let start = Instant::now();
    let mut nodes =
        [1, 2].map(|seed: u8| Process::start(&lan.hosts()[usize::from(seed) - 1], seed, bind));
    for node in &mut nodes {
        node.line("started");
    }
    let started = start.elapsed();
    for (node, other) in nodes.iter_mut().zip([2, 1]) {
        let line = node.line("connected");
        assert!(line.starts_with(&peer(other).to_string()), "{line}");
        println!("{bind}: connected {line}");
    }
    let found = start.elapsed().saturating_sub(started);
    // Measured, not tested: a node that finds nobody gives up after a minute.
    println!("{bind}: found and connected {found:?} after both had started");
}

#[test]
fn nodes_find_each_other_in_the_local_network() {
    let lan = match Lan::new() {
        Ok(lan) => lan,
        Err(reason) => return skipped(format!("network namespaces cannot be made: {reason}")),
    };
    for bind in ["0.0.0.0:0", "[::]:0"] {
        find_each_other(&lan, bind);
    }
}
