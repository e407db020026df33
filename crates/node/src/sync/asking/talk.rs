//! One ask, from the stream that is opened for it to its end.

use std::time::{Duration, Instant};

use pandan_network::{Connection, PeerId, Protocol, Stream};
use pandan_replication::{Ask, Asker, AskerEffect, End, Told, Verdict};
use tokio::time::timeout;

use super::{AskError, Completed};
use crate::node::Core;
use crate::sync::totals::Totals;
use crate::sync::turns::Turn;
use crate::sync::work;

/// How long a peer may take to open a stream.
const OPEN_TIME: Duration = Duration::from_secs(30);

/// What was told.
#[derive(Debug)]
pub(super) struct Talk {
    /// One for each item, as far as all was told.
    pub(super) told: Vec<Told>,
    /// What became of the entries of whole documents.
    pub(super) completed: Completed,
    pub(super) end: End,
    /// Bytes that came, and those that went.
    bytes: (u64, u64),
    /// Points for what the peer did wrong.
    pub(super) points: u32,
}

/// Asks, and takes in what comes of whole documents. Parts are not verified here.
pub(super) async fn talk(
    core: &Core,
    connection: &Connection,
    protocol: &Protocol,
    ask: Ask,
) -> Result<Talk, AskError> {
    let peer = connection.peer();
    let opening = timeout(OPEN_TIME, connection.open(protocol)).await;
    let opened = opening.map_err(|_| AskError::Ended {
        peer,
        reason: String::from("it opened no stream in time"),
    })?;
    let stream = opened.map_err(|source| AskError::Stream { peer, source: source.into() })?;
    let Stream { mut sender, mut receiver, .. } = stream;
    let started = Instant::now();
    let now = || u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut asker = Asker::new(ask, now());
    let mut talk = Talk::new(peer);
    loop {
        let mut is_over = false;
        while let Some(effect) = asker.poll() {
            match effect {
                AskerEffect::Told(_, told) => talk.told.push(told),
                AskerEffect::Ingest(entries) => {
                    match work::take_in(core, entries, Turn::alone()).await {
                        Some(verdicts) => {
                            verdicts.iter().for_each(|verdict| talk.completed.count(verdict));
                            asker.ingested(&verdicts, now());
                        }
                        None => asker.unavailable(),
                    }
                }
                AskerEffect::Proof(proof) => {
                    core.keep(*proof).await?;
                }
                AskerEffect::Finished(end) => {
                    talk.end = end;
                    is_over = true;
                }
                _ => {}
            }
        }
        while let Some(frame) = asker.poll_frame(now()) {
            talk.bytes.1 += frame.len() as u64;
            // What cannot be sent shows in what comes.
            if !matches!(timeout(OPEN_TIME, sender.send(frame)).await, Ok(Ok(()))) {
                asker.closed();
            }
        }
        if is_over {
            break;
        }
        let due = asker.poll_timeout().unwrap_or_default().saturating_sub(now());
        match timeout(Duration::from_millis(due), receiver.receive()).await {
            // It takes no frame only when it is over.
            Ok(Ok(Some(frame))) => {
                talk.bytes.0 += frame.len() as u64;
                let _ = asker.handle(&frame, now());
            }
            Ok(Ok(None) | Err(_)) => asker.closed(),
            Err(_) => asker.timeout(now()),
        }
    }
    talk.points = asker.points();
    if let End::Failed(fault) = &talk.end {
        talk.points = talk.points.saturating_add(fault.points());
    }
    let _ = sender.finish().await;
    Ok(talk)
}

impl Talk {
    const fn new(peer: PeerId) -> Self {
        let completed = Completed { peer, stored: 0, known: 0, waiting: 0, refused: 0 };
        Self { told: Vec::new(), completed, end: End::Complete, bytes: (0, 0), points: 0 }
    }

    /// What went over the wire.
    pub(super) fn moved(&self) -> Totals {
        let Completed { stored, known, waiting, refused, .. } = self.completed;
        let parts = self.told.iter().map(|told| match told {
            Told::Part { entries, .. } => entries.len() as u64,
            _ => 0,
        });
        let received = stored + known + waiting + refused + parts.sum::<u64>();
        let (bytes_in, bytes_out) = self.bytes;
        let counts = Totals { received, stored, known, waiting, refused, ..Totals::default() };
        Totals { bytes_in, bytes_out, ..counts }
    }
}

impl Completed {
    fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Stored => self.stored += 1,
            Verdict::Known => self.known += 1,
            Verdict::Waiting | Verdict::Detached => self.waiting += 1,
            _ => self.refused += 1,
        }
    }
}
