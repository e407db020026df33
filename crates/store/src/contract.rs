//! What every store promises.
//!
//! There is one way in, [`Store::ingest`], and it takes candidates in batches: a batch is one
//! transaction, in which each candidate is judged on the facts that those before it have made and,
//! when admitted, written with everything that follows from it: the entry, the head of its log,
//! the document, its row in the table of its schema, a schema that became complete. Readers see
//! all of a batch or nothing of it. When `ingest` returns, what it reports as committed is as
//! durable as the store was asked to be.
//!
//! A fork of a log is found in the same way: the proof is kept, the log frozen, and all documents
//! with operations from there on built anew, in the transaction of the entry that proves it.
//! [`Store::ingest_proof`] takes proofs from elsewhere.
//!
//! Parts of documents and logs, which verify but have gaps, are kept beside all that
//! ([`Store::keep_part`]) and show nowhere else.
//!
//! There is one way out, [`Store::snapshot`]: everything read from one snapshot is of one moment.

use std::fmt;
use std::sync::Arc;

use pandan_admission::{Candidate, Door, NextArgsError, Part, PartSubject, Refusal, Waiting};
use pandan_bamboo::{EncodedEntry, EntryHash, ForkProof, LogId, NextArgs, SeqNum};
use pandan_documents::Document;
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId, OperationId, SchemaId};
use pandan_schema::{FieldName, Schema, Value};

use crate::forks::{ForkPage, ForkQuery, Frozen};
use crate::heads::{
    Arrival, Budget, DocumentHead, Head, HeadInRange, HeadRange, HeadsPart, LogPlace,
    NeededEntries, NeededLog, WantedEntries, Wants,
};
use crate::parts::{Keeping, KeptPart, PartSummary, Teller};
use crate::query::{CollectionQuery, ListQuery, Page, Selection};
use crate::{Cancel, StoreError};

/// A place for entries and all that follows from them.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Judges and writes a batch as one transaction; one outcome for each candidate, in order.
    ///
    /// Candidates of a batch build on each other: a CREATE and an UPDATE of it may come together.
    /// After an error nothing of the batch can be seen, and it can be handed in again. If the disk
    /// failed after it took all of the batch, a crash that follows can still bring it back, as a
    /// whole.
    fn ingest(&self, batch: Vec<(Candidate, Door)>) -> Result<Vec<Outcome>, StoreError>;

    /// Keeps a proof and freezes its log, as one transaction; none of the entries has to be stored.
    ///
    /// None when the proof is not kept: when one of an earlier place of the log is known, or one of
    /// the same place with lower hashes, or when nothing is stored of the log, it does not fork at
    /// its first entry, and [`MAX_PROOFS_ALONE`](crate::limits::MAX_PROOFS_ALONE) such proofs against
    /// the author are kept already. An error means that nothing was written.
    fn ingest_proof(&self, proof: ForkProof) -> Result<Option<Frozen>, StoreError>;

    /// Keeps a part beside the logs, as one transaction, instead of what is kept of the same
    /// document or log.
    ///
    /// No document, log or head shows anything of it. It goes with the transaction that stores the
    /// last of its entries, or that finds a fork at or below one of them; and an entry that is to
    /// be stored where a part has another one forks its log, as if that one were stored.
    fn keep_part(&self, part: &Part, teller: Teller) -> Result<Keeping, StoreError>;

    /// Lets a part go; tells whether it was there.
    fn forget_part(&self, subject: &PartSubject) -> Result<bool, StoreError>;

    /// Opens a view of everything that is committed now. Never waits for a writer.
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError>;
}

/// What became of a candidate.
#[derive(Debug)]
pub enum Outcome {
    /// It is stored, and its effects with it.
    Committed(Committed),
    /// It was stored before.
    Known {
        /// Whether it is void.
        is_void: bool,
    },
    /// It cannot be judged yet.
    Wait(Box<Waiting>),
    /// It broke a rule.
    Refused(Refusal),
    /// It proved a fork, and its log is frozen now. What became of the entry itself stands beside:
    /// it is stored as a void connector, waits, or is refused.
    Forked(Box<Frozen>, Box<Self>),
}

impl Outcome {
    /// What became of the entry itself, whether it forked its log or not.
    #[must_use]
    pub fn entry(&self) -> &Self {
        match self {
            Self::Forked(_, outcome) => outcome.entry(),
            outcome => outcome,
        }
    }

    /// Tells the log that was frozen, if there is one, and what became of the entry itself.
    #[must_use]
    pub fn split(self) -> (Option<Frozen>, Self) {
        match self {
            Self::Forked(frozen, outcome) => (Some(*frozen), *outcome),
            outcome => (None, outcome),
        }
    }
}

/// What a stored entry changed.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Who signed it.
    pub author: PublicKey,
    /// The log of the entry.
    pub log_id: LogId,
    /// The place of the entry in its log.
    pub seq_num: SeqNum,
    /// The operation, named by the hash of its entry.
    pub operation: OperationId,
    /// The document it belongs to.
    pub document: DocumentId,
    /// The schema of the document.
    pub schema: SchemaId,
    /// Whether it is void, since its place is at or above the fork of its log: the latest state of
    /// the document is as it was before.
    pub is_void: bool,
    /// Arguments for the next entry of the same log; none when its log has come to an end.
    pub next: Option<NextArgs>,
    /// Schemas which became known with it, or changed their state.
    pub schemas: Vec<KnownSchema>,
}

/// A schema and whether it is still in use.
#[derive(Clone, Debug)]
pub struct KnownSchema {
    /// The schema.
    pub schema: Arc<Schema>,
    /// Whether its definition was deleted: its documents can be read, but no client may publish
    /// to it any more.
    pub retired: bool,
}

/// Everything of one moment.
///
/// Every method that takes several things answers in one or few reads, not in one for each.
pub trait Snapshot: Send {
    /// Ends reads with [`StoreError::Cancelled`] when they are cancelled: soon, if one is under
    /// way, without waiting for what it would find, and every one that comes later at once.
    fn heed(&mut self, cancel: Cancel);

    /// The arguments for the next entry by an author: of a new log, or of the author's log for
    /// the document that the view belongs to.
    fn next_args(
        &self,
        author: &PublicKey,
        view: Option<&DocumentViewId>,
    ) -> Result<Result<NextArgs, NextArgsError>, StoreError>;

    /// The entry with this hash.
    fn entry(&self, hash: &EntryHash) -> Result<Option<StoredEntry>, StoreError>;

    /// Up to `limit` entries of a log in order, beginning with sequence number `from`. A frozen log
    /// ends before its fork; what else is stored of it belongs to documents only.
    fn log(
        &self,
        author: &PublicKey,
        log_id: LogId,
        from: SeqNum,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError>;

    /// The heads of all logs of an author that have entries (before their forks), by log id.
    fn logs(&self, author: &PublicKey) -> Result<Vec<LogHead>, StoreError>;

    /// Up to `limit` entries of a document in the order in which they were stored, beginning
    /// after the first `skip` of them.
    fn document_entries(
        &self,
        document: &DocumentId,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError>;

    /// All known schemas, system schemas included.
    fn schemas(&self) -> Result<Vec<KnownSchema>, StoreError>;

    /// Documents in their latest state, one answer for each id; deleted ones come without fields.
    fn documents(
        &self,
        ids: &[DocumentId],
        selection: &Selection,
    ) -> Result<Vec<Option<DocumentRecord>>, StoreError>;

    /// Documents in the state that a view id names, one answer for each; none when an operation
    /// of the view is not there, when the view mixes documents, or when the document is deleted,
    /// now or in that state (by a DELETE that is void now).
    ///
    /// The record carries the view id recomputed from the tips of that state.
    fn views(&self, ids: &[DocumentViewId]) -> Result<Vec<Option<DocumentRecord>>, StoreError>;

    /// A page of the documents of a schema.
    fn collection(&self, query: &CollectionQuery) -> Result<Page, StoreError>;

    /// A page of each of several relation lists, all asked for in the same way.
    fn lists(&self, query: &ListQuery) -> Result<Vec<Page>, StoreError>;

    /// Splits the logs of ranges that follow each other into up to `parts` parts of nearly equal
    /// size; one for all of them when `parts` is 1, none when there are no logs.
    fn split_heads(&self, ranges: &[HeadRange], parts: usize)
    -> Result<Vec<HeadsPart>, StoreError>;

    /// The first `limit` heads of ranges that follow each other, in order.
    fn heads(&self, ranges: &[HeadRange], limit: usize) -> Result<Vec<HeadInRange>, StoreError>;

    /// The heads of logs, each with the schema of its log; one answer for each.
    fn heads_of(&self, logs: &[LogPlace]) -> Result<Vec<Option<(SchemaId, Head)>>, StoreError>;

    /// Logs in which documents are written, each document named by any of its operations: up to
    /// `limit` of them, in order, those after a place. Each comes with the schema of its document:
    /// those that have a head, and those of which a fork at the first entry leaves nothing, so that
    /// their proofs can be asked for.
    fn document_logs(
        &self,
        ids: &[OperationId],
        after: Option<&LogPlace>,
        limit: usize,
    ) -> Result<Vec<(SchemaId, LogPlace)>, StoreError>;

    /// Which of the operations are stored, void ones included; one answer for each.
    fn are_stored(&self, ids: &[OperationId]) -> Result<Vec<bool>, StoreError>;

    /// Some of what somebody wants: first the proofs of the wanted logs that are frozen, each in one
    /// page and also if no entry of its log is wanted, then the wanted entries in the order in
    /// which they were stored.
    ///
    /// What an operation needs comes before it. Most of that is older; but void operations, those at
    /// and above a fork, are in no log that could be wanted, and whoever has the log in the same
    /// state may not have them. Those that a wanted operation names as previous therefore come right
    /// before it, with those that they need themselves; before a CREATE also those which its schema
    /// is made of. Each comes once in a page, up to
    /// [`MAX_CONNECTORS`](crate::limits::MAX_CONNECTORS) for an entry.
    fn wanted_entries(
        &self,
        wants: &Wants,
        after: Arrival,
        budget: Budget,
    ) -> Result<WantedEntries, StoreError>;

    /// The first `limit` logs of the documents of some schemas, deleted ones included: document by
    /// document in the order in which these began, those of one document by author and log id.
    /// Logs of which a fork at the first entry leaves nothing are left out.
    fn document_heads(
        &self,
        schemas: &[SchemaId],
        limit: usize,
    ) -> Result<Vec<DocumentHead>, StoreError>;

    /// The same for the blobs to which documents of the schemas `related_from` relate, by document
    /// or by state, and for all that was ever a piece of these blobs; only one of both when
    /// `schemas` names only one.
    fn blob_heads(
        &self,
        schemas: &[SchemaId],
        related_from: &[SchemaId],
        limit: usize,
    ) -> Result<Vec<DocumentHead>, StoreError>;

    /// Some of the entries that are needed of logs, in the order in which they were stored; if
    /// `after` is stored, those behind it only. Each log is named once.
    ///
    /// In this order an entry comes behind the one before it in its log, and behind the previous
    /// operations of its own.
    fn needed_entries(
        &self,
        needed: &[NeededLog],
        after: Option<&EntryHash>,
        budget: Budget,
    ) -> Result<NeededEntries, StoreError>;

    /// A page of the known forks, by author and log id.
    fn forks(&self, query: &ForkQuery) -> Result<ForkPage, StoreError>;

    /// Which of the documents have void operations; one answer for each id, also for those that
    /// are not stored.
    fn have_void(&self, ids: &[DocumentId]) -> Result<Vec<bool>, StoreError>;

    /// How much there is of each part that is kept: documents by id, then logs by author and log id.
    fn parts(&self) -> Result<Vec<PartSummary>, StoreError>;

    /// A part that is kept.
    fn part(&self, subject: &PartSubject) -> Result<Option<KeptPart>, StoreError>;

    /// How much is stored.
    fn counts(&self) -> Result<Counts, StoreError>;
}

/// An entry and its payload, as they were received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// The signed entry.
    pub entry: EncodedEntry,
    /// The encoded operation, unless it was deleted.
    pub operation: Option<Vec<u8>>,
}

impl StoredEntry {
    /// Bytes of the entry and its operation.
    pub(crate) fn size(&self) -> usize {
        self.entry.as_bytes().len() + self.operation.as_ref().map_or(0, Vec::len)
    }
}

/// A log and how far it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogHead {
    /// The log.
    pub log_id: LogId,
    /// The document written in it.
    pub document: DocumentId,
    /// Sequence number of the latest entry, or of the latest before the fork.
    pub seq_num: SeqNum,
    /// The place of the fork from which on the log is frozen.
    pub fork: Option<SeqNum>,
}

/// A document in one of its states.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentRecord {
    /// The document.
    pub id: DocumentId,
    /// Its schema.
    pub schema: SchemaId,
    /// Who created it.
    pub owner: PublicKey,
    /// The state.
    pub view_id: DocumentViewId,
    /// Whether a field was last written by another operation than the CREATE.
    pub is_edited: bool,
    /// The selected fields, by name; none when the document is deleted.
    pub fields: Option<Vec<(FieldName, Value)>>,
}

impl DocumentRecord {
    /// Whether the document was deleted.
    #[must_use]
    pub const fn is_deleted(&self) -> bool {
        self.fields.is_none()
    }

    /// The value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        let fields = self.fields.as_ref()?;
        fields.iter().find(|(field, _)| field.as_str() == name).map(|(_, value)| value)
    }
}

impl From<&Document> for DocumentRecord {
    /// A document as it is seen from outside, with all its fields.
    fn from(document: &Document) -> Self {
        let view = document.view();
        let fields = view.fields.as_ref().map(|fields| {
            fields.iter().map(|(name, field)| (name.clone(), field.value.clone())).collect()
        });
        Self {
            id: document.id(),
            schema: document.schema().clone(),
            owner: document.author(),
            view_id: view.id.clone(),
            is_edited: view.is_edited,
            fields,
        }
    }
}

/// Numbers for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Stored entries.
    pub entries: u64,
    /// Documents, deleted ones included.
    pub documents: u64,
    /// Deleted documents.
    pub deleted: u64,
    /// Logs, and those of which only a fork is known.
    pub logs: u64,
    /// Frozen logs.
    pub forks: u64,
    /// Authors.
    pub authors: u64,
    /// Schemas, system schemas included.
    pub schemas: u64,
}
