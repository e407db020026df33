//! Forks of logs, and what they do to documents.

use pandan_bamboo::{ForkProof, LogId};
use pandan_identity::PublicKey;
use pandan_operations::DocumentId;

use crate::contract::KnownSchema;

/// What freezing a log changed.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// The proof that counts from now on. The log is frozen from its place on.
    pub proof: ForkProof,
    /// The document of which operations became void: those on the line of the log, at and above
    /// the fork. Its latest state was found anew. None when there were no such operations.
    pub document: Option<DocumentId>,
    /// Schemas that became known with it or changed their state, if the document defines any.
    pub schemas: Vec<KnownSchema>,
}

/// A frozen log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The proof that counts.
    pub proof: ForkProof,
    /// The documents with void operations of this log, by id; at most
    /// [`MAX_FORK_DOCUMENTS`](crate::limits::MAX_FORK_DOCUMENTS).
    pub documents: Vec<DocumentId>,
    /// How many there are.
    pub documents_total: u64,
}

/// A question for known forks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkQuery {
    /// Only forks by this author.
    pub author: Option<PublicKey>,
    /// Only forks of logs that have void operations in this document.
    pub document: Option<DocumentId>,
    /// Behind this log.
    pub after: Option<(PublicKey, LogId)>,
    /// At most so many.
    pub first: usize,
}

/// Some of the forks that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkPage {
    /// By author and log id.
    pub forks: Vec<Fork>,
    /// Whether there are more behind the last one.
    pub has_next: bool,
    /// How many match, whatever the page.
    pub total: u64,
}
