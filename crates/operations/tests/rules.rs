//! One test for each rule of the encoding that a single damaged byte breaks.

use pandan_bamboo::Hash;
use pandan_operations::{
    DecodeOperationError, Fields, Float, Operation, OperationId, Problem, RawValue, SchemaId,
    SchemaIdError, SystemSchema, ViewIdError,
};

/// An operation of `blob_v1` out of the bytes of its items.
fn decode(items: &[&[u8]]) -> Result<Operation, DecodeOperationError> {
    Operation::decode(&items.concat())
}

const BLOB: &[u8] = b"\x67blob_v1";

fn refused(items: &[&[u8]], offset: usize, problem: Problem, requirement: &str) {
    let error = decode(items).expect_err("refused");
    assert_eq!(error, DecodeOperationError { offset, problem });
    assert_eq!(error.requirement(), Some(requirement));
}

/// The CBOR of a hash.
fn hash(text: &str) -> Vec<u8> {
    [&[0x58, 34][..], &Hash::of(text.as_bytes()).encode()].concat()
}

#[test]
fn op2_other_versions_are_refused() {
    for (version, found) in [(&b"\x00"[..], 0), (b"\x02", 2), (b"\x18\x18", 24)] {
        refused(&[b"\x84", version, b"\x00", BLOB, b"\xa0"], 1, Problem::Version { found }, "OP2");
    }
}

#[test]
fn op3_other_actions_are_refused() {
    refused(&[b"\x84\x01\x03", BLOB, b"\xa0"], 2, Problem::Action { found: 3 }, "OP3");
}

#[test]
fn op5_previous_is_there_when_and_only_when_it_must() {
    let one = [&b"\x81"[..], &hash("a")].concat();
    let items = |expected, found| Problem::Items { expected, found };
    refused(&[b"\x84\x01\x01", BLOB, b"\xa0"], 0, items("5", 4), "OP1");
    refused(&[b"\x85\x01\x00", BLOB, &one, b"\xa0"], 0, items("4", 5), "OP1");
    refused(&[b"\x84\x01\x02", BLOB, b"\x80"], 11, Problem::Previous(ViewIdError::Empty), "OP5");
    assert!(decode(&[b"\x84\x01\x02", BLOB, &one]).is_ok());
}

#[test]
fn en2_what_is_not_in_order_is_refused() {
    let (a, b) = (hash("A"), hash("B"));
    assert!(a < b, "found by trying");
    let order = Problem::Previous(ViewIdError::Order { index: 1 });
    for pair in [[&b, &a], [&a, &a]] {
        refused(&[b"\x84\x01\x02", BLOB, b"\x82", pair[0], pair[1]], 11, order, "EN2");
    }
    // Plain order of bytes, not shorter names first: "aa" stands before "b".
    let create = &[b"\x84\x01\x00", BLOB].concat()[..];
    assert!(decode(&[create, b"\xa2\x62aa\xf4\x61b\xf4"]).is_ok());
    refused(&[create, b"\xa2\x61b\xf4\x62aa\xf4"], 15, Problem::FieldOrder, "EN2");
    refused(&[create, b"\xa2\x61b\xf4\x61b\xf4"], 15, Problem::DuplicateField, "EN2");
}

#[test]
fn sc6_text_is_utf_8() {
    let create = &[b"\x84\x01\x00", BLOB, b"\xa1\x61a"].concat()[..];
    assert!(decode(&[create, "\x62ä".as_bytes()]).is_ok());
    refused(&[create, b"\x62\xc3\x28"], 15, Problem::Utf8, "EN1");
}

#[test]
fn pn12_nan_has_one_form() {
    let create = &[b"\x84\x01\x00", BLOB, b"\xa1\x61a"].concat()[..];
    let nan = Fields::from_iter([("a", RawValue::Float(Float::new(-f64::NAN)))]);
    let nan = Operation::Create { schema: SystemSchema::Blob.into(), fields: nan };
    assert_eq!(nan.encode(), [create, b"\xf9\x7e\x00"].concat());
    let wide = |found| Problem::FloatWidth { expected: 2, found };
    for (form, problem) in [
        (&b"\xf9\xfe\x00"[..], Problem::Nan),
        (b"\xf9\x7e\x01", Problem::Nan),
        (b"\xfa\x7f\xc0\x00\x00", wide(4)),
        (b"\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00", wide(8)),
    ] {
        refused(&[create, form], 14, problem, "EN1");
    }
}

#[test]
fn pn13_integers_have_64_bits_with_a_sign() {
    let create = &[b"\x84\x01\x00", BLOB, b"\xa1\x61a"].concat()[..];
    for number in [i64::MIN, -1, 0, i64::MAX] {
        let fields = Fields::from_iter([("a", RawValue::Int(number))]);
        let operation = Operation::Create { schema: SystemSchema::Blob.into(), fields };
        assert_eq!(Operation::decode(&operation.encode()), Ok(operation));
    }
    for head in [0x1b, 0x3b] {
        let beyond = [&[head, 0x80][..], &[0; 7]].concat();
        refused(&[create, &beyond], 14, Problem::IntRange, "OP7");
    }
}

#[test]
fn pn14_schema_ids_have_one_spelling() {
    let id = OperationId::from_hash(Hash::of(b"a")).to_string();
    let good = format!("venue_{id}");
    assert_eq!(good.parse::<SchemaId>().map(|schema| schema.to_string()), Ok(good.clone()));
    for text in ["blob_v01", "blob_v+1", "blob_v2", "blob", "group_v1", "v1"] {
        let error = text.parse::<SchemaId>();
        let expected = if text.contains('_') {
            SchemaIdError::UnknownSystemSchema
        } else {
            SchemaIdError::NoVersion
        };
        assert_eq!(error, Err(expected), "{text}");
    }
    for text in [good.to_uppercase(), format!("{good}_"), format!(" {good}"), format!("_{id}"), id]
    {
        assert!(text.parse::<SchemaId>().is_err(), "{text}");
    }
}
