//! The hash that names an entry.

use core::fmt;
use core::str::FromStr;

use crate::{HASH_LENGTH, Hash, HashError};

/// The hash of all bytes of an entry, signature included: its name, to which links point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryHash(Hash);

impl EntryHash {
    /// The entry with this hash.
    #[must_use]
    pub const fn from_hash(hash: Hash) -> Self {
        Self(hash)
    }

    /// The hash.
    #[must_use]
    pub const fn as_hash(&self) -> &Hash {
        &self.0
    }

    /// Decodes exactly 34 bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, HashError> {
        Hash::decode(bytes).map(Self)
    }

    /// Encodes to 34 bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; HASH_LENGTH] {
        self.0.encode()
    }
}

impl From<EntryHash> for Hash {
    fn from(hash: EntryHash) -> Self {
        hash.0
    }
}

impl fmt::Debug for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entry")?;
        fmt::Debug::fmt(&self.0, f)
    }
}

/// 68 lower case hex digits.
impl fmt::Display for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// 68 hex digits of either case.
impl FromStr for EntryHash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}
