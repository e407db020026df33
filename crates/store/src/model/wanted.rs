//! Entries that somebody wants, found by looking at all of them.

use std::collections::BTreeSet;

use pandan_bamboo::{EntryHash, ForkProof, Header};
use pandan_operations::{Operation, OperationId};

use super::state::State;
use crate::contract::StoredEntry;
use crate::heads::{Arrival, Budget, Filling, Reached, WantedEntries, Wants};
use crate::limits::MAX_CONNECTORS;

impl State {
    pub(super) fn wanted(&self, wants: &Wants, after: Arrival, budget: Budget) -> WantedEntries {
        let mut page = Filling::new(budget);
        let (after, mut void) = match Reached::from(after) {
            Reached::Entry { entry, void } => (entry, void),
            Reached::Proof { log } => {
                if let Some(reached) = self.take_proofs(wants, log, &mut page) {
                    return page.stop(reached, self.wanted_after(wants, 0).count() as u64);
                }
                (0, 0)
            }
        };
        let mut sent = BTreeSet::new();
        for (arrival, stored) in self.wanted_after(wants, after) {
            let skip = std::mem::take(&mut void);
            if let Some(void) = self.take(stored, skip, &mut sent, &mut page) {
                let left = self.wanted_after(wants, arrival - 1).count() as u64;
                return page.stop(Reached::Entry { entry: arrival - 1, void }, left);
            }
        }
        page.finish()
    }

    /// Takes up proofs of wanted logs behind one, unless there are too many.
    fn take_proofs(&self, wants: &Wants, after: u64, page: &mut Filling) -> Option<Reached> {
        for (log, proof) in (1..).zip(self.forks.values()).filter(|(log, _)| *log > after) {
            if self.is_log_wanted(wants, proof) {
                if page.is_full() {
                    return Some(Reached::Proof { log: log - 1 });
                }
                page.proof(*proof);
            }
        }
        None
    }

    /// Takes up an entry behind what it needs. If there is no room for all of it, tells how many of
    /// those are in the page: of what the first entry of a page needs some, else none.
    fn take(
        &self,
        stored: &StoredEntry,
        skip: usize,
        sent: &mut BTreeSet<EntryHash>,
        page: &mut Filling,
    ) -> Option<usize> {
        let (kept, mut done) = (page.entries(), skip);
        for connector in self.connectors(stored, sent).into_iter().skip(skip) {
            if !page.is_full() {
                page.connector(connector.clone());
                sent.insert(connector.entry.hash());
                done += 1;
            }
        }
        if !page.is_full() {
            page.entry(stored.clone());
            return None;
        }
        if kept > 0 {
            page.give_back(kept);
            done = 0;
        }
        Some(done)
    }

    /// All entries in the order in which they were stored, which are counted from 1.
    fn stored(&self) -> impl Iterator<Item = (u64, &StoredEntry)> {
        let entries = self.arrivals.iter().filter_map(|hash| self.entries.get(hash));
        (1..).zip(entries.map(|entry| &**entry))
    }

    fn wanted_after<'a>(
        &'a self,
        wants: &'a Wants,
        after: u64,
    ) -> impl Iterator<Item = (u64, &'a StoredEntry)> {
        self.stored().filter(move |(arrival, stored)| {
            *arrival > after && self.is_wanted(wants, stored.entry.header())
        })
    }

    /// Whether an entry is wanted: never when it is void.
    fn is_wanted(&self, wants: &Wants, header: &Header) -> bool {
        let (author, log_id) = (header.public_key(), header.log_id());
        let mut logs = wants.logs.iter().filter(|log| (log.author, log.log_id) == (author, log_id));
        let mut ranges = wants.ranges.iter();
        !self.is_void(OperationId::from_hash(*header.hash().as_hash()))
            && (logs.any(|log| log.from <= header.seq_num())
                || ranges.any(|range| self.is_in(range, &author, log_id)))
    }

    fn is_log_wanted(&self, wants: &Wants, proof: &ForkProof) -> bool {
        let (author, log_id) = (proof.public_key(), proof.log_id());
        wants.logs.iter().any(|log| (log.author, log.log_id) == (author, log_id))
            || wants.ranges.iter().any(|range| self.is_in(range, &author, log_id))
    }

    /// The void entries that an entry needs besides those that were sent with what they need, in the
    /// order in which they were stored. None when there are more than [`MAX_CONNECTORS`].
    fn connectors(&self, stored: &StoredEntry, sent: &BTreeSet<EntryHash>) -> Vec<&StoredEntry> {
        let (mut open, mut found) = (self.named(stored), BTreeSet::new());
        while let Some(operation) = open.pop() {
            let hash = EntryHash::from_hash(*operation.as_hash());
            let is_new = self.is_void(operation) && !sent.contains(&hash) && found.insert(hash);
            open.extend(
                self.entries.get(&hash).filter(|_| is_new).iter().flat_map(|it| self.named(it)),
            );
        }
        if found.is_empty() || found.len() > MAX_CONNECTORS {
            return Vec::new();
        }
        let all = self.stored().map(|(_, stored)| stored);
        all.filter(|stored| found.contains(&stored.entry.hash())).collect()
    }

    /// The operations that have to be there for an entry: those that its operation names as
    /// previous, or for a CREATE those that its schema is made of.
    fn named(&self, stored: &StoredEntry) -> Vec<OperationId> {
        let payload = stored.operation.as_deref().unwrap_or_default();
        let Ok(operation) = Operation::decode(payload) else { return Vec::new() };
        match (operation.previous(), operation.schema().view_id()) {
            (Some(previous), _) => previous.as_slice().to_vec(),
            (None, Some(view)) => {
                let fields = self.definition(view).map(|definition| definition.fields);
                let views = std::iter::once(view).chain(fields.iter().flatten());
                views.flat_map(|view| view.iter().copied()).collect()
            }
            (None, None) => Vec::new(),
        }
    }
}
