//! Logs document by document, and those of blobs to which others relate.

use std::collections::{BTreeSet, HashSet};

use pandan_identity::PublicKey;
use pandan_operations::{SchemaId, SystemSchema};
use rusqlite::types::Value as Sql;
use rusqlite::vtab::array::Array;
use rusqlite::{Connection, params};

use super::catalog::{self, Catalog};
use super::digest::{self, Digest};
use super::fault::{Fault, Result};
use super::{entries, items, param, table};
use crate::heads::{self, DocumentHead};

/// What is told of a log.
const COLUMNS: &str = "c.hash, a.key, l.log_id, (SELECT max(seq_num) FROM entries \
     WHERE log = l.id AND seq_num < COALESCE(l.fork, 9223372036854775807))";

/// What forks at its first entry is no line of a document any more.
const IS_LINE: &str = "(l.fork IS NULL OR l.fork > 1)";

/// Rows of documents follow the order in which they began.
const ORDER: &str = "ORDER BY l.document, a.key, l.log_id < 0, l.log_id LIMIT ?";

pub(super) fn of_schemas(
    connection: &Connection,
    schemas: &[SchemaId],
    limit: usize,
) -> Result<Vec<DocumentHead>> {
    let mut rows = Vec::with_capacity(schemas.len());
    for schema in schemas {
        rows.extend(catalog::find(connection, schema)?.map(|found| Sql::Integer(found.id)));
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM heads h CROSS JOIN logs l ON l.id = h.log \
         CROSS JOIN entries c ON c.id = l.document CROSS JOIN authors a ON a.id = l.author \
         WHERE h.schema IN rarray(?) AND {IS_LINE} {ORDER}"
    );
    read(connection, &sql, param::set(rows), limit)
}

pub(super) fn of_blobs(
    connection: &Connection,
    catalog: &Catalog,
    schemas: &[SchemaId],
    related_from: &[SchemaId],
    limit: usize,
) -> Result<Vec<DocumentHead>> {
    let (blob, piece) = (SystemSchema::Blob.into(), SystemSchema::BlobPiece.into());
    let related = related(connection, catalog, related_from, &blob)?;
    let blobs = documents(connection, related, &blob)?;
    let mut wanted = BTreeSet::new();
    if schemas.contains(&piece) {
        wanted = documents(connection, pieces(connection, &blobs)?, &piece)?;
    }
    if schemas.contains(&blob) {
        wanted.extend(blobs);
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM logs l \
         CROSS JOIN entries c ON c.id = l.document CROSS JOIN authors a ON a.id = l.author \
         WHERE l.document IN rarray(?) AND l.branch = 0 AND {IS_LINE} {ORDER}"
    );
    read(connection, &sql, param::set(wanted.into_iter().map(Sql::Integer)), limit)
}

fn read(
    connection: &Connection,
    sql: &str,
    among: Array,
    limit: usize,
) -> Result<Vec<DocumentHead>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![among, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut heads = Vec::new();
    while let Some(row) = rows.next()? {
        let seq_num: Option<i64> = row.get(3)?;
        let seq_num = seq_num.ok_or_else(|| Fault::inconsistent("a log has no entries"))?;
        heads.push(DocumentHead {
            document: digest::document(row.get(0)?),
            author: PublicKey::from_stored_bytes(row.get(1)?),
            log_id: entries::log_id_from_sql(row.get(2)?),
            seq_num: entries::seq_num_from_sql(seq_num)?,
        });
    }
    Ok(heads)
}

/// The operations in the relations of documents of some schemas to documents of another.
fn related(
    connection: &Connection,
    catalog: &Catalog,
    schemas: &[SchemaId],
    target: &SchemaId,
) -> Result<HashSet<Digest>> {
    let mut related = HashSet::new();
    for schema in schemas {
        let Some(row) = catalog::find(connection, schema)?.map(|found| found.id) else { continue };
        let schema = catalog.schema(connection, row)?;
        let fields = schema.fields().enumerate();
        for (position, (_, field_type)) in
            fields.filter(|(_, (_, field_type))| field_type.target() == Some(target))
        {
            if items::is_list_type(field_type) {
                let sql = "SELECT DISTINCT target FROM items WHERE list = ?";
                collect(connection, sql, &[table::list_id(row, position)], &mut related)?;
            } else {
                let (column, table) = (table::column(position), table::name(row));
                let sql = format!("SELECT DISTINCT {column} FROM {table}");
                collect(connection, &sql, &[], &mut related)?;
            }
        }
    }
    Ok(related)
}

fn collect(
    connection: &Connection,
    sql: &str,
    params: &[i64],
    found: &mut HashSet<Digest>,
) -> Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(params))?;
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(0)?.as_blob().map_err(Fault::inconsistent)?;
        found.extend(bytes.as_chunks().0);
    }
    Ok(())
}

/// The documents of a schema to which operations belong, by row.
fn documents(
    connection: &Connection,
    operations: HashSet<Digest>,
    schema: &SchemaId,
) -> Result<BTreeSet<i64>> {
    let Some(schema) = catalog::find(connection, schema)? else { return Ok(BTreeSet::new()) };
    let mut statement = connection.prepare_cached(
        "SELECT d.id FROM entries e CROSS JOIN logs l ON l.id = e.log \
         CROSS JOIN documents d ON d.id = l.document WHERE e.hash IN rarray(?) AND d.schema = ?",
    )?;
    let rows =
        statement.query_map(params![param::blobs(operations), schema.id], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The operations in all states that were ever pieces of blobs.
fn pieces(connection: &Connection, blobs: &BTreeSet<i64>) -> Result<HashSet<Digest>> {
    let mut statement = connection.prepare_cached(
        "SELECT e.payload FROM logs l CROSS JOIN entries e ON e.log = l.id \
         WHERE l.document = ? AND e.payload IS NOT NULL",
    )?;
    let mut pieces = HashSet::new();
    for blob in blobs {
        let mut rows = statement.query([blob])?;
        while let Some(row) = rows.next()? {
            let payload = row.get_ref(0)?.as_blob().map_err(Fault::inconsistent)?;
            pieces.extend(heads::pieces(payload).iter().map(|id| *digest::of_operation(id)));
        }
    }
    Ok(pieces)
}
