//! What the other side lacks, and how it gets there (RE6).
//!
//! What is found goes into passes; in each pass entries travel in the order in which the store
//! took them in. What is found during a pass waits for the next.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pandan_bamboo::{Entry, SeqNum};

use crate::limits::{
    BATCH_BYTES, MAX_ENTRIES, MAX_PENDING_RANGES, MAX_PENDING_WANTS, PAUSE_PENDING, QUEUE_BYTES_LOW,
};
use crate::session::fault::Fault;
use crate::session::outbox::{Outbox, Purpose};
use crate::{Amount, Author, Cursor, KeyRange, LogName, Message, Page, Query, Received, Wants};

#[derive(Debug, Default)]
pub(crate) struct Sending {
    /// What the other side has asked for; more than a limit of it is a fault.
    asked: BTreeMap<LogName, SeqNum>,
    /// What comparing has found; more than a limit of it makes comparing wait.
    found: BTreeMap<LogName, SeqNum>,
    ranges: Vec<KeyRange>,
    pass: Option<Pass>,
}

#[derive(Debug)]
struct Pass {
    wants: Arc<Wants>,
    place: Place,
}

/// How far a pass has come.
#[derive(Debug)]
enum Place {
    /// A page is being read.
    Reading { is_first: bool },
    /// The next page comes after this.
    At(Option<Cursor>),
}

impl Sending {
    /// Adds what comparing has found.
    pub(crate) fn push(&mut self, logs: Vec<(LogName, SeqNum)>, ranges: Vec<KeyRange>) {
        for (log, from) in logs {
            add(&mut self.found, log, from);
        }
        self.ranges.extend(ranges);
    }

    /// Adds what the other side asks for.
    pub(crate) fn want(
        &mut self,
        wants: impl IntoIterator<Item = (LogName, SeqNum)>,
    ) -> Result<(), Fault> {
        for (log, from) in wants {
            add(&mut self.asked, log, from);
            if self.asked.len() > MAX_PENDING_WANTS {
                return Err(Fault::TooManyWants { max: MAX_PENDING_WANTS });
            }
        }
        Ok(())
    }

    /// How many logs the other side has asked for that wait.
    pub(crate) fn asked(&self) -> usize {
        self.asked.len()
    }

    /// Whether there is nothing to be sent.
    pub(crate) fn is_idle(&self) -> bool {
        !self.has_more() && self.pass.is_none()
    }

    /// Whether there is something for another pass.
    fn has_more(&self) -> bool {
        !(self.asked.is_empty() && self.found.is_empty() && self.ranges.is_empty())
    }

    /// Whether so much waits that comparing has to.
    pub(crate) fn is_crowded(&self) -> bool {
        let logs = self.asked.len().saturating_add(self.found.len());
        logs.max(self.ranges.len()) > PAUSE_PENDING
    }

    /// Asks for the next page when there is room for it.
    pub(crate) fn drive(&mut self, out: &mut Outbox) {
        if out.queued_bytes() >= QUEUE_BYTES_LOW {
            return;
        }
        if self.pass.is_none() && self.has_more() {
            self.begin();
        }
        let Some(Pass { wants, place }) = &mut self.pass else { return };
        let Place::At(after) = *place else { return };
        *place = Place::Reading { is_first: after.is_none() };
        let query = Query::Entries {
            wants: Arc::clone(wants),
            after,
            budget_bytes: BATCH_BYTES,
            budget_entries: MAX_ENTRIES,
        };
        out.ask(Purpose::Page, query);
    }

    /// Takes everything that waits into a pass; ranges a limited number at a time.
    fn begin(&mut self) {
        let mut logs = core::mem::take(&mut self.found);
        for (log, from) in core::mem::take(&mut self.asked) {
            add(&mut logs, log, from);
        }
        let logs = logs.into_iter().collect();
        let keep = self.ranges.len().saturating_sub(MAX_PENDING_RANGES);
        let ranges = self.ranges.split_off(keep);
        let wants = Arc::new(Wants { logs, ranges });
        self.pass = Some(Pass { wants, place: Place::At(None) });
    }

    /// Sends a page. Gives the last place of each log in it.
    pub(crate) fn page(
        &mut self,
        page: Page,
        payloads_optional: bool,
        out: &mut Outbox,
    ) -> Vec<(LogName, SeqNum)> {
        let is_first = match self.pass.take() {
            Some(Pass { wants, place: Place::Reading { is_first } }) => {
                let place = page.next.map(|cursor| Place::At(Some(cursor)));
                self.pass = place.map(|place| Pass { wants, place });
                is_first
            }
            _ => false,
        };
        let Page { proofs, mut entries, left, .. } = page;
        for proof in proofs {
            out.send(&Message::Proof(proof.into()));
        }
        entries.retain(|entry| payloads_optional || entry.payload.is_some());
        if is_first && !entries.is_empty() {
            out.send(&Message::Offer(total(&entries, left)));
        }
        let places = entries.iter().filter_map(place).collect();
        let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        out.status.sent = out.status.sent.saturating_add(count);
        entries.iter().for_each(|entry| out.tally.sent(entry));
        for batch in batches(entries) {
            out.send(&Message::Entries(batch));
        }
        places
    }
}

fn add(logs: &mut BTreeMap<LogName, SeqNum>, log: LogName, from: SeqNum) {
    let first = logs.entry(log).or_insert(from);
    *first = from.min(*first);
}

/// How much a pass sends, from its first page on.
fn total(entries: &[Received], left: Amount) -> Amount {
    let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
    let bytes =
        u64::try_from(entries.iter().map(Received::length).sum::<usize>()).unwrap_or(u64::MAX);
    Amount { entries: left.entries.saturating_add(count), bytes: left.bytes.saturating_add(bytes) }
}

/// Cuts entries into frames of limited size; a page of a store that keeps to its budget is one.
pub(crate) fn batches(entries: Vec<Received>) -> Vec<Vec<Received>> {
    let mut batches: Vec<Vec<Received>> = Vec::new();
    let mut bytes = 0_usize;
    for entry in entries {
        bytes = bytes.saturating_add(entry.length());
        match batches.last_mut() {
            Some(batch) if bytes <= BATCH_BYTES && batch.len() < MAX_ENTRIES => batch.push(entry),
            _ => {
                bytes = entry.length();
                batches.push(alloc::vec![entry]);
            }
        }
    }
    batches
}

/// Where an entry of ours stands.
fn place(received: &Received) -> Option<(LogName, SeqNum)> {
    let entry = Entry::decode(&received.entry).ok()?;
    let claims = entry.claims();
    let author = Author::from_bytes(*claims.public_key_bytes());
    Some((LogName { author, log_id: claims.log_id() }, claims.seq_num()))
}
