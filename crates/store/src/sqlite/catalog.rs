//! Schemas as they are stored, and those in memory.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use pandan_operations::{FieldName, SchemaId, SchemaName, SystemSchema};
use pandan_schema::{FieldType, Schema};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::digest;
use super::fault::{Fault, Result};
use crate::contract::KnownSchema;

/// Schemas by row id, as far as they were needed. What is in it is committed and never changes.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    schemas: RwLock<HashMap<i64, Arc<Schema>>>,
}

/// Where a schema is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SchemaRow {
    pub(super) id: i64,
    pub(super) retired: bool,
    /// How many of its documents are not deleted.
    pub(super) documents: u64,
}

impl Catalog {
    /// The schema in a row which is known to be there.
    pub(super) fn schema(&self, connection: &Connection, row: i64) -> Result<Arc<Schema>> {
        if let Some(schema) = self.cached(row) {
            return Ok(schema);
        }
        let schema = Arc::new(load(connection, row)?);
        self.remember([(row, Arc::clone(&schema))]);
        Ok(schema)
    }

    pub(super) fn cached(&self, row: i64) -> Option<Arc<Schema>> {
        self.schemas.read().unwrap_or_else(PoisonError::into_inner).get(&row).cloned()
    }

    /// Takes up schemas that are committed.
    pub(super) fn remember(&self, schemas: impl IntoIterator<Item = (i64, Arc<Schema>)>) {
        self.schemas.write().unwrap_or_else(PoisonError::into_inner).extend(schemas);
    }

    /// All schemas.
    pub(super) fn all(&self, connection: &Connection) -> Result<Vec<KnownSchema>> {
        let mut statement =
            connection.prepare_cached("SELECT id, retired, documents FROM schemas ORDER BY id")?;
        let rows = statement.query_map([], schema_row)?.collect::<rusqlite::Result<Vec<_>>>()?;
        let known = |row: SchemaRow| {
            Ok(KnownSchema { schema: self.schema(connection, row.id)?, retired: row.retired })
        };
        rows.into_iter().map(known).collect()
    }
}

/// Finds the row of a schema.
pub(super) fn find(connection: &Connection, id: &SchemaId) -> Result<Option<SchemaRow>> {
    let (name, view) = key(id);
    let mut statement = connection
        .prepare_cached("SELECT id, retired, documents FROM schemas WHERE name = ? AND view = ?")?;
    Ok(statement.query_row(params![name, view], schema_row).optional()?)
}

/// Stores a schema; returns its row.
pub(super) fn insert(
    connection: &Connection,
    schema: &Schema,
    definition: Option<i64>,
    retired: bool,
) -> Result<i64> {
    let (name, view) = key(schema.id());
    connection
        .prepare_cached(
            "INSERT INTO schemas (name, view, description, definition, retired, documents) \
             VALUES (?, ?, ?, ?, ?, 0)",
        )?
        .execute(params![name, view, schema.description(), definition, retired])?;
    let row = connection.last_insert_rowid();
    let mut statement = connection.prepare_cached(
        "INSERT INTO fields (schema, position, name, kind, target_name, target_view) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )?;
    for (position, (name, field_type)) in schema.fields().enumerate() {
        let (target_name, target_view) = field_type.target().map(key).unzip();
        let kind = kind(field_type);
        statement.execute(params![row, position, name.as_str(), kind, target_name, target_view])?;
    }
    Ok(row)
}

fn load(connection: &Connection, row: i64) -> Result<Schema> {
    let (name, view, description): (String, Vec<u8>, String) = connection
        .prepare_cached("SELECT name, view, description FROM schemas WHERE id = ?")?
        .query_row([row], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    match schema_id(&name, &view)? {
        SchemaId::System(system) => Ok(Schema::system(system)),
        id => {
            let fields = load_fields(connection, row)?;
            Schema::new(id, &description, fields).map_err(Fault::inconsistent)
        }
    }
}

fn load_fields(connection: &Connection, row: i64) -> Result<Vec<(FieldName, FieldType)>> {
    let mut statement = connection.prepare_cached(
        "SELECT name, kind, target_name, target_view FROM fields WHERE schema = ? ORDER BY position",
    )?;
    let mut rows = statement.query([row])?;
    let mut fields = Vec::new();
    while let Some(row) = rows.next()? {
        let name = FieldName::parse(&row.get::<_, String>(0)?).map_err(Fault::inconsistent)?;
        let target = match (row.get::<_, Option<String>>(2)?, row.get::<_, Option<Vec<u8>>>(3)?) {
            (Some(name), Some(view)) => Some(schema_id(&name, &view)?),
            _ => None,
        };
        fields.push((name, field_type(row.get(1)?, target)?));
    }
    Ok(fields)
}

fn schema_row(row: &Row<'_>) -> rusqlite::Result<SchemaRow> {
    Ok(SchemaRow { id: row.get(0)?, retired: row.get(1)?, documents: row.get(2)? })
}

/// A schema id as it is stored: its name, and the digests of its view.
fn key(id: &SchemaId) -> (&str, Vec<u8>) {
    match id.view_id() {
        Some(view) => (id.name(), digest::of_view(view)),
        None => (id.name(), Vec::new()),
    }
}

fn schema_id(name: &str, view: &[u8]) -> Result<SchemaId> {
    if view.is_empty() {
        let mut all = SystemSchema::ALL.into_iter();
        let system = all.find(|system| system.name() == name);
        return system.map(SchemaId::from).ok_or_else(|| Fault::inconsistent("unknown schema"));
    }
    let name = SchemaName::parse(name).map_err(Fault::inconsistent)?;
    Ok(SchemaId::application(name, digest::view(view)?))
}

const fn kind(field_type: &FieldType) -> i64 {
    match field_type {
        FieldType::Bool => 0,
        FieldType::Int => 1,
        FieldType::Float => 2,
        FieldType::Str => 3,
        FieldType::Bytes => 4,
        FieldType::Relation(_) => 5,
        FieldType::RelationList(_) => 6,
        FieldType::PinnedRelation(_) => 7,
        FieldType::PinnedRelationList(_) => 8,
    }
}

fn field_type(kind: i64, target: Option<SchemaId>) -> Result<FieldType> {
    Ok(match (kind, target) {
        (0, None) => FieldType::Bool,
        (1, None) => FieldType::Int,
        (2, None) => FieldType::Float,
        (3, None) => FieldType::Str,
        (4, None) => FieldType::Bytes,
        (5, Some(target)) => FieldType::Relation(target),
        (6, Some(target)) => FieldType::RelationList(target),
        (7, Some(target)) => FieldType::PinnedRelation(target),
        (8, Some(target)) => FieldType::PinnedRelationList(target),
        _ => return Err(Fault::inconsistent("unknown field type")),
    })
}
