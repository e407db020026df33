//! Answering peers that ask.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pandan_identity::PublicKey;
use pandan_network::{Bytes, Stream};
use pandan_replication::limits::IDLE_TIMEOUT_MS;
use pandan_replication::{
    Answerer, AnswererEffect, AskAnswer, AskQuery, End, PartContent, PeerId, VERSION,
};
use pandan_sync::Serving;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::node::Core;
use crate::sync::driver::{Input, Inputs};
use crate::sync::status::Board;
use crate::sync::totals::Totals;

/// What is needed to answer.
#[derive(Debug)]
pub(in crate::sync) struct Desk {
    pub(in crate::sync) core: Arc<Core>,
    pub(in crate::sync) board: Arc<Board>,
    pub(in crate::sync) serving: Arc<Serving>,
    /// Places for questions that are being answered, those of sessions too.
    pub(in crate::sync) reads: Arc<Semaphore>,
    pub(in crate::sync) inputs: Inputs,
}

impl Desk {
    /// Answers what is asked on a stream.
    pub(in crate::sync) async fn serve(&self, stream: Stream, first: Bytes, peer: PeerId) {
        let mut moved = Totals { bytes_in: first.len() as u64, ..Totals::default() };
        self.answer(stream, first, peer, &mut moved).await;
        if let Ok(key) = PublicKey::from_bytes(&peer.0) {
            self.board.moved(&key.into(), VERSION, &moved);
        }
    }

    async fn answer(&self, stream: Stream, first: Bytes, peer: PeerId, moved: &mut Totals) {
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
                        Some(answer) => {
                            moved.sent += entries_of(&answer);
                            answerer.answer(answer, now());
                        }
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
            moved.bytes_out += frame.len() as u64;
            let patience = Duration::from_millis(IDLE_TIMEOUT_MS);
            if !matches!(timeout(patience, sender.send(frame)).await, Ok(Ok(()))) {
                return;
            }
        }
        // Fails when the peer is gone.
        let _ = sender.finish().await;
    }

    async fn read(&self, query: AskQuery) -> Option<AskAnswer> {
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

/// How many entries are told.
fn entries_of(answer: &AskAnswer) -> u64 {
    let count = |content: &PartContent| match content {
        PartContent::Entries(entries) => entries.len() as u64,
        _ => 0,
    };
    answer.contents.iter().map(count).sum()
}
