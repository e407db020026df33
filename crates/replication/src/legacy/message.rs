//! The five messages.
//!
//! ```text
//! Announce       [0, version, timestamp, [schema id, …]]
//! SyncRequest    [1, session id, mode, [schema id, …]]
//! Entry          [2, session id, entry, operation]
//! SyncDone       [3, session id, live mode]
//! Have           [10, session id, [[public key, [[log id, seq num], …]], …]]
//! ```
//!
//! Schema ids are text, in the order of [`SchemaSet`]; keys, entries and operations are byte
//! strings.

use alloc::vec::Vec;

use pandan_bamboo::{LogId, SeqNum};
use pandan_identity::PUBLIC_KEY_LENGTH;
use pandan_operations::cbor::Writer;

use super::schema_set::SchemaSet;

/// The version of the protocol, as announcements name it.
pub const VERSION: u64 = 1;

pub(super) const ANNOUNCE: u64 = 0;
pub(super) const SYNC_REQUEST: u64 = 1;
pub(super) const ENTRY: u64 = 2;
pub(super) const SYNC_DONE: u64 = 3;
pub(super) const HAVE: u8 = 10;

/// What peers say to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Which schemas the sender is interested in.
    Announce {
        /// The version of the protocol; [`VERSION`] is the only one in use.
        version: u64,
        /// When it was made, in seconds since 1970. The latest counts.
        timestamp: u64,
        /// The schemas.
        schemas: SchemaSet,
    },
    /// Opens a session.
    SyncRequest {
        /// Names the session from here on.
        session: u64,
        /// How the peers find out what the other lacks.
        mode: Mode,
        /// What the session is about; not empty.
        schemas: SchemaSet,
    },
    /// An entry that the receiver lacks.
    Entry {
        /// The session.
        session: u64,
        /// The encoded entry.
        entry: Vec<u8>,
        /// The encoded operation; none if the sender does not have it.
        operation: Option<Vec<u8>>,
    },
    /// The sender has sent everything.
    SyncDone {
        /// The session.
        session: u64,
        /// Whether the session shall go on with what is new from now on; nobody does this.
        live: bool,
    },
    /// How far the sender's logs go.
    Have {
        /// The session.
        session: u64,
        /// All authors with logs.
        authors: Vec<AuthorLogs>,
    },
}

/// How two peers find out what the other lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They tell each other how far each log goes.
    LogHeights,
    /// Part of the specification, spoken by nobody.
    SetReconciliation,
}

/// Logs of an author and how far they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorLogs {
    /// The author's public key. Nothing was signed with it yet, so these may be any bytes.
    pub author: [u8; PUBLIC_KEY_LENGTH],
    /// The logs, each with the sequence number of its last entry.
    pub logs: Vec<(LogId, SeqNum)>,
}

impl Message {
    /// Encodes to bytes.
    ///
    /// [`Message::decode`] gives back the same message, provided that it keeps to
    /// [`limits`](super::limits), a SyncRequest has schemas, and an Entry has an entry.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.length_hint());
        match self {
            Self::Announce { version, timestamp, schemas } => {
                begin(&mut writer, 4, ANNOUNCE, *version);
                writer.unsigned(*timestamp);
                write_schemas(&mut writer, schemas);
            }
            Self::SyncRequest { session, mode, schemas } => {
                begin(&mut writer, 4, SYNC_REQUEST, *session);
                writer.unsigned(mode.number());
                write_schemas(&mut writer, schemas);
            }
            Self::Entry { session, entry, operation } => {
                begin(&mut writer, 4, ENTRY, *session);
                writer.bytes(entry);
                match operation {
                    Some(operation) => writer.bytes(operation),
                    None => writer.null(),
                }
            }
            Self::SyncDone { session, live } => {
                begin(&mut writer, 3, SYNC_DONE, *session);
                writer.bool(*live);
            }
            Self::Have { session, authors } => {
                begin(&mut writer, 3, HAVE.into(), *session);
                write_authors(&mut writer, authors);
            }
        }
        writer.into_bytes()
    }

    /// About how long the encoding is.
    fn length_hint(&self) -> usize {
        match self {
            Self::Entry { entry, operation, .. } => {
                let operation = operation.as_ref().map_or(0, Vec::len);
                entry.len().saturating_add(operation).saturating_add(24)
            }
            _ => 64,
        }
    }
}

impl Mode {
    const fn number(self) -> u64 {
        match self {
            Self::LogHeights => 0,
            Self::SetReconciliation => 1,
        }
    }
}

/// The head of the message, its type, and the number behind it, which every message has.
fn begin(writer: &mut Writer, items: usize, message_type: u64, number: u64) {
    writer.array(items);
    writer.unsigned(message_type);
    writer.unsigned(number);
}

fn write_schemas(writer: &mut Writer, schemas: &SchemaSet) {
    writer.array(schemas.as_slice().len());
    for schema in schemas.as_slice() {
        writer.text(schema.as_str());
    }
}

fn write_authors(writer: &mut Writer, authors: &[AuthorLogs]) {
    writer.array(authors.len());
    for AuthorLogs { author, logs } in authors {
        writer.array(2);
        writer.bytes(author);
        writer.array(logs.len());
        for (log_id, seq_num) in logs {
            writer.array(2);
            writer.unsigned(log_id.number());
            writer.unsigned(seq_num.number());
        }
    }
}
