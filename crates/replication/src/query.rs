//! What a session asks the store, and the answers.
//!
//! All questions but those of related documents ([`Query::DocumentHeads`], [`Query::AnyHeads`]) are
//! about the schemas of the session ([`Session::schemas`]): logs of other schemas do not exist for
//! it, except that entries may be asked for of what the node hands out as related. A session has few questions open at a time, and they may be
//! answered in any order.
//!
//! [`Session::schemas`]: crate::Session::schemas

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pandan_bamboo::{EncodedEntry, Fingerprint, ForkProof, Salt, SeqNum};
use pandan_operations::OperationId;

use crate::{Bound, Head, KeyRange, LogName};

/// Names a question within its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadId(pub(crate) u64);

/// A question to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Fingerprints of ranges; of those that differ from a given one also those of parts of
    /// nearly equal counts, at most `parts` each. Answered by [`Answer::Splits`], one for each.
    Split {
        /// The ranges, with the fingerprint to compare with.
        ranges: Vec<(KeyRange, Option<Fingerprint>)>,
        /// The greatest number of parts of a range.
        parts: usize,
        /// The salt of all fingerprints.
        salt: Salt,
    },
    /// The heads in ranges, of each range up to a number. Answered by [`Answer::Lists`], one for
    /// each.
    Heads {
        /// The ranges, and how many heads of each at most.
        ranges: Vec<(KeyRange, usize)>,
    },
    /// The heads of logs. Answered by [`Answer::Heads`] with those that are there, in the order
    /// of their names.
    HeadsOf {
        /// The logs, in order.
        logs: Vec<LogName>,
    },
    /// Entries of logs in the order in which the store took them in. Answered by
    /// [`Answer::Page`].
    Entries {
        /// Which entries.
        wants: Arc<Wants>,
        /// What came before; nothing at the beginning.
        after: Option<Cursor>,
        /// Entries and payloads fill a page with about as many bytes; one that is larger comes
        /// alone.
        budget_bytes: usize,
        /// The greatest number of entries of a page.
        budget_entries: usize,
    },
    /// The entry at a place. Answered by [`Answer::Entry`].
    Entry {
        /// The log.
        log: LogName,
        /// The place.
        seq_num: SeqNum,
    },
    /// The heads of the logs of documents, of whatever schema, as far as the node hands them out.
    /// Answered by [`Answer::DocumentHeads`].
    DocumentHeads {
        /// The documents, each named by one of its operations.
        ids: Vec<OperationId>,
        /// Only logs after this one.
        after: Option<LogName>,
        /// The greatest number of logs.
        limit: usize,
    },
    /// The heads of logs, of whatever schema. Answered by [`Answer::Heads`] with those that are
    /// there, in the order of their names; the schemas in their keys say nothing.
    AnyHeads {
        /// The logs, in order.
        logs: Vec<LogName>,
    },
}

/// Entries that somebody lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Logs, in order, each with the first entry.
    pub logs: Vec<(LogName, SeqNum)>,
    /// All logs in ranges.
    pub ranges: Vec<KeyRange>,
}

/// A place in the order of arrival, which the store counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor(pub u64);

/// The answer to a question; each has its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Query::Split`].
    Splits(Vec<Split>),
    /// To [`Query::Heads`].
    Lists(Vec<HeadList>),
    /// To [`Query::HeadsOf`] and [`Query::AnyHeads`].
    Heads(Vec<Head>),
    /// To [`Query::Entries`].
    Page(Page),
    /// To [`Query::Entry`].
    Entry(Option<Box<EncodedEntry>>),
    /// To [`Query::DocumentHeads`].
    DocumentHeads(FoundHeads),
    /// The store cannot answer; the session ends.
    Unavailable,
}

/// A range in fingerprints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// How many logs are in the range.
    pub count: u64,
    /// The fingerprint of the range.
    pub fingerprint: Fingerprint,
    /// The parts, in order; the last one ends where the range does. None when the fingerprint is
    /// the given one or the range has no log.
    pub parts: Vec<Part>,
}

/// A part of a range. It begins where the part before it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it ends: best the shortest bound between two logs ([`Bound::between`]).
    pub end: Bound,
    /// The fingerprint of its logs.
    pub fingerprint: Fingerprint,
}

/// Some heads of a range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeadList {
    /// The first heads, in order.
    pub heads: Vec<Head>,
    /// Whether there are more.
    pub more: bool,
}

/// Logs of documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundHeads {
    /// The heads, in the order of their names; the schemas in their keys say nothing.
    pub heads: Vec<Head>,
    /// Logs without a head, since a fork at their first entry leaves nothing of them.
    pub headless: Vec<LogName>,
    /// Whether there are more logs behind these. Then there is a head.
    pub more: bool,
}

/// Some of the entries that were asked for.
///
/// Void operations that counting ones name as previous come before these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The proofs of those of the logs that are frozen: each in one page, and not after entries
    /// of its log. They come also for logs of which no entry is asked for.
    pub proofs: Vec<ForkProof>,
    /// The entries.
    pub entries: Vec<Received>,
    /// Where to go on; nothing when this was the last page.
    pub next: Option<Cursor>,
    /// About how much comes after this page.
    pub left: Amount,
}

/// An entry as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The encoded entry.
    pub entry: Vec<u8>,
    /// The payload, unless it is left out.
    pub payload: Option<Vec<u8>>,
}

impl Received {
    /// Bytes of both.
    pub(crate) fn length(&self) -> usize {
        let payload = self.payload.as_ref().map_or(0, Vec::len);
        self.entry.len().saturating_add(payload)
    }

    /// The same, to be added up over time.
    pub(crate) fn bytes(&self) -> u64 {
        u64::try_from(self.length()).unwrap_or(u64::MAX)
    }
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Number of entries.
    pub entries: u64,
    /// Bytes of entries and payloads.
    pub bytes: u64,
}
