//! How many bytes the pieces of a blob hold, without loading them.

use std::collections::HashMap;

use pandan_operations::{DocumentViewId, SchemaId, SystemSchema};
use pandan_schema::{Schema, Value};
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Result;
use super::{catalog, digest, history, table};

/// The size of each piece in its pinned state; none where that state is not known or is not one
/// of a piece, or where the piece was deleted.
pub(super) fn sizes(
    connection: &Connection,
    pieces: &[DocumentViewId],
) -> Result<Vec<Option<u64>>> {
    if pieces.is_empty() {
        return Ok(Vec::new());
    }
    let id = SchemaId::from(SystemSchema::BlobPiece);
    let Some(schema) = catalog::find(connection, &id)? else {
        return Ok(pieces.iter().map(|_| None).collect());
    };
    let mut known: HashMap<&DocumentViewId, Option<u64>> = HashMap::new();
    for piece in pieces {
        if !known.contains_key(piece) {
            known.insert(piece, size(connection, schema.id, piece)?);
        }
    }
    Ok(pieces.iter().map(|piece| known.get(piece).copied().flatten()).collect())
}

fn size(connection: &Connection, schema: i64, piece: &DocumentViewId) -> Result<Option<u64>> {
    // The usual piece is a CREATE that nobody changed: a row of the table.
    let table = table::name(schema);
    let column = table::column(0);
    let sql = format!("SELECT length({column}) FROM {table} WHERE doc = ? AND view IS NULL");
    let mut statement = connection.prepare_cached(&sql)?;
    let usual = statement.query_row([digest::of_view(piece)], |row| row.get(0)).optional()?;
    match usual {
        Some(size) => Ok(Some(size)),
        None => size_from_history(connection, schema, piece),
    }
}

fn size_from_history(
    connection: &Connection,
    schema: i64,
    piece: &DocumentViewId,
) -> Result<Option<u64>> {
    let operations = piece.iter().map(|id| *digest::of_operation(id));
    let documents = history::documents_of(connection, operations)?;
    let Some(document) = history::document_of_view(&documents, piece) else { return Ok(None) };
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM documents WHERE id = ? AND schema = ? AND NOT deleted")?;
    if !statement.exists(params![document, schema])? {
        return Ok(None);
    }
    let schema = Schema::system(SystemSchema::BlobPiece);
    let Ok(state) = history::of(connection, &schema, document)?.document_at(piece) else {
        return Ok(None);
    };
    let data = state.view().fields.as_ref().and_then(|fields| fields.get("data"));
    Ok(match data.map(|field| &field.value) {
        Some(Value::Bytes(data)) => u64::try_from(data.len()).ok(),
        _ => None,
    })
}
