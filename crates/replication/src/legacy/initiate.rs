//! When sessions begin, and which of two gives way.

use alloc::vec::Vec;

use super::effect::{Effect, Fault, Outcome};
use super::limits::{
    IDLE_INITIATE_MS, MAX_REQUESTS, MAX_SERVED, MAX_SESSIONS, MIN_INITIATE_MS, REQUEST_INTERVAL_MS,
};
use super::message::{Message, Mode};
use super::session::Session;
use super::{Link, SchemaSet};

/// Which side gives way when both open a session at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precedence {
    /// Our peer id is the higher one: our request stands, and the peer's is ignored.
    Insists,
    /// Our peer id is the lower one: we drop our request and serve the peer's.
    Yields,
}

impl Precedence {
    /// Compares the bytes of two peer ids.
    #[must_use]
    pub fn of_peer_ids(own: &[u8], peer: &[u8]) -> Self {
        if own > peer { Self::Insists } else { Self::Yields }
    }
}

/// Which sessions of the peer are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    /// All, whatever schemas they are about.
    Everything,
    /// Those that are about schemas which we announced, and no others.
    Announced,
}

impl Link {
    /// When we would open a session, if nothing happens before.
    pub(super) fn initiate_at(&self) -> Option<u64> {
        let schemas = self.announcements.shared();
        let is_open = |session: &Session| session.schemas == *schemas;
        if schemas.is_empty()
            || self.sessions.len() >= MAX_SESSIONS
            || self.sessions.iter().any(is_open)
        {
            return None;
        }
        let set = self.memory.set(schemas);
        let wanted = match set.and_then(|set| set.completed) {
            Some(completed) if completed.changes >= self.changes => {
                completed.at.saturating_add(IDLE_INITIATE_MS)
            }
            _ => 0,
        };
        let spaced = self.initiated_at.map_or(0, |at| at.saturating_add(MIN_INITIATE_MS));
        let not_before = set.map_or(0, |set| set.not_before);
        Some(wanted.max(spaced).max(not_before))
    }

    /// Opens a session if it is time.
    pub(super) fn initiate(&mut self, now: u64) {
        if self.initiate_at().is_some_and(|at| at <= now) {
            self.request(self.announcements.shared().clone(), now);
        }
    }

    fn request(&mut self, schemas: SchemaSet, now: u64) {
        let (serial, id) = (self.next_serial(), self.next_id());
        self.initiated_at = Some(now);
        self.sessions.push(Session::new(serial, id, schemas.clone(), true, now));
        self.send(serial, Message::SyncRequest { session: id, mode: Mode::LogHeights, schemas });
    }

    /// One above the last session; any that is free if the peer has used up the numbers.
    fn next_id(&self) -> u64 {
        let is_free = |id: &u64| self.sessions.iter().all(|session| session.id != *id);
        let last = self.sessions.last().map_or(0, |session| session.id.saturating_add(1));
        let next = last.max(self.least_id);
        Some(next).filter(is_free).or_else(|| (0..).find(is_free)).unwrap_or(next)
    }

    /// The peer opens a session.
    pub(super) fn on_request(&mut self, id: u64, mode: Mode, schemas: SchemaSet, now: u64) {
        // What is refused is not answered; the peer has no use for an answer.
        let is_served =
            self.serves == Serves::Everything || schemas.is_subset(self.announcements.own());
        if mode != Mode::LogHeights || !is_served {
            return;
        }
        if !self.may_request(now) {
            let fault = Fault::TooManyRequests { max: MAX_REQUESTS };
            return self.outbox.report(Effect::Misbehaved(fault));
        }
        let meets = |session: &&Session| session.id == id || session.schemas == schemas;
        let met: Vec<_> = self
            .sessions
            .iter()
            .filter(meets)
            .map(|session| (session.serial, session.is_requested()))
            .collect();
        let both_at_once = met.iter().any(|(_, is_requested)| *is_requested);
        if both_at_once && self.precedence == Precedence::Insists {
            return;
        }
        let dropped = self.give_way(&met, now);
        self.serve(id, schemas.clone(), now);
        for other in dropped.into_iter().filter(|dropped| *dropped != schemas) {
            if self.sessions.len() < MAX_SESSIONS {
                self.request(other, now);
            }
        }
    }

    /// Ends sessions that a request of the peer meets; gives the schemas of our own requests among
    /// them.
    fn give_way(&mut self, met: &[(u64, bool)], now: u64) -> Vec<SchemaSet> {
        let mut dropped = Vec::new();
        for &(serial, is_requested) in met {
            if is_requested {
                self.outbox.discard(serial, None);
                dropped.extend(self.take_session(serial).map(|session| session.schemas));
            } else {
                // A peer does not ask again for a session that it still knows.
                self.fail(serial, Outcome::Replaced, now);
            }
        }
        dropped
    }

    fn serve(&mut self, id: u64, schemas: SchemaSet, now: u64) {
        let served = self.sessions.iter().filter(|session| !session.initiated);
        if served.count() >= MAX_SERVED {
            let fault = Fault::TooManySessions { max: MAX_SERVED };
            return self.outbox.report(Effect::Misbehaved(fault));
        }
        let serial = self.next_serial();
        self.sessions.push(Session::new(serial, id, schemas, false, now));
        self.read_heights(serial, None, now);
    }

    /// Whether the peer may send one request more.
    fn may_request(&mut self, now: u64) -> bool {
        let passed = now.saturating_sub(self.requests_at).checked_div(REQUEST_INTERVAL_MS);
        let passed = passed.unwrap_or(0);
        self.requests_at =
            self.requests_at.saturating_add(passed.saturating_mul(REQUEST_INTERVAL_MS));
        let more = u32::try_from(passed).unwrap_or(u32::MAX);
        self.requests = self.requests.saturating_add(more).min(MAX_REQUESTS);
        let left = self.requests.checked_sub(1);
        self.requests = left.unwrap_or(0);
        left.is_some()
    }
}
