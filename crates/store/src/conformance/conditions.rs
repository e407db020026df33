//! Which documents conditions find.

use pandan_operations::{DocumentId, DocumentViewId, Float, RawValue};
use pandan_schema::Value;

use super::agree;
use super::author::fields;
use super::world::{deleted_or_not, on, on_field};
use super::zoo::{FIELDS, Zoo, no_operation};
use crate::contract::{DocumentRecord, Store};
use crate::query::{Condition, Operand, Subject, Test};

fn int(number: i64) -> Operand {
    Operand::Value(Value::Int(number))
}

fn float(number: f64) -> Operand {
    Operand::Value(Value::Float(Float::new(number)))
}

fn str(text: &str) -> Operand {
    Operand::Value(Value::Str(text.into()))
}

fn bytes(bytes: &[u8]) -> Operand {
    Operand::Value(Value::Bytes(bytes.into()))
}

fn bool(is: bool) -> Operand {
    Operand::Value(Value::Bool(is))
}

fn document(id: DocumentId) -> Operand {
    Operand::Value(Value::Relation(id))
}

fn view(id: &DocumentViewId) -> Operand {
    Operand::Value(Value::PinnedRelation(id.clone()))
}

/// Checks each row of a table: under a condition, animals with these numbers are found.
fn check(zoo: &Zoo, table: &[(Condition, &[usize])]) {
    for (condition, expected) in table {
        let question = format!("{condition:?}");
        let found = zoo.world.ids(&zoo.animal, vec![condition.clone()]);
        let mut expected: Vec<_> = expected.iter().map(|&number| zoo.animals[number]).collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "{question}");
    }
}

/// The same, for conditions on one field.
fn check_field(zoo: &Zoo, field: &str, table: &[(Test, &[usize])]) {
    let on_field = |(test, expected): &(Test, _)| (on_field(field, test.clone()), *expected);
    check(zoo, &table.iter().map(on_field).collect::<Vec<_>>());
}

/// Integers compare as numbers over their whole range.
pub(super) fn check_integers(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = Zoo::new(new_store());
    check_field(
        &zoo,
        "int",
        &[
            (Test::Equal(int(1)), &[3, 5, 6]),
            (Test::NotEqual(int(1)), &[0, 1, 2, 4, 7, 8, 9]),
            (Test::Greater(int(1)), &[4, 8, 9]),
            (Test::GreaterOrEqual(int(1)), &[3, 4, 5, 6, 8, 9]),
            (Test::Less(int(-1)), &[0]),
            (Test::LessOrEqual(int(-1)), &[0, 1, 7]),
            (Test::Greater(int(i64::MAX)), &[]),
            (Test::GreaterOrEqual(int(i64::MAX)), &[4]),
            (Test::LessOrEqual(int(i64::MIN)), &[0]),
            (Test::Less(int(i64::MIN)), &[]),
            (Test::In(vec![int(0), int(7), int(7), int(99)]), &[2, 8]),
            (Test::In(vec![]), &[]),
            (Test::NotIn(vec![int(1), int(-1)]), &[0, 2, 4, 8, 9]),
            (Test::NotIn(vec![]), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ],
    );
}

/// Floats compare as numbers, both zeros are one, NaN equals itself and comes last.
pub(super) fn check_floats(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = Zoo::new(new_store());
    check_field(
        &zoo,
        "float",
        &[
            (Test::Equal(float(0.0)), &[1, 2]),
            (Test::Equal(float(-0.0)), &[1, 2]),
            (Test::NotEqual(float(-0.0)), &[0, 3, 4, 5, 6, 7, 8, 9]),
            (Test::Equal(float(f64::NAN)), &[0, 7]),
            (Test::NotEqual(float(f64::NAN)), &[1, 2, 3, 4, 5, 6, 8, 9]),
            (Test::Greater(float(f64::INFINITY)), &[0, 7]),
            (Test::GreaterOrEqual(float(f64::INFINITY)), &[0, 4, 7]),
            (Test::GreaterOrEqual(float(f64::NAN)), &[0, 7]),
            (Test::Greater(float(f64::NAN)), &[]),
            (Test::Less(float(f64::NAN)), &[1, 2, 3, 4, 5, 6, 8, 9]),
            (Test::LessOrEqual(float(f64::NAN)), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
            (Test::Less(float(0.0)), &[5, 8]),
            (Test::Less(float(-0.0)), &[5, 8]),
            (Test::LessOrEqual(float(-0.0)), &[1, 2, 5, 8]),
            (Test::Greater(float(0.0)), &[0, 3, 4, 6, 7, 9]),
            (Test::Greater(float(0.1)), &[0, 3, 4, 7, 9]),
            (Test::Less(float(f64::NEG_INFINITY)), &[]),
            (Test::In(vec![float(f64::NAN), float(0.0), float(1.5)]), &[0, 1, 2, 3, 7]),
            (Test::NotIn(vec![float(f64::NAN), float(-0.0)]), &[3, 4, 5, 6, 8, 9]),
            (Test::In(vec![]), &[]),
        ],
    );
}

/// Texts compare by their bytes, all of them, case and NUL included.
pub(super) fn check_texts(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = Zoo::new(new_store());
    let long = "x".repeat(crate::limits::ORDER_KEY_CHARS);
    check_field(
        &zoo,
        "str",
        &[
            (Test::Equal(str("apple")), &[1]),
            (Test::Equal(str("")), &[0]),
            (Test::Equal(str("ÄPFEL")), &[]),
            (Test::Equal(str("ÄPFEL\0tail")), &[5]),
            (Test::Equal(str(&long)), &[]),
            (Test::Equal(str(&format!("{long}b"))), &[7]),
            (Test::NotEqual(str("ÄPFEL\0tail")), &[0, 1, 2, 3, 4, 6, 7, 8, 9]),
            (Test::Greater(str("Apple")), &[1, 4, 5, 6, 7, 8]),
            (Test::Less(str("Apple")), &[0, 3, 9]),
            (Test::LessOrEqual(str("Apple")), &[0, 2, 3, 9]),
            (Test::Greater(str(&format!("{long}a"))), &[4, 5, 7, 8]),
            (Test::GreaterOrEqual(str("ÄPFEL\0tail")), &[4, 5]),
            (Test::Less(str("ÄPFEL\0tail")), &[0, 1, 2, 3, 6, 7, 8, 9]),
            (Test::Less(str("")), &[]),
            (Test::In(vec![str("apple"), str("Apple"), str("äpfel")]), &[1, 2, 4]),
            (Test::NotIn(vec![str("apple"), str("'; --")]), &[0, 2, 3, 4, 5, 6, 7, 8]),
            (Test::In(vec![]), &[]),
        ],
    );
}

/// Parts of texts are taken literally, and the case of ASCII letters makes no difference.
pub(super) fn check_parts_of_texts(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = Zoo::new(new_store());
    let contains = |text: &str| Test::Contains(text.into());
    check_field(
        &zoo,
        "str",
        &[
            (contains("APP"), &[1, 2, 3]),
            (contains("pfel"), &[4, 5, 8]),
            (contains("äpfel"), &[4]),
            (contains("ÄPFEL"), &[5, 8]),
            (contains("%"), &[3]),
            (contains("a_b"), &[3]),
            (contains("_"), &[3]),
            (contains("a%b"), &[]),
            (contains("tail"), &[5]),
            (contains("\0"), &[5, 8]),
            (contains("';"), &[9]),
            (contains("\\"), &[]),
            (contains("*"), &[]),
            (contains("xA"), &[6]),
            (contains(""), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
            (Test::NotContains("app".into()), &[0, 4, 5, 6, 7, 8, 9]),
            (Test::NotContains("%".into()), &[0, 1, 2, 4, 5, 6, 7, 8, 9]),
            (Test::NotContains(String::new()), &[]),
        ],
    );
}

/// Truth values and bytes.
pub(super) fn check_booleans_and_bytes(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = Zoo::new(new_store());
    check_field(
        &zoo,
        "bool",
        &[
            (Test::Equal(bool(true)), &[1, 2, 4, 6, 8]),
            (Test::NotEqual(bool(true)), &[0, 3, 5, 7, 9]),
            (Test::In(vec![bool(true), bool(false)]), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
            (Test::In(vec![]), &[]),
        ],
    );
    let long = [vec![7; crate::limits::ORDER_KEY_BYTES], vec![2]].concat();
    check_field(
        &zoo,
        "bytes",
        &[
            (Test::Equal(bytes(&[])), &[0, 8]),
            (Test::Equal(bytes(&[0])), &[1]),
            (Test::Equal(bytes(&[0, 0])), &[2, 9]),
            (Test::NotEqual(bytes(&[0, 0])), &[0, 1, 3, 4, 5, 6, 7, 8]),
            (Test::Equal(bytes(&long)), &[5]),
            (Test::Equal(bytes(&long[..long.len() - 1])), &[]),
            (Test::In(vec![bytes(&[255]), bytes(&[1, 2]), bytes(&[1])]), &[3, 7]),
            (Test::NotIn(vec![bytes(&[255]), bytes(&[])]), &[1, 2, 4, 5, 6, 7, 9]),
        ],
    );
}

/// Relations, whether or not their targets are there.
pub(super) fn check_relations(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = Zoo::new(new_store());
    let [a, b, none] = zoo.places.map(document);
    check_field(
        &zoo,
        "relation",
        &[
            (Test::Equal(a.clone()), &[0, 2, 6, 8]),
            (Test::NotEqual(a), &[1, 3, 4, 5, 7, 9]),
            (Test::Equal(none.clone()), &[4, 5]),
            (Test::In(vec![b.clone(), none.clone()]), &[1, 3, 4, 5, 7, 9]),
            (Test::NotIn(vec![b, none]), &[0, 2, 6, 8]),
            (Test::In(vec![document(zoo.animals[0])]), &[]),
        ],
    );
    let [pin_a, pin_b, pin_none] = [0, 1, 2].map(|number| view(&zoo.pins[number]));
    check_field(
        &zoo,
        "pin",
        &[
            (Test::Equal(pin_a.clone()), &[0, 2, 6, 7]),
            (Test::NotEqual(pin_a), &[1, 3, 4, 5, 8, 9]),
            (Test::In(vec![pin_none.clone(), pin_b.clone()]), &[1, 3, 4, 8, 9]),
            (Test::NotIn(vec![pin_none, pin_b]), &[0, 2, 5, 6, 7]),
            (Test::Equal(view(&mixed(&zoo))), &[5]),
        ],
    );
}

fn mixed(zoo: &Zoo) -> DocumentViewId {
    let tips = zoo.pins[..2].iter().flatten().copied();
    DocumentViewId::from_tips(tips).expect("there are two tips")
}

/// In lists, `In` asks for at least one item of the set and `NotIn` for none.
pub(super) fn check_lists(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = Zoo::new(new_store());
    let [a, b, none] = zoo.places.map(document);
    check_field(
        &zoo,
        "list",
        &[
            (Test::In(vec![a.clone()]), &[1, 2, 4, 6, 8]),
            (Test::In(vec![a.clone(), b.clone()]), &[1, 2, 3, 4, 6, 8, 9]),
            (Test::In(vec![none.clone()]), &[4, 5]),
            (Test::In(vec![]), &[]),
            (Test::NotIn(vec![a.clone()]), &[0, 3, 5, 7, 9]),
            (Test::NotIn(vec![a, b]), &[0, 5, 7]),
            (Test::NotIn(vec![none]), &[0, 1, 2, 3, 6, 7, 8, 9]),
            (Test::NotIn(vec![]), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ],
    );
    let [pin_a, pin_b] = [0, 1].map(|number| view(&zoo.pins[number]));
    check_field(
        &zoo,
        "pins",
        &[
            (Test::In(vec![pin_a.clone()]), &[1, 2, 4, 6, 8]),
            (Test::In(vec![pin_b.clone(), view(&mixed(&zoo))]), &[2, 3, 5, 6, 9]),
            (Test::NotIn(vec![pin_a, pin_b]), &[0, 5, 7]),
            (Test::NotIn(vec![view(&no_operation().into())]), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ],
    );
}

/// What is known of a document beside its fields.
pub(super) fn check_meta(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut zoo = Zoo::new(new_store());
    let edit = zoo.sign_change(3, fields([("int", RawValue::Int(1))]));
    zoo.world.publish(&edit);
    let owner = |owner| Operand::Owner(owner);
    let (mine, theirs) = (zoo.world.author.public_key(), zoo.other.public_key());
    let [first, third] = [0, 3].map(|number| zoo.animals[number]);
    let created = DocumentViewId::from(third);
    check(
        &zoo,
        &[
            (on(Subject::Owner, Test::Equal(owner(theirs))), &[1, 3, 5, 7, 9]),
            (on(Subject::Owner, Test::NotEqual(owner(theirs))), &[0, 2, 4, 6, 8]),
            (
                on(Subject::Owner, Test::In(vec![owner(mine), owner(theirs)])),
                &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
            ),
            (on(Subject::Owner, Test::NotIn(vec![owner(mine)])), &[1, 3, 5, 7, 9]),
            (on(Subject::Edited, Test::Equal(bool(true))), &[3, 9]),
            (on(Subject::Edited, Test::NotEqual(bool(true))), &[0, 1, 2, 4, 5, 6, 7, 8]),
            (on(Subject::DocumentId, Test::Equal(document(third))), &[3]),
            (on(Subject::DocumentId, Test::In(vec![document(third), document(first)])), &[0, 3]),
            (on(Subject::DocumentId, Test::In(vec![])), &[]),
            (
                on(Subject::DocumentId, Test::NotIn(vec![document(third), document(first)])),
                &[1, 2, 4, 5, 6, 7, 8, 9],
            ),
            (
                on(Subject::DocumentId, Test::NotEqual(document(zoo.deleted))),
                &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
            ),
            (on(Subject::ViewId, Test::Equal(view(&edit.view()))), &[3]),
            (on(Subject::ViewId, Test::Equal(view(&created))), &[]),
            (on(Subject::ViewId, Test::NotEqual(view(&edit.view()))), &[0, 1, 2, 4, 5, 6, 7, 8, 9]),
            (on(Subject::ViewId, Test::In(vec![view(&edit.view()), view(&first.into())])), &[0, 3]),
            (on(Subject::Deleted, Test::Equal(bool(false))), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
            (on(Subject::Deleted, Test::NotEqual(bool(true))), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ],
    );
}

/// Deleted documents are found when asked for. They have no fields, and no test of a field holds.
pub(super) fn check_deleted(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = Zoo::new(new_store());
    let find = |conditions| zoo.world.ids(&zoo.animal, conditions);
    let is_deleted = || on(Subject::Deleted, Test::Equal(bool(true)));
    assert_eq!(find(vec![is_deleted()]), [zoo.deleted]);
    assert_eq!(find(vec![on(Subject::Deleted, Test::NotEqual(bool(false)))]), [zoo.deleted]);
    assert_eq!(find(vec![on(Subject::DocumentId, Test::Equal(document(zoo.deleted)))]), []);
    assert_eq!(find(vec![deleted_or_not()]).len(), zoo.animals.len() + 1);
    let owner = Operand::Owner(zoo.world.author.public_key());
    assert_eq!(find(vec![is_deleted(), on(Subject::Owner, Test::Equal(owner))]), [zoo.deleted]);
    let edited = on(Subject::Edited, Test::Equal(bool(true)));
    assert_eq!(find(vec![is_deleted(), edited]), [zoo.deleted], "deleting is editing");
    for test in [Test::Equal(int(0)), Test::NotEqual(int(0)), Test::NotIn(vec![])] {
        assert_eq!(find(vec![is_deleted(), on_field("int", test)]), [], "it has no fields");
    }
    for field in ["list", "pins"] {
        assert_eq!(find(vec![is_deleted(), on_field(field, Test::NotIn(vec![]))]), []);
    }
    let not = on_field("str", Test::NotContains("x".into()));
    assert_eq!(find(vec![is_deleted(), not]), [], "it has no fields");
    let record = zoo.world.document(zoo.deleted);
    assert!(record.is_deleted() && record.is_edited);
    assert_eq!(find(vec![is_deleted(), on(Subject::Deleted, Test::Equal(bool(false)))]), []);
}

/// All conditions have to hold, also several on one field.
pub(super) fn check_conjunction(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = Zoo::new(new_store());
    let check = |conditions: Vec<Condition>, expected: &[usize]| {
        let question = format!("{conditions:?}");
        let mut expected: Vec<_> = expected.iter().map(|&number| zoo.animals[number]).collect();
        expected.sort_unstable();
        assert_eq!(zoo.world.ids(&zoo.animal, conditions), expected, "{question}");
    };
    check(vec![], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let range = [Test::Greater(int(-1)), Test::LessOrEqual(int(1))];
    check(range.map(|test| on_field("int", test)).into(), &[2, 3, 5, 6]);
    let both = [Test::Equal(str("apple")), Test::In(vec![str("Apple")])];
    check(both.map(|test| on_field("str", test)).into(), &[]);
    let [a, b, _] = zoo.places.map(document);
    let both = [a, b.clone()].map(|place| on_field("list", Test::In(vec![place])));
    check(both.into(), &[2, 6]);
    check(
        vec![
            on_field("bool", Test::Equal(bool(false))),
            on_field("relation", Test::Equal(b)),
            on_field("int", Test::GreaterOrEqual(int(1))),
        ],
        &[3, 9],
    );
}

/// Whatever is asked of whatever field, the answer is that of
/// [`evaluate`](crate::evaluate).
pub(super) fn check_all_tests_of_all_fields(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = Zoo::new(new_store());
    let snapshot = zoo.world.snapshot();
    let records = super::documents(&*snapshot, &zoo.animal);
    let query = super::world::all(&zoo.animal);
    for field in FIELDS {
        let (operands, is_list) = (operands(&records, field), matches!(field, "list" | "pins"));
        for test in operands.iter().flat_map(|operand| tests(operand, &operands, is_list)) {
            for deleted in [None, Some(deleted_or_not())] {
                let mut query = query.clone();
                query.conditions = deleted.into_iter().collect();
                query.conditions.push(on_field(field, test.clone()));
                agree::collection(&*snapshot, &query, &records);
            }
        }
    }
}

/// All values of a field; of lists, their items.
fn operands(records: &[DocumentRecord], field: &str) -> Vec<Operand> {
    let values = records.iter().filter_map(|record| record.field(field));
    let items = values.flat_map(|value| match value {
        Value::RelationList(ids) => ids.iter().copied().map(Value::Relation).collect(),
        Value::PinnedRelationList(ids) => ids.iter().cloned().map(Value::PinnedRelation).collect(),
        value => vec![value.clone()],
    });
    items.map(Operand::Value).collect()
}

/// All tests that can be made with an operand, as far as they are asked for by any client.
fn tests(operand: &Operand, all: &[Operand], is_list: bool) -> Vec<Test> {
    let set = || all.iter().step_by(2).cloned().chain([operand.clone()]).collect::<Vec<_>>();
    let mut tests = vec![
        Test::In(vec![operand.clone()]),
        Test::NotIn(vec![operand.clone()]),
        Test::In(set()),
        Test::NotIn(set()),
    ];
    let Operand::Value(value) = operand else { return tests };
    if is_list {
        return tests;
    }
    let one = || operand.clone();
    tests.extend([Test::Equal(one()), Test::NotEqual(one())]);
    if let Value::Int(_) | Value::Float(_) | Value::Str(_) = value {
        tests.extend([Test::Less(one()), Test::LessOrEqual(one())]);
        tests.extend([Test::Greater(one()), Test::GreaterOrEqual(one())]);
    }
    if let Value::Str(text) = value {
        let part: String = text.chars().skip(1).take(3).collect();
        tests.extend([Test::Contains(part.clone()), Test::NotContains(part)]);
    }
    tests
}
