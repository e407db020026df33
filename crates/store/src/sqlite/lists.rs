//! Pages of relation lists, many in one go.
//!
//! Which targets match, and by what they are ordered, is asked once for all lists; each list is
//! then put in order in memory, and only what is on a page is loaded.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use pandan_operations::{DocumentId, DocumentViewId};
use rusqlite::Connection;

use super::catalog::{self, Catalog};
use super::digest;
use super::fault::Result;
use super::rows::{Records, Table};
use super::targets::Keys;
use super::views;
use crate::contract::DocumentRecord;
use crate::cursor::{Cursor, OrderKey, Scope};
use crate::query::{Direction, Item, List, ListQuery, Page, Targets};

pub(super) fn pages(
    connection: &Connection,
    catalog: &Catalog,
    query: &ListQuery,
) -> Result<Vec<Page>> {
    let Some(schema) = catalog::find(connection, query.schema.id())? else {
        let page = Page { total: query.window.count.then_some(0), ..Page::default() };
        return Ok(query.lists.iter().map(|_| page.clone()).collect());
    };
    let table = Table { row: schema.id, schema: query.schema.clone() };
    let keys = Keys::find(connection, &table, query)?;
    let parts: Vec<_> = query.lists.iter().map(|list| Part::new(query, list, &keys)).collect();
    let shown = Shown::load(connection, catalog, &table, query, &parts)?;
    Ok(parts.into_iter().map(|part| part.page(query, &shown)).collect())
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

/// The items of a list that match, in the order of the list.
fn places<'q>(list: &'q List, scope: Scope, keys: &Keys<'q>) -> Vec<Place<'q>> {
    let place = |position, target, document: DocumentId, key: &OrderKey| {
        let cursor = Cursor { scope, key: key.clone(), document, position: Some(position) };
        Place { target, cursor }
    };
    match &list.targets {
        Targets::Documents(ids) => (0..)
            .zip(ids)
            .filter_map(|(position, id)| {
                Some(place(position, Target::Document(id), *id, keys.of_document(id)?))
            })
            .collect(),
        Targets::Views(ids) => (0..)
            .zip(ids)
            .filter_map(|(position, id)| {
                let (document, key) = keys.of_view(id)?;
                Some(place(position, Target::View(id), document, key))
            })
            .collect(),
    }
}

/// The part of a list that was asked for.
struct Part<'q> {
    places: Vec<Place<'q>>,
    has_next: bool,
    total: u64,
}

impl<'q> Part<'q> {
    fn new(query: &'q ListQuery, list: &'q List, keys: &Keys<'q>) -> Self {
        let scope = Scope::list(&list.document, &list.field, query.order.as_ref());
        let mut places = places(list, scope, keys);
        let total = places.len() as u64;
        let direction = query.order.as_ref().map_or(Direction::Ascending, |order| order.direction);
        places.sort_by(|a, b| compare(a, &b.cursor, direction));
        if let Some(after) = query.window.after.as_ref().filter(|after| after.scope == scope) {
            places.retain(|place| compare(place, after, direction) == Ordering::Greater);
        }
        let has_next = places.len() > query.window.first;
        places.truncate(query.window.first);
        Self { places, has_next, total }
    }

    fn page(self, query: &ListQuery, shown: &Shown<'_>) -> Page {
        let items = self.places.into_iter().filter_map(|place| {
            let document = shown.record(place.target)?.clone();
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

/// What is on the pages.
struct Shown<'q> {
    latest: Records,
    pinned: HashMap<&'q DocumentViewId, DocumentRecord>,
}

impl<'q> Shown<'q> {
    fn load(
        connection: &Connection,
        catalog: &Catalog,
        table: &Table,
        query: &ListQuery,
        parts: &[Part<'q>],
    ) -> Result<Self> {
        let (mut latest, mut pinned) = (HashSet::new(), HashSet::new());
        for place in parts.iter().flat_map(|part| &part.places) {
            match place.target {
                Target::Document(id) => drop(latest.insert(*digest::of_document(id))),
                Target::View(id) => drop(pinned.insert(id)),
            }
        }
        let latest: Vec<_> = latest.into_iter().collect();
        Ok(Self {
            latest: table.load(connection, &latest, &query.selection)?,
            pinned: views::load(connection, catalog, pinned, &query.selection)?,
        })
    }

    fn record(&self, target: Target<'_>) -> Option<&DocumentRecord> {
        match target {
            Target::Document(id) => self.latest.get(id),
            Target::View(id) => self.pinned.get(id),
        }
    }
}
