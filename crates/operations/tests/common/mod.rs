//! Reads the vectors.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test uses some of it")]
#![allow(clippy::unwrap_used, reason = "vectors that cannot be read fail the test")]

use pandan_bamboo::Hash;
use pandan_operations::{DocumentViewId, Fields, Float, Operation, RawValue, SchemaId};
use serde_json::Value as Json;

pub fn load(file: &str) -> Json {
    let path = format!("{}/../testkit/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

pub fn list(json: &Json) -> &[Json] {
    json.as_array().unwrap()
}

pub fn text(json: &Json) -> &str {
    json.as_str().unwrap_or_else(|| panic!("{json} is no text"))
}

pub fn hex(json: &Json) -> Vec<u8> {
    let digits = text(json).as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hashes(json: &Json) -> Vec<Hash> {
    list(json).iter().map(|hash| text(hash).parse().unwrap()).collect()
}

pub fn view_id(json: &Json) -> DocumentViewId {
    let ids = hashes(json).into_iter().map(Into::into).collect();
    DocumentViewId::from_sorted(ids).unwrap()
}

/// A typed (`type`) or plain (`plain`) value of the vectors, as it is encoded.
pub fn raw_value(json: &Json) -> RawValue {
    let value = &json["value"];
    let kind = if json["type"].is_string() { &json["type"] } else { &json["plain"] };
    match text(kind) {
        "bool" => RawValue::Bool(value.as_bool().unwrap()),
        "int" => RawValue::Int(text(value).parse().unwrap()),
        "float" => {
            let bits = u64::from_str_radix(text(value), 16).unwrap();
            RawValue::Float(Float::new(f64::from_bits(bits)))
        }
        "str" => RawValue::Str(text(value).into()),
        "bytes" | "relation" => RawValue::Bytes(hex(value)),
        "relation_list" | "pinned_relation" | "hash[]" => RawValue::HashList(hashes(value)),
        "pinned_relation_list" | "hash[][]" if list(value).is_empty() => {
            RawValue::HashList(Vec::new())
        }
        "pinned_relation_list" | "hash[][]" => {
            RawValue::NestedHashList(list(value).iter().map(hashes).collect())
        }
        other => panic!("unknown kind {other}"),
    }
}

pub fn operation(json: &Json) -> Operation {
    let schema: SchemaId = text(&json["schema_id"]).parse().unwrap();
    let fields = || {
        let fields = json["fields"].as_object().unwrap().iter();
        Fields::from_pairs(fields.map(|(name, value)| (name, raw_value(value)))).unwrap()
    };
    match text(&json["action"]) {
        "create" => Operation::Create { schema, fields: fields() },
        "update" => {
            let previous = view_id(&json["previous"]);
            Operation::Update { schema, previous, fields: fields() }
        }
        "delete" => Operation::Delete { schema, previous: view_id(&json["previous"]) },
        other => panic!("unknown action {other}"),
    }
}
