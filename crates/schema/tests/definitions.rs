//! Types of fields, and what makes a schema or a blob.

#![allow(clippy::unwrap_used, reason = "what cannot be built fails the test")]

use pandan_bamboo::Hash;
use pandan_operations::{
    DocumentViewId, Fields, Operation, OperationId, RawValue, SchemaId, SystemSchema,
};
use pandan_schema::{
    AssembleError, CheckError, DefinitionView, FieldDefinitionView, FieldType, FieldTypeError,
    RuleError, Schema, SchemaError,
};

fn view(text: &str) -> DocumentViewId {
    OperationId::from_hash(Hash::of(text.as_bytes())).into()
}

#[test]
fn sc5_these_are_all_types() {
    let target = SchemaId::from(SystemSchema::Blob);
    for (text, expected) in [
        ("bool", FieldType::Bool),
        ("int", FieldType::Int),
        ("float", FieldType::Float),
        ("str", FieldType::Str),
        ("bytes", FieldType::Bytes),
        ("relation(blob_v1)", FieldType::Relation(target.clone())),
        ("relation_list(blob_v1)", FieldType::RelationList(target.clone())),
        ("pinned_relation(blob_v1)", FieldType::PinnedRelation(target.clone())),
        ("pinned_relation_list(blob_v1)", FieldType::PinnedRelationList(target)),
    ] {
        assert_eq!(text.parse(), Ok(expected.clone()));
        assert_eq!(expected.to_string(), text);
    }
    for text in
        ["", "Bool", "u64", "str ", "bool(blob_v1)", "friend(blob_v1)", "relation (blob_v1)"]
    {
        assert_eq!(text.parse::<FieldType>(), Err(FieldTypeError::Unknown), "{text}");
    }
}

#[test]
fn sc7_relations_name_a_schema() {
    for name in ["relation", "relation_list", "pinned_relation", "pinned_relation_list"] {
        let parse = |rest: &str| format!("{name}{rest}").parse::<FieldType>();
        assert_eq!(parse(""), Err(FieldTypeError::Unknown));
        assert_eq!(parse("(blob_v1"), Err(FieldTypeError::Parenthesis));
        assert_eq!(parse("(blob_v1) "), Err(FieldTypeError::Parenthesis));
        assert!(matches!(parse("()"), Err(FieldTypeError::Target(_))));
        assert!(matches!(parse("(int)"), Err(FieldTypeError::Target(_))));
    }
}

#[test]
fn pn17_partial_and_repeated_definitions_make_no_schema() {
    let field = |id: &str, name: &str, kind: &str| FieldDefinitionView {
        id: view(id),
        name: name.into(),
        field_type: kind.into(),
    };
    let (a, b) = (field("a", "name", "str"), field("b", "year", "int"));
    let (again, odd) = (field("c", "name", "int"), field("d", "odd", "u64"));
    let assemble = |pins: &[&str], fields: &[&FieldDefinitionView]| {
        let definition = DefinitionView {
            id: view("definition"),
            name: "venue".into(),
            description: String::new(),
            fields: pins.iter().map(|pin| view(pin)).collect(),
        };
        let fields: Vec<_> = fields.iter().map(|&field| field.clone()).collect();
        Schema::assemble(&definition, &fields).map(|schema| schema.id().to_string())
    };
    let id = format!("venue_{}", view("definition"));
    assert_eq!(assemble(&["a", "b"], &[&a, &b]), Ok(id.clone()));
    assert_eq!(assemble(&["b", "a"], &[&a, &b]), Ok(id));
    assert_eq!(assemble(&[], &[]), Err(AssembleError::Schema(SchemaError::NoFields)));
    let missing = AssembleError::MissingView { view: view("b") };
    assert_eq!(assemble(&["a", "b"], &[&a]), Err(missing));
    let twice =
        AssembleError::Schema(SchemaError::DuplicateField { name: "name".parse().unwrap() });
    // Not only when they are neighbours.
    assert_eq!(assemble(&["a", "b", "c"], &[&a, &b, &again]), Err(twice.clone()));
    assert_eq!(assemble(&["a", "a"], &[&a]), Err(twice));
    assert!(matches!(assemble(&["d"], &[&odd]), Err(AssembleError::FieldType { .. })));
}

#[test]
fn pn18_blobs_have_pieces_and_a_length() {
    let piece = |length| vec![("data", RawValue::Bytes(vec![0; length]))];
    let pieces = vec![*view("piece").as_slice()[0].as_hash()];
    for (system, fields, expected) in [
        (SystemSchema::Blob, vec![("length", RawValue::Int(0))], None),
        (
            SystemSchema::Blob,
            vec![("length", RawValue::Int(-1))],
            Some(RuleError::NegativeLength { found: -1 }),
        ),
        (SystemSchema::Blob, vec![("pieces", RawValue::NestedHashList(vec![pieces]))], None),
        (
            SystemSchema::Blob,
            vec![("pieces", RawValue::HashList(vec![]))],
            Some(RuleError::NoPieces),
        ),
        (SystemSchema::BlobPiece, piece(256_000), None),
        (
            SystemSchema::BlobPiece,
            piece(256_001),
            Some(RuleError::PieceTooLong { max: 256_000, found: 256_001 }),
        ),
    ] {
        let fields = Fields::from_pairs(fields).unwrap();
        let operation =
            Operation::Update { schema: system.into(), previous: view("previous"), fields };
        let found = Schema::system(system).check(operation).map(|_| ());
        assert_eq!(found, expected.map_or(Ok(()), |rule| Err(CheckError::Rule(rule))));
    }
}
