//! Bringing entries to a store, as the network does: in any order, some of them twice.

use std::collections::VecDeque;

use pandan_admission::{Arrival, Candidate, Door, WaitingRoom};
use pandan_operations::SchemaId;
use pandan_store::{Committed, Outcome, Store};

use crate::{History, Random};

/// An order and batches in which entries arrive.
#[derive(Clone, Debug)]
pub struct Delivery {
    seed: Option<u64>,
    batch: usize,
}

impl Delivery {
    /// One by one, in the order in which they were written.
    #[must_use]
    pub const fn in_order() -> Self {
        Self { seed: None, batch: 1 }
    }

    /// In an order and in batches that follow from a seed; some entries come twice.
    #[must_use]
    pub const fn shuffled(seed: u64) -> Self {
        Self { seed: Some(seed), batch: 16 }
    }

    /// In batches of this many at most.
    #[must_use]
    pub const fn in_batches(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Brings a history to a store; what comes too early waits. Where there are forks, some proofs
    /// come before or without the entries, unless all comes in order.
    ///
    /// # Panics
    ///
    /// If an entry is refused, or still waits when all are there.
    pub fn bring(&self, history: &History, store: &dyn Store) {
        let mut random = Random::new(self.seed.unwrap_or_default());
        let mut queue: Vec<_> = history.signed.iter().collect();
        if self.seed.is_some() {
            let twice = random.some(&queue, 5);
            queue.extend(twice);
            random.shuffle(&mut queue);
        }
        let mut queue: VecDeque<_> = queue.into_iter().map(crate::Signed::candidate).collect();
        let mut room = WaitingRoom::new();
        let proofs = match self.seed {
            Some(_) => history.proofs(),
            None => Vec::new(),
        };
        while !queue.is_empty() {
            let size = match self.seed {
                Some(_) => 1 + random.below(self.batch),
                None => self.batch,
            };
            if !proofs.is_empty() && random.chance(20) {
                let frozen = store.ingest_proof(*random.pick(&proofs));
                let frozen = frozen.expect("the store can be written to");
                let again = frozen.map(|frozen| room.frozen(&frozen.proof));
                queue.extend(again.into_iter().flatten());
            }
            let batch = queue.drain(..size.min(queue.len()));
            let batch = batch.map(|candidate| (candidate, Door::Peer)).collect();
            for outcome in store.ingest(batch).expect("the store can be written to") {
                for candidate in settle(&mut room, outcome).into_iter().rev() {
                    queue.push_front(candidate);
                }
            }
        }
        assert!(room.is_empty(), "{} entries still wait: {room:?}", room.len());
    }
}

/// Who waited comes again when what they waited for is there.
fn settle(room: &mut WaitingRoom, outcome: Outcome) -> Vec<Candidate> {
    match outcome {
        Outcome::Forked(frozen, outcome) => {
            let mut again = room.frozen(&frozen.proof);
            again.extend(settle(room, *outcome));
            again
        }
        Outcome::Committed(Committed { author, log_id, seq_num, operation, schemas, .. }) => {
            let schemas: Vec<SchemaId> =
                schemas.iter().map(|known| known.schema.id().clone()).collect();
            room.arrived(Arrival { author, log_id, seq_num, operation, schemas: &schemas })
        }
        Outcome::Known { .. } => Vec::new(),
        Outcome::Wait(waiting) => {
            let _ = room.hold(*waiting);
            Vec::new()
        }
        Outcome::Refused(refusal) => panic!("a good entry was refused: {refusal:?}"),
    }
}
