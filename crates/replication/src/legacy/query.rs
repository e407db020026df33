//! What a link asks of the store, and what it hands over to be stored.

use alloc::vec::Vec;

use pandan_bamboo::{EncodedEntry, LogId, SeqNum};
use pandan_identity::{PUBLIC_KEY_LENGTH, PublicKey};
use pandan_operations::{DocumentId, OperationId};

use super::SchemaSet;

/// Names a question; no other question of the link has or had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadId(pub(super) u64);

/// Names entries that were handed over; no others of the link have or had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IngestId(pub(super) u64);

/// A question to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// The last entry of each log whose document is of one of these schemas, deleted documents
    /// included. To be answered with [`Answer::Heights`].
    ///
    /// The order of the answer is the one in which documents are sent, so documents which others
    /// depend on come first: the order in which they began is one. All logs of a document stand
    /// together.
    Heights {
        /// The schemas, neither `blob_v1` nor `blob_piece_v1` among them.
        schemas: SchemaSet,
        /// No more logs than this.
        limit: usize,
    },
    /// The same for blobs and their pieces, but only those to which others relate: of `blob_v1`,
    /// documents that a document of a schema in `related_from` relates to, by document or by view
    /// id; of `blob_piece_v1`, the pieces of such blobs. To be answered with [`Answer::Heights`].
    BlobHeights {
        /// `blob_v1`, `blob_piece_v1` or both.
        schemas: SchemaSet,
        /// The schemas whose documents relate to blobs.
        related_from: SchemaSet,
        /// No more logs than this.
        limit: usize,
    },
    /// These parts of logs. To be answered with [`Answer::Entries`].
    ///
    /// The order is that of the documents in `needs`, and inside a document one in which each
    /// operation comes behind its previous ones, and each entry behind the one before it in its
    /// log: the order into which operations are sorted is one, that of storing them another.
    Entries {
        /// What the peer lacks; all needs of a document stand together.
        needs: Vec<Need>,
        /// Where to go on: behind this operation.
        after: Option<OperationId>,
        /// No more entries than this.
        max_entries: usize,
        /// An answer ends when it has so many bytes of entries and operations.
        max_bytes: usize,
    },
}

/// What the store says to a [`Query`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Logs and how far they go.
    Heights(Vec<LogHeight>),
    /// Entries in their order.
    Entries {
        /// The entries.
        entries: Vec<StoredEntry>,
        /// Whether there are more behind them.
        more: bool,
    },
    /// The store could not answer; the session ends.
    Failed,
}

/// A log and how far it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogHeight {
    /// The document that the log belongs to.
    pub document: DocumentId,
    /// The author.
    pub author: PublicKey,
    /// The log.
    pub log_id: LogId,
    /// The place of its last entry.
    pub seq_num: SeqNum,
}

/// A part of a log that the peer lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The document that the log belongs to.
    pub document: DocumentId,
    /// The author.
    pub author: PublicKey,
    /// The log.
    pub log_id: LogId,
    /// The first place.
    pub from: SeqNum,
    /// The last place.
    pub to: SeqNum,
}

/// An entry that the store has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// The document that it belongs to.
    pub document: DocumentId,
    /// The entry.
    pub entry: EncodedEntry,
    /// The operation; none when its payload was deleted.
    pub operation: Option<Vec<u8>>,
}

/// An entry that came from the peer, not looked at but for its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The encoded entry.
    pub entry: Vec<u8>,
    /// The encoded operation.
    pub operation: Vec<u8>,
}

/// What became of a [`Received`] entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is stored now.
    Stored,
    /// It was stored before.
    Known,
    /// It waits for something that it depends on.
    Waiting,
    /// Nothing is known of its schema, and it was left out. The peer sends it again in every
    /// session.
    UnknownSchema,
    /// It breaks a rule that has to do with what is stored here. The peer may be honest: it may
    /// know other entries.
    Refused,
    /// It breaks a rule that anybody can check: its form, its signature, the hash of its payload.
    Forged,
}

/// Names a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LogName {
    pub(super) author: [u8; PUBLIC_KEY_LENGTH],
    pub(super) log_id: LogId,
}

impl LogName {
    pub(super) const fn new(author: &PublicKey, log_id: LogId) -> Self {
        Self { author: *author.as_bytes(), log_id }
    }
}
