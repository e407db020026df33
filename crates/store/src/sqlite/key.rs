//! What rows are ordered by, as SQL and as values.

use pandan_operations::Float;
use pandan_schema::{FieldType, Schema};
use rusqlite::types::{Value as Sql, ValueRef};

use super::condition::Rows;
use super::fault::{Fault, Result};
use super::{table, value};
use crate::StoreError;
use crate::cursor::OrderKey;
use crate::query::{Direction, OrderBy};

/// What rows are ordered by, as SQL.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) sql: String,
    kind: Kind,
    /// The index that yields rows in this order, if there is one beside the table itself.
    pub(super) index: Option<String>,
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
    pub(super) fn new(schema: &Schema, rows: Rows<'_>, by: &OrderBy) -> Self {
        let name = match by {
            OrderBy::DocumentId => return Self::unindexed("doc", Kind::Document),
            OrderBy::ViewId => {
                // The states of unchanged documents are their ids, and those of all together have
                // no index.
                let index = (rows.view() == "view").then(|| format!("{}_by_view", rows.table()));
                return Self { index, ..Self::unindexed(rows.view(), Kind::Bytes) };
            }
            OrderBy::Field(name) => name,
        };
        match (rows, schema.field(name.as_str())) {
            (Rows::Live { row, .. }, Some((position, field_type))) => {
                let sql = table::order_key(position, field_type);
                let index = table::order_index(row, position);
                Self { sql, kind: Kind::of(field_type), index }
            }
            _ => Self::nothing(),
        }
    }

    fn unindexed(sql: &str, kind: Kind) -> Self {
        Self { sql: String::from(sql), kind, index: None }
    }

    pub(super) fn nothing() -> Self {
        Self::unindexed("NULL", Kind::Nothing)
    }

    pub(super) const fn is_document(&self) -> bool {
        matches!(self.kind, Kind::Document)
    }

    /// Whether the table itself yields rows in this order.
    pub(super) fn is_in_table(&self) -> bool {
        self.sql == "doc"
    }

    pub(super) const fn is_nothing(&self) -> bool {
        matches!(self.kind, Kind::Nothing)
    }

    pub(super) fn ordered(&self, direction: Direction) -> String {
        match direction {
            _ if self.is_nothing() => String::from("doc"),
            Direction::Ascending if self.is_in_table() => String::from("doc"),
            Direction::Descending if self.is_in_table() => String::from("doc DESC"),
            Direction::Ascending => format!("{}, doc", self.sql),
            Direction::Descending => format!("{} DESC, doc", self.sql),
        }
    }

    pub(super) fn descending(&self) -> String {
        format!("{} DESC", self.sql)
    }

    pub(super) fn later(&self, direction: Direction) -> String {
        match direction {
            Direction::Ascending => format!("{} > ?", self.sql),
            Direction::Descending => format!("{} < ?", self.sql),
        }
    }

    pub(super) fn earlier(&self) -> String {
        format!("{} > ?", self.sql)
    }

    pub(super) fn equal(&self) -> String {
        format!("{} = ?", self.sql)
    }

    /// A key as it stands in the table; none for the key of documents without fields.
    pub(super) fn bind(&self, key: &OrderKey) -> std::result::Result<Option<Sql>, StoreError> {
        Ok(Some(match (self.kind, key) {
            (Kind::Nothing | Kind::Document, _) => return Ok(None),
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

    pub(super) fn read(&self, stored: ValueRef<'_>) -> Result<OrderKey> {
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
