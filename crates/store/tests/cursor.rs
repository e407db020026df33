//! Places in an ordered result: their encoding and their order.

use std::cmp::Ordering;

use pandan_bamboo::Hash;
use pandan_operations::{DocumentId, FieldName, Float, OperationId, SystemSchema};
use pandan_schema::Value;
use pandan_store::cursor::{Cursor, OrderKey, Scope};
use pandan_store::limits::{ORDER_KEY_BYTES, ORDER_KEY_CHARS};
use pandan_store::query::{Direction, Order, OrderBy};
use proptest::prelude::*;

fn document(number: u8) -> DocumentId {
    DocumentId::from_hash(Hash::of(&[number]))
}

fn field(name: &str) -> FieldName {
    FieldName::parse(name).expect("the name is good")
}

fn by_field(name: &str, direction: Direction) -> Order {
    Order { by: OrderBy::Field(field(name)), direction }
}

fn scopes() -> Vec<Scope> {
    let mut scopes = Vec::new();
    let orders = [OrderBy::DocumentId, OrderBy::ViewId, OrderBy::Field(field("id"))];
    let orders = orders.into_iter().flat_map(|by| {
        [Direction::Ascending, Direction::Descending]
            .map(|direction| Order { by: by.clone(), direction })
    });
    for order in orders {
        scopes.push(Scope::collection(&SystemSchema::Blob.into(), &order));
        scopes.push(Scope::list(&document(1), &field("list"), Some(&order)));
    }
    scopes.push(Scope::collection(&SystemSchema::BlobPiece.into(), &Order::default()));
    scopes.push(Scope::list(&document(1), &field("list"), None));
    scopes.push(Scope::list(&document(1), &field("other"), None));
    scopes.push(Scope::list(&document(2), &field("list"), None));
    scopes
}

fn any_value() -> impl Strategy<Value = Value> {
    let ids = || any::<u8>().prop_map(document);
    let views = || {
        prop::collection::vec(any::<u8>(), 1..4).prop_map(|numbers| {
            let tips = numbers.into_iter().map(|number| OperationId::from(document(number)));
            pandan_operations::DocumentViewId::from_tips(tips).expect("there are tips")
        })
    };
    let float = prop_oneof![
        any::<f64>(),
        prop::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
    ];
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        float.prop_map(|number| Value::Float(Float::new(number))),
        ".{0,300}".prop_map(Value::Str),
        "[aAbBzZ\0ä]{0,4}".prop_map(Value::Str),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
        ids().prop_map(Value::Relation),
        prop::collection::vec(ids(), 0..3).prop_map(Value::RelationList),
        views().prop_map(Value::PinnedRelation),
        prop::collection::vec(views(), 0..3).prop_map(Value::PinnedRelationList),
    ]
}

fn any_cursor() -> impl Strategy<Value = Cursor> {
    let scope = prop::sample::select(scopes());
    let position = prop::option::of(any::<u64>());
    (scope, any_value(), any::<u8>(), position).prop_map(|(scope, value, number, position)| {
        Cursor { scope, key: OrderKey::of(&value), document: document(number), position }
    })
}

#[test]
fn scopes_tell_orders_and_lists_apart() {
    let scopes = scopes();
    for (index, scope) in scopes.iter().enumerate() {
        assert!(!scopes[index + 1..].contains(scope), "scope {index} comes twice");
    }
    let collection =
        |name, direction| Scope::collection(&SystemSchema::Blob.into(), &by_field(name, direction));
    assert_ne!(
        collection("a", Direction::Ascending),
        collection("a", Direction::Descending),
        "directions differ"
    );
    assert_eq!(collection("a", Direction::Ascending), collection("a", Direction::Ascending));
}

#[test]
fn keys_are_compared_as_described() {
    let key = |value: &Value| OrderKey::of(value);
    let text = |text: &str| key(&Value::Str(text.into()));
    let float = |number: f64| key(&Value::Float(Float::new(number)));
    let bytes = |bytes: &[u8]| key(&Value::Bytes(bytes.into()));
    let long = "x".repeat(ORDER_KEY_CHARS);
    let table = [
        (text("a"), text("B"), Ordering::Less),
        (text("A"), text("a"), Ordering::Equal),
        (text("Z"), text("["), Ordering::Greater),
        (text("Ä"), text("ä"), Ordering::Less),
        (text("a"), text("a "), Ordering::Less),
        (text("a\0b"), text("a\0a"), Ordering::Equal),
        (text(&format!("{long}a")), text(&format!("{long}b")), Ordering::Equal),
        (text(&format!("{}ä", "x".repeat(ORDER_KEY_CHARS - 1))), text(&long), Ordering::Greater),
        (float(0.0), float(-0.0), Ordering::Equal),
        (float(f64::NAN), float(f64::NAN), Ordering::Equal),
        (float(f64::INFINITY), float(f64::NAN), Ordering::Less),
        (float(-1.0), float(f64::NEG_INFINITY), Ordering::Greater),
        (bytes(&[1]), bytes(&[1, 0]), Ordering::Less),
        (bytes(&[0; ORDER_KEY_BYTES]), bytes(&[0; ORDER_KEY_BYTES + 1]), Ordering::Equal),
        (key(&Value::Bool(false)), key(&Value::Bool(true)), Ordering::Less),
        (key(&Value::Int(i64::MIN)), key(&Value::Int(-1)), Ordering::Less),
        (key(&Value::RelationList(vec![])), OrderKey::document(&document(1)), Ordering::Less),
    ];
    for (a, b, expected) in table {
        assert_eq!(a.compare(&b), expected, "{a:?} and {b:?}");
        assert_eq!(b.compare(&a), expected.reverse(), "{b:?} and {a:?}");
    }
}

#[test]
fn ties_go_by_document_id_in_both_directions() {
    let (mut low, mut high) = (document(1), document(2));
    if low > high {
        std::mem::swap(&mut low, &mut high);
    }
    for direction in [Direction::Ascending, Direction::Descending] {
        let scope = Scope::collection(&SystemSchema::Blob.into(), &by_field("a", direction));
        let at = |key: i64, document| Cursor {
            scope,
            key: OrderKey::Int(key),
            document,
            position: None,
        };
        let compare = |a: &Cursor, b: &Cursor| b.compare(&a.key, &a.document, None, direction);
        assert_eq!(compare(&at(1, high), &at(1, low)), Ordering::Greater);
        assert_eq!(compare(&at(1, low), &at(1, low)), Ordering::Equal);
        let expected = match direction {
            Direction::Ascending => Ordering::Less,
            Direction::Descending => Ordering::Greater,
        };
        assert_eq!(compare(&at(1, high), &at(2, low)), expected);
    }
}

#[test]
fn bytes_that_are_no_cursor_are_refused() {
    let cursor = Cursor {
        scope: scopes()[0],
        key: OrderKey::Bool(true),
        document: document(1),
        position: Some(1),
    };
    let good = cursor.encode();
    for length in 0..good.len() {
        assert!(Cursor::decode(&good[..length]).is_err(), "cut to {length} bytes");
    }
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        assert!(Cursor::decode(&bytes).is_err(), "{bytes:?}");
    };
    refused(&|bytes| bytes.push(0));
    refused(&|bytes| bytes[40] = 2);
    refused(&|bytes| bytes[49] = 9);
    refused(&|bytes| bytes[50] = 2);
    let text = Cursor { key: OrderKey::Text("x".repeat(ORDER_KEY_CHARS + 1)), ..cursor };
    assert!(Cursor::decode(&text.encode()).is_err(), "no key is so long");
    let bytes = Cursor { key: OrderKey::Bytes(vec![0; 1024 * 32 + 1]), ..cursor };
    assert!(Cursor::decode(&bytes.encode()).is_err(), "no key is so long");
}

proptest! {
    #[test]
    fn cursors_come_back_from_their_bytes(cursor in any_cursor()) {
        let bytes = cursor.encode();
        let decoded = Cursor::decode(&bytes).unwrap();
        prop_assert_eq!(decoded.encode(), bytes);
        prop_assert_eq!(decoded, cursor);
    }

    #[test]
    fn no_bytes_make_decoding_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(cursor) = Cursor::decode(&bytes) {
            prop_assert_eq!(cursor.encode(), bytes);
        }
    }

    #[test]
    fn keys_are_in_a_total_order(a in any_value(), b in any_value(), c in any_value()) {
        let (a, b, c) = (OrderKey::of(&a), OrderKey::of(&b), OrderKey::of(&c));
        prop_assert_eq!(a.compare(&b), b.compare(&a).reverse());
        prop_assert_eq!(a.compare(&a), Ordering::Equal);
        let mut keys = [a, b, c];
        keys.sort_by(OrderKey::compare);
        let [a, b, c] = keys;
        prop_assert_ne!(a.compare(&b), Ordering::Greater);
        prop_assert_ne!(b.compare(&c), Ordering::Greater);
        prop_assert_ne!(a.compare(&c), Ordering::Greater);
    }

    #[test]
    fn keys_do_not_turn_values_around(a in any::<i64>(), b in any::<i64>()) {
        let key = |number: i64| OrderKey::of(&Value::Int(number));
        prop_assert_eq!(key(a).compare(&key(b)), a.cmp(&b));
    }
}
