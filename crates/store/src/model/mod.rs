//! The in-memory store: the reference that every other store is compared with.
//!
//! Whatever can be computed from the stored operations is computed from them, all of them, each
//! time one is added. What a snapshot answers about many documents it finds out by looking at each
//! ([`evaluate`](crate::evaluate)). Good for tests, for tools and for nodes that forget.

mod by_document;
mod facts;
mod forks;
mod heads;
mod parts;
mod schemas;
mod snapshot;
mod state;
mod wanted;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use pandan_admission::{Candidate, Door, Part, PartSubject, Verdict, decide};
use pandan_bamboo::ForkProof;

use crate::StoreError;
use crate::contract::{Outcome, Snapshot, Store};
use crate::forks::Frozen;
use crate::parts::{Keeping, Teller};
use snapshot::MemorySnapshot;
use state::State;

/// A store that keeps everything in memory.
///
/// Batches are written to a copy of what is there, which then takes its place: so a batch is seen
/// as a whole or not at all, and a snapshot is one more reference to what was there when it was
/// taken. Clones share one content.
#[derive(Clone, Default)]
pub struct MemoryStore {
    content: Arc<Content>,
}

#[derive(Default)]
struct Content {
    /// Held while a batch is judged and written, so that no other is written meanwhile.
    writer: Mutex<()>,
    /// The lock is held for no longer than it takes to copy or replace the reference.
    latest: RwLock<Arc<State>>,
}

impl MemoryStore {
    /// A store with nothing in it but the system schemas.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn latest(&self) -> Arc<State> {
        // The reference is whole at any time, even if a thread came to its end holding the lock.
        Arc::clone(&self.content.latest.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, state: State) {
        *self.content.latest.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
    }
}

impl Store for MemoryStore {
    fn ingest(&self, batch: Vec<(Candidate, Door)>) -> Result<Vec<Outcome>, StoreError> {
        let _writer = self.content.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = State::clone(&self.latest());
        let outcomes = batch
            .into_iter()
            .map(|(candidate, door)| judge(&mut state, candidate, door))
            .collect::<Result<_, _>>()?;
        state.drop_stored_parts();
        self.replace(state);
        Ok(outcomes)
    }

    fn ingest_proof(&self, proof: ForkProof) -> Result<Option<Frozen>, StoreError> {
        let _writer = self.content.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = State::clone(&self.latest());
        if !state.takes_proof(&proof) {
            return Ok(None);
        }
        let frozen = state.freeze(&proof)?;
        self.replace(state);
        Ok(frozen)
    }

    fn keep_part(&self, part: &Part, teller: Teller) -> Result<Keeping, StoreError> {
        let _writer = self.content.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = State::clone(&self.latest());
        let keeping = state.keep_part(part, teller);
        self.replace(state);
        Ok(keeping)
    }

    fn forget_part(&self, subject: &PartSubject) -> Result<bool, StoreError> {
        let _writer = self.content.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = State::clone(&self.latest());
        let was_there = state.forget_part(subject);
        self.replace(state);
        Ok(was_there)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        Ok(Box::new(MemorySnapshot::new(self.latest())))
    }
}

/// Judges a candidate. One that stands where a part has another entry forks its log.
fn judge(state: &mut State, candidate: Candidate, door: Door) -> Result<Outcome, StoreError> {
    let frozen = match state.fork_of_candidate(&candidate) {
        Some(proof) => state.freeze(&proof)?,
        None => None,
    };
    let outcome = judge_alone(state, candidate, door)?;
    Ok(match frozen {
        Some(frozen) => Outcome::Forked(Box::new(frozen), Box::new(outcome)),
        None => outcome,
    })
}

fn judge_alone(state: &mut State, candidate: Candidate, door: Door) -> Result<Outcome, StoreError> {
    let facts = state.facts(&candidate);
    Ok(match decide(candidate, &facts, door) {
        Verdict::Admitted(admitted) => Outcome::Committed(state.apply(*admitted)?),
        Verdict::Fork(forked) => {
            let frozen = state.freeze(&forked.proof)?;
            let outcome = Box::new(judge_alone(state, forked.candidate, door)?);
            match frozen {
                Some(frozen) => Outcome::Forked(Box::new(frozen), outcome),
                None => *outcome,
            }
        }
        Verdict::Known { is_void } => Outcome::Known { is_void },
        Verdict::Wait(waiting) => Outcome::Wait(waiting),
        Verdict::Refused(refusal) => Outcome::Refused(refusal),
    })
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("counts", &self.latest().counts()).finish()
    }
}
