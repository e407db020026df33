//! Nodes as processes that replicate over loopback, and are killed in the middle of it.
//!
//! `PANDAN_TRANSFER_ROUNDS` is how often, not counted those that came when all was there.
#![cfg(unix)]

mod common;

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use common::filled::{fill, heads};
use common::{Desk, RunningNode, text_at};
use serde_json::Value;

const ROUNDS: u64 = 20;

/// A machine that is fast, or busy with something else, may miss the middle this many times as often.
const MISSED_MAX: u64 = 10;

/// Enough for a transfer to take many batches.
const ENTRIES: u64 = 5_000;

const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn nodes_that_are_killed_while_they_replicate_end_alike() {
    let rounds = std::env::var("PANDAN_TRANSFER_ROUNDS").ok().and_then(|text| text.parse().ok());
    let rounds = rounds.unwrap_or(ROUNDS);
    let desk = Desk::empty();
    let (full, empty) = (desk.path("full"), desk.path("empty"));
    fill(&full, 0..5, ENTRIES);
    let mut source = RunningNode::replicating(&full, &["--quic", "127.0.0.1:0"]);
    let address = text_at(&source.greeting, "quic");
    let source_again = || RunningNode::replicating(&full, &["--quic", &address]);
    let target =
        || RunningNode::replicating(&empty, &["--quic", "127.0.0.1:0", "--peer", &address]);
    let (mut running, mut last, mut in_the_middle) = (target(), 0, 0);
    for round in 0..rounds * MISSED_MAX {
        if in_the_middle == rounds {
            break;
        }
        let count = wait_until(&running, "an entry comes", |count| count > last);
        // One side, the other, or both, without a word.
        match round % 3 {
            0 => {
                drop(running);
                running = target();
            }
            1 => {
                drop(source);
                source = source_again();
            }
            _ => {
                drop((running, source));
                (source, running) = (source_again(), target());
            }
        }
        last = entries(&running);
        assert!(last >= count, "round {round}: of {count} entries {last} are left");
        if last < ENTRIES {
            in_the_middle += 1;
        } else {
            drop(running);
            fs::remove_dir_all(&empty).expect("it is ours");
            (running, last) = (target(), 0);
        }
    }
    wait_until(&running, "all is there", |count| count == ENTRIES);
    assert_eq!(in_the_middle, rounds, "most transfers were over before anybody was killed");
    drop((running, source));
    for name in ["full", "empty"] {
        let doctor = desk.json(&["doctor", "--data-dir", name]);
        assert_eq!(doctor["holds"], true, "{name}: {doctor}");
    }
    assert_eq!(heads(&full), heads(&empty));
}

/// How many entries a node has, as it tells itself.
fn entries(node: &RunningNode) -> u64 {
    let mut answer = ureq::get(format!("{}/health", node.url)).call().expect("it answers");
    let text = answer.body_mut().read_to_string().expect("text");
    let health: Value = serde_json::from_str(&text).expect("JSON");
    health["entries"].as_u64().expect("a number")
}

fn wait_until(node: &RunningNode, what: &str, holds: impl Fn(u64) -> bool) -> u64 {
    let end = Instant::now() + PATIENCE;
    loop {
        let count = entries(node);
        if holds(count) {
            return count;
        }
        assert!(Instant::now() < end, "{what}: found {count}");
        thread::sleep(Duration::from_millis(1));
    }
}
