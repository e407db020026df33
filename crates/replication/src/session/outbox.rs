//! What a session wants done: frames to send, questions to the store, entries to take in.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use pandan_bamboo::{ForkProof, SeqNum};
use pandan_operations::{OperationId, SchemaId};

use crate::limits::{LOGS_READ_LOW, MAX_QUEUE_BYTES, MAX_READS};
use crate::session::fault::{End, Fault, REFUSED_POINTS};
use crate::session::receiving::{Arrived, Verdict};
use crate::session::status::Status;
use crate::session::tally::Tally;
use crate::{DocumentHeads, LogName, Message, Query, ReadId, Received};

/// Something to be done for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Ask the store, and give the answer to [`Session::answer`](crate::Session::answer).
    Read(ReadId, Query),
    /// Take in entries in this order, behind those of effects before this one, and tell
    /// [`Session::ingested`](crate::Session::ingested) what became of each.
    Ingest(IngestId, Vec<Received>),
    /// A fork: keep the proof, unless nothing of its author is of interest here, and tell
    /// [`Session::kept`](crate::Session::kept).
    Proof(Box<ForkProof>),
    /// The other side has something new of documents that it was asked for, by the ids that were
    /// asked for: ask for them again.
    Changed(Vec<OperationId>),
    /// An entry came of a document of this schema that nobody asked for, and is not taken in.
    Unasked(SchemaId),
    /// Nothing more is sent: when all frames are, end this side of the stream.
    Close,
    /// The session has ended.
    Finished(End),
}

/// Names a batch of entries within its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IngestId(pub(crate) u64);

/// What an answer is for.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    Compare,
    Page,
    HuntOwn,
    Probed,
    /// Documents that the other side asks for.
    Documents,
    /// Heads of documents that the other side was asked for.
    Related(DocumentHeads),
    /// News of the other side: which of them we lack.
    News(BTreeMap<LogName, SeqNum>),
    /// News that nobody else has brought.
    Graft(BTreeMap<LogName, SeqNum>),
}

impl Purpose {
    /// How many logs are kept for it.
    fn logs(&self) -> usize {
        match self {
            Self::Related(found) => found.heads.len(),
            Self::News(logs) | Self::Graft(logs) => logs.len(),
            Self::Compare | Self::Page | Self::HuntOwn | Self::Probed | Self::Documents => 0,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    frames: VecDeque<Vec<u8>>,
    frame_bytes: usize,
    effects: VecDeque<Effect>,
    reads: BTreeMap<ReadId, Purpose>,
    /// Of how many logs these are in all, as far as the other side has named them.
    logs_read: usize,
    next_read: u64,
    pub(crate) status: Status,
    pub(crate) tally: Tally,
}

impl Outbox {
    pub(crate) fn send(&mut self, message: &Message) {
        let frame = message.encode();
        let length = u64::try_from(frame.len()).unwrap_or(u64::MAX);
        self.status.bytes_out = self.status.bytes_out.saturating_add(length);
        if matches!(message, Message::Request(_) | Message::Ranges(_)) {
            self.status.rounds = self.status.rounds.saturating_add(1);
            self.status.bytes_compared = self.status.bytes_compared.saturating_add(length);
        }
        self.frame_bytes = self.frame_bytes.saturating_add(frame.len());
        self.frames.push_back(frame);
    }

    /// Sends what the other side has asked for, unless it takes nothing.
    pub(crate) fn send_answer(&mut self, message: &Message) -> Result<(), Fault> {
        if self.frame_bytes > MAX_QUEUE_BYTES {
            return Err(Fault::NotReading { max: MAX_QUEUE_BYTES });
        }
        self.send(message);
        Ok(())
    }

    pub(crate) fn ask(&mut self, purpose: Purpose, query: Query) {
        let id = ReadId(self.next_read);
        self.next_read = self.next_read.wrapping_add(1);
        self.logs_read = self.logs_read.saturating_add(purpose.logs());
        self.reads.insert(id, purpose);
        self.effects.push_back(Effect::Read(id, query));
    }

    pub(crate) fn take_purpose(&mut self, id: ReadId) -> Option<Purpose> {
        let purpose = self.reads.remove(&id)?;
        self.logs_read = self.logs_read.saturating_sub(purpose.logs());
        Some(purpose)
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    pub(crate) fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    pub(crate) fn poll_frame(&mut self) -> Option<Vec<u8>> {
        let frame = self.frames.pop_front()?;
        self.frame_bytes = self.frame_bytes.saturating_sub(frame.len());
        Some(frame)
    }

    /// Drops what was to be said and asked, when a session has failed. What came before that is taken
    /// in: it counts, and may be somebody's fault.
    pub(crate) fn clear(&mut self) {
        self.frames.clear();
        self.frame_bytes = 0;
        self.effects.retain(|effect| {
            matches!(effect, Effect::Ingest(..) | Effect::Proof(_) | Effect::Finished(_))
        });
        self.reads.clear();
        self.logs_read = 0;
    }

    /// Counts what became of an entry that came.
    pub(crate) fn judged(&mut self, arrived: &Arrived, verdict: &Verdict) {
        if matches!(verdict, Verdict::Stored | Verdict::Known) {
            self.tally.received(arrived.schema, arrived.bytes);
        }
        let status = &mut self.status;
        let count = match verdict {
            Verdict::Stored => &mut status.stored,
            Verdict::Known | Verdict::KnownVoid => &mut status.known,
            Verdict::Waiting => &mut status.waiting,
            Verdict::Refused => {
                status.points = status.points.saturating_add(REFUSED_POINTS);
                &mut status.refused
            }
            Verdict::Fork(_) => &mut status.forks,
            Verdict::Detached => return,
        };
        *count = count.saturating_add(1);
    }

    pub(crate) const fn queued_bytes(&self) -> usize {
        self.frame_bytes
    }

    pub(crate) fn reads(&self) -> usize {
        self.reads.len()
    }

    pub(crate) fn is_reading(&self) -> bool {
        !self.reads.is_empty()
    }

    pub(crate) fn has_room_to_read(&self) -> bool {
        self.reads.len() < MAX_READS && self.logs_read < LOGS_READ_LOW
    }
}
