//! Relation lists.

use pandan_operations::{DocumentId, DocumentViewId};
use pandan_schema::Value;

use super::agree;
use super::author::{fields, text};
use super::world::{World, all, by, ids, list, name, on, on_field, window};
use super::zoo::{Zoo, no_operation};
use crate::contract::{DocumentRecord, Snapshot, Store};
use crate::query::{
    Direction, List, ListQuery, Operand, Order, OrderBy, Page, Selection, Subject, Targets, Test,
};

/// Asks for the list in the field `list` of an animal.
fn animals(zoo: &Zoo, targets: &[DocumentId]) -> ListQuery {
    list(&zoo.animal, zoo.animals[0], "list", Targets::Documents(targets.to_vec()))
}

/// Asks for the list in the field `pins` of an animal.
fn pins(zoo: &Zoo, targets: &[DocumentViewId]) -> ListQuery {
    list(&zoo.place, zoo.animals[0], "pins", Targets::Views(targets.to_vec()))
}

fn titles(page: &Page) -> Vec<&str> {
    let titles = page.items.iter().map(|item| match item.document.field("title") {
        Some(Value::Str(title)) => title.as_str(),
        other => panic!("expected a title, found {other:?}"),
    });
    titles.collect()
}

/// Targets come in the order of the list, as often as they are in it; those that are missing,
/// deleted or of another schema are left out.
pub(super) fn check_own_order(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = Zoo::new(new_store());
    let [a, b, c] = [5, 2, 8].map(|number| zoo.animals[number]);
    let none = zoo.places[2];
    let table: [(&[DocumentId], &[DocumentId]); 6] = [
        (&[], &[]),
        (&[a, b, c], &[a, b, c]),
        (&[c, a, c, c, b], &[c, a, c, c, b]),
        (&[none, a, zoo.deleted, b, none], &[a, b]),
        (&[zoo.places[0], a], &[a]),
        (&[none, zoo.deleted, zoo.places[0]], &[]),
    ];
    for (targets, expected) in table {
        let page = zoo.world.list(&animals(&zoo, targets));
        assert_eq!(ids(&page), expected);
        assert_eq!((page.total, page.has_next), (Some(expected.len() as u64), false));
    }
}

/// Pinned lists show the pinned states, also after the document changed, and none of a deleted
/// one.
pub(super) fn check_pinned(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut zoo = Zoo::new(new_store());
    let [one, two, none] = zoo.pins.clone();
    let latest = zoo.world.document(zoo.places[0]).view_id;
    let targets = [latest.clone(), one.clone(), none, two.clone(), one.clone()];
    let query = pins(&zoo, &targets);
    let page = zoo.world.list(&query);
    assert_eq!(titles(&page), ["one, renovated", "one", "two", "one"]);
    let views: Vec<_> = page.items.iter().map(|item| item.document.view_id.clone()).collect();
    assert_eq!(views, [latest, one.clone(), two.clone(), one]);
    let mut filtered = query.clone();
    let title = Operand::Value(Value::Str("one".into()));
    filtered.conditions = vec![on_field("title", Test::Equal(title))];
    assert_eq!(titles(&zoo.world.list(&filtered)), ["one", "one"], "of the pinned state");
    filtered.conditions =
        vec![on(Subject::ViewId, Test::Equal(Operand::Value(Value::PinnedRelation(two))))];
    assert_eq!(titles(&zoo.world.list(&filtered)), ["two"]);
    filtered.conditions = vec![on(Subject::Edited, Test::Equal(Operand::Value(Value::Bool(true))))];
    assert_eq!(titles(&zoo.world.list(&filtered)), ["one, renovated"]);
    let mut ordered = query.clone();
    ordered.order = Some(by("title", Direction::Descending));
    let page = zoo.world.list(&ordered);
    assert_eq!(titles(&page), ["two", "one, renovated", "one", "one"]);
    zoo.world.delete(zoo.places[0]);
    assert_eq!(titles(&zoo.world.list(&query)), ["two"]);
}

/// The latest state of the targets counts, at the time of asking.
pub(super) fn check_latest(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut zoo = Zoo::new(new_store());
    let [a, b, _] = zoo.places;
    let targets = Targets::Documents(vec![b, a]);
    let query = list(&zoo.place, zoo.animals[0], "list", targets);
    assert_eq!(titles(&zoo.world.list(&query)), ["two", "one, renovated"]);
    zoo.world.update(b, fields([("title", text("three"))]));
    assert_eq!(titles(&zoo.world.list(&query)), ["three", "one, renovated"]);
    zoo.world.delete(b);
    assert_eq!(titles(&zoo.world.list(&query)), ["one, renovated"]);
    // A filter does not bring deleted ones back.
    let mut deleted = query;
    deleted.conditions = vec![super::world::deleted_or_not()];
    assert_eq!(titles(&zoo.world.list(&deleted)), ["one, renovated"]);
}

/// Several lists are asked for in one go; a cursor is for one of them, the others begin anew.
pub(super) fn check_several(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = Zoo::new(new_store());
    let [a, b, c] = [0, 1, 2].map(|number| zoo.animals[number]);
    let [x, y] = [5, 6].map(|number| zoo.animals[number]);
    let of = |document, field, targets: &[DocumentId]| List {
        document,
        field: name(field),
        targets: Targets::Documents(targets.to_vec()),
    };
    let mut query = animals(&zoo, &[]);
    query.lists = vec![
        of(x, "list", &[a, b, c]),
        of(y, "list", &[a, b, c]),
        of(x, "other", &[c, b, a]),
        of(y, "other", &[]),
        of(y, "third", &[b]),
    ];
    query.window.first = 2;
    let pages = |query: &ListQuery| {
        let pages = zoo.world.snapshot().lists(query).expect("lists can be read");
        assert_eq!(pages.len(), query.lists.len(), "one page for each list");
        pages
    };
    let first = pages(&query);
    let found: Vec<_> = first.iter().map(ids).collect();
    assert_eq!(found, [vec![a, b], vec![a, b], vec![c, b], vec![], vec![b]]);
    let totals: Vec<_> = first.iter().map(|page| page.total).collect();
    assert_eq!(totals, [3, 3, 3, 0, 1].map(Some));
    assert_eq!(first.iter().map(|page| page.has_next).filter(|&has| has).count(), 3);
    query.window.after = Some(first[0].items[1].cursor.clone());
    let found: Vec<_> = pages(&query).iter().map(ids).collect();
    assert_eq!(found, [vec![c], vec![a, b], vec![c, b], vec![], vec![b]]);
    query.lists.clear();
    assert!(pages(&query).is_empty());
}

/// Every order, filter and page size, over lists with all sorts of items in them.
pub(super) fn check_all_orders_in_pages(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut zoo = Zoo::new(new_store());
    let pinned: Vec<_> = zoo.animals.iter().map(|id| DocumentViewId::from(*id)).collect();
    for number in [1, 3] {
        let change = zoo.sign_change(number, fields([("str", text("changed"))]));
        zoo.world.publish(&change);
    }
    let mut targets = [zoo.animals.as_slice(), &[zoo.deleted, zoo.places[2]]].concat();
    targets.extend_from_within(3..9);
    targets.rotate_left(4);
    let mut views = [pinned.as_slice(), &[no_operation().into(), zoo.deleted.into()]].concat();
    views.push(zoo.world.document(zoo.animals[3]).view_id);
    views.extend_from_within(2..5);
    let snapshot = zoo.world.snapshot();
    let found = snapshot.documents(&targets, &Selection::All).expect("documents can be read");
    let documents = numbered(found);
    let states = numbered(snapshot.views(&views).expect("views can be read"));
    let mut query = animals(&zoo, &targets);
    walk_all(&zoo, &*snapshot, &mut query, &documents);
    query.lists[0].targets = Targets::Views(views);
    walk_all(&zoo, &*snapshot, &mut query, &states);
}

fn numbered(records: Vec<Option<DocumentRecord>>) -> Vec<(u64, DocumentRecord)> {
    let numbered = (0..).zip(records);
    numbered.filter_map(|(position, record)| Some((position, record?))).collect()
}

fn walk_all(
    zoo: &Zoo,
    snapshot: &dyn Snapshot,
    query: &mut ListQuery,
    targets: &[(u64, DocumentRecord)],
) {
    let orders = super::orders::all_orders().into_iter().map(Some).chain([None]);
    let owner = Operand::Owner(zoo.other.public_key());
    let conditions = [
        vec![],
        vec![on(Subject::Owner, Test::Equal(owner))],
        vec![on_field("str", Test::Contains("p".into()))],
        vec![on_field("int", Test::Greater(Operand::Value(Value::Int(-1))))],
        vec![on_field("list", Test::NotIn(vec![]))],
    ];
    for order in orders {
        for (number, conditions) in conditions.iter().enumerate() {
            for first in [1, 2, 5, 100] {
                query.order.clone_from(&order);
                query.conditions.clone_from(conditions);
                query.window = window(first);
                if number % 2 == 1 {
                    query.selection = Selection::Only(vec![name("bool")]);
                } else {
                    query.selection = Selection::All;
                }
                walk(snapshot, query, targets);
            }
        }
    }
}

fn walk(snapshot: &dyn Snapshot, query: &mut ListQuery, targets: &[(u64, DocumentRecord)]) {
    loop {
        let page = agree::list(snapshot, query, targets);
        query.window.after = page.items.last().map(|item| item.cursor.clone());
        if !page.has_next {
            return;
        }
    }
}

/// A list remembers its place by position, so that repetitions are met one by one; a cursor of a
/// collection is none of a list.
pub(super) fn check_repetitions(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = Zoo::new(new_store());
    let a = zoo.animals[0];
    let by_id = Order { by: OrderBy::DocumentId, direction: Direction::Descending };
    for order in [None, Some(by_id)] {
        let mut query = animals(&zoo, &[a; 5]);
        query.order = order;
        query.window.first = 2;
        for size in [2, 2, 1] {
            let page = zoo.world.list(&query);
            assert_eq!((page.items.len(), page.total), (size, Some(5)));
            query.window.after = page.items.last().map(|item| item.cursor.clone());
        }
        assert!(zoo.world.list(&query).items.is_empty());
        let foreign = first_cursor(&zoo.world, &zoo);
        query.window.after = Some(foreign);
        assert_eq!(zoo.world.list(&query).items.len(), 2, "it begins at the beginning");
    }
}

fn first_cursor(world: &World, zoo: &Zoo) -> crate::cursor::Cursor {
    world.collection(&all(&zoo.animal)).items.remove(0).cursor
}
