//! What a peer tells when it is asked for a part; nothing of it is verified.

use alloc::vec::Vec;

use pandan_bamboo::{Entry, ForkProof, LogId};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId, FieldName, OperationId};

use super::PartError;

/// What a part is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartSubject {
    /// A document.
    Document(DocumentId),
    /// A log.
    Log {
        /// Who writes it.
        author: PublicKey,
        /// Which one.
        log_id: LogId,
    },
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PartAsk {
    /// A document at its latest view.
    Document(DocumentId),
    /// The newest entries of a log.
    Newest {
        /// Who writes it.
        author: PublicKey,
        /// Which one.
        log_id: LogId,
        /// How many; all, if there are fewer. 1 to [`MAX_NEWEST`](crate::limits::MAX_NEWEST).
        count: u64,
    },
}

impl PartAsk {
    /// Of what a part is asked for.
    #[must_use]
    pub const fn subject(&self) -> PartSubject {
        match *self {
            Self::Document(id) => PartSubject::Document(id),
            Self::Newest { author, log_id, .. } => PartSubject::Log { author, log_id },
        }
    }
}

/// The latest state of a document, as somebody claims it to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedState {
    /// The tips of the document, or the DELETE that counts.
    pub view: DocumentViewId,
    /// The operation that set each field last, by name; none when the document is deleted.
    pub fields: Vec<(FieldName, OperationId)>,
}

/// An entry as it was told or kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartEntry {
    /// The encoded entry.
    pub entry: Vec<u8>,
    /// The payload, unless it is left out.
    pub payload: Option<Vec<u8>>,
}

impl PartEntry {
    pub(super) fn size(&self) -> usize {
        self.entry.len().saturating_add(self.payload.as_ref().map_or(0, Vec::len))
    }
}

/// Whether payloads of what was asked for may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payloads {
    /// All have to be there.
    All,
    /// They may be left out, but for those that say to which document a log belongs.
    MayLack,
}

/// What somebody tells of a document or a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartClaim {
    /// What was asked for.
    pub ask: PartAsk,
    /// The latest state, of a document.
    pub state: Option<ClaimedState>,
    /// Entries by author, log and place.
    pub entries: Vec<PartEntry>,
    /// Proofs of forks of the logs.
    pub proofs: Vec<ForkProof>,
}

impl PartClaim {
    /// Checks an answer without entries: forks that leave nothing of what was asked for.
    pub fn check_withdrawn(&self) -> Result<(), PartError> {
        let is_reason = |proof: &ForkProof| match self.ask {
            PartAsk::Document(id) => {
                proof.entries().iter().any(|entry| entry.hash().as_hash() == id.as_hash())
            }
            PartAsk::Newest { author, log_id, .. } => {
                (proof.public_key(), proof.log_id()) == (author, log_id)
                    && proof.seq_num() == pandan_bamboo::SeqNum::FIRST
            }
        };
        let other = self.proofs.iter().find(|proof| !is_reason(proof));
        match other {
            _ if self.proofs.is_empty() || !self.entries.is_empty() => Err(PartError::Empty),
            Some(proof) => {
                Err(PartError::OtherFork { author: proof.public_key(), log_id: proof.log_id() })
            }
            None => Ok(()),
        }
    }

    /// Adds the payload of an entry that is there without. [`Part::verify`](super::Part::verify)
    /// checks whether it is the right one.
    ///
    /// Gives `false` when there is no such entry.
    pub fn fill(&mut self, entry: &[u8], payload: Vec<u8>) -> bool {
        match self.entries.iter_mut().find(|known| known.entry == entry) {
            Some(known) => {
                known.payload = Some(payload);
                true
            }
            None => false,
        }
    }

    /// The proof that an entry and one of these cannot be in one log, if that is so.
    pub fn fork_with(&self, entry: &[u8]) -> Result<Option<ForkProof>, PartError> {
        let entry = Entry::decode(entry)?.authenticate()?;
        let known = self.entries.iter().filter_map(|known| Entry::decode(&known.entry).ok());
        let mut known = known.map(Entry::trust_stored);
        Ok(known.find_map(|known| ForkProof::new(&known, &entry).ok()))
    }
}
