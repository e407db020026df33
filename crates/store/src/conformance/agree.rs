//! Comparing the answers of a store with those of [`evaluate`](crate::evaluate).

use std::cmp::Ordering;

use crate::contract::{DocumentRecord, Snapshot};
use crate::cursor::Cursor;
use crate::evaluate;
use crate::query::{CollectionQuery, Direction, ListQuery, Page};

/// Asks for a page of a collection, which has all these documents.
pub(super) fn collection(
    snapshot: &dyn Snapshot,
    query: &CollectionQuery,
    records: &[DocumentRecord],
) -> Page {
    let expected = evaluate::collection(query, records.iter().cloned())
        .expect("the cursor is one of this order");
    let found = snapshot.collection(query).expect("collections can be read");
    check(&found, &expected, query.order.direction, &format!("{query:?}"));
    found
}

/// Asks for a page of a single list, of which these are the targets.
pub(super) fn list(
    snapshot: &dyn Snapshot,
    query: &ListQuery,
    targets: &[(u64, DocumentRecord)],
) -> Page {
    let [list] = query.lists.as_slice() else { panic!("expected one list in {query:?}") };
    let expected = evaluate::list(query, list, targets.iter().cloned());
    let found = snapshot.lists(query).expect("lists can be read").pop();
    let found = found.expect("one answer for one list");
    let direction = query.order.as_ref().map_or(Direction::Ascending, |order| order.direction);
    check(&found, &expected, direction, &format!("{query:?}"));
    found
}

fn check(found: &Page, expected: &Page, direction: Direction, question: &str) {
    let records = |page: &Page| {
        page.items.iter().map(|item| item.document.clone()).collect::<Vec<DocumentRecord>>()
    };
    assert_eq!(records(found), records(expected), "documents of {question}");
    assert_eq!(found.has_next, expected.has_next, "whether more follow in {question}");
    assert_eq!(found.total, expected.total, "size of {question}");
    for (found, expected) in found.items.iter().zip(&expected.items) {
        let is_same = is_same_place(&found.cursor, &expected.cursor, direction);
        assert!(is_same, "{:?} is the place of {:?} in {question}", found.cursor, expected.cursor);
    }
}

/// Whether two cursors lead to the same place; zeros may differ in their sign.
fn is_same_place(a: &Cursor, b: &Cursor, direction: Direction) -> bool {
    a.scope == b.scope
        && a.document == b.document
        && a.compare(&b.key, &b.document, b.position, direction) == Ordering::Equal
}
