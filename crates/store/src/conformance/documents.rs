//! States of documents, the latest and earlier ones.

use std::sync::Arc;

use pandan_operations::{DocumentId, DocumentViewId, Fields, RawValue};
use pandan_schema::{FieldType, Schema, Value};

use super::author::{Author, Signed, fields, text};
use super::world::{World, all, by, ids, name, on_field};
use super::zoo::no_operation;
use crate::contract::{DocumentRecord, Store};
use crate::query::{Direction, Operand, Selection, Test};

struct Scene {
    world: World,
    schema: Arc<Schema>,
    note: DocumentId,
}

impl Scene {
    /// A note with `body` "0" and `likes` 0.
    fn new(new_store: &dyn Fn() -> Box<dyn Store>) -> Self {
        let mut world = World::new(new_store());
        let schema = world.define("note", &[("body", FieldType::Str), ("likes", FieldType::Int)]);
        let note = world.create(&schema, both("0", 0));
        Self { world, schema, note }
    }

    fn change(&self, author: &mut Author, previous: &DocumentViewId, fields: Fields) -> Signed {
        author.update(self.note, self.schema.id(), previous, fields)
    }

    fn latest(&self) -> DocumentRecord {
        self.world.document(self.note)
    }
}

fn both(body: &str, likes: i64) -> Fields {
    fields([("body", text(body)), ("likes", RawValue::Int(likes))])
}

fn body(body: &str) -> Fields {
    fields([("body", text(body))])
}

fn likes(likes: i64) -> Fields {
    fields([("likes", RawValue::Int(likes))])
}

fn values(record: &DocumentRecord) -> (&str, i64) {
    match (record.field("body"), record.field("likes")) {
        (Some(Value::Str(body)), Some(Value::Int(likes))) => (body, *likes),
        other => panic!("expected both fields, found {other:?}"),
    }
}

/// Updates change the fields they name, and the state is named after the last one.
pub(super) fn check_updates(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut scene = Scene::new(new_store);
    let (schema, owner) = (scene.schema.id().clone(), scene.world.author.public_key());
    let check = |scene: &Scene, view: DocumentViewId, is_edited, expected: (&str, i64)| {
        let record = scene.latest();
        assert_eq!(values(&record), expected);
        assert_eq!((record.id, record.view_id), (scene.note, view));
        assert_eq!((&record.schema, record.owner, record.is_edited), (&schema, owner, is_edited));
    };
    check(&scene, scene.note.into(), false, ("0", 0));
    let view = scene.world.update(scene.note, Fields::new());
    check(&scene, view, false, ("0", 0));
    let view = scene.world.update(scene.note, body("1"));
    check(&scene, view, true, ("1", 0));
    let view = scene.world.update(scene.note, likes(1));
    check(&scene, view.clone(), true, ("1", 1));
    let mut other = Author::new(2);
    let change = scene.change(&mut other, &view, both("2", 2));
    scene.world.publish(&change);
    check(&scene, change.view(), true, ("2", 2));
}

/// Concurrent changes: both tips name the state; of those that wrote one field the greater wins.
pub(super) fn check_branches(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let (mut one, mut two) = (Author::new(2), Author::new(3));
    let root = scene.note.into();
    let mut branches =
        [scene.change(&mut one, &root, both("one", 1)), scene.change(&mut two, &root, body("two"))];
    for branch in &branches {
        scene.world.publish(branch);
    }
    let view = DocumentViewId::from_tips(branches.iter().map(Signed::id));
    let view = view.expect("there are two tips");
    let record = scene.latest();
    let winner = if branches[0].id() > branches[1].id() { "one" } else { "two" };
    assert_eq!((values(&record), &record.view_id), ((winner, 1), &view));
    assert_eq!(scene.world.view(&view), Some(record), "the state goes by that name, too");
    // Each branch by itself.
    let alone = branches.each_ref().map(|branch| {
        let record = scene.world.view(&branch.view()).expect("the state is there");
        assert_eq!(record.view_id, branch.view());
        let (body, likes) = values(&record);
        (body.to_owned(), likes)
    });
    assert_eq!(alone, [("one".to_owned(), 1), ("two".to_owned(), 0)]);
    // One goes on alone, then somebody merges.
    branches[0] = scene.change(&mut one, &branches[0].view(), likes(5));
    scene.world.publish(&branches[0]);
    let view = DocumentViewId::from_tips(branches.iter().map(Signed::id));
    let view = view.expect("there are two tips");
    assert_eq!(scene.latest().view_id, view);
    let merge = scene.change(&mut two, &view, body("merged"));
    scene.world.publish(&merge);
    let record = scene.latest();
    assert_eq!((values(&record), &record.view_id), (("merged", 5), &merge.view()));
}

/// Operations may come in any order that keeps to what they refer to.
pub(super) fn check_late_branch(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut latest = Vec::new();
    for is_late in [false, true] {
        let scene = Scene::new(new_store);
        let (mut one, mut two) = (Author::new(2), Author::new(3));
        let first = scene.change(&mut one, &scene.note.into(), both("a", 1));
        let second = scene.change(&mut one, &first.view(), body("b"));
        let third = scene.change(&mut one, &second.view(), likes(3));
        let branch = scene.change(&mut two, &scene.note.into(), both("z", 26));
        let order = if is_late {
            [&first, &second, &third, &branch]
        } else {
            [&branch, &first, &second, &third]
        };
        for signed in order {
            scene.world.publish(signed);
        }
        latest.push(scene.latest());
    }
    assert_eq!(latest[0], latest[1]);
}

/// A deleted document stays deleted, whatever comes behind or beside it; its state is named after
/// the DELETE.
pub(super) fn check_deletion(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut scene = Scene::new(new_store);
    let view = scene.world.update(scene.note, body("1"));
    let mut other = Author::new(2);
    let beside = scene.change(&mut other, &scene.note.into(), body("beside"));
    let end = scene.world.delete(scene.note);
    let check = |scene: &Scene| {
        let record = scene.latest();
        assert!(record.is_deleted() && record.is_edited && record.fields.is_none());
        assert_eq!((record.view_id, &record.schema), (end.clone(), scene.schema.id()));
        assert_eq!(record.owner, scene.world.author.public_key());
        for view in [&view, &scene.note.into(), &end] {
            assert_eq!(scene.world.view(view), None, "no state of a deleted document is shown");
        }
        assert_eq!(scene.world.ids(&scene.schema, vec![]), []);
    };
    check(&scene);
    scene.world.publish_from_peer(&beside);
    check(&scene);
    let behind = scene.change(&mut other, &end, body("behind"));
    scene.world.publish_from_peer(&behind);
    check(&scene);
}

/// Of several DELETEs the one that the order comes to first counts, whichever came first here.
pub(super) fn check_two_deletions(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut views = Vec::new();
    for turn in [[0, 1], [1, 0]] {
        let scene = Scene::new(new_store);
        let (schema, root) = (scene.schema.id().clone(), scene.note.into());
        let ends = [2, 3].map(|number| Author::new(number).delete(scene.note, &schema, &root));
        for number in turn {
            scene.world.publish_from_peer(&ends[number]);
        }
        let view = scene.latest().view_id;
        assert_eq!(view, ends.iter().map(Signed::view).min().expect("there are two"));
        views.push(view);
    }
    assert_eq!(views[0], views[1]);
}

/// Every state that a document ever had can be asked for.
pub(super) fn check_earlier_states(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut scene = Scene::new(new_store);
    let mut states = vec![(DocumentViewId::from(scene.note), 0)];
    for number in 1..30 {
        states.push((scene.world.update(scene.note, likes(number)), number));
    }
    let ids: Vec<_> = states.iter().rev().map(|(view, _)| view.clone()).collect();
    let found = scene.world.snapshot().views(&ids).expect("views can be read");
    for ((view, number), record) in states.iter().rev().zip(found) {
        let record = record.expect("the state is there");
        assert_eq!((values(&record).1, &record.view_id), (*number, view));
        assert_eq!((record.id, record.is_edited), (scene.note, *number > 0));
    }
    // A state and its ancestor are the state.
    let (first, last) = (&states[3].0, &states[20].0);
    let id = DocumentViewId::from_tips(first.iter().chain(last).copied()).expect("two tips");
    let record = scene.world.view(&id).expect("the state is there");
    assert_eq!((values(&record).1, &record.view_id), (20, last), "the id is that of its tips");
}

/// Ids of nothing, and of several documents.
pub(super) fn check_missing(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut scene = Scene::new(new_store);
    let other = scene.world.create(&scene.schema, both("other", 1));
    let change = scene.world.update(scene.note, body("1"));
    let unknown = no_operation();
    let [update] = change.as_slice() else { panic!("one operation makes this state") };
    let ids = [unknown.into(), scene.note, DocumentId::from(*update), other, scene.note];
    let found = scene.world.snapshot().documents(&ids, &Selection::All);
    let found = found.expect("documents can be read");
    let found: Vec<_> = found.into_iter().map(|record| record.map(|record| record.id)).collect();
    assert_eq!(found, [None, Some(scene.note), None, Some(other), Some(scene.note)]);
    let tips = |tips: [DocumentId; 2]| {
        DocumentViewId::from_tips(tips.map(Into::into)).expect("there are two tips")
    };
    let views = [
        unknown.into(),
        tips([scene.note, other]),
        tips([scene.note, unknown.into()]),
        other.into(),
    ];
    let found = scene.world.snapshot().views(&views).expect("views can be read");
    let found: Vec<_> = found.into_iter().map(|record| record.map(|record| record.id)).collect();
    assert_eq!(found, [None, None, None, Some(other)]);
    let nothing = scene.world.snapshot();
    assert!(nothing.documents(&[], &Selection::All).expect("it can be read").is_empty());
    assert!(nothing.views(&[]).expect("it can be read").is_empty());
}

/// Only what is selected is loaded; other names are ignored.
pub(super) fn check_selection(new_store: &dyn Fn() -> Box<dyn Store>) {
    let scene = Scene::new(new_store);
    let table: [(&[&str], &[&str]); 4] = [
        (&[], &[]),
        (&["likes"], &["likes"]),
        (&["likes", "body"], &["body", "likes"]),
        (&["nothing", "body"], &["body"]),
    ];
    for (selected, expected) in table {
        let selection = Selection::Only(selected.iter().map(|field| name(field)).collect());
        let found = scene.world.snapshot().documents(&[scene.note], &selection);
        let mut query = all(&scene.schema);
        query.selection = selection;
        let page = scene.world.collection(&query);
        let found = found.expect("documents can be read").into_iter().flatten();
        for record in found.chain(page.items.into_iter().map(|item| item.document)) {
            let names = record.fields.expect("it is not deleted");
            let names: Vec<_> = names.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, expected, "{selected:?}");
        }
    }
}

/// Names of fields are told apart by the case of their letters, and no name means anything.
pub(super) fn check_field_names(new_store: &dyn Fn() -> Box<dyn Store>) {
    let names = ["A", "Order", "a", "doc", "f0", "order", "rowid", "select", "view"];
    let mut world = World::new(new_store());
    let schema = world.define("thing", &names.map(|name| (name, FieldType::Int)));
    let values = |sign: i64| {
        let values = names.into_iter().zip(1..);
        fields(values.map(|(name, value)| (name, RawValue::Int(value * sign))))
    };
    let [plus, minus] = [1, -1].map(|sign| world.create(&schema, values(sign)));
    for (field, value) in names.into_iter().zip(1..) {
        assert_eq!(world.document(plus).field(field), Some(&Value::Int(value)));
        assert_eq!(world.document(minus).field(field), Some(&Value::Int(-value)));
        let is = Test::Equal(Operand::Value(Value::Int(value)));
        assert_eq!(world.ids(&schema, vec![on_field(field, is)]), [plus], "{field}");
        let mut query = all(&schema);
        query.order = by(field, Direction::Ascending);
        assert_eq!(ids(&world.collection(&query)), [minus, plus], "by {field}");
    }
}

/// Schemas can have many fields, and each of them can be asked for.
pub(super) fn check_many_fields(new_store: &dyn Fn() -> Box<dyn Store>) {
    const COUNT: usize = 150;
    let mut world = World::new(new_store());
    let names: Vec<_> = (0..COUNT).map(|number| format!("field_{number:03}")).collect();
    let types: Vec<_> = names.iter().map(|name| (name.as_str(), FieldType::Str)).collect();
    let schema = world.define("wide", &types);
    let thing = |world: &mut World, word: &str| {
        let values = names.iter().map(|name| (name.as_str(), text(&format!("{name} {word}"))));
        world.create(&schema, fields(values))
    };
    let [one, two] = ["one", "two"].map(|word| thing(&mut world, word));
    for name in names.iter().step_by(7).chain(names.last()) {
        let value = Value::Str(format!("{name} two"));
        assert_eq!(world.document(two).field(name), Some(&value));
        for test in [Test::Equal(Operand::Value(value)), Test::Contains("TWO".into())] {
            assert_eq!(world.ids(&schema, vec![on_field(name, test)]), [two], "{name}");
        }
        let mut query = all(&schema);
        query.order = by(name, Direction::Descending);
        assert_eq!(ids(&world.collection(&query)), [two, one], "by {name}");
    }
    world.update(one, fields([(names[COUNT - 1].as_str(), text("z"))]));
    let mut query = all(&schema);
    query.order = by(&names[COUNT - 1], Direction::Descending);
    assert_eq!(ids(&world.collection(&query)), [one, two]);
}

/// Values may be large, and differ only at their ends.
pub(super) fn check_large_values(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut world = World::new(new_store());
    let types = [("bytes", FieldType::Bytes), ("str", FieldType::Str)];
    let schema = world.define("large", &types);
    let large = |last: u8| (vec![last; 100_000], "ä".repeat(100_000) + &last.to_string());
    let things = [1, 2, 3].map(|last| {
        let (bytes, str) = large(last);
        world.create(&schema, fields([("bytes", RawValue::Bytes(bytes)), ("str", text(&str))]))
    });
    for (last, thing) in (1..).zip(things) {
        let (bytes, str) = large(last);
        let (bytes, str) = (Value::Bytes(bytes), Value::Str(str));
        let record = world.document(thing);
        assert_eq!((record.field("bytes"), record.field("str")), (Some(&bytes), Some(&str)));
        for (field, value) in [("bytes", bytes), ("str", str)] {
            let test = Test::Equal(Operand::Value(value));
            assert_eq!(world.ids(&schema, vec![on_field(field, test)]), [thing]);
        }
    }
    let (_, str) = large(2);
    let greater = Test::Greater(Operand::Value(Value::Str(str)));
    assert_eq!(world.ids(&schema, vec![on_field("str", greater)]), [things[2]]);
    let mut sorted = things;
    sorted.sort_unstable();
    let mut query = all(&schema);
    query.order = by("str", Direction::Descending);
    assert_eq!(ids(&world.collection(&query)), sorted, "their beginnings are equal");
}

/// All values come back as they were written, down to the sign of zero.
pub(super) fn check_values(new_store: &dyn Fn() -> Box<dyn Store>) {
    let zoo = super::zoo::Zoo::new(new_store());
    let snapshot = zoo.world.snapshot();
    let found = snapshot.documents(&zoo.animals, &Selection::All).expect("documents can be read");
    for (record, written) in found.iter().zip(zoo.written()) {
        let record = record.as_ref().expect("the animal is there");
        let found = record.fields.as_ref().expect("it is not deleted");
        let found = found.iter().map(|(name, value)| (name.as_str(), value.to_raw()));
        let found = Fields::from_pairs(found).expect("every field is there once");
        assert_eq!(found, written);
        assert_eq!(zoo.world.view(&record.view_id).as_ref(), Some(record));
    }
}
