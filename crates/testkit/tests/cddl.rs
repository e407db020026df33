//! The CDDL of the specification takes what our crates take, and refuses what they refuse, as far
//! as CDDL can say it.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{fs, path::Path};

use cddl_cat::{
    cbor::validate_cbor, context::BasicContext, context::LookupContext, flatten::flatten_from_str,
};
use pandan_operations::{Fields, Operation, Problem, RawValue, SchemaId, SystemSchema};
use pandan_schema::Schema;
use pandan_testkit::History;
use serde_json::Value as Json;

const OPERATION: &str = "operation";
const SYSTEM: &str = "system-operation";

struct Cddl(BasicContext);

impl Cddl {
    fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src/spec");
        let read = |file| fs::read_to_string(folder.join(file)).unwrap();
        let text = read("operation.cddl") + &read("system-schemas.cddl");
        Self(BasicContext::new(flatten_from_str(&anchored(&text)).unwrap()))
    }

    fn takes(&self, rule: &str, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        let Ok(value) = ciborium::from_reader::<ciborium::Value, _>(&mut rest) else {
            return false;
        };
        let rule = self.0.lookup_rule(rule).unwrap();
        rest.is_empty() && validate_cbor(rule, &value, &self.0).is_ok()
    }
}

/// A pattern of CDDL means the whole text; to the library it means a part.
fn anchored(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once(".regexp \"") {
        Some((before, rest)) => {
            let (pattern, after) = rest.rsplit_once('"').unwrap();
            format!("{before}.regexp \"^({pattern})$\"{after}\n")
        }
        None => format!("{line}\n"),
    });
    lines.collect()
}

/// The operations of a file of vectors, with what is said of each.
fn vectors(file: &str) -> Vec<(Vec<u8>, Json)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
    let file: Json = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let cases = file["operations"].as_array().unwrap().clone();
    cases.into_iter().map(|case| (bytes(case["encoded"].as_str().unwrap()), case)).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

#[test]
fn op1_operations_of_the_vectors_follow_the_cddl() {
    let cddl = Cddl::read();
    let operations = vectors("operations.json");
    assert!(operations.len() > 200);
    let mut system = 0;
    for (bytes, case) in operations {
        assert!(cddl.takes(OPERATION, &bytes), "{case}");
        let operation = Operation::decode(&bytes).unwrap();
        if let SchemaId::System(_) = operation.schema() {
            assert!(cddl.takes(SYSTEM, &bytes), "{case}");
            system += 1;
        }
    }
    assert!(system > 0);
}

#[test]
fn op1_operations_of_a_long_history_follow_the_cddl() {
    let cddl = Cddl::read();
    for signed in History::from_seed(11, 400).signed {
        let is_system =
            matches!(Operation::decode(&signed.payload).unwrap().schema(), SchemaId::System(_));
        assert!(cddl.takes(OPERATION, &signed.payload), "{:02x?}", signed.payload);
        assert_eq!(cddl.takes(SYSTEM, &signed.payload), is_system, "{:02x?}", signed.payload);
    }
}

/// What the crates refuse and CDDL takes is what CDDL has no words for.
#[test]
fn en1_en2_the_rest_is_encoding_order_hashes_and_limits() {
    let cddl = Cddl::read();
    for (bytes, case) in vectors("operations_invalid.json") {
        let Err(error) = Operation::decode(&bytes) else { continue };
        let is_beyond = matches!(error.requirement(), Some("EN1" | "EN2" | "OP7") | None)
            || matches!(error.problem, Problem::SchemaId(_) | Problem::Previous(_))
            // Integers in tagged bytes are integers to a general library.
            || matches!(error.problem, Problem::Item { found: "a tag", .. });
        assert!(is_beyond || !cddl.takes(OPERATION, &bytes), "{error:?} {case}");
    }
}

#[test]
fn op1_damaged_operations_do_not_follow_the_cddl() {
    let cddl = Cddl::read();
    let [hash, short] = [34, 33]
        .map(|length| [0x58, length].into_iter().chain([0; 34]).take(2 + usize::from(length)));
    let (hash, short): (Vec<u8>, Vec<u8>) = (hash.collect(), short.collect());
    let blob = b"\x67blob_v1";
    let join = |parts: &[&[u8]]| parts.concat();
    let good = join(&[b"\x85\x01\x01", blob, b"\x81", &hash, b"\xa0"]);
    assert!(cddl.takes(OPERATION, &good));
    for (what, damaged) in [
        ("cut off", good[..good.len() - 1].to_vec()),
        ("trailing byte", join(&[&good, b"\x00"])),
        ("version 2", join(&[b"\x85\x02\x01", blob, b"\x81", &hash, b"\xa0"])),
        ("action 3", join(&[b"\x85\x01\x03", blob, b"\x81", &hash, b"\xa0"])),
        ("CREATE with previous", join(&[b"\x85\x01\x00", blob, b"\x81", &hash, b"\xa0"])),
        ("UPDATE without previous", join(&[b"\x84\x01\x01", blob, b"\xa0"])),
        ("previous of none", join(&[b"\x85\x01\x01", blob, b"\x80", b"\xa0"])),
        ("previous is no hash", join(&[b"\x85\x01\x01", blob, b"\x81", &short, b"\xa0"])),
        ("DELETE with fields", join(&[b"\x85\x01\x02", blob, b"\x81", &hash, b"\xa0"])),
        ("unknown system schema", join(&[b"\x84\x01\x00\x67blob_v2\xa0"])),
        ("name begins with a digit", join(&[b"\x84\x01\x00", blob, b"\xa1\x611\x01"])),
        ("null", join(&[b"\x84\x01\x00", blob, b"\xa1\x61a\xf6"])),
        ("map as value", join(&[b"\x84\x01\x00", blob, b"\xa1\x61a\xa0"])),
        ("2^63", join(&[b"\x84\x01\x00", blob, b"\xa1\x61a\x1b\x80\0\0\0\0\0\0\0"])),
        ("empty inner list", join(&[b"\x84\x01\x00", blob, b"\xa1\x61a\x82\x81", &hash, b"\x80"])),
    ] {
        assert!(!cddl.takes(OPERATION, &damaged), "{what}");
        let refused = Operation::decode(&damaged).is_err();
        assert!(refused || what == "name begins with a digit", "{what}: the schema refuses it");
    }
}

#[test]
fn sc9_sc10_rules_of_system_schemas_are_those_of_the_cddl() {
    let cddl = Cddl::read();
    let (definition, field) = (SystemSchema::SchemaDefinition, SystemSchema::SchemaFieldDefinition);
    let (blob, piece) = (SystemSchema::Blob, SystemSchema::BlobPiece);
    let text = |text: &str| RawValue::Str(text.into());
    let relation = |name: &str| text(&format!("{name}(forest_0020{})", "0a".repeat(32)));
    for (schema, name, value, is_good) in [
        (definition, "name", text("ab"), true),
        (definition, "name", text("a"), false),
        (definition, "name", text("ab_"), false),
        (definition, "name", text(&"a".repeat(65)), false),
        (definition, "fields", RawValue::HashList(vec![]), true),
        (definition, "fields", RawValue::Bool(true), false),
        (definition, "description", RawValue::Int(1), false),
        (definition, "colour", text("red"), false),
        (field, "name", text("a"), true),
        (field, "name", text(""), false),
        (field, "type", text("str"), true),
        (field, "type", text("string"), false),
        (field, "type", text("relation"), false),
        (field, "type", text("relation(blob_v1)"), true),
        (field, "type", text("pinned_relation_list(blob_v1)"), true),
        (field, "type", text("friend(blob_v1)"), false),
        (field, "type", text("relation(blob_v2)"), false),
        (field, "type", text(" relation(blob_v1)"), false),
        (field, "type", relation("relation_list"), true),
        (field, "type", relation("relations"), false),
        (blob, "length", RawValue::Int(0), true),
        (blob, "length", RawValue::Int(-1), false),
        (blob, "mime_type", text("image/svg+xml"), true),
        (blob, "mime_type", text("Image/png"), false),
        (blob, "mime_type", text("text/plain; charset=utf-8"), false),
        (blob, "pieces", RawValue::HashList(vec![]), false),
        (piece, "data", RawValue::Bytes(vec![0; 256_000]), true),
        (piece, "data", RawValue::Bytes(vec![0; 256_001]), false),
        (piece, "data", text(""), false),
    ] {
        let about = format!("{schema} {name} {:?}", value.kind());
        let previous =
            pandan_operations::OperationId::from_hash(pandan_bamboo::Hash::of(b"")).into();
        let fields = Fields::from_iter([(name, value.clone())]);
        let operation = Operation::Update { schema: schema.into(), previous, fields };
        assert_eq!(cddl.takes(SYSTEM, &operation.encode()), is_good, "CDDL: {about}");
        assert_eq!(Schema::system(schema).check(operation).is_ok(), is_good, "crate: {about}");
    }
}
