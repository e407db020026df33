//! Checking operations against the vectors that the reference implementation made.
#![allow(clippy::unwrap_used, reason = "vectors that cannot be read fail the test")]

#[path = "../../operations/tests/common/mod.rs"]
mod common;

use common::{hex, list, load, operation, raw_value, text};
use pandan_bamboo::HashError;
use pandan_operations::{Operation, SchemaId, ViewIdError};
use pandan_schema::{
    CheckError, CheckedOperation, FieldName, RuleError, Schema, Value, ValueError,
};
use serde_json::Value as Json;

/// The schema beside a vector; none when its own id or types are refused.
fn schema(json: &Json) -> Option<Schema> {
    match text(&json["id"]).parse().ok()? {
        SchemaId::System(system) => Some(Schema::system(system)),
        id => {
            let fields = json["fields"].as_object().unwrap().iter();
            let field = |(name, kind): (&String, &Json)| {
                Some((FieldName::parse(name).ok()?, text(kind).parse().ok()?))
            };
            let fields: Option<Vec<_>> = fields.map(field).collect();
            Some(Schema::new(id, text(&json["description"]), fields?).unwrap())
        }
    }
}

/// Typed values encode to the values they came from.
fn check_values(checked: &CheckedOperation, expected: &Operation) {
    assert_eq!(checked.action(), expected.action());
    assert_eq!(checked.schema(), expected.schema());
    assert_eq!(checked.previous(), expected.previous());
    let raw = |fields: &Vec<(FieldName, Value)>| {
        fields.iter().map(|(name, value)| (name.to_string(), value.to_raw())).collect::<Vec<_>>()
    };
    let expected = expected.fields().map(|fields| {
        fields.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect()
    });
    assert_eq!(checked.fields().map(raw), expected);
}

#[test]
fn op8_honest_operations_follow_their_schema() {
    let vectors = load("operations.json");
    for vector in list(&vectors["operations"]) {
        let schema = schema(&vector["schema"]).unwrap();
        assert_eq!(schema.id().hash_id(), text(&vector["schema"]["hash_id"]));
        let decoded = Operation::decode(&hex(&vector["encoded"])).unwrap();
        let checked = schema.check(decoded.clone()).unwrap();
        check_values(&checked, &decoded);
        check_types(&checked, &vector["operation"]["fields"]);
    }
}

fn check_types(checked: &CheckedOperation, expected: &Json) {
    for (name, value) in checked.fields().into_iter().flatten() {
        let found = match value {
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::Str(_) => "str",
            Value::Bytes(_) => "bytes",
            Value::Relation(_) => "relation",
            Value::RelationList(_) => "relation_list",
            Value::PinnedRelation(_) => "pinned_relation",
            Value::PinnedRelationList(_) => "pinned_relation_list",
        };
        assert_eq!(found, text(&expected[name.as_str()]["type"]));
        assert_eq!(value.to_raw(), raw_value(&expected[name.as_str()]));
    }
}

#[test]
fn op8_odd_operations_are_taken_as_decided() {
    let vectors = load("operations_odd.json");
    for vector in list(&vectors["odd"]).iter().chain(list(&vectors["plain"])) {
        let what = text(&vector["what"]);
        let decoded = Operation::decode(&hex(&vector["encoded"]));
        // Where the vector names no schema, decoding decides alone.
        let accepted = match (&decoded, &vector["schema"]) {
            (Ok(_), Json::Null) => true,
            (Ok(decoded), json) => schema(json).is_some_and(|schema| {
                let checked = schema.check(decoded.clone());
                if let Ok(checked) = &checked {
                    check_values(checked, &operation(&vector["operation"]));
                }
                checked.is_ok()
            }),
            (Err(_), _) => false,
        };
        let decided = text(&vector["decided"]) == "accept";
        let is_right = accepted == decided || (!accepted && is_another_spelling(vector));
        assert!(is_right, "{what}: {decoded:?}");
    }
}

/// Five operations are marked by the form of their CBOR alone, but hold something in a spelling that
/// we do not take: a hash with length byte 33, a type that refers to a system schema which there is
/// not, or to an application schema in upper case. Hashes and schema ids have one spelling.
fn is_another_spelling(vector: &Json) -> bool {
    let what = text(&vector["what"]);
    match text(&vector["reason"]) {
        "damaged" => text(&vector["encoded"]).contains("58220021"),
        "field-definition" => what.contains("(blob_v2)") || what.contains("(venue_00200D2C"),
        _ => false,
    }
}

#[test]
fn op8_invalid_operations_are_refused_for_the_right_reason() {
    let vectors = load("operations_invalid.json");
    let mut checked = 0;
    for vector in list(&vectors["operations"]) {
        let (what, error) = (text(&vector["what"]), text(&vector["error"]));
        let Ok(operation) = Operation::decode(&hex(&vector["encoded"])) else { continue };
        let schema = schema(&vector["schema"]).unwrap();
        let found = schema.check(operation).expect_err(what);
        assert!(is_expected(error, &found), "{what}: {error}, but found {found:?}");
        checked += 1;
    }
    assert!(checked > 250, "only {checked}");
}

/// Which of our errors each error word of the vectors stands for.
fn is_expected(error: &str, found: &CheckError) -> bool {
    use CheckError as C;
    use RuleError as R;
    use ValueError as V;
    let value = match found {
        C::Value { source, .. } => Some(source),
        _ => None,
    };
    match error {
        "schema-mismatch" => matches!(found, C::Schema { .. }),
        "missing-field" => matches!(found, C::MissingField { .. }),
        "unknown-field" => matches!(found, C::UnknownField { .. }),
        "field:field-name-mismatch" => {
            matches!(found, C::MissingField { .. } | C::UnknownField { .. })
        }
        "field:type" => matches!(value, Some(V::Type { .. })),
        "field:hash-length" => {
            matches!(value, Some(V::Relation(HashError::Length { .. })))
        }
        "field:hash-prefix" => matches!(value, Some(V::Relation(HashError::Algorithm { .. }))),
        "field:view-id-empty" => matches!(value, Some(V::PinnedRelation(ViewIdError::Empty))),
        "field:view-id-order" => {
            matches!(value, Some(V::PinnedRelation(ViewIdError::Order { .. })))
        }
        "system:name" => matches!(found, C::Rule(R::SchemaName(_) | R::FieldName(_))),
        "system:description" => matches!(found, C::Rule(R::Description(_))),
        "system:fields" => matches!(found, C::Rule(R::TooManyFields { .. })),
        "system:type" => matches!(found, C::Rule(R::FieldType(_))),
        "system:mime-type" => matches!(found, C::Rule(R::MimeType)),
        _ => false,
    }
}
