//! Fork proofs.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use pandan_bamboo::limits::MAX_FORK_PROOF_LENGTH;
use pandan_bamboo::{DecodeForkProofError, EncodedEntry, ForkProof, LogId, NextArgs, NotAFork};
use pandan_identity::KeyPair;
use proptest::prelude::*;

fn entry(seed: u8, log_id: u64, payload: &[u8]) -> EncodedEntry {
    NextArgs::first(LogId::new(log_id)).forge(&KeyPair::from_seed(&[seed; 32]), payload)
}

fn prove(one: &EncodedEntry, other: &EncodedEntry) -> Result<ForkProof, NotAFork> {
    ForkProof::new(&one.as_authentic(), &other.as_authentic())
}

fn encode(proof: &ForkProof) -> Vec<u8> {
    proof.encode(&mut [0; MAX_FORK_PROOF_LENGTH]).to_vec()
}

#[test]
fn entries_that_fit_together_are_no_fork() {
    let one = entry(1, 0, b"one");
    let next = NextArgs::after(one.header(), None).unwrap();
    let next = next.forge(&KeyPair::from_seed(&[1; 32]), b"next");
    assert!(matches!(prove(&one, &one), Err(NotAFork::OneEntry { .. })));
    assert!(matches!(prove(&one, &entry(2, 0, b"one")), Err(NotAFork::TwoAuthors { .. })));
    assert!(matches!(prove(&one, &entry(1, 1, b"one")), Err(NotAFork::TwoLogs { .. })));
    assert!(matches!(prove(&one, &next), Err(NotAFork::TwoPlaces { .. })));
}

#[test]
fn a_proof_has_one_encoding() {
    let (one, other) = (entry(1, 0, b"one"), entry(1, 0, b"other"));
    let proof = prove(&one, &other).unwrap();
    let bytes = encode(&proof);
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let swapped = [second, first].concat();
    assert_eq!(ForkProof::decode(&swapped), Err(DecodeForkProofError::Order));
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(
        ForkProof::decode(&longer),
        Err(DecodeForkProofError::TrailingBytes { offset: bytes.len(), found: 1 })
    );
    let twice = [first, first].concat();
    assert!(matches!(ForkProof::decode(&twice), Err(DecodeForkProofError::NotAFork(_))));
    for length in 0..bytes.len() {
        assert!(ForkProof::decode(&bytes[..length]).is_err());
    }
}

#[test]
fn a_changed_proof_is_refused() {
    let proof = prove(&entry(1, 0, b"one"), &entry(1, 0, b"other")).unwrap();
    let good = encode(&proof);
    for offset in 0..good.len() {
        let mut bytes = good.clone();
        bytes[offset] ^= 0x10;
        assert!(ForkProof::decode(&bytes).is_err(), "offset {offset}");
    }
}

#[test]
fn proofs_about_other_logs_change_nothing() {
    let of =
        |seed, log_id| prove(&entry(seed, log_id, b"one"), &entry(seed, log_id, b"other")).unwrap();
    assert_eq!(of(1, 0).joined(&of(1, 1)), of(1, 0));
    assert_eq!(of(1, 0).joined(&of(2, 0)), of(1, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn pn10_two_entries_for_one_place_make_a_proof(
        seed: u8, log_id: u64, length in 0_usize..15, one: Vec<u8>, other: Vec<u8>,
    ) {
        prop_assume!(one != other);
        let key_pair = KeyPair::from_seed(&[seed; 32]);
        let log = common::log(seed, log_id, length);
        let args = common::next_args(&log, log_id);
        let (one, other) = (args.forge(&key_pair, &one), args.forge(&key_pair, &other));

        let proof = prove(&one, &other).unwrap();
        prop_assert_eq!(proof, prove(&other, &one).unwrap());
        prop_assert_eq!(proof.public_key(), key_pair.public_key());
        prop_assert_eq!((proof.log_id(), proof.seq_num()), (LogId::new(log_id), args.seq_num()));
        prop_assert_eq!(ForkProof::decode(&encode(&proof)), Ok(proof));
    }

    #[test]
    fn the_end_of_a_log_and_going_on_are_a_fork(payload: Vec<u8>) {
        let key_pair = KeyPair::from_seed(&[1; 32]);
        let args = NextArgs::first(LogId::new(0));
        let (on, end) =
            (args.forge(&key_pair, &payload), args.forge_end_of_log(&key_pair, &payload));
        prop_assert!(prove(&on, &end).is_ok());
    }

    #[test]
    fn pn30_the_proof_that_counts_is_the_earliest_with_the_lowest_hashes(
        places in prop::collection::vec((0..3_usize, 0..4_u8), 2..8), seed: u64,
    ) {
        let key_pair = KeyPair::from_seed(&[1; 32]);
        let log = common::log(1, 0, 3);
        let entries: Vec<_> = places
            .iter()
            .map(|&(place, payload)| {
                common::next_args(&log[..place], 0).forge(&key_pair, &[payload])
            })
            .collect();
        let pairs = entries.iter().flat_map(|one| entries.iter().map(move |other| (one, other)));
        let mut proofs: Vec<_> = pairs.filter_map(|(one, other)| prove(one, other).ok()).collect();
        prop_assume!(!proofs.is_empty());
        let place = proofs.iter().map(ForkProof::seq_num).min().unwrap();
        let mut hashes: Vec<_> = entries
            .iter()
            .filter(|entry| entry.header().seq_num() == place)
            .map(EncodedEntry::hash)
            .collect();
        hashes.sort_unstable();
        hashes.dedup();
        let start = usize::try_from(seed).unwrap_or(0) % proofs.len();
        proofs.rotate_left(start);
        let found = proofs[1..].iter().fold(proofs[0], |found, proof| found.joined(proof));
        prop_assert_eq!(found.seq_num(), place);
        prop_assert_eq!(&found.entries().map(EncodedEntry::hash)[..], &hashes[..2]);
        prop_assert_eq!(ForkProof::decode(&encode(&found)), Ok(found));
        let any = proofs.iter().find(|proof| proof.seq_num() == place).expect("there is one");
        let found = entries.iter().fold(*any, |found, entry| found.joined_with(entry));
        prop_assert_eq!(&found.entries().map(EncodedEntry::hash)[..], &hashes[..2]);
    }
}
