//! What is inside of blocks: numbers, texts and byte strings, bounded and in one spelling (BU6).

use std::fmt;

use pandan_bamboo::{SeqNum, varu64};
use pandan_operations::{SchemaId, SchemaIdError};
use thiserror::Error;

use crate::limits::MAX_BLOCK_LENGTH;

/// The parts of contents, for errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is named after what it is")]
#[non_exhaustive]
pub enum Part {
    Author,
    Block,
    Count,
    Created,
    Entry,
    Fork,
    Item,
    LogId,
    Operation,
    Proof,
    Schema,
    Scope,
    SeqNum,
    Software,
    State,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Author => "author",
            Self::Block => "block",
            Self::Count => "count",
            Self::Created => "time",
            Self::Entry => "entry",
            Self::Fork => "fork",
            Self::Item => "item",
            Self::LogId => "log id",
            Self::Operation => "operation",
            Self::Proof => "fork proof",
            Self::Schema => "schema",
            Self::Scope => "scope",
            Self::SeqNum => "sequence number",
            Self::Software => "name of the program",
            Self::State => "state of a log",
        })
    }
}

/// The content of a block is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{part} at byte {offset} of the content: {problem}")]
pub struct ContentError {
    /// The part that is wrong.
    pub part: Part,
    /// Where in the content it begins, before compression.
    pub offset: usize,
    /// What is wrong with it.
    pub problem: ContentProblem,
}

/// What is wrong with a part of a content.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ContentProblem {
    /// The content ends too early.
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
    /// A byte that has no meaning here.
    #[error("expected at most {max}, found {found}")]
    Unknown {
        /// The greatest that has one.
        max: u8,
        /// The byte.
        found: u8,
    },
    /// Things are not in strictly ascending order.
    #[error("expected strictly ascending order")]
    Order,
    /// A text has other characters than visible ones of ASCII.
    #[error("expected printable ASCII, found byte {found:#04x}")]
    Text {
        /// The first other byte.
        found: u8,
    },
    /// A text is no schema id.
    #[error("expected a schema id")]
    Schema(#[source] SchemaIdError),
    /// A text is not UTF-8.
    #[error("expected UTF-8")]
    Utf8,
    /// Something follows what should be the end.
    #[error("expected the end of the content, found {found} more bytes")]
    Trailing {
        /// Bytes that follow.
        found: usize,
    },
}

pub(crate) type Result<T> = std::result::Result<T, ContentError>;

/// Takes parts off the front of a content.
#[derive(Debug)]
pub(crate) struct Content<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Content<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.offset..).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    /// Says what is wrong with the part that begins `back` bytes before the next one.
    pub(crate) fn wrong(&self, part: Part, back: usize, problem: ContentProblem) -> ContentError {
        ContentError { part, offset: self.offset.saturating_sub(back), problem }
    }

    pub(crate) fn take(&mut self, part: Part, length: u64) -> Result<&'a [u8]> {
        let rest = self.rest();
        let taken = usize::try_from(length).ok().and_then(|length| rest.get(..length));
        let problem = ContentProblem::Truncated { expected: length, found: rest.len() };
        let taken = taken.ok_or_else(|| self.wrong(part, 0, problem))?;
        self.offset += taken.len();
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self, part: Part) -> Result<[u8; N]> {
        let bytes = self.take(part, N as u64)?;
        Ok(bytes.try_into().expect("as many bytes were taken"))
    }

    /// A byte from 0 to `max`.
    pub(crate) fn byte(&mut self, part: Part, max: u8) -> Result<u8> {
        let [found] = self.array(part)?;
        if found > max {
            return Err(self.wrong(part, 1, ContentProblem::Unknown { max, found }));
        }
        Ok(found)
    }

    pub(crate) fn number(&mut self, part: Part) -> Result<u64> {
        let rest = self.rest();
        let (number, after) = varu64::decode(rest).map_err(|error| {
            let problem = match error {
                varu64::VarU64Error::Truncated { expected, found } => {
                    ContentProblem::Truncated { expected: expected as u64, found }
                }
                _ => ContentProblem::Number,
            };
            self.wrong(part, 0, problem)
        })?;
        self.offset += rest.len() - after.len();
        Ok(number)
    }

    /// A number between two others.
    pub(crate) fn number_within(&mut self, part: Part, min: u64, max: u64) -> Result<u64> {
        let begin = self.offset;
        let found = self.number(part)?;
        if (min..=max).contains(&found) {
            return Ok(found);
        }
        Err(self.wrong(part, self.offset - begin, ContentProblem::Limit { min, max, found }))
    }

    /// A sequence number, or none for 0.
    pub(crate) fn place(&mut self, part: Part) -> Result<Option<SeqNum>> {
        self.number(part).map(SeqNum::new)
    }

    /// A byte string of limited length.
    pub(crate) fn bytes(&mut self, part: Part, min: usize, max: usize) -> Result<&'a [u8]> {
        let length = self.number_within(part, min as u64, max as u64)?;
        self.take(part, length)
    }

    /// A schema id.
    pub(crate) fn schema(&mut self) -> Result<SchemaId> {
        let bytes = self.bytes(Part::Schema, 1, MAX_BLOCK_LENGTH)?;
        self.parse_schema(bytes)
    }

    /// A schema id, or nothing.
    pub(crate) fn schema_or_none(&mut self) -> Result<Option<SchemaId>> {
        match self.bytes(Part::Schema, 0, MAX_BLOCK_LENGTH)? {
            [] => Ok(None),
            bytes => self.parse_schema(bytes).map(Some),
        }
    }

    fn parse_schema(&self, bytes: &[u8]) -> Result<SchemaId> {
        let wrong = |problem| self.wrong(Part::Schema, bytes.len(), problem);
        let text = std::str::from_utf8(bytes).map_err(|_| wrong(ContentProblem::Utf8))?;
        text.parse().map_err(|error| wrong(ContentProblem::Schema(error)))
    }

    pub(crate) fn finish(self) -> Result<()> {
        match self.rest().len() {
            0 => Ok(()),
            found => Err(self.wrong(Part::Block, 0, ContentProblem::Trailing { found })),
        }
    }
}

/// Writes a number in its shortest form.
pub(crate) fn put_number(to: &mut Vec<u8>, number: u64) {
    to.extend_from_slice(varu64::encode(number).as_bytes());
}

/// Writes a byte string behind its length.
pub(crate) fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    put_number(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}
