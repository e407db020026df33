//! Where candidates wait for what they need: bounded, in memory, without a clock.
//!
//! When the room is full, whoever waited longest has to go: what is dropped here is not lost, it
//! comes again with the next replication.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use pandan_identity::PublicKey;
use pandan_operations::{OperationId, SchemaId};

use crate::limits::{
    MAX_WAITING, MAX_WAITING_BYTES, MAX_WAITING_BYTES_PER_AUTHOR, MAX_WAITING_PER_AUTHOR,
};
use crate::{Candidate, Missing, Waiting};

/// Candidates that wait, within the bounds of [`limits`](crate::limits).
#[derive(Debug, Default)]
pub struct WaitingRoom {
    // Invariants: every ticket of `by_need` and `by_operation` is in `places`; `usage` and `total`
    // are the sums over `places`, and authors without places are not in `usage`.
    /// By ticket; lower ones came first.
    places: BTreeMap<u64, Place>,
    /// By the operations of which each may be what is missing.
    by_need: BTreeMap<OperationId, BTreeSet<u64>>,
    by_operation: BTreeMap<OperationId, u64>,
    usage: BTreeMap<PublicKey, Usage>,
    total: Usage,
    next_ticket: u64,
}

#[derive(Debug)]
struct Place {
    candidate: Candidate,
    needs: Vec<OperationId>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Usage {
    candidates: usize,
    bytes: usize,
}

/// What became of a candidate at the door of the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Hold {
    /// It waits.
    Held,
    /// It waits already.
    Known,
    /// Its author has as much waiting as one may have.
    AuthorFull,
}

/// Something that was stored and that others may have waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// The operation, named by the hash of its entry.
    pub operation: OperationId,
    /// The schemas that became known with it.
    pub schemas: &'a [SchemaId],
}

impl WaitingRoom {
    /// An empty room.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets a candidate wait. Room for it is made by dropping those that waited longest.
    ///
    /// Of a batch that was stored, first hold what has to wait and then announce what
    /// [arrived](Self::arrived): one may have waited for another of the same batch.
    pub fn hold(&mut self, waiting: Waiting) -> Hold {
        let Waiting { candidate, missing } = waiting;
        if self.by_operation.contains_key(&candidate.id()) {
            return Hold::Known;
        }
        let author = candidate.header().public_key();
        let mut usage = self.usage.get(&author).copied().unwrap_or_default();
        usage.add(&candidate);
        if usage.exceeds(MAX_WAITING_PER_AUTHOR, MAX_WAITING_BYTES_PER_AUTHOR) {
            return Hold::AuthorFull;
        }
        self.insert(candidate, needs(&missing));
        while self.total.exceeds(MAX_WAITING, MAX_WAITING_BYTES) {
            let Some(&oldest) = self.places.keys().next() else { break };
            self.remove(oldest);
        }
        Hold::Held
    }

    /// Takes out the candidates that waited for what was stored now, in the order in which they
    /// came. They may turn out to wait for something else.
    pub fn arrived(&mut self, arrival: Arrival<'_>) -> Vec<Candidate> {
        let definitions = arrival.schemas.iter().flat_map(definition);
        let mut tickets: Vec<u64> = Vec::new();
        for operation in definitions.chain([arrival.operation]) {
            tickets.extend(self.by_need.get(&operation).into_iter().flatten());
        }
        tickets.sort_unstable();
        tickets.into_iter().filter_map(|ticket| self.remove(ticket)).collect()
    }

    /// Whether an operation waits.
    #[must_use]
    pub fn contains(&self, operation: &OperationId) -> bool {
        self.by_operation.contains_key(operation)
    }

    /// How many candidates wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.total.candidates
    }

    /// Whether nobody waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.total.candidates == 0
    }

    /// Bytes of the entries and operations that wait.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.total.bytes
    }

    fn insert(&mut self, candidate: Candidate, needs: Vec<OperationId>) {
        let ticket = self.next_ticket;
        // Two to the 64 candidates do not come by.
        self.next_ticket = ticket.saturating_add(1);
        for need in &needs {
            self.by_need.entry(*need).or_default().insert(ticket);
        }
        self.by_operation.insert(candidate.id(), ticket);
        self.usage.entry(candidate.header().public_key()).or_default().add(&candidate);
        self.total.add(&candidate);
        self.places.insert(ticket, Place { candidate, needs });
    }

    fn remove(&mut self, ticket: u64) -> Option<Candidate> {
        let Place { candidate, needs } = self.places.remove(&ticket)?;
        for need in needs {
            if let Some(tickets) = self.by_need.get_mut(&need) {
                tickets.remove(&ticket);
                if tickets.is_empty() {
                    self.by_need.remove(&need);
                }
            }
        }
        self.by_operation.remove(&candidate.id());
        self.total.subtract(&candidate);
        let author = candidate.header().public_key();
        if let Some(usage) = self.usage.get_mut(&author) {
            usage.subtract(&candidate);
            if usage.candidates == 0 {
                self.usage.remove(&author);
            }
        }
        Some(candidate)
    }
}

/// The operations with whose arrival a candidate is worth another look.
///
/// Which versions of a schema become known on their own depends on what arrived when. One that a
/// candidate claims may be complete without anybody saying so: when the last operation of its
/// definition came, or when a version became known that shares one of these operations.
fn needs(missing: &Missing) -> Vec<OperationId> {
    match missing {
        Missing::Schema(schema) => definition(schema).collect(),
        Missing::Backlink { hash, .. } | Missing::Skiplink { hash, .. } => {
            alloc::vec![OperationId::from_hash(*hash.as_hash())]
        }
        Missing::Previous(operation) => alloc::vec![*operation],
    }
}

/// The operations of the state that defines a schema.
fn definition(schema: &SchemaId) -> impl Iterator<Item = OperationId> {
    schema.view_id().into_iter().flatten().copied()
}

impl Usage {
    fn add(&mut self, candidate: &Candidate) {
        self.candidates = self.candidates.saturating_add(1);
        self.bytes = self.bytes.saturating_add(candidate.size());
    }

    fn subtract(&mut self, candidate: &Candidate) {
        self.candidates = self.candidates.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(candidate.size());
    }

    const fn exceeds(&self, candidates: usize, bytes: usize) -> bool {
        self.candidates > candidates || self.bytes > bytes
    }
}
