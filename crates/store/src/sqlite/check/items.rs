//! The items of lists, by which documents are found.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use pandan_schema::Schema;
use rusqlite::{Connection, params};

use super::Check;
use crate::check::{About, Problem};
use crate::contract::DocumentRecord;
use crate::sqlite::digest::{self, Digest};
use crate::sqlite::fault::Result;
use crate::sqlite::rows::Table;
use crate::sqlite::{table, value};

/// How many items each list has by the documents that were built.
#[derive(Debug, Default)]
pub(super) struct Items {
    counts: HashMap<i64, u64>,
}

impl Items {
    /// Whether all items of a document are there.
    pub(super) fn check(
        &mut self,
        check: &mut Check<'_>,
        table: &Table,
        built: &DocumentRecord,
    ) -> Result<()> {
        let doc = digest::of_document(&built.id);
        let sql = "SELECT 1 FROM items WHERE list = ? AND target = ? AND doc = ?";
        let mut statement = check.connection.prepare_cached(sql)?;
        for (name, value) in built.fields.iter().flatten() {
            let Some((position, _)) = table.schema.field(name.as_str()) else { continue };
            let list = table::list_id(table.row, position);
            let items: BTreeSet<_> = value::items(value).into_iter().collect();
            if items.is_empty() {
                continue;
            }
            *self.counts.entry(list).or_default() += items.len() as u64;
            for item in items {
                if !statement.exists(params![list, item, doc])? {
                    let problem = Problem::NoItem { field: name.clone() };
                    check.note(About::Document(built.id), problem);
                }
            }
        }
        Ok(())
    }

    /// Whether there are items that no list has. They are looked for only in lists where the
    /// numbers differ.
    pub(super) fn check_others(&self, check: &mut Check<'_>) -> Result<()> {
        let connection = check.connection;
        let mut lists =
            connection.prepare("SELECT list, count(*) FROM items GROUP BY list ORDER BY list")?;
        let mut rows = lists.query([])?;
        while let Some(row) = rows.next()? {
            let (list, count): (i64, u64) = (row.get(0)?, row.get(1)?);
            if self.counts.get(&list) == Some(&count) {
                continue;
            }
            check_list(check, list)?;
        }
        Ok(())
    }
}

/// Looks for items that the list of their document does not have.
fn check_list(check: &mut Check<'_>, list: i64) -> Result<()> {
    let connection = check.connection;
    let Some(column) = Column::of(check, list) else { return Ok(()) };
    let mut items = connection.prepare("SELECT target, doc FROM items WHERE list = ?")?;
    let mut rows = items.query([list])?;
    while let Some(row) = rows.next()? {
        let (target, doc): (Vec<u8>, Digest) = (row.get(0)?, row.get(1)?);
        if !column.items(connection, &doc)?.contains(&target) {
            let problem = Problem::ExtraRow { table: "items of lists" };
            check.note(About::Document(digest::document(doc)), problem);
        }
    }
    Ok(())
}

/// A column with lists.
struct Column {
    sql: String,
    schema: Arc<Schema>,
    position: usize,
}

impl Column {
    /// None for lists of schemas that can not be read: that was found before.
    fn of(check: &Check<'_>, list: i64) -> Option<Self> {
        let (row, position) = table::place_of_list(list)?;
        let schema = check.schema(row)?;
        let (column, table) = (table::column(position), table::name(row));
        let sql = format!("SELECT {column} FROM {table} WHERE doc = ?");
        (position < schema.len()).then_some(Self { sql, schema, position })
    }

    fn items(&self, connection: &Connection, doc: &Digest) -> Result<Vec<Vec<u8>>> {
        let mut statement = connection.prepare_cached(&self.sql)?;
        let mut rows = statement.query([doc])?;
        let (Some(row), Some((_, field_type))) =
            (rows.next()?, self.schema.fields().nth(self.position))
        else {
            return Ok(Vec::new());
        };
        Ok(value::items(&value::from_sql(field_type, row.get_ref(0)?)?))
    }
}
