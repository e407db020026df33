//! Every limit, at it and one past it.
#![allow(clippy::unwrap_used, reason = "what cannot be built fails the test")]

use pandan_bamboo::Hash;
use pandan_operations::limits::{
    MAX_FIELD_NAME_LENGTH, MAX_FIELDS, MAX_OPERATION_LENGTH, MAX_PREVIOUS, MAX_SCHEMA_NAME_LENGTH,
};
use pandan_operations::{
    DocumentViewId, FieldName, Fields, NameError, Operation, OperationId, Problem, RawValue,
    SchemaName, SystemSchema, ViewIdError,
};

fn ids(count: usize) -> Vec<OperationId> {
    let mut ids: Vec<_> =
        (0..count).map(|n| OperationId::from_hash(Hash::of(&n.to_be_bytes()))).collect();
    ids.sort();
    ids
}

fn create(pairs: Vec<(String, RawValue)>) -> Operation {
    let fields = Fields::from_pairs(pairs).unwrap();
    Operation::Create { schema: SystemSchema::BlobPiece.into(), fields }
}

#[test]
fn pn16_operations_have_512_kib() {
    let operation = |text: usize| create(vec![("a".into(), RawValue::Str("x".repeat(text)))]);
    let around = operation(100_000).encode().len() - 100_000;
    let greatest = operation(MAX_OPERATION_LENGTH - around);
    assert_eq!(greatest.encode().len(), MAX_OPERATION_LENGTH);
    assert_eq!(Operation::decode(&greatest.encode()), Ok(greatest));

    let error = Operation::decode(&operation(MAX_OPERATION_LENGTH - around + 1).encode());
    let (max, found) = (MAX_OPERATION_LENGTH, MAX_OPERATION_LENGTH + 1);
    assert_eq!(error.unwrap_err().problem, Problem::TooLong { max, found });
}

#[test]
fn operations_have_1024_fields() {
    let operation =
        |count| create((0..count).map(|n| (format!("f{n}"), RawValue::Bool(true))).collect());
    let greatest = operation(MAX_FIELDS);
    assert_eq!(Operation::decode(&greatest.encode()), Ok(greatest));

    let error = Operation::decode(&operation(MAX_FIELDS + 1).encode()).unwrap_err();
    assert_eq!(error.problem, Problem::TooManyFields { max: MAX_FIELDS, found: 1025 });
}

#[test]
fn pn16_view_ids_have_1024_operations() {
    let view = DocumentViewId::from_sorted(ids(MAX_PREVIOUS)).unwrap();
    assert_eq!(view.to_string().parse(), Ok(view.clone()));
    let delete = Operation::Delete { schema: SystemSchema::Blob.into(), previous: view };
    let bytes = delete.encode();
    assert_eq!(Operation::decode(&bytes), Ok(delete));

    let error = ViewIdError::TooMany { max: MAX_PREVIOUS, found: MAX_PREVIOUS + 1 };
    let too_many = ids(MAX_PREVIOUS + 1);
    assert_eq!(DocumentViewId::from_sorted(too_many.clone()), Err(error));
    assert_eq!(DocumentViewId::from_tips(too_many.clone()), None);
    let texts: Vec<_> = too_many.iter().map(ToString::to_string).collect();
    assert_eq!(texts.join("_").parse::<DocumentViewId>(), Err(error));

    let head = bytes.iter().position(|&byte| byte == 0x99).unwrap();
    let mut more = bytes[..head].to_vec();
    more.extend([0x99, 0x04, 0x01]);
    for id in too_many {
        more.extend([0x58, 34]);
        more.extend(id.encode());
    }
    assert_eq!(Operation::decode(&more).unwrap_err().problem, Problem::Previous(error));
}

#[test]
fn sc1_schema_names_have_2_to_64_characters() {
    assert!(SchemaName::parse("ab").is_ok());
    assert!(SchemaName::parse(&"a".repeat(MAX_SCHEMA_NAME_LENGTH)).is_ok());
    for text in ["a".into(), "a".repeat(MAX_SCHEMA_NAME_LENGTH + 1)] {
        let error = NameError::Length { min: 2, max: 64, found: text.len() };
        assert_eq!(SchemaName::parse(&text), Err(error));
    }
}

#[test]
fn sc4_field_names_have_1_to_64_characters() {
    assert!(FieldName::parse("a").is_ok());
    assert!(FieldName::parse(&"a".repeat(MAX_FIELD_NAME_LENGTH)).is_ok());
    for text in [String::new(), "a".repeat(MAX_FIELD_NAME_LENGTH + 1)] {
        let error = NameError::Length { min: 1, max: 64, found: text.len() };
        assert_eq!(FieldName::parse(&text), Err(error));
    }
}

/// A claim of many items must not reserve room for them.
#[test]
fn claimed_lengths_are_not_believed() {
    let frame = |rest: &[u8]| [b"\x84\x01\x00\x67blob_v1".as_slice(), rest].concat();
    let claims: [&[u8]; 6] = [
        b"\xa1\x61a\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xa1\x61a\x7b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xa1\x61a\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xa1\x61a\x9b\x7f\xff\xff\xff\xff\xff\xff\xff\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xbb\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xb9\x04\x00",
    ];
    for claim in claims {
        assert!(Operation::decode(&frame(claim)).is_err());
    }
}
