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
use pandan_replication::Verdict;
use pandan_store::{Committed, Frozen, StoreError};
use pandan_sync::{Fate, Intake, Judged, News, Taken};
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::catalog::Catalog;
use crate::counters::Counters;
use crate::publish::PublishError;
use crate::sync::NewsSender;

/// Entries on their way to the store.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: RwLock<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the writer works with.
#[derive(Debug)]
pub(crate) struct Workplace {
    pub(crate) intake: Intake,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) commits: broadcast::Sender<Arc<Committed>>,
    pub(crate) forks: broadcast::Sender<Arc<Frozen>>,
    pub(crate) news: NewsSender,
    pub(crate) counters: Arc<Counters>,
    pub(crate) batch_max: usize,
}

#[derive(Debug)]
enum Job {
    /// An entry of a client.
    Entry {
        candidate: Box<Candidate>,
        answer: Answer<Fate>,
    },
    /// Entries of a peer.
    Batch {
        candidates: Vec<Candidate>,
        answer: Answer<Vec<Verdict>>,
    },
    Proof {
        proof: Box<ForkProof>,
        answer: Answer<Option<Frozen>>,
    },
}

/// Who hears what became of some entries of a batch.
enum Listener {
    One(Answer<Fate>),
    Several(usize, Answer<Vec<Verdict>>),
}

type Answer<T> = oneshot::Sender<Result<T, PublishError>>;

/// What the writer will say.
#[derive(Debug)]
pub(crate) struct Outcome<T>(oneshot::Receiver<Result<T, PublishError>>);

impl<T> Outcome<T> {
    pub(crate) async fn wait(self) -> Result<T, PublishError> {
        self.0.await.map_err(|_| PublishError::Stopping)?
    }
}

impl Writer {
    pub(crate) fn start(workplace: Workplace, queue_max: usize) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel(queue_max.max(1));
        let builder = std::thread::Builder::new().name(String::from("pandan-writer"));
        let thread = builder.spawn(move || work(workplace, receiver))?;
        Ok(Self { queue: RwLock::new(Some(sender)), thread: Mutex::new(Some(thread)) })
    }

    /// Hands a candidate of a client to the writer and waits for what becomes of it.
    pub(crate) async fn write(&self, candidate: Candidate) -> Result<Fate, PublishError> {
        let entry = |answer| Job::Entry { candidate: Box::new(candidate), answer };
        self.hand_over(entry).await.wait().await
    }

    /// Hands candidates of a peer to the writer; then one can wait for what becomes of each.
    pub(crate) async fn take(&self, candidates: Vec<Candidate>) -> Outcome<Vec<Verdict>> {
        self.hand_over(|answer| Job::Batch { candidates, answer }).await
    }

    /// Hands a proof to the writer and waits until it is kept or turns out to be no news.
    pub(crate) async fn keep(&self, proof: ForkProof) -> Result<Option<Frozen>, PublishError> {
        let proof = |answer| Job::Proof { proof: Box::new(proof), answer };
        self.hand_over(proof).await.wait().await
    }

    /// Waits for a place in the queue.
    async fn hand_over<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Outcome<T> {
        let (answer, outcome) = oneshot::channel();
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(queue) = queue {
            // Fails when the writer has stopped, and drops the way for the answer.
            let _ = queue.send(job(answer)).await;
        }
        Outcome(outcome)
    }

    /// How many places of the queue are taken.
    pub(crate) fn queued(&self) -> usize {
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref().map_or(0, |queue| queue.max_capacity() - queue.capacity())
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

fn work(mut workplace: Workplace, mut queue: mpsc::Receiver<Job>) {
    let mut next = None;
    while let Some(first) = next.take().or_else(|| queue.blocking_recv()) {
        let mut entries = first.entries();
        let mut batch = vec![first];
        while let Ok(job) = queue.try_recv() {
            entries += job.entries();
            if entries > workplace.batch_max {
                next = Some(job);
                break;
            }
            batch.push(job);
        }
        workplace.write(batch);
    }
}

impl Job {
    /// How much of a batch it fills.
    const fn entries(&self) -> usize {
        match self {
            Self::Entry { .. } | Self::Proof { .. } => 1,
            Self::Batch { candidates, .. } => candidates.len(),
        }
    }
}

impl Workplace {
    fn write(&mut self, jobs: Vec<Job>) {
        let (mut batch, mut listeners) = (Vec::new(), Vec::new());
        for job in jobs {
            match job {
                Job::Entry { candidate, answer } => {
                    batch.push((*candidate, Door::Client));
                    listeners.push(Listener::One(answer));
                }
                Job::Batch { candidates, answer } => {
                    listeners.push(Listener::Several(candidates.len(), answer));
                    batch.extend(candidates.into_iter().map(|candidate| (candidate, Door::Peer)));
                }
                Job::Proof { proof, answer } => {
                    let kept = attempt(|| self.intake.keep(*proof));
                    self.count_waiting();
                    // Who left does not hear what became of it.
                    let _ = answer.send(kept.map(|(frozen, taken)| {
                        self.tell(taken);
                        self.tell_of_forks(frozen.as_slice());
                        frozen
                    }));
                }
            }
        }
        if !listeners.is_empty() {
            self.write_batch(batch, listeners);
        }
    }

    fn write_batch(&mut self, batch: Vec<(Candidate, Door)>, listeners: Vec<Listener>) {
        let entries = batch.len();
        let doors: Vec<_> = batch.iter().map(|(_, door)| *door).collect();
        match attempt(|| self.intake.take(batch)) {
            Ok(mut taken) => {
                self.count_waiting();
                self.count(&doors, &taken.judged);
                let mut judged = std::mem::take(&mut taken.judged).into_iter();
                // New schemas are known before anybody hears of the entries that completed them.
                self.tell(taken);
                for listener in listeners {
                    // Who left does not hear what became of it.
                    match listener {
                        Listener::One(answer) => {
                            let fate = judged.next().map(|judged| judged.fate);
                            let _ = answer.send(fate.ok_or(PublishError::Internal));
                        }
                        Listener::Several(count, answer) => {
                            let judged = judged.by_ref().take(count);
                            let _ =
                                answer.send(Ok(judged.map(|judged| judged.verdict()).collect()));
                        }
                    }
                }
            }
            Err(error) => {
                tracing::error!(%error, entries, "a batch was not written");
                for listener in listeners {
                    let _ = match listener {
                        Listener::One(answer) => answer.send(Err(error.clone())).is_ok(),
                        Listener::Several(_, answer) => answer.send(Err(error.clone())).is_ok(),
                    };
                }
            }
        }
    }

    fn count_waiting(&self) {
        self.counters.set_waiting(self.intake.waiting(), self.intake.waiting_bytes());
    }

    fn count(&self, doors: &[Door], judged: &[Judged]) {
        for (door, judged) in doors.iter().zip(judged) {
            if let Fate::Refused(refusal) = &judged.fate {
                self.counters.refused(*door, refusal);
            }
        }
    }

    /// Makes new schemas known, then says what happened.
    fn tell(&self, Taken { news, forks, .. }: Taken) {
        self.tell_of_forks(&forks);
        let schemas = news.iter().flat_map(|News { committed, .. }| &committed.schemas);
        self.catalog.add(schemas.cloned());
        if self.commits.receiver_count() > 0 {
            for News { committed, .. } in &news {
                // Fails when nobody listens any more.
                let _ = self.commits.send(Arc::clone(committed));
            }
        }
        self.news.send(news);
    }

    fn tell_of_forks(&self, forks: &[Frozen]) {
        for frozen in forks {
            self.catalog.add(frozen.schemas.iter().cloned());
            // Fails when nobody listens.
            let _ = self.forks.send(Arc::new(frozen.clone()));
            self.news.send_fork(&frozen.proof);
        }
    }
}

fn attempt<T>(write: impl FnOnce() -> Result<T, StoreError>) -> Result<T, PublishError> {
    match catch_unwind(AssertUnwindSafe(write)) {
        Ok(result) => result.map_err(|error: StoreError| PublishError::Store(Arc::new(error))),
        Err(_) => Err(PublishError::Internal),
    }
}
