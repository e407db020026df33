//! What reading files that others made allocates grows with their size, by a small factor, whatever
//! they hold; the parts that read them are compiled into this test.
#![allow(dead_code, reason = "of each part of the program only reading is used")]

#[path = "../src/client.rs"]
mod client;
#[path = "../src/config.rs"]
mod config;
#[path = "../../testkit/tests/counting/mod.rs"]
mod counting;
#[path = "../src/failure.rs"]
mod failure;
#[path = "../src/follow.rs"]
mod follow;
#[path = "../src/limits.rs"]
mod limits;
#[path = "../src/listen.rs"]
mod listen;
#[path = "../src/schema/lock.rs"]
mod lock;
#[path = "../src/nearest.rs"]
mod nearest;
#[path = "../src/neighbours.rs"]
mod neighbours;
#[path = "../src/network.rs"]
mod network;
#[path = "../src/proof.rs"]
mod proof;
#[path = "../src/style.rs"]
mod style;

use std::fmt::Write as _;
use std::path::Path;

use config::File;
use counting::{Allowance, measure};
use lock::Lock;
use pandan_bamboo::{LogId, NextArgs};
use pandan_identity::{KeyPair, hex};
use pandan_operations::{Fields, Operation, RawValue, SystemSchema};

/// A table of TOML has room for eleven keys: `{a.b.c=0}` is three of them and takes 4 kB.
const TOML: Allowance = Allowance { bytes_per_byte: 480, calls_per_hundred: 200, beyond: 16_384 };

/// Sizes, in whatever an input is made of; each twice the one before.
const SIZES: [usize; 8] = [16, 32, 64, 128, 256, 512, 1_024, 2_048];

/// Pieces of TOML that make much of little when they are repeated.
const PIECES: [&str; 16] = [
    "[[commits]]\n",
    "[limits]\n",
    "\n",
    "#\n",
    "[",
    "[[",
    "a.",
    "a=",
    "=",
    "\"",
    "\"\"\"",
    "'",
    "\\u",
    "{",
    "é",
    "0",
];

/// Items of lists and tables, the list of them in what is read.
const ITEMS: [&str; 10] =
    ["{}", "[]", "[[]]", "0", "\"\"", "{a=0}", "{a.b.c=0}", "''", "1e9", "nan"];

/// Feeds texts of growing size, whole, cut short and damaged.
#[track_caller]
fn check(name: &str, make: impl Fn(usize) -> String, read: fn(&str) -> Result<(), String>) {
    for size in SIZES {
        let whole = make(size);
        let half = whole.floor_char_boundary(whole.len() / 2);
        let damaged = format!("{}\0{}", &whole[..half], &whole[half..]);
        for text in [&whole, &whole[..half], &damaged] {
            let cost = measure(|| read(text));
            TOML.check(name, text.len(), cost);
        }
    }
}

fn read_lock(text: &str) -> Result<(), String> {
    Lock::parse(text).map(drop).map_err(|error| error.to_string())
}

fn read_settings(text: &str) -> Result<(), String> {
    let settings = File::parse(text, Path::new("/etc/pandan.toml"));
    settings.map(drop).map_err(|error| error.to_string())
}

/// A lock file with so many commits.
fn locked(count: usize) -> String {
    let key_pair = KeyPair::from_seed(&[7; 32]);
    let mut text = String::from("version = 1\n");
    for number in 0..count as u64 {
        let data = RawValue::Bytes(number.to_be_bytes().to_vec());
        let fields = Fields::from_pairs([("data", data)]).expect("there is one field");
        let payload = Operation::Create { schema: SystemSchema::BlobPiece.into(), fields }.encode();
        let entry = NextArgs::first(LogId::new(number)).forge(&key_pair, &payload);
        let (hash, entry) = (entry.hash(), hex::encode(entry.as_bytes()));
        let operation = hex::encode(&payload);
        let _ = write!(text, "[[commits]]\nentry_hash=\"{hash}\"\nentry=\"{entry}\"\n");
        let _ = writeln!(text, "operation=\"{operation}\"");
    }
    text
}

#[test]
fn lock_files() {
    assert_eq!(read_lock(&locked(3)), Ok(()));
    // Signatures take their time.
    check("commits", |size| locked(size.div_ceil(16)), read_lock);
    for piece in PIECES {
        check(piece, |size| format!("version=1\n{}", piece.repeat(size)), read_lock);
    }
    for item in ITEMS {
        let list = |size| format!("version=1\ncommits=[{}]", vec![item; size].join(","));
        check(item, list, read_lock);
    }
    let hex = |size| format!("{}{}", locked(1).trim_end_matches("\"\n"), "ab".repeat(size * 16));
    check("hex", |size| format!("{}\"", hex(size)), read_lock);
    check("keys", many_keys, read_lock);
}

#[test]
fn settings() {
    let good = "http=\"127.0.0.1:0\"\n[limits]\npage=5";
    assert_eq!(read_settings(good), Ok(()));
    for piece in PIECES {
        check(piece, |size| piece.repeat(size), read_settings);
    }
    for item in ITEMS {
        for key in ["limits", "http", "quota_bytes"] {
            let list = |size| format!("{key}=[{}]", vec![item; size].join(","));
            check(item, list, read_settings);
        }
    }
    check("a path", |size| format!("data_dir=\"{}\"", "x/".repeat(size * 16)), read_settings);
    check("an unknown key", |size| format!("{}=0", "x".repeat(size * 16)), read_settings);
    check(
        "an unknown limit",
        |size| format!("[limits]\n{}=0", "x".repeat(size * 16)),
        read_settings,
    );
    check("an address", |size| format!("http=\"{}\"", "localhost:".repeat(size)), read_settings);
    check("keys", many_keys, read_settings);
    check("limits", |size| format!("[limits]\n{}", many_keys(size)), read_settings);
}

fn many_keys(count: usize) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "a{number}=0");
        text
    })
}
