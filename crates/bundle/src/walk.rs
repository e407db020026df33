//! Goes through what is to be exported, in an order in which it can be stored at once (BU7).
//!
//! Definitions come first. Entries come as they were stored, so what an operation needs, what its
//! links lead to and the definition of its schema come before it. The proof of the fork of a log
//! comes right before the first entry of the log.

use std::collections::BTreeSet;

use pandan_bamboo::{EntryHash, ForkProof, SeqNum};
use pandan_operations::{DocumentId, Operation, SchemaId};
use pandan_store::heads::{Arrival, Budget, HeadRange, LogPlace, WantedLog, Wants};
use pandan_store::query::Selection;
use pandan_store::{Fork, Snapshot, StoreError, StoredEntry};

use crate::export::ExportError;
use crate::lacking::Lacking;
use crate::limits::{MAX_BYTES_READ, MAX_ITEMS_READ, MAX_LOGS_WANTED};
use crate::read::{self, Forks, place_of};
use crate::select::{self, Chosen};

/// What is to be exported.
#[derive(Debug)]
pub(crate) struct Plan {
    /// All forks that are known here.
    pub(crate) forks: Forks,
    pub(crate) chosen: Chosen,
    pub(crate) is_everything: bool,
    /// What the receiver has, if it told.
    pub(crate) lacking: Option<Lacking>,
}

/// Takes what is gone through.
pub(crate) trait Sink {
    fn proof(&mut self, proof: &ForkProof) -> Result<(), ExportError>;

    /// The schema is that of the operation, if that was not deleted.
    fn entry(&mut self, stored: &StoredEntry, schema: Option<&SchemaId>)
    -> Result<(), ExportError>;
}

impl Plan {
    /// Goes through everything.
    pub(crate) fn walk(
        &self,
        snapshot: &dyn Snapshot,
        sink: &mut dyn Sink,
    ) -> Result<(), ExportError> {
        let proofs = self.proofs(snapshot)?;
        let (connected, defined) = Default::default();
        let mut walk = Walk { plan: self, snapshot, sink, proofs, connected, defined };
        for document in &self.chosen.definitions {
            read::entries_of(snapshot, document, |stored| walk.offer(&stored, false))?;
        }
        walk.logs(&self.wants(snapshot)?)?;
        walk.rest_of_void()?;
        for document in &self.chosen.documents {
            read::entries_of(snapshot, document, |stored| walk.offer(&stored, false))?;
        }
        for place in std::mem::take(&mut walk.proofs) {
            walk.prove(&place)?;
        }
        Ok(())
    }

    /// Whether an entry stands at or above the fork of its log.
    fn is_void(&self, place: &LogPlace, seq_num: SeqNum) -> bool {
        self.forks.get(place).is_some_and(|fork| fork.seq_num <= seq_num)
    }

    /// The logs whose proofs are to be exported.
    fn proofs(&self, snapshot: &dyn Snapshot) -> Result<BTreeSet<LogPlace>, StoreError> {
        let mut proofs = BTreeSet::new();
        if self.forks.is_empty() {
            return Ok(proofs);
        }
        if self.is_everything {
            proofs.extend(self.forks.keys());
        } else {
            self.logs_of_documents(snapshot, &mut proofs)?;
            self.logs_of_schemas(snapshot, &mut proofs)?;
        }
        proofs.retain(|place| {
            let is_new = self.lacking.as_ref().is_none_or(|lacking| lacking.lacks_proof(place));
            is_new && self.forks.contains_key(place)
        });
        Ok(proofs)
    }

    fn logs_of_documents(
        &self,
        snapshot: &dyn Snapshot,
        logs: &mut BTreeSet<LogPlace>,
    ) -> Result<(), StoreError> {
        for document in self.chosen.definitions.iter().chain(&self.chosen.documents) {
            read::entries_of(snapshot, document, |stored| {
                logs.insert(place_of(&stored.entry));
                Ok::<_, StoreError>(())
            })?;
        }
        Ok(())
    }

    fn logs_of_schemas(
        &self,
        snapshot: &dyn Snapshot,
        logs: &mut BTreeSet<LogPlace>,
    ) -> Result<(), StoreError> {
        for schema in &self.chosen.schemas {
            read::heads(snapshot, schema, |head| {
                logs.extend(head.fork.map(|_| head.place()));
                Ok::<_, StoreError>(())
            })?;
        }
        // Those of which nothing is stored below the fork are not among these.
        self.each_fork(snapshot, |fork, _| {
            logs.insert(LogPlace::of(&fork.proof.public_key(), fork.proof.log_id()));
        })
    }

    /// The documents of the chosen schemas in which there are void operations.
    fn documents_with_void(
        &self,
        snapshot: &dyn Snapshot,
    ) -> Result<BTreeSet<DocumentId>, StoreError> {
        let mut documents = BTreeSet::new();
        self.each_fork(snapshot, |_, found| documents.extend(found))?;
        Ok(documents)
    }

    /// Hands over the forks with void operations in documents of the chosen schemas, and which
    /// documents these are.
    fn each_fork(
        &self,
        snapshot: &dyn Snapshot,
        mut take: impl FnMut(&Fork, Vec<DocumentId>),
    ) -> Result<(), StoreError> {
        if self.chosen.schemas.is_empty() {
            return Ok(());
        }
        let none = Selection::Only(Vec::new());
        read::each_fork(snapshot, |fork| {
            let records = snapshot.documents(&fork.documents, &none)?.into_iter().flatten();
            let chosen = records.filter(|record| self.chosen.schemas.contains(&record.schema));
            let chosen: Vec<_> = chosen.map(|record| record.id).collect();
            // Of very many documents not all are told.
            if !chosen.is_empty() || fork.documents_total > fork.documents.len() as u64 {
                take(&fork, chosen);
            }
            Ok(())
        })
    }

    /// What to ask the store for.
    fn wants(&self, snapshot: &dyn Snapshot) -> Result<Wants, StoreError> {
        let ranges = || self.chosen.schemas.iter().cloned().map(HeadRange::all).collect();
        let Some(lacking) = &self.lacking else {
            return Ok(Wants { logs: Vec::new(), ranges: ranges() });
        };
        let mut logs = Vec::new();
        for schema in &self.chosen.schemas {
            read::heads(snapshot, schema, |head| {
                let from = lacking.from(&head.place());
                let room = (MAX_LOGS_WANTED + 1).saturating_sub(logs.len());
                let wanted =
                    from.map(|from| WantedLog { author: head.author, log_id: head.log_id, from });
                logs.extend(wanted.into_iter().take(room));
                Ok::<_, StoreError>(())
            })?;
        }
        match logs.len() <= MAX_LOGS_WANTED {
            true => Ok(Wants { logs, ranges: Vec::new() }),
            false => Ok(Wants { logs: Vec::new(), ranges: ranges() }),
        }
    }
}

/// On the way through a plan.
struct Walk<'w> {
    plan: &'w Plan,
    snapshot: &'w dyn Snapshot,
    sink: &'w mut dyn Sink,
    /// Logs whose proofs were not handed over so far.
    proofs: BTreeSet<LogPlace>,
    /// Void entries that were handed over since others need them.
    connected: BTreeSet<EntryHash>,
    /// Schemas whose void definitions were handed over.
    defined: BTreeSet<SchemaId>,
}

impl Walk<'_> {
    fn logs(&mut self, wants: &Wants) -> Result<(), ExportError> {
        if wants.logs.is_empty() && wants.ranges.is_empty() {
            return Ok(());
        }
        let budget = Budget { entries: MAX_ITEMS_READ, bytes: MAX_BYTES_READ };
        let mut next = Some(Arrival::default());
        while let Some(after) = next {
            let found = self.snapshot.wanted_entries(wants, after, budget)?;
            for stored in &found.entries {
                self.offer(stored, true)?;
            }
            next = found.next;
        }
        Ok(())
    }

    /// Hands an entry over if it is one of those that are to be exported, behind what it needs.
    /// `is_of_log` says that it was found by its log.
    fn offer(&mut self, stored: &StoredEntry, is_of_log: bool) -> Result<(), ExportError> {
        let (place, seq_num) = (place_of(&stored.entry), stored.entry.header().seq_num());
        let is_void = self.plan.is_void(&place, seq_num);
        let lacking = self.plan.lacking.as_ref();
        let is_there = lacking.is_some_and(|lacking| !lacking.lacks(&place, seq_num));
        // With the entries of a log come void ones that they need, once in each page, perhaps of
        // other documents: each is found again where it is needed. Whoever tells what it has does
        // not tell of them.
        if is_there || (is_void && (is_of_log || lacking.is_some())) {
            return Ok(());
        }
        if is_void && !self.connected.insert(stored.entry.hash()) {
            return Ok(());
        }
        let operation = read::operation_of(stored)?;
        self.connect(operation.as_ref())?;
        self.hand_over(stored, operation.as_ref().map(Operation::schema))
    }

    /// Hands over the void operations in documents of whole schemas that nothing needs. What they
    /// need was handed over before, or is void itself.
    fn rest_of_void(&mut self) -> Result<(), ExportError> {
        if self.plan.lacking.is_some() || self.plan.forks.is_empty() {
            return Ok(());
        }
        for document in self.plan.documents_with_void(self.snapshot)? {
            read::entries_of(self.snapshot, &document, |stored| {
                let seq_num = stored.entry.header().seq_num();
                match self.plan.is_void(&place_of(&stored.entry), seq_num) {
                    true => self.offer(&stored, false),
                    false => Ok(()),
                }
            })?;
        }
        Ok(())
    }

    fn hand_over(
        &mut self,
        stored: &StoredEntry,
        schema: Option<&SchemaId>,
    ) -> Result<(), ExportError> {
        let place = place_of(&stored.entry);
        if self.proofs.remove(&place) {
            self.prove(&place)?;
        }
        self.sink.entry(stored, schema)
    }

    fn prove(&mut self, place: &LogPlace) -> Result<(), ExportError> {
        match read::proof_of(self.snapshot, place)? {
            Some(proof) => self.sink.proof(&proof),
            None => Ok(()),
        }
    }

    /// Hands over the void entries that an operation needs: those that define its schema, those
    /// that it was made on top of, and before them those that these need. Nobody has to have void
    /// entries, so a state does not tell whether a node lacks them.
    fn connect(&mut self, operation: Option<&Operation>) -> Result<(), ExportError> {
        let Some(operation) = operation.filter(|_| !self.plan.forks.is_empty()) else {
            return Ok(());
        };
        let mut steps = look_below(Some(operation));
        if !self.defined.contains(operation.schema()) {
            self.defined.insert(operation.schema().clone());
            steps.extend(self.look_at_definition(operation.schema())?);
        }
        while let Some(step) = steps.pop() {
            match step {
                Step::Look(hash) => {
                    let Some(stored) = self.void_entry(&hash)? else { continue };
                    let operation = read::operation_of(&stored)?;
                    let below = look_below(operation.as_ref());
                    steps.push(Step::HandOver(Box::new((stored, operation))));
                    steps.extend(below);
                }
                Step::HandOver(entry) => {
                    let (stored, operation) = *entry;
                    self.hand_over(&stored, operation.as_ref().map(Operation::schema))?;
                }
            }
        }
        Ok(())
    }

    /// The operations in the state that defines a schema, and those of fields that they name.
    fn look_at_definition(&self, schema: &SchemaId) -> Result<Vec<Step>, StoreError> {
        let mut queue: Vec<_> = schema.view_id().into_iter().flatten().copied().collect();
        let mut steps: Vec<_> = queue.iter().map(|id| Step::Look(EntryHash::from(*id))).collect();
        let mut seen = BTreeSet::new();
        while let Some(id) = queue.pop() {
            if !seen.insert(id) {
                continue;
            }
            let Some(stored) = self.snapshot.entry(&EntryHash::from(id))? else { continue };
            let operation = read::operation_of(&stored)?;
            let fields = select::named_fields(&operation).into_iter();
            steps.extend(fields.map(|id| Step::Look(EntryHash::from(id))));
            queue.extend(operation.iter().filter_map(Operation::previous).flatten());
        }
        Ok(steps)
    }

    /// The entry, if it is void and was not met before.
    fn void_entry(&mut self, hash: &EntryHash) -> Result<Option<StoredEntry>, StoreError> {
        if self.connected.contains(hash) {
            return Ok(None);
        }
        let Some(stored) = self.snapshot.entry(hash)? else { return Ok(None) };
        let is_void = self.plan.is_void(&place_of(&stored.entry), stored.entry.header().seq_num());
        Ok((is_void && self.connected.insert(*hash)).then_some(stored))
    }
}

/// What is to be done on the way through void entries.
enum Step {
    Look(EntryHash),
    HandOver(Box<(StoredEntry, Option<Operation>)>),
}

fn look_below(operation: Option<&Operation>) -> Vec<Step> {
    let previous = operation.and_then(Operation::previous);
    previous.into_iter().flatten().map(|id| Step::Look(EntryHash::from(*id))).collect()
}
