//! One session: what was said in it and what comes next.
//!
//! ```text
//! initiator                                  receiver
//!     SyncRequest ─────────────────────────▶
//!                 ◀───────────────────────── Have, and SyncDone if it has no logs at all
//!            Have ─────────────────────────▶
//!  Entry … SyncDone ───────────────────────▶
//!                 ◀───────────────────────── Entry … SyncDone, if not sent yet
//! ```
//!
//! The session is over when both have sent their SyncDone.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use pandan_operations::{DocumentId, OperationId, SchemaId, SystemSchema};

use super::SchemaSet;
use super::compare::Theirs;
use super::limits::{
    MAX_LOGS, MAX_QUERY_NEEDS, MAX_REFUSED_LOGS, MAX_SENT_LOGS, MAX_SESSION_MS, REQUEST_SILENCE_MS,
    SILENCE_MS, SILENCE_PER_ENTRY_MS,
};
use super::memory::SentLog;
use super::query::{LogHeight, LogName, Need, Query, ReadId, StoredEntry};

#[derive(Debug)]
pub(super) struct Session {
    /// Its name in this link, which no other session has or had; ids come again.
    pub(super) serial: u64,
    pub(super) id: u64,
    pub(super) schemas: SchemaSet,
    pub(super) initiated: bool,
    pub(super) stage: Stage,
    /// What the link had counted of changes when our logs were read.
    pub(super) changes: u64,
    pub(super) our_have: bool,
    pub(super) our_done: bool,
    pub(super) their_have: bool,
    pub(super) their_done: bool,
    /// Whether entries of the peer are being stored.
    pub(super) storing: bool,
    pub(super) counts: Counts,
    /// Logs of which no more is taken in this session.
    dropped: BTreeSet<LogName>,
    /// What was sent first.
    sent: Vec<SentLog>,
    started: u64,
    /// When something happened last.
    active: u64,
}

/// What a session moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries that came.
    pub received: u64,
    /// Entries of them that are stored now and were not before.
    pub stored: u64,
    /// Entries of them that were refused, and others of their logs.
    pub refused: u64,
    /// Entries that came without their operations, and others of their logs.
    pub incomplete: u64,
    /// Entries that were sent.
    pub sent: u64,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// We have asked for the session.
    Requested,
    /// We read our logs, to tell the peer or to compare.
    Reading(Reading),
    /// We have told our logs and wait for those of the peer.
    Told,
    /// We send what the peer lacks.
    Sending(Sending),
    /// Everything is sent.
    Sent,
}

#[derive(Debug)]
pub(super) struct Reading {
    pub(super) read: ReadId,
    /// What is to be asked after it.
    then: Option<Query>,
    heights: Vec<LogHeight>,
    /// The logs of the peer, if we know them already.
    pub(super) theirs: Option<Theirs>,
}

#[derive(Debug)]
pub(super) struct Sending {
    needs: VecDeque<Need>,
    /// How many of them belong to the current question.
    asked: usize,
    after: Option<OperationId>,
    pub(super) read: Option<ReadId>,
    /// The rest of this document is left out.
    cut: Option<DocumentId>,
}

impl Session {
    pub(super) fn new(serial: u64, id: u64, schemas: SchemaSet, initiated: bool, now: u64) -> Self {
        Self {
            serial,
            id,
            schemas,
            initiated,
            stage: Stage::Requested,
            changes: 0,
            our_have: false,
            our_done: false,
            their_have: false,
            their_done: false,
            storing: false,
            counts: Counts::default(),
            dropped: BTreeSet::new(),
            sent: Vec::new(),
            started: now,
            active: now,
        }
    }

    pub(super) fn is_requested(&self) -> bool {
        self.initiated && matches!(self.stage, Stage::Requested)
    }

    pub(super) fn is_over(&self) -> bool {
        self.our_done && self.their_done && matches!(self.stage, Stage::Sent)
    }

    pub(super) const fn touch(&mut self, now: u64) {
        self.active = now;
    }

    /// When to give up.
    pub(super) fn deadline(&self) -> u64 {
        let at_last = self.started.saturating_add(MAX_SESSION_MS);
        if self.storing || self.read().is_some() {
            // It is our turn.
            return at_last;
        }
        let silence = if self.is_requested() { REQUEST_SILENCE_MS } else { SILENCE_MS };
        let for_entries = self.counts.sent.saturating_mul(SILENCE_PER_ENTRY_MS);
        let silent = self.active.saturating_add(silence).saturating_add(for_entries);
        silent.min(at_last)
    }

    /// The question that this session has put.
    pub(super) const fn read(&self) -> Option<ReadId> {
        match &self.stage {
            Stage::Reading(reading) => Some(reading.read),
            Stage::Sending(sending) => sending.read,
            Stage::Requested | Stage::Told | Stage::Sent => None,
        }
    }

    /// Whether entries of this log are still looked at.
    pub(super) fn takes(&self, name: &LogName) -> bool {
        !self.dropped.contains(name) && self.dropped.len() < MAX_REFUSED_LOGS
    }

    /// No more of this log in this session.
    pub(super) fn drop_log(&mut self, name: LogName) {
        if self.dropped.len() < MAX_REFUSED_LOGS {
            self.dropped.insert(name);
        }
    }

    /// Begins to read our logs, with the first question; without one there are none.
    pub(super) fn begin_reading(&mut self, read: ReadId, theirs: Option<Theirs>) -> Option<Query> {
        let (first, then) = height_queries(&self.schemas);
        self.stage = Stage::Reading(Reading { read, then, heights: Vec::new(), theirs });
        first
    }

    /// Begins to send. All needs of a document stand together.
    pub(super) fn begin_sending(&mut self, needs: Vec<Need>) {
        let needs = needs.into();
        self.stage =
            Stage::Sending(Sending { needs, asked: 0, after: None, read: None, cut: None });
    }

    /// Remembers an entry that is sent now.
    pub(super) fn note_sent(&mut self, stored: &StoredEntry) {
        self.counts.sent = self.counts.sent.saturating_add(1);
        let header = stored.entry.header();
        let name = LogName::new(&header.public_key(), header.log_id());
        let seq_num = header.seq_num();
        if let Some(last) = self.sent.last_mut().filter(|last| last.name == name) {
            last.seq_num = seq_num;
        } else if self.sent.len() < MAX_SENT_LOGS {
            self.sent.push(SentLog { document: stored.document, name, seq_num });
        }
    }

    pub(super) fn into_sent(self) -> Vec<SentLog> {
        self.sent
    }
}

impl Reading {
    /// Adds an answer and gives the next question; without one all logs are known.
    pub(super) fn add(&mut self, mut heights: Vec<LogHeight>, read: ReadId) -> Option<Query> {
        heights.truncate(MAX_LOGS.saturating_sub(self.heights.len()));
        self.heights.append(&mut heights);
        self.read = read;
        self.then.take()
    }

    pub(super) fn finish(self) -> (Vec<LogHeight>, Option<Theirs>) {
        (self.heights, self.theirs)
    }
}

impl Sending {
    /// The next question for entries; without one everything is sent.
    pub(super) fn ask(&mut self, read: ReadId) -> Option<Query> {
        if self.asked == 0 {
            self.asked = self.next_chunk();
        }
        if self.asked == 0 {
            return None;
        }
        self.read = Some(read);
        Some(Query::Entries {
            needs: self.needs.iter().take(self.asked).copied().collect(),
            after: self.after,
            max_entries: super::limits::ENTRIES_COUNT,
            max_bytes: super::limits::ENTRIES_BYTES,
        })
    }

    /// Whether anything is left to ask for.
    pub(super) fn has_more(&self) -> bool {
        !self.needs.is_empty()
    }

    /// How many needs to ask for at once: a document is never torn apart, since its logs are mixed.
    fn next_chunk(&self) -> usize {
        let documents = self.needs.iter().map(|need| need.document);
        let full = self.needs.get(MAX_QUERY_NEEDS.saturating_sub(1)).map(|need| need.document);
        let rest = documents.skip(MAX_QUERY_NEEDS).take_while(|it| Some(*it) == full);
        MAX_QUERY_NEEDS.saturating_add(rest.count()).min(self.needs.len())
    }

    /// Takes an answer; gives the entries that are to be sent.
    ///
    /// Where a payload is gone, the rest of the document is left out: an entry without its
    /// operation would stop the peer as a whole, entries behind it in its log cannot be taken
    /// without it, and whatever else comes behind it in the document may build on it.
    pub(super) fn take(&mut self, entries: Vec<StoredEntry>, more: bool) -> Vec<StoredEntry> {
        self.read = None;
        let last = entries.last().map(|stored| stored.entry.hash().into());
        if more && last.is_some() {
            self.after = last;
        } else {
            self.after = None;
            self.needs.drain(..self.asked.min(self.needs.len()));
            self.asked = 0;
        }
        let mut whole = Vec::with_capacity(entries.len());
        for stored in entries {
            if stored.operation.is_none() {
                self.cut = Some(stored.document);
            }
            if self.cut != Some(stored.document) {
                whole.push(stored);
            }
        }
        whole
    }
}

/// The questions for our logs of these schemas. Blobs go only with documents that relate to them,
/// and behind them: until something relates to a blob, a peer may take it for rubbish.
fn height_queries(schemas: &SchemaSet) -> (Option<Query>, Option<Query>) {
    let is_blob = |schema: &SchemaId| {
        matches!(schema, SchemaId::System(SystemSchema::Blob | SystemSchema::BlobPiece))
    };
    let others = schemas.part(|schema| !is_blob(schema));
    let blobs = schemas.part(is_blob);
    if others.is_empty() {
        return (None, None);
    }
    let limit = MAX_LOGS;
    let then = (!blobs.is_empty()).then(|| Query::BlobHeights {
        schemas: blobs,
        related_from: others.clone(),
        limit,
    });
    (Some(Query::Heights { schemas: others, limit }), then)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use pandan_bamboo::{Hash, LogId, NextArgs, SeqNum};
    use pandan_identity::KeyPair;

    use super::*;

    fn schemas() -> SchemaSet {
        SchemaSet::new([SystemSchema::SchemaDefinition.into()]).expect("it is one")
    }

    fn session() -> Session {
        Session::new(1, 0, schemas(), false, 0)
    }

    fn name(number: usize) -> LogName {
        LogName { author: [7; 32], log_id: LogId::new(number as u64) }
    }

    fn document(number: usize) -> DocumentId {
        Hash::of(&number.to_be_bytes()).into()
    }

    fn need(document_number: usize, log: usize) -> Need {
        let author = KeyPair::from_seed(&[1; 32]).public_key();
        let (document, log_id) = (document(document_number), LogId::new(log as u64));
        Need { document, author, log_id, from: SeqNum::FIRST, to: SeqNum::FIRST }
    }

    /// How many needs are asked for at first.
    fn asked(needs: Vec<Need>) -> usize {
        let mut session = session();
        session.begin_sending(needs);
        let Stage::Sending(sending) = &mut session.stage else { panic!("it sends") };
        match sending.ask(ReadId(1)) {
            Some(Query::Entries { needs, .. }) => needs.len(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn needs_of_a_query_at_the_limit_and_past_it() {
        let of_documents = |count: usize| (0..count).map(|number| need(number, number)).collect();
        assert_eq!(asked(of_documents(MAX_QUERY_NEEDS)), MAX_QUERY_NEEDS);
        assert_eq!(asked(of_documents(MAX_QUERY_NEEDS + 1)), MAX_QUERY_NEEDS);
        // A document is not torn apart.
        let mut needs: Vec<_> = of_documents(MAX_QUERY_NEEDS - 1);
        needs.extend((0..10).map(|log| need(usize::MAX, log)));
        needs.push(need(0, 99));
        assert_eq!(asked(needs), MAX_QUERY_NEEDS + 9);
    }

    #[test]
    fn dropped_logs_at_the_limit_and_past_it() {
        let mut session = session();
        for number in 0..MAX_REFUSED_LOGS {
            assert!(session.takes(&name(usize::MAX)));
            session.drop_log(name(number));
        }
        assert!(!session.takes(&name(usize::MAX)), "nothing more is taken");
        session.drop_log(name(usize::MAX));
        assert_eq!(session.dropped.len(), MAX_REFUSED_LOGS);
    }

    #[test]
    fn sent_logs_at_the_limit_and_past_it() {
        let mut session = session();
        let author = KeyPair::from_seed(&[1; 32]);
        for number in 0..=MAX_SENT_LOGS {
            assert_eq!(session.sent.len(), number);
            let args = NextArgs::first(LogId::new(number as u64));
            let (document, operation) = (document(number), Some(vec![]));
            let entry = args.forge(&author, b"");
            session.note_sent(&StoredEntry { document, entry, operation });
        }
        assert_eq!(session.sent.len(), MAX_SENT_LOGS);
        assert_eq!(session.counts.sent, MAX_SENT_LOGS as u64 + 1);
    }

    #[test]
    fn heights_at_the_limit_and_past_it() {
        let mut session = session();
        session.begin_reading(ReadId(1), None);
        let Need { document, author, log_id, to: seq_num, .. } = need(0, 0);
        let height = LogHeight { document, author, log_id, seq_num };
        let Stage::Reading(reading) = &mut session.stage else { panic!("it reads") };
        assert!(reading.add(vec![height; MAX_LOGS - 1], ReadId(2)).is_none());
        for _ in 0..2 {
            assert!(reading.add(vec![height], ReadId(2)).is_none());
            assert_eq!(reading.heights.len(), MAX_LOGS);
        }
    }
}
