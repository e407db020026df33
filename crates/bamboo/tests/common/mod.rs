//! Reads the vectors and shortens what every test does.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

use pandan_bamboo::{EncodedEntry, EntryHash, LogId, NextArgs};
use pandan_identity::KeyPair;
use serde_json::Value;

pub fn vectors(file: &str) -> Value {
    let path = format!("{}/../testkit/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

pub fn cases<'a>(vectors: &'a Value, key: &str) -> &'a [Value] {
    let cases = vectors[key].as_array().unwrap();
    assert!(!cases.is_empty(), "{key} is empty");
    cases
}

pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is not a text in {value}"))
}

pub fn number(value: &Value, key: &str) -> u64 {
    text(value, key).parse().unwrap()
}

pub fn bytes(value: &Value, key: &str) -> Vec<u8> {
    unhex(text(value, key))
}

pub fn optional_bytes(value: &Value, key: &str) -> Option<Vec<u8>> {
    value[key].as_str().map(unhex)
}

pub fn optional_hash(value: &Value, key: &str) -> Option<EntryHash> {
    value[key].as_str().map(|text| text.parse().unwrap())
}

pub fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2));
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// A log of `length` entries, with payloads that name their place.
pub fn log(seed: u8, log_id: u64, length: usize) -> Vec<EncodedEntry> {
    let key_pair = KeyPair::from_seed(&[seed; 32]);
    let mut entries: Vec<EncodedEntry> = Vec::new();
    for index in 0..length {
        let args = next_args(&entries, log_id);
        entries.push(args.forge(&key_pair, format!("entry {index}").as_bytes()));
    }
    entries
}

/// What follows these entries.
pub fn next_args(entries: &[EncodedEntry], log_id: u64) -> NextArgs {
    let Some(tip) = entries.last() else { return NextArgs::first(LogId::new(log_id)) };
    let skiplink = tip.header().seq_num().next().unwrap().skiplink();
    let skiplink = skiplink.map(|seq_num| at(entries, seq_num.number()).hash());
    NextArgs::after(tip.header(), skiplink).unwrap()
}

/// The entry with this sequence number.
pub fn at<T>(entries: &[T], seq_num: u64) -> &T {
    &entries[usize::try_from(seq_num).unwrap() - 1]
}
