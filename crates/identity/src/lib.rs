#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

#[cfg(feature = "std")]
extern crate std;

pub mod hex;
#[cfg(feature = "std")]
mod key_file;
mod key_pair;
#[cfg(feature = "std")]
pub mod limits;
#[cfg(feature = "std")]
mod pem;
mod public_key;
mod signature;

pub use hex::HexError;
#[cfg(feature = "std")]
pub use key_file::{KeyFile, KeyFileError, KeyFormat};
pub use key_pair::{KeyPair, SEED_LENGTH};
#[cfg(feature = "std")]
pub use pem::PemError;
pub use public_key::{PUBLIC_KEY_LENGTH, PublicKey, PublicKeyError};
pub use signature::{SIGNATURE_LENGTH, Signature, SignatureError};
