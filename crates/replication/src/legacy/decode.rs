//! Decoding messages, and what can be wrong with them.

use alloc::vec::Vec;

use pandan_bamboo::limits::{MAX_ENTRY_LENGTH, MIN_ENTRY_LENGTH};
use pandan_bamboo::{LogId, SeqNum};
use pandan_identity::PUBLIC_KEY_LENGTH;
use pandan_operations::limits::MAX_OPERATION_LENGTH;
use pandan_operations::{SchemaId, SchemaIdError};
use thiserror::Error;

use super::cbor::Reader;
use super::limits::MAX_LOGS;
use super::message::{ANNOUNCE, AuthorLogs, ENTRY, HAVE, Message, Mode, SYNC_DONE, SYNC_REQUEST};
use super::schema_set::{SchemaSet, SchemaSetError};

type Result<T> = core::result::Result<T, DecodeMessageError>;

impl Message {
    /// Decodes a message that takes up all of `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        let message = message(&mut reader)?;
        reader.finish()?;
        Ok(message)
    }
}

fn message(reader: &mut Reader<'_>) -> Result<Message> {
    let items = reader.array("a message")?;
    let start = reader.offset();
    let message_type = reader.unsigned("the type of a message")?;
    let check = |expected: u64| match items {
        found if found == expected => Ok(()),
        found => Err(Problem::Items { expected, found }.at(0)),
    };
    match message_type {
        ANNOUNCE => check(4).and_then(|()| announce(reader)),
        SYNC_REQUEST => check(4).and_then(|()| sync_request(reader)),
        // The operation may be left out in either way that a reader of CBOR takes for nothing.
        ENTRY if items == 3 => entry(reader, false),
        ENTRY => check(4).and_then(|()| entry(reader, true)),
        SYNC_DONE => check(3).and_then(|()| sync_done(reader)),
        found if found == u64::from(HAVE) => check(3).and_then(|()| have(reader)),
        found => Err(Problem::MessageType { found }.at(start)),
    }
}

fn announce(reader: &mut Reader<'_>) -> Result<Message> {
    let version = reader.unsigned("a version")?;
    let timestamp = reader.unsigned("a timestamp")?;
    let schemas = schemas(reader)?;
    Ok(Message::Announce { version, timestamp, schemas })
}

fn sync_request(reader: &mut Reader<'_>) -> Result<Message> {
    let session = session(reader)?;
    let start = reader.offset();
    let mode = match reader.unsigned("a mode")? {
        0 => Mode::LogHeights,
        1 => Mode::SetReconciliation,
        found => return Err(Problem::Mode { found }.at(start)),
    };
    let start = reader.offset();
    let schemas = schemas(reader)?;
    if schemas.is_empty() {
        return Err(Problem::NoSchemas.at(start));
    }
    Ok(Message::SyncRequest { session, mode, schemas })
}

fn entry(reader: &mut Reader<'_>, has_operation: bool) -> Result<Message> {
    let session = session(reader)?;
    let start = reader.offset();
    let entry = reader.bytes("an entry")?;
    if !(MIN_ENTRY_LENGTH..=MAX_ENTRY_LENGTH).contains(&entry.len()) {
        let (min, max) = (MIN_ENTRY_LENGTH, MAX_ENTRY_LENGTH);
        return Err(Problem::EntryLength { min, max, found: entry.len() }.at(start));
    }
    let start = reader.offset();
    let operation =
        if has_operation { reader.bytes_or_null("an operation or null")? } else { None };
    let found = operation.map_or(0, <[u8]>::len);
    if found > MAX_OPERATION_LENGTH {
        return Err(Problem::OperationLength { max: MAX_OPERATION_LENGTH, found }.at(start));
    }
    let operation = operation.map(<[u8]>::to_vec);
    Ok(Message::Entry { session, entry: entry.to_vec(), operation })
}

fn sync_done(reader: &mut Reader<'_>) -> Result<Message> {
    let session = session(reader)?;
    let live = reader.bool("a truth value for live mode")?;
    Ok(Message::SyncDone { session, live })
}

fn have(reader: &mut Reader<'_>) -> Result<Message> {
    let session = session(reader)?;
    let claimed = reader.array("a list of authors")?;
    // An author has a head, a key behind its head, and a list that may be empty.
    let mut authors = Vec::with_capacity(reader.capacity(claimed, PUBLIC_KEY_LENGTH + 4));
    let mut logs_left = MAX_LOGS;
    for _ in 0..claimed {
        authors.push(author_logs(reader, &mut logs_left)?);
    }
    Ok(Message::Have { session, authors })
}

fn author_logs(reader: &mut Reader<'_>, logs_left: &mut usize) -> Result<AuthorLogs> {
    reader.array_of(2, "an author with logs")?;
    let start = reader.offset();
    let key = reader.bytes("a public key")?;
    let author = key.try_into().map_err(|_| {
        let (expected, found) = (PUBLIC_KEY_LENGTH, key.len());
        Problem::KeyLength { expected, found }.at(start)
    })?;
    let start = reader.offset();
    let claimed = reader.array("a list of logs")?;
    *logs_left = usize::try_from(claimed)
        .ok()
        .and_then(|claimed| logs_left.checked_sub(claimed))
        .ok_or_else(|| Problem::TooManyLogs { max: MAX_LOGS }.at(start))?;
    let mut logs = Vec::with_capacity(reader.capacity(claimed, 3));
    for _ in 0..claimed {
        logs.push(log(reader)?);
    }
    Ok(AuthorLogs { author, logs })
}

fn log(reader: &mut Reader<'_>) -> Result<(LogId, SeqNum)> {
    reader.array_of(2, "a log id with a sequence number")?;
    let log_id = LogId::new(reader.unsigned("a log id")?);
    let start = reader.offset();
    let seq_num = SeqNum::new(reader.unsigned("a sequence number")?);
    Ok((log_id, seq_num.ok_or_else(|| Problem::SeqNum.at(start))?))
}

fn session(reader: &mut Reader<'_>) -> Result<u64> {
    reader.unsigned("a session id")
}

fn schemas(reader: &mut Reader<'_>) -> Result<SchemaSet> {
    let start = reader.offset();
    let claimed = reader.array("a set of schemas")?;
    let mut schemas: Vec<SchemaId> = Vec::with_capacity(reader.capacity(claimed, MIN_ID_LENGTH));
    for _ in 0..claimed {
        let place = reader.offset();
        let text = reader.text("a schema id")?;
        let schema: SchemaId = text.parse().map_err(|error| Problem::SchemaId(error).at(place))?;
        if schemas.last().is_some_and(|last| *last >= schema) {
            return Err(Problem::SchemaOrder.at(place));
        }
        schemas.push(schema);
    }
    SchemaSet::of_sorted(schemas).map_err(|error| Problem::Schemas(error).at(start))
}

/// Bytes of the shortest schema id with its head: `blob_v1`.
const MIN_ID_LENGTH: usize = 8;

/// Bytes that are no message of version 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("message is not well formed at byte {offset}: {problem}")]
pub struct DecodeMessageError {
    /// Where in the message, counted from 0.
    pub offset: usize,
    /// What is wrong there.
    #[source]
    pub problem: Problem,
}

/// What is wrong with the bytes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The bytes end too early.
    #[error("expected {expected} more bytes, found {found}")]
    EndOfInput {
        /// How many bytes should follow.
        expected: u64,
        /// How many follow.
        found: usize,
    },
    /// Something follows the message.
    #[error("expected the end of the message, found {found} more bytes")]
    Trailing {
        /// How many bytes follow.
        found: usize,
    },
    /// The message is longer than one of its type may be, or claims to be.
    #[error("expected at most {max} bytes, found {found}")]
    TooLong {
        /// The limit.
        max: usize,
        /// How long it is at least, if what it claims is true.
        found: usize,
    },
    /// More arrays inside each other than in any message.
    #[error("expected at most {max} arrays inside each other, found more")]
    TooDeep {
        /// The limit.
        max: usize,
    },
    /// Another item than belongs here.
    #[error("expected {expected}, found {found}")]
    Item {
        /// What belongs here.
        expected: &'static str,
        /// What is here.
        found: &'static str,
    },
    /// An item that is in no message.
    #[error("expected an unsigned integer, bytes, text, an array or a simple value, found {found}")]
    Foreign {
        /// What is here.
        found: &'static str,
    },
    /// A number or length takes more bytes than it needs.
    #[error("expected the shortest head for {argument}, found a longer one")]
    LongHead {
        /// The number or length.
        argument: u64,
    },
    /// A length is not told beforehand.
    #[error("expected a definite length, found an indefinite one")]
    Indefinite,
    /// A head with additional information that CBOR does not define.
    #[error("expected defined additional information, found {found}")]
    Reserved {
        /// The additional information.
        found: u8,
    },
    /// Text that is not UTF-8.
    #[error("expected text in UTF-8, found other bytes")]
    Utf8,
    /// Too many or too few items in an array.
    #[error("expected {expected} items, found {found}")]
    Items {
        /// How many there should be.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// A type of message that we do not know.
    #[error("expected message type 0, 1, 2, 3 or 10, found {found}")]
    MessageType {
        /// The type.
        found: u64,
    },
    /// A mode that we do not know.
    #[error("expected mode 0 or 1, found {found}")]
    Mode {
        /// The mode.
        found: u64,
    },
    /// A text that is no schema id.
    #[error("expected a schema id, found another text")]
    SchemaId(#[source] SchemaIdError),
    /// A schema that does not come behind the one before it.
    #[error("expected schemas in ascending order, found a smaller or equal one")]
    SchemaOrder,
    /// More schemas than a set can have.
    #[error("set of schemas is too large")]
    Schemas(#[source] SchemaSetError),
    /// A session about nothing.
    #[error("expected at least one schema, found none")]
    NoSchemas,
    /// An entry cannot have this length.
    #[error("expected an entry of {min} to {max} bytes, found {found}")]
    EntryLength {
        /// The shortest.
        min: usize,
        /// The longest.
        max: usize,
        /// The number of bytes.
        found: usize,
    },
    /// More bytes than an operation may have.
    #[error("expected an operation of at most {max} bytes, found {found}")]
    OperationLength {
        /// The limit.
        max: usize,
        /// The number of bytes.
        found: usize,
    },
    /// A public key of another length.
    #[error("expected a public key of {expected} bytes, found {found}")]
    KeyLength {
        /// Bytes of a public key.
        expected: usize,
        /// The number of bytes.
        found: usize,
    },
    /// More logs than a Have may tell.
    #[error("expected at most {max} logs, found more")]
    TooManyLogs {
        /// The limit.
        max: usize,
    },
    /// No entry has sequence number 0.
    #[error("expected a sequence number from 1 on, found 0")]
    SeqNum,
}

impl Problem {
    pub(super) const fn at(self, offset: usize) -> DecodeMessageError {
        DecodeMessageError { offset, problem: self }
    }
}
