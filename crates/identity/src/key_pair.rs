//! The secret half, which signs.

use core::fmt;

use ed25519_dalek::{Signer, SigningKey};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{HexError, PublicKey, Signature, hex};

/// Size of the secret seed of a key pair, in bytes (RFC 8032, 5.1.5).
pub const SEED_LENGTH: usize = 32;

/// An Ed25519 key pair (KY1): the seed that is kept secret, and the public key that follows from it.
///
/// The seed is wiped from memory on drop and never shown by `Debug`.
///
/// ```
/// use pandan_identity::KeyPair;
///
/// let key_pair = KeyPair::from_seed(&[7; 32]);
/// let signature = key_pair.sign(b"hello");
/// assert!(key_pair.public_key().verify(b"hello", &signature).is_ok());
/// assert!(key_pair.public_key().verify(b"hullo", &signature).is_err());
/// ```
#[derive(Clone)]
pub struct KeyPair {
    // `SigningKey` zeroizes itself on drop.
    signing_key: SigningKey,
}

impl KeyPair {
    /// Draws a new key pair from the given source of randomness.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut seed = Zeroizing::new([0; SEED_LENGTH]);
        rng.fill_bytes(seed.as_mut());
        Self::from_seed(&seed)
    }

    /// The key pair of a seed; any 32 bytes are one.
    #[must_use]
    pub fn from_seed(seed: &[u8; SEED_LENGTH]) -> Self {
        Self { signing_key: SigningKey::from_bytes(seed) }
    }

    /// Reads the seed from 64 hex digits of either case.
    pub fn from_seed_hex(text: &str) -> Result<Self, HexError> {
        let seed = Zeroizing::new(hex::decode::<SEED_LENGTH>(text)?);
        Ok(Self::from_seed(&seed))
    }

    /// The secret seed; the copy wipes itself on drop.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<[u8; SEED_LENGTH]> {
        Zeroizing::new(self.signing_key.to_bytes())
    }

    /// The secret seed as 64 hex digits; the text wipes itself on drop.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn to_seed_hex(&self) -> Zeroizing<std::string::String> {
        // Room for the digits and a newline from the start: growing would leave copies behind.
        let capacity = SEED_LENGTH.saturating_mul(2).saturating_add(1);
        let mut text = Zeroizing::new(std::string::String::with_capacity(capacity));
        for byte in *self.seed() {
            for digit in [byte >> 4, byte & 0xf] {
                text.extend(char::from_digit(digit.into(), 16));
            }
        }
        text
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey::from_verifying_key(&self.signing_key.verifying_key())
    }

    /// Signs a message: plain Ed25519, deterministic (RFC 8032, 5.1.6).
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature::from_dalek(self.signing_key.sign(message))
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the seed.
        f.debug_struct("KeyPair").field("public_key", &self.public_key()).finish_non_exhaustive()
    }
}
