//! What no vector shows: the order of checks, limits, and round trips.

#![allow(clippy::unwrap_used, reason = "what cannot be built fails the test")]

use pandan_bamboo::Hash;
use pandan_operations::{
    DocumentId, DocumentViewId, Fields, Float, Operation, OperationId, RawValue, SchemaId,
    SystemSchema,
};
use pandan_schema::limits::{MAX_DESCRIPTION_LENGTH, MAX_FIELDS, MAX_LIST_ITEMS};
use pandan_schema::{
    CheckError, CheckedOperation, FieldName, FieldType, RuleError, Schema, SchemaError, Value,
    ValueError,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn name(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

fn view(text: &str) -> DocumentViewId {
    OperationId::from_hash(Hash::of(text.as_bytes())).into()
}

fn id() -> SchemaId {
    SchemaId::application("venue".parse().unwrap(), view("venue"))
}

fn schema() -> Schema {
    let fields = [("a", FieldType::Bool), ("c", FieldType::Int), ("e", FieldType::Str)];
    Schema::new(id(), "A place", fields.map(|(text, kind)| (name(text), kind))).unwrap()
}

fn fields(pairs: &[(&str, RawValue)]) -> Fields {
    Fields::from_pairs(pairs.iter().cloned()).unwrap()
}

fn create(pairs: &[(&str, RawValue)]) -> Operation {
    Operation::Create { schema: id(), fields: fields(pairs) }
}

fn update(schema: SchemaId, pairs: &[(&str, RawValue)]) -> Operation {
    Operation::Update { schema, previous: view("previous"), fields: fields(pairs) }
}

const TRUE: RawValue = RawValue::Bool(true);
const ONE: RawValue = RawValue::Int(1);

fn text(text: &str) -> RawValue {
    RawValue::Str(text.into())
}

fn unknown(found: &str) -> CheckError {
    CheckError::UnknownField { found: found.into() }
}

#[test]
fn op6_create_has_all_fields_of_its_schema_and_no_others() {
    let missing = |text| CheckError::MissingField { expected: name(text) };
    let check = |pairs: &[(&str, RawValue)]| schema().check(create(pairs)).err();
    assert_eq!(check(&[("a", TRUE), ("c", ONE), ("e", text(""))]), None);
    assert_eq!(check(&[]), Some(missing("a")));
    assert_eq!(check(&[("c", ONE), ("e", text(""))]), Some(missing("a")));
    assert_eq!(check(&[("a", TRUE), ("e", text(""))]), Some(missing("c")));
    assert_eq!(check(&[("a", TRUE), ("c", ONE)]), Some(missing("e")));
    assert_eq!(check(&[("a", TRUE), ("b", TRUE), ("c", ONE)]), Some(unknown("b")));
    let more = [("a", TRUE), ("c", ONE), ("e", text("")), ("f", TRUE), ("g", TRUE)];
    assert_eq!(check(&more), Some(unknown("f")));
}

#[test]
fn op6_update_has_any_fields_of_its_schema_or_none() {
    let check = |pairs: &[(&str, RawValue)]| schema().check(update(id(), pairs)).err();
    assert_eq!(check(&[]), None);
    assert_eq!(check(&[("c", ONE)]), None);
    assert_eq!(check(&[("b", TRUE), ("c", ONE)]), Some(unknown("b")));
}

#[test]
fn op8_type_errors_come_before_unknown_fields() {
    let found = schema().check(update(id(), &[("b", TRUE), ("c", TRUE)]));
    assert!(matches!(found, Err(CheckError::Value { .. })), "{found:?}");
}

#[test]
fn rules_of_system_schemas_come_before_unknown_fields() {
    let blob = || SchemaId::from(SystemSchema::Blob);
    let schema = Schema::system(SystemSchema::Blob);
    let found = schema.check(update(blob(), &[("a", TRUE), ("length", RawValue::Int(-1))]));
    assert_eq!(found, Err(CheckError::Rule(RuleError::NegativeLength { found: -1 })));
    assert!(schema.check(update(blob(), &[("length", RawValue::Int(0))])).is_ok());
}

#[test]
fn op4_operations_of_other_schemas_are_refused() {
    let operation = update(SystemSchema::Blob.into(), &[]);
    let (expected, found) = (id(), SystemSchema::Blob.into());
    assert_eq!(schema().check(operation), Err(CheckError::Schema { expected, found }));
}

#[test]
fn op8_integers_are_never_floats() {
    let error = |result: Result<Value, ValueError>| matches!(result, Err(ValueError::Type { .. }));
    assert!(error(Value::from_raw(&FieldType::Float, ONE)));
    assert!(error(Value::from_raw(&FieldType::Int, RawValue::Float(Float::new(1.0)))));
}

#[test]
fn pn15_flat_lists_are_no_pinned_relation_lists() {
    let kind = FieldType::PinnedRelationList(id());
    let flat = |count: u8| RawValue::HashList((0..count).map(|n| Hash::of(&[n])).collect());
    assert_eq!(Value::from_raw(&kind, flat(0)), Ok(Value::PinnedRelationList(vec![])));
    assert!(matches!(Value::from_raw(&kind, flat(1)), Err(ValueError::Type { .. })));
}

#[test]
fn lists_have_16_384_items() {
    let hashes = |count| vec![Hash::of(b""); count];
    let flat =
        |count| Value::from_raw(&FieldType::RelationList(id()), RawValue::HashList(hashes(count)));
    let nested = |count| {
        let raw = RawValue::NestedHashList(vec![hashes(1); count]);
        Value::from_raw(&FieldType::PinnedRelationList(id()), raw)
    };
    let error = ValueError::TooManyItems { max: MAX_LIST_ITEMS, found: MAX_LIST_ITEMS + 1 };
    assert!(flat(MAX_LIST_ITEMS).is_ok() && nested(MAX_LIST_ITEMS).is_ok());
    assert_eq!(flat(MAX_LIST_ITEMS + 1), Err(error));
    assert_eq!(nested(MAX_LIST_ITEMS + 1), Err(error));
}

#[test]
fn sc2_descriptions_have_256_characters() {
    let new = |count| Schema::new(id(), &"🐼".repeat(count), [(name("a"), FieldType::Bool)]);
    assert!(new(MAX_DESCRIPTION_LENGTH).is_ok());
    let error = SchemaError::Description { max: 256, found: 257 };
    assert_eq!(new(MAX_DESCRIPTION_LENGTH + 1), Err(error));
}

#[test]
fn sc3_schemas_have_1024_fields() {
    let fields = |count| (0..count).map(|n| (name(&format!("f{n}")), FieldType::Bool));
    assert!(Schema::new(id(), "", fields(MAX_FIELDS)).is_ok());
    let error = SchemaError::TooManyFields { max: MAX_FIELDS, found: MAX_FIELDS + 1 };
    assert_eq!(Schema::new(id(), "", fields(MAX_FIELDS + 1)), Err(error));

    let definition = |count| {
        let fields = RawValue::NestedHashList(vec![vec![Hash::of(b"")]; count]);
        let operation = update(SystemSchema::SchemaDefinition.into(), &[("fields", fields)]);
        Schema::system(SystemSchema::SchemaDefinition).check(operation)
    };
    assert!(definition(MAX_FIELDS).is_ok());
    let error = RuleError::TooManyFields { max: MAX_FIELDS, found: MAX_FIELDS + 1 };
    assert_eq!(definition(MAX_FIELDS + 1), Err(CheckError::Rule(error)));
}

#[test]
fn system_schemas_cannot_be_made() {
    let made = Schema::new(SystemSchema::Blob.into(), "", [(name("a"), FieldType::Bool)]);
    assert_eq!(made, Err(SchemaError::System));
}

#[test]
fn fields_are_found_by_name_and_place() {
    let schema = schema();
    assert_eq!(schema.field("c"), Some((1, &FieldType::Int)));
    assert_eq!(schema.field("b"), None);
    assert_eq!(schema.fields().next(), Some((&name("a"), &FieldType::Bool)));
}

#[test]
fn types_know_what_they_refer_to() {
    let kind = |text: &str| text.parse::<FieldType>().unwrap();
    let blob = SchemaId::from(SystemSchema::Blob);
    for (text, target, is_list, is_pinned) in [
        ("str", None, false, false),
        ("relation(blob_v1)", Some(&blob), false, false),
        ("relation_list(blob_v1)", Some(&blob), true, false),
        ("pinned_relation(blob_v1)", Some(&blob), false, true),
        ("pinned_relation_list(blob_v1)", Some(&blob), true, true),
    ] {
        let kind = kind(text);
        assert_eq!((kind.target(), kind.is_list(), kind.is_pinned()), (target, is_list, is_pinned));
        assert_eq!(kind.to_string(), text);
    }
}

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash::from_digest)
}

fn view_id() -> impl Strategy<Value = DocumentViewId> {
    vec(hash().prop_map(OperationId::from_hash), 1..4)
        .prop_map(|ids| DocumentViewId::from_tips(ids).unwrap())
}

fn typed() -> impl Strategy<Value = (FieldType, Value)> {
    let document = || hash().prop_map(DocumentId::from_hash);
    prop_oneof![
        any::<bool>().prop_map(|value| (FieldType::Bool, Value::Bool(value))),
        any::<i64>().prop_map(|value| (FieldType::Int, Value::Int(value))),
        any::<f64>().prop_map(|value| (FieldType::Float, Value::Float(value.into()))),
        any::<String>().prop_map(|value| (FieldType::Str, Value::Str(value))),
        vec(any::<u8>(), 0..50).prop_map(|value| (FieldType::Bytes, Value::Bytes(value))),
        document().prop_map(|value| (FieldType::Relation(id()), Value::Relation(value))),
        vec(document(), 0..4)
            .prop_map(|value| (FieldType::RelationList(id()), Value::RelationList(value))),
        view_id().prop_map(|value| (FieldType::PinnedRelation(id()), Value::PinnedRelation(value))),
        vec(view_id(), 0..4).prop_map(|value| {
            (FieldType::PinnedRelationList(id()), Value::PinnedRelationList(value))
        }),
    ]
}

proptest! {
    #[test]
    fn op7_values_go_through_operations((kind, value) in typed()) {
        let schema = Schema::new(id(), "", [(name("a"), kind)]).unwrap();
        let checked = CheckedOperation::Create { schema: id(), fields: vec![(name("a"), value)] };
        let bytes = checked.to_operation().encode();
        prop_assert_eq!(schema.check(Operation::decode(&bytes).unwrap()), Ok(checked));
    }

    #[test]
    fn sc10_types_are_parsed_without_panic(text in "\\PC{0,20}|[a-z_]{3,20}\\([a-z_0-9]{0,10}\\)") {
        if let Ok(kind) = text.parse::<FieldType>() {
            prop_assert_eq!(kind.to_string(), text);
        }
    }
}
