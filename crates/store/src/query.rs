//! Questions about many documents: conditions, order and pages.

use std::sync::Arc;

use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId};
use pandan_schema::{FieldName, Schema, Value};

use crate::contract::DocumentRecord;
use crate::cursor::Cursor;

/// Asks for a page of the documents of a schema, in their latest state.
#[derive(Clone, Debug)]
pub struct CollectionQuery {
    /// The schema.
    pub schema: Arc<Schema>,
    /// All of them must hold. Without a condition on [`Subject::Deleted`], deleted documents are
    /// left out.
    pub conditions: Vec<Condition>,
    /// The order of the documents.
    pub order: Order,
    /// The part of the result.
    pub window: Window,
    /// Which fields to load.
    pub selection: Selection,
}

/// Asks for a page of each of several relation lists.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// The schema to which the lists relate; targets of other schemas are left out.
    pub schema: Arc<Schema>,
    /// The lists.
    pub lists: Vec<List>,
    /// As in [`CollectionQuery`], but deleted documents are never found.
    pub conditions: Vec<Condition>,
    /// The order, or none for the list's own. Ties go by position in the list.
    pub order: Option<Order>,
    /// The part of each list. A cursor of another list is ignored: that list starts at its
    /// beginning, so that one cursor can be used while many lists are asked for.
    pub window: Window,
    /// Which fields to load.
    pub selection: Selection,
}

/// One relation list: the value of a field in one state of a document.
#[derive(Clone, Debug)]
pub struct List {
    /// The document holding the list.
    pub document: DocumentId,
    /// The field holding the list.
    pub field: FieldName,
    /// The items. Repetitions are kept; missing and deleted targets are left out.
    pub targets: Targets,
}

/// The items of a relation list.
#[derive(Clone, Debug)]
pub enum Targets {
    /// Documents in their latest state.
    Documents(Vec<DocumentId>),
    /// Documents in pinned states.
    Views(Vec<DocumentViewId>),
}

/// Which fields of a document to load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// All of them.
    #[default]
    All,
    /// Those named; names which the schema does not have are ignored.
    Only(Vec<FieldName>),
}

impl Selection {
    /// Whether a field is to be loaded.
    #[must_use]
    pub fn contains(&self, name: &FieldName) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(name),
        }
    }
}

/// Something that must hold for a document.
#[derive(Clone, Debug)]
pub struct Condition {
    /// What is looked at.
    pub subject: Subject,
    /// How it compares.
    pub test: Test,
}

/// The part of a document that a condition looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A field of the schema.
    Field(FieldName),
    /// The document id.
    DocumentId,
    /// The id of the state.
    ViewId,
    /// The author of the CREATE.
    Owner,
    /// Whether the document was edited.
    Edited,
    /// Whether the document was deleted.
    Deleted,
}

/// A comparison.
///
/// - Integers and floats compare as numbers: −0.0 equals 0.0; NaN equals NaN and comes after every
///   other number.
/// - Texts compare by their bytes.
/// - In a list field, `In` asks for at least one item of the set, `NotIn` for none.
/// - A deleted document has no fields: no test of a field holds for it.
#[derive(Clone, Debug)]
pub enum Test {
    /// Is this.
    Equal(Operand),
    /// Is not this.
    NotEqual(Operand),
    /// Is one of these; nothing is one of none.
    In(Vec<Operand>),
    /// Is none of these.
    NotIn(Vec<Operand>),
    /// Comes after.
    Greater(Operand),
    /// Comes after or is this.
    GreaterOrEqual(Operand),
    /// Comes before.
    Less(Operand),
    /// Comes before or is this.
    LessOrEqual(Operand),
    /// Contains this text, taken literally, without regard to the case of ASCII letters.
    Contains(String),
    /// Does not contain this text.
    NotContains(String),
}

/// What something is compared with. Its kind fits the subject: items of a list field are compared
/// with [`Value::Relation`] or [`Value::PinnedRelation`], ids likewise.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A value of a field, the id of a document ([`Value::Relation`]) or of a state
    /// ([`Value::PinnedRelation`]), or whether something holds ([`Value::Bool`]).
    Value(Value),
    /// The key of an owner.
    Owner(PublicKey),
}

/// An order of documents. Ties go by document id, always ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What is compared.
    pub by: OrderBy,
    /// Which end comes first.
    pub direction: Direction,
}

impl Default for Order {
    fn default() -> Self {
        Self { by: OrderBy::DocumentId, direction: Direction::Ascending }
    }
}

/// What documents are ordered by; see [`OrderKey`](crate::cursor::OrderKey) for how it compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderBy {
    /// The document id.
    DocumentId,
    /// The id of the state.
    ViewId,
    /// A field of the schema.
    Field(FieldName),
}

/// Which end of an order comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// The least.
    #[default]
    Ascending,
    /// The greatest.
    Descending,
}

/// A part of an ordered result.
#[derive(Clone, Debug)]
pub struct Window {
    /// How many at most; at least 1.
    pub first: usize,
    /// After which item to begin.
    pub after: Option<Cursor>,
    /// Whether to count the whole result.
    pub count: bool,
}

/// A part of a result.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The documents.
    pub items: Vec<Item>,
    /// Whether more follow.
    pub has_next: bool,
    /// Size of the whole result, when it was asked for.
    pub total: Option<u64>,
}

/// A document in a result.
#[derive(Clone, Debug)]
pub struct Item {
    /// The document.
    pub document: DocumentRecord,
    /// The place behind which the next page begins.
    pub cursor: Cursor,
}
