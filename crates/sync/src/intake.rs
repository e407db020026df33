//! The one door behind which everything is judged and stored, whoever brought it.
//!
//! What a peer sends before what it needs waits here, and is judged again when that has come; a
//! client is told at once (PN14).

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;

use pandan_admission::{Arrival, Candidate, Door, Missing, Refusal, Waiting, WaitingRoom};
use pandan_bamboo::{ForkProof, HeadState, LogId, SeqNum};
use pandan_identity::PublicKey;
use pandan_replication::{Commit, LogName, Received, Verdict};
use pandan_store::heads::{Arrival as Place, Budget, WantedLog, Wants};
use pandan_store::{Committed, Frozen, Outcome, Store, StoreError};

type Log = (PublicKey, LogId);

/// A store and those who wait to enter it. There is one for a store, and nobody else writes to it.
#[derive(Debug)]
pub struct Intake {
    store: Arc<dyn Store>,
    room: WaitingRoom,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Taken {
    /// What became of each candidate of the batch, in order.
    pub judged: Vec<Judged>,
    /// What was stored, in order, with those that had waited for it.
    pub news: Vec<News>,
    /// The logs that were frozen.
    pub forks: Vec<Frozen>,
}

/// What became of a candidate.
#[derive(Debug)]
pub struct Judged {
    /// The proof, when it was found to fork its log, or when its log forks at the first entry.
    pub fork: Option<Box<ForkProof>>,
    /// What became of the entry itself.
    pub fate: Fate,
}

/// What became of an entry.
#[derive(Debug)]
pub enum Fate {
    /// It is stored.
    Stored(Arc<Committed>),
    /// It was stored before.
    Known {
        /// Whether it is void.
        is_void: bool,
    },
    /// It came before something that it needs, and waits for it.
    Waits(Missing),
    /// It came before something that it needs, through a door at which nobody waits.
    Early(Box<Waiting>),
    /// It broke a rule.
    Refused(Refusal),
}

/// An entry that was stored.
#[derive(Clone, Debug)]
pub struct News {
    /// What it changed.
    pub committed: Arc<Committed>,
    /// The entry and its operation.
    pub received: Arc<Received>,
}

/// Reads entries as peers send them and checks their signatures. This is where time goes: do it in
/// parallel.
pub fn examine(received: &Received) -> Result<Candidate, Refusal> {
    // What is left out is not there, and no entry commits to nothing.
    Candidate::examine(&received.entry, received.payload.as_deref().unwrap_or_default())
}

impl Intake {
    /// The door of a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, room: WaitingRoom::new() }
    }

    /// Judges and stores a batch as one transaction, and after it those that have waited for it.
    ///
    /// After an error nothing of the batch is stored, and it can be handed in again.
    pub fn take(&mut self, batch: Vec<(Candidate, Door)>) -> Result<Taken, StoreError> {
        let mut taken = Taken::default();
        let (judged, mut released) = self.judge(batch, &mut taken)?;
        while !released.is_empty() {
            let batch = of_peers(mem::take(&mut released));
            match self.judge(batch, &mut taken) {
                Ok((_, next)) => released = next,
                // What they waited for is stored, and that counts; they come again with the next
                // replication.
                Err(_) => break,
            }
        }
        taken.judged = judged;
        Ok(taken)
    }

    /// Keeps the proof of a fork; what waited for it is judged again.
    pub fn keep(&mut self, proof: ForkProof) -> Result<(Option<Frozen>, Taken), StoreError> {
        let frozen = self.store.ingest_proof(proof)?;
        let mut taken = Taken::default();
        if let Some(frozen) = &frozen {
            let released = self.room.frozen(&frozen.proof);
            if !released.is_empty() {
                taken = self.take(of_peers(released)).unwrap_or_default();
            }
        }
        Ok((frozen, taken))
    }

    /// How many wait.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.room.len()
    }

    /// Bytes of those who wait.
    #[must_use]
    pub const fn waiting_bytes(&self) -> usize {
        self.room.bytes()
    }

    /// Gives what became of each, and those for whom it was what they waited for.
    fn judge(
        &mut self,
        batch: Vec<(Candidate, Door)>,
        taken: &mut Taken,
    ) -> Result<(Vec<Judged>, Vec<Candidate>), StoreError> {
        let copies: Vec<_> = batch
            .iter()
            .map(|(candidate, door)| {
                let header = candidate.header();
                (copy(candidate), *door, (header.public_key(), header.log_id()))
            })
            .collect();
        let outcomes = self.store.ingest(batch)?;
        let logs = copies.iter().zip(&outcomes).filter(|(_, outcome)| may_be_withdrawn(outcome));
        let withdrawn = self.withdrawn(logs.map(|((.., log), _)| *log).collect());
        let (mut judged, mut stored, mut frozen) = (Vec::new(), Vec::new(), Vec::new());
        for ((received, door, log), outcome) in copies.into_iter().zip(outcomes) {
            let (fork, outcome) = outcome.split();
            let proof = fork.as_ref().map(|fork| Box::new(fork.proof));
            let proof = proof.or_else(|| withdrawn.get(&log).cloned());
            frozen.extend(fork);
            let fate = self.settle(outcome, door);
            if let Fate::Stored(committed) = &fate {
                stored
                    .push(News { committed: Arc::clone(committed), received: Arc::new(received) });
            }
            judged.push(Judged { fork: proof, fate });
        }
        // Everybody of the batch has been let wait: one may have waited for another.
        let mut released = Vec::new();
        for news in &stored {
            let schemas = &news.committed.schemas;
            let schemas: Vec<_> = schemas.iter().map(|known| known.schema.id().clone()).collect();
            let arrival = Arrival {
                author: news.committed.author,
                log_id: news.committed.log_id,
                seq_num: news.committed.seq_num,
                operation: news.committed.operation,
                schemas: &schemas,
            };
            released.extend(self.room.arrived(arrival));
        }
        for frozen in &frozen {
            released.extend(self.room.frozen(&frozen.proof));
        }
        taken.news.append(&mut stored);
        taken.forks.append(&mut frozen);
        Ok((judged, released))
    }

    /// Those of the logs that fork at their first entry, with the proofs. Their heads are not among
    /// those of the documents that were written in them, so a session that is only about these does
    /// not find them; who sends entries of them is told.
    fn withdrawn(&self, logs: BTreeSet<Log>) -> BTreeMap<Log, Box<ForkProof>> {
        if logs.is_empty() {
            return BTreeMap::new();
        }
        let budget = Budget { entries: logs.len(), bytes: usize::MAX };
        let from = SeqNum::MAX;
        let logs = logs.into_iter().map(|(author, log_id)| WantedLog { author, log_id, from });
        let wants = Wants { logs: logs.collect(), ranges: Vec::new() };
        let snapshot = self.store.snapshot();
        let found = snapshot.and_then(|it| it.wanted_entries(&wants, Place::default(), budget));
        // What is stored is stored: who cannot be told now is told the next time.
        let proofs = found.map(|found| found.proofs).unwrap_or_default().into_iter();
        let proofs = proofs.filter(|proof| proof.seq_num() == SeqNum::FIRST);
        proofs.map(|proof| (log_of(&proof), Box::new(proof))).collect()
    }

    fn settle(&mut self, outcome: Outcome, door: Door) -> Fate {
        match outcome {
            Outcome::Committed(committed) => Fate::Stored(Arc::new(committed)),
            Outcome::Known { is_void } => Fate::Known { is_void },
            Outcome::Refused(refusal) => Fate::Refused(refusal),
            Outcome::Wait(waiting) if door == Door::Peer => {
                let missing = waiting.missing.clone();
                // Whom there is no room for comes again with the next replication.
                let _ = self.room.hold(*waiting);
                Fate::Waits(missing)
            }
            Outcome::Wait(waiting) => Fate::Early(waiting),
            Outcome::Forked(_, outcome) => self.settle(*outcome, door),
        }
    }
}

impl Judged {
    /// What the session hears that brought the entry.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if let Some(proof) = &self.fork {
            return Verdict::Fork(proof.clone());
        }
        match &self.fate {
            Fate::Stored(_) => Verdict::Stored,
            Fate::Known { is_void: false } => Verdict::Known,
            Fate::Known { is_void: true } => Verdict::KnownVoid,
            Fate::Waits(Missing::Branch { .. }) => Verdict::Detached,
            Fate::Waits(_) | Fate::Early(_) => Verdict::Waiting,
            Fate::Refused(_) => Verdict::Refused,
        }
    }
}

impl News {
    /// What live sessions hear.
    #[must_use]
    pub fn commit(&self) -> Commit {
        let Committed { author, log_id, seq_num, operation, document, schema, .. } =
            &*self.committed;
        Commit {
            schema: schema.clone(),
            document: *document,
            operation: *operation,
            log: LogName { author: (*author).into(), log_id: *log_id },
            seq_num: *seq_num,
            state: HeadState::of_line((*operation).into()),
            received: Arc::clone(&self.received),
        }
    }
}

/// Nothing that counts is in a log that forks at its first entry.
fn may_be_withdrawn(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Committed(committed) => committed.is_void,
        Outcome::Known { is_void } => *is_void,
        Outcome::Refused(_) | Outcome::Wait(_) => true,
        Outcome::Forked(_, outcome) => may_be_withdrawn(outcome),
    }
}

fn log_of(proof: &ForkProof) -> Log {
    (proof.public_key(), proof.log_id())
}

fn copy(candidate: &Candidate) -> Received {
    Received {
        entry: candidate.entry_bytes().to_vec(),
        payload: Some(candidate.operation_bytes().to_vec()),
    }
}

fn of_peers(candidates: Vec<Candidate>) -> Vec<(Candidate, Door)> {
    candidates.into_iter().map(|candidate| (candidate, Door::Peer)).collect()
}
