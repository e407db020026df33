//! Hashes, numbers and lipmaa links against the vectors.
#![allow(clippy::unwrap_used, reason = "a test")]

use pandan_bamboo::{Hash, HashError, lipmaa, varu64};
use proptest::prelude::*;

#[test]
fn ba2_hashes_numbers_and_links_are_those_of_the_vectors() {
    for file in ["hashes.json", "varu64.json", "lipmaa.json"] {
        pandan_testkit::vectors::assert_passes(file);
    }
}

#[test]
fn pn3_hash_errors_say_what_was_found() {
    let good = Hash::of(b"panda").encode();
    let mut algorithm = good;
    algorithm[0] = 1;
    let mut length = good;
    length[1] = 0x21;
    for (bytes, expected) in [
        (&good[..33], HashError::Length { expected: 34, found: 33 }),
        (&[], HashError::Length { expected: 34, found: 0 }),
        (&algorithm, HashError::Algorithm { found: 1 }),
        (&length, HashError::DigestLength { found: 0x21 }),
    ] {
        assert_eq!(Hash::decode(bytes), Err(expected));
    }
}

#[test]
fn lipmaa_of_zero_is_zero() {
    assert_eq!(lipmaa(0), 0);
}

proptest! {
    #[test]
    fn varu64_comes_back(number: u64, bits in 0_u32..64, tail: Vec<u8>) {
        let number = number >> bits;
        let mut encoded = varu64::encode(number).as_bytes().to_vec();
        encoded.extend(&tail);
        prop_assert_eq!(varu64::decode(&encoded), Ok((number, &tail[..])));
    }

    #[test]
    fn pn4_varu64_has_one_spelling(input in prop::collection::vec(any::<u8>(), 0..12)) {
        if let Ok((number, rest)) = varu64::decode(&input) {
            let encoded = varu64::encode(number);
            prop_assert_eq!([encoded.as_bytes(), rest].concat(), input);
        }
    }

    #[test]
    fn lipmaa_links_lead_back_and_never_cross(seq_num: u64, bits in 0_u32..64) {
        let seq_num = (seq_num >> bits).max(2);
        let target = lipmaa(seq_num);
        prop_assert!(target < seq_num);
        // The link of the entry right before may start where this one does, never before it.
        prop_assert!(lipmaa(seq_num - 1) >= target || seq_num - 1 == target);
    }
}
