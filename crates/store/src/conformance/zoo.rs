//! A schema with fields of all types, and documents with all sorts of values in them.

use std::sync::Arc;

use pandan_bamboo::Hash;
use pandan_operations::{DocumentId, DocumentViewId, Fields, Float, OperationId, RawValue};
use pandan_schema::{FieldType, Schema};

use super::author::{
    Author, Signed, fields, pinned_relation, pinned_relation_list, relation, relation_list, text,
};
use super::world::World;
use crate::contract::Store;
use crate::limits::{ORDER_KEY_BYTES, ORDER_KEY_CHARS};

/// Names of the fields, one of each type.
pub(super) const FIELDS: [&str; 9] =
    ["bool", "bytes", "float", "int", "list", "pin", "pins", "relation", "str"];

/// Documents to relate to, and documents that relate to them.
#[derive(Debug)]
pub(super) struct Zoo {
    pub(super) world: World,
    /// The schema of places: `title: str`.
    pub(super) place: Arc<Schema>,
    /// Two places, and a document id that stands for none.
    pub(super) places: [DocumentId; 3],
    /// The state of each place behind its CREATE; the first place was changed since.
    pub(super) pins: [DocumentViewId; 3],
    /// The schema of animals, with a field of each type; see [`FIELDS`].
    pub(super) animal: Arc<Schema>,
    /// Animals, see [`Zoo::animals`]. The last one was edited.
    pub(super) animals: Vec<DocumentId>,
    /// An animal that was deleted.
    pub(super) deleted: DocumentId,
    /// Who owns the animals with odd numbers.
    pub(super) other: Author,
}

impl Zoo {
    pub(super) fn new(store: Box<dyn Store>) -> Self {
        let mut world = World::new(store);
        let place = world.define("place", &[("title", FieldType::Str)]);
        let title = |title| fields([("title", text(title))]);
        let missing = DocumentId::from_hash(Hash::of(b"never published"));
        let places =
            [world.create(&place, title("one")), world.create(&place, title("two")), missing];
        let pins = places.map(DocumentViewId::from);
        world.update(places[0], title("one, renovated"));
        let animal = world.define("animal", &types(&place));
        let (deleted, other) = (missing, Author::new(2));
        let mut zoo =
            Self { world, place, places, pins, animal, animals: Vec::new(), deleted, other };
        zoo.settle();
        zoo
    }

    fn settle(&mut self) {
        for (number, fields) in Self::animals(&self.places, &self.pins).into_iter().enumerate() {
            let schema = self.animal.id();
            let owner = if number % 2 == 0 { &mut self.world.author } else { &mut self.other };
            let signed = owner.create(schema, fields);
            self.animals.push(self.world.publish(&signed).document);
        }
        let last = *self.animals.last().expect("there are animals");
        // Writing the same value once more is editing, too.
        self.world.update(last, fields([("int", RawValue::Int(2))]));
        let fields = self.plain_animal();
        self.deleted = self.world.create(&self.animal, fields);
        self.world.delete(self.deleted);
    }

    /// Fields of an animal without anything remarkable.
    pub(super) fn plain_animal(&self) -> Fields {
        animal((false, 0, 0.0, "", &[]), (self.places[0], &[]), (&self.pins[0], &[]))
    }

    /// What was written of each of the animals.
    pub(super) fn written(&self) -> Vec<Fields> {
        Self::animals(&self.places, &self.pins)
    }

    /// The author of the animals with odd numbers signs a change of one of them.
    pub(super) fn sign_change(&mut self, number: usize, fields: Fields) -> Signed {
        let document = self.animals[number];
        let view = self.world.document(document).view_id;
        self.other.update(document, self.animal.id(), &view, fields)
    }

    /// Every place of the table has a reason: extremes, ties, cases, prefixes, repetitions,
    /// relations to what is not there.
    fn animals(places: &[DocumentId; 3], pins: &[DocumentViewId; 3]) -> Vec<Fields> {
        let [a, b, none] = *places;
        let [pin_a, pin_b, pin_none] = pins;
        let long_bytes = |last| [vec![7; ORDER_KEY_BYTES], vec![last]].concat();
        let long_text = |last| format!("{}{last}", "x".repeat(ORDER_KEY_CHARS));
        let both = [pin_a.as_slice(), pin_b.as_slice()].concat();
        let mixed = DocumentViewId::from_tips(both).expect("there are two tips");
        let pins = |pins: &[&DocumentViewId]| pins.iter().copied().cloned().collect::<Vec<_>>();
        vec![
            animal((false, i64::MIN, f64::NAN, "", &[]), (a, &[]), (pin_a, &[])),
            animal((true, -1, -0.0, "apple", &[0]), (b, &[a]), (pin_b, &pins(&[pin_a]))),
            animal((true, 0, 0.0, "Apple", &[0, 0]), (a, &[a, b]), (pin_a, &pins(&[pin_a, pin_b]))),
            animal(
                (false, 1, 1.5, "APPLE pie 100% a_b", &[255]),
                (b, &[b, b]),
                (pin_b, &pins(&[pin_b, pin_b])),
            ),
            animal(
                (true, i64::MAX, f64::INFINITY, "äpfel", &long_bytes(1)),
                (none, &[none, a]),
                (pin_none, &pins(&[pin_none, pin_a])),
            ),
            animal(
                (false, 1, f64::NEG_INFINITY, "ÄPFEL\0tail", &long_bytes(2)),
                (none, &[none]),
                (&mixed, &pins(&[&mixed])),
            ),
            animal(
                (true, 1, 0.1, &long_text("a"), &[1, 2, 3]),
                (a, &[b, a]),
                (pin_a, &pins(&[pin_b, pin_a])),
            ),
            animal((false, -1, f64::NAN, &long_text("b"), &[1, 2]), (b, &[]), (pin_a, &[])),
            animal((true, 7, -1.5, "ÄPFEL\0head", &[]), (a, &[a]), (pin_b, &pins(&[pin_a]))),
            animal((false, 2, 2.0, "'; --", b"\0\0"), (b, &[b]), (pin_b, &pins(&[pin_b]))),
        ]
    }
}

fn types(place: &Schema) -> [(&'static str, FieldType); 9] {
    let place = || place.id().clone();
    [
        ("bool", FieldType::Bool),
        ("bytes", FieldType::Bytes),
        ("float", FieldType::Float),
        ("int", FieldType::Int),
        ("list", FieldType::RelationList(place())),
        ("pin", FieldType::PinnedRelation(place())),
        ("pins", FieldType::PinnedRelationList(place())),
        ("relation", FieldType::Relation(place())),
        ("str", FieldType::Str),
    ]
}

type Plain<'a> = (bool, i64, f64, &'a str, &'a [u8]);

fn animal(
    (bool, int, float, str, bytes): Plain<'_>,
    (target, list): (DocumentId, &[DocumentId]),
    (pin, pins): (&DocumentViewId, &[DocumentViewId]),
) -> Fields {
    fields([
        ("bool", RawValue::Bool(bool)),
        ("bytes", RawValue::Bytes(bytes.to_vec())),
        ("float", RawValue::Float(Float::new(float))),
        ("int", RawValue::Int(int)),
        ("list", relation_list(list)),
        ("pin", pinned_relation(pin)),
        ("pins", pinned_relation_list(pins)),
        ("relation", relation(target)),
        ("str", text(str)),
    ])
}

/// An operation id that stands for none.
pub(super) fn no_operation() -> OperationId {
    OperationId::from_hash(Hash::of(b"no operation"))
}
