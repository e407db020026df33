//! Bands, and a thing that relates to them in every way.
#![allow(unreachable_pub, reason = "shared by the files of this test")]

use pandan_operations::{DocumentId, DocumentViewId, Float, RawValue, SchemaId};
use serde_json::Value;

use crate::support::{Author, World, pin, pins, relation, relations, str};

/// Bands and one thing that relates to them in every way.
pub struct Zoo {
    pub world: World,
    pub ada: Author,
    pub band: SchemaId,
    pub everything: SchemaId,
    pub bands: Vec<DocumentId>,
    pub thing: DocumentId,
}

impl Zoo {
    pub fn new(world: World) -> Self {
        let ada = Author::new(1);
        let band = ada.define(&world, "band", &[("founded", "int"), ("name", "str")]);
        let relations_to = |kind: &str| format!("{kind}({band})");
        let everything = ada.define(
            &world,
            "everything",
            &[
                ("a_bool", "bool"),
                ("a_float", "float"),
                ("a_list", &relations_to("relation_list")),
                ("a_pin", &relations_to("pinned_relation")),
                ("a_pinlist", &relations_to("pinned_relation_list")),
                ("a_rel", &relations_to("relation")),
                ("a_str", "str"),
                ("an_int", "int"),
                ("some_bytes", "bytes"),
            ],
        );
        let bands = [(1968, "Can"), (1971, "Neu!"), (1970, "kraftwerk"), (1967, "Faust %_")];
        let bands = bands
            .map(|(founded, name)| {
                ada.create(
                    &world,
                    &band,
                    &[("founded", RawValue::Int(founded)), ("name", str(name))],
                )
            })
            .to_vec();
        let mut zoo = Self { thing: bands[0], world, ada, band, everything, bands };
        let [a, b, c, _] = zoo.bands[..] else { unreachable!() };
        zoo.thing = zoo.create_thing(&[b, a, b], &[c.into(), a.into()]);
        zoo
    }

    pub fn create_thing(&self, list: &[DocumentId], pinned: &[DocumentViewId]) -> DocumentId {
        let first: DocumentViewId = self.bands[0].into();
        self.ada.create(
            &self.world,
            &self.everything,
            &[
                ("a_bool", RawValue::Bool(true)),
                ("a_float", RawValue::Float(Float::new(1.0))),
                ("a_list", relations(list)),
                ("a_pin", pin(&first)),
                ("a_pinlist", pins(pinned)),
                ("a_rel", relation(&self.bands[0])),
                ("a_str", str("text \"quoted\"\n\u{1}é")),
                ("an_int", RawValue::Int(i64::MAX)),
                ("some_bytes", RawValue::Bytes(vec![0, 171, 255])),
            ],
        )
    }

    /// The names of the bands that arguments find, in order.
    pub fn names(&self, arguments: &str) -> Vec<String> {
        let arguments = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
        let query = format!(
            "{{ a: all_{}{arguments} {{ documents {{ fields {{ name }} }} }} }}",
            self.band
        );
        names(&self.world.data(&query)["a"])
    }

    pub fn thing_data(&self, fields: &str) -> Value {
        let query = format!(
            "{{ a: {}(id: \"{}\") {{ fields {{ {fields} }} }} }}",
            self.everything, self.thing
        );
        self.world.data(&query)["a"]["fields"].clone()
    }
}

pub fn names(collection: &Value) -> Vec<String> {
    let documents = collection["documents"].as_array().unwrap();
    documents.iter().map(|item| item["fields"]["name"].as_str().unwrap().to_owned()).collect()
}

pub fn each(test: impl Fn(Zoo)) {
    test(Zoo::new(World::in_memory()));
    test(Zoo::new(World::on_disk()));
}
