//! What the head of a log says about the whole of it, in 32 bytes, for comparing sets of logs.

use core::fmt;

use pandan_identity::hex;

use crate::{EntryHash, SeqNum};

/// Context of BLAKE3's key derivation for the state of a frozen log.
const FROZEN_CONTEXT: &str = "pandan 2 frozen log";

/// Context for the key with which states are shortened.
const STATE_CONTEXT: &str = "pandan 2 state";

/// Length of a [`Salt`] in bytes.
pub const SALT_LENGTH: usize = 16;

/// Length of a salted state or fingerprint in bytes.
pub const SHORT_LENGTH: usize = 8;

/// Random bytes which one side of a comparison chooses anew each time (RE2), so that nobody can
/// prepare sets whose short fingerprints are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt([u8; SALT_LENGTH]);

impl Salt {
    /// Takes over random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; SALT_LENGTH]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; SALT_LENGTH] {
        &self.0
    }

    /// The key for a purpose.
    pub(crate) fn key(&self, context: &str) -> [u8; 32] {
        blake3::derive_key(context, &self.0)
    }
}

/// The state of a log: equal for two nodes exactly if they have the same log, up to the same
/// entry, and know the same of its fork (RE1).
///
/// The hash of an entry covers its author, its log, its place and, through the backlinks,
/// everything before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeadState([u8; 32]);

impl HeadState {
    /// The state of a log without a fork: the digest of its latest entry.
    #[must_use]
    pub const fn of_line(head: EntryHash) -> Self {
        Self(*head.as_hash().digest())
    }

    /// The state of a log that is frozen from the sequence number `fork` on, of which `head` is
    /// the latest entry below, and `entries` are those of the proof, in any order.
    #[must_use]
    pub fn of_frozen(head: Option<EntryHash>, fork: SeqNum, entries: [EntryHash; 2]) -> Self {
        let [one, other] = entries;
        let (first, second) = if one < other { (one, other) } else { (other, one) };
        let head = head.map_or([0; 32], |head| *head.as_hash().digest());
        let mut hasher = blake3::Hasher::new_derive_key(FROZEN_CONTEXT);
        hasher.update(&head).update(&fork.number().to_be_bytes());
        hasher.update(first.as_hash().digest()).update(second.as_hash().digest());
        Self(*hasher.finalize().as_bytes())
    }

    /// A state as it was stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The state in the eight bytes that go over the wire.
    #[must_use]
    pub fn salted(&self, salt: &Salt) -> SaltedState {
        let hash = blake3::keyed_hash(&salt.key(STATE_CONTEXT), &self.0);
        SaltedState(shorten(hash.as_bytes()))
    }
}

/// The first bytes of a hash.
pub(crate) fn shorten(hash: &[u8; 32]) -> [u8; SHORT_LENGTH] {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    [a, b, c, d, e, f, g, h]
}

impl fmt::Debug for HeadState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeadState(")?;
        hex::write(f, &shorten(&self.0))?;
        f.write_str("…)")
    }
}

/// A [`HeadState`] under the salt of one comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SaltedState([u8; SHORT_LENGTH]);

impl SaltedState {
    /// What somebody else claims.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; SHORT_LENGTH]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; SHORT_LENGTH] {
        &self.0
    }
}
