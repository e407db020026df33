//! The arguments with which a client writes its next entry.

use alloc::vec::Vec;

use pandan_bamboo::{EntryHash, Header, LogId, NextArgs, SeqNum};
use pandan_operations::{DocumentId, OperationId};
use thiserror::Error;

use crate::Fault;

/// What must be known to answer an author who asks for the next arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextArgsFacts {
    /// The greatest log id of the author, logs of which only the fork is known included; none when
    /// there is no log.
    pub latest_log: Option<LogId>,
    /// Each operation of the view of the document that the author wants to write to, in its order;
    /// empty when it is to be a new document.
    pub view: Vec<NextArgsOperation>,
    /// The document of the first of these operations; none when that one is unknown, and when
    /// there are none.
    pub document: Option<NextArgsDocument>,
}

/// An operation that a client named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextArgsOperation {
    /// The operation.
    pub operation: OperationId,
    /// Its document; none when it is not stored.
    pub document: Option<DocumentId>,
}

/// A document that a client wants to write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextArgsDocument {
    /// Whether it is deleted in its latest state, or withdrawn.
    pub deleted: bool,
    /// The log with the lowest id in which the author writes it, of those that are not frozen.
    pub log: Option<NextArgsLog>,
}

/// A log that is to be continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextArgsLog {
    /// Its latest entry.
    pub latest: Header,
    /// The entry to which the skiplink of the next one will lead, when that one will carry one
    /// and the target is stored.
    pub skiplink: Option<EntryHash>,
}

/// The arguments for the author's next entry: in a new log, or in the log in which the author
/// writes the document.
///
/// The log ids of an author go up by one (BA4). Who forked the log goes on in a new one (PN36).
pub fn next_args(facts: &NextArgsFacts) -> Result<NextArgs, NextArgsError> {
    check_view(&facts.view)?;
    let document = match (facts.view.as_slice(), &facts.document) {
        ([], _) => return new_log(facts.latest_log),
        (_, Some(document)) => document,
        ([first, ..], None) => return Err(unknown(first.operation)),
    };
    if document.deleted {
        return Err(NextArgsError::DocumentDeleted);
    }
    match &document.log {
        None => new_log(facts.latest_log),
        Some(log) => continue_log(log),
    }
}

fn check_view(view: &[NextArgsOperation]) -> Result<(), NextArgsError> {
    let mut expected = None;
    for &NextArgsOperation { operation, document } in view {
        let found = document.ok_or(unknown(operation))?;
        let expected = *expected.get_or_insert(found);
        if found != expected {
            return Err(NextArgsError::SeveralDocuments { operation, expected, found });
        }
    }
    Ok(())
}

const fn unknown(operation: OperationId) -> NextArgsError {
    NextArgsError::OperationNotFound { operation }
}

fn new_log(latest: Option<LogId>) -> Result<NextArgs, NextArgsError> {
    let log_id = match latest {
        None => LogId::default(),
        Some(latest) => latest.next().ok_or(NextArgsError::MaxLogId)?,
    };
    Ok(NextArgs::first(log_id))
}

fn continue_log(log: &NextArgsLog) -> Result<NextArgs, NextArgsError> {
    let latest = &log.latest;
    if latest.is_end_of_log() {
        return Err(NextArgsError::LogEnded { log_id: latest.log_id() });
    }
    let next = latest.seq_num().next().ok_or(NextArgsError::MaxSeqNum)?;
    NextArgs::after(latest, log.skiplink).map_err(|_| NextArgsError::SkiplinkNotFound {
        seq_num: next.skiplink().unwrap_or(SeqNum::FIRST),
    })
}

/// Why there are no next arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NextArgsError {
    /// An operation of the view is not stored.
    #[error("previous operation {operation} is not known")]
    OperationNotFound {
        /// The operation.
        operation: OperationId,
    },
    /// The view mixes documents (DV2).
    #[error("expected operations of document {expected}, found {operation} of {found}")]
    SeveralDocuments {
        /// An operation of the view.
        operation: OperationId,
        /// The document of the first one.
        expected: DocumentId,
        /// The document of this one.
        found: DocumentId,
    },
    /// The document was deleted (DO4).
    #[error("document is deleted")]
    DocumentDeleted,
    /// All log ids of the author are used up.
    #[error("the author has reached the greatest log id")]
    MaxLogId,
    /// All sequence numbers of the log are used up.
    #[error("the log has reached the greatest sequence number")]
    MaxSeqNum,
    /// The author ended the log.
    #[error("log {log_id} was ended by its author")]
    LogEnded {
        /// The log.
        log_id: LogId,
    },
    /// The entry to which the next skiplink leads is not stored.
    #[error("expected entry {seq_num} of the log as target of a skiplink, found none")]
    SkiplinkNotFound {
        /// Where the skiplink leads.
        seq_num: SeqNum,
    },
}

impl NextArgsError {
    /// A stable name for programs; the same as that of the refusal for the same reason.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OperationNotFound { .. } => "PREVIOUS_NOT_FOUND",
            Self::SeveralDocuments { .. } => "SEVERAL_DOCUMENTS",
            Self::DocumentDeleted => "DOCUMENT_DELETED",
            Self::MaxLogId => "MAX_LOG_ID_REACHED",
            Self::MaxSeqNum => "MAX_SEQ_NUM_REACHED",
            Self::LogEnded { .. } => "LOG_ENDED",
            Self::SkiplinkNotFound { .. } => "SKIPLINK_NOT_FOUND",
        }
    }

    /// The number of the requirement of the p2panda specification, where there is one.
    #[must_use]
    pub const fn requirement(&self) -> Option<&'static str> {
        match self {
            Self::OperationNotFound { .. } => Some("DO3"),
            Self::SeveralDocuments { .. } => Some("DV2"),
            Self::DocumentDeleted => Some("DO4"),
            Self::MaxLogId => Some("BA4"),
            Self::MaxSeqNum | Self::LogEnded { .. } | Self::SkiplinkNotFound { .. } => None,
        }
    }

    /// Who is at fault.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::OperationNotFound { .. } | Self::SkiplinkNotFound { .. } => Fault::Unavailable,
            _ => Fault::Misbehaved,
        }
    }
}
