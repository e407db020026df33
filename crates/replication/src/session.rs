//! One session between two nodes: compares, transfers, and goes on with news (RE4).
//!
//! ```text
//! initiator                                  responder
//!     │ Request, with all that it has in ranges  │
//!     ├─────────────────────────────────────────▶│
//!     │            Want …, Ranges; Entries …     │
//!     │◀─────────────────────────────────────────┤
//!     │ Want …, Ranges; Entries …                │
//!     ├─────────────────────────────────────────▶│   … until the ranges are empty
//!     │                                     Done │
//!     │◀────────────────────────────────────────▶│
//!     │ Entries, Have, Prune, Want, Proof,       │
//!     │ WantDocuments, DocumentHeads, Changed    │
//!     │◀────────────────────────────────────────▶│   live
//! ```

mod comparing;
mod fault;
mod handling;
mod hunts;
mod live;
mod open;
mod outbox;
mod receiving;
mod recent;
mod related;
mod scope;
mod sending;
mod settling;
mod status;
mod tally;
mod terms;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pandan_bamboo::{ForkProof, Salt};
use pandan_operations::{OperationId, SchemaId};
use thiserror::Error;

pub(crate) use fault::REFUSED_POINTS;
pub use fault::{End, Fault};
pub use live::Commit;
pub use outbox::{Effect, IngestId};
pub use receiving::Verdict;
pub(crate) use scope::{is_definition, is_within, schema_of};
pub(crate) use sending::batches;
pub use status::{Phase, Status, Usage};
pub use tally::SchemaCounts;
pub use terms::{Acceptance, Terms, TermsError};

use crate::limits::{MAX_DOCUMENTS, MAX_FRAME_LENGTH};
use crate::{Answer, Interest, Message, ReadId, Refusal, RefusalCode};
use open::Open;
use outbox::Outbox;
use receiving::Receiving;

/// One side of a session.
///
/// It is fed with what happens and says what to do. Time is a number of milliseconds, from
/// whatever beginning. After each input call [`Session::poll`] until there is nothing more, and
/// send what [`Session::poll_frame`] gives whenever the stream takes it: the two do not wait for
/// each other.
#[derive(Debug)]
pub struct Session {
    stage: Stage,
    out: Outbox,
    /// A frame that waits until all entries before it were taken in. What the other side says
    /// beside entries is heard as if one batch were taken in after the other.
    held: Option<Vec<u8>>,
    /// The stream has ended, which is to be heard after that.
    is_closed: bool,
    /// When something has last happened.
    active: u64,
    /// When it was first seen that frames wait to be taken, since the last one was.
    waiting_since: Option<u64>,
}

#[derive(Debug)]
enum Stage {
    /// The request has not come yet.
    Accepting(Acceptance),
    Open(Box<Open>),
    /// Nothing is said any more, but what became of entries on their way to the store is heard.
    Ending(End, Box<Receiving>),
    Over,
}

/// A session takes no frame right now; see [`Session::wants_input`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the session takes no frame before it has caught up")]
pub struct Busy;

impl Session {
    /// Begins a session on a new stream. The salt is random and new for each session.
    #[must_use]
    pub fn initiate(terms: Terms, salt: Salt, now: u64) -> Self {
        let mut out = Outbox::default();
        let open = Open::initiate(terms, salt, now, &mut out);
        Self::new(Stage::Open(Box::new(open)), out, now)
    }

    /// Waits for the request on a stream that the other side has opened.
    #[must_use]
    pub fn accept(acceptance: Acceptance, now: u64) -> Self {
        Self::new(Stage::Accepting(acceptance), Outbox::default(), now)
    }

    const fn new(stage: Stage, out: Outbox, now: u64) -> Self {
        Self { stage, out, held: None, is_closed: false, active: now, waiting_since: None }
    }

    /// The schemas of the session; none before it is open.
    #[must_use]
    pub fn schemas(&self) -> &[SchemaId] {
        match &self.stage {
            Stage::Open(open) => open.schemas(),
            Stage::Accepting(_) | Stage::Ending(..) | Stage::Over => &[],
        }
    }

    /// The same, to keep while questions of the session are answered.
    #[must_use]
    pub fn shared_schemas(&self) -> Arc<[SchemaId]> {
        match &self.stage {
            Stage::Open(open) => Arc::clone(&open.terms.schemas),
            Stage::Accepting(_) | Stage::Ending(..) | Stage::Over => Arc::default(),
        }
    }

    /// How the session gets on.
    #[must_use]
    pub const fn status(&self) -> &Status {
        &self.out.status
    }

    /// What happened to each schema since this was asked last.
    #[must_use]
    pub fn take_schema_counts(&mut self) -> Vec<(SchemaId, SchemaCounts)> {
        self.out.tally.take()
    }

    /// How much the session keeps and has under way.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut usage = Usage {
            queued_bytes: self.out.queued_bytes(),
            reads: self.out.reads(),
            ..Usage::default()
        };
        match &self.stage {
            Stage::Open(open) => open.add_usage(&mut usage),
            Stage::Ending(_, receiving) => {
                (usage.ingests, usage.ingest_bytes) = receiving.usage();
            }
            Stage::Accepting(_) | Stage::Over => {}
        }
        usage
    }

    /// Whether it is over: nothing more is heard, though it may not be known yet what became of
    /// the last entries. With that comes [`Effect::Finished`].
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Ending(..) | Stage::Over)
    }

    /// Whether a frame may be handed in. While much is being taken in, none may: let the flow
    /// control of the stream slow down the other side.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        match &self.stage {
            Stage::Accepting(_) => true,
            Stage::Open(open) => {
                self.held.is_none() && open.has_room() && self.out.has_room_to_read()
            }
            Stage::Ending(..) | Stage::Over => false,
        }
    }

    /// A frame has come.
    pub fn handle(&mut self, frame: &[u8], now: u64) -> Result<(), Busy> {
        if !self.wants_input() {
            return Err(Busy);
        }
        let length = u64::try_from(frame.len()).unwrap_or(u64::MAX);
        self.out.status.bytes_in = self.out.status.bytes_in.saturating_add(length);
        self.active = now;
        if self.is_ingesting() && !Message::is_entries(frame) && frame.len() <= MAX_FRAME_LENGTH {
            self.held = Some(frame.to_vec());
        } else {
            self.hear(frame, now);
        }
        Ok(())
    }

    fn is_ingesting(&self) -> bool {
        matches!(&self.stage, Stage::Open(open) if open.is_ingesting())
    }

    fn hear(&mut self, frame: &[u8], now: u64) {
        let length = u64::try_from(frame.len()).unwrap_or(u64::MAX);
        match Message::decode(frame) {
            Ok(Message::Refuse(refusal)) => self.refused(refusal),
            Ok(message) => self.message(message, length, now),
            Err(error) => self.fail(error.into()),
        }
    }

    /// Hears what has waited for entries.
    fn hear_held(&mut self, now: u64) {
        if self.is_ingesting() {
            return;
        }
        if let Some(frame) = self.held.take() {
            self.hear(&frame, now);
        }
        if core::mem::take(&mut self.is_closed) {
            self.closed();
        }
    }

    fn message(&mut self, message: Message, length: u64, now: u64) {
        if matches!(&message, Message::Request(_) | Message::Ranges(_)) {
            let status = &mut self.out.status;
            status.rounds = status.rounds.saturating_add(1);
            status.bytes_compared = status.bytes_compared.saturating_add(length);
        }
        let result = match (&mut self.stage, message) {
            (Stage::Accepting(acceptance), Message::Request(request)) => {
                Open::accept(acceptance, request, now, &mut self.out)
                    .map(|open| self.stage = Stage::Open(Box::new(open)))
            }
            (Stage::Accepting(_), _) => {
                Err(Fault::Unexpected { expected: "Request", found: "another message" })
            }
            (Stage::Open(open), message) => open.handle(message, &mut self.out),
            (Stage::Ending(..) | Stage::Over, _) => Ok(()),
        };
        self.settle(result);
    }

    /// The store has answered. An answer to no question of this session changes nothing.
    pub fn answer(&mut self, id: ReadId, answer: Answer, now: u64) {
        let (Stage::Open(open), Some(purpose)) = (&mut self.stage, self.out.take_purpose(id))
        else {
            return;
        };
        self.active = now;
        let result = open.answer(purpose, answer, now, &mut self.out);
        self.settle(result);
    }

    /// What became of each entry of a batch, in the same order.
    pub fn ingested(&mut self, id: IngestId, verdicts: &[Verdict], now: u64) {
        match &mut self.stage {
            Stage::Open(open) => {
                self.active = now;
                let result = open.ingested(id, verdicts, now, &mut self.out);
                self.settle(result);
                self.hear_held(now);
            }
            Stage::Ending(end, receiving) => {
                let places = receiving.finish(id).into_iter().flatten();
                places.zip(verdicts).for_each(|(place, verdict)| self.out.judged(&place, verdict));
                if !receiving.is_busy() {
                    let end = end.clone();
                    self.finished(end);
                }
            }
            Stage::Accepting(_) | Stage::Over => {}
        }
    }

    /// A proof was dealt with, whether it was news or not.
    pub fn kept(&mut self, now: u64) {
        let Stage::Open(open) = &mut self.stage else { return };
        self.active = now;
        open.receiving.proofs = open.receiving.proofs.saturating_sub(1);
    }

    /// An entry was stored, wherever it came from.
    pub fn commit(&mut self, commit: &Commit) {
        if let Stage::Open(open) = &mut self.stage {
            open.commit(commit, &mut self.out);
        }
    }

    /// A fork of a log of the session's schemas became known, wherever it came from.
    pub fn fork(&mut self, proof: &ForkProof) {
        if let Stage::Open(open) = &mut self.stage {
            open.fork(proof, &mut self.out);
        }
    }

    /// Asks for documents beside those of the session, each named by one of its operations: what the
    /// other side has of them and this side lacks is sent for, and taken if it is of these schemas.
    /// [`Effect::Changed`] tells when there is more of them.
    ///
    /// Gives `false`, and does nothing, unless the session is live, is not busy with what was asked
    /// for before, and the ids are not more than [`MAX_DOCUMENTS`].
    pub fn want_documents(&mut self, mut ids: Vec<OperationId>, schemas: &Interest) -> bool {
        ids.sort_unstable();
        ids.dedup();
        match &mut self.stage {
            Stage::Open(open) if ids.len() <= MAX_DOCUMENTS => open.want_documents(ids, schemas),
            _ => false,
        }
    }

    /// Whether documents were asked for that have not come as far as the other side has them.
    #[must_use]
    pub fn wants_documents(&self) -> bool {
        matches!(&self.stage, Stage::Open(open) if open.related.is_busy())
    }

    /// The other side has ended its half of the stream, or it broke.
    pub fn closed(&mut self) {
        match &mut self.stage {
            Stage::Ending(..) | Stage::Over => {}
            Stage::Open(open) if open.is_ingesting() => self.is_closed = true,
            Stage::Open(open) if open.is_done() => self.finish(End::Complete),
            Stage::Open(_) | Stage::Accepting(_) => self.fail(Fault::ClosedEarly),
        }
    }

    /// When to call [`Session::timeout`], unless something else happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        let idle = self.active.saturating_add(crate::limits::IDLE_TIMEOUT_MS);
        match &self.stage {
            Stage::Accepting(_) => Some(idle),
            Stage::Open(open) => {
                let is_working = open.is_ingesting() || open.is_keeping() || self.out.is_reading();
                let may_idle = open.is_live() || is_working;
                let idle = (!may_idle).then_some(idle);
                [idle, self.news_due(open), open.next_due()].into_iter().flatten().min()
            }
            Stage::Ending(..) | Stage::Over => None,
        }
    }

    /// Until when the news that wait in a live session have to be taken; before it is known since
    /// when they wait, at once.
    fn news_due(&self, open: &Open) -> Option<u64> {
        let waits = open.is_live() && self.out.queued_bytes() > 0;
        let due = |since: u64| since.saturating_add(crate::limits::IDLE_TIMEOUT_MS);
        waits.then(|| self.waiting_since.map_or(self.active, due))
    }

    /// Time has passed.
    pub fn timeout(&mut self, now: u64) {
        if self.out.queued_bytes() > 0 {
            self.waiting_since.get_or_insert(now);
        }
        if self.poll_timeout().is_none_or(|due| due > now) {
            return;
        }
        let ms = crate::limits::IDLE_TIMEOUT_MS;
        let is_due = match &mut self.stage {
            Stage::Open(open) => {
                open.timeout(now, &mut self.out);
                open.is_resync_due(now)
            }
            Stage::Accepting(_) | Stage::Ending(..) | Stage::Over => false,
        };
        if is_due {
            self.compare_again();
        } else if self.poll_timeout().is_some_and(|due| due <= now) {
            self.fail(Fault::Idle { ms });
        }
    }

    /// What is to be done next, apart from sending frames.
    pub fn poll(&mut self) -> Option<Effect> {
        self.drive();
        self.out.poll()
    }

    /// The next frame to send.
    pub fn poll_frame(&mut self, now: u64) -> Option<Vec<u8>> {
        self.drive();
        let frame = self.out.poll_frame()?;
        self.active = now;
        self.waiting_since = None;
        Some(frame)
    }

    /// Ends the session, as when the node shuts down.
    pub fn refuse(&mut self, refusal: Refusal) {
        if !self.is_over() {
            self.out.clear();
            self.out.send(&Message::Refuse(refusal.clone()));
            self.finish(End::Refused(refusal));
        }
    }

    fn drive(&mut self) {
        let Stage::Open(open) = &mut self.stage else { return };
        open.drive(&mut self.out);
        let is_behind = open.is_behind() && self.out.queued_bytes() == 0;
        self.out.status.phase = open.phase();
        if is_behind {
            self.compare_again();
        }
    }

    fn settle(&mut self, result: Result<(), Fault>) {
        match result {
            Ok(()) => {
                if let Stage::Open(open) = &self.stage {
                    self.out.status.phase = open.phase();
                }
            }
            Err(fault) => self.fail(fault),
        }
    }

    fn fail(&mut self, fault: Fault) {
        let status = &mut self.out.status;
        status.points = status.points.saturating_add(fault.points());
        self.out.clear();
        let refusal = Refusal::new(fault.code(), &alloc::string::ToString::to_string(&fault));
        if fault != Fault::ClosedEarly {
            self.out.send(&Message::Refuse(refusal));
        }
        self.finish(End::Failed(fault));
    }

    fn refused(&mut self, refusal: Refusal) {
        self.out.clear();
        let end = if refusal.code == RefusalCode::COMPARE_AGAIN {
            End::CompareAgain
        } else {
            End::Refused(refusal)
        };
        self.finish(end);
    }

    /// The store takes no entries in, so the session ends.
    pub fn unavailable(&mut self) {
        if !self.is_over() {
            self.fail(Fault::Unavailable);
        }
        // Nobody will say what became of the others.
        if let Stage::Ending(end, _) = &self.stage {
            let end = end.clone();
            self.finished(end);
        }
    }

    /// The stream is gone with its connection, or another one took its place.
    pub fn gone(&mut self) {
        self.out.clear();
        if !self.is_over() {
            self.finish(End::Gone);
        }
    }

    /// Ends the session, so that a new one compares anew.
    pub(crate) fn compare_again(&mut self) {
        if !self.is_over() {
            let refusal = Refusal::new(RefusalCode::COMPARE_AGAIN, "time to compare anew");
            self.out.send(&Message::Refuse(refusal));
            self.finish(End::CompareAgain);
        }
    }

    /// Ends the session. What became of entries is waited for: it counts, and may be somebody's
    /// fault.
    fn finish(&mut self, end: End) {
        self.held = None;
        match core::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Open(open) if open.is_ingesting() => {
                self.stage = Stage::Ending(end, Box::new(open.receiving));
            }
            _ => self.finished(end),
        }
    }

    fn finished(&mut self, end: End) {
        self.stage = Stage::Over;
        self.out.status.phase = Phase::Over;
        self.out.effect(Effect::Finished(end));
    }
}
