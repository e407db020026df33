//! What links ask for and the driver has no time for: reading the store, taking entries in.

use std::sync::Arc;

use pandan_replication::legacy::{Answer, IngestId, Query, ReadId, Received, Verdict};
use pandan_sync::legacy;
use tokio::sync::Semaphore;

use super::{LinkId, LinkInput};
use crate::node::Core;
use crate::sync::driver::{Input, Inputs};
use crate::sync::turns::Turn;
use crate::sync::work::judge;

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

/// None when the store does not take entries. A link hands over one batch at a time.
async fn take_in(core: &Core, received: Vec<Received>) -> Option<Vec<Verdict>> {
    let judged = judge(core, received, legacy::examine, Turn::alone()).await?;
    let verdict = |judged| match judged {
        Ok(verdict) => legacy::verdict(&verdict),
        Err(refusal) => legacy::verdict_of_refusal(&refusal),
    };
    Some(judged.into_iter().map(verdict).collect())
}
