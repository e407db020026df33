//! The one writer.
//!
//! Entries are read and their signatures checked in parallel; then they queue up here. The writer
//! takes whatever has queued up as one batch and hands it to the store, which writes it as one
//! transaction: without load an entry waits for nobody, under load one trip to the disk serves
//! many. A refused entry is refused alone; a failing store fails the entries of that batch only.
//! Proofs of forks come the same way, each as a transaction of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use pandan_admission::{Candidate, Door};
use pandan_bamboo::ForkProof;
use pandan_store::{Committed, Frozen, Outcome, Store, StoreError};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::catalog::Catalog;
use crate::publish::PublishError;

/// Entries on their way to the store.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: RwLock<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the writer works with.
#[derive(Debug)]
pub(crate) struct Workplace {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) commits: broadcast::Sender<Arc<Committed>>,
    pub(crate) forks: broadcast::Sender<Arc<Frozen>>,
    pub(crate) batch_max: usize,
}

#[derive(Debug)]
enum Job {
    Entry(Box<Entry>),
    Proof { proof: Box<ForkProof>, answer: Answer<Option<Frozen>> },
}

#[derive(Debug)]
struct Entry {
    candidate: Candidate,
    answer: Answer<Outcome>,
}

type Answer<T> = oneshot::Sender<Result<T, PublishError>>;

impl Writer {
    pub(crate) fn start(workplace: Workplace, queue_max: usize) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel(queue_max.max(1));
        let builder = std::thread::Builder::new().name(String::from("pandan-writer"));
        let thread = builder.spawn(move || work(&workplace, receiver))?;
        Ok(Self { queue: RwLock::new(Some(sender)), thread: Mutex::new(Some(thread)) })
    }

    /// Hands a candidate of a client to the writer and waits for what becomes of it.
    pub(crate) async fn write(&self, candidate: Candidate) -> Result<Outcome, PublishError> {
        self.hand_over(|answer| Job::Entry(Box::new(Entry { candidate, answer }))).await
    }

    /// Hands a proof to the writer and waits until it is kept or turns out to be no news.
    pub(crate) async fn keep(&self, proof: ForkProof) -> Result<Option<Frozen>, PublishError> {
        self.hand_over(|answer| Job::Proof { proof: Box::new(proof), answer }).await
    }

    async fn hand_over<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, PublishError> {
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner).clone();
        let queue = queue.ok_or(PublishError::Stopping)?;
        let (answer, outcome) = oneshot::channel();
        queue.send(job(answer)).await.map_err(|_| PublishError::Stopping)?;
        outcome.await.map_err(|_| PublishError::Stopping)?
    }

    pub(crate) fn is_running(&self) -> bool {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Takes no more entries, and waits until those in the queue are written.
    pub(crate) fn stop(&self) {
        self.queue.write().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the writer ended with a panic");
        }
    }
}

fn work(workplace: &Workplace, mut queue: mpsc::Receiver<Job>) {
    while let Some(first) = queue.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < workplace.batch_max {
            let Ok(job) = queue.try_recv() else { break };
            batch.push(job);
        }
        workplace.write(batch);
    }
}

impl Workplace {
    fn write(&self, batch: Vec<Job>) {
        let mut entries = Vec::with_capacity(batch.len());
        for job in batch {
            match job {
                Job::Entry(entry) => entries.push(*entry),
                Job::Proof { proof, answer } => {
                    let kept = Self::attempt(|| self.store.ingest_proof(*proof));
                    if let Ok(Some(frozen)) = &kept {
                        self.tell_of_fork(frozen);
                    }
                    let _ = answer.send(kept);
                }
            }
        }
        if !entries.is_empty() {
            self.write_entries(entries);
        }
    }

    fn write_entries(&self, batch: Vec<Entry>) {
        let (candidates, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|job| ((job.candidate, Door::Client), job.answer)).unzip();
        match Self::attempt(|| self.store.ingest(candidates)) {
            Ok(outcomes) => {
                self.tell(&outcomes);
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    // A client who left does not hear what became of the entry.
                    let _ = answer.send(Ok(outcome));
                }
            }
            Err(error) => {
                tracing::error!(%error, entries = answers.len(), "a batch was not written");
                for answer in answers {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
    }

    fn attempt<T>(write: impl FnOnce() -> Result<T, StoreError>) -> Result<T, PublishError> {
        match catch_unwind(AssertUnwindSafe(write)) {
            Ok(result) => result.map_err(|error: StoreError| PublishError::Store(Arc::new(error))),
            Err(_) => Err(PublishError::Internal),
        }
    }

    /// Makes new schemas known before anybody hears of the entries that completed them.
    fn tell(&self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            if let Outcome::Forked(frozen, _) = outcome {
                self.tell_of_fork(frozen);
            }
        }
        let committed = || {
            outcomes.iter().filter_map(|outcome| match outcome.entry() {
                Outcome::Committed(committed) => Some(committed),
                _ => None,
            })
        };
        self.catalog.add(committed().flat_map(|committed| committed.schemas.iter().cloned()));
        if self.commits.receiver_count() > 0 {
            for committed in committed() {
                // Fails when nobody listens any more.
                let _ = self.commits.send(Arc::new(committed.clone()));
            }
        }
    }

    fn tell_of_fork(&self, frozen: &Frozen) {
        self.catalog.add(frozen.schemas.iter().cloned());
        // Fails when nobody listens.
        let _ = self.forks.send(Arc::new(frozen.clone()));
    }
}
