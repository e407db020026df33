//! What a store knows about a candidate: the answers to [`Questions`](crate::Questions).
//!
//! All of it has to be of one moment. A fact that is not there is a case of its own, it never
//! means that a check is left out.

use alloc::sync::Arc;
use alloc::vec::Vec;

use pandan_bamboo::{EncodedEntry, EntryHash, ForkProof, Header, LogId};
use pandan_operations::{DocumentId, OperationId, SchemaId};
use pandan_schema::Schema;

/// Answers to the questions of one candidate.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The line of the log that the entry claims; none when it has no entries yet. The line of a
    /// frozen log ends before its fork.
    pub log: Option<LogFact>,
    /// The fork of that log, if it is frozen.
    pub fork: Option<ForkFact>,
    /// The entry at the same place of the line, if there is one.
    pub same_place: Option<EncodedEntry>,
    /// The entry to which the skiplink leads, if it is stored.
    pub skiplink: Option<Header>,
    /// The entry to which the skiplink of the *next* entry will lead, if it is stored.
    pub next_skiplink: Option<EntryHash>,
    /// The schema.
    pub schema: SchemaFact,
    /// Each of the previous operations, in their order.
    pub previous: Vec<PreviousFact>,
    /// The document of the first of the previous operations; none for a CREATE, and when that
    /// operation is unknown.
    pub document: Option<DocumentFact>,
    /// For each piece of a blob, in their order, how many bytes it holds in the pinned state;
    /// none when that state is not known or not one of a piece.
    pub pieces: Vec<Option<u64>>,
}

/// A log with entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogFact {
    /// The document that is written in it.
    pub document: DocumentId,
    /// The entry with the greatest sequence number.
    pub latest: Header,
}

/// What is known of a log that was forked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkFact {
    /// The proof that counts; the log is frozen from its place on.
    pub proof: ForkProof,
    /// Whether this very entry is stored. Only asked for at the place of the fork and above.
    pub is_stored: bool,
}

/// What is known of a schema.
#[derive(Clone, Debug, PartialEq)]
pub enum SchemaFact {
    /// Nothing: its definition did not arrive or is not complete.
    Unknown,
    /// It is in use.
    Active(Arc<Schema>),
    /// Its definition was deleted: what there is of it can be read, and no client may add to it.
    Retired(Arc<Schema>),
}

/// What is known of an operation that another refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousFact {
    /// The operation.
    pub operation: OperationId,
    /// Where it belongs; none when it is not stored.
    pub found: Option<PreviousFound>,
}

/// Where a stored operation belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousFound {
    /// Its document.
    pub document: DocumentId,
    /// Its schema.
    pub schema: SchemaId,
}

/// What is known of the document that a candidate changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentFact {
    /// The document.
    pub id: DocumentId,
    /// Whether it is deleted in its latest state, or withdrawn.
    pub deleted: bool,
    /// The log with the lowest id in which the author of the candidate writes it, of those that are
    /// not frozen.
    pub log: Option<LogId>,
}
