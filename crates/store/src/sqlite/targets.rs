//! Which targets of relation lists match, and what they are ordered by.
//!
//! Targets that are in their latest state are asked about in SQL, all in one statement. Earlier
//! states are built one document after the other, and only where there is something to test or
//! to order by.

use std::collections::{HashMap, HashSet};

use pandan_documents::extends;
use pandan_operations::{DocumentId, DocumentViewId};
use rusqlite::Connection;

use super::condition::{Part, Rows};
use super::digest::{self, Digest};
use super::fault::Result;
use super::rows::Table;
use super::views::{self, Located, States};
use super::{find, param};
use crate::cursor::OrderKey;
use crate::evaluate;
use crate::query::{List, ListQuery, Targets};

/// The targets that match, with their order keys.
pub(super) struct Keys<'q> {
    documents: HashMap<DocumentId, OrderKey>,
    views: HashMap<&'q DocumentViewId, (DocumentId, OrderKey)>,
}

impl<'q> Keys<'q> {
    pub(super) fn find(
        connection: &Connection,
        table: &Table,
        query: &'q ListQuery,
    ) -> Result<Self> {
        let asked = Asked { connection, table, query };
        let documents = query.lists.iter().flat_map(documents).map(digest::of_document).copied();
        let views = query.lists.iter().flat_map(views_of).collect();
        Ok(Self { documents: asked.latest(documents.collect())?, views: asked.pinned(views)? })
    }

    pub(super) fn of_document(&self, id: &DocumentId) -> Option<&OrderKey> {
        self.documents.get(id)
    }

    pub(super) fn of_view(&self, id: &DocumentViewId) -> Option<(DocumentId, &OrderKey)> {
        self.views.get(id).map(|(document, key)| (*document, key))
    }
}

fn documents(list: &List) -> &[DocumentId] {
    match &list.targets {
        Targets::Documents(documents) => documents,
        Targets::Views(_) => &[],
    }
}

fn views_of(list: &List) -> &[DocumentViewId] {
    match &list.targets {
        Targets::Documents(_) => &[],
        Targets::Views(views) => views,
    }
}

struct Asked<'a, 'q> {
    connection: &'a Connection,
    table: &'a Table,
    query: &'q ListQuery,
}

impl<'q> Asked<'_, 'q> {
    /// Those of the documents whose latest state matches.
    fn latest(&self, documents: HashSet<Digest>) -> Result<HashMap<DocumentId, OrderKey>> {
        if documents.is_empty() {
            return Ok(HashMap::new());
        }
        let found = find::keys_of(
            self.connection,
            &self.query.schema,
            Rows::Live { schema: &self.query.schema, row: self.table.row, part: Part::All },
            &self.query.conditions,
            self.query.order.as_ref().map(|order| &order.by),
            param::blobs(documents),
        )?;
        Ok(found.into_iter().map(|found| (found.document, found.key)).collect())
    }

    fn pinned(
        &self,
        views: HashSet<&'q DocumentViewId>,
    ) -> Result<HashMap<&'q DocumentViewId, (DocumentId, OrderKey)>> {
        if views.is_empty() {
            return Ok(HashMap::new());
        }
        let mut located = views::locate(self.connection, views)?;
        located.retain(|_, document| document.schema == self.table.row);
        if self.query.conditions.is_empty() && self.query.order.is_none() {
            // A void DELETE can be named, and then it counts.
            let (unsure, sure): (Vec<_>, Vec<_>) =
                located.into_iter().partition(|(_, at)| at.has_void);
            let sure = sure.into_iter().map(|(id, at)| (id, (at.id, OrderKey::Nothing)));
            let mut found = sure.collect();
            self.earlier(unsure, &mut found)?;
            return Ok(found);
        }
        let ids: HashSet<_> = located.values().map(|it| *digest::of_document(&it.id)).collect();
        let states = self.table.states(self.connection, ids)?;
        let is_latest = |(id, at): &(&DocumentViewId, Located)| {
            !at.has_void && states.get(&at.id).is_some_and(|latest| extends(id, latest))
        };
        let (latest, earlier): (Vec<_>, Vec<_>) = located.into_iter().partition(is_latest);
        let ids = latest.iter().map(|(_, at)| *digest::of_document(&at.id)).collect();
        let keys = self.latest(ids)?;
        let mut found: HashMap<_, _> = latest
            .into_iter()
            .filter_map(|(id, at)| Some((id, (at.id, keys.get(&at.id)?.clone()))))
            .collect();
        self.earlier(earlier, &mut found)?;
        Ok(found)
    }

    /// Builds earlier states to look at them, and lets go of them again.
    fn earlier(
        &self,
        views: Vec<(&'q DocumentViewId, Located)>,
        found: &mut HashMap<&'q DocumentViewId, (DocumentId, OrderKey)>,
    ) -> Result<()> {
        let mut documents: HashMap<Located, Vec<_>> = HashMap::new();
        for (view, located) in views {
            documents.entry(located).or_default().push(view);
        }
        for (document, views) in documents {
            let mut states = States::new(self.connection, &self.table.schema, document);
            for view in views {
                let record = states.at(view)?;
                let is_found = |record: &_| evaluate::is_found(&self.query.conditions, record);
                let Some(record) = record.filter(is_found) else { continue };
                let by = self.query.order.as_ref().map(|order| &order.by);
                let key = by.map_or(OrderKey::Nothing, |by| evaluate::order_key(by, &record));
                found.insert(view, (document.id, key));
            }
        }
        Ok(())
    }
}
