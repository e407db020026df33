//! Finding the documents of a page: ids and order keys, from indexes where there are any.
//!
//! When conditions hold for few documents, all of these are found by the conditions and put in
//! order here. Else the rows are walked in their order, so that a page never sorts more rows than
//! it holds, and those that do not match are passed over: there are enough that do.
//!
//! Without a condition that has an index all rows would be read to find out whether few match. In
//! the order of the table a walk reads the same rows, and ends with a full page: so it is all that
//! is done.
//!
//! Rows are keyed by document id, so that an index by key yields rows by key and document id, both
//! ascending. Of the places behind a cursor those with its own key come first, found by document
//! id; then those with later keys. In descending order ties still ascend, which no index yields:
//! there the key of the last place of the page is looked up first, then all rows with earlier keys
//! are taken, and of those with that key as many as fit.

use std::cmp::Ordering;

use pandan_operations::DocumentId;
use pandan_schema::Schema;
use rusqlite::types::Value as Sql;
use rusqlite::vtab::array::Array;
use rusqlite::{Connection, params_from_iter};

use super::condition::{Rows, Where};
use super::digest;
use super::fault::Result;
use super::key::Key;
use super::param::Param;
use crate::cursor::{Cursor, OrderKey};
use crate::query::{Condition, Direction, Order, OrderBy};

/// Up to this many documents are found by the conditions alone, whatever their order.
///
/// Among a million documents a page of 25 walks past 25,000 rows at worst; reading a thousand
/// rows in vain takes about a millisecond.
const FEW: usize = 1_000;

/// A document that was found, and what it is ordered by.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) key: OrderKey,
    pub(super) document: DocumentId,
}

impl Found {
    fn compare(&self, other: &Self, direction: Direction) -> Ordering {
        let by_key = match direction {
            Direction::Ascending => self.key.compare(&other.key),
            Direction::Descending => other.key.compare(&self.key),
        };
        by_key.then_with(|| self.document.cmp(&other.document))
    }
}

/// Rows of a schema in an order.
pub(super) struct Search<'a> {
    connection: &'a Connection,
    rows: Rows<'a>,
    matching: Where,
    key: Key,
    direction: Direction,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        schema: &Schema,
        rows: Rows<'a>,
        conditions: &[Condition],
        order: &Order,
    ) -> Self {
        let matching = rows.matching(conditions);
        let key = Key::new(schema, rows, &order.by);
        Self { connection, rows, matching, key, direction: order.direction }
    }

    /// All rows that match, in order, if they are few and this is worth finding out.
    pub(super) fn few(&self) -> Result<Option<Vec<Found>>> {
        if !self.matching.is_indexed && self.key.is_in_table() {
            return Ok(None);
        }
        let sql = format!(
            "SELECT doc, {} FROM {} WHERE 1{} LIMIT ?",
            self.key.sql,
            self.rows.table(),
            self.matching.sql
        );
        let mut found = self.run(&sql, &self.matching, [Param::limit(FEW + 1)])?;
        if found.len() > FEW {
            return Ok(None);
        }
        found.sort_by(|a, b| a.compare(b, self.direction));
        Ok(Some(found))
    }

    /// Up to `limit` rows behind a place, or from the beginning.
    pub(super) fn page(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<Found>> {
        if self.key.is_document() {
            return self.by_document(after, limit);
        }
        let Some(after) = after else { return self.behind(&self.matching, limit) };
        if self.key.is_nothing() {
            return self.without_keys(after, limit);
        }
        let Some(key) = self.key.bind(&after.key)? else {
            // The cursor stands among documents that have no key, which come before all others.
            return match self.direction {
                Direction::Ascending => self.behind(&self.matching, limit),
                Direction::Descending => Ok(Vec::new()),
            };
        };
        let mut found = self.ties(&key, Some(&after.document), limit)?;
        let later = self.key.later(self.direction);
        let rest = self.matching.with(&later, [Param::One(key)]);
        found.extend(self.behind(&rest, limit - found.len())?);
        Ok(found)
    }

    /// How many rows match.
    pub(super) fn count(&self) -> Result<u64> {
        let sql =
            format!("SELECT count(*) FROM {} WHERE 1{}", self.rows.table(), self.matching.sql);
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement.query_row(params_from_iter(&self.matching.params), |row| row.get(0))?)
    }

    fn by_document(&self, after: Option<&Cursor>, limit: usize) -> Result<Vec<Found>> {
        let matching = match after {
            None => self.matching.clone(),
            Some(after) => {
                let document = digest::blob(digest::of_document(&after.document));
                self.matching.with(&self.key.later(self.direction), [Param::One(document)])
            }
        };
        self.select(&matching, &self.key.ordered(self.direction), limit, 0)
    }

    /// Rows that all have the same key: deleted documents, ordered by a field.
    fn without_keys(&self, after: &Cursor, limit: usize) -> Result<Vec<Found>> {
        match (&after.key, self.direction) {
            (OrderKey::Nothing, _) => {
                let document = digest::blob(digest::of_document(&after.document));
                let rest = self.matching.with("doc > ?", [Param::One(document)]);
                self.select(&rest, "doc", limit, 0)
            }
            (_, Direction::Ascending) => Ok(Vec::new()),
            (_, Direction::Descending) => self.select(&self.matching, "doc", limit, 0),
        }
    }

    /// The first rows of those that match.
    fn behind(&self, matching: &Where, limit: usize) -> Result<Vec<Found>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let order = self.key.ordered(self.direction);
        if self.direction == Direction::Ascending || self.key.is_nothing() {
            return self.select(matching, &order, limit, 0);
        }
        let Some(last) = self.select(matching, &self.key.descending(), 1, limit - 1)?.pop() else {
            return self.select(matching, &order, limit, 0);
        };
        let key = self.key.bind(&last.key)?.unwrap_or(Sql::Null);
        let earlier = matching.with(&self.key.earlier(), [Param::One(key.clone())]);
        let mut found = self.select(&earlier, &order, limit, 0)?;
        found.extend(self.ties(&key, None, limit - found.len())?);
        Ok(found)
    }

    /// Refuses a cursor of another order.
    pub(super) fn check(&self, after: &Cursor) -> Result<()> {
        self.key.bind(&after.key)?;
        Ok(())
    }

    /// Rows with this key.
    fn ties(&self, key: &Sql, after: Option<&DocumentId>, limit: usize) -> Result<Vec<Found>> {
        let mut ties = self.matching.with(&self.key.equal(), [Param::One(key.clone())]);
        if let Some(document) = after {
            let document = digest::blob(digest::of_document(document));
            ties.and("doc > ?", [Param::One(document)]);
        }
        self.select(&ties, "doc", limit, 0)
    }

    fn select(
        &self,
        matching: &Where,
        order: &str,
        limit: usize,
        skip: usize,
    ) -> Result<Vec<Found>> {
        let sql = self.statement(matching, order);
        self.run(&sql, matching, [Param::limit(limit), Param::limit(skip)])
    }

    fn run(
        &self,
        sql: &str,
        matching: &Where,
        limits: impl IntoIterator<Item = Param>,
    ) -> Result<Vec<Found>> {
        let params = matching.params.iter().cloned().chain(limits);
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(params))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let key = self.key.read(row.get_ref(1)?)?;
            found.push(Found { key, document: digest::document(row.get(0)?) });
        }
        Ok(found)
    }

    fn statement(&self, matching: &Where, order: &str) -> String {
        format!(
            "SELECT doc, {key} FROM {table}{index} WHERE 1{conditions} ORDER BY {order} \
             LIMIT ? OFFSET ?",
            key = self.key.sql,
            table = self.rows.table(),
            index = self.key.index.as_ref().map_or(String::new(), |it| format!(" INDEXED BY {it}")),
            conditions = matching.sql,
        )
    }
}

/// The keys of those among these documents that match, in no order.
pub(super) fn keys_of(
    connection: &Connection,
    schema: &Schema,
    rows: Rows<'_>,
    conditions: &[Condition],
    by: Option<&OrderBy>,
    documents: Array,
) -> Result<Vec<Found>> {
    let key = by.map_or_else(Key::nothing, |by| Key::new(schema, rows, by));
    let matching = rows.matching(conditions).with("doc IN rarray(?)", [Param::Set(documents)]);
    let sql = format!("SELECT doc, {} FROM {} WHERE 1{}", key.sql, rows.table(), matching.sql);
    let direction = Direction::Ascending;
    let search = Search { connection, rows, matching, key, direction };
    search.run(&sql, &search.matching, [])
}

/// Those of an ordered list that come behind a place.
pub(super) fn behind(mut found: Vec<Found>, after: &Cursor, direction: Direction) -> Vec<Found> {
    let is_behind = |found: &Found| {
        after.compare(&found.key, &found.document, None, direction) == Ordering::Greater
    };
    let first = found.partition_point(|found| !is_behind(found));
    found.split_off(first)
}

/// Merges two ordered lists, up to a length.
pub(super) fn merge(
    mut a: Vec<Found>,
    b: Vec<Found>,
    direction: Direction,
    limit: usize,
) -> Vec<Found> {
    if !b.is_empty() {
        a.extend(b);
        a.sort_by(|a, b| a.compare(b, direction));
    }
    a.truncate(limit);
    a
}
