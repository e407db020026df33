//! Parts of documents and logs: verified with nothing but themselves (RE12).
//!
//! A part is no part of what is stored for good: its entries stand beside their logs, with gaps
//! before them, and whether they are the newest is a claim of whoever told them. What can be known
//! is known: that each entry is signed, stands in one line with all the others of its log, belongs
//! to the document, and that there is no entry more than was asked for.

mod claim;
mod document;
mod error;
mod newest;

use alloc::vec::Vec;

use pandan_bamboo::{
    EncodedEntry, Entry, ForkProof, Header, LogId, LogVerifier, SeqNum, link_path,
};
use pandan_identity::PublicKey;
use pandan_operations::{Operation, OperationId};

pub use claim::{ClaimedState, PartAsk, PartClaim, PartEntry, PartSubject, Payloads};
pub use error::PartError;

use crate::limits::{MAX_PART_BYTES, MAX_PART_ENTRIES};

/// A part of a document or of a log that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    ask: PartAsk,
    state: Option<ClaimedState>,
    pieces: Vec<Piece>,
    proofs: Vec<ForkProof>,
}

/// An entry of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    entry: EncodedEntry,
    payload: Option<Vec<u8>>,
    operation: Option<Operation>,
    role: Option<Role>,
}

/// What an entry is there for; the greater one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// It proves others to be in the line of their log.
    Path,
    /// It was asked for.
    Asked,
    /// It begins a log, and its payload says to which document the log belongs.
    First,
}

impl Part {
    /// Verifies what was told, with nothing else at hand.
    ///
    /// Entries come by author, log and place. Those that only prove others come without payloads,
    /// and the first of each log that a document needs always comes with it. Of the log in a
    /// document whose first operation names others as previous, the entry with the lowest id of
    /// those that are there leads to the log before, down to the one that begins with the document.
    pub fn verify(claim: PartClaim, payloads: Payloads) -> Result<Self, PartError> {
        let PartClaim { ask, state, entries, proofs } = claim;
        check_size(&entries)?;
        let mut pieces =
            entries.into_iter().map(Piece::authenticate).collect::<Result<Vec<_>, _>>()?;
        check_lines(&pieces)?;
        match (&ask, &state) {
            (PartAsk::Document(id), Some(state)) => document::assign(&mut pieces, *id, state)?,
            (PartAsk::Newest { author, log_id, count }, None) => {
                newest::assign(&mut pieces, *author, *log_id, *count)?;
            }
            (PartAsk::Document(_), None) => return Err(PartError::NoState),
            (PartAsk::Newest { .. }, Some(_)) => return Err(PartError::State),
        }
        pieces.iter().try_for_each(|piece| piece.check_role(payloads))?;
        if let Some(state) = &state {
            document::check_state(&pieces, state)?;
        }
        proofs.iter().try_for_each(|proof| check_proof(&pieces, proof))?;
        Ok(Self { ask, state, pieces, proofs })
    }

    /// What was asked for.
    #[must_use]
    pub const fn ask(&self) -> &PartAsk {
        &self.ask
    }

    /// What it is a part of.
    #[must_use]
    pub const fn subject(&self) -> PartSubject {
        self.ask.subject()
    }

    /// The latest state of the document, as whoever told it claims.
    #[must_use]
    pub const fn state(&self) -> Option<&ClaimedState> {
        self.state.as_ref()
    }

    /// The entries, by author, log and place.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Proofs that logs of it fork, above all entries that are there.
    #[must_use]
    pub fn proofs(&self) -> &[ForkProof] {
        &self.proofs
    }

    /// Bytes of its entries and operations.
    #[must_use]
    pub fn size(&self) -> usize {
        self.pieces.iter().map(Piece::size).fold(0, usize::saturating_add)
    }
}

impl Piece {
    fn authenticate(PartEntry { entry, payload }: PartEntry) -> Result<Self, PartError> {
        let authentic = Entry::decode(&entry)?.authenticate()?;
        let operation = match &payload {
            None => None,
            Some(payload) => {
                let bound = authentic.bind(payload)?;
                Some(Operation::decode(bound.payload())?)
            }
        };
        Ok(Self { entry: authentic.to_encoded(), payload, operation, role: None })
    }

    /// The entry.
    pub const fn entry(&self) -> &EncodedEntry {
        &self.entry
    }

    /// The facts of the entry.
    #[must_use]
    pub const fn header(&self) -> &Header {
        self.entry.header()
    }

    /// The name of its operation.
    #[must_use]
    pub const fn id(&self) -> OperationId {
        OperationId::from_hash(*self.header().hash().as_hash())
    }

    /// The encoded operation, if it is there.
    #[must_use]
    pub fn payload(&self) -> Option<&[u8]> {
        self.payload.as_deref()
    }

    /// The operation, if it is there.
    #[must_use]
    pub const fn operation(&self) -> Option<&Operation> {
        self.operation.as_ref()
    }

    /// Whether it was asked for, and its payload is missing.
    #[must_use]
    pub fn lacks_payload(&self) -> bool {
        self.role >= Some(Role::Asked) && self.payload.is_none()
    }

    /// Whether it is there for itself, not only to prove others.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.role >= Some(Role::Asked)
    }

    fn size(&self) -> usize {
        let payload = self.payload.as_ref().map_or(0, Vec::len);
        self.entry.as_bytes().len().saturating_add(payload)
    }

    fn place(&self) -> (PublicKey, LogId, SeqNum) {
        let header = self.header();
        (header.public_key(), header.log_id(), header.seq_num())
    }

    fn log(&self) -> (PublicKey, LogId) {
        let (author, log_id, _) = self.place();
        (author, log_id)
    }

    fn raise(&mut self, role: Role) {
        self.role = self.role.max(Some(role));
    }

    fn check_role(&self, payloads: Payloads) -> Result<(), PartError> {
        let id = self.id();
        match (self.role, &self.payload) {
            (None, _) => Err(PartError::Extra { id }),
            (Some(Role::Path), Some(_)) => Err(PartError::ExtraPayload { id }),
            (Some(Role::First), None) => Err(PartError::NoPayload { id }),
            (Some(Role::Asked), None) if payloads == Payloads::All => {
                Err(PartError::NoPayload { id })
            }
            _ => Ok(()),
        }
    }
}

fn check_size(entries: &[PartEntry]) -> Result<(), PartError> {
    if entries.is_empty() {
        return Err(PartError::Empty);
    }
    if entries.len() > MAX_PART_ENTRIES {
        return Err(PartError::TooManyEntries { max: MAX_PART_ENTRIES, found: entries.len() });
    }
    let bytes = entries.iter().map(PartEntry::size).fold(0, usize::saturating_add);
    if bytes > MAX_PART_BYTES {
        return Err(PartError::TooManyBytes { max: MAX_PART_BYTES, found: bytes });
    }
    Ok(())
}

/// Each log hangs together, and the logs come in order.
fn check_lines(pieces: &[Piece]) -> Result<(), PartError> {
    let mut before = None;
    for log in pieces.chunk_by(|one, other| one.log() == other.log()) {
        let mut verifier = LogVerifier::of_subset();
        for piece in log {
            verifier.push_authentic(&piece.entry.as_authentic())?;
        }
        let name = log.first().map(Piece::log);
        if before >= name {
            return Err(PartError::Order);
        }
        before = name;
    }
    Ok(())
}

/// Where the entry at a place of a log is.
fn find(pieces: &[Piece], log: (PublicKey, LogId), seq_num: SeqNum) -> Option<usize> {
    pieces.binary_search_by_key(&(log.0, log.1, seq_num), Piece::place).ok()
}

fn raise(pieces: &mut [Piece], index: usize, role: Role) {
    if let Some(piece) = pieces.get_mut(index) {
        piece.raise(role);
    }
}

/// Needs the path from an entry to the first of its log.
fn need_path(pieces: &mut [Piece], log: (PublicKey, LogId), from: SeqNum) -> Result<(), PartError> {
    for seq_num in link_path(from, SeqNum::FIRST) {
        let index = find(pieces, log, seq_num).ok_or(PartError::NoEntry { seq_num })?;
        raise(pieces, index, Role::Path);
    }
    Ok(())
}

/// A fork is of one of the logs, and none of their entries is void.
fn check_proof(pieces: &[Piece], proof: &ForkProof) -> Result<(), PartError> {
    let log = (proof.public_key(), proof.log_id());
    match pieces.iter().rfind(|piece| piece.log() == log) {
        None => Err(PartError::OtherFork { author: log.0, log_id: log.1 }),
        Some(last) if last.header().seq_num() >= proof.seq_num() => {
            Err(PartError::Void { id: last.id() })
        }
        Some(_) => Ok(()),
    }
}
