//! Reading from one moment of the in-memory store.

use std::sync::Arc;

use pandan_admission::{NextArgsError, PartSubject, next_args};
use pandan_bamboo::{EntryHash, ForkProof, LogId, NextArgs, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId, OperationId, SchemaId};

use super::state::State;
use crate::contract::{Counts, DocumentRecord, KnownSchema, LogHead, Snapshot, StoredEntry};
use crate::evaluate;
use crate::forks::{ForkPage, ForkQuery};
use crate::heads::{
    Arrival, Budget, DocumentHead, Head, HeadInRange, HeadRange, HeadsPart, LogPlace,
    NeededEntries, NeededLog, WantedEntries, Wants,
};
use crate::parts::{KeptPart, PartSummary};
use crate::query::{CollectionQuery, List, ListQuery, Page, Selection, Targets};
use crate::{Cancel, StoreError};

/// One moment.
#[derive(Debug)]
pub(super) struct MemorySnapshot {
    state: Arc<State>,
    cancel: Cancel,
}

impl MemorySnapshot {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state, cancel: Cancel::new() }
    }

    /// What is read, unless reading was cancelled.
    fn state(&self) -> Result<&State, StoreError> {
        self.cancel.check()?;
        Ok(&self.state)
    }

    fn document(&self, id: &DocumentId) -> Option<DocumentRecord> {
        self.state.documents.get(id).map(|document| (&document.latest).into())
    }

    fn view(&self, id: &DocumentViewId) -> Option<DocumentRecord> {
        let document = self.state.document_of_view(id)?;
        if document.is_deleted() {
            return None;
        }
        let state = document.at(id)?;
        (!state.view().is_deleted()).then(|| (&state).into())
    }

    fn targets(&self, list: &List) -> Vec<(u64, DocumentRecord)> {
        let records: Vec<_> = match &list.targets {
            Targets::Documents(ids) => ids.iter().map(|id| self.document(id)).collect(),
            Targets::Views(ids) => ids.iter().map(|id| self.view(id)).collect(),
        };
        let numbered = (0..).zip(records);
        numbered.filter_map(|(position, record)| Some((position, record?))).collect()
    }

    fn entries<'a>(&self, hashes: impl Iterator<Item = &'a EntryHash>) -> Vec<StoredEntry> {
        let entries = hashes.filter_map(|hash| self.state.entries.get(hash));
        entries.map(|entry| StoredEntry::clone(entry)).collect()
    }
}

impl Snapshot for MemorySnapshot {
    fn heed(&mut self, cancel: Cancel) {
        self.cancel = cancel;
    }

    fn next_args(
        &self,
        author: &PublicKey,
        view: Option<&DocumentViewId>,
    ) -> Result<Result<NextArgs, NextArgsError>, StoreError> {
        Ok(next_args(&self.state()?.next_args_facts(author, view)))
    }

    fn entry(&self, hash: &EntryHash) -> Result<Option<StoredEntry>, StoreError> {
        self.cancel.check()?;
        Ok(self.entries([hash].into_iter()).pop())
    }

    fn log(
        &self,
        author: &PublicKey,
        log_id: LogId,
        from: SeqNum,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        let Some(log) = self.state()?.logs.get(&(*author, log_id)) else { return Ok(Vec::new()) };
        let skip = usize::try_from(from.number() - 1).unwrap_or(usize::MAX);
        Ok(self.entries(log.entries.iter().skip(skip).take(limit)))
    }

    fn logs(&self, author: &PublicKey) -> Result<Vec<LogHead>, StoreError> {
        let heads = self.state()?.logs_of(author).filter_map(|(log_id, log)| {
            let seq_num = SeqNum::new(log.entries.len() as u64)?;
            let fork = self.state.forks.get(&(*author, log_id)).map(ForkProof::seq_num);
            Some(LogHead { log_id, document: log.document, seq_num, fork })
        });
        Ok(heads.collect())
    }

    fn document_entries(
        &self,
        document: &DocumentId,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        let Some(document) = self.state()?.documents.get(document) else { return Ok(Vec::new()) };
        let operations = document.operations.iter().skip(skip).take(limit);
        let hashes: Vec<_> =
            operations.map(|operation| EntryHash::from_hash(*operation.id.as_hash())).collect();
        Ok(self.entries(hashes.iter()))
    }

    fn schemas(&self) -> Result<Vec<KnownSchema>, StoreError> {
        Ok(self.state()?.schemas.values().cloned().collect())
    }

    fn documents(
        &self,
        ids: &[DocumentId],
        selection: &Selection,
    ) -> Result<Vec<Option<DocumentRecord>>, StoreError> {
        self.cancel.check()?;
        let select = |record| evaluate::select(selection, record);
        Ok(ids.iter().map(|id| self.document(id).map(select)).collect())
    }

    fn views(&self, ids: &[DocumentViewId]) -> Result<Vec<Option<DocumentRecord>>, StoreError> {
        ids.iter().map(|id| self.cancel.check().map(|()| self.view(id))).collect()
    }

    fn collection(&self, query: &CollectionQuery) -> Result<Page, StoreError> {
        let documents = self.state()?.documents.values().map(|document| &document.latest);
        let of_schema = documents.filter(|document| document.schema() == query.schema.id());
        // One that nobody waits for ends early, with a page that nobody gets.
        let going_on = of_schema.take_while(|_| !self.cancel.is_cancelled());
        let page = evaluate::collection(query, going_on.map(DocumentRecord::from))?;
        self.cancel.check()?;
        Ok(page)
    }

    fn lists(&self, query: &ListQuery) -> Result<Vec<Page>, StoreError> {
        let page = |list| evaluate::list(query, list, self.targets(list));
        query.lists.iter().map(|list| self.cancel.check().map(|()| page(list))).collect()
    }

    fn split_heads(
        &self,
        ranges: &[HeadRange],
        parts: usize,
    ) -> Result<Vec<HeadsPart>, StoreError> {
        Ok(self.state()?.split_heads(ranges, parts))
    }

    fn heads(&self, ranges: &[HeadRange], limit: usize) -> Result<Vec<HeadInRange>, StoreError> {
        let mut heads = self.state()?.heads(ranges);
        heads.truncate(limit);
        Ok(heads)
    }

    fn heads_of(&self, logs: &[LogPlace]) -> Result<Vec<Option<(SchemaId, Head)>>, StoreError> {
        let state = self.state()?;
        Ok(logs.iter().map(|place| state.head_of(place)).collect())
    }

    fn document_logs(
        &self,
        ids: &[OperationId],
        after: Option<&LogPlace>,
        limit: usize,
    ) -> Result<Vec<(SchemaId, LogPlace)>, StoreError> {
        Ok(self.state()?.document_logs(ids, after, limit))
    }

    fn are_stored(&self, ids: &[OperationId]) -> Result<Vec<bool>, StoreError> {
        let state = self.state()?;
        Ok(ids.iter().map(|id| state.document_of.contains_key(id)).collect())
    }

    fn wanted_entries(
        &self,
        wants: &Wants,
        after: Arrival,
        budget: Budget,
    ) -> Result<WantedEntries, StoreError> {
        Ok(self.state()?.wanted(wants, after, budget))
    }

    fn document_heads(
        &self,
        schemas: &[SchemaId],
        limit: usize,
    ) -> Result<Vec<DocumentHead>, StoreError> {
        let mut heads = self.state()?.document_heads(schemas);
        heads.truncate(limit);
        Ok(heads)
    }

    fn blob_heads(
        &self,
        schemas: &[SchemaId],
        related_from: &[SchemaId],
        limit: usize,
    ) -> Result<Vec<DocumentHead>, StoreError> {
        let mut heads = self.state()?.blob_heads(schemas, related_from);
        heads.truncate(limit);
        Ok(heads)
    }

    fn needed_entries(
        &self,
        needed: &[NeededLog],
        after: Option<&EntryHash>,
        budget: Budget,
    ) -> Result<NeededEntries, StoreError> {
        Ok(self.state()?.needed_entries(needed, after, budget))
    }

    fn forks(&self, query: &ForkQuery) -> Result<ForkPage, StoreError> {
        Ok(self.state()?.forks(query))
    }

    fn have_void(&self, ids: &[DocumentId]) -> Result<Vec<bool>, StoreError> {
        let state = self.state()?;
        Ok(ids.iter().map(|id| state.has_void(*id)).collect())
    }

    fn parts(&self) -> Result<Vec<PartSummary>, StoreError> {
        Ok(self.state()?.parts.values().map(|part| part.summary()).collect())
    }

    fn part(&self, subject: &PartSubject) -> Result<Option<KeptPart>, StoreError> {
        Ok(self.state()?.parts.get(subject).map(|part| KeptPart::clone(part)))
    }

    fn counts(&self) -> Result<Counts, StoreError> {
        Ok(self.state()?.counts())
    }
}
