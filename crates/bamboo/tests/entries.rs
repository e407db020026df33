//! Entries that the reference wrote: taken, and written alike.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{bytes, cases, number, optional_hash, text, vectors};
use pandan_bamboo::{
    DecodeEntryError, Entry, Hash, Header, Links, LogId, NextArgs, PayloadMismatch, SeqNum, forge,
    limits, varu64,
};
use pandan_identity::KeyPair;
use proptest::prelude::*;
use serde_json::Value;

/// Decodes, authenticates and binds an entry, and writes it again.
fn check_entry(case: &Value, key_pair: &KeyPair) -> Header {
    let (encoded, payload) = (bytes(case, "encoded"), bytes(case, "payload"));
    let entry = Entry::decode(&encoded).unwrap();
    let bound = entry.authenticate().unwrap().bind(&payload).unwrap();
    let header = *bound.header();

    assert_eq!(header.hash().to_string(), text(case, "hash"));
    assert_eq!(header.public_key().to_string(), text(case, "public_key"));
    assert_eq!(header.log_id().number(), number(case, "log_id"));
    assert_eq!(header.seq_num().number(), number(case, "seq_num"));
    assert_eq!(header.links().skiplink(), optional_hash(case, "skiplink"));
    assert_eq!(header.links().backlink(), optional_hash(case, "backlink"));
    assert_eq!(header.payload_size(), number(case, "payload_size"));
    assert_eq!(header.payload_hash().to_string(), text(case, "payload_hash"));
    assert_eq!(header.signature().to_string(), text(case, "signature"));
    assert_eq!(header.is_end_of_log(), case["end_of_log"] == true);
    assert_eq!(Entry::decode(&encoded).unwrap().trust_stored().header(), &header);
    assert_eq!(bound.entry().to_encoded().as_bytes(), encoded);

    let links = Links::new(
        header.seq_num(),
        optional_hash(case, "backlink"),
        optional_hash(case, "skiplink"),
    );
    let forged =
        forge(key_pair, header.log_id(), header.seq_num(), links.unwrap(), &payload).unwrap();
    assert_eq!(forged.as_bytes(), encoded);
    assert_eq!(forged.to_string(), text(case, "encoded"));
    assert_eq!(forged.header(), &header);
    header
}

#[test]
fn ba1_entries_of_the_reference_are_taken_and_written_alike() {
    for log in cases(&vectors("entries.json"), "logs") {
        let key_pair = KeyPair::from_seed_hex(text(log, "private_key")).unwrap();
        let mut headers: Vec<Header> = Vec::new();
        for case in cases(log, "entries") {
            let header = check_entry(case, &key_pair);
            let skiplink = header.seq_num().skiplink().map(|at| common::at(&headers, at.number()));
            let encoded = bytes(case, "encoded");
            let authentic = Entry::decode(&encoded).unwrap().authenticate().unwrap();
            let verified = authentic.verify_links(headers.last(), skiplink).unwrap();
            assert_eq!(verified.header(), &header);
            if let Some(tip) = headers.last() {
                let next = NextArgs::after(tip, skiplink.map(Header::hash)).unwrap();
                assert_eq!((next.seq_num(), next.links()), (header.seq_num(), header.links()));
            }
            headers.push(header);
        }
    }
}

#[test]
fn ba1_entries_far_into_a_log_are_taken_and_written_alike() {
    for case in cases(&vectors("entries.json"), "far") {
        let key_pair = KeyPair::from_seed_hex(text(case, "private_key")).unwrap();
        check_entry(case, &key_pair);
    }
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
