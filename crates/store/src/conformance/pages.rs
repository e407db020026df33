//! Walking through results page by page.

use std::collections::BTreeMap;
use std::sync::Arc;

use pandan_operations::{DocumentId, Fields, RawValue};
use pandan_schema::{FieldType, Schema, Value};

use super::author::fields;
use super::world::{World, all, by, ids, on_field};
use super::zoo::Zoo;
use crate::StoreError;
use crate::contract::Store;
use crate::cursor::{Cursor, Scope};
use crate::query::{CollectionQuery, Direction, Operand, Order, OrderBy, Selection, Test};

fn number(number: i64) -> Fields {
    fields([("number", RawValue::Int(number))])
}

fn world(new_store: &dyn Fn() -> Box<dyn Store>) -> (World, Arc<Schema>) {
    let mut world = World::new(new_store());
    let schema = world.define("thing", &[("number", FieldType::Int)]);
    (world, schema)
}

/// Without documents there is one empty page.
pub(super) fn check_empty(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (world, schema) = world(new_store);
    for order in [by("number", Direction::Descending), Order::default()] {
        let mut query = all(&schema);
        query.order = order;
        let page = world.collection(&query);
        assert!(page.items.is_empty() && !page.has_next);
        assert_eq!(page.total, Some(0));
    }
}

/// The size of the whole result is the same on every page, and only counted when asked for.
pub(super) fn check_totals(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (mut world, schema) = world(new_store);
    for value in 0..7 {
        world.create(&schema, number(value % 3));
    }
    let mut query = all(&schema);
    query.window.first = 2;
    query.conditions = vec![on_field("number", Test::NotEqual(Operand::Value(Value::Int(2))))];
    for size in [2, 2, 1] {
        let page = world.collection(&query);
        assert_eq!((page.items.len(), page.total), (size, Some(5)));
        assert_eq!(page.has_next, size == 2);
        query.window.after = page.items.last().map(|item| item.cursor.clone());
    }
    assert!(world.collection(&query).items.is_empty(), "nothing comes behind the last");
    assert_eq!(world.collection(&query).total, Some(5));
    query.window.count = false;
    assert_eq!(world.collection(&query).total, None);
}

/// Cursors survive being written down and do not depend on what is selected or asked for.
pub(super) fn check_cursors(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = Zoo::new(new_store());
    for order in super::orders::all_orders() {
        let mut query = all(&zoo.animal);
        query.order = order;
        let whole = zoo.world.collection(&query);
        for (index, item) in whole.items.iter().enumerate() {
            let cursor = Cursor::decode(&item.cursor.encode()).expect("it was encoded before");
            assert_eq!(cursor, item.cursor);
            let mut query = query.clone();
            query.window.after = Some(cursor);
            query.selection = Selection::Only(Vec::new());
            let rest = zoo.world.collection(&query);
            assert_eq!(ids(&rest), ids(&whole)[index + 1..], "{:?}", query.order);
        }
    }
}

/// A cursor of another order is refused, and so is one of a relation list.
pub(super) fn check_foreign_cursors(new_store: &dyn Fn() -> Box<dyn Store>) {
    let (mut world, schema) = world(new_store);
    let thing = world.create(&schema, number(1));
    world.create(&schema, number(2));
    let order = |by, direction| Order { by, direction };
    let orders = [
        by("number", Direction::Ascending),
        by("number", Direction::Descending),
        order(OrderBy::DocumentId, Direction::Ascending),
        order(OrderBy::DocumentId, Direction::Descending),
        order(OrderBy::ViewId, Direction::Ascending),
    ];
    let queries = orders.map(|order| CollectionQuery { order, ..all(&schema) });
    let cursors = queries.each_ref().map(|query| world.collection(query).items.remove(0).cursor);
    for (a, query) in queries.iter().enumerate() {
        for (b, cursor) in cursors.iter().enumerate() {
            let mut query = query.clone();
            query.window.after = Some(cursor.clone());
            let found = world.snapshot().collection(&query);
            match found {
                Ok(page) if a == b => assert_eq!(page.items.len(), 1),
                Err(StoreError::ForeignCursor) if a != b => {}
                other => panic!("unexpected {other:?} for cursor {b} in order {a}"),
            }
        }
    }
    let mut query = queries[0].clone();
    let scope = Scope::list(&thing, &super::world::name("number"), Some(&query.order));
    query.window.after = Some(Cursor { scope, position: Some(0), ..cursors[0].clone() });
    let found = world.snapshot().collection(&query);
    assert!(matches!(found, Err(StoreError::ForeignCursor)), "{found:?}");
}

/// A walk meets every document that stays where it is exactly once, whatever happens to others,
/// also to the one under the cursor.
pub(super) fn check_changes_between_pages(new_store: &dyn Fn() -> Box<dyn Store>) {
    for direction in [Direction::Ascending, Direction::Descending] {
        for first in 1..4 {
            walk_among_changes(new_store, direction, first);
        }
    }
}

fn walk_among_changes(new_store: &dyn Fn() -> Box<dyn Store>, direction: Direction, first: usize) {
    let (mut world, schema) = world(new_store);
    // Many ties, so that pages end between equal ones.
    let things: Vec<_> = (0..24).map(|value| world.create(&schema, number(value / 5))).collect();
    let mut visits: BTreeMap<DocumentId, usize> = BTreeMap::new();
    let mut moved = Vec::new();
    let mut query = all(&schema);
    query.order = by("number", direction);
    query.window.first = first;
    for round in 0.. {
        let page = world.collection(&query);
        for id in ids(&page) {
            *visits.entry(id).or_default() += 1;
        }
        let Some(last) = page.items.last() else { break };
        query.window.after = Some(last.cursor.clone());
        if round < 8 {
            let under_cursor = last.document.id;
            let other = things[(round * 7 + 3) % things.len()];
            for (id, change) in [(under_cursor, round % 3), (other, (round + 1) % 3)] {
                if moved.contains(&id) {
                    continue;
                }
                moved.push(id);
                match change {
                    0 => drop(world.delete(id)),
                    1 => drop(world.update(id, number(4 - i64::try_from(round / 2).unwrap_or(0)))),
                    _ => drop(world.update(id, Fields::new())),
                }
            }
            let new = i64::try_from(round).unwrap_or(0);
            moved.push(world.create(&schema, number(new)));
        }
        if !page.has_next {
            break;
        }
    }
    for thing in things.iter().filter(|thing| !moved.contains(thing)) {
        assert_eq!(visits.get(thing), Some(&1), "pages of {first}, {direction:?}");
    }
}
