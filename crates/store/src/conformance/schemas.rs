//! How schemas become known.

use pandan_operations::{DocumentId, DocumentViewId, SchemaId, SystemSchema};
use pandan_schema::{FieldType, Schema};

use super::author::{Author, Definition, Signed, fields, pinned_relation_list, text};
use super::world::{World, committed};
use crate::contract::{KnownSchema, Outcome, Store};

const BODY: [(&str, FieldType); 1] = [("body", FieldType::Str)];

/// Whether each schema that a commit reports is in use.
fn reported(schemas: &[KnownSchema]) -> Vec<(SchemaId, bool)> {
    schemas.iter().map(|known| (known.schema.id().clone(), !known.retired)).collect()
}

fn definition_id() -> SchemaId {
    SystemSchema::SchemaDefinition.into()
}

fn field_id() -> SchemaId {
    SystemSchema::SchemaFieldDefinition.into()
}

/// System schemas are always there.
pub(super) fn check_system_schemas(new_store: &dyn Fn() -> Box<dyn Store>) {
    let world = World::new(new_store());
    let mut known = world.snapshot().schemas().expect("schemas can be read");
    known.sort_by(|a, b| a.schema.id().cmp(b.schema.id()));
    let ids: Vec<_> = known.iter().map(|known| known.schema.id().clone()).collect();
    assert_eq!(ids, SystemSchema::ALL.map(SchemaId::from));
    for (known, system) in known.iter().zip(SystemSchema::ALL) {
        assert_eq!(*known.schema, Schema::system(system));
        assert!(!known.retired);
    }
    assert_eq!(world.snapshot().counts().expect("counts can be read").schemas, 4);
}

/// A schema is known as soon as the last of its documents is there, whichever that is.
pub(super) fn check_any_order_of_parts(new_store: &dyn Fn() -> Box<dyn Store>) {
    let types = [("a", FieldType::Int), ("b", FieldType::Relation(field_id()))];
    let Definition { schema, signed, .. } = Author::new(1).define("pair", &types);
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let world = World::new(new_store());
        for (step, &number) in order.iter().enumerate() {
            let committed = world.publish_from_peer(&signed[number]);
            let expected = if step < 2 { vec![] } else { vec![(schema.clone(), true)] };
            assert_eq!(reported(&committed.schemas), expected, "step {step} of {order:?}");
            assert_eq!(world.schema(&schema).is_some(), step == 2, "step {step} of {order:?}");
        }
        let known = world.schema(&schema).expect("it is complete").schema;
        let found: Vec<_> = known.fields().map(|(name, kind)| (name.as_str(), kind)).collect();
        assert_eq!(found, [("a", &types[0].1), ("b", &types[1].1)]);
    }
}

/// The parts of a schema can belong to several authors, and fields to several schemas.
pub(super) fn check_shared_fields(new_store: &dyn Fn() -> Box<dyn Store>) {
    let world = World::new(new_store());
    let (mut one, mut two) = (Author::new(1), Author::new(2));
    let field = one.define_field("body", &FieldType::Str);
    world.publish(&field);
    for name in ["first", "second"] {
        let definition = two.define_schema(name, &[field.view()]);
        let committed = world.publish(&definition);
        let id = id(name, &definition.view());
        assert_eq!(reported(&committed.schemas), [(id, true)]);
    }
}

fn id(name: &str, view: &DocumentViewId) -> SchemaId {
    SchemaId::application(name.parse().expect("the name is good"), view.clone())
}

/// Documents that define nothing are only documents.
pub(super) fn check_unusable_definitions(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut world = World::new(new_store());
    let field = world.author.define_field("body", &FieldType::Str);
    let same_name = world.author.define_field("body", &FieldType::Int);
    for signed in [&field, &same_name] {
        world.publish(signed);
    }
    let views = [
        vec![],
        vec![field.view(), same_name.view()],
        vec![field.view(), field.view()],
        vec![super::zoo::no_operation().into()],
    ];
    for fields in views {
        let definition = world.author.define_schema("odd", &fields);
        let committed = world.publish(&definition);
        assert!(committed.schemas.is_empty(), "{fields:?} make no schema");
        assert!(world.schema(&id("odd", &definition.view())).is_none());
        assert!(!world.document(committed.document).is_deleted());
    }
    // A definition that pins another definition as a field.
    let other = world.author.define("note", &BODY);
    for signed in &other.signed {
        world.publish(signed);
    }
    let odd = world.author.define_schema("odd", &[other.document.into()]);
    assert!(world.publish(&odd).schemas.is_empty());
}

/// Every state of a definition is a version, and superseded ones stay in use.
pub(super) fn check_versions(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut world = World::new(new_store());
    let Definition { schema: first, document, signed } = world.author.define("note", &BODY);
    for signed in &signed {
        world.publish(signed);
    }
    let more = world.author.define_field("more", &FieldType::Int);
    world.publish(&more);
    let pins = pinned_relation_list(&[signed[0].view(), more.view()]);
    let change = fields([("fields", pins)]);
    let change = world.author.update(document, &definition_id(), &document.into(), change);
    let committed = world.publish(&change);
    let second = id("note", &change.view());
    assert_eq!(reported(&committed.schemas), [(second.clone(), true)]);
    // A new name is a new version as well.
    let name = fields([("name", text("notice"))]);
    let rename = world.author.update(document, &definition_id(), &change.view(), name);
    let third = id("notice", &rename.view());
    assert_eq!(reported(&world.publish(&rename).schemas), [(third.clone(), true)]);
    // Fields are pinned: changing one afterwards makes no difference.
    let kind = fields([("type", text("int"))]);
    let field = signed[0].document();
    let kind = world.author.update(field, &field_id(), &field.into(), kind);
    assert!(world.publish(&kind).schemas.is_empty());
    for (schema, length) in [(first, 1), (second, 2), (third, 2)] {
        let known = world.schema(&schema).expect("every version stays known");
        assert_eq!((known.schema.len(), known.retired), (length, false), "{schema}");
        let (_, kind) = known.schema.field("body").expect("it has that field");
        assert_eq!(*kind, FieldType::Str);
    }
}

/// Concurrent changes of a definition are versions, each by itself and both together.
pub(super) fn check_concurrent_versions(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut world = World::new(new_store());
    let Definition { document, signed, .. } = world.author.define("note", &BODY);
    for signed in &signed {
        world.publish(signed);
    }
    let mut branches = [2, 3, 4].map(|number| {
        let mut author = Author::new(number);
        let name = fields([("name", text(&format!("note{number}")))]);
        let branch = author.update(document, &definition_id(), &document.into(), name);
        (format!("note{number}"), branch)
    });
    branches.sort_by_key(|(_, branch)| branch.id());
    for (name, branch) in &branches {
        world.publish(branch);
        assert!(world.schema(&id(name, &branch.view())).is_some(), "each branch by itself");
    }
    let latest = world.document(document).view_id;
    assert_eq!(latest.len(), 3);
    let name = |view: &DocumentViewId| {
        let record = world.view(view).expect("the state is there");
        match record.field("name") {
            Some(pandan_schema::Value::Str(name)) => name.clone(),
            other => panic!("expected a name, found {other:?}"),
        }
    };
    assert!(world.schema(&id(&name(&latest), &latest)).is_some(), "all branches together");
    // Two of the three: known once somebody claims it.
    let some = [&branches[0], &branches[2]].map(|(_, branch)| branch.id());
    let some = DocumentViewId::from_tips(some).expect("there are two tips");
    let claimed = id(&name(&some), &some);
    assert!(world.schema(&claimed).is_none());
    let wrong_name = id("other", &some);
    for (schema, is_good) in [(wrong_name, false), (claimed, true)] {
        let signed = Author::new(5).create(&schema, fields([("body", text("x"))]));
        match world.offer(&signed) {
            Outcome::Committed(committed) if is_good => {
                assert_eq!(reported(&committed.schemas), [(schema.clone(), true)]);
            }
            Outcome::Wait(_) if !is_good => {}
            other => panic!("unexpected {other:?} for {schema}"),
        }
        assert_eq!(world.schema(&schema).is_some(), is_good);
    }
}

/// Deleting a definition retires its versions: what there is stays, and a client can add nothing.
pub(super) fn check_retired(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut world = World::new(new_store());
    let Definition { schema, document, signed } = world.author.define("note", &BODY);
    for signed in &signed {
        world.publish(signed);
    }
    let body = || fields([("body", text("x"))]);
    let note = world.author.create(&schema, body());
    world.publish(&note);
    let delete = world.author.delete(document, &definition_id(), &document.into());
    let committed = world.publish(&delete);
    assert_eq!(reported(&committed.schemas), [(schema.clone(), false)]);
    assert!(world.schema(&schema).is_some_and(|known| known.retired));
    assert!(world.find_document(note.document()).is_some(), "what there is can be read");
    let change = world.author.update(note.document(), &schema, &note.view(), body());
    assert!(matches!(world.offer(&change), Outcome::Refused(_)));
    assert!(world.publish_from_peer(&change).schemas.is_empty());
    // Deleting the definition of a field makes no difference, nor does deleting again.
    let field = signed[0].document();
    let mut other = Author::new(2);
    let again = [
        world.author.delete(field, &field_id(), &field.into()),
        other.delete(document, &definition_id(), &document.into()),
    ];
    for signed in &again {
        assert!(world.publish_from_peer(signed).schemas.is_empty());
    }
    assert!(world.schema(&schema).is_some_and(|known| known.retired));
}

/// Whatever comes first, the definition, its end, a document or the fields: the same is known in
/// the end.
pub(super) fn check_late_parts_of_retired(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut author = Author::new(1);
    let Definition { schema, document, signed } = author.define("note", &BODY);
    let [field, definition] = <[Signed; 2]>::try_from(signed).expect("there is one field");
    let end = author.delete(document, &definition_id(), &document.into());
    let field_end = author.delete(field.document(), &field_id(), &field.view());
    let note = author.create(&schema, fields([("body", text("x"))]));
    let orders: [[&Signed; 5]; 4] = [
        [&field, &definition, &note, &end, &field_end],
        [&definition, &end, &field, &note, &field_end],
        [&field, &field_end, &definition, &end, &note],
        [&definition, &field, &end, &field_end, &note],
    ];
    let mut contents = Vec::new();
    for order in orders {
        let world = World::new(new_store());
        for signed in order {
            committed(world.offer_at(signed, pandan_admission::Door::Peer));
        }
        assert!(world.schema(&schema).is_some_and(|known| known.retired));
        assert!(world.find_document(note.document()).is_some());
        contents.push(world.contents());
    }
    assert!(contents.windows(2).all(|pair| pair[0] == pair[1]), "{contents:#?}");
}

/// A schema that relates to an unknown one is as good as any other.
pub(super) fn check_unknown_targets(new_store: &dyn Fn() -> Box<dyn Store>) {
    let mut world = World::new(new_store());
    let unknown = id("unknown", &super::zoo::no_operation().into());
    let schema = world.define("note", &[("about", FieldType::Relation(unknown))]);
    let about = DocumentId::from(super::zoo::no_operation());
    let note = world.create(&schema, fields([("about", super::author::relation(about))]));
    assert_eq!(world.ids(&schema, vec![]), [note]);
}
