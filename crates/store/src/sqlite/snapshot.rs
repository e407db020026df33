//! Everything of one moment: a transaction of a reading connection.

use std::sync::Arc;

use pandan_admission::{NextArgsError, next_args};
use pandan_bamboo::{EntryHash, LogId, NextArgs, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId};
use rusqlite::Connection;

use super::Inner;
use super::fault::Result;
use super::{collection, entries, head_sums, heads, lists, rows, views, wanted};
use crate::StoreError;
use crate::contract::{Counts, DocumentRecord, KnownSchema, LogHead, Snapshot, StoredEntry};
use crate::heads::{
    Arrival, Budget, Head, HeadInRange, HeadRange, HeadsPart, LogPlace, WantedEntries, Wants,
};
use crate::query::{CollectionQuery, ListQuery, Page, Selection};

type Answer<T> = std::result::Result<T, StoreError>;

/// Gives its connection back when it is dropped.
pub(super) struct SqliteSnapshot {
    store: Arc<Inner>,
    /// None only while it is dropped.
    connection: Option<Connection>,
}

impl SqliteSnapshot {
    pub(super) fn begin(store: &Arc<Inner>) -> Result<Self> {
        let connection = store.readers.begin()?;
        Ok(Self { store: Arc::clone(store), connection: Some(connection) })
    }

    pub(super) fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("only dropping takes the connection away")
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
    fn next_args(
        &self,
        author: &PublicKey,
        view: Option<&DocumentViewId>,
    ) -> Answer<std::result::Result<NextArgs, NextArgsError>> {
        Ok(next_args(&entries::next_args_facts(self.connection(), author, view)?))
    }

    fn entry(&self, hash: &EntryHash) -> Answer<Option<StoredEntry>> {
        Ok(entries::by_hash(self.connection(), hash)?)
    }

    fn log(
        &self,
        author: &PublicKey,
        log_id: LogId,
        from: SeqNum,
        limit: usize,
    ) -> Answer<Vec<StoredEntry>> {
        Ok(entries::of_log(self.connection(), author, log_id, from, limit)?)
    }

    fn logs(&self, author: &PublicKey) -> Answer<Vec<LogHead>> {
        Ok(entries::heads(self.connection(), author)?)
    }

    fn document_entries(
        &self,
        document: &DocumentId,
        skip: usize,
        limit: usize,
    ) -> Answer<Vec<StoredEntry>> {
        Ok(entries::of_document(self.connection(), document, skip, limit)?)
    }

    fn schemas(&self) -> Answer<Vec<KnownSchema>> {
        Ok(self.store.catalog.all(self.connection())?)
    }

    fn documents(
        &self,
        ids: &[DocumentId],
        selection: &Selection,
    ) -> Answer<Vec<Option<DocumentRecord>>> {
        let records = rows::load(self.connection(), &self.store.catalog, ids, selection)?;
        Ok(ids.iter().map(|id| records.get(id).cloned()).collect())
    }

    fn views(&self, ids: &[DocumentViewId]) -> Answer<Vec<Option<DocumentRecord>>> {
        let records = views::load(self.connection(), &self.store.catalog, ids, &Selection::All)?;
        Ok(ids.iter().map(|id| records.get(id).cloned()).collect())
    }

    fn collection(&self, query: &CollectionQuery) -> Answer<Page> {
        Ok(collection::page(self.connection(), query)?)
    }

    fn lists(&self, query: &ListQuery) -> Answer<Vec<Page>> {
        Ok(lists::pages(self.connection(), &self.store.catalog, query)?)
    }

    fn split_heads(&self, ranges: &[HeadRange], parts: usize) -> Answer<Vec<HeadsPart>> {
        Ok(head_sums::split(self.connection(), ranges, parts)?)
    }

    fn heads(&self, ranges: &[HeadRange], limit: usize) -> Answer<Vec<HeadInRange>> {
        Ok(heads::of_ranges(self.connection(), ranges, limit)?)
    }

    fn heads_of(&self, logs: &[LogPlace]) -> Answer<Vec<Option<Head>>> {
        Ok(heads::of_logs(self.connection(), logs)?)
    }

    fn wanted_entries(
        &self,
        wants: &Wants,
        after: Arrival,
        budget: Budget,
    ) -> Answer<WantedEntries> {
        Ok(wanted::entries(self.connection(), wants, after, budget)?)
    }

    fn counts(&self) -> Answer<Counts> {
        Ok(entries::counts(self.connection())?)
    }
}
