//! A peer, and the session with it.

use alloc::vec::Vec;

use pandan_operations::SchemaId;

use super::account::Account;
use super::pace::Pace;
use super::{PeerId, StreamId};
use crate::Interest;
use crate::limits::{IDLE_TIMEOUT_MS, MAX_SCHEMAS, SESSIONS_AT_ONCE};
use crate::session::Session;

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) is_connected: bool,
    pub(super) interest: Option<Interest>,
    pub(super) link: Link,
    pub(super) account: Account,
    /// How fast sessions with it are opened here, and there.
    pub(super) opened: Pace,
    pub(super) taken: Pace,
    /// Which part of the schemas in common the next session is about, where they are too many for
    /// one.
    pub(super) part: usize,
    /// Schemas of which the peer has told; some of them may be known here by now.
    pub(super) hints: Vec<SchemaId>,
}

impl Peer {
    /// When a session is to be opened, if there is something to open one for.
    pub(super) fn due(&self) -> Option<u64> {
        match self.link {
            Link::Idle { until } => {
                let until = until.max(self.account.blocked_until());
                Some(until.max(self.opened.next(SESSIONS_AT_ONCE)))
            }
            Link::Opening | Link::Running(_) => None,
        }
    }

    /// Remembers schemas of which the peer tells, up to as many as a session can be about.
    pub(super) fn add_hints(&mut self, hints: Vec<SchemaId>) {
        for hint in hints {
            if self.hints.len() < MAX_SCHEMAS && !self.hints.contains(&hint) {
                self.hints.push(hint);
            }
        }
    }
}

/// The session with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// None before this time.
    Idle { until: u64 },
    /// A stream is being opened.
    Opening,
    /// It is on this stream.
    Running(StreamId),
}

#[derive(Debug)]
pub(super) struct Running {
    pub(super) peer: PeerId,
    pub(super) session: Session,
    /// All schemas in common when this node opened it; when the peer did, those of which it was
    /// told since.
    pub(super) about: Vec<SchemaId>,
    /// Whether other parts of the schemas come after it.
    pub(super) has_more: bool,
    /// Whether it was live when its stream ended.
    pub(super) was_live: bool,
    /// When the end was told; frames may be left to be sent.
    pub(super) over_since: Option<u64>,
}

impl Running {
    /// Whether it goes on.
    pub(super) const fn is_going(&self) -> bool {
        !self.session.is_over()
    }

    /// When to look at it again.
    pub(super) fn due(&self) -> Option<u64> {
        match self.over_since {
            None => self.session.poll_timeout(),
            Some(since) => Some(since.saturating_add(IDLE_TIMEOUT_MS)),
        }
    }
}
