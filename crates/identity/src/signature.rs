//! Signatures and the one rule by which they are accepted (PN2).

use core::fmt;
use core::str::FromStr;

use ed25519_dalek::VerifyingKey;
use thiserror::Error;

use crate::{HexError, PublicKeyError, hex};

/// Size of a signature, in bytes.
pub const SIGNATURE_LENGTH: usize = 64;

/// An Ed25519 signature: `R` and `s`, not yet verified.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature([u8; SIGNATURE_LENGTH]);

impl Signature {
    /// Takes over 64 bytes; whether they are a valid signature shows in
    /// [`PublicKey::verify`](crate::PublicKey::verify).
    #[must_use]
    pub const fn from_bytes(bytes: [u8; SIGNATURE_LENGTH]) -> Self {
        Self(bytes)
    }

    /// The encoded signature.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; SIGNATURE_LENGTH] {
        &self.0
    }

    pub(crate) fn from_dalek(signature: ed25519_dalek::Signature) -> Self {
        Self(signature.to_bytes())
    }

    pub(crate) fn verify_strict(
        &self,
        key: &VerifyingKey,
        message: &[u8],
    ) -> Result<(), SignatureError> {
        let signature = ed25519_dalek::Signature::from_bytes(&self.0);
        key.verify_strict(message, &signature).map_err(|_| SignatureError::Invalid)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(")?;
        hex::write(f, self.0.first_chunk::<4>().map_or(&[], |head| head.as_slice()))?;
        f.write_str("…)")
    }
}

/// 128 lower case hex digits.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, &self.0)
    }
}

/// 128 hex digits of either case.
impl FromStr for Signature {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        hex::decode(text).map(Self)
    }
}

/// A signature that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The key could not have made any acceptable signature.
    #[error(transparent)]
    PublicKey(#[from] PublicKeyError),
    /// The signature is not one of this key over this message.
    #[error("signature does not match message and public key")]
    Invalid,
}
