//! The meaning of conditions, orders and pages, spelled out over records in memory.
//!
//! Everything here works on records with all their fields and looks at each of them: slow and
//! plain to see. The in-memory store answers with it, every other store has to answer alike, and
//! whoever is told of a changed document can find out whether a query would have found it.

use std::cmp::Ordering;

use pandan_schema::Value;

use crate::StoreError;
use crate::contract::DocumentRecord;
use crate::cursor::{Cursor, OrderKey, Scope};
use crate::query::{
    CollectionQuery, Condition, Direction, Item, List, ListQuery, Operand, Order, OrderBy, Page,
    Selection, Subject, Test, Window,
};

/// Whether a document is found under these conditions: all of them hold, and it is not deleted
/// unless one of them asks for that.
#[must_use]
pub fn is_found(conditions: &[Condition], record: &DocumentRecord) -> bool {
    let asks_for_deleted = conditions.iter().any(|it| it.subject == Subject::Deleted);
    (asks_for_deleted || !record.is_deleted()) && conditions.iter().all(|it| holds(it, record))
}

/// Whether a condition holds for a document.
#[must_use]
pub fn holds(condition: &Condition, record: &DocumentRecord) -> bool {
    match subject(&condition.subject, record) {
        None => false,
        Some(Looked::AtValue(Value::RelationList(ids))) => {
            let items: Vec<_> = ids.into_iter().map(Value::Relation).collect();
            test_list(&condition.test, &items)
        }
        Some(Looked::AtValue(Value::PinnedRelationList(ids))) => {
            let items: Vec<_> = ids.into_iter().map(Value::PinnedRelation).collect();
            test_list(&condition.test, &items)
        }
        Some(looked) => test(&condition.test, &looked),
    }
}

/// What a record is ordered by.
#[must_use]
pub fn order_key(by: &OrderBy, record: &DocumentRecord) -> OrderKey {
    match by {
        OrderBy::DocumentId => OrderKey::document(&record.id),
        OrderBy::ViewId => OrderKey::view(&record.view_id),
        OrderBy::Field(name) => record.field(name).map_or(OrderKey::Nothing, OrderKey::of),
    }
}

/// Leaves only the selected fields in a record.
#[must_use]
pub fn select(selection: &Selection, mut record: DocumentRecord) -> DocumentRecord {
    if let Some(fields) = &mut record.fields {
        fields.retain(|(name, _)| selection.contains(name));
    }
    record
}

/// Answers a query about a collection from all documents of its schema, in whatever order they
/// come.
pub fn collection(
    query: &CollectionQuery,
    records: impl IntoIterator<Item = DocumentRecord>,
) -> Result<Page, StoreError> {
    let scope = Scope::collection(query.schema.id(), &query.order);
    if query.window.after.as_ref().is_some_and(|after| after.scope != scope) {
        return Err(StoreError::ForeignCursor);
    }
    let found = records.into_iter().filter(|record| is_found(&query.conditions, record));
    let places = found.map(|record| Place::in_collection(scope, &query.order, record)).collect();
    Ok(page(places, query.order.direction, &query.window, &query.selection))
}

/// Answers a query about one relation list from the documents that its targets were resolved to,
/// each with its position in the list.
#[must_use]
pub fn list(
    query: &ListQuery,
    list: &List,
    targets: impl IntoIterator<Item = (u64, DocumentRecord)>,
) -> Page {
    let scope = Scope::list(&list.document, &list.field, query.order.as_ref());
    let is_target =
        |record: &DocumentRecord| record.schema == *query.schema.id() && !record.is_deleted();
    let found = targets
        .into_iter()
        .filter(|(_, record)| is_target(record) && is_found(&query.conditions, record));
    let places = found
        .map(|(position, record)| Place::in_list(scope, query.order.as_ref(), position, record))
        .collect();
    let mut window = query.window.clone();
    window.after = window.after.filter(|after| after.scope == scope);
    let direction = query.order.as_ref().map_or(Direction::Ascending, |order| order.direction);
    page(places, direction, &window, &query.selection)
}

/// What a condition looks at.
#[derive(Debug)]
enum Looked {
    AtValue(Value),
    AtOwner([u8; 32]),
}

fn subject(subject: &Subject, record: &DocumentRecord) -> Option<Looked> {
    Some(Looked::AtValue(match subject {
        Subject::Field(name) => record.field(name)?.clone(),
        Subject::DocumentId => Value::Relation(record.id),
        Subject::ViewId => Value::PinnedRelation(record.view_id.clone()),
        Subject::Owner => return Some(Looked::AtOwner(*record.owner.as_bytes())),
        Subject::Edited => Value::Bool(record.is_edited),
        Subject::Deleted => Value::Bool(record.is_deleted()),
    }))
}

fn test(test: &Test, looked: &Looked) -> bool {
    let is = |expected: &[Ordering], operand: &Operand| {
        compare(looked, operand).is_some_and(|found| expected.contains(&found))
    };
    let equals = |operand: &Operand| is(&[Ordering::Equal], operand);
    match test {
        Test::Equal(operand) => equals(operand),
        Test::NotEqual(operand) => !equals(operand),
        Test::In(operands) => operands.iter().any(equals),
        Test::NotIn(operands) => !operands.iter().any(equals),
        Test::Greater(operand) => is(&[Ordering::Greater], operand),
        Test::GreaterOrEqual(operand) => is(&[Ordering::Greater, Ordering::Equal], operand),
        Test::Less(operand) => is(&[Ordering::Less], operand),
        Test::LessOrEqual(operand) => is(&[Ordering::Less, Ordering::Equal], operand),
        Test::Contains(needle) => contains(looked, needle),
        Test::NotContains(needle) => !contains(looked, needle),
    }
}

/// Of lists one can only ask what is in them.
fn test_list(test: &Test, items: &[Value]) -> bool {
    let has = |operand: &Operand| match operand {
        Operand::Value(value) => items.contains(value),
        Operand::Owner(_) => false,
    };
    match test {
        Test::In(operands) => operands.iter().any(has),
        Test::NotIn(operands) => !operands.iter().any(has),
        _ => false,
    }
}

/// How something compares with an operand; none when they are of different kinds.
fn compare(looked: &Looked, operand: &Operand) -> Option<Ordering> {
    let (Looked::AtValue(value), Operand::Value(other)) = (looked, operand) else {
        let (Looked::AtOwner(key), Operand::Owner(other)) = (looked, operand) else { return None };
        return Some(key.cmp(other.as_bytes()));
    };
    Some(match (value, other) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.cmp_numeric(*b),
        (Value::Str(a), Value::Str(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Relation(a), Value::Relation(b)) => a.cmp(b),
        (Value::PinnedRelation(a), Value::PinnedRelation(b)) => a.cmp(b),
        _ => return None,
    })
}

fn contains(looked: &Looked, needle: &str) -> bool {
    let Looked::AtValue(Value::Str(text)) = looked else { return false };
    text.to_ascii_lowercase().contains(&needle.to_ascii_lowercase())
}

/// A document and where it stands.
struct Place {
    record: DocumentRecord,
    cursor: Cursor,
}

impl Place {
    fn in_collection(scope: Scope, order: &Order, record: DocumentRecord) -> Self {
        let key = order_key(&order.by, &record);
        let cursor = Cursor { scope, key, document: record.id, position: None };
        Self { record, cursor }
    }

    fn in_list(scope: Scope, order: Option<&Order>, position: u64, record: DocumentRecord) -> Self {
        let key = order.map_or(OrderKey::Nothing, |order| order_key(&order.by, &record));
        let cursor = Cursor { scope, key, document: record.id, position: Some(position) };
        Self { record, cursor }
    }

    /// How this place stands to another one; `Greater` when it comes later.
    fn compare(&self, other: &Cursor, direction: Direction) -> Ordering {
        let Cursor { key, document, position, .. } = &self.cursor;
        other.compare(key, document, *position, direction)
    }
}

fn page(
    mut places: Vec<Place>,
    direction: Direction,
    window: &Window,
    selection: &Selection,
) -> Page {
    let total = window.count.then_some(places.len() as u64);
    places.sort_by(|a, b| a.compare(&b.cursor, direction));
    if let Some(after) = &window.after {
        places.retain(|place| place.compare(after, direction) == Ordering::Greater);
    }
    let has_next = places.len() > window.first;
    places.truncate(window.first);
    let item =
        |place: Place| Item { document: select(selection, place.record), cursor: place.cursor };
    Page { items: places.into_iter().map(item).collect(), has_next, total }
}
