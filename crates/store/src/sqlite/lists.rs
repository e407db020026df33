//! Pages of relation lists, many in one go.
//!
//! Which targets match, and by what they are ordered, is asked once for all lists; each list is
//! then put in order in memory, and only what is on a page is loaded.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use pandan_operations::{DocumentId, DocumentViewId};
use rusqlite::Connection;

use super::catalog::{self, Catalog};
use super::condition::Rows;
use super::digest::{self, Digest};
use super::fault::Result;
use super::rows::{Records, Table};
use super::{find, param, views};
use crate::contract::DocumentRecord;
use crate::cursor::{Cursor, OrderKey, Scope};
use crate::evaluate;
use crate::query::{Direction, Item, List, ListQuery, Page, Selection, Targets};

pub(super) fn pages(
    connection: &Connection,
    catalog: &Catalog,
    query: &ListQuery,
) -> Result<Vec<Page>> {
    let latest = Latest::find(connection, query)?;
    let pinned = Pinned::find(connection, catalog, query)?;
    let windows: Vec<_> = query
        .lists
        .iter()
        .map(|list| Windowed::new(query, list, places(query, list, &latest, &pinned)))
        .collect();
    let records = latest.load(connection, query, &windows)?;
    let pages = windows.into_iter().map(|window| window.page(query, &records, &pinned));
    Ok(pages.collect())
}

/// An item of a list that matches.
struct Place<'q> {
    target: Target<'q>,
    cursor: Cursor,
}

#[derive(Clone, Copy)]
enum Target<'q> {
    Document(&'q DocumentId),
    View(&'q DocumentViewId),
}

/// Targets in their latest state.
struct Latest {
    table: Option<Table>,
    keys: HashMap<DocumentId, OrderKey>,
}

impl Latest {
    /// Finds out which of all targets match.
    fn find(connection: &Connection, query: &ListQuery) -> Result<Self> {
        let targets: HashSet<&Digest> = query.lists.iter().flat_map(documents).collect();
        let row = match targets.is_empty() {
            true => None,
            false => catalog::find(connection, query.schema.id())?,
        };
        let Some(row) = row else { return Ok(Self { table: None, keys: HashMap::new() }) };
        let found = find::keys_of(
            connection,
            &query.schema,
            Rows::Live { schema: &query.schema, row: row.id },
            &query.conditions,
            query.order.as_ref().map(|order| &order.by),
            param::blobs(targets),
        )?;
        Ok(Self {
            table: Some(Table { row: row.id, schema: query.schema.clone() }),
            keys: found.into_iter().map(|found| (found.document, found.key)).collect(),
        })
    }

    /// Loads what is on the pages.
    fn load(
        &self,
        connection: &Connection,
        query: &ListQuery,
        windows: &[Windowed<'_>],
    ) -> Result<Records> {
        let Some(table) = &self.table else { return Ok(Records::new()) };
        let shown: HashSet<Digest> = windows
            .iter()
            .flat_map(|window| &window.places)
            .filter_map(|place| match place.target {
                Target::Document(id) => Some(*digest::of_document(id)),
                Target::View(_) => None,
            })
            .collect();
        let shown: Vec<_> = shown.into_iter().collect();
        table.load(connection, &shown, &query.selection)
    }
}

fn documents(list: &List) -> impl Iterator<Item = &Digest> {
    let documents = match &list.targets {
        Targets::Documents(documents) => documents.as_slice(),
        Targets::Views(_) => &[],
    };
    documents.iter().map(digest::of_document)
}

/// Targets in pinned states, those that match.
struct Pinned {
    records: HashMap<DocumentViewId, DocumentRecord>,
}

impl Pinned {
    fn find(connection: &Connection, catalog: &Catalog, query: &ListQuery) -> Result<Self> {
        let pinned: HashSet<_> = query.lists.iter().flat_map(pinned_views).collect();
        let pinned: Vec<_> = pinned.into_iter().cloned().collect();
        if pinned.is_empty() {
            return Ok(Self { records: HashMap::new() });
        }
        let mut records = views::load(connection, catalog, &pinned, &Selection::All)?;
        records.retain(|_, record| {
            record.schema == *query.schema.id() && evaluate::is_found(&query.conditions, record)
        });
        Ok(Self { records })
    }
}

fn pinned_views(list: &List) -> &[DocumentViewId] {
    match &list.targets {
        Targets::Documents(_) => &[],
        Targets::Views(views) => views,
    }
}

/// The items of a list that match, in the order of the list.
fn places<'q>(
    query: &'q ListQuery,
    list: &'q List,
    latest: &Latest,
    pinned: &Pinned,
) -> Vec<Place<'q>> {
    let scope = Scope::list(&list.document, &list.field, query.order.as_ref());
    let place = |position, target, document, key| {
        let cursor = Cursor { scope, key, document, position: Some(position) };
        Place { target, cursor }
    };
    match &list.targets {
        Targets::Documents(ids) => (0..)
            .zip(ids)
            .filter_map(|(position, id)| {
                let key = latest.keys.get(id)?.clone();
                Some(place(position, Target::Document(id), *id, key))
            })
            .collect(),
        Targets::Views(ids) => (0..)
            .zip(ids)
            .filter_map(|(position, id)| {
                let record = pinned.records.get(id)?;
                let order = query.order.as_ref();
                let key =
                    order.map_or(OrderKey::Nothing, |order| evaluate::order_key(&order.by, record));
                Some(place(position, Target::View(id), record.id, key))
            })
            .collect(),
    }
}

/// The part of a list that was asked for.
struct Windowed<'q> {
    places: Vec<Place<'q>>,
    has_next: bool,
    total: u64,
}

impl<'q> Windowed<'q> {
    fn new(query: &ListQuery, list: &List, mut places: Vec<Place<'q>>) -> Self {
        let total = places.len() as u64;
        let direction = query.order.as_ref().map_or(Direction::Ascending, |order| order.direction);
        places.sort_by(|a, b| compare(a, &b.cursor, direction));
        let scope = Scope::list(&list.document, &list.field, query.order.as_ref());
        if let Some(after) = query.window.after.as_ref().filter(|after| after.scope == scope) {
            places.retain(|place| compare(place, after, direction) == Ordering::Greater);
        }
        let has_next = places.len() > query.window.first;
        places.truncate(query.window.first);
        Self { places, has_next, total }
    }

    fn page(self, query: &ListQuery, records: &Records, pinned: &Pinned) -> Page {
        let items = self.places.into_iter().filter_map(|place| {
            let document = match place.target {
                Target::Document(id) => records.get(id)?.clone(),
                Target::View(id) => {
                    evaluate::select(&query.selection, pinned.records.get(id)?.clone())
                }
            };
            Some(Item { document, cursor: place.cursor })
        });
        Page {
            items: items.collect(),
            has_next: self.has_next,
            total: query.window.count.then_some(self.total),
        }
    }
}

fn compare(place: &Place<'_>, other: &Cursor, direction: Direction) -> Ordering {
    let Cursor { key, document, position, .. } = &place.cursor;
    other.compare(key, document, *position, direction)
}
