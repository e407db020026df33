//! Parts of documents and logs, kept beside the logs (RE13).
//!
//! A log is a line without gaps, and a document is what all its operations come to. A part is
//! neither: its entries stand in an area of their own, where nothing that reads logs, documents,
//! heads or collections comes by. It goes as soon as the store has all of its entries in their
//! logs, or when a fork makes some of them void.

use pandan_admission::{ClaimedState, Part, PartAsk, PartClaim, PartEntry, PartSubject, Piece};
use pandan_bamboo::{EncodedEntry, ForkProof, SeqNum};

/// Who told a part, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Teller {
    /// The key with which that node authenticates itself.
    pub peer: [u8; 32],
    /// Seconds since 1970.
    pub unix_seconds: u64,
}

/// What became of a part that was to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// It is kept, instead of what was kept of the same document or log before.
    Kept,
    /// All its entries are in their logs already. What was kept before is gone.
    Stored,
    /// It is not kept: entries stand where others are stored or kept. These are the proofs;
    /// [`Store::ingest_proof`](crate::Store::ingest_proof) takes them.
    Forked(Vec<ForkProof>),
    /// It is not kept: some of its entries are void, since this fork is known.
    Void(Box<ForkProof>),
    /// It is not kept: there are as many parts as are kept.
    Full {
        /// [`MAX_PARTS`](crate::limits::MAX_PARTS).
        max: usize,
    },
}

/// A part that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPart {
    /// What was asked for.
    pub ask: PartAsk,
    /// Who told it, and when.
    pub teller: Teller,
    /// The latest state of the document, as the teller claims.
    pub state: Option<ClaimedState>,
    /// The entries, by author, log and place.
    pub entries: Vec<KeptEntry>,
}

/// An entry of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptEntry {
    /// The signed entry.
    pub entry: EncodedEntry,
    /// The encoded operation, unless it was left out or only proves others.
    pub payload: Option<Vec<u8>>,
    /// Whether it is there for itself, not only to prove others.
    pub is_asked: bool,
}

/// How much there is of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartSummary {
    /// What was asked for.
    pub ask: PartAsk,
    /// Who told it, and when.
    pub teller: Teller,
    /// The latest state of the document, as the teller claims.
    pub state: Option<ClaimedState>,
    /// The entries.
    pub entries: u64,
    /// Of these, those that are there for themselves.
    pub asked: u64,
    /// Of these, those without their payloads.
    pub lacking: u64,
    /// Bytes of entries and operations.
    pub bytes: u64,
    /// The latest entry, of a log.
    pub latest: Option<SeqNum>,
}

impl KeptPart {
    pub(crate) fn new(part: &Part, teller: Teller) -> Self {
        let entry = |piece: &Piece| KeptEntry {
            entry: *piece.entry(),
            payload: piece.payload().map(<[u8]>::to_vec),
            is_asked: piece.is_asked(),
        };
        let entries = part.pieces().iter().map(entry).collect();
        Self { ask: *part.ask(), teller, state: part.state().cloned(), entries }
    }

    /// What it is a part of.
    #[must_use]
    pub const fn subject(&self) -> PartSubject {
        self.ask.subject()
    }

    /// What was told once, to be verified again.
    #[must_use]
    pub fn claim(&self) -> PartClaim {
        let entry = |kept: &KeptEntry| PartEntry {
            entry: kept.entry.as_bytes().to_vec(),
            payload: kept.payload.clone(),
        };
        PartClaim {
            ask: self.ask,
            state: self.state.clone(),
            entries: self.entries.iter().map(entry).collect(),
            proofs: Vec::new(),
        }
    }

    /// The entries that were asked for and lack their payloads.
    pub fn lacking(&self) -> impl Iterator<Item = &EncodedEntry> {
        self.entries.iter().filter(|kept| kept.lacks_payload()).map(|kept| &kept.entry)
    }

    /// How much there is of it.
    #[must_use]
    pub fn summary(&self) -> PartSummary {
        let count = |test: fn(&KeptEntry) -> bool| {
            self.entries.iter().filter(|kept| test(kept)).count() as u64
        };
        let size = |kept: &KeptEntry| {
            kept.entry.as_bytes().len() + kept.payload.as_ref().map_or(0, Vec::len)
        };
        let last = self.entries.last().map(|kept| kept.entry.header().seq_num());
        PartSummary {
            ask: self.ask,
            teller: self.teller,
            state: self.state.clone(),
            entries: self.entries.len() as u64,
            asked: count(|kept| kept.is_asked),
            lacking: count(KeptEntry::lacks_payload),
            bytes: self.entries.iter().map(size).sum::<usize>() as u64,
            latest: last.filter(|_| matches!(self.ask, PartAsk::Newest { .. })),
        }
    }
}

impl KeptEntry {
    /// Whether it was asked for, and its payload was left out.
    #[must_use]
    pub const fn lacks_payload(&self) -> bool {
        self.is_asked && self.payload.is_none()
    }
}
