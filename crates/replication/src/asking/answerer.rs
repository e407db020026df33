//! The side that is asked: one item after the other, as fast as the other side takes the answers.

use alloc::collections::VecDeque;

use super::{AskAnswer, AskQuery, Wire, unexpected};
use crate::limits::{IDLE_TIMEOUT_MS, QUEUE_BYTES_LOW};
use crate::session::{End, Fault, batches};
use crate::{Ask, Cursor, Message, PartContent, PartMessage, Refusal};

/// Answers an ask.
///
/// It is fed with what happens and says what to do. After each input call [`Answerer::poll`] until
/// there is nothing more, and send what [`Answerer::poll_frame`] gives whenever the stream takes it.
#[derive(Debug)]
pub struct Answerer {
    stage: Stage,
    wire: Wire,
    effects: VecDeque<AnswererEffect>,
}

#[derive(Debug)]
enum Stage {
    /// The ask has not come yet.
    Waiting,
    Answering(Answering),
    Over,
}

#[derive(Debug)]
struct Answering {
    ask: Ask,
    /// The item in turn.
    item: usize,
    after: Option<Cursor>,
    /// Whether something was told of it.
    has_told: bool,
    is_reading: bool,
}

/// Something to be done for whoever answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswererEffect {
    /// Ask the store, and give the answer to [`Answerer::answer`].
    Read(AskQuery),
    /// It is over; when all frames are sent, end this side of the stream.
    Finished(End),
}

impl Answerer {
    /// Waits for the ask on a stream that the other side has opened.
    #[must_use]
    pub fn new(now: u64) -> Self {
        let wire = Wire { active: now, ..Wire::default() };
        Self { stage: Stage::Waiting, wire, effects: VecDeque::new() }
    }

    /// A frame has come.
    pub fn handle(&mut self, frame: &[u8], now: u64) {
        self.wire.active = now;
        let message = Message::decode(frame);
        match (&self.stage, message) {
            (Stage::Over, _) => {}
            (_, Err(error)) => self.fail(error.into()),
            (_, Ok(Message::Refuse(refusal))) => self.end(End::Refused(refusal)),
            (Stage::Waiting, Ok(Message::Ask(ask))) => {
                self.stage = Stage::Answering(Answering {
                    ask,
                    item: 0,
                    after: None,
                    has_told: false,
                    is_reading: false,
                });
                self.drive();
            }
            (Stage::Waiting, Ok(_)) => self.fail(unexpected("Ask", "another message")),
            (Stage::Answering(_), Ok(_)) => {
                self.fail(unexpected("nothing behind the Ask", "another message"));
            }
        }
    }

    /// The store has answered.
    pub fn answer(&mut self, answer: AskAnswer, now: u64) {
        let Stage::Answering(state) = &mut self.stage else { return };
        if !core::mem::take(&mut state.is_reading) {
            return;
        }
        self.wire.active = now;
        let AskAnswer { contents, next } = answer;
        for content in contents {
            state.has_told = true;
            tell(&mut self.wire, state.item, content);
        }
        state.after = next;
        if next.is_none() {
            if !state.has_told {
                tell(&mut self.wire, state.item, PartContent::Nothing);
            }
            state.has_told = false;
            state.item = state.item.saturating_add(1);
        }
        self.drive();
    }

    /// The store cannot be read.
    pub fn unavailable(&mut self) {
        self.fail(Fault::Unavailable);
    }

    /// Ends it for a reason of this side's.
    pub fn refuse(&mut self, refusal: Refusal) {
        if !matches!(self.stage, Stage::Over) {
            self.wire.send(&Message::Refuse(refusal.clone()));
            self.end(End::Refused(refusal));
        }
    }

    /// The other side is gone, or has ended its half of the stream, which it may once it has asked.
    pub fn closed(&mut self) {
        if matches!(self.stage, Stage::Waiting) {
            self.fail(Fault::ClosedEarly);
        }
    }

    /// When to call [`Answerer::timeout`]. While the store is being read it is nobody's fault.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        let is_reading = matches!(&self.stage, Stage::Answering(state) if state.is_reading);
        let is_over = matches!(self.stage, Stage::Over);
        let waits = !self.wire.frames.is_empty() || !(is_reading || is_over);
        waits.then(|| self.wire.active.saturating_add(IDLE_TIMEOUT_MS))
    }

    /// Time has passed.
    pub fn timeout(&mut self, now: u64) {
        if self.poll_timeout().is_some_and(|due| due <= now) {
            self.fail(Fault::Idle { ms: IDLE_TIMEOUT_MS });
        }
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<AnswererEffect> {
        self.effects.pop_front()
    }

    /// The next frame to send.
    pub fn poll_frame(&mut self, now: u64) -> Option<alloc::vec::Vec<u8>> {
        let frame = self.wire.take(now)?;
        self.drive();
        Some(frame)
    }

    /// Reads on when there is room.
    fn drive(&mut self) {
        let Stage::Answering(state) = &mut self.stage else { return };
        if state.is_reading || self.wire.bytes >= QUEUE_BYTES_LOW {
            return;
        }
        if let Some(item) = state.ask.items.get(state.item) {
            state.is_reading = true;
            let (item, payloads_optional) = (item.clone(), state.ask.payloads_optional);
            let query = AskQuery { item, payloads_optional, after: state.after };
            self.effects.push_back(AnswererEffect::Read(query));
        } else {
            self.wire.send(&Message::Done);
            self.end(End::Complete);
        }
    }

    fn fail(&mut self, fault: Fault) {
        if !matches!(self.stage, Stage::Over) {
            self.effects.clear();
            let end = self.wire.fail(fault);
            self.end(end);
        }
    }

    fn end(&mut self, end: End) {
        self.stage = Stage::Over;
        self.effects.push_back(AnswererEffect::Finished(end));
    }
}

/// Sends what is told of an item; many entries in several frames.
fn tell(wire: &mut Wire, item: usize, content: PartContent) {
    match content {
        PartContent::Entries(entries) => {
            for batch in batches(entries) {
                let content = PartContent::Entries(batch);
                wire.send(&Message::Part(PartMessage { item, content }));
            }
        }
        content => wire.send(&Message::Part(PartMessage { item, content })),
    }
}
