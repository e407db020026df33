//! Documents in the states that view ids name.

use std::collections::{HashMap, HashSet};

use pandan_documents::History;
use pandan_operations::{DocumentId, DocumentViewId};
use rusqlite::Connection;

use super::catalog::Catalog;
use super::digest::{self, Digest};
use super::fault::Result;
use super::rows::{Records, Table};
use super::{history, param};
use crate::contract::DocumentRecord;
use crate::evaluate;
use crate::query::Selection;

/// Documents in pinned states by the id that was asked for. States of deleted documents are left
/// out, and so are those of which an operation is not stored or that mix documents.
///
/// The latest states are rows; others are built from the operations of their documents.
pub(super) fn load(
    connection: &Connection,
    catalog: &Catalog,
    views: &[DocumentViewId],
    selection: &Selection,
) -> Result<HashMap<DocumentViewId, DocumentRecord>> {
    let operations: HashSet<_> =
        views.iter().flatten().map(digest::of_operation).copied().collect();
    let documents = history::documents_of(connection, operations)?;
    let mut wanted: HashMap<i64, HashSet<&DocumentViewId>> = HashMap::new();
    for view in views {
        if let Some(document) = history::document_of_view(&documents, view) {
            wanted.entry(document).or_default().insert(view);
        }
    }
    let mut found = HashMap::with_capacity(views.len());
    for (schema, documents) in live_by_schema(connection, wanted.keys().copied())? {
        let table = Table { row: schema, schema: catalog.schema(connection, schema)? };
        let digests: Vec<_> = documents.iter().map(|(digest, _)| *digest).collect();
        let latest = table.load(connection, &digests, selection)?;
        for (digest, row) in documents {
            let Some(views) = wanted.get(&row) else { continue };
            let document = Wanted { row, id: digest::document(digest), views };
            document.states(connection, &table, &latest, selection, &mut found)?;
        }
    }
    Ok(found)
}

/// One document and the states of it that are asked for.
struct Wanted<'a> {
    row: i64,
    id: DocumentId,
    views: &'a HashSet<&'a DocumentViewId>,
}

impl Wanted<'_> {
    fn states(
        &self,
        connection: &Connection,
        table: &Table,
        latest: &Records,
        selection: &Selection,
        found: &mut HashMap<DocumentViewId, DocumentRecord>,
    ) -> Result<()> {
        let latest = latest.get(&self.id);
        let mut history: Option<History> = None;
        for &view in self.views {
            if let Some(record) = latest.filter(|record| record.view_id == *view) {
                found.insert(view.clone(), record.clone());
                continue;
            }
            let history = match &mut history {
                Some(history) => history,
                none => none.insert(history::of(connection, &table.schema, self.row)?),
            };
            if let Ok(state) = history.document_at(view) {
                let record = evaluate::select(selection, history::record(&state));
                found.insert(view.clone(), record);
            }
        }
        Ok(())
    }
}

/// Those of the documents that are not deleted, by the row of their schema: id and row of each.
fn live_by_schema(
    connection: &Connection,
    documents: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, Vec<(Digest, i64)>>> {
    let mut statement = connection.prepare_cached(
        "SELECT d.schema, e.hash, d.id FROM documents d JOIN entries e ON e.id = d.id \
         WHERE d.id IN rarray(?) AND NOT d.deleted",
    )?;
    let documents = param::set(documents.map(rusqlite::types::Value::Integer));
    let mut rows = statement.query([documents])?;
    let mut groups: HashMap<i64, Vec<_>> = HashMap::new();
    while let Some(row) = rows.next()? {
        groups.entry(row.get(0)?).or_default().push((row.get(1)?, row.get(2)?));
    }
    Ok(groups)
}
