//! Schemas that come, change and go while the node runs.

use pandan_operations::{DocumentId, Operation, RawValue, SchemaId, SystemSchema};
use serde_json::{Value, json};

use crate::support::{Author, World, fields, pins, relation, str};

fn each(test: impl Fn(World)) {
    test(World::in_memory());
    test(World::on_disk());
}

fn exists(world: &World, schema: &SchemaId) -> bool {
    let data = world.data_with(
        "query($n: String!) { __type(name: $n) { name } }",
        json!({ "n": schema.to_string() }),
    );
    data["__type"] != Value::Null
}

#[test]
fn a_definition_may_come_before_its_fields() {
    each(|world| {
        let ada = Author::new(1);
        let definition = SchemaId::from(SystemSchema::SchemaFieldDefinition);
        let operation = Operation::Create {
            schema: definition,
            fields: fields(&[("name", str("name")), ("type", str("str"))]),
        };
        let payload = operation.encode();
        let grace = Author::new(2);
        let entry = grace.next_args(&world, None).forge(&grace.key_pair, &payload);
        let schema = ada.define_with_pins(&world, "band", vec![vec![*entry.hash().as_hash()]]);
        assert!(!exists(&world, &schema));
        grace.publish(&world, &operation);
        assert!(exists(&world, &schema));
        ada.create(&world, &schema, &[("name", str("Can"))]);
    });
}

#[test]
fn a_changed_definition_is_another_schema() {
    each(|world| {
        let ada = Author::new(1);
        let band = ada.define(&world, "band", &[("name", "str")]);
        ada.create(&world, &band, &[("name", str("Can"))]);
        let view = band.view_id().unwrap();
        let changed = ada.update(
            &world,
            &SchemaId::from(SystemSchema::SchemaDefinition),
            view,
            &[("description", str("New"))],
        );
        let second: SchemaId = format!("band_{changed}").parse().unwrap();
        ada.create(&world, &second, &[("name", str("Neu!"))]);
        ada.create(&world, &band, &[("name", str("Faust"))]);
        let data = world.data(&format!(
            "{{ a: all_{band} {{ totalCount }} b: all_{second} {{ totalCount }} }}"
        ));
        assert_eq!((&data["a"]["totalCount"], &data["b"]["totalCount"]), (&json!(2), &json!(1)));
    });
}

#[test]
fn a_deleted_definition_retires_its_schema() {
    each(|world| {
        let ada = Author::new(1);
        let band = ada.define(&world, "band", &[("name", "str")]);
        ada.create(&world, &band, &[("name", str("Can"))]);
        ada.delete(
            &world,
            &SchemaId::from(SystemSchema::SchemaDefinition),
            band.view_id().unwrap(),
        );
        let data = world.data(&format!("{{ a: all_{band} {{ totalCount }} }}"));
        assert_eq!(data["a"]["totalCount"], json!(1));
        let operation =
            Operation::Create { schema: band, fields: fields(&[("name", str("Neu!"))]) };
        let (_, answer) = ada.try_publish(&world, &operation);
        assert_eq!(answer["errors"][0]["extensions"]["code"], "SCHEMA_RETIRED");
    });
}

#[test]
fn a_relation_to_an_unknown_schema_is_left_out_until_it_is_known() {
    each(|world| {
        let (ada, grace) = (Author::new(1), Author::new(2));
        // The schema that will come is worked out beforehand, on another node.
        let elsewhere = World::in_memory();
        let venue = grace.define(&elsewhere, "venue", &[("name", "str")]);
        let concert = ada.define(
            &world,
            "concert",
            &[
                ("at", &format!("relation({venue})")),
                ("list", &format!("pinned_relation_list({venue})")),
                ("title", "str"),
            ],
        );
        let somewhere = DocumentId::from_hash(pandan_bamboo::Hash::of(b"somewhere"));
        let values = [("at", relation(&somewhere)), ("list", pins(&[])), ("title", str("Live"))];
        ada.create(&world, &concert, &values);
        let titles = format!(
            "{{ a: all_{concert}(filter: {{ title: {{ eq: \"Live\" }} }}) {{ documents {{ fields {{ title }} }} }} }}"
        );
        assert_eq!(
            world.data(&titles)["a"]["documents"],
            json!([{ "fields": { "title": "Live" } }])
        );
        for selection in ["at { meta { viewId } }", "list { totalCount }"] {
            world.error(&format!(
                "{{ a: all_{concert} {{ documents {{ fields {{ {selection} }} }} }} }}"
            ));
        }
        for argument in ["orderBy: at", "orderBy: list", "filter: { at: {} }"] {
            world.error(&format!("{{ a: all_{concert}({argument}) {{ totalCount }} }}"));
        }
        assert_eq!(grace.define(&world, "venue", &[("name", "str")]), venue);
        let query = format!(
            "{{ a: all_{concert}(orderBy: at) {{ documents {{ fields {{ at {{ meta {{ viewId }} }} list {{ totalCount }} }} }} }} }}"
        );
        let expected = json!([{ "fields": { "at": null, "list": { "totalCount": 0 } } }]);
        assert_eq!(world.data(&query)["a"]["documents"], expected);
    });
}

#[test]
fn schemas_may_relate_to_themselves() {
    each(|world| {
        let ada = Author::new(1);
        let place = ada.define(&world, "place", &[("name", "str")]);
        let inside = ada.define(&world, "inside", &[("of", &format!("relation({place})"))]);
        let cologne = ada.create(&world, &place, &[("name", str("Cologne"))]);
        ada.create(&world, &inside, &[("of", relation(&cologne))]);
        let query = format!(
            "{{ a: all_{inside} {{ documents {{ fields {{ of {{ fields {{ name }} }} }} }} }} }}"
        );
        assert_eq!(
            world.data(&query)["a"]["documents"][0]["fields"]["of"]["fields"]["name"],
            "Cologne"
        );
    });
}

#[test]
fn definitions_without_good_fields_make_no_schema() {
    each(|world| {
        let ada = Author::new(1);
        let empty = ada.define_with_pins(
            &world,
            "empty",
            vec![vec![*DocumentId::from_hash(pandan_bamboo::Hash::of(b"x")).as_hash()]],
        );
        let twice = ada.define(&world, "twice", &[("name", "str"), ("name", "int")]);
        assert!(!exists(&world, &empty) && !exists(&world, &twice));
        let definitions = world.data("{ a: all_schema_definition_v1 { totalCount documents { fields { name fields { totalCount } } } } }");
        assert_eq!(definitions["a"]["totalCount"], json!(2));
    });
}

#[test]
fn schemas_and_data_are_there_after_a_restart() {
    let world = World::on_disk();
    let ada = Author::new(1);
    let band = ada.define(&world, "band", &[("name", "str")]);
    ada.create(&world, &band, &[("name", str("Can"))]);
    let changed = ada.update(
        &world,
        &SchemaId::from(SystemSchema::SchemaDefinition),
        band.view_id().unwrap(),
        &[("description", RawValue::Str(String::from("New")))],
    );
    let world = world.restart();
    let second: SchemaId = format!("band_{changed}").parse().unwrap();
    let data = world.data(&format!("{{ a: all_{band} {{ documents {{ fields {{ name }} }} }} b: all_{second} {{ totalCount }} }}"));
    assert_eq!(
        data,
        json!({ "a": { "documents": [{ "fields": { "name": "Can" } }] }, "b": { "totalCount": 0 } })
    );
    ada.create(&world, &second, &[("name", str("Neu!"))]);
}
