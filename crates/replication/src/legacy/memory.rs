//! What is remembered of a peer from session to session, so that one bad entry does not make all
//! of them fail.
//!
//! The protocol has no way to say that an entry is refused: who refuses one forgets the session
//! and takes nothing more of it. Sessions between the same two then fail at the same entry for
//! ever. Both directions are healed:
//!
//! - *An entry of theirs was refused here.* Nothing more is asked of its log: we tell the peer that
//!   we have as much of it as it has sent.
//! - *An entry of ours was refused there.* Nobody tells us, and when the peer had sent its SyncDone
//!   before, the session even looks complete. But it took the entries in the order in which they
//!   were sent, so that its next Have shows where it stopped. The document of the first entry that
//!   it did not take is sent last from then on; when the peer stops there once more, it is kept
//!   from it for a time.
//!
//! A peer may also be slow and tell of entries long after it took them. Documents that it turns out
//! to have are in no doubt any more.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use pandan_bamboo::SeqNum;
use pandan_operations::DocumentId;

use super::SchemaSet;
use super::compare::Theirs;
use super::limits::{
    FORGET_REFUSED_MS, MAX_BACK_OFF_MS, MAX_REFUSED_LOGS, MAX_SETS, MAX_WITHHELD, MIN_BACK_OFF_MS,
    TICK_MS,
};
use super::query::{LogName, Need};

/// What is remembered of a peer.
///
/// It may outlive a connection: hand it over to the next link with the same peer.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    refused: BTreeMap<LogName, Refused>,
    doubtful: BTreeMap<DocumentId, Doubtful>,
    /// The one used last stands last.
    sets: Vec<SetRecord>,
    /// When it was looked for what is old.
    forgot_at: u64,
}

#[derive(Clone, Copy, Debug)]
struct Refused {
    /// How much of the log we claim to have.
    claim: SeqNum,
    since: u64,
}

#[derive(Clone, Copy, Debug)]
struct Doubtful {
    /// How many times the peer stopped at it.
    failures: u32,
    /// When it did last.
    failed_at: u64,
    since: u64,
    /// Where it stopped.
    name: LogName,
    seq_num: SeqNum,
}

/// How sessions with a set of schemas went.
#[derive(Clone, Debug)]
pub(super) struct SetRecord {
    pub(super) schemas: SchemaSet,
    /// In a row.
    failures: u32,
    /// Not tried again before.
    pub(super) not_before: u64,
    pub(super) completed: Option<Completed>,
    /// What was sent in the last session, in that order.
    sent: Vec<SentLog>,
}

/// The last session that came to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Completed {
    /// What the link had counted of changes when it compared.
    pub(super) changes: u64,
    pub(super) at: u64,
}

/// A part of a log that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct SentLog {
    pub(super) document: DocumentId,
    pub(super) name: LogName,
    pub(super) seq_num: SeqNum,
}

impl Memory {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Logs of which nothing more is asked of the peer.
    #[must_use]
    pub fn refused_logs(&self) -> usize {
        self.refused.len()
    }

    /// Documents that are kept from the peer.
    #[must_use]
    pub fn withheld_documents(&self) -> usize {
        self.doubtful.values().filter(|document| document.is_withheld()).count()
    }

    /// Changes were counted by a link that is gone, and what was sent then may have got lost with
    /// the connection.
    pub(super) fn begin_connection(&mut self) {
        for set in &mut self.sets {
            set.completed = None;
            set.sent.clear();
        }
    }

    /// Notes that an entry was refused, or another one of a log of which one was.
    pub(super) fn refuse(&mut self, name: LogName, seq_num: SeqNum, now: u64) {
        if let Some(known) = self.refused.get_mut(&name) {
            known.claim = known.claim.max(seq_num);
            return;
        }
        if self.refused.len() >= MAX_REFUSED_LOGS {
            forget_oldest(&mut self.refused, |it| it.since);
        }
        self.refused.insert(name, Refused { claim: seq_num, since: now });
    }

    /// Whether an entry of this log was refused.
    pub(super) fn is_refused(&self, name: &LogName) -> bool {
        self.refused.contains_key(name)
    }

    /// The logs of which nothing more shall be sent to us, and how much of them we claim to have.
    pub(super) fn claims(&self) -> impl Iterator<Item = (LogName, SeqNum)> + '_ {
        self.refused.iter().map(|(name, refused)| (*name, refused.claim))
    }

    /// Forgets what is old enough to be tried again.
    pub(super) fn forget(&mut self, now: u64) {
        if now.saturating_sub(self.forgot_at) < TICK_MS {
            return;
        }
        self.forgot_at = now;
        let is_fresh = |since: u64| now.saturating_sub(since) < FORGET_REFUSED_MS;
        self.refused.retain(|_, refused| is_fresh(refused.since));
        self.doubtful.retain(|_, document| is_fresh(document.since));
    }

    /// Finds out from the peer's logs where it stopped in the session before.
    pub(super) fn learn(&mut self, schemas: &SchemaSet, theirs: &Theirs, now: u64) {
        let has = |name: &LogName, seq_num: SeqNum| theirs.height(name) >= Some(seq_num);
        self.doubtful.retain(|_, document| !has(&document.name, document.seq_num));
        let Some(set) = self.sets.iter_mut().find(|set| set.schemas == *schemas) else { return };
        let sent = core::mem::take(&mut set.sent);
        // What it took behind an entry shows that it only passed that one over.
        let last_taken = sent.iter().rposition(|sent| has(&sent.name, sent.seq_num));
        let stopped = last_taken.map_or(0, |index| index.saturating_add(1));
        if let Some(failed) = sent.get(stopped) {
            self.doubt(*failed, now);
        }
    }

    fn doubt(&mut self, failed: SentLog, now: u64) {
        let SentLog { document, name, seq_num } = failed;
        if !self.doubtful.contains_key(&document) && self.doubtful.len() >= MAX_WITHHELD {
            forget_oldest(&mut self.doubtful, |it| it.since);
        }
        let unseen = Doubtful { failures: 0, failed_at: 0, since: now, name, seq_num };
        let document = self.doubtful.entry(document).or_insert(unseen);
        // Sessions that follow each other quickly tell the same thing twice.
        if document.failures == 0 || now.saturating_sub(document.failed_at) >= TICK_MS {
            document.failures = document.failures.saturating_add(1);
            (document.failed_at, document.name, document.seq_num) = (now, name, seq_num);
        }
    }

    /// The peer knows other schemas than before, so that it may take what it did not.
    pub(super) fn forget_doubts(&mut self) {
        self.doubtful.clear();
    }

    /// Takes out what is withheld and puts last what is doubtful.
    pub(super) fn arrange(&self, needs: Vec<Need>) -> Vec<Need> {
        if self.doubtful.is_empty() {
            return needs;
        }
        let doubt = |need: &Need| self.doubtful.get(&need.document);
        let (mut good, mut doubtful): (Vec<_>, Vec<_>) =
            needs.into_iter().partition(|need| doubt(need).is_none());
        doubtful.retain(|need| doubt(need).is_none_or(|document| !document.is_withheld()));
        good.append(&mut doubtful);
        good
    }

    /// How sessions with this set went, if one ended.
    pub(super) fn set(&self, schemas: &SchemaSet) -> Option<&SetRecord> {
        self.sets.iter().find(|set| set.schemas == *schemas)
    }

    /// A session with this set came to its end, in which this was `sent`.
    pub(super) fn completed(
        &mut self,
        schemas: &SchemaSet,
        sent: Vec<SentLog>,
        completed: Completed,
    ) {
        let completed = Some(completed);
        *self.touch(schemas) = SetRecord { completed, sent, ..SetRecord::new(schemas) };
    }

    /// A session with this set failed, in which this was `sent`.
    pub(super) fn failed(&mut self, schemas: &SchemaSet, sent: Vec<SentLog>, now: u64) {
        let set = self.touch(schemas);
        let wait = MIN_BACK_OFF_MS.checked_shl(set.failures).unwrap_or(MAX_BACK_OFF_MS);
        set.failures = set.failures.saturating_add(1).min(16);
        set.not_before = now.saturating_add(wait.min(MAX_BACK_OFF_MS));
        set.sent = sent;
    }

    /// The record of a set as the one used last.
    fn touch(&mut self, schemas: &SchemaSet) -> &mut SetRecord {
        let set = match self.sets.iter().position(|set| set.schemas == *schemas) {
            Some(index) => self.sets.remove(index),
            None => SetRecord::new(schemas),
        };
        if self.sets.len() >= MAX_SETS {
            self.sets.remove(0);
        }
        self.sets.push(set);
        self.sets.last_mut().expect("it was pushed right before")
    }
}

impl SetRecord {
    fn new(schemas: &SchemaSet) -> Self {
        let schemas = schemas.clone();
        Self { schemas, failures: 0, not_before: 0, completed: None, sent: Vec::new() }
    }
}

impl Doubtful {
    const fn is_withheld(&self) -> bool {
        self.failures > 1
    }
}

fn forget_oldest<K: Ord + Copy, V>(map: &mut BTreeMap<K, V>, since: impl Fn(&V) -> u64) {
    let oldest = map.iter().min_by_key(|(_, value)| since(value)).map(|(key, _)| *key);
    oldest.and_then(|key| map.remove(&key));
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use pandan_bamboo::{Hash, LogId};

    use super::super::limits::MAX_SENT_LOGS;
    use super::super::message::AuthorLogs;
    use super::*;

    const FIRST: SeqNum = SeqNum::FIRST;

    fn name(number: usize) -> LogName {
        LogName { author: [7; 32], log_id: LogId::new(number as u64) }
    }

    fn document(number: usize) -> DocumentId {
        Hash::of(&number.to_be_bytes()).into()
    }

    fn sent(number: usize) -> SentLog {
        SentLog { document: document(number), name: name(number), seq_num: FIRST }
    }

    fn theirs(taken: &[usize]) -> Theirs {
        let logs = taken.iter().map(|number| (name(*number).log_id, FIRST)).collect();
        Theirs::new(vec![AuthorLogs { author: [7; 32], logs }])
    }

    fn set(number: u8) -> SchemaSet {
        let text = alloc::format!("thing_0020{}", alloc::format!("{number:02x}").repeat(32));
        SchemaSet::new([text.parse().expect("it is an id")]).expect("it is one")
    }

    /// Sends these in a session, after which the peer has those.
    fn session(memory: &mut Memory, sent_: &[usize], taken: &[usize], now: u64) {
        let completed = Completed { changes: 0, at: now };
        let sent = sent_.iter().map(|number| sent(*number)).collect();
        memory.completed(&set(0), sent, completed);
        memory.learn(&set(0), &theirs(taken), now);
    }

    #[test]
    fn the_entry_at_which_the_peer_stops_twice_is_withheld() {
        let mut memory = Memory::new();
        // The third was passed over, the fourth was not taken, nor was anything behind it.
        session(&mut memory, &[0, 1, 2, 3, 4], &[0, 2], TICK_MS);
        assert_eq!(memory.doubtful.keys().collect::<Vec<_>>(), [&document(3)]);
        assert_eq!(memory.withheld_documents(), 0);
        // The same told twice counts once.
        session(&mut memory, &[3], &[0, 2, 4], TICK_MS + 1);
        assert_eq!(memory.withheld_documents(), 0);
        session(&mut memory, &[3], &[0, 2, 4], 2 * TICK_MS);
        assert_eq!(memory.withheld_documents(), 1);
        // It was only slow.
        session(&mut memory, &[], &[3], 2 * TICK_MS);
        assert_eq!(memory.withheld_documents(), 0);
    }

    #[test]
    fn doubts_end_with_time_and_with_other_schemas() {
        let doubted = || {
            let mut memory = Memory::new();
            [1, 2].into_iter().for_each(|tick| session(&mut memory, &[0], &[], tick * TICK_MS));
            memory.refuse(name(9), FIRST, TICK_MS);
            memory
        };
        let mut memory = doubted();
        memory.forget(TICK_MS + FORGET_REFUSED_MS - 1);
        assert_eq!((memory.withheld_documents(), memory.refused_logs()), (1, 1));
        memory = doubted();
        memory.forget(TICK_MS + FORGET_REFUSED_MS);
        assert_eq!((memory.withheld_documents(), memory.refused_logs()), (0, 0));
        memory = doubted();
        memory.forget_doubts();
        assert_eq!((memory.withheld_documents(), memory.refused_logs()), (0, 1));
    }

    #[test]
    fn refused_logs_at_the_limit_and_past_it() {
        let mut memory = Memory::new();
        (0..MAX_REFUSED_LOGS).for_each(|number| memory.refuse(name(number), FIRST, number as u64));
        assert_eq!(memory.refused_logs(), MAX_REFUSED_LOGS);
        assert!(memory.is_refused(&name(0)));
        memory.refuse(name(MAX_REFUSED_LOGS), FIRST, u64::MAX);
        assert_eq!(memory.refused_logs(), MAX_REFUSED_LOGS);
        assert!(!memory.is_refused(&name(0)), "the oldest is forgotten");
        assert!(memory.is_refused(&name(1)));
    }

    #[test]
    fn doubtful_documents_at_the_limit_and_past_it() {
        let mut memory = Memory::new();
        for number in 0..=MAX_WITHHELD {
            assert_eq!(memory.doubtful.len(), number);
            memory.doubt(sent(number), number as u64);
        }
        assert_eq!(memory.doubtful.len(), MAX_WITHHELD);
        assert!(!memory.doubtful.contains_key(&document(0)), "the oldest is forgotten");
    }

    #[test]
    fn sets_at_the_limit_and_past_it() {
        let mut memory = Memory::new();
        for (number, _) in (0..).zip(0..MAX_SETS) {
            memory.failed(&set(number), Vec::new(), 0);
        }
        // The first one is used again, so that the second is now the oldest.
        memory.failed(&set(0), Vec::new(), 0);
        assert_eq!(memory.sets.len(), MAX_SETS);
        memory.failed(&set(99), Vec::new(), 0);
        assert_eq!(memory.sets.len(), MAX_SETS);
        assert!(memory.set(&set(0)).is_some() && memory.set(&set(1)).is_none());
    }

    #[test]
    fn another_connection_knows_nothing_of_what_got_lost() {
        let mut memory = Memory::new();
        memory.failed(&set(0), (0..MAX_SENT_LOGS).map(sent).collect(), 0);
        memory.begin_connection();
        memory.learn(&set(0), &theirs(&[]), 0);
        assert!(memory.doubtful.is_empty());
    }
}
