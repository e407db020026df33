//! What the peer says.

use alloc::vec::Vec;
use core::mem;

use pandan_bamboo::{Entry, SeqNum};

use super::announcements::News;
use super::compare::Theirs;
use super::effect::{Effect, Fault};
use super::frames::Frames;
use super::limits::{MAX_INGEST_BYTES, MAX_INGEST_ENTRIES};
use super::message::{AuthorLogs, Message};
use super::query::{IngestId, LogName, Received, Verdict};
use super::session::{Session, Stage};
use super::{Link, SchemaSet};
use crate::session::{is_within, schema_of};

/// What came from the peer and is not done with.
#[derive(Debug)]
pub(super) struct Intake {
    frames: Frames,
    /// Entries that are to be stored at once.
    batch: Batch,
    /// Entries that are being stored.
    ingest: Option<(IngestId, Pending)>,
    /// A message that came behind them.
    held: Option<Message>,
}

/// Entries of one session that are to be stored.
#[derive(Debug, Default)]
struct Batch {
    pending: Pending,
    entries: Vec<Received>,
    bytes: usize,
}

/// What has to be known of entries when the verdicts on them come.
#[derive(Debug, Default)]
struct Pending {
    /// The session.
    serial: u64,
    places: Vec<(LogName, SeqNum)>,
}

impl Intake {
    pub(super) fn new(frames: Frames) -> Self {
        Self { frames, batch: Batch::default(), ingest: None, held: None }
    }

    pub(super) const fn is_busy(&self) -> bool {
        self.ingest.is_some()
    }
}

impl Batch {
    fn is_full(&self) -> bool {
        self.entries.len() >= MAX_INGEST_ENTRIES || self.bytes >= MAX_INGEST_BYTES
    }
}

impl Link {
    /// Takes messages off the front of `input` as long as they can be dealt with.
    pub(super) fn receive(&mut self, input: &mut &[u8], now: u64) {
        while !self.is_closed() && self.wants_input() {
            let message = match self.intake.frames.take(input) {
                Ok(Some(bytes)) => Message::decode(&bytes),
                Ok(None) => break,
                Err(error) => Err(error),
            };
            match message {
                Ok(message) => self.on_message(message, now),
                Err(error) => self.close(error.into(), now),
            }
        }
        // What comes next may take its time.
        self.flush();
    }

    fn on_message(&mut self, message: Message, now: u64) {
        if self.is_out_of_batch(&message) {
            self.flush();
            self.intake.held = Some(message);
            return;
        }
        match message {
            Message::Announce { version, timestamp, schemas } => {
                self.on_announce(version, timestamp, schemas);
            }
            Message::SyncRequest { session, mode, schemas } => {
                self.on_request(session, mode, schemas, now);
            }
            Message::Entry { session, entry, operation } => {
                self.on_entry(session, entry, operation, now);
            }
            Message::SyncDone { session, .. } => self.on_done(session, now),
            Message::Have { session, authors } => self.on_have(session, authors, now),
        }
    }

    fn on_announce(&mut self, version: u64, timestamp: u64, schemas: SchemaSet) {
        match self.announcements.set_theirs(version, timestamp, schemas) {
            News::None => {}
            News::First => self.count_change(),
            News::Others => {
                self.count_change();
                self.memory.forget_doubts();
            }
        }
    }

    /// Whether the entries collected so far have to be stored before this message.
    fn is_out_of_batch(&mut self, message: &Message) -> bool {
        let serial = self.intake.batch.pending.serial;
        match message {
            _ if self.intake.batch.entries.is_empty() => false,
            Message::Entry { session, .. } => {
                self.session_by_id(*session).is_none_or(|session| session.serial != serial)
            }
            _ => true,
        }
    }

    /// Hands over the collected entries.
    fn flush(&mut self) {
        if self.intake.batch.entries.is_empty() {
            return;
        }
        let batch = mem::take(&mut self.intake.batch);
        let id = IngestId(self.next_serial());
        if let Some(session) = self.session(batch.pending.serial) {
            session.storing = true;
        }
        self.intake.ingest = Some((id, batch.pending));
        self.outbox.report(Effect::Ingest(id, batch.entries));
    }

    fn on_have(&mut self, id: u64, authors: Vec<AuthorLogs>, now: u64) {
        // Sessions that we do not know are ones that we gave up.
        let Some(session) = self.session_by_id(id) else { return };
        let serial = session.serial;
        if !matches!(session.stage, Stage::Requested | Stage::Told) {
            return self.fail_by(serial, unexpected(id, "Have"), now);
        }
        session.touch(now);
        session.their_have = true;
        let schemas = session.schemas.clone();
        if session.our_done {
            session.stage = Stage::Sent;
            return;
        }
        let theirs = Theirs::new(authors);
        self.memory.learn(&schemas, &theirs, now);
        self.read_heights(serial, Some(theirs), now);
    }

    fn on_done(&mut self, id: u64, now: u64) {
        let Some(session) = self.session_by_id(id) else { return };
        let serial = session.serial;
        if !session.their_have || session.their_done {
            return self.fail_by(serial, unexpected(id, "SyncDone"), now);
        }
        session.touch(now);
        session.their_done = true;
        self.finish_if_over(serial, now);
    }

    fn on_entry(&mut self, id: u64, entry: Vec<u8>, operation: Option<Vec<u8>>, now: u64) {
        let Some(session) = self.session_by_id(id) else { return };
        let serial = session.serial;
        if !may_send_entries(session) {
            return self.fail_by(serial, unexpected(id, "Entry"), now);
        }
        session.touch(now);
        session.counts.received = session.counts.received.saturating_add(1);
        let (name, seq_num) = match Entry::decode(&entry) {
            Ok(entry) => {
                let claims = entry.claims();
                let author = *claims.public_key_bytes();
                (LogName { author, log_id: claims.log_id() }, claims.seq_num())
            }
            Err(source) => {
                return self.fail_by(serial, Fault::Entry { session: id, source }, now);
            }
        };
        if !session.takes(&name) {
            return self.pass_over(serial, name, seq_num, now);
        }
        let Some(operation) = operation else {
            // Nothing that follows in this log can be stored without it.
            session.drop_log(name);
            return self.pass_over(serial, name, seq_num, now);
        };
        let unasked =
            schema_of(&operation).filter(|schema| !is_within(session.schemas.as_slice(), schema));
        if let Some(schema) = unasked {
            session.counts.refused = session.counts.refused.saturating_add(1);
            session.drop_log(name);
            self.memory.refuse(name, seq_num, now);
            let fault = Fault::Unasked { session: id, schema };
            return self.outbox.report(Effect::Misbehaved(fault));
        }
        self.collect(serial, (name, seq_num), Received { entry, operation });
    }

    /// Counts an entry of a log of which no more is taken.
    fn pass_over(&mut self, serial: u64, name: LogName, seq_num: SeqNum, now: u64) {
        let is_refused = self.memory.is_refused(&name);
        if is_refused {
            self.memory.refuse(name, seq_num, now);
        }
        let Some(session) = self.session(serial) else { return };
        let count =
            if is_refused { &mut session.counts.refused } else { &mut session.counts.incomplete };
        *count = count.saturating_add(1);
    }

    fn collect(&mut self, serial: u64, place: (LogName, SeqNum), received: Received) {
        let batch = &mut self.intake.batch;
        let size = received.entry.len().saturating_add(received.operation.len());
        batch.bytes = batch.bytes.saturating_add(size);
        batch.pending.serial = serial;
        batch.pending.places.push(place);
        batch.entries.push(received);
        if batch.is_full() {
            self.flush();
        }
    }

    pub(super) fn take_verdicts(&mut self, id: IngestId, verdicts: &[Verdict], now: u64) {
        let Some((_, pending)) = self.intake.ingest.take_if(|(ingest, _)| *ingest == id) else {
            return;
        };
        for ((name, seq_num), verdict) in pending.places.into_iter().zip(verdicts) {
            self.take_verdict(pending.serial, name, seq_num, *verdict, now);
        }
        if let Some(session) = self.session(pending.serial) {
            session.storing = false;
            session.touch(now);
        }
        if let Some(message) = self.intake.held.take() {
            self.on_message(message, now);
            self.flush();
        }
    }

    fn take_verdict(
        &mut self,
        serial: u64,
        name: LogName,
        seq_num: SeqNum,
        verdict: Verdict,
        now: u64,
    ) {
        let Some(session) = self.session(serial) else { return };
        match verdict {
            Verdict::Stored => session.counts.stored = session.counts.stored.saturating_add(1),
            Verdict::Known | Verdict::Waiting | Verdict::UnknownSchema => {}
            Verdict::Refused => {
                session.counts.refused = session.counts.refused.saturating_add(1);
                session.drop_log(name);
                self.memory.refuse(name, seq_num, now);
            }
            Verdict::Forged => {
                let LogName { author, log_id } = name;
                self.fail_by(serial, Fault::Forged { author, log_id, seq_num }, now);
            }
        }
    }
}

/// Entries come between both Haves and the peer's SyncDone.
const fn may_send_entries(session: &Session) -> bool {
    session.their_have && session.our_have && !session.their_done
}

const fn unexpected(session: u64, found: &'static str) -> Fault {
    Fault::Unexpected { session, found }
}
