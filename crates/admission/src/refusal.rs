//! Why a candidate may not be stored.

use pandan_bamboo::{
    DecodeEntryError, Link, LinkError, LogId, PayloadMismatch, SeqNum, SignatureError,
};
use pandan_operations::{DecodeOperationError, DocumentId, DocumentViewId, OperationId, SchemaId};
use pandan_schema::CheckError;
use thiserror::Error;

/// A rule that a candidate broke.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The payload is no operation (OP1).
    #[error("operation is not well formed")]
    Operation(#[from] DecodeOperationError),
    /// The bytes are no entry (BA1).
    #[error("entry is not well formed")]
    Entry(#[from] DecodeEntryError),
    /// The author did not sign these bytes (BA1).
    #[error("entry is not authentic")]
    Signature(#[from] SignatureError),
    /// Entry and operation do not belong together (BA2).
    #[error("entry and operation do not belong together")]
    Payload(#[from] PayloadMismatch),
    /// Nothing is known of the schema.
    #[error("schema {schema} is not known")]
    SchemaNotFound {
        /// The schema that the operation claims.
        schema: SchemaId,
    },
    /// The definition of the schema was deleted.
    #[error("schema {schema} is not in use any more")]
    SchemaRetired {
        /// The schema that the operation claims.
        schema: SchemaId,
    },
    /// The entry is not the next one of its log.
    #[error("expected an entry with sequence number {expected}, found {found}")]
    SeqNum {
        /// The next one.
        expected: SeqNum,
        /// What the entry claims.
        found: SeqNum,
    },
    /// No entry can follow: sequence numbers are used up.
    #[error("the log has reached the greatest sequence number")]
    MaxSeqNum,
    /// The author forked the log, and nobody can go on with it (PN35).
    #[error("log {log_id} is frozen from entry {fork} on, where it was forked; found {found}")]
    LogFrozen {
        /// The log.
        log_id: LogId,
        /// The place where it was forked.
        fork: SeqNum,
        /// The place that the entry claims.
        found: SeqNum,
    },
    /// The entry to which a skiplink leads is not stored.
    #[error("expected entry {seq_num} of the log as target of a skiplink, found none")]
    SkiplinkNotFound {
        /// Where the skiplink leads.
        seq_num: SeqNum,
    },
    /// A link does not name the right entry, or the log was ended.
    #[error("entry does not continue its log")]
    Link(#[from] LinkError),
    /// The operation does not fit its schema (OP6, OP8).
    #[error("operation does not fit its schema")]
    Check(#[from] CheckError),
    /// A previous operation is not stored (DO3).
    #[error("previous operation {operation} is not known")]
    PreviousNotFound {
        /// The operation.
        operation: OperationId,
    },
    /// A previous operation follows another schema.
    #[error("expected schema {expected} of previous operation {operation}, found claim of {found}")]
    OtherSchema {
        /// The previous operation.
        operation: OperationId,
        /// Its schema.
        expected: SchemaId,
        /// What the candidate claims.
        found: SchemaId,
    },
    /// The previous operations are of several documents (DV2).
    #[error("expected previous operations of document {expected}, found {operation} of {found}")]
    SeveralDocuments {
        /// A previous operation.
        operation: OperationId,
        /// The document of the first one.
        expected: DocumentId,
        /// The document of this one.
        found: DocumentId,
    },
    /// The document was deleted (DO4).
    #[error("document {document} is deleted")]
    DocumentDeleted {
        /// The document.
        document: DocumentId,
    },
    /// The author writes the document in another log.
    #[error("expected document {document} in log {expected} of its author, found it in {found}")]
    LogId {
        /// The document.
        document: DocumentId,
        /// The log of the author for the document.
        expected: LogId,
        /// What the entry claims.
        found: LogId,
    },
    /// The author writes another document in this log.
    #[error("expected a new log for document {document}, found log {log_id} of another document")]
    DocumentLogNotFound {
        /// The document.
        document: DocumentId,
        /// What the entry claims.
        log_id: LogId,
    },
    /// A piece of a blob is not there.
    #[error("expected piece {piece} of the blob, found none")]
    BlobPieceMissing {
        /// The state of the piece.
        piece: DocumentViewId,
    },
    /// The pieces of a blob do not add up.
    #[error("expected {expected} bytes in the pieces of the blob, found {found}")]
    BlobLength {
        /// The length in the operation.
        expected: i64,
        /// What the pieces hold.
        found: u64,
    },
    /// An update of a blob changes its length or its pieces, but not both.
    #[error("expected both length and pieces of the blob, found one of them")]
    BlobFieldsApart,
    /// A peer sent it without being asked for documents of its schema.
    #[error("nobody asked for documents of schema {schema}")]
    NotAskedFor {
        /// The schema that the operation claims.
        schema: SchemaId,
    },
    /// The facts do not answer the questions: an error of the store.
    #[error("facts do not answer the questions about the entry")]
    WrongFacts,
}

/// Who is at fault, and so how to react.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The bytes are not what they should be.
    Malformed,
    /// The author or the sender broke a rule.
    Misbehaved,
    /// Nobody is at fault: what it needs is no more.
    Incompatible,
    /// Something is not here that may be elsewhere.
    Unavailable,
    /// Our own caller.
    Misuse,
}

impl Refusal {
    /// A stable name for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Operation(_) => "OPERATION_MALFORMED",
            Self::Entry(_) => "ENTRY_MALFORMED",
            Self::Signature(_) => "SIGNATURE_INVALID",
            Self::Payload(PayloadMismatch::Size { .. }) => "PAYLOAD_SIZE_MISMATCH",
            Self::Payload(_) => "PAYLOAD_HASH_MISMATCH",
            Self::SchemaNotFound { .. } => "SCHEMA_NOT_FOUND",
            Self::SchemaRetired { .. } => "SCHEMA_RETIRED",
            Self::SeqNum { .. } => "SEQ_NUM_MISMATCH",
            Self::MaxSeqNum => "MAX_SEQ_NUM_REACHED",
            Self::LogFrozen { .. } => "LOG_FROZEN",
            Self::SkiplinkNotFound { .. } => "SKIPLINK_NOT_FOUND",
            Self::Link(error) => link_code(error),
            Self::Check(error) => check_code(error),
            Self::PreviousNotFound { .. } => "PREVIOUS_NOT_FOUND",
            Self::OtherSchema { .. } => "SCHEMA_MISMATCH",
            Self::SeveralDocuments { .. } => "SEVERAL_DOCUMENTS",
            Self::DocumentDeleted { .. } => "DOCUMENT_DELETED",
            Self::LogId { .. } => "LOG_ID_MISMATCH",
            Self::DocumentLogNotFound { .. } => "DOCUMENT_LOG_NOT_FOUND",
            Self::BlobPieceMissing { .. } => "BLOB_PIECE_MISSING",
            Self::BlobLength { .. } => "BLOB_LENGTH_MISMATCH",
            Self::BlobFieldsApart => "BLOB_FIELDS_APART",
            Self::NotAskedFor { .. } => "NOT_ASKED_FOR",
            Self::WrongFacts => "WRONG_FACTS",
        }
    }

    /// The number of the requirement of the p2panda specification that it broke, where there is
    /// one.
    #[must_use]
    pub const fn requirement(&self) -> Option<&'static str> {
        match self {
            Self::Operation(error) => error.requirement(),
            Self::Entry(_) | Self::Signature(_) | Self::Link(_) => Some("BA1"),
            Self::Payload(_) => Some("BA2"),
            Self::Check(error) => error.requirement(),
            Self::PreviousNotFound { .. } => Some("DO3"),
            Self::SeveralDocuments { .. } => Some("DV2"),
            Self::DocumentDeleted { .. } => Some("DO4"),
            _ => None,
        }
    }

    /// Who is at fault.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Operation(_) | Self::Entry(_) => Fault::Malformed,
            Self::SchemaRetired { .. } | Self::NotAskedFor { .. } => Fault::Incompatible,
            Self::SchemaNotFound { .. }
            | Self::SkiplinkNotFound { .. }
            | Self::PreviousNotFound { .. }
            | Self::BlobPieceMissing { .. } => Fault::Unavailable,
            Self::WrongFacts => Fault::Misuse,
            _ => Fault::Misbehaved,
        }
    }
}

const fn link_code(error: &LinkError) -> &'static str {
    match error {
        LinkError::AfterEndOfLog { .. } => "LOG_ENDED",
        LinkError::OtherHash { link: Link::Skiplink, .. }
        | LinkError::OtherLog { link: Link::Skiplink, .. }
        | LinkError::OtherAuthor { link: Link::Skiplink, .. }
        | LinkError::OtherPlace { link: Link::Skiplink, .. }
        | LinkError::Missing { link: Link::Skiplink, .. } => "SKIPLINK_MISMATCH",
        _ => "BACKLINK_MISMATCH",
    }
}

const fn check_code(error: &CheckError) -> &'static str {
    match error {
        CheckError::Schema { .. } => "SCHEMA_MISMATCH",
        CheckError::MissingField { .. } => "FIELD_MISSING",
        CheckError::UnknownField { .. } => "FIELD_UNKNOWN",
        CheckError::Value { .. } => "FIELD_TYPE_MISMATCH",
        _ => "SYSTEM_SCHEMA_RULE",
    }
}
