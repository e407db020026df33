//! Where candidates wait for what they need: bounded, in memory, without a clock.
//!
//! When the room is full, whoever waited longest has to go: what is dropped here is not lost, it
//! comes again with the next replication.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use pandan_bamboo::{EncodedEntry, ForkProof, LogId, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{OperationId, SchemaId};

use crate::limits::{
    MAX_WAITING, MAX_WAITING_BYTES, MAX_WAITING_BYTES_PER_AUTHOR, MAX_WAITING_PER_AUTHOR,
};
use crate::{Candidate, Missing, Waiting};

/// Candidates that wait, within the bounds of [`limits`](crate::limits).
#[derive(Debug, Default)]
pub struct WaitingRoom {
    // Invariants: every ticket of `by_need`, `by_operation` and `in_logs` is in `places`; `usage`
    // and `total` are the sums over `places`, and authors without places are not in `usage`.
    /// By ticket; lower ones came first.
    places: BTreeMap<u64, Place>,
    /// By the operations of which each may be what is missing.
    by_need: BTreeMap<OperationId, BTreeSet<u64>>,
    by_operation: BTreeMap<OperationId, u64>,
    /// By their places in logs.
    in_logs: BTreeSet<InLog>,
    usage: BTreeMap<PublicKey, Usage>,
    total: Usage,
    next_ticket: u64,
}

/// A place in a log, and a ticket.
type InLog = (PublicKey, LogId, SeqNum, u64);

#[derive(Debug)]
struct Place {
    candidate: Candidate,
    needs: Vec<OperationId>,
    /// Whether it waits for an entry of its own log only.
    for_link: bool,
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
    /// Who signed its entry.
    pub author: PublicKey,
    /// The log of the entry.
    pub log_id: LogId,
    /// The place of the entry in its log.
    pub seq_num: SeqNum,
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
        self.insert(candidate, &missing);
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
        // Another entry for the same place is the proof of a fork.
        let log = (arrival.author, arrival.log_id);
        tickets.extend(self.in_log(log, arrival.seq_num, arrival.seq_num));
        self.take(tickets)
    }

    /// Takes out the candidates for which it matters that a log was found to be forked: those which
    /// waited for entries of the log from there on, where links are not asked for any more, and
    /// those which belong into the proof.
    pub fn frozen(&mut self, proof: &ForkProof) -> Vec<Candidate> {
        let log = (proof.public_key(), proof.log_id());
        let [_, second] = proof.entries().map(EncodedEntry::hash);
        let mut tickets = self.in_log(log, proof.seq_num(), SeqNum::MAX);
        tickets.retain(|ticket| {
            self.places.get(ticket).is_some_and(|Place { candidate, for_link, .. }| {
                let header = candidate.header();
                *for_link || (header.seq_num() == proof.seq_num() && header.hash() < second)
            })
        });
        self.take(tickets)
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

    /// The tickets of those in a part of a log.
    fn in_log(&self, log: (PublicKey, LogId), from: SeqNum, to: SeqNum) -> Vec<u64> {
        let (author, log_id) = log;
        let range = (author, log_id, from, u64::MIN)..=(author, log_id, to, u64::MAX);
        self.in_logs.range(range).map(|&(.., ticket)| ticket).collect()
    }

    /// In the order in which they came.
    fn take(&mut self, mut tickets: Vec<u64>) -> Vec<Candidate> {
        tickets.sort_unstable();
        tickets.into_iter().filter_map(|ticket| self.remove(ticket)).collect()
    }

    fn insert(&mut self, candidate: Candidate, missing: &Missing) {
        let (needs, for_link) = (needs(missing), missing.is_link());
        let ticket = self.next_ticket;
        // Two to the 64 candidates do not come by.
        self.next_ticket = ticket.saturating_add(1);
        for need in &needs {
            self.by_need.entry(*need).or_default().insert(ticket);
        }
        self.by_operation.insert(candidate.id(), ticket);
        self.in_logs.insert(in_log(&candidate, ticket));
        self.usage.entry(candidate.header().public_key()).or_default().add(&candidate);
        self.total.add(&candidate);
        self.places.insert(ticket, Place { candidate, needs, for_link });
    }

    fn remove(&mut self, ticket: u64) -> Option<Candidate> {
        let Place { candidate, needs, .. } = self.places.remove(&ticket)?;
        for need in needs {
            if let Some(tickets) = self.by_need.get_mut(&need) {
                tickets.remove(&ticket);
                if tickets.is_empty() {
                    self.by_need.remove(&need);
                }
            }
        }
        self.by_operation.remove(&candidate.id());
        self.in_logs.remove(&in_log(&candidate, ticket));
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

fn in_log(candidate: &Candidate, ticket: u64) -> InLog {
    let header = candidate.header();
    (header.public_key(), header.log_id(), header.seq_num(), ticket)
}

/// The operations with whose arrival a candidate is worth another look.
///
/// Which versions of a schema become known on their own depends on what arrived when. One that a
/// candidate claims may be complete without anybody saying so: when the last operation of its
/// definition came, or when a version became known that shares one of these operations.
fn needs(missing: &Missing) -> Vec<OperationId> {
    match missing {
        Missing::Schema(schema) => definition(schema).collect(),
        Missing::Backlink { hash, .. }
        | Missing::Skiplink { hash, .. }
        | Missing::Branch { named: hash, .. } => {
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
