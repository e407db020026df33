//! Hashes, numbers and lipmaa links against the vectors.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{bytes, cases, number, text, vectors};
use pandan_bamboo::varu64::VarU64Error;
use pandan_bamboo::{Hash, HashError, SeqNum, lipmaa, varu64};
use proptest::prelude::*;

#[test]
fn ba2_hashes_agree_with_the_vectors() {
    for case in cases(&vectors("hashes.json"), "hashes") {
        let hash = Hash::of(&bytes(case, "input"));
        assert_eq!(hash.to_string(), text(case, "hash"));
        assert_eq!(hash.encode().to_vec(), bytes(case, "hash"));
        assert_eq!(Hash::decode(&hash.encode()), Ok(hash));
    }
}

#[test]
fn ba2_hash_texts_are_taken_or_refused() {
    for case in cases(&vectors("hashes.json"), "texts") {
        let what = text(case, "what");
        let parsed = text(case, "text").parse::<Hash>();
        // Stricter than the vectors in one point: the length byte must be 0x20.
        let valid = case["valid"] == true && text(case, "bytes").starts_with("0020");
        assert_eq!(parsed.is_ok(), valid, "{what}: {parsed:?}");
        if let Ok(hash) = parsed {
            assert_eq!(hash.to_string(), text(case, "bytes"), "{what}");
            let is_lower_case = text(case, "text") == text(case, "bytes");
            assert_eq!(Hash::parse_canonical(text(case, "text")).is_ok(), is_lower_case, "{what}");
        }
    }
}

#[test]
fn hash_errors_say_what_was_found() {
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
fn varu64_agrees_with_the_vectors() {
    let vectors = vectors("varu64.json");
    for case in cases(&vectors, "valid") {
        let (number, encoded) = (number(case, "number"), bytes(case, "encoded"));
        assert_eq!(varu64::encode(number).as_bytes(), encoded);
        assert_eq!(varu64::encoded_length(number), encoded.len());
        assert_eq!(varu64::decode(&encoded), Ok((number, &[][..])));
    }
    for case in cases(&vectors, "with_tail") {
        let (input, rest) = (bytes(case, "input"), bytes(case, "rest"));
        assert_eq!(varu64::decode(&input), Ok((number(case, "number"), &rest[..])));
    }
    for case in cases(&vectors, "invalid") {
        let error = varu64::decode(&bytes(case, "input")).unwrap_err();
        let word = match error {
            VarU64Error::Truncated { .. } => "end-of-input",
            VarU64Error::NotShortest { .. } => "non-canonical",
            _ => "other",
        };
        assert_eq!(word, text(case, "error"), "{case}");
    }
}

#[test]
fn lipmaa_agrees_with_the_vectors() {
    let vectors = vectors("lipmaa.json");
    for case in cases(&vectors, "numbers") {
        let seq_num = number(case, "seq_num");
        assert_eq!(lipmaa(seq_num), number(case, "lipmaa"), "{case}");
        let skiplink = SeqNum::new(seq_num).unwrap().skiplink();
        assert_eq!(skiplink.is_some(), case["skiplink_required"] == true, "{case}");
    }
    for case in cases(&vectors, "paths") {
        let mut at = number(case, "from");
        for step in case["path"].as_array().unwrap() {
            at = lipmaa(at);
            assert_eq!(at.to_string(), step.as_str().unwrap(), "{case}");
        }
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
    fn varu64_has_one_spelling(input in prop::collection::vec(any::<u8>(), 0..12)) {
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
