//! A Bamboo entry (BA1): its bytes, and how far they are to be trusted.
//!
//! ```text
//! tag            1 byte    00, or 01 for the end of the log
//! public key    32 bytes
//! log id       1–9 bytes   varu64
//! seq num      1–9 bytes   varu64, from 1
//! skiplink      34 bytes   only if lipmaa(seq num) is not seq num − 1
//! backlink      34 bytes   only if seq num > 1
//! payload size 1–9 bytes   varu64
//! payload hash  34 bytes
//! signature     64 bytes   over everything before it
//! ```
//!
//! Each stage of trust is a type that consumes the one before it:
//!
//! ```text
//! &[u8] ─decode─▶ Entry ─authenticate─▶ AuthenticEntry ─bind─▶ BoundEntry ─verify_links─▶ VerifiedEntry
//!               well formed          signature holds        payload matches          links match the log
//! ```

use pandan_identity::{PUBLIC_KEY_LENGTH, PublicKey, SIGNATURE_LENGTH, Signature, SignatureError};

use crate::decode_entry::{self, DecodeEntryError};
use crate::{EncodedEntry, EntryHash, Hash, Links, LogId, SeqNum};

/// What an entry says of itself; nothing of it is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    pub(crate) is_end_of_log: bool,
    pub(crate) public_key: [u8; PUBLIC_KEY_LENGTH],
    pub(crate) log_id: LogId,
    pub(crate) seq_num: SeqNum,
    pub(crate) links: Links,
    pub(crate) payload_size: u64,
    pub(crate) payload_hash: Hash,
    pub(crate) signature: Signature,
}

impl Claims {
    /// Whether the entry says that nothing follows it (tag `01`).
    #[must_use]
    pub const fn is_end_of_log(&self) -> bool {
        self.is_end_of_log
    }

    /// The bytes in the place of the author's public key; whether they are one shows in
    /// [`Entry::authenticate`].
    #[must_use]
    pub const fn public_key_bytes(&self) -> &[u8; PUBLIC_KEY_LENGTH] {
        &self.public_key
    }

    /// The log.
    #[must_use]
    pub const fn log_id(&self) -> LogId {
        self.log_id
    }

    /// The place in the log.
    #[must_use]
    pub const fn seq_num(&self) -> SeqNum {
        self.seq_num
    }

    /// The links to earlier entries.
    #[must_use]
    pub const fn links(&self) -> Links {
        self.links
    }

    /// The size of the payload in bytes.
    #[must_use]
    pub const fn payload_size(&self) -> u64 {
        self.payload_size
    }

    /// The hash of the payload.
    #[must_use]
    pub const fn payload_hash(&self) -> Hash {
        self.payload_hash
    }

    /// The signature.
    #[must_use]
    pub const fn signature(&self) -> Signature {
        self.signature
    }
}

/// A well-formed entry. Who wrote it is not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Entry<'a> {
    bytes: &'a [u8],
    claims: Claims,
}

impl<'a> Entry<'a> {
    /// Decodes an entry that takes up all of `bytes`, without copying it.
    ///
    /// Neither the public key nor the signature is looked at.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeEntryError> {
        decode_entry::decode(bytes).map(|claims| Self { bytes, claims })
    }

    /// What the entry says of itself.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The encoded entry.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Checks public key and signature.
    pub fn authenticate(self) -> Result<AuthenticEntry<'a>, SignatureError> {
        let message_length = self.bytes.len().saturating_sub(SIGNATURE_LENGTH);
        let message = self.bytes.get(..message_length).unwrap_or_default();
        PublicKey::from_signer(&self.claims.public_key, message, &self.claims.signature)?;
        Ok(self.trust_stored())
    }

    /// Takes the signature for checked: **only** for reading back what one's own store got as an
    /// [`AuthenticEntry`] before.
    ///
    /// Everywhere else this is forgery with open eyes; use [`Entry::authenticate`].
    pub fn trust_stored(self) -> AuthenticEntry<'a> {
        let hash = EntryHash::from_hash(Hash::of(self.bytes));
        AuthenticEntry { bytes: self.bytes, header: Header { hash, claims: self.claims } }
    }
}

/// The facts of an authentic entry: small, without its bytes.
///
/// There is no way to one but through [`Entry::authenticate`] (or [`Entry::trust_stored`]) and
/// through forging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    hash: EntryHash,
    claims: Claims,
}

impl Header {
    /// For entries that were just signed.
    pub(crate) const fn of_forged(hash: EntryHash, claims: Claims) -> Self {
        Self { hash, claims }
    }

    /// The hash of the whole entry, its name.
    #[must_use]
    pub const fn hash(&self) -> EntryHash {
        self.hash
    }

    /// Who wrote it.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey {
        // The bytes were checked together with the signature.
        PublicKey::from_stored_bytes(self.claims.public_key)
    }

    /// The log.
    #[must_use]
    pub const fn log_id(&self) -> LogId {
        self.claims.log_id
    }

    /// The place in the log.
    #[must_use]
    pub const fn seq_num(&self) -> SeqNum {
        self.claims.seq_num
    }

    /// The links to earlier entries.
    #[must_use]
    pub const fn links(&self) -> Links {
        self.claims.links
    }

    /// The size of the payload in bytes.
    #[must_use]
    pub const fn payload_size(&self) -> u64 {
        self.claims.payload_size
    }

    /// The hash of the payload.
    #[must_use]
    pub const fn payload_hash(&self) -> Hash {
        self.claims.payload_hash
    }

    /// Whether nothing may follow.
    #[must_use]
    pub const fn is_end_of_log(&self) -> bool {
        self.claims.is_end_of_log
    }

    /// The signature.
    #[must_use]
    pub const fn signature(&self) -> Signature {
        self.claims.signature
    }
}

/// An entry whose signature holds: its author wrote just these bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct AuthenticEntry<'a> {
    bytes: &'a [u8],
    header: Header,
}

impl<'a> AuthenticEntry<'a> {
    /// For entries that were just signed, or kept since.
    pub(crate) const fn of_encoded(bytes: &'a [u8], header: Header) -> Self {
        Self { bytes, header }
    }

    /// The facts.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The encoded entry.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// A copy of its own.
    pub fn to_encoded(&self) -> EncodedEntry {
        EncodedEntry::of_authentic(self)
    }

    /// Checks that this is the payload to which the entry commits.
    pub fn bind(self, payload: &'a [u8]) -> Result<BoundEntry<'a>, PayloadMismatch> {
        check_payload(&self.header, payload)?;
        Ok(BoundEntry { entry: self, payload })
    }
}

/// An authentic entry together with its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct BoundEntry<'a> {
    entry: AuthenticEntry<'a>,
    payload: &'a [u8],
}

impl<'a> BoundEntry<'a> {
    /// The entry.
    pub const fn entry(&self) -> &AuthenticEntry<'a> {
        &self.entry
    }

    /// The facts of the entry.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.entry.header
    }

    /// The payload.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

fn check_payload(header: &Header, payload: &[u8]) -> Result<(), PayloadMismatch> {
    let (expected, found) = (header.payload_hash(), Hash::of(payload));
    if expected != found {
        return Err(PayloadMismatch::Hash { expected, found });
    }
    let (expected, found) = (header.payload_size(), payload.len());
    if u64::try_from(found) != Ok(expected) {
        return Err(PayloadMismatch::Size { expected, found });
    }
    Ok(())
}

/// A payload that is not the one to which an entry commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadMismatch {
    /// Other bytes.
    #[error("expected a payload with hash {expected}, found {found}")]
    Hash {
        /// The hash in the entry.
        expected: Hash,
        /// The hash of the payload.
        found: Hash,
    },
    /// The right bytes, but the entry claims another size.
    #[error("expected a payload of {expected} bytes, found {found}")]
    Size {
        /// The size in the entry.
        expected: u64,
        /// The size of the payload.
        found: usize,
    },
}
