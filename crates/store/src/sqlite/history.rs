//! The operations of documents, and the states that they come to.

use std::collections::HashMap;

use pandan_documents::{DocumentOperation, History};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentViewId, Operation};
use pandan_schema::Schema;
use rusqlite::Connection;

use super::digest::{self, Digest};
use super::fault::{Fault, Result};
use super::param;

/// All operations of a document, named by its row.
pub(super) fn of(connection: &Connection, schema: &Schema, document: i64) -> Result<History> {
    let mut statement = connection.prepare_cached(
        "SELECT e.hash, a.key, e.payload, e.seq_num >= l.fork FROM logs l \
         JOIN authors a ON a.id = l.author JOIN entries e ON e.log = l.id WHERE l.document = ?",
    )?;
    let mut rows = statement.query([document])?;
    let mut operations = Vec::new();
    while let Some(row) = rows.next()? {
        let payload = row.get_ref(2)?.as_blob().map_err(Fault::inconsistent)?;
        let operation = Operation::decode(payload).map_err(Fault::inconsistent)?;
        operations.push(DocumentOperation {
            id: digest::operation(row.get(0)?),
            author: PublicKey::from_stored_bytes(row.get(1)?),
            operation: schema.check(operation).map_err(Fault::inconsistent)?,
            is_void: row.get::<_, Option<bool>>(3)?.unwrap_or(false),
        });
    }
    History::new(operations).map_err(Fault::inconsistent)
}

/// The documents that operations belong to, by row; operations that are not stored are left out.
pub(super) fn documents_of(
    connection: &Connection,
    operations: impl IntoIterator<Item = Digest>,
) -> Result<HashMap<Digest, i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT e.hash, l.document FROM entries e JOIN logs l ON l.id = e.log \
         WHERE e.hash IN rarray(?)",
    )?;
    let mut rows = statement.query([param::blobs(operations)])?;
    let mut documents = HashMap::new();
    while let Some(row) = rows.next()? {
        documents.insert(row.get(0)?, row.get(1)?);
    }
    Ok(documents)
}

/// The one document that all operations of a view belong to.
pub(super) fn document_of_view(
    documents: &HashMap<Digest, i64>,
    view: &DocumentViewId,
) -> Option<i64> {
    let mut rows = view.iter().map(|id| documents.get(digest::of_operation(id)).copied());
    let first = rows.next()??;
    rows.all(|row| row == Some(first)).then_some(first)
}
