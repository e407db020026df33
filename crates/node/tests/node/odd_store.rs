//! A store in memory that counts what it is asked, and fails, panics and waits when told to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Barrier, Mutex};

use pandan_admission::{Candidate, Door, NextArgsError, Part, PartSubject};
use pandan_bamboo::{EntryHash, ForkProof, LogId, NextArgs, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId, OperationId, SchemaId, SystemSchema};
use pandan_store::heads::{
    Arrival, Budget, DocumentHead, Head, HeadInRange, HeadRange, HeadsPart, LogPlace,
    NeededEntries, NeededLog, WantedEntries, Wants,
};
use pandan_store::query::{CollectionQuery, ListQuery, Page, Selection};
use pandan_store::{
    Cancel, Counts, DocumentRecord, ForkPage, ForkQuery, Frozen, Keeping, KeptPart, KnownSchema,
    LogHead, MemoryStore, Outcome, PartSummary, Snapshot, Store, StoreError, StoredEntry, Teller,
};

/// What to do instead of writing the next batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Full,
    Panic,
}

/// Counts what it is asked, and fails to write when told to.
#[derive(Debug, Default)]
pub(crate) struct Odd {
    pub(crate) inner: MemoryStore,
    pub(crate) reads: Arc<AtomicUsize>,
    pub(crate) snapshots: AtomicUsize,
    /// How many entries came in each transaction.
    pub(crate) batches: Mutex<Vec<usize>>,
    pub(crate) fault: Mutex<Option<Fault>>,
    /// Where reads of schema definitions wait for somebody.
    pub(crate) gate: Option<Arc<Barrier>>,
    /// Whether reads of schema definitions go on until they are cancelled, and who hears of them.
    pub(crate) endless: Option<Sender<()>>,
}

impl Store for Odd {
    fn ingest(&self, batch: Vec<(Candidate, Door)>) -> Result<Vec<Outcome>, StoreError> {
        self.batches.lock().unwrap().push(batch.len());
        let fault = self.fault.lock().unwrap().take();
        match fault {
            Some(Fault::Full) => Err(StoreError::Full),
            Some(Fault::Panic) => panic!("the store is broken"),
            None => self.inner.ingest(batch),
        }
    }

    fn ingest_proof(&self, proof: ForkProof) -> Result<Option<Frozen>, StoreError> {
        self.inner.ingest_proof(proof)
    }

    fn keep_part(&self, part: &Part, teller: Teller) -> Result<Keeping, StoreError> {
        self.inner.keep_part(part, teller)
    }

    fn forget_part(&self, subject: &PartSubject) -> Result<bool, StoreError> {
        self.inner.forget_part(subject)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        self.snapshots.fetch_add(1, Ordering::SeqCst);
        let (inner, reads) = (self.inner.snapshot()?, Arc::clone(&self.reads));
        let (gate, endless) = (self.gate.clone(), self.endless.clone());
        Ok(Box::new(Counting { inner, reads, gate, endless, cancel: Cancel::new() }))
    }
}

struct Counting {
    inner: Box<dyn Snapshot>,
    reads: Arc<AtomicUsize>,
    gate: Option<Arc<Barrier>>,
    endless: Option<Sender<()>>,
    cancel: Cancel,
}

impl Counting {
    fn inner(&self) -> &dyn Snapshot {
        self.reads.fetch_add(1, Ordering::SeqCst);
        &*self.inner
    }
}

impl Snapshot for Counting {
    fn heed(&mut self, cancel: Cancel) {
        self.cancel = cancel.clone();
        self.inner.heed(cancel);
    }
    fn next_args(
        &self,
        author: &PublicKey,
        view: Option<&DocumentViewId>,
    ) -> Result<Result<NextArgs, NextArgsError>, StoreError> {
        self.inner().next_args(author, view)
    }
    fn entry(&self, hash: &EntryHash) -> Result<Option<StoredEntry>, StoreError> {
        self.inner().entry(hash)
    }
    fn log(
        &self,
        author: &PublicKey,
        log_id: LogId,
        from: SeqNum,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        self.inner().log(author, log_id, from, limit)
    }
    fn logs(&self, author: &PublicKey) -> Result<Vec<LogHead>, StoreError> {
        self.inner().logs(author)
    }
    fn document_entries(
        &self,
        document: &DocumentId,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        self.inner().document_entries(document, skip, limit)
    }
    fn schemas(&self) -> Result<Vec<KnownSchema>, StoreError> {
        self.inner().schemas()
    }
    fn documents(
        &self,
        ids: &[DocumentId],
        selection: &Selection,
    ) -> Result<Vec<Option<DocumentRecord>>, StoreError> {
        self.inner().documents(ids, selection)
    }
    fn views(&self, ids: &[DocumentViewId]) -> Result<Vec<Option<DocumentRecord>>, StoreError> {
        self.inner().views(ids)
    }
    fn collection(&self, query: &CollectionQuery) -> Result<Page, StoreError> {
        if *query.schema.id() == SystemSchema::SchemaDefinition.into() {
            if let Some(gate) = &self.gate {
                gate.wait();
            }
            if let Some(begun) = &self.endless {
                begun.send(()).unwrap();
                while !self.cancel.is_cancelled() {
                    std::thread::yield_now();
                }
            }
        }
        self.inner().collection(query)
    }
    fn lists(&self, query: &ListQuery) -> Result<Vec<Page>, StoreError> {
        self.inner().lists(query)
    }
    fn split_heads(
        &self,
        ranges: &[HeadRange],
        parts: usize,
    ) -> Result<Vec<HeadsPart>, StoreError> {
        self.inner().split_heads(ranges, parts)
    }
    fn heads(&self, ranges: &[HeadRange], limit: usize) -> Result<Vec<HeadInRange>, StoreError> {
        self.inner().heads(ranges, limit)
    }
    fn heads_of(&self, logs: &[LogPlace]) -> Result<Vec<Option<(SchemaId, Head)>>, StoreError> {
        self.inner().heads_of(logs)
    }
    fn document_logs(
        &self,
        ids: &[OperationId],
        after: Option<&LogPlace>,
        limit: usize,
    ) -> Result<Vec<(SchemaId, LogPlace)>, StoreError> {
        self.inner().document_logs(ids, after, limit)
    }
    fn are_stored(&self, ids: &[OperationId]) -> Result<Vec<bool>, StoreError> {
        self.inner().are_stored(ids)
    }
    fn wanted_entries(
        &self,
        wants: &Wants,
        after: Arrival,
        budget: Budget,
    ) -> Result<WantedEntries, StoreError> {
        self.inner().wanted_entries(wants, after, budget)
    }
    fn document_heads(
        &self,
        schemas: &[SchemaId],
        limit: usize,
    ) -> Result<Vec<DocumentHead>, StoreError> {
        self.inner().document_heads(schemas, limit)
    }
    fn blob_heads(
        &self,
        schemas: &[SchemaId],
        related_from: &[SchemaId],
        limit: usize,
    ) -> Result<Vec<DocumentHead>, StoreError> {
        self.inner().blob_heads(schemas, related_from, limit)
    }
    fn needed_entries(
        &self,
        needed: &[NeededLog],
        after: Option<&EntryHash>,
        budget: Budget,
    ) -> Result<NeededEntries, StoreError> {
        self.inner().needed_entries(needed, after, budget)
    }
    fn forks(&self, query: &ForkQuery) -> Result<ForkPage, StoreError> {
        self.inner().forks(query)
    }
    fn have_void(&self, ids: &[DocumentId]) -> Result<Vec<bool>, StoreError> {
        self.inner().have_void(ids)
    }
    fn parts(&self) -> Result<Vec<PartSummary>, StoreError> {
        self.inner().parts()
    }
    fn part(&self, subject: &PartSubject) -> Result<Option<KeptPart>, StoreError> {
        self.inner().part(subject)
    }
    fn counts(&self) -> Result<Counts, StoreError> {
        self.inner().counts()
    }
}
