//! Pages of collections.

use rusqlite::Connection;

use super::catalog;
use super::condition::{Part, Rows};
use super::digest::{self, Digest};
use super::fault::Result;
use super::find::{self, Found, Search};
use super::rows::{Records, Table};
use crate::StoreError;
use crate::cursor::{Cursor, Scope};
use crate::query::{CollectionQuery, Condition, Item, OrderBy, Page, Subject};

pub(super) fn page(connection: &Connection, query: &CollectionQuery) -> Result<Page> {
    let scope = Scope::collection(query.schema.id(), &query.order);
    let after = query.window.after.as_ref();
    if after.is_some_and(|after| after.scope != scope) {
        return Err(StoreError::ForeignCursor.into());
    }
    let Some(schema) = catalog::find(connection, query.schema.id())? else {
        let total = query.window.count.then_some(0);
        return Ok(Page { total, ..Page::default() });
    };
    let limit = query.window.first.saturating_add(1);
    let mut found = Vec::new();
    // How many there are of all is written down.
    let mut total = if query.conditions.is_empty() { schema.documents } else { 0 };
    for search in searches(connection, query, schema.id) {
        let (part, count) = part(&search, query, limit)?;
        found = find::merge(found, part, query.order.direction, limit);
        total += count;
    }
    let has_next = found.len() == limit;
    found.truncate(query.window.first);
    let digests: Vec<_> = found.iter().map(|found| *digest::of_document(&found.document)).collect();
    let table = Table { row: schema.id, schema: query.schema.clone() };
    let mut records = load(connection, &table, &digests, query)?;
    let items = found.into_iter().filter_map(|found| {
        let document = records.remove(&found.document)?;
        let cursor = Cursor { scope, key: found.key, document: found.document, position: None };
        Some(Item { document, cursor })
    });
    Ok(Page { items: items.collect(), has_next, total: query.window.count.then_some(total) })
}

/// Up to `limit` documents behind the cursor, and the number of all that match if there are
/// conditions and it was asked for.
fn part(search: &Search<'_>, query: &CollectionQuery, limit: usize) -> Result<(Vec<Found>, u64)> {
    let after = query.window.after.as_ref();
    if let Some(after) = after {
        search.check(after)?;
    }
    if !query.conditions.is_empty()
        && let Some(few) = search.few()?
    {
        let count = few.len() as u64;
        let mut found = match after {
            None => few,
            Some(after) => find::behind(few, after, query.order.direction),
        };
        found.truncate(limit);
        return Ok((found, count));
    }
    let is_counted = query.window.count && !query.conditions.is_empty();
    let count = if is_counted { search.count()? } else { 0 };
    Ok((search.page(after, limit)?, count))
}

/// Searches among the documents, and one among the deleted ones if they are asked for.
fn searches<'a>(
    connection: &'a Connection,
    query: &'a CollectionQuery,
    row: i64,
) -> Vec<Search<'a>> {
    let schema = &query.schema;
    let parts: &[Part] = match query.order.by {
        OrderBy::ViewId => &[Part::Unchanged, Part::Changed],
        OrderBy::DocumentId | OrderBy::Field(_) => &[Part::All],
    };
    let live = parts.iter().map(|&part| Rows::Live { schema, row, part });
    let deleted = asks_for_deleted(&query.conditions).then_some(Rows::Deleted { row });
    let search = |rows| Search::new(connection, schema, rows, &query.conditions, &query.order);
    live.chain(deleted).map(search).collect()
}

fn asks_for_deleted(conditions: &[Condition]) -> bool {
    conditions.iter().any(|condition| condition.subject == Subject::Deleted)
}

fn load(
    connection: &Connection,
    table: &Table,
    documents: &[Digest],
    query: &CollectionQuery,
) -> Result<Records> {
    let mut records = table.load(connection, documents, &query.selection)?;
    if asks_for_deleted(&query.conditions) {
        records.extend(table.load_deleted(connection, documents)?);
    }
    Ok(records)
}
