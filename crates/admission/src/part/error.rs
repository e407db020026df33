//! Why a part is not what was asked for.

use pandan_bamboo::{DecodeEntryError, LogError, LogId, PayloadMismatch, SeqNum, SignatureError};
use pandan_identity::PublicKey;
use pandan_operations::{DecodeOperationError, DocumentId, FieldName, OperationId};
use thiserror::Error;

/// What does not hold of a part. Whoever told it is at fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PartError {
    /// There are no entries.
    #[error("expected at least one entry, found none")]
    Empty,
    /// More entries than a part has.
    #[error("expected at most {max} entries, found {found}")]
    TooManyEntries {
        /// The limit.
        max: usize,
        /// How many there are.
        found: usize,
    },
    /// More bytes than a part has.
    #[error("expected at most {max} bytes of entries and operations, found {found}")]
    TooManyBytes {
        /// The limit.
        max: usize,
        /// How many there are.
        found: usize,
    },
    /// A number of newest entries that cannot be asked for.
    #[error("expected 1 to {max} newest entries, found {found}")]
    Count {
        /// The limit.
        max: u64,
        /// The number.
        found: u64,
    },
    /// An entry is not well formed.
    #[error("an entry is not well formed")]
    Entry(#[from] DecodeEntryError),
    /// A signature does not hold.
    #[error("an entry is not authentic")]
    Signature(#[from] SignatureError),
    /// A payload is not the one of its entry.
    #[error("a payload is not the one that was signed")]
    Payload(#[from] PayloadMismatch),
    /// A payload is not an operation.
    #[error("a payload is not an operation")]
    Operation(#[from] DecodeOperationError),
    /// The entries of a log do not hang together.
    #[error("the entries of a log do not hang together")]
    Line(#[from] LogError),
    /// Logs do not come in order.
    #[error("expected entries by author, log and place")]
    Order,
    /// An entry of another log than was asked for.
    #[error("expected entries of the log that was asked for, found log {log_id} of {author}")]
    OtherLog {
        /// Who writes it.
        author: PublicKey,
        /// The log.
        log_id: LogId,
    },
    /// An entry that is needed is not there.
    #[error("expected entry {seq_num} of a log, which is not there")]
    NoEntry {
        /// Its place.
        seq_num: SeqNum,
    },
    /// An operation that is needed is not there.
    #[error("expected operation {id}, which is not there")]
    NoOperation {
        /// The operation.
        id: OperationId,
    },
    /// A payload that is needed is not there.
    #[error("expected the payload of {id}, which is not there")]
    NoPayload {
        /// The operation.
        id: OperationId,
    },
    /// An entry that was not asked for and proves nothing.
    #[error("expected nothing but what was asked for, found entry {id}")]
    Extra {
        /// The operation.
        id: OperationId,
    },
    /// The payload of an entry that only proves others.
    #[error("expected entry {id} without its payload")]
    ExtraPayload {
        /// The operation.
        id: OperationId,
    },
    /// A log belongs to another document.
    #[error("expected logs of document {expected}, found one of {found}")]
    OtherDocument {
        /// What was asked for.
        expected: DocumentId,
        /// What the log belongs to.
        found: DocumentId,
    },
    /// The state of a document is missing.
    #[error("expected the state of the document, found none")]
    NoState,
    /// A log has no state.
    #[error("expected no state of a log, found one")]
    State,
    /// An operation claims another schema than the one that begins the document.
    #[error("operation {id} claims another schema than its document has")]
    OtherSchema {
        /// The operation.
        id: OperationId,
    },
    /// A state without fields that no single operation has made.
    #[error("expected one DELETE for a state without fields")]
    NoDelete,
    /// A DELETE in a state with fields, or another operation in one without.
    #[error("operation {id} does not fit a state with, or without, fields")]
    Deleted {
        /// The operation.
        id: OperationId,
    },
    /// The fields of the state are not those of the document.
    #[error("expected all fields of the document, found others")]
    Fields,
    /// An operation did not write a field that it is said to have written last.
    #[error("operation {id} does not write field `{field}`")]
    NotWritten {
        /// The field.
        field: FieldName,
        /// The operation.
        id: OperationId,
    },
    /// A proof of a fork of a log that is not part of it.
    #[error("expected forks of the logs that are there, found one of log {log_id} of {author}")]
    OtherFork {
        /// Who writes it.
        author: PublicKey,
        /// The log.
        log_id: LogId,
    },
    /// An entry at or above a fork.
    #[error("expected entries below the fork of their log, found {id}")]
    Void {
        /// The operation.
        id: OperationId,
    },
}
