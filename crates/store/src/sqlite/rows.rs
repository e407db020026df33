//! Documents in their latest state, from the tables of their schemas.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId, FieldName};
use pandan_schema::{FieldType, Schema};
use rusqlite::{Connection, Row, params};

use super::catalog::Catalog;
use super::digest::{self, Digest};
use super::fault::{Fault, Result};
use super::{param, table, value};
use crate::contract::DocumentRecord;
use crate::query::Selection;

/// Documents by id.
pub(super) type Records = HashMap<DocumentId, DocumentRecord>;

/// Loads documents of any schema, deleted ones included; those that are not there are left out.
pub(super) fn load(
    connection: &Connection,
    catalog: &Catalog,
    documents: &[DocumentId],
    selection: &Selection,
) -> Result<Records> {
    let mut statement = connection.prepare_cached(
        "SELECT e.hash, d.schema, d.deleted FROM entries e JOIN documents d ON d.id = e.id \
         WHERE e.hash IN rarray(?)",
    )?;
    let mut rows = statement.query([param::blobs(documents.iter().map(digest::of_document))])?;
    let mut groups: HashMap<(i64, bool), Vec<Digest>> = HashMap::new();
    while let Some(row) = rows.next()? {
        groups.entry((row.get(1)?, row.get(2)?)).or_default().push(row.get(0)?);
    }
    let mut records = Records::new();
    for ((schema, is_deleted), digests) in groups {
        let table = Table { row: schema, schema: catalog.schema(connection, schema)? };
        records.extend(if is_deleted {
            table.load_deleted(connection, &digests)?
        } else {
            table.load(connection, &digests, selection)?
        });
    }
    Ok(records)
}

/// The rows of one schema.
pub(super) struct Table {
    pub(super) row: i64,
    pub(super) schema: Arc<Schema>,
}

impl Table {
    /// Loads documents that are not deleted.
    pub(super) fn load(
        &self,
        connection: &Connection,
        documents: &[Digest],
        selection: &Selection,
    ) -> Result<Records> {
        let fields: Vec<_> = self.schema.fields().enumerate().collect();
        let fields: Vec<_> =
            fields.into_iter().filter(|(_, (name, _))| selection.contains(name)).collect();
        let mut statement = connection.prepare_cached(&self.statement(&fields))?;
        let mut rows = statement.query([param::blobs(documents)])?;
        let mut records = Records::with_capacity(documents.len());
        while let Some(row) = rows.next()? {
            let record = self.record(row, &fields)?;
            records.insert(record.id, record);
        }
        Ok(records)
    }

    /// The latest states of documents that are not deleted.
    pub(super) fn states(
        &self,
        connection: &Connection,
        documents: impl IntoIterator<Item = Digest>,
    ) -> Result<HashMap<DocumentId, DocumentViewId>> {
        let table = table::name(self.row);
        let sql = format!("SELECT doc, view FROM {table} WHERE doc IN rarray(?)");
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query([param::blobs(documents)])?;
        let mut states = HashMap::new();
        while let Some(row) = rows.next()? {
            let id = digest::document(row.get(0)?);
            states.insert(id, view_id(id, row)?);
        }
        Ok(states)
    }

    pub(super) fn load_deleted(
        &self,
        connection: &Connection,
        documents: &[Digest],
    ) -> Result<Records> {
        let mut statement = connection.prepare_cached(
            "SELECT doc, view, (SELECT key FROM authors WHERE id = owner) FROM deleted \
             WHERE schema = ? AND doc IN rarray(?)",
        )?;
        let mut rows = statement.query(params![self.row, param::blobs(documents)])?;
        let mut records = Records::with_capacity(documents.len());
        while let Some(row) = rows.next()? {
            let id = digest::document(row.get(0)?);
            let record = DocumentRecord {
                id,
                schema: self.schema.id().clone(),
                owner: PublicKey::from_stored_bytes(row.get(2)?),
                view_id: digest::view(row.get_ref(1)?.as_blob().map_err(Fault::inconsistent)?)?,
                is_edited: true,
                fields: None,
            };
            records.insert(id, record);
        }
        Ok(records)
    }

    fn statement(&self, fields: &[(usize, (&FieldName, &FieldType))]) -> String {
        let mut sql =
            String::from("SELECT doc, view, (SELECT key FROM authors WHERE id = owner), edited");
        for (position, _) in fields {
            write!(sql, ", {}", table::column(*position)).expect("a string takes everything");
        }
        write!(sql, " FROM {} WHERE doc IN rarray(?)", table::name(self.row))
            .expect("a string takes everything");
        sql
    }

    fn record(
        &self,
        row: &Row<'_>,
        fields: &[(usize, (&FieldName, &FieldType))],
    ) -> Result<DocumentRecord> {
        let id = digest::document(row.get(0)?);
        let value =
            |(index, (_, (name, field_type))): (usize, &(usize, (&FieldName, &FieldType)))| {
                let stored = row.get_ref(FIRST_FIELD + index)?;
                Ok((FieldName::clone(name), value::from_sql(field_type, stored)?))
            };
        Ok(DocumentRecord {
            id,
            schema: self.schema.id().clone(),
            owner: PublicKey::from_stored_bytes(row.get(2)?),
            view_id: view_id(id, row)?,
            is_edited: row.get(3)?,
            fields: Some(fields.iter().enumerate().map(value).collect::<Result<_>>()?),
        })
    }
}

/// Columns before those of fields.
const FIRST_FIELD: usize = 4;

fn view_id(document: DocumentId, row: &Row<'_>) -> Result<DocumentViewId> {
    match row.get_ref(1)?.as_blob_or_null().map_err(Fault::inconsistent)? {
        None => Ok(document.into()),
        Some(bytes) => digest::view(bytes),
    }
}
