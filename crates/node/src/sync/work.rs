//! What sessions ask for and the driver has no time for: reading the store, taking entries in.

use std::sync::Arc;

use pandan_admission::{Candidate, Door, Refusal};
use pandan_bamboo::ForkProof;
use pandan_operations::SchemaId;
use pandan_replication::{Answer, IngestId, Query, ReadId, Received, StreamId, Verdict};

use pandan_store::Snapshot;
use pandan_sync::Serving;
use tokio::sync::Semaphore;

use super::driver::{Input, Inputs};
use super::turns::Turn;
use crate::node::Core;
use crate::publish::PublishError;

/// How many entries are examined at a time: enough to be worth a thread, few enough for all cores to
/// have a part in a frame.
const EXAMINED_TOGETHER: usize = 32;

/// How many questions of all sessions are answered at the same time: clients are to be served
/// beside them.
pub(super) const READS_TOGETHER: usize = 4;

/// Answers a question of a session from the store.
pub(super) async fn read(
    core: Arc<Core>,
    places: Arc<Semaphore>,
    stream: StreamId,
    id: ReadId,
    (schemas, serving): (Arc<[SchemaId]>, Arc<Serving>),
    query: Query,
    inputs: Inputs,
) {
    let _place = places.acquire_owned().await;
    let read =
        move |snapshot: &dyn Snapshot| pandan_sync::answer(snapshot, &schemas, &serving, &query);
    let answer = core.read(read).await;
    let answer = answer.unwrap_or_else(|error| {
        tracing::warn!(%error, "a question of a session was not answered");
        Answer::Unavailable
    });
    inputs.send(Input::Answer(stream, id, answer)).await;
}

/// Examines entries on all cores and hands them to the writer when it is their turn.
pub(super) async fn ingest(
    core: Arc<Core>,
    stream: StreamId,
    id: IngestId,
    received: Vec<Received>,
    turn: Turn,
    inputs: Inputs,
) {
    let verdicts = take_in(&core, received, turn).await;
    inputs.send(Input::Ingested(stream, id, verdicts)).await;
}

/// None when the store does not take entries.
pub(super) async fn take_in(
    core: &Core,
    received: Vec<Received>,
    turn: Turn,
) -> Option<Vec<Verdict>> {
    let judged = judge(core, received, pandan_sync::examine, turn).await?;
    Some(judged.into_iter().map(|judged| judged.unwrap_or(Verdict::Refused)).collect())
}

/// Examines entries on all cores and hands the good ones to the writer when it is their turn. Gives
/// what became of each, or why it did not come so far; none when the store does not take entries.
pub(super) async fn judge<R: Send + 'static>(
    core: &Core,
    received: Vec<R>,
    examine: fn(&R) -> Result<Candidate, Refusal>,
    turn: Turn,
) -> Option<Vec<Result<Verdict, Refusal>>> {
    let mut examinations = Vec::new();
    let mut received = received.into_iter();
    loop {
        let piece: Vec<_> = received.by_ref().take(EXAMINED_TOGETHER).collect();
        if piece.is_empty() {
            break;
        }
        examinations.push(core.examine(move || piece.iter().map(examine).collect::<Vec<_>>()));
    }
    let (mut candidates, mut refusals) = (Vec::new(), Vec::new());
    for examined in examinations {
        for examined in examined.await? {
            refusals.push(examined.map(|candidate| candidates.push(candidate)).err());
        }
    }
    for refusal in refusals.iter().flatten() {
        tracing::info!(%refusal, "an entry of a peer was refused");
        core.counters.refused(Door::Peer, refusal);
    }
    let judged = write(core, candidates, turn).await.inspect_err(|error| {
        tracing::error!(%error, "entries of a peer were not written");
    });
    let mut judged = judged.ok()?.into_iter();
    let verdict = |refusal| match refusal {
        Some(refusal) => Some(Err(refusal)),
        None => judged.next().map(Ok),
    };
    refusals.into_iter().map(verdict).collect()
}

/// Hands entries to the writer, no more at a time than it writes at once, and waits for what it says
/// of each.
async fn write(
    core: &Core,
    candidates: Vec<Candidate>,
    mut turn: Turn,
) -> Result<Vec<Verdict>, PublishError> {
    turn.come().await;
    let mut candidates = candidates.into_iter();
    let mut taking = Vec::new();
    while candidates.len() > 0 {
        let batch = candidates.by_ref().take(core.limits.batch_entries.max(1)).collect();
        taking.push(core.take(batch).await);
    }
    drop(turn);
    let mut judged = Vec::new();
    for taking in taking {
        judged.append(&mut taking.wait().await?);
    }
    Ok(judged)
}

/// Keeps the proof of a fork.
pub(super) async fn keep(core: Arc<Core>, stream: StreamId, proof: Box<ForkProof>, inputs: Inputs) {
    if let Err(error) = core.keep(*proof).await {
        tracing::error!(%error, "the proof of a fork was not written");
    }
    inputs.send(Input::Kept(stream)).await;
}
