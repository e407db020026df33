//! The table of a schema: a row for each of its documents, a typed column for each field.
//!
//! The table is keyed by document id, so every other index ends with the document id as well: the
//! order of ties. States are indexed for changed documents only: those of others are their ids, so
//! that the table itself finds them and puts them in order. Long texts and bytes are indexed by their beginnings, see
//! [`OrderKey`](crate::cursor::OrderKey).

use std::fmt::Write as _;

use pandan_schema::{FieldType, Schema};

use super::value::COUNT_BASE;
use crate::limits::{MAX_INDEXED_FIELDS, ORDER_KEY_BYTES, ORDER_KEY_CHARS};

/// What a state is called in the table: nothing is stored for documents that were never changed.
pub(super) const VIEW: &str = "COALESCE(view, doc)";

pub(super) fn name(schema: i64) -> String {
    format!("rows_{schema}")
}

pub(super) fn column(position: usize) -> String {
    format!("f{position}")
}

/// Names a list field in the table of items.
pub(super) fn list_id(schema: i64, position: usize) -> i64 {
    // Positions are below the greatest number of fields, 1,024.
    schema.saturating_mul(1024).saturating_add_unsigned(position as u64)
}

/// The schema and the position of a list, out of what [`list_id`] made.
pub(super) fn place_of_list(list: i64) -> Option<(i64, usize)> {
    Some((list.div_euclid(1024), usize::try_from(list.rem_euclid(1024)).ok()?))
}

/// What rows are ordered by when they are ordered by a field.
pub(super) fn order_key(position: usize, field_type: &FieldType) -> String {
    let column = column(position);
    match field_type {
        FieldType::Bool
        | FieldType::Int
        | FieldType::Float
        | FieldType::Relation(_)
        | FieldType::PinnedRelation(_) => column,
        FieldType::Str => format!("{} COLLATE NOCASE", beginning(position, field_type)),
        FieldType::Bytes => beginning(position, field_type),
        FieldType::RelationList(_) => format!("COALESCE(substr({column}, 1, 32), x'')"),
        FieldType::PinnedRelationList(_) => {
            let count = format!("unicode(CAST(substr({column}, 1, 2) AS TEXT)) - {COUNT_BASE}");
            format!("COALESCE(substr({column}, 3, 32 * ({count})), x'')")
        }
    }
}

/// The index that yields rows in the order of a field.
pub(super) fn order_index(schema: i64, position: usize) -> Option<String> {
    (position < MAX_INDEXED_FIELDS).then(|| format!("{}_by_{}", name(schema), column(position)))
}

/// The part of a field by which it is found.
pub(super) fn beginning(position: usize, field_type: &FieldType) -> String {
    let column = column(position);
    match field_type {
        FieldType::Str => format!("substr({column}, 1, {ORDER_KEY_CHARS})"),
        // A part of no bytes is NULL to SQLite.
        FieldType::Bytes => format!("COALESCE(substr({column}, 1, {ORDER_KEY_BYTES}), x'')"),
        _ => column,
    }
}

/// The statements that create the table of a schema and its indexes.
pub(super) fn create(row: i64, schema: &Schema) -> String {
    let table = name(row);
    let mut sql = format!(
        "CREATE TABLE {table} (doc BLOB NOT NULL PRIMARY KEY, view BLOB, \
         owner INTEGER NOT NULL, edited INTEGER NOT NULL"
    );
    for (position, (_, field_type)) in schema.fields().enumerate() {
        add(&mut sql, format_args!(", {} {} NOT NULL", column(position), storage(field_type)));
    }
    sql.push_str(") STRICT, WITHOUT ROWID;\n");
    let mut index = |suffix: &str, key: &str, rows: &str| {
        let index = format_args!("CREATE INDEX {table}_by_{suffix} ON {table} ({key}){rows};\n");
        add(&mut sql, index);
    };
    index("view", "view", " WHERE view IS NOT NULL");
    index("owner", "owner", "");
    for (position, (_, field_type)) in schema.fields().enumerate().take(MAX_INDEXED_FIELDS) {
        let column = column(position);
        index(&column, &order_key(position, field_type), "");
        // Texts are ordered without regard to case, but compared with it.
        if matches!(field_type, FieldType::Str) {
            index(&format!("{column}_bytes"), &beginning(position, field_type), "");
        }
    }
    sql
}

const fn storage(field_type: &FieldType) -> &'static str {
    match field_type {
        FieldType::Bool | FieldType::Int => "INTEGER",
        // Not REAL: that would turn −0.0 into 0 and NaN into NULL.
        FieldType::Float => "ANY",
        FieldType::Str => "TEXT",
        FieldType::Bytes
        | FieldType::Relation(_)
        | FieldType::RelationList(_)
        | FieldType::PinnedRelation(_)
        | FieldType::PinnedRelationList(_) => "BLOB",
    }
}

fn add(sql: &mut String, text: std::fmt::Arguments<'_>) {
    sql.write_fmt(text).expect("writing to a string does not fail");
}
