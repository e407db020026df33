//! What links ask for and the driver has no time for: reading the store, taking entries in.

use std::sync::Arc;

use pandan_admission::Door;
use pandan_replication::legacy::{Answer, IngestId, Query, ReadId, Received, Verdict};
use pandan_sync::legacy;
use tokio::sync::Semaphore;

use super::{LinkId, LinkInput};
use crate::node::Core;
use crate::sync::driver::{Input, Inputs};

/// How many entries are examined at a time: enough to be worth a thread.
const EXAMINED_TOGETHER: usize = 32;

/// Answers a question of a link from the store.
pub(super) async fn read(
    core: Arc<Core>,
    places: Arc<Semaphore>,
    link: LinkId,
    id: ReadId,
    query: Query,
    inputs: Inputs,
) {
    let _place = places.acquire_owned().await;
    let answer = core.read(move |snapshot| legacy::answer(snapshot, &query)).await;
    let answer = answer.unwrap_or_else(|error| {
        tracing::warn!(%error, "a question of a peer was not answered");
        Answer::Failed
    });
    inputs.send(Input::Link(link, LinkInput::Answer(id, answer))).await;
}

/// Examines entries on all cores and hands them to the writer, in order.
pub(super) async fn ingest(
    core: Arc<Core>,
    link: LinkId,
    id: IngestId,
    received: Vec<Received>,
    inputs: Inputs,
) {
    let verdicts = take_in(&core, received).await;
    inputs.send(Input::Link(link, LinkInput::Ingested(id, verdicts))).await;
}

/// None when the store does not take entries.
async fn take_in(core: &Core, received: Vec<Received>) -> Option<Vec<Verdict>> {
    let mut examinations = Vec::new();
    let mut received = received.into_iter();
    loop {
        let piece: Vec<_> = received.by_ref().take(EXAMINED_TOGETHER).collect();
        if piece.is_empty() {
            break;
        }
        examinations
            .push(core.examine(move || piece.iter().map(legacy::examine).collect::<Vec<_>>()));
    }
    let (mut candidates, mut refused) = (Vec::new(), Vec::new());
    for examined in examinations {
        for examined in examined.await? {
            refused.push(match examined {
                Ok(candidate) => {
                    candidates.push(candidate);
                    None
                }
                Err(refusal) => {
                    tracing::info!(%refusal, "an entry of a peer was refused");
                    core.counters.refused(Door::Peer, &refusal);
                    Some(legacy::verdict_of_refusal(&refusal))
                }
            });
        }
    }
    let judged = core.take(candidates).await.wait().await.inspect_err(|error| {
        tracing::error!(%error, "entries of a peer were not written");
    });
    let mut judged = judged.ok()?.into_iter();
    let verdicts = refused.into_iter().map(|refused| match refused {
        Some(verdict) => Some(verdict),
        None => judged.next().map(|verdict| legacy::verdict(&verdict)),
    });
    verdicts.collect()
}
