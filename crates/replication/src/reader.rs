//! Reads what somebody else has written: bounded, and in one spelling only (RE3).

use alloc::vec::Vec;

use pandan_bamboo::{SeqNum, varu64};
use thiserror::Error;

/// The parts of messages, for errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is named after what it is")]
#[non_exhaustive]
pub enum Field {
    Author,
    Code,
    Count,
    Document,
    Entry,
    EntryCount,
    Fingerprint,
    Flags,
    Fork,
    Length,
    LogId,
    Message,
    Name,
    Operation,
    Payload,
    Prefix,
    Proof,
    Range,
    Salt,
    Schema,
    SeqNum,
    State,
    Tag,
    Text,
    Version,
}

/// Bytes that are not one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{field:?} at offset {offset}: {problem}")]
pub struct DecodeMessageError {
    /// The part that is wrong.
    pub field: Field,
    /// Where it begins.
    pub offset: usize,
    /// What is wrong with it.
    pub problem: MessageProblem,
}

/// What is wrong with a part of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MessageProblem {
    /// The bytes end too early.
    #[error("expected {expected} bytes, found {found}")]
    Truncated {
        /// Bytes needed.
        expected: u64,
        /// Bytes left.
        found: usize,
    },
    /// A number is not in its shortest form.
    #[error("expected a number in its shortest form")]
    Number,
    /// More than is taken, or less than makes sense.
    #[error("expected {min} to {max}, found {found}")]
    Limit {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
        /// What was found.
        found: u64,
    },
    /// Something follows the message.
    #[error("expected the end of the message, found {found} more bytes")]
    Trailing {
        /// Bytes that follow.
        found: usize,
    },
    /// A byte that has no meaning here.
    #[error("found the unknown value {found}")]
    Unknown {
        /// The value.
        found: u64,
    },
    /// Things are not in strictly ascending order.
    #[error("expected strictly ascending order")]
    Order,
    /// The same could be said in another way, which is the one to use.
    #[error("expected the canonical form")]
    NotCanonical,
    /// The bytes are not such a thing.
    #[error("expected another content")]
    Content,
}

impl MessageProblem {
    pub(crate) const fn at(self, field: Field, offset: usize) -> DecodeMessageError {
        DecodeMessageError { field, offset, problem: self }
    }
}

pub(crate) type Result<T> = core::result::Result<T, DecodeMessageError>;

/// Takes parts off the front of a message.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    pub(crate) const fn offset(&self) -> usize {
        self.offset
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.offset..).unwrap_or_default()
    }

    pub(crate) fn array<const N: usize>(&mut self, field: Field) -> Result<[u8; N]> {
        let found = self.rest().len();
        let expected = u64::try_from(N).unwrap_or(u64::MAX);
        let array = self
            .rest()
            .first_chunk()
            .ok_or(MessageProblem::Truncated { expected, found }.at(field, self.offset))?;
        self.offset = self.offset.saturating_add(N);
        Ok(*array)
    }

    pub(crate) fn byte(&mut self, field: Field) -> Result<u8> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    pub(crate) fn number(&mut self, field: Field) -> Result<u64> {
        let rest = self.rest();
        let (number, after) = varu64::decode(rest).map_err(|error| {
            let problem = match error {
                varu64::VarU64Error::Truncated { expected, found } => MessageProblem::Truncated {
                    expected: u64::try_from(expected).unwrap_or(u64::MAX),
                    found,
                },
                _ => MessageProblem::Number,
            };
            problem.at(field, self.offset)
        })?;
        let taken = rest.len().saturating_sub(after.len());
        self.offset = self.offset.saturating_add(taken);
        Ok(number)
    }

    /// A number between two others.
    pub(crate) fn number_within(&mut self, field: Field, min: u64, max: u64) -> Result<u64> {
        let offset = self.offset;
        let found = self.number(field)?;
        if (min..=max).contains(&found) {
            return Ok(found);
        }
        Err(MessageProblem::Limit { min, max, found }.at(field, offset))
    }

    pub(crate) fn seq_num(&mut self) -> Result<SeqNum> {
        let offset = self.offset;
        let limit = MessageProblem::Limit { min: 1, max: u64::MAX, found: 0 };
        SeqNum::new(self.number(Field::SeqNum)?).ok_or(limit.at(Field::SeqNum, offset))
    }

    /// A byte string of limited length.
    pub(crate) fn bytes(&mut self, field: Field, min: usize, max: usize) -> Result<&'a [u8]> {
        let [min, max] = [min, max].map(|limit| u64::try_from(limit).unwrap_or(u64::MAX));
        let length = self.number_within(field, min, max)?;
        let rest = self.rest();
        let taken = usize::try_from(length).ok().and_then(|length| rest.get(..length));
        let problem = MessageProblem::Truncated { expected: length, found: rest.len() };
        let taken = taken.ok_or(problem.at(field, self.offset))?;
        self.offset = self.offset.saturating_add(taken.len());
        Ok(taken)
    }

    /// A list of at least `min` and at most `max` items. Memory is taken as items come, never for
    /// a claimed number of them.
    pub(crate) fn list<T>(
        &mut self,
        min: usize,
        max: usize,
        mut item: impl FnMut(&mut Self, &[T]) -> Result<T>,
    ) -> Result<Vec<T>> {
        let [min, max] = [min, max].map(|limit| u64::try_from(limit).unwrap_or(u64::MAX));
        let count = self.number_within(Field::Count, min, max)?;
        let mut items = Vec::new();
        for _ in 0..count {
            let next = item(self, &items)?;
            items.push(next);
        }
        Ok(items)
    }

    pub(crate) fn finish(self) -> Result<()> {
        match self.rest().len() {
            0 => Ok(()),
            found => Err(MessageProblem::Trailing { found }.at(Field::Message, self.offset)),
        }
    }

    pub(crate) fn take_rest(&mut self) -> &'a [u8] {
        let rest = self.rest();
        self.offset = self.bytes.len();
        rest
    }
}

/// Puts parts together to a message.
#[derive(Debug, Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.raw(varu64::encode(number).as_bytes());
    }

    pub(crate) fn count(&mut self, count: usize) {
        self.number(u64::try_from(count).unwrap_or(u64::MAX));
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.raw(bytes);
    }

    pub(crate) fn list<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        self.count(items.len());
        items.iter().for_each(|next| item(self, next));
    }
}
