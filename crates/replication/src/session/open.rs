//! A session whose request was made.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pandan_bamboo::{ForkProof, Salt, SeqNum};
use pandan_operations::SchemaId;

use crate::limits::{
    MAX_PENDING_WANTS, MAX_PROOFS, MAX_WANTS, QUEUE_BYTES_HIGH, RESYNC_INTERVAL_MS,
};
use crate::session::comparing::{Comparing, Found, Progress};
use crate::session::fault::Fault;
use crate::session::hunts::Hunts;
use crate::session::live::{Commit, Live, Push, log_of};
use crate::session::outbox::{Effect, Outbox, Purpose};
use crate::session::receiving::Receiving;
use crate::session::related::Related;
use crate::session::sending::Sending;
use crate::session::status::{Phase, Usage};
use crate::session::terms::{Acceptance, Role, Terms};
use crate::{Content, LogName, Message, Query, Ranges, Request, TheirHead};

#[derive(Debug)]
pub(super) struct Open {
    pub(super) terms: Terms,
    pub(super) salt: Salt,
    pub(super) role: Role,
    pub(super) turn: Turn,
    pub(super) sending: Sending,
    pub(super) receiving: Receiving,
    pub(super) hunts: Hunts,
    pub(super) live: Live,
    pub(super) related: Related,
    /// Whether the initiator has asked for news, even if they were declined.
    pub(super) asked_live: bool,
    pub(super) done: Done,
    pub(super) counts: Counts,
    /// What was stored before the session is live, with the first place of each log.
    late: BTreeMap<LogName, SeqNum>,
    resync_at: u64,
}

/// Whose turn it is to compare.
#[derive(Debug)]
pub(super) enum Turn {
    /// Ours; the store is being asked.
    Working(Box<Comparing>),
    /// Ours; we speak as soon as less waits to be sent, here or on the stream.
    Held(Ranges),
    /// The other side's.
    Theirs,
    /// Comparing is over.
    Over,
}

/// Which sides have said that they are done.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) sent: bool,
    pub(super) received: bool,
    /// We have ended our half of the stream.
    pub(super) closed: bool,
    /// The other side may send entries for what we said.
    pub(super) may_receive: bool,
}

/// What the other side has done so often.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) ranges: u32,
    pub(super) repeats: u64,
}

impl Open {
    pub(super) fn initiate(terms: Terms, salt: Salt, now: u64, out: &mut Outbox) -> Self {
        let mut open = Self::new(terms, salt, Role::Initiator, now);
        // Opening asks the store first, so that nothing can go wrong yet.
        let _ = open.progress(Comparing::open(salt), out);
        open
    }

    pub(super) fn accept(
        acceptance: &Acceptance,
        request: Request,
        now: u64,
        out: &mut Outbox,
    ) -> Result<Self, Fault> {
        let Request { salt, live, payloads_optional, schemas, ranges } = request;
        if !acceptance.interest.covers(&schemas) {
            return Err(Fault::Schemas);
        }
        let is_live = live && acceptance.is_live;
        let terms = Terms { schemas, is_live, payloads_optional, resync_jitter_ms: 0 };
        let mut open = Self::new(terms, salt, Role::Responder, now);
        open.asked_live = live;
        open.respond(ranges, out)?;
        Ok(open)
    }

    fn new(terms: Terms, salt: Salt, role: Role, now: u64) -> Self {
        let lifetime = RESYNC_INTERVAL_MS.saturating_add(terms.resync_jitter_ms);
        Self {
            salt,
            role,
            asked_live: terms.is_live,
            terms,
            turn: Turn::Theirs,
            sending: Sending::default(),
            receiving: Receiving::default(),
            hunts: Hunts::default(),
            live: Live::default(),
            related: Related::default(),
            done: Done::default(),
            counts: Counts::default(),
            late: BTreeMap::new(),
            resync_at: now.saturating_add(lifetime),
        }
    }

    pub(super) fn schemas(&self) -> &[SchemaId] {
        &self.terms.schemas
    }

    pub(super) fn is_ingesting(&self) -> bool {
        self.receiving.is_busy()
    }

    /// Whether proofs are under way to the store.
    pub(super) const fn is_keeping(&self) -> bool {
        self.receiving.proofs > 0
    }

    /// Whether a frame may come: what it brings has a place.
    pub(super) fn has_room(&self) -> bool {
        self.receiving.has_room() && self.receiving.proofs < MAX_PROOFS
    }

    /// Counts what is kept for the other side.
    pub(super) fn add_usage(&self, usage: &mut Usage) {
        (usage.ingests, usage.ingest_bytes) = self.receiving.usage();
        usage.proofs = self.receiving.proofs;
        usage.asked = self.sending.asked();
        usage.hunts = self.hunts.count();
        usage.refused = self.receiving.refused();
        (usage.remembered, usage.grafts) = self.live.usage();
        usage.late = self.late.len();
    }

    /// Whether both sides were done.
    pub(super) const fn is_done(&self) -> bool {
        self.done.sent && self.done.received
    }

    pub(super) const fn is_live(&self) -> bool {
        self.terms.is_live && self.is_done()
    }

    pub(super) const fn is_behind(&self) -> bool {
        self.live.is_behind && self.is_live()
    }

    /// Whether entries may still be asked for.
    pub(super) const fn may_want(&self) -> bool {
        !matches!(self.turn, Turn::Over) || self.is_live()
    }

    pub(super) const fn phase(&self) -> Phase {
        match self.turn {
            _ if self.is_live() => Phase::Live,
            Turn::Over => Phase::Transferring,
            Turn::Working(_) | Turn::Held(_) | Turn::Theirs => Phase::Comparing,
        }
    }

    /// Works on what the other side has said.
    pub(super) fn respond(&mut self, ranges: Ranges, out: &mut Outbox) -> Result<(), Fault> {
        let schemas = self.terms.schemas.len();
        if !ranges.are_within(schemas) {
            return Err(Fault::Bound { schemas });
        }
        self.progress(Comparing::respond(self.salt, ranges), out)
    }

    /// Asks the next question of comparing, or takes what was found.
    pub(super) fn progress(&mut self, progress: Progress, out: &mut Outbox) -> Result<(), Fault> {
        match progress {
            Progress::Ask(comparing, query) => {
                self.turn = Turn::Working(comparing);
                out.ask(Purpose::Compare, query);
            }
            Progress::Found(found) => self.found(found, out),
            Progress::WrongAnswer => return Err(Fault::Misuse),
        }
        Ok(())
    }

    fn found(&mut self, found: Found, out: &mut Outbox) {
        let Found { wants, missing, pushes, push_ranges, hunts, ranges } = found;
        for (index, count) in missing {
            if let Some(schema) = self.terms.schemas.get(usize::from(index)) {
                out.tally.missing(schema, count);
            }
        }
        self.want(wants, out);
        self.sending.push(pushes, push_ranges);
        for (log, seq_num) in hunts {
            self.hunts.add(log, seq_num, out);
        }
        self.turn = Turn::Held(ranges);
    }

    /// Asks for entries.
    pub(super) fn want(&mut self, mut wants: Vec<(LogName, SeqNum)>, out: &mut Outbox) {
        wants.sort_unstable();
        wants.dedup_by_key(|(log, _)| *log);
        let count = u64::try_from(wants.len()).unwrap_or(u64::MAX);
        out.status.wanted_logs = out.status.wanted_logs.saturating_add(count);
        self.done.may_receive |= !wants.is_empty();
        wants.iter().for_each(|(log, _)| self.related.beside.asks(*log));
        for wants in wants.chunks(MAX_WANTS) {
            out.send(&Message::Want(wants.to_vec()));
        }
    }

    /// Does what can be done now.
    pub(super) fn drive(&mut self, out: &mut Outbox) {
        if let Turn::Held(ranges) = &mut self.turn
            && !self.sending.is_crowded()
            && out.queued_bytes() <= QUEUE_BYTES_HIGH
        {
            let ranges = core::mem::take(ranges);
            self.speak(ranges, out);
        }
        self.drive_related(out);
        self.sending.drive(out);
        if self.can_be_done(out) {
            out.send(&Message::Done);
            self.done.sent = true;
            self.begin_live();
        }
        if self.can_close(out) {
            self.done.closed = true;
            out.effect(Effect::Close);
        }
    }

    fn speak(&mut self, ranges: Ranges, out: &mut Outbox) {
        let has_heads = |item: &crate::RangeItem| matches!(item.content, Content::Heads(_));
        self.done.may_receive |= ranges.items().iter().any(has_heads);
        self.turn = if ranges.is_empty() { Turn::Over } else { Turn::Theirs };
        let message = if self.role == Role::Initiator && self.counts.ranges == 0 {
            Message::Request(Request {
                salt: self.salt,
                live: self.terms.is_live,
                payloads_optional: self.terms.payloads_optional,
                schemas: Arc::clone(&self.terms.schemas),
                ranges,
            })
        } else {
            Message::Ranges(ranges)
        };
        out.send(&message);
    }

    /// The responder has no more questions when it is done, unless the session goes on; so it
    /// waits for what it may have to ask about.
    fn can_be_done(&self, out: &Outbox) -> bool {
        let is_sent = matches!(self.turn, Turn::Over)
            && self.sending.is_idle()
            && self.hunts.is_idle()
            && !out.is_reading();
        let may_ask = self.role == Role::Responder
            && self.done.may_receive
            && (!self.done.received || self.receiving.is_busy());
        !self.done.sent && is_sent && !may_ask
    }

    /// The initiator ends the stream first, and may ask until then; news that were asked for and
    /// declined are ended by the responder.
    fn can_close(&self, out: &Outbox) -> bool {
        let begins = self.role == Role::Initiator || self.asked_live;
        let has_questions = self.receiving.is_busy() || !self.hunts.is_idle() || out.is_reading();
        self.is_done() && !self.terms.is_live && begins && !has_questions && !self.done.closed
    }

    /// What was stored meanwhile goes on its way.
    pub(super) fn begin_live(&mut self) {
        if self.is_live() {
            let late = core::mem::take(&mut self.late).into_iter().collect();
            self.sending.push(late, Vec::new());
        }
    }

    pub(super) fn commit(&mut self, commit: &Commit, out: &mut Outbox) {
        let Commit { schema, log, seq_num, state, received, .. } = commit;
        self.live.arrived(log, *seq_num);
        self.related.arrived(log, *seq_num);
        if !self.terms.is_live || self.live.has(log, *seq_num) {
            return;
        }
        if self.terms.schemas.binary_search(schema).is_err() {
            return self.related.commit(commit);
        }
        if !self.is_live() {
            self.delay(*log, *seq_num);
            return;
        }
        if out.queued_bytes() > QUEUE_BYTES_HIGH {
            self.live.is_behind = true;
            return;
        }
        self.live.remember(*log, *seq_num);
        match self.live.push {
            Push::Eager if self.terms.payloads_optional || received.payload.is_some() => {
                out.status.sent = out.status.sent.saturating_add(1);
                out.tally.sent(received);
                out.send(&Message::Entries(alloc::vec![received.as_ref().clone()]));
            }
            Push::Eager => {}
            Push::Lazy => {
                let (tip, state) = (crate::Tip::Line(*seq_num), state.salted(&self.salt));
                out.send(&Message::Have(alloc::vec![TheirHead { log: *log, tip, state }]));
            }
        }
    }

    pub(super) fn fork(&mut self, proof: &ForkProof, out: &mut Outbox) {
        if !self.terms.is_live || self.live.knows(proof) {
            return;
        }
        if !self.is_live() {
            // It goes with what is sent of its log.
            self.delay(log_of(proof), proof.seq_num());
        } else if out.queued_bytes() > QUEUE_BYTES_HIGH {
            self.live.is_behind = true;
        } else {
            out.send(&Message::Proof(Box::new(*proof)));
        }
    }

    fn delay(&mut self, log: LogName, seq_num: SeqNum) {
        if self.late.len() >= MAX_PENDING_WANTS {
            self.live.is_behind = true;
            return;
        }
        let first = self.late.entry(log).or_insert(seq_num);
        *first = seq_num.min(*first);
    }

    pub(super) fn next_due(&self) -> Option<u64> {
        let resync = (self.is_live() && self.role == Role::Initiator).then_some(self.resync_at);
        [self.live.next_due(), resync].into_iter().flatten().min()
    }

    pub(super) fn is_resync_due(&self, now: u64) -> bool {
        self.is_live() && self.role == Role::Initiator && self.resync_at <= now
    }

    /// Asks whether the news that are due are still missing.
    pub(super) fn timeout(&mut self, now: u64, out: &mut Outbox) {
        let due = self.live.take_due(now);
        if out.queued_bytes() > QUEUE_BYTES_HIGH {
            // Who does not read is not asked either.
            self.live.is_behind |= !due.is_empty();
        } else if !due.is_empty() {
            let logs = due.keys().copied().collect();
            out.ask(Purpose::Graft(due), Query::HeadsOf { logs });
        }
    }
}
