//! Rows on their way into the tables of schemas.
//!
//! Document ids are hashes, so that documents which arrive one after the other belong to places all
//! over a table and its indexes. Rows of new documents therefore wait until the end of the batch and
//! are written in the order of the table: neighbours share pages, in the table and in all indexes
//! by something that many documents have in common. What has to read such a row before that lets
//! all of them be written first.

use std::collections::BTreeMap;

use pandan_schema::Value;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};

use super::batch::Batch;
use super::digest::{self, Digest};
use super::fault::Result;
use super::items::{self, Lists};
use super::materialise::Target;
use super::{table, value};

/// A whole row.
#[derive(Debug)]
pub(super) struct NewRow {
    columns: Vec<Sql>,
    lists: Lists,
}

/// The part of a row before its fields.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) owner: i64,
    /// None for the state of the CREATE alone.
    pub(super) view: Option<Vec<u8>>,
    pub(super) is_edited: bool,
}

impl NewRow {
    pub(super) fn new<'v>(
        document: &Digest,
        head: Head,
        values: impl Iterator<Item = &'v Value>,
    ) -> Self {
        let mut columns = Vec::with_capacity(16);
        columns.extend([
            digest::blob(document),
            head.view.map_or(Sql::Null, Sql::Blob),
            Sql::Integer(head.owner),
            Sql::Integer(i64::from(head.is_edited)),
        ]);
        let mut lists = Vec::new();
        for (position, value) in values.enumerate() {
            columns.push(value::to_sql(value));
            if items::is_list(value) {
                lists.push((position, value::items(value)));
            }
        }
        Self { columns, lists }
    }
}

/// Rows of new documents by schema and document.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    rows: BTreeMap<(i64, Digest), NewRow>,
}

impl Batch<'_> {
    /// Writes the row of a new document, some time before the end of the batch.
    pub(super) fn insert_row(&mut self, target: &Target, row: NewRow) {
        self.waiting.rows.insert((target.schema_row, target.id), row);
        *self.added.entry(target.schema_row).or_default() += 1;
    }

    /// Writes a row in the place of another one, whose lists are given.
    pub(super) fn replace_row(
        &self,
        target: &Target,
        row: NewRow,
        old: &[(usize, Vec<Vec<u8>>)],
    ) -> Result<()> {
        let sql = statement("REPLACE", target.schema_row, row.columns.len());
        self.connection.prepare_cached(&sql)?.execute(params_from_iter(row.columns))?;
        for (position, list) in row.lists {
            let list_id = table::list_id(target.schema_row, position);
            let old = items::at(old, position);
            items::replace(self.connection, list_id, &target.id, old, &list)?;
        }
        Ok(())
    }

    /// Makes sure that the row of a document can be read.
    pub(super) fn write_row_of(&mut self, target: &Target) -> Result<()> {
        if self.waiting.rows.contains_key(&(target.schema_row, target.id)) {
            self.write_rows()?;
        }
        Ok(())
    }

    /// Writes all rows that wait.
    pub(super) fn write_rows(&mut self) -> Result<()> {
        let mut rows = std::mem::take(&mut self.waiting.rows).into_iter().peekable();
        while let Some(((schema, _), row)) = rows.peek() {
            let (schema, columns) = (*schema, row.columns.len());
            // Replacing would make SQLite keep a copy of each page, to be able to undo it.
            let sql = statement("INSERT", schema, columns);
            let mut insert = self.connection.prepare_cached(&sql)?;
            while let Some(((_, document), row)) = rows.next_if(|((other, _), _)| *other == schema)
            {
                insert.execute(params_from_iter(row.columns))?;
                insert_items(self.connection, schema, &document, &row.lists)?;
            }
        }
        Ok(())
    }
}

fn statement(verb: &str, schema: i64, columns: usize) -> String {
    let marks = ", ?".repeat(columns.saturating_sub(1));
    format!("{verb} INTO {} VALUES (?{marks})", table::name(schema))
}

fn insert_items(
    connection: &Connection,
    schema: i64,
    document: &Digest,
    lists: &[(usize, Vec<Vec<u8>>)],
) -> Result<()> {
    for (position, list) in lists {
        items::replace(connection, table::list_id(schema, *position), document, &[], list)?;
    }
    Ok(())
}
