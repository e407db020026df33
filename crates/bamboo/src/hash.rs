//! YASMF hashes (BA2): an algorithm number, a length and a digest, in one spelling (PN3).
//!
//! ```text
//! offset 0   1   2                34
//!        ┌───┬───┬────────────────┐
//!        │ 00│ 20│ BLAKE3 digest  │
//!        └───┴───┴────────────────┘
//! ```
//!
//! The first two bytes are always the same, so that only the digest is kept in memory.

use core::fmt;
use core::str::FromStr;

use pandan_identity::{HexError, hex};
use thiserror::Error;

/// Size of a digest, in bytes.
pub const DIGEST_LENGTH: usize = 32;

/// Size of an encoded hash, in bytes.
pub const HASH_LENGTH: usize = 34;

/// Number of hex digits in the text of a hash.
pub const HASH_TEXT_LENGTH: usize = 68;

/// Algorithm number of BLAKE3 and length of its digest, both as one-byte varu64.
const PREFIX: [u8; 2] = [0x00, 0x20];
const PREFIX_TEXT: &str = "0020";

/// The BLAKE3 hash of some bytes, in its YASMF form of 34 bytes.
///
/// Hashes are ordered by their bytes, which is also the order of their texts.
///
/// ```
/// use pandan_bamboo::Hash;
///
/// let hash = Hash::of(b"");
/// assert_eq!(
///     hash.to_string(),
///     "0020af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
/// );
/// assert_eq!(hash.to_string().parse(), Ok(hash));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; DIGEST_LENGTH]);

impl Hash {
    /// Hashes bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The hash with this digest.
    #[must_use]
    pub const fn from_digest(digest: [u8; DIGEST_LENGTH]) -> Self {
        Self(digest)
    }

    /// The digest without the two bytes before it.
    #[must_use]
    pub const fn digest(&self) -> &[u8; DIGEST_LENGTH] {
        &self.0
    }

    /// Decodes exactly 34 bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, HashError> {
        let found = bytes.len();
        let bytes: &[u8; HASH_LENGTH] =
            bytes.try_into().map_err(|_| HashError::Length { expected: HASH_LENGTH, found })?;
        let &[algorithm, length, ref digest @ ..] = bytes;
        if algorithm != PREFIX[0] {
            return Err(HashError::Algorithm { found: algorithm });
        }
        if length != PREFIX[1] {
            return Err(HashError::DigestLength { found: length });
        }
        Ok(Self(*digest))
    }

    /// Encodes to 34 bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; HASH_LENGTH] {
        let mut bytes = [0; HASH_LENGTH];
        let (prefix, digest) = bytes.split_at_mut(PREFIX.len());
        prefix.copy_from_slice(&PREFIX);
        digest.copy_from_slice(&self.0);
        bytes
    }

    /// Reads the text as it stands in signed data: 68 hex digits in lower case.
    ///
    /// [`FromStr`] takes upper case as well and is meant for input from people.
    pub fn parse_canonical(text: &str) -> Result<Self, HashError> {
        match text.bytes().position(|byte| byte.is_ascii_uppercase()) {
            Some(offset) => Err(HashError::UpperCase { offset }),
            None => text.parse(),
        }
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(")?;
        hex::write(f, self.0.first_chunk::<4>().map_or(&[], |head| head.as_slice()))?;
        f.write_str("…)")
    }
}

/// 68 lower case hex digits.
impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX_TEXT)?;
        hex::write(f, &self.0)
    }
}

/// 68 hex digits of either case.
impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::decode(&hex::decode::<HASH_LENGTH>(text)?)
    }
}

/// Bytes or text that are not a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HashError {
    /// Wrong number of bytes.
    #[error("expected a hash of {expected} bytes, found {found}")]
    Length {
        /// Size of a hash.
        expected: usize,
        /// Number of bytes found.
        found: usize,
    },
    /// The first byte names another algorithm than BLAKE3.
    #[error("expected hash algorithm 0 (BLAKE3), found {found}")]
    Algorithm {
        /// The byte found.
        found: u8,
    },
    /// The second byte claims another length of digest.
    #[error("expected a digest length of 32, found {found}")]
    DigestLength {
        /// The byte found.
        found: u8,
    },
    /// Signed data spells hashes in lower case only.
    #[error("expected a hash in lower case, found an upper case letter at offset {offset}")]
    UpperCase {
        /// Offset into the text, in bytes.
        offset: usize,
    },
    /// The text is not hexadecimal.
    #[error("hash is not hexadecimal text")]
    Hex(#[from] HexError),
}
