//! Answering peers that ask.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pandan_network::{Bytes, Stream};
use pandan_replication::limits::IDLE_TIMEOUT_MS;
use pandan_replication::{Answerer, AnswererEffect, AskQuery, End, PeerId};
use pandan_sync::Serving;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::node::Core;
use crate::sync::driver::{Input, Inputs};

/// What is needed to answer.
#[derive(Debug)]
pub(in crate::sync) struct Desk {
    pub(in crate::sync) core: Arc<Core>,
    pub(in crate::sync) serving: Arc<Serving>,
    /// Places for questions that are being answered, those of sessions too.
    pub(in crate::sync) reads: Arc<Semaphore>,
    pub(in crate::sync) inputs: Inputs,
}

impl Desk {
    /// Answers what is asked on a stream. `places` are those of the peer: who asks more at the same
    /// time waits.
    pub(in crate::sync) async fn serve(
        &self,
        stream: Stream,
        first: Bytes,
        peer: PeerId,
        places: Arc<Semaphore>,
    ) {
        let Ok(_place) = places.acquire_owned().await else { return };
        // Dropping the half that receives would tell the peer that nobody listens.
        let Stream { mut sender, receiver: _receiver, .. } = stream;
        let started = Instant::now();
        let now = || u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut answerer = Answerer::new(now());
        answerer.handle(&first, now());
        loop {
            while let Some(effect) = answerer.poll() {
                match effect {
                    AnswererEffect::Read(query) => match self.read(query).await {
                        Some(answer) => answerer.answer(answer, now()),
                        None => answerer.unavailable(),
                    },
                    AnswererEffect::Finished(End::Failed(fault)) => {
                        self.inputs.send(Input::Misbehaved(peer, fault.points())).await;
                    }
                    _ => {}
                }
            }
            // Without a frame it is over: there is one as long as something is to be told.
            let Some(frame) = answerer.poll_frame(now()) else { break };
            let patience = Duration::from_millis(IDLE_TIMEOUT_MS);
            if !matches!(timeout(patience, sender.send(frame)).await, Ok(Ok(()))) {
                return;
            }
        }
        // Fails when the peer is gone.
        let _ = sender.finish().await;
    }

    async fn read(&self, query: AskQuery) -> Option<pandan_replication::AskAnswer> {
        let _place = Arc::clone(&self.reads).acquire_owned().await;
        let serving = Arc::clone(&self.serving);
        let reading =
            self.core.read(move |snapshot| pandan_sync::answer_ask(snapshot, &serving, &query));
        let answer = reading.await.inspect_err(|error| {
            tracing::warn!(%error, "what a peer asked for was not read");
        });
        answer.ok()
    }
}
