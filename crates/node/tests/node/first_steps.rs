//! The first steps of a client.

use crate::support::{Author, World, str};
use pandan_operations::RawValue;
use serde_json::json;

#[test]
fn pn27_a_schema_is_queryable_when_publish_answers() {
    let world = World::in_memory();
    let ada = Author::new(1);
    let band = ada.define(&world, "band", &[("founded", "int"), ("name", "str")]);
    let id = ada.create(&world, &band, &[("founded", RawValue::Int(1968)), ("name", str("Can"))]);
    let query = format!(
        "{{ band: {band}(id: \"{id}\") {{ meta {{ documentId viewId owner }} fields {{ name founded }} }}
           all: all_{band} {{ totalCount hasNextPage endCursor documents {{ fields {{ name }} }} }} }}"
    );
    let data = world.data(&query);
    assert_eq!(data["band"]["meta"]["documentId"], json!(id.to_string()));
    assert_eq!(data["band"]["meta"]["viewId"], json!(id.to_string()));
    assert_eq!(data["band"]["meta"]["owner"], json!(ada.public_key()));
    assert_eq!(data["band"]["fields"], json!({ "name": "Can", "founded": 1968 }));
    assert_eq!(data["all"]["totalCount"], json!(1));
    assert_eq!(data["all"]["hasNextPage"], json!(false));
    assert_eq!(data["all"]["documents"], json!([{ "fields": { "name": "Can" } }]));
}
