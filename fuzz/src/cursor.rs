//! Cursors: what is accepted is encoded to the same bytes, and places are in one order.

use std::cmp::Ordering;

use pandan_store::cursor::Cursor;
use pandan_store::query::Direction;

/// Decodes two cursors and compares them.
pub fn check(bytes: &[u8]) {
    let Some((&length, rest)) = bytes.split_first() else { return };
    let (one, other) = rest.split_at(usize::from(length).min(rest.len()));
    let (one, other) = (decode(one), decode(other));
    if let (Some(one), Some(other)) = (one, other) {
        check_order(&one, &other);
    }
}

fn decode(bytes: &[u8]) -> Option<Cursor> {
    let cursor = Cursor::decode(bytes).ok()?;
    assert_eq!(cursor.encode(), bytes, "one encoding");
    assert_eq!(compare(&cursor, &cursor, Direction::Ascending), Ordering::Equal);
    Some(cursor)
}

fn check_order(one: &Cursor, other: &Cursor) {
    let keys = one.key.compare(&other.key);
    assert_eq!(other.key.compare(&one.key), keys.reverse());
    if one.position.is_some() != other.position.is_some() {
        return;
    }
    for direction in [Direction::Ascending, Direction::Descending] {
        let order = compare(one, other, direction);
        assert_eq!(compare(other, one, direction), order.reverse());
    }
}

/// Where the place of `one` lies from that of `other`.
fn compare(one: &Cursor, other: &Cursor, direction: Direction) -> Ordering {
    other.compare(&one.key, &one.document, one.position, direction)
}
