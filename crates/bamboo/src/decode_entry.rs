//! From bytes to a well-formed entry.

use core::fmt;

use pandan_identity::{PUBLIC_KEY_LENGTH, SIGNATURE_LENGTH, Signature};
use thiserror::Error;

use crate::entry::Claims;
use crate::links::LinksShape;
use crate::varu64::{self, VarU64Error};
use crate::{EntryHash, HASH_LENGTH, Hash, HashError, Links, LinksError, LogId, SeqNum};

/// Tag of an ordinary entry.
pub(crate) const TAG_ENTRY: u8 = 0x00;

/// Tag of the last entry of a log.
pub(crate) const TAG_END_OF_LOG: u8 = 0x01;

pub(crate) fn decode(bytes: &[u8]) -> Result<Claims, DecodeEntryError> {
    let mut reader = Reader { rest: bytes, offset: 0 };
    let is_end_of_log = read_tag(&mut reader)?;
    let public_key = *reader.array::<PUBLIC_KEY_LENGTH>(EntryField::PublicKey)?;
    let log_id = LogId::new(reader.number(EntryField::LogId)?);
    let seq_num = read_seq_num(&mut reader)?;
    let links = read_links(&mut reader, seq_num)?;
    let payload_size = reader.number(EntryField::PayloadSize)?;
    let payload_hash = reader.hash(EntryField::PayloadHash)?;
    let signature =
        Signature::from_bytes(*reader.array::<SIGNATURE_LENGTH>(EntryField::Signature)?);
    reader.finish()?;
    links.check_shape(seq_num)?;
    Ok(Claims {
        is_end_of_log,
        public_key,
        log_id,
        seq_num,
        links,
        payload_size,
        payload_hash,
        signature,
    })
}

fn read_tag(reader: &mut Reader<'_>) -> Result<bool, DecodeEntryError> {
    let &[found] = reader.array(EntryField::Tag)?;
    match found {
        TAG_ENTRY => Ok(false),
        TAG_END_OF_LOG => Ok(true),
        _ => Err(DecodeEntryError::Tag { found }),
    }
}

fn read_seq_num(reader: &mut Reader<'_>) -> Result<SeqNum, DecodeEntryError> {
    let offset = reader.offset;
    SeqNum::new(reader.number(EntryField::SeqNum)?).ok_or(DecodeEntryError::SeqNumZero { offset })
}

/// Which links are there is not encoded; it follows from the sequence number.
fn read_links(reader: &mut Reader<'_>, seq_num: SeqNum) -> Result<Links, DecodeEntryError> {
    let mut read = |field| reader.hash(field).map(EntryHash::from_hash);
    Ok(match LinksShape::at(seq_num) {
        LinksShape::None => Links::First,
        LinksShape::Backlink => Links::Next { backlink: read(EntryField::Backlink)? },
        LinksShape::SkiplinkAndBacklink => Links::NextWithSkip {
            skiplink: read(EntryField::Skiplink)?,
            backlink: read(EntryField::Backlink)?,
        },
    })
}

/// Takes fields off the front of bytes that somebody else made.
struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    fn array<const N: usize>(
        &mut self,
        field: EntryField,
    ) -> Result<&'a [u8; N], DecodeEntryError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(DecodeEntryError::Truncated {
            field,
            offset: self.offset,
            expected: N,
            found: self.rest.len(),
        })?;
        self.advance(rest);
        Ok(bytes)
    }

    fn number(&mut self, field: EntryField) -> Result<u64, DecodeEntryError> {
        let offset = self.offset;
        let (number, rest) = varu64::decode(self.rest).map_err(|source| match source {
            VarU64Error::Truncated { expected, found } => {
                DecodeEntryError::Truncated { field, offset, expected, found }
            }
            source => DecodeEntryError::Number { field, offset, source },
        })?;
        self.advance(rest);
        Ok(number)
    }

    fn hash(&mut self, field: EntryField) -> Result<Hash, DecodeEntryError> {
        let offset = self.offset;
        let bytes = self.array::<HASH_LENGTH>(field)?;
        Hash::decode(bytes).map_err(|source| DecodeEntryError::Hash { field, offset, source })
    }

    fn finish(self) -> Result<(), DecodeEntryError> {
        match self.rest {
            [] => Ok(()),
            rest => Err(DecodeEntryError::TrailingBytes { offset: self.offset, found: rest.len() }),
        }
    }

    fn advance(&mut self, rest: &'a [u8]) {
        let taken = self.rest.len().saturating_sub(rest.len());
        self.offset = self.offset.saturating_add(taken);
        self.rest = rest;
    }
}

/// The fields of an entry, for errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryField {
    /// Ordinary entry or end of log.
    Tag,
    /// The author.
    PublicKey,
    /// The log.
    LogId,
    /// The place in the log.
    SeqNum,
    /// The lipmaa link.
    Skiplink,
    /// The link to the entry right before.
    Backlink,
    /// Size of the payload.
    PayloadSize,
    /// Hash of the payload.
    PayloadHash,
    /// The signature.
    Signature,
}

impl fmt::Display for EntryField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tag => "tag",
            Self::PublicKey => "public key",
            Self::LogId => "log id",
            Self::SeqNum => "sequence number",
            Self::Skiplink => "skiplink",
            Self::Backlink => "backlink",
            Self::PayloadSize => "payload size",
            Self::PayloadHash => "payload hash",
            Self::Signature => "signature",
        })
    }
}

/// Bytes that are not one well-formed entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeEntryError {
    /// The bytes end too early.
    #[error("expected {expected} bytes of {field} at offset {offset}, found {found}")]
    Truncated {
        /// The field that does not fit.
        field: EntryField,
        /// Where it begins.
        offset: usize,
        /// Bytes that it needs.
        expected: usize,
        /// Bytes that are left.
        found: usize,
    },
    /// The first byte is neither `00` nor `01` (PN5).
    #[error("expected tag 0x00 or 0x01 at offset 0, found 0x{found:02x}")]
    Tag {
        /// The byte found.
        found: u8,
    },
    /// A number is not in its shortest form.
    #[error("{field} at offset {offset} is not in its shortest form")]
    Number {
        /// The field.
        field: EntryField,
        /// Where it begins.
        offset: usize,
        /// What is wrong with it.
        source: VarU64Error,
    },
    /// Sequence numbers begin at 1.
    #[error("expected a sequence number of at least 1 at offset {offset}, found 0")]
    SeqNumZero {
        /// Where the number stands.
        offset: usize,
    },
    /// A hash does not begin with `00 20`.
    #[error("{field} at offset {offset} is not a hash")]
    Hash {
        /// The field.
        field: EntryField,
        /// Where it begins.
        offset: usize,
        /// What is wrong with it.
        source: HashError,
    },
    /// Something follows the signature (PN5).
    #[error("expected the end of the entry at offset {offset}, found {found} more bytes")]
    TrailingBytes {
        /// Where the entry ends.
        offset: usize,
        /// Bytes behind it.
        found: usize,
    },
    /// Skiplink and backlink, which lead to different places, are equal.
    #[error(transparent)]
    Links(#[from] LinksError),
}
