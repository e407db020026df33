//! In which order documents come.

use pandan_operations::DocumentId;

use super::agree;
use super::world::{all, by, deleted_or_not, ids};
use super::zoo::{FIELDS, Zoo};
use crate::contract::Store;
use crate::query::{Direction, Order, OrderBy};

const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];

/// Checks the order of animals: groups in ascending order, each of equal ones.
fn check(zoo: &Zoo, field: &str, groups: &[&[usize]]) {
    for direction in DIRECTIONS {
        let mut groups: Vec<_> = groups.iter().map(|group| sorted(zoo, group)).collect();
        if direction == Direction::Descending {
            groups.reverse();
        }
        let mut query = all(&zoo.animal);
        query.order = by(field, direction);
        let found = ids(&zoo.world.collection(&query));
        assert_eq!(found, groups.concat(), "by {field}, {direction:?}");
    }
}

/// Equal ones go by their ids, in both directions.
fn sorted(zoo: &Zoo, numbers: &[usize]) -> Vec<DocumentId> {
    let mut ids: Vec<_> = numbers.iter().map(|&number| zoo.animals[number]).collect();
    ids.sort_unstable();
    ids
}

/// Fields of each type have their order.
pub(super) fn check_fields(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = Zoo::new(new_store());
    check(&zoo, "bool", &[&[0, 3, 5, 7, 9], &[1, 2, 4, 6, 8]]);
    check(&zoo, "int", &[&[0], &[1, 7], &[2], &[3, 5, 6], &[9], &[8], &[4]]);
    // Both zeros are equal, NaN comes last.
    check(&zoo, "float", &[&[5], &[8], &[1, 2], &[6], &[3], &[9], &[4], &[0, 7]]);
    // Without regard to the case of ASCII letters, up to a NUL, no further than a limit.
    check(&zoo, "str", &[&[0], &[9], &[1, 2], &[3], &[6, 7], &[5, 8], &[4]]);
    check(&zoo, "bytes", &[&[0, 8], &[1], &[2, 9], &[7], &[6], &[4, 5], &[3]]);
}

/// Relations are ordered by the ids they name, lists by their first item, empty ones first.
pub(super) fn check_relations(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = Zoo::new(new_store());
    let groups: [(&str, Vec<(_, &[usize])>); 2] = [
        (
            "relation",
            vec![
                (zoo.places[0], &[0, 2, 6, 8]),
                (zoo.places[1], &[1, 3, 7, 9]),
                (zoo.places[2], &[4, 5]),
            ],
        ),
        (
            "list",
            vec![
                (zoo.places[0], &[1, 2, 8]),
                (zoo.places[1], &[3, 6, 9]),
                (zoo.places[2], &[4, 5]),
            ],
        ),
    ];
    for (field, mut groups) in groups {
        groups.sort_by_key(|(place, _)| *place);
        let empty: &[&[usize]] = if field == "list" { &[&[0, 7]] } else { &[] };
        let groups = groups.into_iter().map(|(_, numbers)| numbers);
        let groups: Vec<_> = empty.iter().copied().chain(groups).collect();
        check(&zoo, field, &groups);
    }
}

/// By document id and by the id of the state, which an update changes.
pub(super) fn check_ids(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = Zoo::new(new_store());
    let records = super::documents(&*zoo.world.snapshot(), &zoo.animal);
    let live = || records.iter().filter(|record| !record.is_deleted());
    let mut by_id: Vec<_> = live().map(|record| record.id).collect();
    by_id.sort_unstable();
    let mut by_view: Vec<_> = live().map(|record| (&record.view_id, record.id)).collect();
    by_view.sort_unstable();
    let by_view: Vec<_> = by_view.into_iter().map(|(_, id)| id).collect();
    assert_ne!(by_id, by_view, "one of them was edited");
    for (order, expected) in [(OrderBy::DocumentId, by_id), (OrderBy::ViewId, by_view)] {
        for direction in DIRECTIONS {
            let mut query = all(&zoo.animal);
            query.order = Order { by: order.clone(), direction };
            let found = ids(&zoo.world.collection(&query));
            let mut expected = expected.clone();
            if direction == Direction::Descending {
                expected.reverse();
            }
            assert_eq!(found, expected, "by {order:?}, {direction:?}");
        }
    }
}

/// Every order in both directions, with and without deleted documents, in pages of every size.
pub(super) fn check_all_orders_in_pages(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = Zoo::new(new_store());
    let snapshot = zoo.world.snapshot();
    let records = super::documents(&*snapshot, &zoo.animal);
    for order in all_orders() {
        for conditions in [vec![], vec![deleted_or_not()]] {
            for first in 1..=records.len() + 1 {
                let mut query = all(&zoo.animal);
                query.order = order.clone();
                query.conditions = conditions.clone();
                query.window.first = first;
                loop {
                    let page = agree::collection(&*snapshot, &query, &records);
                    assert!(page.items.len() == first || !page.has_next, "pages are full");
                    query.window.after = page.items.last().map(|item| item.cursor.clone());
                    if !page.has_next {
                        break;
                    }
                }
            }
        }
    }
}

/// All orders of animals.
pub(super) fn all_orders() -> Vec<Order> {
    let by_field = FIELDS.map(|field| OrderBy::Field(super::world::name(field)));
    let all = [OrderBy::DocumentId, OrderBy::ViewId].into_iter().chain(by_field);
    let both = |by: OrderBy| DIRECTIONS.map(|direction| Order { by: by.clone(), direction });
    all.flat_map(both).collect()
}
