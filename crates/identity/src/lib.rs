//! Who signed it: Ed25519 key pairs, public keys and signatures.
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

#[cfg(feature = "std")]
extern crate std;

pub mod hex;
mod key_pair;
mod public_key;
mod signature;

pub use hex::HexError;
pub use key_pair::{KeyPair, SEED_LENGTH};
pub use public_key::{PUBLIC_KEY_LENGTH, PublicKey, PublicKeyError};
pub use signature::{SIGNATURE_LENGTH, Signature, SignatureError};
