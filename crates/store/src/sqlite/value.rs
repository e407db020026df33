//! Values of fields as they stand in tables.
//!
//! | type | stored as |
//! |---|---|
//! | `bool` | 0 or 1 |
//! | `int` | integer |
//! | `float` | real; NaN as a blob of no bytes, which sorts after every number and equals itself |
//! | `str` | text |
//! | `bytes` | blob |
//! | `relation` | digest |
//! | `pinned_relation` | digests of the state |
//! | `relation_list` | digests of the items |
//! | `pinned_relation_list` | for each item the number of its digests and the digests |
//!
//! The number of digests is written as the UTF-8 character `U+0080 + number`, always two bytes:
//! so that SQL can find out how long the first item is, which such lists are ordered by.

use pandan_bamboo::DIGEST_LENGTH;
use pandan_operations::{DocumentViewId, Float};
use pandan_schema::{FieldType, Value};
use rusqlite::types::{Value as Sql, ValueRef};

use super::digest;
use super::fault::{Fault, Result};

/// Where the characters begin that tell the number of digests of an item.
pub(super) const COUNT_BASE: u32 = 0x80;

pub(super) fn to_sql(value: &Value) -> Sql {
    match value {
        Value::Bool(value) => Sql::Integer(i64::from(*value)),
        Value::Int(value) => Sql::Integer(*value),
        Value::Float(value) => float(*value),
        Value::Str(value) => Sql::Text(value.clone()),
        Value::Bytes(value) => Sql::Blob(value.clone()),
        Value::Relation(id) => digest::blob(digest::of_document(id)),
        Value::PinnedRelation(id) => Sql::Blob(digest::of_view(id)),
        Value::RelationList(ids) => {
            Sql::Blob(ids.iter().flat_map(|id| *digest::of_document(id)).collect())
        }
        Value::PinnedRelationList(ids) => Sql::Blob(ids.iter().flat_map(pinned_item).collect()),
    }
}

/// The items of a list as they stand in the table of items; none for values of other types.
pub(super) fn items(value: &Value) -> Vec<Vec<u8>> {
    match value {
        Value::RelationList(ids) => ids.iter().map(|id| digest::of_document(id).to_vec()).collect(),
        Value::PinnedRelationList(ids) => ids.iter().map(digest::of_view).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn float(value: Float) -> Sql {
    let number = value.get();
    if number.is_nan() { Sql::Blob(Vec::new()) } else { Sql::Real(number) }
}

pub(super) fn from_sql(field_type: &FieldType, stored: ValueRef<'_>) -> Result<Value> {
    Ok(match (field_type, stored) {
        (FieldType::Bool, ValueRef::Integer(value)) => Value::Bool(value != 0),
        (FieldType::Int, ValueRef::Integer(value)) => Value::Int(value),
        (FieldType::Float, ValueRef::Real(value)) => Value::Float(Float::new(value)),
        (FieldType::Float, ValueRef::Blob([])) => Value::Float(Float::NAN),
        (FieldType::Str, ValueRef::Text(bytes)) => Value::Str(text(bytes)?),
        (FieldType::Bytes, ValueRef::Blob(bytes)) => Value::Bytes(bytes.to_vec()),
        (FieldType::Relation(_), ValueRef::Blob(bytes)) => {
            let bytes = bytes.try_into().map_err(Fault::inconsistent)?;
            Value::Relation(digest::document(bytes))
        }
        (FieldType::PinnedRelation(_), ValueRef::Blob(bytes)) => {
            Value::PinnedRelation(digest::view(bytes)?)
        }
        (FieldType::RelationList(_), ValueRef::Blob(bytes)) => {
            let (digests, _) = bytes.as_chunks::<DIGEST_LENGTH>();
            Value::RelationList(digests.iter().map(|it| digest::document(*it)).collect())
        }
        (FieldType::PinnedRelationList(_), ValueRef::Blob(bytes)) => {
            Value::PinnedRelationList(pinned_items(bytes)?)
        }
        (expected, found) => {
            let found = found.data_type();
            return Err(Fault::inconsistent(format_args!("expected {expected}, found {found}")));
        }
    })
}

pub(super) fn text(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec()).map_err(Fault::inconsistent)
}

fn pinned_item(id: &DocumentViewId) -> Vec<u8> {
    // Operations refer to at most 1,024 others, so the character takes two bytes.
    let count = u32::try_from(id.len()).ok().and_then(|count| char::from_u32(COUNT_BASE + count));
    let mut bytes = String::from(count.unwrap_or('\u{80}')).into_bytes();
    bytes.extend(digest::of_view(id));
    bytes
}

fn pinned_items(mut bytes: &[u8]) -> Result<Vec<DocumentViewId>> {
    let broken = || Fault::inconsistent("a list of states is cut off");
    let mut items = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<2>() {
        let count = std::str::from_utf8(head).ok().and_then(|head| head.chars().next());
        let count = count.and_then(|count| u32::from(count).checked_sub(COUNT_BASE));
        let length = count.ok_or_else(broken)? as usize * DIGEST_LENGTH;
        let (item, rest) = rest.split_at_checked(length).ok_or_else(broken)?;
        items.push(digest::view(item)?);
        bytes = rest;
    }
    if bytes.is_empty() { Ok(items) } else { Err(broken()) }
}
