//! Key pairs, public keys and signatures against the vectors.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::convert::Infallible;

use pandan_identity::{HexError, KeyPair, PublicKey, Signature, SignatureError};
use proptest::prelude::*;

#[test]
fn ky1_keys_and_signatures_are_those_of_the_vectors() {
    pandan_testkit::vectors::assert_passes("keys.json");
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
