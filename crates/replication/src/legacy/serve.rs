//! What we say in sessions.

use alloc::vec::Vec;

use super::Link;
use super::compare::{Theirs, have};
use super::effect::{Effect, Outcome};
use super::message::Message;
use super::query::{Answer, LogHeight, ReadId, StoredEntry};
use super::session::{Session, Stage};

impl Link {
    /// Reads how far our logs go, to tell it to the peer or to compare with `theirs`.
    pub(super) fn read_heights(&mut self, serial: u64, theirs: Option<Theirs>, now: u64) {
        let (read, changes) = (ReadId(self.next_serial()), self.changes);
        let Some(session) = self.session(serial) else { return };
        session.changes = changes;
        match session.begin_reading(read, theirs) {
            Some(query) => self.outbox.report(Effect::Read(read, query)),
            None => self.have_heights(serial, now),
        }
    }

    pub(super) fn take_answer(&mut self, read: ReadId, answer: Answer, now: u64) {
        let asked = |session: &&mut Session| session.read() == Some(read);
        let Some(session) = self.sessions.iter_mut().find(asked) else { return };
        session.touch(now);
        let serial = session.serial;
        match answer {
            Answer::Heights(heights) => self.take_heights(serial, heights, now),
            Answer::Entries { entries, more } => self.take_entries(serial, entries, more, now),
            Answer::Failed => self.fail(serial, Outcome::StoreFailed, now),
        }
    }

    fn take_heights(&mut self, serial: u64, heights: Vec<LogHeight>, now: u64) {
        let read = ReadId(self.next_serial());
        let Some(session) = self.session(serial) else { return };
        let Stage::Reading(reading) = &mut session.stage else { return };
        match reading.add(heights, read) {
            Some(query) => self.outbox.report(Effect::Read(read, query)),
            None => self.have_heights(serial, now),
        }
    }

    /// All our logs are known: tells them, unless that was done, and compares, if the peer's are
    /// known too.
    fn have_heights(&mut self, serial: u64, now: u64) {
        let Some(session) = self.session(serial) else { return };
        let id = session.id;
        let (tells, initiated) = (!session.our_have, session.initiated);
        session.our_have = true;
        let Stage::Reading(reading) = core::mem::replace(&mut session.stage, Stage::Told) else {
            return;
        };
        let (heights, theirs) = reading.finish();
        if tells {
            let authors = have(&heights, self.memory.claims());
            self.send(serial, Message::Have { session: id, authors });
        }
        match theirs {
            Some(theirs) => {
                let needs = self.memory.arrange(theirs.needs(&heights));
                let Some(session) = self.session(serial) else { return };
                session.begin_sending(needs);
                self.send_entries(serial, now);
            }
            // What came in meanwhile goes with the next session.
            None if !initiated && heights.is_empty() => self.send_done(serial),
            None => {}
        }
    }

    fn take_entries(&mut self, serial: u64, entries: Vec<StoredEntry>, more: bool, now: u64) {
        let Some(session) = self.session(serial) else { return };
        let id = session.id;
        let Stage::Sending(sending) = &mut session.stage else { return };
        let entries = sending.take(entries, more);
        for stored in entries {
            let Some(session) = self.session(serial) else { return };
            session.note_sent(&stored);
            let entry = stored.entry.as_bytes().to_vec();
            let message = Message::Entry { session: id, entry, operation: stored.operation };
            self.send(serial, message);
        }
        self.send_entries(serial, now);
    }

    /// Asks for the next entries to send when those before are gone; without any, all is sent.
    fn send_entries(&mut self, serial: u64, now: u64) {
        if self.outbox.has_messages_of(serial) && self.has_more(serial) {
            // Taking the last message asks for more.
            return;
        }
        let read = ReadId(self.next_serial());
        let Some(session) = self.session(serial) else { return };
        let Stage::Sending(sending) = &mut session.stage else { return };
        match sending.ask(read) {
            Some(query) => self.outbox.report(Effect::Read(read, query)),
            None => {
                session.stage = Stage::Sent;
                self.send_done(serial);
                self.finish_if_over(serial, now);
            }
        }
    }

    fn has_more(&mut self, serial: u64) -> bool {
        let stage = self.session(serial).map(|session| &session.stage);
        matches!(stage, Some(Stage::Sending(sending)) if sending.has_more())
    }

    /// A message of this session was taken. If it was the last one, asks for more to send.
    pub(super) fn ask_for_more(&mut self, serial: u64) {
        if self.outbox.has_messages_of(serial) || !self.has_more(serial) {
            return;
        }
        let read = ReadId(self.next_serial());
        let Some(session) = self.session(serial) else { return };
        let Stage::Sending(sending) = &mut session.stage else { return };
        if sending.read.is_some() {
            return;
        }
        if let Some(query) = sending.ask(read) {
            self.outbox.report(Effect::Read(read, query));
        }
    }

    fn send_done(&mut self, serial: u64) {
        let Some(session) = self.session(serial) else { return };
        let id = session.id;
        if !core::mem::replace(&mut session.our_done, true) {
            self.send(serial, Message::SyncDone { session: id, live: false });
        }
    }
}
