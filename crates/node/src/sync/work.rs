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
use crate::node::Core;

/// How many entries are examined at a time: enough to be worth a thread, few enough for the writer
/// to begin before all are through.
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

/// Examines entries on all cores and hands them to the writer, in order.
pub(super) async fn ingest(
    core: Arc<Core>,
    stream: StreamId,
    id: IngestId,
    received: Vec<Received>,
    inputs: Inputs,
) {
    let verdicts = take_in(&core, received).await;
    inputs.send(Input::Ingested(stream, id, verdicts)).await;
}

/// None when the store does not take entries.
pub(super) async fn take_in(core: &Core, received: Vec<Received>) -> Option<Vec<Verdict>> {
    let count = received.len();
    let mut examinations = Vec::new();
    let mut received = received.into_iter();
    loop {
        let piece: Vec<_> = received.by_ref().take(EXAMINED_TOGETHER).collect();
        if piece.is_empty() {
            break;
        }
        examinations.push(core.examine(move || examine(&piece)));
    }
    // Each piece goes to the writer when it is through, while others are examined; what the writer
    // says is awaited at the end.
    let mut written = Vec::new();
    for examined in examinations {
        let Examined { candidates, refused, refusals } = examined.await?;
        refusals.iter().for_each(|refusal| core.counters.refused(Door::Peer, refusal));
        let taking = core.take(candidates).await;
        written.push((taking, refused));
    }
    let mut verdicts = Vec::with_capacity(count);
    for (taking, refused) in written {
        let judged = taking.wait().await.inspect_err(|error| {
            tracing::error!(%error, "entries of a peer were not written");
        });
        let mut judged = judged.ok()?.into_iter();
        for refused in refused {
            verdicts.push(if refused { Verdict::Refused } else { judged.next()? });
        }
    }
    Some(verdicts)
}

/// Entries that were examined.
struct Examined {
    candidates: Vec<Candidate>,
    /// Whether each of the entries was refused.
    refused: Vec<bool>,
    /// Why.
    refusals: Vec<Refusal>,
}

fn examine(received: &[Received]) -> Examined {
    let (mut candidates, mut refusals) = (Vec::with_capacity(received.len()), Vec::new());
    let examined = |received| match pandan_sync::examine(received) {
        Ok(candidate) => {
            candidates.push(candidate);
            false
        }
        Err(refusal) => {
            tracing::info!(%refusal, "an entry of a peer was refused");
            refusals.push(refusal);
            true
        }
    };
    let refused = received.iter().map(examined).collect();
    Examined { candidates, refused, refusals }
}

/// Keeps the proof of a fork.
pub(super) async fn keep(core: Arc<Core>, stream: StreamId, proof: Box<ForkProof>, inputs: Inputs) {
    if let Err(error) = core.keep(*proof).await {
        tracing::error!(%error, "the proof of a fork was not written");
    }
    inputs.send(Input::Kept(stream)).await;
}
