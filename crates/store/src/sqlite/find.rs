//! Finding the documents of a page: ids and order keys, from indexes where there are any.
//!
//! A page never sorts more rows than it holds. Rows are keyed by document id, so that an index by
//! key yields rows by key and document id, both ascending. Of the places behind a cursor those
//! with its own key come first, found by document id; then those with later keys. In descending
//! order ties still ascend, which no index yields: there the key of the last place of the page is
//! looked up first, then all rows with earlier keys are taken, and of those with that key as many
//! as fit.

use std::cmp::Ordering;

use pandan_operations::{DocumentId, Float};
use pandan_schema::{FieldType, Schema};
use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::condition::{Rows, Where};
use super::digest;
use super::fault::{Fault, Result};
use super::param::Param;
use super::{table, value};
use crate::StoreError;
use crate::cursor::{Cursor, OrderKey};
use crate::query::{Condition, Direction, Order, OrderBy};

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
        let mut params = matching.params.clone();
        params.extend([Param::limit(limit), Param::limit(skip)]);
        let mut statement = self.connection.prepare_cached(&sql)?;
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
            "SELECT doc, {key} FROM {table} WHERE 1{conditions} ORDER BY {order} LIMIT ? OFFSET ?",
            key = self.key.sql,
            table = self.rows.table(),
            conditions = matching.sql,
        )
    }
}

/// The keys of those among these documents that match.
pub(super) fn keys_of(
    connection: &Connection,
    schema: &Schema,
    rows: Rows<'_>,
    conditions: &[Condition],
    by: Option<&OrderBy>,
    documents: rusqlite::vtab::array::Array,
) -> Result<Vec<Found>> {
    let key = by.map_or_else(Key::nothing, |by| Key::new(schema, rows, by));
    let matching = rows.matching(conditions).with("doc IN rarray(?)", [Param::Set(documents)]);
    let order = Order { by: OrderBy::DocumentId, direction: Direction::Ascending };
    let search = Search { connection, rows, matching, key, direction: order.direction };
    search.select(&search.matching, "doc", usize::MAX, 0)
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

/// What rows are ordered by, as SQL.
#[derive(Debug)]
struct Key {
    sql: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Document,
    Nothing,
    Bool,
    Int,
    Float,
    Text,
    /// Bytes and ids.
    Bytes,
    /// The first item of a list; none of an empty one, which is stored as no bytes.
    Item,
}

impl Key {
    fn new(schema: &Schema, rows: Rows<'_>, by: &OrderBy) -> Self {
        let name = match by {
            OrderBy::DocumentId => return Self { sql: "doc".into(), kind: Kind::Document },
            OrderBy::ViewId => return Self { sql: rows.view().into(), kind: Kind::Bytes },
            OrderBy::Field(name) => name,
        };
        match (rows, schema.field(name.as_str())) {
            (Rows::Live { .. }, Some((position, field_type))) => {
                let sql = table::order_key(position, field_type);
                Self { sql, kind: Kind::of(field_type) }
            }
            _ => Self::nothing(),
        }
    }

    fn nothing() -> Self {
        Self { sql: "NULL".into(), kind: Kind::Nothing }
    }

    const fn is_document(&self) -> bool {
        matches!(self.kind, Kind::Document)
    }

    const fn is_nothing(&self) -> bool {
        matches!(self.kind, Kind::Nothing)
    }

    fn ordered(&self, direction: Direction) -> String {
        match (self.kind, direction) {
            (Kind::Document, Direction::Ascending) | (Kind::Nothing, _) => String::from("doc"),
            (Kind::Document, Direction::Descending) => String::from("doc DESC"),
            (_, Direction::Ascending) => format!("{}, doc", self.sql),
            (_, Direction::Descending) => format!("{} DESC, doc", self.sql),
        }
    }

    fn descending(&self) -> String {
        format!("{} DESC", self.sql)
    }

    fn later(&self, direction: Direction) -> String {
        match direction {
            Direction::Ascending => format!("{} > ?", self.sql),
            Direction::Descending => format!("{} < ?", self.sql),
        }
    }

    fn earlier(&self) -> String {
        format!("{} > ?", self.sql)
    }

    fn equal(&self) -> String {
        format!("{} = ?", self.sql)
    }

    /// A key as it stands in the table; none for the key of documents without fields.
    fn bind(&self, key: &OrderKey) -> std::result::Result<Option<Sql>, StoreError> {
        Ok(Some(match (self.kind, key) {
            (Kind::Bool, OrderKey::Bool(value)) => Sql::Integer(i64::from(*value)),
            (Kind::Int, OrderKey::Int(value)) => Sql::Integer(*value),
            (Kind::Float, OrderKey::Float(value)) => value::float(*value),
            (Kind::Text, OrderKey::Text(value)) => Sql::Text(value.clone()),
            (Kind::Bytes | Kind::Item, OrderKey::Bytes(value)) => Sql::Blob(value.clone()),
            (Kind::Item, OrderKey::Nothing) => Sql::Blob(Vec::new()),
            (Kind::Bytes, OrderKey::Nothing) | (_, OrderKey::Nothing) => return Ok(None),
            _ => return Err(StoreError::ForeignCursor),
        }))
    }

    fn read(&self, stored: ValueRef<'_>) -> Result<OrderKey> {
        Ok(match (self.kind, stored) {
            (Kind::Nothing, _) | (Kind::Item, ValueRef::Blob([])) => OrderKey::Nothing,
            (Kind::Bool, ValueRef::Integer(value)) => OrderKey::Bool(value != 0),
            (Kind::Int, ValueRef::Integer(value)) => OrderKey::Int(value),
            (Kind::Float, ValueRef::Real(value)) => OrderKey::Float(Float::new(value)),
            (Kind::Float, ValueRef::Blob([])) => OrderKey::Float(Float::NAN),
            (Kind::Text, ValueRef::Text(bytes)) => OrderKey::Text(value::text(bytes)?),
            (Kind::Document | Kind::Bytes | Kind::Item, ValueRef::Blob(bytes)) => {
                OrderKey::Bytes(bytes.to_vec())
            }
            (_, found) => {
                let found = found.data_type();
                return Err(Fault::inconsistent(format_args!("an order key is of type {found}")));
            }
        })
    }
}

impl Kind {
    const fn of(field_type: &FieldType) -> Self {
        match field_type {
            FieldType::Bool => Self::Bool,
            FieldType::Int => Self::Int,
            FieldType::Float => Self::Float,
            FieldType::Str => Self::Text,
            FieldType::Bytes | FieldType::Relation(_) | FieldType::PinnedRelation(_) => Self::Bytes,
            FieldType::RelationList(_) | FieldType::PinnedRelationList(_) => Self::Item,
        }
    }
}
