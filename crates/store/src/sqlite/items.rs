//! Items of lists, by which documents are found.

use std::collections::BTreeSet;

use pandan_schema::{FieldType, Value};
use rusqlite::{Connection, params};

use super::digest::Digest;
use super::fault::Result;

/// The fields of a document that are lists: their positions and items as they are stored.
pub(super) type Lists = Vec<(usize, Vec<Vec<u8>>)>;

pub(super) const fn is_list(value: &Value) -> bool {
    matches!(value, Value::RelationList(_) | Value::PinnedRelationList(_))
}

pub(super) const fn is_list_type(field_type: &FieldType) -> bool {
    matches!(field_type, FieldType::RelationList(_) | FieldType::PinnedRelationList(_))
}

/// The items of the list at a position.
pub(super) fn at(lists: &[(usize, Vec<Vec<u8>>)], position: usize) -> &[Vec<u8>] {
    let found = lists.iter().find(|(other, _)| *other == position);
    found.map_or(&[], |(_, items)| items)
}

/// Changes the items of a list of a document to others.
pub(super) fn replace(
    connection: &Connection,
    list: i64,
    document: &Digest,
    old: &[Vec<u8>],
    new: &[Vec<u8>],
) -> Result<()> {
    let (old, new): (BTreeSet<_>, BTreeSet<_>) = (old.iter().collect(), new.iter().collect());
    let mut delete =
        connection.prepare_cached("DELETE FROM items WHERE list = ? AND target = ? AND doc = ?")?;
    for item in old.difference(&new) {
        delete.execute(params![list, item, document])?;
    }
    let mut insert =
        connection.prepare_cached("INSERT INTO items (list, target, doc) VALUES (?, ?, ?)")?;
    for item in new.difference(&old) {
        insert.execute(params![list, item, document])?;
    }
    Ok(())
}
