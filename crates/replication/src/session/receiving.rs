//! Entries that come: batches on their way to the store, and what became of them (RE7).
//!
//! The store is handed the next batches while it writes one, so that it never waits for the other
//! side. How many there are is bounded by their number and their bytes.

use alloc::boxed::Box;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use pandan_bamboo::{Entry, ForkProof, SeqNum};

use crate::limits::{INGEST_BYTES_LOW, MAX_INGESTS, MAX_REFUSED};
use crate::session::fault::Fault;
use crate::session::live::Live;
use crate::session::outbox::{Effect, IngestId, Outbox};
use crate::session::scope::{Scope, Welcome};
use crate::session::tally::SchemaIndex;
use crate::{Author, LogName, Received};

/// What became of an entry that a session brought.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is stored.
    Stored,
    /// It was stored before.
    Known,
    /// It was stored before, and is void: it comes again with each that needs it.
    KnownVoid,
    /// It waits for something else.
    Waiting,
    /// It breaks a rule: the fault of whoever sends it on.
    Refused,
    /// Another entry is stored at its place. The store has kept the proof.
    Fork(Box<ForkProof>),
    /// Its links do not fit the entries of its log that are stored.
    Detached,
}

/// A place of an entry in a batch, and how it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived {
    pub(crate) log: LogName,
    pub(crate) seq_num: SeqNum,
    pub(crate) is_news: bool,
    /// Whether it came from there before.
    pub(crate) is_repeat: bool,
    /// The schema that the payload claims.
    pub(crate) schema: Option<SchemaIndex>,
    /// Bytes of the entry and its payload.
    pub(crate) bytes: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Receiving {
    /// What is on its way to the store, in order.
    batches: VecDeque<Batch>,
    /// The sum over these.
    bytes: usize,
    refused: BTreeSet<LogName>,
    next_id: u64,
    /// How many proofs were handed on and are not dealt with.
    pub(crate) proofs: usize,
}

#[derive(Debug)]
struct Batch {
    id: IngestId,
    places: Vec<Arrived>,
    bytes: usize,
}

impl Receiving {
    /// Of how many logs no more is taken.
    pub(crate) fn refused(&self) -> usize {
        self.refused.len()
    }

    /// How many batches, and how many bytes, are on their way to the store.
    pub(crate) fn usage(&self) -> (usize, usize) {
        (self.batches.len(), self.bytes)
    }

    /// Whether anything is on its way to the store.
    pub(crate) fn is_busy(&self) -> bool {
        !self.batches.is_empty()
    }

    /// Whether more may be handed to the store before it is through with what it has.
    pub(crate) fn has_room(&self) -> bool {
        self.bytes < INGEST_BYTES_LOW && self.batches.len() < MAX_INGESTS
    }

    /// Hands entries on. Gives the logs of which some were passed over.
    pub(crate) fn take(
        &mut self,
        entries: Vec<Received>,
        payloads_optional: bool,
        is_news: bool,
        scope: Scope<'_>,
        live: &mut Live,
        out: &mut Outbox,
    ) -> Result<Vec<LogName>, Fault> {
        let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        out.status.received = out.status.received.saturating_add(count);
        out.status.expected_entries = out.status.expected_entries.saturating_sub(count);
        let (mut kept, mut places, mut passed) = (Vec::new(), Vec::new(), Vec::new());
        for received in entries {
            if !payloads_optional && received.payload.is_none() {
                return Err(Fault::PayloadMissing);
            }
            let (log, seq_num) = place(&received.entry)?;
            if self.refused.contains(&log) {
                out.status.refused = out.status.refused.saturating_add(1);
                continue;
            }
            match scope.judge(&log, &received) {
                Welcome::Taken => {}
                Welcome::PassedOver(schema) => {
                    out.status.refused = out.status.refused.saturating_add(1);
                    out.effect(Effect::Unasked(schema));
                    passed.push(log);
                    continue;
                }
                Welcome::Unasked(schema) => return Err(Fault::Unasked { schema }),
            }
            let (schema, bytes) = (out.tally.index_of(&received), received.bytes());
            kept.push(received);
            let is_repeat = live.came(log, seq_num);
            places.push(Arrived { log, seq_num, is_news, is_repeat, schema, bytes });
        }
        if !kept.is_empty() {
            let id = IngestId(self.next_id);
            self.next_id = self.next_id.wrapping_add(1);
            let bytes = kept.iter().map(Received::length).sum();
            self.bytes = self.bytes.saturating_add(bytes);
            self.batches.push_back(Batch { id, places, bytes });
            out.effect(Effect::Ingest(id, kept));
        }
        Ok(passed)
    }

    /// Hands a proof on.
    pub(crate) fn keep(&mut self, proof: Box<ForkProof>, out: &mut Outbox) {
        self.proofs = self.proofs.saturating_add(1);
        out.effect(Effect::Proof(proof));
    }

    /// The batch that was taken in; nothing when there is no such one.
    pub(crate) fn finish(&mut self, id: IngestId) -> Option<Vec<Arrived>> {
        let index = self.batches.iter().position(|batch| batch.id == id)?;
        let Batch { places, bytes, .. } = self.batches.remove(index)?;
        self.bytes = self.bytes.saturating_sub(bytes);
        Some(places)
    }

    /// Whether no more of a log is taken.
    pub(crate) fn is_refused(&self, log: &LogName) -> bool {
        self.refused.contains(log)
    }

    /// Takes no more of a log in this session.
    pub(crate) fn refuse(&mut self, log: LogName) -> Result<(), Fault> {
        self.refused.insert(log);
        if self.refused.len() > MAX_REFUSED {
            return Err(Fault::TooManyRefused { max: MAX_REFUSED });
        }
        Ok(())
    }
}

fn place(entry: &[u8]) -> Result<(LogName, SeqNum), Fault> {
    let entry = Entry::decode(entry)?;
    let claims = entry.claims();
    let author = Author::from_bytes(*claims.public_key_bytes());
    Ok((LogName { author, log_id: claims.log_id() }, claims.seq_num()))
}
