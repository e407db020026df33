//! Entries that the reference wrote: taken, and written alike.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use pandan_bamboo::{
    DecodeEntryError, Entry, Hash, LogId, NextArgs, PayloadMismatch, SeqNum, limits, varu64,
};
use pandan_identity::KeyPair;
use proptest::prelude::*;

#[test]
fn ba1_entries_are_those_of_the_vectors() {
    pandan_testkit::vectors::assert_passes("entries.json");
}

/// An entry with all numbers in nine bytes, signed by hand: no payload is so long.
fn longest_entry(tail: &[u8]) -> Vec<u8> {
    let key_pair = KeyPair::from_seed(&[1; 32]);
    let last = (0..).map(|less| SeqNum::new(u64::MAX - less).unwrap());
    let seq_num = last.into_iter().find(|seq_num| seq_num.skiplink().is_some()).unwrap();
    let hashes = [b"skip", b"back", b"load"].map(|name| Hash::of(name).encode());
    let mut bytes = vec![0];
    bytes.extend(key_pair.public_key().as_bytes());
    bytes.extend(varu64::encode(u64::MAX).as_bytes());
    bytes.extend(varu64::encode(seq_num.number()).as_bytes());
    bytes.extend([hashes[0], hashes[1]].concat());
    bytes.extend(varu64::encode(u64::MAX).as_bytes());
    bytes.extend(hashes[2]);
    bytes.extend(key_pair.sign(&bytes).as_bytes());
    bytes.extend(tail);
    bytes
}

#[test]
fn the_shortest_and_the_longest_entry_keep_the_limits() {
    let key_pair = KeyPair::from_seed(&[1; 32]);
    let shortest = NextArgs::first(LogId::new(0)).forge(&key_pair, b"");
    assert_eq!(shortest.as_bytes().len(), limits::MIN_ENTRY_LENGTH);

    let longest = longest_entry(&[]);
    assert_eq!(longest.len(), limits::MAX_ENTRY_LENGTH);
    let entry = Entry::decode(&longest).unwrap().authenticate().unwrap();
    assert_eq!(entry.header().payload_size(), u64::MAX);
    assert_eq!(entry.to_encoded().as_bytes(), longest);

    let offset = limits::MAX_ENTRY_LENGTH;
    assert_eq!(
        Entry::decode(&longest_entry(&[0])),
        Err(DecodeEntryError::TrailingBytes { offset, found: 1 })
    );
}

#[test]
fn another_payload_is_refused() {
    let entry = common::log(1, 0, 1)[0];
    let found = Hash::of(b"other");
    let expected = entry.header().payload_hash();
    let bound = entry.as_authentic().bind(b"other").map(|bound| bound.payload().len());
    assert_eq!(bound, Err(PayloadMismatch::Hash { expected, found }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_flipped_bit_is_refused(seed: [u8; 32], length in 1_usize..20, bit in 0_usize..8) {
        let log = common::log(seed[0], u64::from(seed[1]), length);
        let entry = log.last().unwrap();
        let header = *entry.header();
        for offset in 0..entry.as_bytes().len() {
            let mut bytes = entry.as_bytes().to_vec();
            bytes[offset] ^= 1 << bit;
            let taken = Entry::decode(&bytes).is_ok_and(|entry| entry.authenticate().is_ok());
            prop_assert!(!taken, "byte {offset} of {header:?}");
        }
    }

    #[test]
    fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let taken = Entry::decode(&bytes).is_ok_and(|entry| entry.authenticate().is_ok());
        prop_assert!(!taken);
    }
}

#[test]
fn ba3_entries_are_shown_in_lower_case_hex() {
    let entry = &common::log(1, 0, 1)[0];
    let text = entry.to_string();
    assert_eq!(text.len(), 2 * entry.as_bytes().len());
    assert!(text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')), "{text}");
    assert!(text.starts_with("00"), "the tag comes first");
}
