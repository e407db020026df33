//! The public half, which names an author and verifies.

use core::fmt;
use core::str::FromStr;

use ed25519_dalek::VerifyingKey;
use thiserror::Error;

use crate::{HexError, Signature, SignatureError, hex};

/// Size of an encoded public key, in bytes.
pub const PUBLIC_KEY_LENGTH: usize = 32;

/// An acceptable Ed25519 public key: the canonical encoding of a curve point that is not of small
/// order.
///
/// Anybody can make signatures for a key of small order, and a key with two encodings would be two
/// authors; neither can become a value of this type (PN1). Keys are ordered by their bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; PUBLIC_KEY_LENGTH]);

impl PublicKey {
    /// Checks and takes over 32 bytes.
    pub fn from_bytes(bytes: &[u8; PUBLIC_KEY_LENGTH]) -> Result<Self, PublicKeyError> {
        decompress(bytes).map(|_| Self(*bytes))
    }

    /// Takes over bytes that came out of a [`PublicKey`] before, without the cost of checking them
    /// again: for reading back what one has stored oneself.
    ///
    /// Bytes that never were a key stay harmless: no signature verifies for them.
    #[must_use]
    pub const fn from_stored_bytes(bytes: [u8; PUBLIC_KEY_LENGTH]) -> Self {
        Self(bytes)
    }

    /// Checks a key and a signature made with it, decoding the key only once.
    ///
    /// The answer is that of [`PublicKey::from_bytes`] followed by [`PublicKey::verify`].
    pub fn from_signer(
        bytes: &[u8; PUBLIC_KEY_LENGTH],
        message: &[u8],
        signature: &Signature,
    ) -> Result<Self, SignatureError> {
        let key = decompress(bytes)?;
        signature.verify_strict(&key, message)?;
        Ok(Self(*bytes))
    }

    /// Verifies a signature over a message.
    ///
    /// The rule is the strict one of ed25519-dalek, one signature at a time: `s` below the group
    /// order, `R` neither of small order nor in a second encoding, no multiplication by the
    /// cofactor. So the answer is the same on every platform and whatever else is verified beside.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        signature.verify_strict(&decompress(&self.0)?, message)
    }

    /// The encoded key.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; PUBLIC_KEY_LENGTH] {
        &self.0
    }

    pub(crate) fn from_verifying_key(key: &VerifyingKey) -> Self {
        Self(key.to_bytes())
    }
}

fn decompress(bytes: &[u8; PUBLIC_KEY_LENGTH]) -> Result<VerifyingKey, PublicKeyError> {
    // The encoding is judged first, so that a small-order point in a second encoding is reported
    // as what everybody can see in its bytes.
    if !is_canonical(bytes) {
        return Err(PublicKeyError::NotCanonical);
    }
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| PublicKeyError::NotOnCurve)?;
    if key.is_weak() {
        return Err(PublicKeyError::SmallOrder);
    }
    Ok(key)
}

/// Whether y is below p = 2^255 - 19, and x = 0 comes without a sign bit (RFC 8032, 5.1.3).
fn is_canonical(bytes: &[u8; PUBLIC_KEY_LENGTH]) -> bool {
    let [first, middle @ .., last] = bytes;
    let y_is_reduced =
        last & 0x7f != 0x7f || middle.iter().any(|&byte| byte != 0xff) || *first < 0xed;
    // x = 0 holds for y = 1 and y = p - 1 only.
    let is_one = *first == 1 && middle.iter().all(|&byte| byte == 0) && last & 0x7f == 0;
    let is_minus_one =
        *first == 0xec && middle.iter().all(|&byte| byte == 0xff) && last & 0x7f == 0x7f;
    let negative_zero = (is_one || is_minus_one) && last & 0x80 != 0;
    y_is_reduced && !negative_zero
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        hex::write(f, self.0.first_chunk::<4>().map_or(&[], |head| head.as_slice()))?;
        f.write_str("…)")
    }
}

/// 64 lower case hex digits.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, &self.0)
    }
}

/// 64 hex digits of either case.
impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_bytes(&hex::decode(text)?)
    }
}

/// Bytes or text that are not an acceptable public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PublicKeyError {
    /// The text is not 64 hex digits.
    #[error("public key is not hexadecimal text")]
    Hex(#[from] HexError),
    /// The point has another, canonical encoding.
    #[error("public key is not in its canonical encoding")]
    NotCanonical,
    /// The bytes do not encode a point of the curve.
    #[error("public key is not a point of the curve")]
    NotOnCurve,
    /// Signatures for keys of small order can be made by anybody.
    #[error("public key is of small order")]
    SmallOrder,
}
