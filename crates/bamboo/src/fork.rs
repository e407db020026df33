//! Fork proofs: two different entries by one author at one place of one log (PN10).
//!
//! ```text
//! length, entry, length, entry     lengths as varu64; the entry with the lower hash comes first
//! ```
//!
//! A log is a line. Who signs two entries for one place of it has broken it, and anybody who is
//! shown both can check that alone.

use core::cmp::Ordering;

use pandan_identity::{PublicKey, SignatureError};
use thiserror::Error;

use crate::decode_entry::DecodeEntryError;
use crate::entry::{AuthenticEntry, Entry, Header};
use crate::limits::MAX_FORK_PROOF_LENGTH;
use crate::varu64::{self, VarU64Error};
use crate::{EncodedEntry, EntryHash, LogId, SeqNum};

/// Two authentic entries that cannot be in one log.
///
/// The same two entries make the same proof, in whatever order they were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForkProof {
    /// The one with the lower hash.
    first: EncodedEntry,
    second: EncodedEntry,
}

impl ForkProof {
    /// Makes the proof of two entries, unless they can be in one log.
    pub fn new(one: &AuthenticEntry<'_>, other: &AuthenticEntry<'_>) -> Result<Self, NotAFork> {
        check_fork(one.header(), other.header())?;
        let (first, second) =
            if one.header().hash() < other.header().hash() { (one, other) } else { (other, one) };
        Ok(Self { first: first.to_encoded(), second: second.to_encoded() })
    }

    /// The author.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey {
        self.first.header().public_key()
    }

    /// The log.
    #[must_use]
    pub const fn log_id(&self) -> LogId {
        self.first.header().log_id()
    }

    /// The place where the log forks.
    #[must_use]
    pub const fn seq_num(&self) -> SeqNum {
        self.first.header().seq_num()
    }

    /// Both entries, the one with the lower hash first.
    pub const fn entries(&self) -> [&EncodedEntry; 2] {
        [&self.first, &self.second]
    }

    /// The proof that counts of two about one log (PN30): the one of the earlier place, and of one place
    /// that with the two lowest hashes. It is the same in whatever order proofs are brought
    /// together.
    ///
    /// A proof about another log changes nothing.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        if (self.public_key(), self.log_id()) != (other.public_key(), other.log_id()) {
            return *self;
        }
        match self.seq_num().cmp(&other.seq_num()) {
            Ordering::Less => *self,
            Ordering::Greater => *other,
            Ordering::Equal => self.with_lowest(other),
        }
    }

    /// The proof that counts when one more entry of the log is known (PN30).
    ///
    /// An entry at another place changes nothing.
    #[must_use]
    pub fn joined_with(&self, entry: &EncodedEntry) -> Self {
        let proof = Self::new(&self.first.as_authentic(), &entry.as_authentic());
        proof.map_or(*self, |proof| self.joined(&proof))
    }

    /// Of both proofs, which are of one place, the two entries with the lowest hashes.
    fn with_lowest(&self, other: &Self) -> Self {
        let (low, high) =
            if other.first.hash() < self.first.hash() { (other, self) } else { (self, other) };
        // Behind the lowest of all come the second one beside it and the lowest one of the others.
        let first_of_others = (low.first.hash() != high.first.hash()).then_some(high.first);
        let others = [Some(low.second), first_of_others, Some(high.second)];
        let second = others.into_iter().flatten().min_by_key(EncodedEntry::hash);
        Self { first: low.first, second: second.unwrap_or(low.second) }
    }

    /// Encodes the proof into a buffer; gives the part of it that was written.
    pub fn encode<'b>(&self, buffer: &'b mut [u8; MAX_FORK_PROOF_LENGTH]) -> &'b [u8] {
        let mut length = 0;
        for entry in self.entries().map(EncodedEntry::as_bytes) {
            // Sizes of entries fit into 64 bits by far.
            let size = varu64::encode(u64::try_from(entry.len()).unwrap_or(u64::MAX));
            let bytes = size.as_bytes().iter().chain(entry);
            let free = buffer.iter_mut().skip(length);
            length = length.saturating_add(free.zip(bytes).map(|(to, from)| *to = *from).count());
        }
        buffer.get(..length).unwrap_or(buffer)
    }

    /// Decodes a proof that takes up all of `bytes`, and verifies it.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeForkProofError> {
        let (first, rest) = decode_entry(bytes, 0)?;
        let (second, rest) = decode_entry(rest, bytes.len().saturating_sub(rest.len()))?;
        if !rest.is_empty() {
            let offset = bytes.len().saturating_sub(rest.len());
            return Err(DecodeForkProofError::TrailingBytes { offset, found: rest.len() });
        }
        let proof = Self::new(&first, &second)?;
        if proof.first.hash() != first.header().hash() {
            return Err(DecodeForkProofError::Order);
        }
        Ok(proof)
    }
}

fn decode_entry(
    bytes: &[u8],
    offset: usize,
) -> Result<(AuthenticEntry<'_>, &[u8]), DecodeForkProofError> {
    let (length, rest) =
        varu64::decode(bytes).map_err(|source| DecodeForkProofError::Length { offset, source })?;
    let header_length = bytes.len().saturating_sub(rest.len());
    let offset = offset.saturating_add(header_length);
    let (entry, rest) = usize::try_from(length)
        .ok()
        .and_then(|length| rest.split_at_checked(length))
        .ok_or(DecodeForkProofError::Truncated { offset, expected: length, found: rest.len() })?;
    let entry = Entry::decode(entry)
        .map_err(|source| DecodeForkProofError::Entry { offset, source })?
        .authenticate()
        .map_err(|source| DecodeForkProofError::Signature { offset, source })?;
    Ok((entry, rest))
}

fn check_fork(one: &Header, other: &Header) -> Result<(), NotAFork> {
    if one.public_key() != other.public_key() {
        return Err(NotAFork::TwoAuthors { authors: [one.public_key(), other.public_key()] });
    }
    if one.log_id() != other.log_id() {
        return Err(NotAFork::TwoLogs { log_ids: [one.log_id(), other.log_id()] });
    }
    if one.seq_num() != other.seq_num() {
        return Err(NotAFork::TwoPlaces { seq_nums: [one.seq_num(), other.seq_num()] });
    }
    if one.hash() == other.hash() {
        return Err(NotAFork::OneEntry { hash: one.hash() });
    }
    Ok(())
}

/// Two entries that can be in logs without a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotAFork {
    /// They are of two authors.
    #[error("expected entries of one author, found {} and {}", authors[0], authors[1])]
    TwoAuthors {
        /// The authors.
        authors: [PublicKey; 2],
    },
    /// They are of two logs.
    #[error("expected entries of one log, found {} and {}", log_ids[0], log_ids[1])]
    TwoLogs {
        /// The logs.
        log_ids: [LogId; 2],
    },
    /// They stand at two places.
    #[error("expected entries of one sequence number, found {} and {}", seq_nums[0], seq_nums[1])]
    TwoPlaces {
        /// The places.
        seq_nums: [SeqNum; 2],
    },
    /// They are the same.
    #[error("expected two entries, found {hash} twice")]
    OneEntry {
        /// The entry.
        hash: EntryHash,
    },
}

/// Bytes that are not a fork proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeForkProofError {
    /// The length of an entry is not a number in its shortest form.
    #[error("length of an entry at offset {offset} is not a number")]
    Length {
        /// Where the length stands.
        offset: usize,
        /// What is wrong with it.
        source: VarU64Error,
    },
    /// The bytes end before an entry does.
    #[error("expected an entry of {expected} bytes at offset {offset}, found {found} bytes")]
    Truncated {
        /// Where the entry begins.
        offset: usize,
        /// Its length as given.
        expected: u64,
        /// Bytes that are left.
        found: usize,
    },
    /// An entry is not well formed.
    #[error("entry at offset {offset} is not well formed")]
    Entry {
        /// Where the entry begins.
        offset: usize,
        /// What is wrong with it.
        source: DecodeEntryError,
    },
    /// A signature does not hold.
    #[error("entry at offset {offset} is not authentic")]
    Signature {
        /// Where the entry begins.
        offset: usize,
        /// What is wrong with it.
        source: SignatureError,
    },
    /// Something follows the second entry.
    #[error("expected the end of the fork proof at offset {offset}, found {found} more bytes")]
    TrailingBytes {
        /// Where the proof ends.
        offset: usize,
        /// Bytes behind it.
        found: usize,
    },
    /// The entries prove nothing.
    #[error(transparent)]
    NotAFork(#[from] NotAFork),
    /// The entry with the lower hash comes second.
    #[error("expected the entry with the lower hash first")]
    Order,
}
