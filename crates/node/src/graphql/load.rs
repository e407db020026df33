//! Loads documents within the budget of a request.
//!
//! How large documents are is known only when they are there. So many of them are loaded in several
//! reads, and between two reads it is looked at what the first one brought.

use std::sync::Arc;

use pandan_bamboo::{LogId, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::DocumentId;
use pandan_schema::Value;
use pandan_store::query::{CollectionQuery, List, ListQuery, Page, Targets};
use pandan_store::{DocumentRecord, Snapshot, StoreError, StoredEntry};

use super::execute::{Read, Reader};
use super::plan::{CollectionArguments, CollectionPlan};

/// How many documents or entries are loaded in one read.
///
/// What one operation brings, 512 KiB, this many times is as much as an answer may hold.
const AT_ONCE: usize = 64;

impl Reader<'_> {
    /// Loads a page of a collection.
    pub(super) fn page(&mut self, mut query: CollectionQuery) -> Read<Page> {
        let wanted = query.window.first;
        query.window.first = wanted.min(AT_ONCE);
        let mut page = self.snapshot.collection(&query)?;
        self.charge(page.items.iter().map(|item| &item.document))?;
        query.window.count = false;
        while page.has_next && page.items.len() < wanted {
            let Some(last) = page.items.last() else { break };
            self.budget.check_time()?;
            query.window.after = Some(last.cursor.clone());
            query.window.first = (wanted - page.items.len()).min(AT_ONCE);
            let next = self.snapshot.collection(&query)?;
            self.charge(next.items.iter().map(|item| &item.document))?;
            page.has_next = next.has_next;
            page.items.extend(next.items);
        }
        Ok(page)
    }

    /// Loads documents or states.
    pub(super) fn load<T>(
        &mut self,
        ids: &[T],
        read: impl Fn(&dyn Snapshot, &[T]) -> Result<Vec<Option<DocumentRecord>>, StoreError>,
    ) -> Read<Vec<Option<DocumentRecord>>> {
        let mut loaded = Vec::with_capacity(ids.len());
        for ids in ids.chunks(AT_ONCE) {
            self.budget.check_time()?;
            let records = read(self.snapshot, ids)?;
            self.charge(records.iter().flatten())?;
            loaded.extend(records);
        }
        Ok(loaded)
    }

    /// Loads a page of each of several relation lists.
    pub(super) fn list_pages(
        &mut self,
        lists: Vec<List>,
        arguments: &CollectionArguments,
        plan: &CollectionPlan,
    ) -> Read<Vec<Page>> {
        let at_most = |list: &List| length(list).min(arguments.first);
        self.budget.take_values(lists.iter().map(at_most).sum())?;
        let mut pages = Vec::with_capacity(lists.len());
        for lists in groups(lists, at_most) {
            self.budget.check_time()?;
            let loaded = self.snapshot.lists(&ListQuery {
                schema: Arc::clone(&plan.schema),
                lists,
                conditions: arguments.conditions.clone(),
                order: arguments.order.clone(),
                window: arguments.window(plan),
                selection: plan.selection(),
            })?;
            let items = loaded.iter().flat_map(|page| &page.items);
            self.charge(items.map(|item| &item.document))?;
            pages.extend(loaded);
        }
        Ok(pages)
    }

    /// Loads entries of a document, in the order in which they arrived.
    pub(super) fn document_entries(
        &mut self,
        document: &DocumentId,
        skip: usize,
        wanted: usize,
    ) -> Read<Vec<StoredEntry>> {
        self.stored_entries(wanted, |snapshot, loaded, count| {
            snapshot.document_entries(document, skip.saturating_add(loaded.len()), count)
        })
    }

    /// Loads entries of a log, in order.
    pub(super) fn log_entries(
        &mut self,
        author: &PublicKey,
        log_id: LogId,
        from: SeqNum,
        wanted: usize,
    ) -> Read<Vec<StoredEntry>> {
        self.stored_entries(wanted, |snapshot, loaded, count| {
            let Some(last) = loaded.last() else {
                return snapshot.log(author, log_id, from, count);
            };
            match last.entry.header().seq_num().next() {
                Some(next) => snapshot.log(author, log_id, next, count),
                None => Ok(Vec::new()),
            }
        })
    }

    fn stored_entries(
        &mut self,
        wanted: usize,
        read: impl Fn(&dyn Snapshot, &[StoredEntry], usize) -> Result<Vec<StoredEntry>, StoreError>,
    ) -> Read<Vec<StoredEntry>> {
        let mut loaded: Vec<StoredEntry> = Vec::new();
        while loaded.len() < wanted {
            self.budget.check_time()?;
            let count = (wanted - loaded.len()).min(AT_ONCE);
            let next = read(self.snapshot, &loaded, count)?;
            let is_end = next.len() < count;
            let bytes = next.iter().map(|stored| stored.operation.as_ref().map_or(0, Vec::len));
            self.budget.take_loaded(bytes.sum())?;
            loaded.extend(next);
            if is_end {
                break;
            }
        }
        Ok(loaded)
    }

    fn charge<'r>(&mut self, records: impl Iterator<Item = &'r DocumentRecord>) -> Read<()> {
        Ok(self.budget.take_loaded(records.map(weight).sum())?)
    }
}

/// Divides lists so that those of a group do not load too much at once.
fn groups(lists: Vec<List>, at_most: impl Fn(&List) -> usize) -> Vec<Vec<List>> {
    let mut groups: Vec<Vec<List>> = Vec::new();
    let mut room = 0_usize;
    for list in lists {
        let needed = at_most(&list);
        match groups.last_mut() {
            Some(group) if needed <= room => group.push(list),
            _ => {
                room = AT_ONCE.max(needed);
                groups.push(vec![list]);
            }
        }
        room -= needed;
    }
    groups
}

/// About how much memory the fields of a document take.
fn weight(record: &DocumentRecord) -> usize {
    let value = |value: &Value| match value {
        Value::Str(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::RelationList(ids) => size_of_val(ids.as_slice()),
        Value::PinnedRelation(id) => size_of_val(id.as_slice()),
        Value::PinnedRelationList(ids) => ids.iter().map(|id| size_of_val(id.as_slice())).sum(),
        _ => 0,
    };
    record.fields.iter().flatten().map(|(_, field)| value(field)).sum()
}

const fn length(list: &List) -> usize {
    match &list.targets {
        Targets::Documents(ids) => ids.len(),
        Targets::Views(ids) => ids.len(),
    }
}
