//! Shortens what every test does.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

use pandan_bamboo::{EncodedEntry, LogId, NextArgs};
use pandan_identity::KeyPair;

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
