//! A connection with a peer that speaks version 1.

use alloc::vec::Vec;

use pandan_operations::SchemaId;

use super::announcements::Announcements;
use super::effect::{Effect, Fault, Finished, Outbox, Outcome};
use super::frames::Frames;
use super::limits::MAX_REQUESTS;
use super::memory::{Completed, Memory};
use super::message::Message;
use super::query::{Answer, IngestId, ReadId, Verdict};
use super::receive::Intake;
use super::session::Session;
use super::{Precedence, SchemaSet, Serves};

/// What a link needs to know of its two ends.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which side gives way when both open a session at once.
    pub precedence: Precedence,
    /// Which sessions of the peer are served.
    pub serves: Serves,
    /// The schemas that we announce.
    pub schemas: SchemaSet,
    /// When they were put together, in seconds since 1970.
    pub timestamp: u64,
}

/// A connection with a peer that speaks version 1 of the protocol.
///
/// Bytes and time come in, [`Effect`]s go out. Times are in milliseconds of a clock that never goes
/// back, whatever its zero. After every call, take all effects that [`Link::poll`] gives, and call
/// [`Link::timeout`] when the time of [`Link::poll_timeout`] has come.
#[derive(Debug)]
pub struct Link {
    pub(super) precedence: Precedence,
    pub(super) serves: Serves,
    pub(super) announcements: Announcements,
    pub(super) sessions: Vec<Session>,
    pub(super) memory: Memory,
    pub(super) outbox: Outbox,
    pub(super) intake: Intake,
    /// Counts what may be a reason for another session: changes of the store, announcements.
    pub(super) changes: u64,
    /// When we opened a session last.
    pub(super) initiated_at: Option<u64>,
    /// No id below is used for a new session: the peer may still know an old one by it.
    pub(super) least_id: u64,
    /// Requests that the peer may send at once, and since when there are not more.
    pub(super) requests: u32,
    pub(super) requests_at: u64,
    /// The greatest number given to a session, a question or entries.
    serial: u64,
    is_closed: bool,
}

impl Link {
    /// A connection that was just established; the first effect is our announcement.
    ///
    /// `memory` is that of an earlier link with the same peer.
    #[must_use]
    pub fn new(config: Config, mut memory: Memory, now: u64) -> Self {
        memory.begin_connection();
        let Config { precedence, serves, schemas, timestamp } = config;
        let mut link = Self {
            precedence,
            serves,
            announcements: Announcements::new(schemas, timestamp),
            sessions: Vec::new(),
            memory,
            outbox: Outbox::default(),
            intake: Intake::new(Frames::new()),
            changes: 0,
            initiated_at: None,
            least_id: 0,
            requests: MAX_REQUESTS,
            requests_at: now,
            serial: 0,
            is_closed: false,
        };
        link.drive(now);
        link
    }

    /// Takes bytes from the peer and says how many: the others have to come again, in front, when
    /// [`Link::wants_input`] says so.
    #[must_use = "bytes that were not taken have to come again"]
    pub fn handle(&mut self, bytes: &[u8], now: u64) -> usize {
        let mut rest = bytes;
        self.receive(&mut rest, now);
        self.drive(now);
        if self.is_closed { bytes.len() } else { bytes.len().saturating_sub(rest.len()) }
    }

    /// Whether bytes of the peer are taken: not while its entries are being stored, nor while too
    /// many effects wait.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        !self.intake.is_busy() && !self.outbox.is_full()
    }

    /// Takes the answer to a question. Answers to questions that nobody asks any more are ignored.
    pub fn answer(&mut self, read: ReadId, answer: Answer, now: u64) {
        self.take_answer(read, answer, now);
        self.drive(now);
    }

    /// Takes what became of entries, one verdict for each in their order.
    pub fn ingested(&mut self, ingest: IngestId, verdicts: &[Verdict], now: u64) {
        self.take_verdicts(ingest, verdicts, now);
        self.drive(now);
    }

    /// Our schemas are others now. The peer hears of it with the next tick.
    pub fn announce(&mut self, schemas: SchemaSet, timestamp: u64, now: u64) {
        if self.announcements.set_own(schemas, timestamp) {
            self.count_change();
        }
        self.drive(now);
    }

    /// Something new of this schema was stored. What came from this very peer need not be told.
    pub fn store_changed(&mut self, schema: &SchemaId, now: u64) {
        if self.announcements.shared().contains(schema) {
            self.count_change();
        }
        self.drive(now);
    }

    /// Does what is due.
    pub fn timeout(&mut self, now: u64) {
        self.drive(now);
    }

    /// When [`Link::timeout`] is to be called, if nothing else happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        if self.is_closed {
            return None;
        }
        let sessions = self.sessions.iter().map(Session::deadline);
        let others = [self.announcements.due(), self.initiate_at()];
        sessions.chain(others.into_iter().flatten()).min()
    }

    /// The next effect, questions and reports before bytes to send.
    ///
    /// What is to be sent is made piece by piece as it is taken, so do not take more of it than the
    /// connection has room for; until there is room, use [`Link::poll_reports`].
    pub fn poll(&mut self) -> Option<Effect> {
        self.poll_reports().or_else(|| self.poll_message())
    }

    /// The next effect that sends nothing.
    ///
    /// A caller whose connection takes no more bytes still has to look after these: two peers of
    /// which each stores nothing until the other has read would wait for ever.
    pub fn poll_reports(&mut self) -> Option<Effect> {
        self.outbox.next_report()
    }

    fn poll_message(&mut self) -> Option<Effect> {
        let (serial, message) = self.outbox.next_message()?;
        if let Some(serial) = serial {
            self.ask_for_more(serial);
        }
        Some(Effect::Send(message.encode()))
    }

    /// Whether the stream of the peer could not be read; nothing more happens then.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Ends the link and gives what is to be remembered of the peer.
    #[must_use]
    pub fn into_memory(self) -> Memory {
        self.memory
    }

    /// Does everything that time or a change has made due.
    fn drive(&mut self, now: u64) {
        if self.is_closed {
            return;
        }
        self.memory.forget(now);
        for serial in self.overdue(now) {
            self.fail(serial, Outcome::TimedOut, now);
        }
        if let Some(announcement) = self.announcements.take_due(now) {
            self.outbox.discard_announcements();
            self.outbox.send(None, announcement);
        }
        self.initiate(now);
    }

    fn overdue(&self, now: u64) -> Vec<u64> {
        let is_overdue = |session: &&Session| session.deadline() <= now;
        self.sessions.iter().filter(is_overdue).map(|session| session.serial).collect()
    }

    pub(super) const fn next_serial(&mut self) -> u64 {
        self.serial = self.serial.saturating_add(1);
        self.serial
    }

    pub(super) const fn count_change(&mut self) {
        self.changes = self.changes.saturating_add(1);
    }

    pub(super) fn session(&mut self, serial: u64) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.serial == serial)
    }

    pub(super) fn session_by_id(&mut self, id: u64) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id == id)
    }

    /// Ends the session if it is over.
    pub(super) fn finish_if_over(&mut self, serial: u64, now: u64) {
        if !self.session(serial).is_some_and(|session| session.is_over()) {
            return;
        }
        let Some(session) = self.take_session(serial) else { return };
        let completed = Completed { changes: session.changes, at: now };
        self.outbox.report(finished(&session, Outcome::Complete));
        let schemas = session.schemas.clone();
        self.memory.completed(&schemas, session.into_sent(), completed);
    }

    /// Ends a session before its end. The peer cannot be told.
    pub(super) fn fail(&mut self, serial: u64, outcome: Outcome, now: u64) {
        let Some(session) = self.take_session(serial) else { return };
        self.outbox.discard(serial, session.read());
        self.least_id = self.least_id.max(session.id.saturating_add(1));
        self.outbox.report(finished(&session, outcome));
        let schemas = session.schemas.clone();
        self.memory.failed(&schemas, session.into_sent(), now);
    }

    /// Ends a session in which the peer broke a rule.
    pub(super) fn fail_by(&mut self, serial: u64, fault: Fault, now: u64) {
        self.outbox.report(Effect::Misbehaved(fault));
        self.fail(serial, Outcome::Broken, now);
    }

    pub(super) fn take_session(&mut self, serial: u64) -> Option<Session> {
        let index = self.sessions.iter().position(|session| session.serial == serial)?;
        Some(self.sessions.remove(index))
    }

    /// Ends everything: the place of the next message is not known.
    pub(super) fn close(&mut self, fault: Fault, now: u64) {
        self.outbox.report(Effect::Misbehaved(fault));
        let serials: Vec<_> = self.sessions.iter().map(|session| session.serial).collect();
        for serial in serials {
            self.fail(serial, Outcome::Broken, now);
        }
        self.is_closed = true;
    }

    pub(super) fn send(&mut self, serial: u64, message: Message) {
        self.outbox.send(Some(serial), message);
    }
}

fn finished(session: &Session, outcome: Outcome) -> Effect {
    Effect::Finished(Finished {
        schemas: session.schemas.clone(),
        initiated: session.initiated,
        outcome,
        counts: session.counts,
    })
}
