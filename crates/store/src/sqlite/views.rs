//! Documents in the states that view ids name.
//!
//! The latest states are rows; others are built from the operations of their documents.

use std::collections::{HashMap, HashSet};

use pandan_documents::{History, extends};
use pandan_operations::{DocumentId, DocumentViewId};
use pandan_schema::Schema;
use rusqlite::Connection;
use rusqlite::types::Value as Sql;

use super::catalog::Catalog;
use super::fault::Result;
use super::rows::{Records, Table};
use super::{digest, history, param};
use crate::contract::DocumentRecord;
use crate::evaluate;
use crate::query::Selection;

/// The document that a state belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Located {
    pub(super) id: DocumentId,
    row: i64,
    pub(super) schema: i64,
    /// Whether it has void operations: they count in a state that is named, and not in its row.
    pub(super) has_void: bool,
}

/// Finds the documents of states. States of deleted documents are left out, and so are those of
/// which an operation is not stored or that mix documents.
pub(super) fn locate<'v>(
    connection: &Connection,
    views: impl IntoIterator<Item = &'v DocumentViewId> + Clone,
) -> Result<HashMap<&'v DocumentViewId, Located>> {
    let operations = views.clone().into_iter().flatten().map(digest::of_operation).copied();
    let rows = history::documents_of(connection, operations.collect::<HashSet<_>>())?;
    let documents = live(connection, rows.values().copied().collect::<HashSet<_>>())?;
    let locate = |view| {
        let row = history::document_of_view(&rows, view)?;
        Some((view, *documents.get(&row)?))
    };
    Ok(views.into_iter().filter_map(locate).collect())
}

/// Those of the documents that are not deleted, by row.
fn live(
    connection: &Connection,
    documents: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, Located>> {
    let mut statement = connection.prepare_cached(
        "SELECT d.id, d.schema, e.hash, d.void FROM documents d JOIN entries e ON e.id = d.id \
         WHERE d.id IN rarray(?) AND NOT d.deleted",
    )?;
    let mut rows = statement.query([param::set(documents.into_iter().map(Sql::Integer))])?;
    let mut documents = HashMap::new();
    while let Some(row) = rows.next()? {
        let id = digest::document(row.get(2)?);
        let (row, schema, has_void) = (row.get(0)?, row.get(1)?, row.get(3)?);
        let located = Located { id, row, schema, has_void };
        documents.insert(located.row, located);
    }
    Ok(documents)
}

/// Documents in pinned states by the id that was asked for; those that [`locate`] leaves out are
/// not among them.
pub(super) fn load<'v>(
    connection: &Connection,
    catalog: &Catalog,
    views: impl IntoIterator<Item = &'v DocumentViewId> + Clone,
    selection: &Selection,
) -> Result<HashMap<&'v DocumentViewId, DocumentRecord>> {
    let mut tables: HashMap<i64, HashMap<Located, HashSet<&DocumentViewId>>> = HashMap::new();
    for (view, located) in locate(connection, views)? {
        let documents = tables.entry(located.schema).or_default();
        documents.entry(located).or_default().insert(view);
    }
    let mut found = HashMap::new();
    for (row, documents) in tables {
        let table = Table { row, schema: catalog.schema(connection, row)? };
        let ids: Vec<_> = documents.keys().map(|it| *digest::of_document(&it.id)).collect();
        let latest = table.load(connection, &ids, selection)?;
        for (document, views) in documents {
            let mut states = States::new(connection, &table.schema, document);
            for view in views {
                if let Some(record) = latest_in(&latest, document, view) {
                    found.insert(view, record.clone());
                } else if let Some(record) = states.at(view)? {
                    found.insert(view, evaluate::select(selection, record));
                }
            }
        }
    }
    Ok(found)
}

fn latest_in<'r>(
    latest: &'r Records,
    document: Located,
    view: &DocumentViewId,
) -> Option<&'r DocumentRecord> {
    let latest = latest.get(&document.id).filter(|_| !document.has_void);
    latest.filter(|record| extends(view, &record.view_id))
}

/// All states of a document; its operations are read when the first is asked for.
pub(super) struct States<'c> {
    connection: &'c Connection,
    schema: &'c Schema,
    document: Located,
    history: Option<History>,
}

impl<'c> States<'c> {
    pub(super) const fn new(
        connection: &'c Connection,
        schema: &'c Schema,
        document: Located,
    ) -> Self {
        Self { connection, schema, document, history: None }
    }

    /// The state that a view id names, unless it is that of a DELETE.
    pub(super) fn at(&mut self, view: &DocumentViewId) -> Result<Option<DocumentRecord>> {
        let history = match &mut self.history {
            Some(history) => history,
            none => none.insert(history::of(self.connection, self.schema, self.document.row)?),
        };
        let state = history.document_at(view).ok().filter(|state| !state.view().is_deleted());
        Ok(state.as_ref().map(DocumentRecord::from))
    }
}
