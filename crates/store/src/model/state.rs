//! What the in-memory store keeps, and how an admitted entry changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pandan_admission::{Admitted, PartSubject};
use pandan_bamboo::{EntryHash, ForkProof, LogId, SeqNum};
use pandan_documents::{Document, DocumentOperation};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId, OperationId, SchemaId, SystemSchema};
use pandan_schema::Schema;

use crate::StoreError;
use crate::contract::{Committed, Counts, KnownSchema, StoredEntry};
use crate::parts::KeptPart;

/// Everything. Cloning copies references.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) entries: BTreeMap<EntryHash, Arc<StoredEntry>>,
    /// In the order in which they were stored.
    pub(super) arrivals: Vec<EntryHash>,
    /// The lines of logs. That of a frozen log ends before its fork.
    pub(super) logs: BTreeMap<(PublicKey, LogId), Arc<Log>>,
    /// The proofs of frozen logs.
    pub(super) forks: BTreeMap<(PublicKey, LogId), ForkProof>,
    pub(super) documents: BTreeMap<DocumentId, Arc<StoredDocument>>,
    pub(super) document_of: BTreeMap<OperationId, DocumentId>,
    pub(super) schemas: BTreeMap<SchemaId, KnownSchema>,
    /// States of schema definitions which make no schema, at least not yet.
    pub(super) unfinished: BTreeSet<DocumentViewId>,
    pub(super) parts: BTreeMap<PartSubject, Arc<KeptPart>>,
}

/// Invariant: never empty; the entry with sequence number n is at n − 1.
#[derive(Clone, Debug)]
pub(super) struct Log {
    pub(super) document: DocumentId,
    pub(super) entries: Vec<EntryHash>,
}

/// Invariant: `latest` is what `operations` come to.
#[derive(Clone, Debug)]
pub(super) struct StoredDocument {
    /// In the order in which they were stored.
    pub(super) operations: Vec<DocumentOperation>,
    pub(super) latest: Document,
}

impl Default for State {
    fn default() -> Self {
        let known =
            |system| KnownSchema { schema: Arc::new(Schema::system(system)), retired: false };
        Self {
            entries: BTreeMap::new(),
            arrivals: Vec::new(),
            logs: BTreeMap::new(),
            forks: BTreeMap::new(),
            documents: BTreeMap::new(),
            document_of: BTreeMap::new(),
            schemas: SystemSchema::ALL.map(|system| (system.into(), known(system))).into(),
            unfinished: BTreeSet::new(),
            parts: BTreeMap::new(),
        }
    }
}

impl State {
    /// Writes an entry and what follows from it.
    pub(super) fn apply(&mut self, admitted: Admitted) -> Result<Committed, StoreError> {
        let (header, document, next) =
            (*admitted.header(), admitted.document_id(), admitted.next());
        let (author, log_id, operation) = (header.public_key(), header.log_id(), admitted.id());
        let (seq_num, is_void) = (header.seq_num(), admitted.is_void());
        let schema = admitted.schema().id().clone();
        let (entry, payload, typed) = admitted.into_parts();
        if !is_void {
            self.append_to_log(author, log_id, document, header.hash());
        }
        let stored = StoredEntry { entry, operation: Some(payload) };
        self.entries.insert(header.hash(), Arc::new(stored));
        self.arrivals.push(header.hash());
        let claimed = self.learn_claimed_schema(&schema);
        let typed = DocumentOperation { id: operation, author, operation: typed, is_void };
        self.add_operation(document, typed)?;
        let mut schemas: Vec<_> = claimed.into_iter().collect();
        schemas.extend(self.follow_definitions(document, operation));
        Ok(Committed {
            author,
            log_id,
            seq_num,
            operation,
            document,
            schema,
            is_void,
            next,
            schemas,
        })
    }

    fn append_to_log(
        &mut self,
        author: PublicKey,
        log_id: LogId,
        document: DocumentId,
        entry: EntryHash,
    ) {
        let new = || Arc::new(Log { document, entries: Vec::new() });
        let log = self.logs.entry((author, log_id)).or_insert_with(new);
        Arc::make_mut(log).entries.push(entry);
    }

    /// Builds the document anew, of all its operations.
    fn add_operation(
        &mut self,
        id: DocumentId,
        operation: DocumentOperation,
    ) -> Result<(), StoreError> {
        self.document_of.insert(operation.id, id);
        let known = self.documents.get(&id).map(|document| document.operations.clone());
        let mut operations = known.unwrap_or_default();
        operations.push(operation);
        self.build(id, operations)
    }

    pub(super) fn build(
        &mut self,
        id: DocumentId,
        operations: Vec<DocumentOperation>,
    ) -> Result<(), StoreError> {
        let latest = Document::build(operations.iter().cloned())
            .map_err(|error| StoreError::Inconsistent { detail: error.to_string() })?;
        self.documents.insert(id, Arc::new(StoredDocument { operations, latest }));
        Ok(())
    }

    /// The first log that an author writes a document in and that is not frozen.
    pub(super) fn log_of(&self, author: &PublicKey, document: DocumentId) -> Option<LogId> {
        let is_open = |log_id| !self.forks.contains_key(&(*author, log_id));
        let mut logs = self
            .logs_of(author)
            .filter(|(log_id, log)| log.document == document && is_open(*log_id));
        logs.next().map(|(log_id, _)| log_id)
    }

    /// All logs of an author.
    pub(super) fn logs_of(&self, author: &PublicKey) -> impl Iterator<Item = (LogId, &Log)> {
        let range = (*author, LogId::new(u64::MIN))..=(*author, LogId::new(u64::MAX));
        self.logs.range(range).map(|((_, log_id), log)| (*log_id, &**log))
    }

    /// The entry at a place of a log.
    pub(super) fn entry_at(
        &self,
        author: &PublicKey,
        log_id: LogId,
        seq_num: SeqNum,
    ) -> Option<&StoredEntry> {
        let log = self.logs.get(&(*author, log_id))?;
        let index = usize::try_from(seq_num.number() - 1).ok()?;
        self.entries.get(log.entries.get(index)?).map(|entry| &**entry)
    }

    /// The document that all operations of a view belong to.
    pub(super) fn document_of_view(&self, view: &DocumentViewId) -> Option<&StoredDocument> {
        let mut owners = view.iter().map(|id| self.document_of.get(id));
        let first = owners.next()??;
        let is_one = owners.all(|owner| owner == Some(first));
        is_one.then(|| self.documents.get(first).map(|document| &**document))?
    }

    pub(super) fn counts(&self) -> Counts {
        let documents = self.documents.values();
        let logs: BTreeSet<_> = self.logs.keys().chain(self.forks.keys()).collect();
        let authors: BTreeSet<_> = logs.iter().map(|(author, _)| author).collect();
        Counts {
            entries: self.entries.len() as u64,
            documents: documents.len() as u64,
            deleted: documents.filter(|document| document.is_deleted()).count() as u64,
            logs: logs.len() as u64,
            forks: self.forks.len() as u64,
            authors: authors.len() as u64,
            schemas: self.schemas.len() as u64,
        }
    }
}

impl StoredDocument {
    pub(super) fn is_deleted(&self) -> bool {
        self.latest.view().is_deleted()
    }

    /// The state that a view id names.
    pub(super) fn at(&self, view: &DocumentViewId) -> Option<Document> {
        Document::build_view(self.operations.iter().cloned(), view).ok()
    }
}
