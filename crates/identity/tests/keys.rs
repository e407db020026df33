//! Key pairs, public keys and signatures against the vectors.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::convert::Infallible;

use pandan_identity::{HexError, KeyPair, PublicKey, PublicKeyError, Signature, SignatureError};
use proptest::prelude::*;

#[test]
fn ky1_keys_and_signatures_are_those_of_the_vectors() {
    pandan_testkit::vectors::assert_passes("keys.json");
}

/// y of the neutral element, which is of small order, with and without the sign of x.
const ONE: [u8; 32] = {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes
};

#[test]
fn pn1_public_keys_have_one_encoding_and_a_large_order() {
    let mut negative_zero = ONE;
    negative_zero[31] = 0x80;
    // p + 1 is a second encoding of 1.
    let mut not_reduced = [0xff; 32];
    (not_reduced[0], not_reduced[31]) = (0xee, 0x7f);
    let mut no_point = [0; 32];
    no_point[0] = 2;
    for (bytes, expected) in [
        (ONE, PublicKeyError::SmallOrder),
        ([0; 32], PublicKeyError::SmallOrder),
        (negative_zero, PublicKeyError::NotCanonical),
        (not_reduced, PublicKeyError::NotCanonical),
        (no_point, PublicKeyError::NotOnCurve),
    ] {
        assert_eq!(PublicKey::from_bytes(&bytes), Err(expected), "{bytes:02x?}");
    }
}

#[test]
fn pn2_signatures_have_a_reduced_s_and_an_r_of_large_order() {
    let key_pair = KeyPair::from_seed(&[7; 32]);
    let (key, good) = (key_pair.public_key(), *key_pair.sign(b"panda").as_bytes());
    assert_eq!(key.verify(b"panda", &Signature::from_bytes(good)), Ok(()));
    // The order of the group, little endian: s + order is the same number to the equation.
    let order: [u16; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut malleable = good;
    let mut carry = 0;
    for (byte, add) in malleable[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + add + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    let mut small_r = good;
    small_r[..32].copy_from_slice(&ONE);
    let mut high_bits = good;
    high_bits[63] |= 0xe0;
    for bytes in [malleable, small_r, high_bits, [0; 64]] {
        let found = key.verify(b"panda", &Signature::from_bytes(bytes));
        assert_eq!(found, Err(SignatureError::Invalid), "{bytes:02x?}");
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
