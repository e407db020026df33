//! News after both sides are done (RE8).
//!
//! Links of a mesh in which there are several ways from one node to another become lazy where
//! entries would come twice (Plumtree): `Prune` makes both sides send `Have` instead, and a `Want`
//! makes both send entries again. What stays eager is a tree, whoever has news.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use pandan_bamboo::{ForkProof, HeadState, SeqNum};
use pandan_operations::{DocumentId, OperationId, SchemaId};

use crate::limits::{GRAFT_DELAY_MS, MAX_GRAFTS, MAX_PROOFS, MAX_REMEMBERED};
use crate::session::recent::Recent;
use crate::{LogName, Received};

/// An entry that was just stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The schema of its operation.
    pub schema: SchemaId,
    /// The document that the operation belongs to.
    pub document: DocumentId,
    /// The operation.
    pub operation: OperationId,
    /// Its log.
    pub log: LogName,
    /// Its place in the log.
    pub seq_num: SeqNum,
    /// The state of the log with it.
    pub state: HeadState,
    /// The entry and its payload.
    pub received: Arc<Received>,
}

/// How both sides of a link tell each other news.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Push {
    /// As entries.
    #[default]
    Eager,
    /// As heads.
    Lazy,
}

#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) push: Push,
    /// Whether news were left out.
    pub(crate) is_behind: bool,
    /// What the other side is known to have, with all before it.
    has: Places,
    /// What came from there.
    came: Places,
    /// Forks of which the other side has told.
    forks: Recent<MAX_PROOFS, LogName, Box<ForkProof>>,
    /// News that may come from somebody else yet, and until when we wait for them.
    grafts: BTreeMap<LogName, (SeqNum, u64)>,
}

impl Live {
    /// Remembers that the other side has an entry and all before it.
    pub(crate) fn remember(&mut self, log: LogName, seq_num: SeqNum) {
        let known = self.has.get(&log).copied().unwrap_or(seq_num);
        self.has.insert(log, seq_num.max(known));
    }

    /// Remembers that an entry came from the other side; gives whether it did before.
    pub(crate) fn came(&mut self, log: LogName, seq_num: SeqNum) -> bool {
        self.remember(log, seq_num);
        let before = self.came.get(&log).copied();
        self.came.insert(log, before.map_or(seq_num, |before| seq_num.max(before)));
        before >= Some(seq_num)
    }

    /// Remembers that the other side knows a fork.
    pub(crate) fn told(&mut self, proof: &ForkProof) {
        self.forks.insert(log_of(proof), Box::new(*proof));
    }

    /// Whether the other side is known to know a fork.
    pub(crate) fn knows(&self, proof: &ForkProof) -> bool {
        self.forks.get(&log_of(proof)).is_some_and(|known| **known == *proof)
    }

    /// Of how many logs it is remembered what the other side has, and of how many news are expected.
    pub(crate) fn usage(&self) -> (usize, usize) {
        (self.has.len().max(self.came.len()), self.grafts.len())
    }

    /// Whether the other side is known to have an entry.
    pub(crate) fn has(&self, log: &LogName, seq_num: SeqNum) -> bool {
        self.has.get(log).is_some_and(|known| *known >= seq_num)
    }

    /// Waits for news of which the other side told.
    pub(crate) fn expect(&mut self, log: LogName, seq_num: SeqNum, now: u64) {
        if self.grafts.len() >= MAX_GRAFTS && !self.grafts.contains_key(&log) {
            self.is_behind = true;
            return;
        }
        let due = now.saturating_add(GRAFT_DELAY_MS);
        let expected = self.grafts.entry(log).or_insert((seq_num, due));
        expected.0 = expected.0.max(seq_num);
    }

    /// An entry has come, from whomever.
    pub(crate) fn arrived(&mut self, log: &LogName, seq_num: SeqNum) {
        if self.grafts.get(log).is_some_and(|(expected, _)| *expected <= seq_num) {
            self.grafts.remove(log);
        }
    }

    /// When to look again.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.grafts.values().map(|(_, due)| *due).min()
    }

    /// What nobody has brought in time.
    pub(crate) fn take_due(&mut self, now: u64) -> BTreeMap<LogName, SeqNum> {
        let mut taken = BTreeMap::new();
        self.grafts.retain(|log, (seq_num, due)| {
            let is_due = *due <= now;
            if is_due {
                taken.insert(*log, *seq_num);
            }
            !is_due
        });
        taken
    }
}

/// The log that a proof is about.
pub(crate) fn log_of(proof: &ForkProof) -> LogName {
    LogName { author: proof.public_key().into(), log_id: proof.log_id() }
}

/// The latest of these in each of the logs in which something happened last.
type Places = Recent<MAX_REMEMBERED, LogName, SeqNum>;
