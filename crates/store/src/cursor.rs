//! Places in an ordered result.
//!
//! A cursor carries the order key and the id of the document it was given with, not a reference to
//! something stored. So it does not depend on what was selected, stays valid when documents change
//! or go, and a walk from cursor to cursor meets every document that does not move exactly once.

use std::cmp::Ordering;

use pandan_bamboo::{DIGEST_LENGTH, Hash};
use pandan_operations::limits::MAX_PREVIOUS;
use pandan_operations::{DocumentId, DocumentViewId, Float};
use pandan_schema::{FieldName, SchemaId, Value};
use thiserror::Error;

use crate::limits::{ORDER_KEY_BYTES, ORDER_KEY_CHARS};
use crate::query::{Direction, Order, OrderBy};

/// A place in an ordered result.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    /// Which order it belongs to: a digest of the order, and of the list for relation lists.
    pub scope: Scope,
    /// The order key of the document at this place.
    pub key: OrderKey,
    /// The document at this place.
    pub document: DocumentId,
    /// For relation lists: the position in the list.
    pub position: Option<u64>,
}

/// Names the order (and the relation list) for which a cursor was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope([u8; SCOPE_LENGTH]);

const SCOPE_LENGTH: usize = 8;

impl Scope {
    /// The scope of the documents of a schema under an order.
    #[must_use]
    pub fn collection(schema: &SchemaId, order: &Order) -> Self {
        let order = order_name(Some(order));
        Self::digest(&[b"collection", schema.as_str().as_bytes(), order.as_bytes()])
    }

    /// The scope of one relation list under an order.
    #[must_use]
    pub fn list(document: &DocumentId, field: &FieldName, order: Option<&Order>) -> Self {
        let document = document.as_hash().encode();
        Self::digest(&[b"list", &document, field.as_str().as_bytes(), order_name(order).as_bytes()])
    }

    fn digest(parts: &[&[u8]]) -> Self {
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend_from_slice(part);
            bytes.push(0);
        }
        let digest = *Hash::of(&bytes).digest();
        Self(digest.first_chunk().copied().unwrap_or_default())
    }
}

fn order_name(order: Option<&Order>) -> String {
    let Some(order) = order else { return String::from("list") };
    let by = match &order.by {
        OrderBy::DocumentId => "id",
        OrderBy::ViewId => "view",
        OrderBy::Field(name) => return format!("{:?} field {name}", order.direction),
    };
    format!("{:?} {by}", order.direction)
}

/// What documents are compared by.
///
/// - texts: their first [`ORDER_KEY_CHARS`] characters up to a NUL, without regard to the case of
///   ASCII letters, otherwise by their bytes
/// - bytes: their first [`ORDER_KEY_BYTES`]
/// - relations: by the bytes of the ids; lists by their first item, empty lists first
/// - booleans: false first; numbers as numbers, NaN last
#[derive(Clone, Debug, PartialEq)]
pub enum OrderKey {
    /// Nothing: empty lists and documents without fields. Before everything else.
    Nothing,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(Float),
    /// A text.
    Text(String),
    /// Bytes, the id of a document or of a state.
    Bytes(Vec<u8>),
}

impl OrderKey {
    /// The order key of a value.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Float(value) => Self::Float(*value),
            Value::Str(text) => Self::Text(text_key(text)),
            Value::Bytes(bytes) => {
                Self::Bytes(bytes.iter().copied().take(ORDER_KEY_BYTES).collect())
            }
            Value::Relation(id) => Self::document(id),
            Value::PinnedRelation(id) => Self::view(id),
            Value::RelationList(ids) => ids.first().map_or(Self::Nothing, Self::document),
            Value::PinnedRelationList(ids) => ids.first().map_or(Self::Nothing, Self::view),
        }
    }

    /// The order key of a document id: its digest.
    #[must_use]
    pub fn document(id: &DocumentId) -> Self {
        Self::Bytes(id.as_hash().digest().to_vec())
    }

    /// The order key of a state: the digests of its operations.
    #[must_use]
    pub fn view(id: &DocumentViewId) -> Self {
        Self::Bytes(id.iter().flat_map(|id| *id.as_hash().digest()).collect())
    }

    /// Compares two keys of one order.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.cmp_numeric(*b),
            (Self::Text(a), Self::Text(b)) => fold(a).cmp(fold(b)),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Bool(_) => 1,
            Self::Int(_) => 2,
            Self::Float(_) => 3,
            Self::Text(_) => 4,
            Self::Bytes(_) => 5,
        }
    }
}

/// The longest keys are those of states with as many tips as there can be.
const VIEW_KEY_BYTES: usize = MAX_PREVIOUS * DIGEST_LENGTH;

fn text_key(text: &str) -> String {
    text.chars().take(ORDER_KEY_CHARS).take_while(|&char| char != '\0').collect()
}

fn fold(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().map(|byte| byte.to_ascii_lowercase())
}

impl Cursor {
    /// Compares the place of a document with this one, in a direction: `Greater` means that it
    /// comes later in the result. Ties of the key go by position or document id, ascending.
    #[must_use]
    pub fn compare(
        &self,
        key: &OrderKey,
        document: &DocumentId,
        position: Option<u64>,
        direction: Direction,
    ) -> Ordering {
        let by_key = match direction {
            Direction::Ascending => key.compare(&self.key),
            Direction::Descending => self.key.compare(key),
        };
        by_key.then_with(|| match position {
            Some(_) => position.cmp(&self.position),
            None => document.cmp(&self.document),
        })
    }

    /// Encodes to bytes, which clients see as opaque text.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.scope.0.to_vec();
        bytes.extend_from_slice(self.document.as_hash().digest());
        match self.position {
            None => bytes.push(0),
            Some(position) => {
                bytes.push(1);
                bytes.extend_from_slice(&position.to_be_bytes());
            }
        }
        bytes.push(self.key.rank());
        match &self.key {
            OrderKey::Nothing => {}
            OrderKey::Bool(value) => bytes.push(u8::from(*value)),
            OrderKey::Int(value) => bytes.extend_from_slice(&value.to_be_bytes()),
            OrderKey::Float(value) => bytes.extend_from_slice(&value.to_bits().to_be_bytes()),
            OrderKey::Text(text) => bytes.extend_from_slice(text.as_bytes()),
            OrderKey::Bytes(value) => bytes.extend_from_slice(value),
        }
        bytes
    }

    /// Decodes what [`Cursor::encode`] made.
    pub fn decode(bytes: &[u8]) -> Result<Self, CursorError> {
        let (scope, rest) = bytes.split_first_chunk().ok_or(CursorError)?;
        let (digest, rest) = rest.split_first_chunk().ok_or(CursorError)?;
        let (marker, rest) = rest.split_first().ok_or(CursorError)?;
        let (position, rest) = match marker {
            0 => (None, rest),
            1 => {
                let (position, rest) = rest.split_first_chunk().ok_or(CursorError)?;
                (Some(u64::from_be_bytes(*position)), rest)
            }
            _ => return Err(CursorError),
        };
        let document = DocumentId::from_hash(Hash::from_digest(*digest));
        let cursor = Self { scope: Scope(*scope), key: decode_key(rest)?, document, position };
        // Only a key that can be one of a document has this encoding.
        if cursor.encode() == bytes { Ok(cursor) } else { Err(CursorError) }
    }
}

fn decode_key(bytes: &[u8]) -> Result<OrderKey, CursorError> {
    let (&rank, rest) = bytes.split_first().ok_or(CursorError)?;
    let number = || rest.try_into().map_err(|_| CursorError);
    match (rank, rest) {
        (0, []) => Ok(OrderKey::Nothing),
        (1, [value @ (0 | 1)]) => Ok(OrderKey::Bool(*value == 1)),
        (2, _) => Ok(OrderKey::Int(i64::from_be_bytes(number()?))),
        (3, _) => Ok(OrderKey::Float(Float::new(f64::from_bits(u64::from_be_bytes(number()?))))),
        (4, _) => {
            let text = std::str::from_utf8(rest).map_err(|_| CursorError)?;
            Ok(OrderKey::Text(text_key(text)))
        }
        (5, _) if rest.len() <= VIEW_KEY_BYTES => Ok(OrderKey::Bytes(rest.to_vec())),
        _ => Err(CursorError),
    }
}

/// Bytes that no cursor encodes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("cursor was not given out by this API")]
pub struct CursorError;
