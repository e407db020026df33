//! Everything of one moment: a transaction of a reading connection.

use std::sync::Arc;

use pandan_admission::{NextArgsError, PartSubject, next_args};
use pandan_bamboo::{EntryHash, LogId, NextArgs, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId, OperationId, SchemaId};
use rusqlite::Connection;

use super::Inner;
use super::fault::Result;
use super::{
    by_document, collection, entries, forks, head_sums, heads, lists, parts, rows, views, wanted,
};
use crate::contract::{Counts, DocumentRecord, KnownSchema, LogHead, Snapshot, StoredEntry};
use crate::forks::{ForkPage, ForkQuery};
use crate::heads::{
    Arrival, Budget, DocumentHead, Head, HeadInRange, HeadRange, HeadsPart, LogPlace,
    NeededEntries, NeededLog, WantedEntries, Wants,
};
use crate::parts::{KeptPart, PartSummary};
use crate::query::{CollectionQuery, ListQuery, Page, Selection};
use crate::{Cancel, StoreError};

type Answer<T> = std::result::Result<T, StoreError>;

/// Gives its connection back when it is dropped.
pub(super) struct SqliteSnapshot {
    store: Arc<Inner>,
    /// None only while it is dropped.
    connection: Option<Connection>,
    cancel: Cancel,
}

const CONNECTED: &str = "only dropping takes the connection away";

/// After about so many steps a statement looks whether it was cancelled: some microseconds.
const STEPS: i32 = 1_000;

impl SqliteSnapshot {
    pub(super) fn begin(store: &Arc<Inner>) -> Result<Self> {
        let connection = store.readers.begin()?;
        Ok(Self { store: Arc::clone(store), connection: Some(connection), cancel: Cancel::new() })
    }

    pub(super) fn connection(&self) -> &Connection {
        self.connection.as_ref().expect(CONNECTED)
    }

    /// The connection, unless reading was cancelled. Statements that take few steps look for that
    /// here only.
    fn reading(&self) -> Answer<&Connection> {
        self.cancel.check()?;
        Ok(self.connection())
    }
}

impl Drop for SqliteSnapshot {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.store.readers.end(connection);
        }
    }
}

impl Snapshot for SqliteSnapshot {
    fn heed(&mut self, cancel: Cancel) {
        self.cancel = cancel.clone();
        let connection = self.connection.as_mut().expect(CONNECTED);
        // Without memory for it, reading ends between two statements instead of within one.
        let _ = connection.progress_handler(STEPS, Some(move || cancel.is_cancelled()));
    }

    fn next_args(
        &self,
        author: &PublicKey,
        view: Option<&DocumentViewId>,
    ) -> Answer<std::result::Result<NextArgs, NextArgsError>> {
        Ok(next_args(&entries::next_args_facts(self.reading()?, author, view)?))
    }

    fn entry(&self, hash: &EntryHash) -> Answer<Option<StoredEntry>> {
        Ok(entries::by_hash(self.reading()?, hash)?)
    }

    fn log(
        &self,
        author: &PublicKey,
        log_id: LogId,
        from: SeqNum,
        limit: usize,
    ) -> Answer<Vec<StoredEntry>> {
        Ok(entries::of_log(self.reading()?, author, log_id, from, limit)?)
    }

    fn logs(&self, author: &PublicKey) -> Answer<Vec<LogHead>> {
        Ok(entries::heads(self.reading()?, author)?)
    }

    fn document_entries(
        &self,
        document: &DocumentId,
        skip: usize,
        limit: usize,
    ) -> Answer<Vec<StoredEntry>> {
        Ok(entries::of_document(self.reading()?, document, skip, limit)?)
    }

    fn schemas(&self) -> Answer<Vec<KnownSchema>> {
        Ok(self.store.catalog.all(self.reading()?)?)
    }

    fn documents(
        &self,
        ids: &[DocumentId],
        selection: &Selection,
    ) -> Answer<Vec<Option<DocumentRecord>>> {
        let records = rows::load(self.reading()?, &self.store.catalog, ids, selection)?;
        Ok(ids.iter().map(|id| records.get(id).cloned()).collect())
    }

    fn views(&self, ids: &[DocumentViewId]) -> Answer<Vec<Option<DocumentRecord>>> {
        let records = views::load(self.reading()?, &self.store.catalog, ids, &Selection::All)?;
        Ok(ids.iter().map(|id| records.get(id).cloned()).collect())
    }

    fn collection(&self, query: &CollectionQuery) -> Answer<Page> {
        Ok(collection::page(self.reading()?, query)?)
    }

    fn lists(&self, query: &ListQuery) -> Answer<Vec<Page>> {
        Ok(lists::pages(self.reading()?, &self.store.catalog, query)?)
    }

    fn split_heads(&self, ranges: &[HeadRange], parts: usize) -> Answer<Vec<HeadsPart>> {
        Ok(head_sums::split(self.reading()?, ranges, parts)?)
    }

    fn heads(&self, ranges: &[HeadRange], limit: usize) -> Answer<Vec<HeadInRange>> {
        Ok(heads::of_ranges(self.reading()?, ranges, limit)?)
    }

    fn heads_of(&self, logs: &[LogPlace]) -> Answer<Vec<Option<(SchemaId, Head)>>> {
        Ok(heads::of_logs(self.reading()?, &self.store.catalog, logs)?)
    }

    fn document_logs(
        &self,
        ids: &[OperationId],
        after: Option<&LogPlace>,
        limit: usize,
    ) -> Answer<Vec<(SchemaId, LogPlace)>> {
        Ok(heads::logs_of(self.reading()?, &self.store.catalog, ids, after, limit)?)
    }

    fn are_stored(&self, ids: &[OperationId]) -> Answer<Vec<bool>> {
        Ok(entries::are_stored(self.reading()?, ids)?)
    }

    fn wanted_entries(
        &self,
        wants: &Wants,
        after: Arrival,
        budget: Budget,
    ) -> Answer<WantedEntries> {
        Ok(wanted::page(self.reading()?, wants, after, budget)?)
    }

    fn document_heads(&self, schemas: &[SchemaId], limit: usize) -> Answer<Vec<DocumentHead>> {
        Ok(by_document::of_schemas(self.reading()?, schemas, limit)?)
    }

    fn blob_heads(
        &self,
        schemas: &[SchemaId],
        related_from: &[SchemaId],
        limit: usize,
    ) -> Answer<Vec<DocumentHead>> {
        let catalog = &self.store.catalog;
        Ok(by_document::of_blobs(self.reading()?, catalog, schemas, related_from, limit)?)
    }

    fn needed_entries(
        &self,
        needed: &[NeededLog],
        after: Option<&EntryHash>,
        budget: Budget,
    ) -> Answer<NeededEntries> {
        Ok(wanted::needed::entries(self.reading()?, needed, after, budget)?)
    }

    fn forks(&self, query: &ForkQuery) -> Answer<ForkPage> {
        Ok(forks::page(self.reading()?, query)?)
    }

    fn have_void(&self, ids: &[DocumentId]) -> Answer<Vec<bool>> {
        Ok(forks::have_void(self.reading()?, ids)?)
    }

    fn parts(&self) -> Answer<Vec<PartSummary>> {
        Ok(parts::all(self.reading()?)?)
    }

    fn part(&self, subject: &PartSubject) -> Answer<Option<KeptPart>> {
        Ok(parts::find(self.reading()?, subject)?)
    }

    fn counts(&self) -> Answer<Counts> {
        Ok(entries::counts(self.reading()?)?)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Row;

    use super::*;
    use crate::sqlite::fault::Fault;
    use crate::{Options, SqliteStore, Store};

    /// Nothing but cancelling ends it.
    const ENDLESS: &str = "WITH RECURSIVE numbers(n) AS \
                           (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) \
                           SELECT count(*) FROM numbers";

    fn read_endlessly(snapshot: &SqliteSnapshot) -> StoreError {
        let count = |row: &Row<'_>| row.get::<_, i64>(0);
        let counted = snapshot.connection().query_row(ENDLESS, [], count);
        Fault::from(counted.expect_err("there is always a next one")).into()
    }

    #[test]
    fn statements_end_when_they_are_cancelled() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let options = Options { readers: 1, ..Options::default() };
        let store = SqliteStore::open(folder.path().join("pandan.sqlite"), options);
        let store = store.expect("the store opens");
        for _ in 0..3 {
            let mut snapshot = SqliteSnapshot::begin(&store.inner).expect("it can be read");
            let cancel = Cancel::new();
            snapshot.heed(cancel.clone());
            let error = std::thread::scope(|scope| {
                scope.spawn(|| cancel.cancel());
                read_endlessly(&snapshot)
            });
            assert!(matches!(error, StoreError::Cancelled), "{error:?}");
            drop(snapshot);
            // The next one has the same connection.
            let counts = store.snapshot().and_then(|snapshot| snapshot.counts());
            assert_eq!(counts.expect("nobody cancelled it").entries, 0);
        }
    }
}
