//! What holds for all operations and for all bytes.
#![allow(clippy::unwrap_used, reason = "what cannot be built fails the test")]

use std::cmp::Ordering;
use std::io::Cursor;

use ciborium::Value as Cbor;
use pandan_bamboo::Hash;
use pandan_operations::{
    DocumentViewId, FieldName, Fields, Float, Operation, OperationId, RawValue, SchemaId,
    SchemaName, SystemSchema,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash::from_digest)
}

fn view_id() -> impl Strategy<Value = DocumentViewId> {
    vec(hash().prop_map(OperationId::from_hash), 1..5)
        .prop_map(|ids| DocumentViewId::from_tips(ids).unwrap())
}

fn schema_id() -> impl Strategy<Value = SchemaId> {
    let application = ("[A-Za-z][A-Za-z0-9_]{0,20}[A-Za-z0-9]", view_id())
        .prop_map(|(name, view)| SchemaId::application(SchemaName::parse(&name).unwrap(), view));
    prop_oneof![
        application,
        proptest::sample::select(&SystemSchema::ALL[..]).prop_map(SchemaId::from)
    ]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        any::<u32>().prop_map(|bits| f64::from(f32::from_bits(bits))),
        (-70_000..70_000_i32).prop_map(|n| f64::from(n) / 64.0),
        (-2048..2048_i32, -30..20_i32).prop_map(|(n, power)| f64::from(n) * 2_f64.powi(power)),
        proptest::sample::select(&[0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY][..]),
    ]
}

fn int() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), -300..300_i64, any::<i32>().prop_map(i64::from)]
}

fn raw_value() -> impl Strategy<Value = RawValue> {
    prop_oneof![
        any::<bool>().prop_map(RawValue::Bool),
        int().prop_map(RawValue::Int),
        number().prop_map(|number| RawValue::Float(number.into())),
        any::<String>().prop_map(RawValue::Str),
        vec(any::<u8>(), 0..300).prop_map(RawValue::Bytes),
        vec(hash(), 0..5).prop_map(RawValue::HashList),
        vec(vec(hash(), 1..4), 1..4).prop_map(RawValue::NestedHashList),
    ]
}

fn fields() -> impl Strategy<Value = Fields> {
    btree_map(any::<String>(), raw_value(), 0..30)
        .prop_map(|pairs| Fields::from_pairs(pairs).unwrap())
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        (schema_id(), fields()).prop_map(|(schema, fields)| Operation::Create { schema, fields }),
        (schema_id(), view_id(), fields()).prop_map(|(schema, previous, fields)| {
            Operation::Update { schema, previous, fields }
        }),
        (schema_id(), view_id())
            .prop_map(|(schema, previous)| Operation::Delete { schema, previous }),
    ]
}

/// Changes, inserts or removes a byte here and there.
fn damage(mut bytes: Vec<u8>, places: Vec<(prop::sample::Index, u8, u8)>) -> Vec<u8> {
    for (index, how, byte) in places {
        let index = index.index(bytes.len());
        match how % 3 {
            0 => bytes[index] = byte,
            1 => bytes.insert(index, byte),
            _ => drop(bytes.remove(index)),
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

fn to_cbor(bytes: &[u8]) -> Cbor {
    ciborium::from_reader(Cursor::new(bytes)).unwrap()
}

proptest! {
    #[test]
    fn en1_decoding_gives_back_what_was_encoded(operation in operation()) {
        prop_assert_eq!(Operation::decode(&operation.encode()), Ok(operation));
    }

    #[test]
    fn en1_whatever_is_taken_encodes_to_the_same_bytes(
        operation in operation(),
        places in vec((any::<prop::sample::Index>(), 0..3_u8, any::<u8>()), 1..4),
    ) {
        let bytes = damage(operation.encode(), places);
        // The schema is read from what is no operation as well, but never another one.
        let schema = Operation::schema_text(&bytes).map(str::to_owned);
        if let Ok(decoded) = Operation::decode(&bytes) {
            prop_assert_eq!(schema.as_deref(), Some(decoded.schema().as_str()));
            prop_assert_eq!(decoded.encode(), bytes);
        }
    }

    #[test]
    fn any_bytes_are_decoded_without_panic(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(decoded) = Operation::decode(&bytes) {
            prop_assert_eq!(decoded.encode(), bytes);
        }
    }

    #[test]
    fn no_operation_is_a_prefix_of_another(operation in operation(), rest in vec(any::<u8>(), 1..4)) {
        let mut bytes = operation.encode();
        let schema = operation.schema().as_str();
        for end in 0..bytes.len() {
            prop_assert!(Operation::decode(&bytes[..end]).is_err());
            let text = Operation::schema_text(&bytes[..end]);
            prop_assert!(text.is_none_or(|text| text == schema));
        }
        bytes.extend(rest);
        prop_assert!(Operation::decode(&bytes).is_err());
    }

    #[test]
    fn op1_another_cbor_library_reads_and_writes_the_same(operation in operation()) {
        let bytes = operation.encode();
        let mut again = Vec::new();
        ciborium::into_writer(&to_cbor(&bytes), &mut again).unwrap();
        prop_assert_eq!(Operation::decode(&again), Ok(operation));
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn floats_are_totally_ordered(a in number(), b in number(), c in number()) {
        let (a, b, c) = (Float::new(a), Float::new(b), Float::new(c));
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert_eq!(a == b, a.cmp(&b) == Ordering::Equal);
        prop_assert!(!(a <= b && b <= c) || a <= c);
        prop_assert!(a <= Float::NAN);
        prop_assert_eq!(a.cmp_numeric(b), b.cmp_numeric(a).reverse());
        prop_assert!(a.cmp_numeric(b).is_ne() || b.cmp_numeric(c).is_ne() || a.cmp_numeric(c).is_eq());
        if let Some(order) = a.get().partial_cmp(&b.get()) {
            prop_assert_eq!(a.cmp_numeric(b), order);
        }
    }

    #[test]
    fn sc1_schema_ids_are_what_they_are_written_as(a in schema_id(), b in schema_id()) {
        prop_assert_eq!(a.to_string().parse(), Ok(a.clone()));
        let is_system = |id: &SchemaId| id.view_id().is_none();
        if !is_system(&a) && !is_system(&b) {
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }

    #[test]
    fn dv1_view_ids_are_sets(ids in vec(hash(), 0..6), seed in any::<prop::sample::Index>()) {
        let ids: Vec<_> = ids.into_iter().map(OperationId::from_hash).collect();
        let mut turned = ids.clone();
        if let Some(first) = ids.first() {
            turned.rotate_left(seed.index(ids.len()));
            turned.push(*first);
        }
        let view = DocumentViewId::from_tips(ids);
        prop_assert_eq!(&view, &DocumentViewId::from_tips(turned));
        if let Some(view) = view {
            prop_assert_eq!(view.to_string().parse(), Ok(view.clone()));
            prop_assert_eq!(view.to_string().to_uppercase().parse(), Ok(view.clone()));
            prop_assert!(view.iter().all(|id| view.contains(id)));
        }
    }

    #[test]
    fn names_are_parsed_without_panic(text in any::<String>()) {
        let is_name = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        prop_assert_eq!(FieldName::parse(&text).is_ok(), is_name);
        let is_schema_name = is_name && text.len() > 1 && !text.ends_with('_');
        prop_assert_eq!(SchemaName::parse(&text).is_ok(), is_schema_name);
        prop_assert!(text.parse::<SchemaId>().is_err());
    }
}

#[test]
fn en1_all_half_precision_floats_are_taken_in_that_width_only() {
    let frame = |value: &[u8]| {
        let mut bytes = b"\x84\x01\x00\x67blob_v1\xa1\x61a".to_vec();
        bytes.extend_from_slice(value);
        bytes
    };
    for bits in 0..=u16::MAX {
        let [high, low] = bits.to_be_bytes();
        let bytes = frame(&[0xf9, high, low]);
        let Cbor::Array(items) = to_cbor(&bytes) else { panic!("an array") };
        let expected = items[3].as_map().unwrap()[0].1.as_float().unwrap();
        let decoded = Operation::decode(&bytes);
        if expected.is_nan() && bits != 0x7e00 {
            assert!(decoded.is_err(), "{bits:04x}");
            continue;
        }
        let decoded = decoded.unwrap();
        let Some(RawValue::Float(found)) = decoded.fields().unwrap().get("a") else { panic!() };
        assert_eq!(found.to_bits(), Float::new(expected).to_bits(), "{bits:04x}");
        assert_eq!(decoded.encode(), bytes);
        let mut wide = vec![0xfb];
        wide.extend(expected.to_be_bytes());
        assert!(Operation::decode(&frame(&wide)).is_err(), "{bits:04x}");
    }
}
