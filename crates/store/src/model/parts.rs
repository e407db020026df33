//! Parts beside the logs (RE13).

use std::sync::Arc;

use pandan_admission::{Candidate, Part, PartSubject, Piece};
use pandan_bamboo::{EncodedEntry, ForkProof, Header};

use super::state::State;
use crate::limits::MAX_PARTS;
use crate::parts::{Keeping, KeptPart, Teller};

impl State {
    /// Keeps a part, if nothing speaks against it.
    pub(super) fn keep_part(&mut self, part: &Part, teller: Teller) -> Keeping {
        let (subject, pieces) = (part.subject(), part.pieces());
        if pieces.iter().all(|piece| self.entries.contains_key(&piece.header().hash())) {
            self.parts.remove(&subject);
            return Keeping::Stored;
        }
        if let Some(proof) = pieces.iter().find_map(|piece| self.fork_below(piece.header())) {
            return Keeping::Void(Box::new(proof));
        }
        let proofs: Vec<_> = pieces.iter().filter_map(|piece| self.fork_with(piece)).collect();
        if !proofs.is_empty() {
            return Keeping::Forked(proofs);
        }
        if !self.parts.contains_key(&subject) && self.parts.len() >= MAX_PARTS {
            return Keeping::Full { max: MAX_PARTS };
        }
        self.parts.insert(subject, Arc::new(KeptPart::new(part, teller)));
        Keeping::Kept
    }

    pub(super) fn forget_part(&mut self, subject: &PartSubject) -> bool {
        self.parts.remove(subject).is_some()
    }

    /// The fork at or below an entry.
    fn fork_below(&self, header: &Header) -> Option<ForkProof> {
        let proof = self.forks.get(&(header.public_key(), header.log_id()))?;
        (proof.seq_num() <= header.seq_num()).then_some(*proof)
    }

    /// The proof that an entry stands where another one is stored or kept.
    fn fork_with(&self, piece: &Piece) -> Option<ForkProof> {
        let header = piece.header();
        let line = self.entry_at(&header.public_key(), header.log_id(), header.seq_num());
        let stored = line.and_then(|line| fork(&line.entry, piece.entry()));
        stored.or_else(|| self.fork_with_parts(piece.entry()))
    }

    fn fork_with_parts(&self, entry: &EncodedEntry) -> Option<ForkProof> {
        let mut kept = self.parts.values().flat_map(|part| &part.entries);
        kept.find_map(|kept| fork(&kept.entry, entry))
    }

    /// The proof that a candidate stands where another entry is kept in a part.
    pub(super) fn fork_of_candidate(&self, candidate: &Candidate) -> Option<ForkProof> {
        self.fork_with_parts(candidate.entry())
    }

    /// Parts of which some entries are void now go.
    pub(super) fn drop_void_parts(&mut self, proof: &ForkProof) {
        let is_void = |entry: &EncodedEntry| {
            let header = entry.header();
            header.public_key() == proof.public_key()
                && header.log_id() == proof.log_id()
                && header.seq_num() >= proof.seq_num()
        };
        self.parts.retain(|_, part| !part.entries.iter().any(|kept| is_void(&kept.entry)));
    }

    /// Parts of which all entries are in their logs go.
    pub(super) fn drop_stored_parts(&mut self) {
        let entries = &self.entries;
        self.parts.retain(|_, part| {
            !part.entries.iter().all(|kept| entries.contains_key(&kept.entry.hash()))
        });
    }
}

fn fork(one: &EncodedEntry, other: &EncodedEntry) -> Option<ForkProof> {
    ForkProof::new(&one.as_authentic(), &other.as_authentic()).ok()
}
