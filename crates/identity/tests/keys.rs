//! Key pairs, public keys and signatures against the vectors.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::convert::Infallible;

use common::{bytes, cases, text, vectors};
use pandan_identity::{HexError, KeyPair, PublicKey, PublicKeyError, Signature, SignatureError};
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn ky1_key_pairs_sign_as_the_reference_does() {
    for case in cases(&vectors("keys.json"), "pairs") {
        let key_pair = KeyPair::from_seed_hex(text(case, "private_key")).unwrap();
        let public_key = key_pair.public_key();
        assert_eq!(public_key.to_string(), text(case, "public_key"));
        for signed in cases(case, "signatures") {
            let message = bytes(signed, "message");
            let signature = key_pair.sign(&message);
            assert_eq!(signature.to_string(), text(signed, "signature"));
            assert_eq!(public_key.verify(&message, &signature), Ok(()));
        }
    }
}

/// The verdict on a case, which every way to verify must share.
fn verify(case: &Value) -> Result<(), SignatureError> {
    let message = bytes(case, "message");
    let Ok(key) = <[u8; 32]>::try_from(bytes(case, "public_key")) else { panic!("{case}") };
    let Ok(signature) = <[u8; 64]>::try_from(bytes(case, "signature")) else {
        return Err(SignatureError::Invalid);
    };
    let signature = Signature::from_bytes(signature);
    let at_once = PublicKey::from_signer(&key, &message, &signature);
    let in_steps = PublicKey::from_bytes(&key)
        .map_err(SignatureError::from)
        .and_then(|key| key.verify(&message, &signature).map(|()| key));
    let stored = PublicKey::from_stored_bytes(key).verify(&message, &signature);
    assert_eq!(at_once, in_steps, "{case}");
    assert_eq!(at_once.map(drop), stored, "{case}");
    stored
}

#[test]
fn ky1_signatures_are_decided_upon_as_written() {
    for case in cases(&vectors("keys.json"), "verify") {
        assert_eq!(verify(case).is_ok(), case["decided"] == true, "{}", text(case, "what"));
    }
}

#[test]
fn small_order_and_second_encodings_are_refused_by_name() {
    for case in cases(&vectors("keys.json"), "public_keys") {
        let (what, parsed) = (text(case, "what"), text(case, "text").parse::<PublicKey>());
        let expected = match what {
            "lower case" | "upper case" => None,
            "not a point of the curve" => Some(PublicKeyError::NotOnCurve),
            what if what.starts_with("torsion point") => Some(PublicKeyError::SmallOrder),
            what if what.starts_with("y = ") => Some(PublicKeyError::NotCanonical),
            _ => {
                assert!(matches!(parsed, Err(PublicKeyError::Hex(_))), "{what}: {parsed:?}");
                continue;
            }
        };
        assert_eq!(parsed.err(), expected, "{what}");
        if let Ok(key) = parsed {
            assert_eq!(key.to_string(), text(case, "canonical"), "{what}");
        }
    }
}

#[test]
fn private_key_texts_are_taken_or_refused() {
    for case in cases(&vectors("keys.json"), "private_keys") {
        let key_pair = KeyPair::from_seed_hex(text(case, "text"));
        assert_eq!(key_pair.is_ok(), case["valid"] == true, "{}", text(case, "what"));
        if let Ok(key_pair) = key_pair {
            assert_eq!(key_pair.public_key().to_string(), text(case, "public_key"));
        }
    }
}

#[test]
fn hex_errors_say_where_and_what() {
    let digits = "0".repeat(64);
    for (text, expected) in [
        (digits[1..].to_owned(), HexError::Length { expected: 64, found: 63 }),
        (format!("{digits}0"), HexError::Length { expected: 64, found: 65 }),
        (digits.replacen('0', "g", 1), HexError::Digit { offset: 0, found: b'g' }),
        (format!("{}+", &digits[1..]), HexError::Digit { offset: 63, found: b'+' }),
        (format!("{}é", &digits[2..]), HexError::Digit { offset: 62, found: 0xc3 }),
    ] {
        assert_eq!(KeyPair::from_seed_hex(&text).unwrap_err(), expected);
        assert_eq!(text.parse::<PublicKey>(), Err(expected.into()));
    }
}

#[test]
fn debug_never_shows_the_secret() {
    let key_pair = KeyPair::from_seed(&[0xab; 32]);
    let shown = format!("{key_pair:?}");
    assert!(!shown.contains("abab") && !shown.contains("171"), "{shown}");
    assert!(shown.contains(&key_pair.public_key().to_string()[..8]), "{shown}");
}

/// A source of "randomness" that counts.
struct Counter(u8);

impl rand_core::TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("keys draw bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("keys draw bytes")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Counter {}

#[test]
fn a_generated_seed_is_what_the_given_source_gave() {
    let mut source = Counter(0);
    let first = KeyPair::generate(&mut source);
    let second = KeyPair::generate(&mut source);
    assert!(first.seed().iter().copied().eq(0..32));
    assert!(second.seed().iter().copied().eq(32..64));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn texts_come_back(seed: [u8; 32], message: Vec<u8>) {
        let key_pair = KeyPair::from_seed(&seed);
        let (public_key, signature) = (key_pair.public_key(), key_pair.sign(&message));
        prop_assert_eq!(public_key.to_string().parse(), Ok(public_key));
        prop_assert_eq!(public_key.to_string().to_uppercase().parse(), Ok(public_key));
        prop_assert_eq!(signature.to_string().parse(), Ok(signature));
        prop_assert_eq!(PublicKey::from_bytes(public_key.as_bytes()), Ok(public_key));
    }

    #[test]
    fn a_flipped_bit_breaks_a_signature(seed: [u8; 32], message: Vec<u8>, bit in 0_usize..512) {
        let key_pair = KeyPair::from_seed(&seed);
        let mut signature = *key_pair.sign(&message).as_bytes();
        signature[bit / 8] ^= 1 << (bit % 8);
        let signature = Signature::from_bytes(signature);
        prop_assert_eq!(
            key_pair.public_key().verify(&message, &signature),
            Err(SignatureError::Invalid)
        );
    }
}
