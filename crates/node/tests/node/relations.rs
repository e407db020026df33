//! Relations, lists of them, and what deletions do to them.

use serde_json::{Value, json};

use crate::support::str;
use crate::zoo::{Zoo, each, names};

#[test]
fn lists_show_their_items_in_order() {
    each(|zoo| {
        let show = "{ totalCount hasNextPage documents { fields { name } } }";
        let cases: &[(&str, &[&str], u64)] = &[
            ("", &["Neu!", "Can", "Neu!"], 3),
            ("(first: 2)", &["Neu!", "Can"], 3),
            ("(orderDirection: DESC)", &["Neu!", "Can", "Neu!"], 3),
            ("(orderBy: founded)", &["Can", "Neu!", "Neu!"], 3),
            ("(orderBy: \"name\", orderDirection: DESC)", &["Neu!", "Neu!", "Can"], 3),
            ("(filter: { name: { eq: \"Neu!\" } })", &["Neu!", "Neu!"], 2),
            ("(filter: { name: { in: [] } })", &[], 0),
        ];
        for (arguments, expected, total) in cases {
            let list = zoo.thing_data(&format!("a_list{arguments} {show}"))["a_list"].clone();
            assert_eq!(names(&list), *expected, "{arguments}");
            assert_eq!(list["totalCount"], json!(total), "{arguments}");
        }
        let pinned = zoo.thing_data(&format!("a_pinlist {show}"))["a_pinlist"].clone();
        assert_eq!(names(&pinned), ["kraftwerk", "Can"]);
        // Two ways of asking for one list, side by side.
        let data = zoo.thing_data(&format!("x: a_list(first: 1) {show} y: a_list(orderBy: name) {{ documents {{ fields {{ name }} }} }}"));
        assert_eq!((names(&data["x"]), names(&data["y"]).len()), (vec![String::from("Neu!")], 3));
        // A walk through a list, with a cursor that other lists leave alone.
        let page = zoo.thing_data("a_list(first: 1) { endCursor documents { fields { name } } }")["a_list"].clone();
        let after = format!("(after: {})", page["endCursor"]);
        let next = zoo.thing_data(&format!("a_list{after} {show} a_pinlist{after} {show}"));
        assert_eq!(names(&next["a_list"]), ["Can", "Neu!"]);
        assert_eq!(names(&next["a_pinlist"]), ["kraftwerk", "Can"]);
    });
}

#[test]
fn pinned_relations_show_the_pinned_state_and_others_the_latest() {
    each(|zoo| {
        let Zoo { world, ada, band, .. } = &zoo;
        ada.update(world, band, &zoo.bands[0].into(), &[("name", str("CAN"))]);
        let name = "{ fields { name } }";
        let list = "{ totalCount documents { fields { name } } }";
        let data =
            zoo.thing_data(&format!("a_rel {name} a_pin {name} a_list {list} a_pinlist {list}"));
        assert_eq!(data["a_rel"]["fields"]["name"], "CAN");
        assert_eq!(data["a_pin"]["fields"]["name"], "Can");
        assert_eq!(names(&data["a_list"]), ["Neu!", "CAN", "Neu!"]);
        assert_eq!(names(&data["a_pinlist"]), ["kraftwerk", "Can"]);
    });
}

#[test]
fn deleted_documents_are_gone_but_can_be_asked_for() {
    each(|zoo| {
        let Zoo { world, ada, band, .. } = &zoo;
        let deletion = ada.delete(world, band, &zoo.bands[0].into());
        let data = zoo.thing_data(
            "a_rel { meta { viewId } } a_pin { meta { viewId } }
             a_list { totalCount documents { fields { name } } } a_pinlist { totalCount documents { fields { name } } }",
        );
        assert_eq!((&data["a_rel"], &data["a_pin"]), (&Value::Null, &Value::Null));
        assert_eq!(names(&data["a_list"]), ["Neu!", "Neu!"]);
        assert_eq!(data["a_list"]["totalCount"], json!(2));
        assert_eq!(names(&data["a_pinlist"]), ["kraftwerk"]);
        assert_eq!(zoo.names("orderBy: name"), ["Faust %_", "kraftwerk", "Neu!"]);
        let single = format!("{{ a: {band}(id: \"{}\") {{ meta {{ viewId }} }} }}", zoo.bands[0]);
        assert_eq!(world.data(&single)["a"], Value::Null);
        let deleted = format!(
            "{{ a: all_{band}(meta: {{ deleted: {{ eq: true }} }}) {{ totalCount documents {{ cursor meta {{ documentId viewId }} fields {{ name }} }} }} }}"
        );
        let page = world.data(&deleted)["a"].clone();
        assert_eq!(page["totalCount"], json!(1));
        let meta =
            json!({ "documentId": zoo.bands[0].to_string(), "viewId": deletion.to_string() });
        assert_eq!(page["documents"][0]["meta"], meta);
        assert_eq!(page["documents"][0]["fields"], Value::Null);
    });
}
