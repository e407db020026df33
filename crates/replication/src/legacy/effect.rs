//! What a link asks its caller to do.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use pandan_bamboo::{DecodeEntryError, LogId, SeqNum};
use pandan_identity::{PUBLIC_KEY_LENGTH, hex};
use pandan_operations::SchemaId;
use thiserror::Error;

use super::SchemaSet;
use super::decode::DecodeMessageError;
use super::limits::MAX_REPORTS;
use super::message::Message;
use super::query::{IngestId, Query, ReadId, Received};
use super::session::Counts;

/// What the caller of a link has to do or may want to know.
#[derive(Debug)]
pub enum Effect {
    /// Write these bytes to the peer, behind all that were sent before.
    Send(Vec<u8>),
    /// Ask the store and give the answer to [`Link::answer`](super::Link::answer).
    Read(ReadId, Query),
    /// Store these entries, in this order, and tell
    /// [`Link::ingested`](super::Link::ingested) what became of them.
    Ingest(IngestId, Vec<Received>),
    /// A session has ended.
    Finished(Finished),
    /// The peer broke a rule.
    Misbehaved(Fault),
}

/// A session that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// What it was about.
    pub schemas: SchemaSet,
    /// Whether we opened it.
    pub initiated: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// What it moved.
    pub counts: Counts,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Both sides have sent everything.
    Complete,
    /// The peer fell silent, or the session went on for too long.
    TimedOut,
    /// The peer has given it up: it asked for a new one.
    Replaced,
    /// The peer broke a rule.
    Broken,
    /// The store could not answer.
    StoreFailed,
}

/// A rule that the peer broke.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// Bytes that are no message. The stream is of no use any more, and so is the link.
    #[error("stream cannot be read any more")]
    Undecodable(#[from] DecodeMessageError),
    /// A message that does not belong there. The session has ended.
    #[error("expected another message in session {session}, found {found}")]
    Unexpected {
        /// The session.
        session: u64,
        /// The message.
        found: &'static str,
    },
    /// Bytes in the place of an entry that are none. The session has ended.
    #[error("entry in session {session} is not well formed")]
    Entry {
        /// The session.
        session: u64,
        /// What is wrong.
        source: DecodeEntryError,
    },
    /// An entry that nobody can have taken for a good one. The session has ended.
    #[error("entry {seq_num} of log {log_id} of {} is forged", Key(author))]
    Forged {
        /// The author that it names.
        author: [u8; PUBLIC_KEY_LENGTH],
        /// The log that it names.
        log_id: LogId,
        /// The place that it names.
        seq_num: SeqNum,
    },
    /// An entry of a document that the session is not about. No more of its log is taken.
    #[error("expected entries of the schemas of session {session}, found one of {schema}")]
    Unasked {
        /// The session.
        session: u64,
        /// The schema that its operation claims.
        schema: SchemaId,
    },
    /// Requests follow each other too fast. This one was not heard.
    #[error("expected at most {max} requests in a row, found more")]
    TooManyRequests {
        /// The limit.
        max: u32,
    },
    /// More sessions than the protocol allows. The request was not heard.
    #[error("expected at most {max} sessions opened by the peer, found a request for more")]
    TooManySessions {
        /// The limit.
        max: usize,
    },
}

/// What forged entries cost a peer, in [`Fault::points`].
pub const FORGED_POINTS: u32 = 50;

impl Fault {
    /// What goes on the account of the peer; at 100 it is to be kept out.
    ///
    /// A peer with which sessions fail again and again, as they do between deployed nodes, is no
    /// more than slow-witted: only what nobody sends by mistake counts for much.
    #[must_use]
    pub const fn points(&self) -> u32 {
        match self {
            Self::Entry { .. } | Self::Forged { .. } => FORGED_POINTS,
            Self::Undecodable(_) => 25,
            Self::Unasked { .. } | Self::TooManyRequests { .. } | Self::TooManySessions { .. } => 5,
            Self::Unexpected { .. } => 1,
        }
    }
}

struct Key<'a>(&'a [u8]);

impl core::fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        hex::write(f, self.0)
    }
}

/// Effects that wait for the caller.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    reports: VecDeque<Effect>,
    /// Each with the session that it belongs to, if it is about one.
    messages: VecDeque<(Option<u64>, Message)>,
}

impl Outbox {
    pub(super) fn report(&mut self, effect: Effect) {
        self.reports.push_back(effect);
    }

    pub(super) fn send(&mut self, serial: Option<u64>, message: Message) {
        self.messages.push_back((serial, message));
    }

    pub(super) fn is_full(&self) -> bool {
        self.reports.len() >= MAX_REPORTS
    }

    pub(super) fn has_messages_of(&self, serial: u64) -> bool {
        self.messages.iter().any(|(of, _)| *of == Some(serial))
    }

    /// Takes back what nobody waits for, since the session has failed.
    pub(super) fn discard(&mut self, serial: u64, read: Option<ReadId>) {
        self.messages.retain(|(of, _)| *of != Some(serial));
        self.reports.retain(|effect| !matches!(effect, Effect::Read(id, _) if Some(*id) == read));
    }

    /// Takes back announcements; a newer one follows.
    pub(super) fn discard_announcements(&mut self) {
        self.messages.retain(|(_, message)| !matches!(message, Message::Announce { .. }));
    }

    pub(super) fn next_report(&mut self) -> Option<Effect> {
        self.reports.pop_front()
    }

    pub(super) fn next_message(&mut self) -> Option<(Option<u64>, Message)> {
        self.messages.pop_front()
    }
}
