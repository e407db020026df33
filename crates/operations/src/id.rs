//! The names of operations and documents: hashes of entries.

use core::fmt;
use core::str::FromStr;

use pandan_bamboo::{EntryHash, HASH_LENGTH, Hash, HashError};

/// Names an operation: the hash of the entry which carries it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(Hash);

/// Names a document: the id of the CREATE operation it began with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentId(OperationId);

impl OperationId {
    /// The operation in the entry with this hash.
    #[must_use]
    pub const fn from_hash(hash: Hash) -> Self {
        Self(hash)
    }

    /// The hash of the entry.
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

impl DocumentId {
    /// The document that begins in the entry with this hash.
    #[must_use]
    pub const fn from_hash(hash: Hash) -> Self {
        Self(OperationId::from_hash(hash))
    }

    /// The hash of the entry of its CREATE.
    #[must_use]
    pub const fn as_hash(&self) -> &Hash {
        self.0.as_hash()
    }

    /// The id of its CREATE.
    #[must_use]
    pub const fn as_operation_id(&self) -> &OperationId {
        &self.0
    }

    /// Decodes exactly 34 bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, HashError> {
        OperationId::decode(bytes).map(Self)
    }

    /// Encodes to 34 bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; HASH_LENGTH] {
        self.0.encode()
    }
}

impl From<Hash> for OperationId {
    fn from(hash: Hash) -> Self {
        Self::from_hash(hash)
    }
}

impl From<OperationId> for Hash {
    fn from(id: OperationId) -> Self {
        id.0
    }
}

/// The operation in this entry.
impl From<EntryHash> for OperationId {
    fn from(hash: EntryHash) -> Self {
        Self(*hash.as_hash())
    }
}

impl From<OperationId> for EntryHash {
    fn from(id: OperationId) -> Self {
        Self::from_hash(id.0)
    }
}

/// The document which this operation creates; only a CREATE does.
impl From<OperationId> for DocumentId {
    fn from(id: OperationId) -> Self {
        Self(id)
    }
}

impl From<DocumentId> for OperationId {
    fn from(id: DocumentId) -> Self {
        id.0
    }
}

impl From<Hash> for DocumentId {
    fn from(hash: Hash) -> Self {
        Self::from_hash(hash)
    }
}

impl From<DocumentId> for Hash {
    fn from(id: DocumentId) -> Self {
        id.0.into()
    }
}

impl fmt::Debug for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(f, "OperationId", &self.0)
    }
}

impl fmt::Debug for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(f, "DocumentId", self.as_hash())
    }
}

/// 68 lower case hex digits.
impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// 68 lower case hex digits.
impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// 68 hex digits of either case.
impl FromStr for OperationId {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// 68 hex digits of either case.
impl FromStr for DocumentId {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// The first four bytes tell ids apart and are all that a log line needs.
fn debug(f: &mut fmt::Formatter<'_>, name: &str, hash: &Hash) -> fmt::Result {
    write!(f, "{name}(")?;
    let head = hash.digest().first_chunk::<4>();
    pandan_identity::hex::write(f, head.map_or(&[], |head| head.as_slice()))?;
    f.write_str("…)")
}
