//! What decoders of hostile bytes allocate grows with the bytes that are there, by a small factor,
//! whatever the bytes claim; and so does how often they allocate.
//!
//! Twice the size is twice the cost: all sizes are held to the same factor, so nothing that copies
//! again and again what it has can pass.

mod counting;

use counting::{Allowance, measure};
use pandan_bamboo::{Entry, ForkProof, Hash, LogId, NextArgs, varu64};
use pandan_identity::KeyPair;
use pandan_operations::{
    DocumentId, DocumentViewId, Fields, Operation, OperationId, RawValue, SchemaId, SystemSchema,
};
use pandan_schema::{DefinitionView, FieldDefinitionView, FieldType, Schema};
use pandan_store::cursor::Cursor;

const NOTHING: Allowance = Allowance { bytes_per_byte: 0, calls_per_hundred: 0, beyond: 0 };

/// Texts are short; an error may quote a little of them.
const TEXT: Allowance = Allowance { bytes_per_byte: 3, calls_per_hundred: 3, beyond: 1_024 };

/// An empty list is one byte and takes a place of 24, and so does a byte of a field.
const OPERATION: Allowance = Allowance { bytes_per_byte: 32, calls_per_hundred: 10, beyond: 1_024 };

/// Makes an input of a size.
type Make = fn(usize) -> Vec<u8>;

/// Sizes of inputs, in whatever they are made of; each twice the one before.
const SIZES: [usize; 7] = [16, 32, 64, 128, 256, 512, 1_024];

/// Feeds inputs of growing size, whole, cut short and with bytes changed.
#[track_caller]
fn check<T>(
    name: &str,
    allowance: Allowance,
    make: impl Fn(usize) -> Vec<u8>,
    read: fn(&[u8]) -> T,
) {
    for size in SIZES {
        let whole = make(size);
        let mut inputs = vec![whole.clone(), whole[..whole.len() / 2].to_vec()];
        inputs.push([whole.as_slice(), whole.as_slice()].concat());
        for place in (0..whole.len()).step_by(whole.len() / 16 + 1) {
            let mut changed = whole.clone();
            changed[place] ^= 0xff;
            inputs.push(changed);
        }
        for input in inputs {
            let cost = measure(|| read(&input));
            allowance.check(name, input.len(), cost);
        }
    }
}

fn hash(number: usize) -> Hash {
    Hash::of(&number.to_be_bytes())
}

fn sorted(count: usize) -> Vec<OperationId> {
    let mut ids: Vec<_> = (0..count).map(|number| OperationId::from_hash(hash(number))).collect();
    ids.sort();
    ids
}

fn joined(count: usize, is_sorted: bool) -> String {
    let mut ids = sorted(count);
    if !is_sorted {
        ids.reverse();
    }
    let texts: Vec<_> = ids.iter().map(ToString::to_string).collect();
    texts.join("_")
}

#[test]
fn the_counter_counts() {
    let cost = measure(|| vec![0_u8; 1_000]);
    assert_eq!((cost.calls, cost.total, cost.peak, cost.held), (1, 1_000, 1_000, 1_000));
    assert_eq!(measure(|| drop(vec![0_u8; 1_000])).held, 0);
}

#[test]
fn entries_and_what_is_in_them_allocate_nothing() {
    let key_pair = KeyPair::from_seed(&[7; 32]);
    let entry = NextArgs::first(LogId::new(u64::MAX)).forge(&key_pair, b"x");
    let entries = |size: usize| entry.as_bytes().repeat(size);
    check("entry", NOTHING, entries, |bytes| Entry::decode(bytes).is_ok());
    check("entry", NOTHING, |size| vec![0xff; size], |bytes| Entry::decode(bytes).is_ok());
    check("varu64", NOTHING, |size| vec![0xff; size], |bytes| varu64::decode(bytes).is_ok());
    check("fork proof", NOTHING, |size| vec![0xf8; size], |bytes| ForkProof::decode(bytes).is_ok());
    check("fork proof", NOTHING, entries, |bytes| ForkProof::decode(bytes).is_ok());
}

fn create(fields: Vec<(String, RawValue)>) -> Vec<u8> {
    let fields =
        Fields::from_pairs(fields.iter().map(|(name, value)| (name.as_str(), value.clone())));
    let schema = SchemaId::from(SystemSchema::Blob);
    Operation::Create { schema, fields: fields.expect("names are good") }.encode()
}

fn one(value: RawValue) -> Vec<u8> {
    create(vec![(String::from("a"), value)])
}

#[test]
fn operations() {
    let makers: [(&str, Make); 7] = [
        ("fields", |size| {
            create((0..size).map(|n| (format!("a{n:04}"), RawValue::Bool(true))).collect())
        }),
        ("a string", |size| one(RawValue::Str("x".repeat(size * 64)))),
        ("bytes", |size| one(RawValue::Bytes(vec![7; size * 64]))),
        ("hashes", |size| one(RawValue::HashList((0..size).map(hash).collect()))),
        ("views", |size| one(RawValue::NestedHashList((0..size).map(|n| vec![hash(n)]).collect()))),
        ("empty views", |size| one(RawValue::NestedHashList(vec![Vec::new(); size]))),
        ("previous", |size| {
            let previous = DocumentViewId::from_sorted(sorted(size)).expect("they are sorted");
            Operation::Delete { schema: SchemaId::from(SystemSchema::Blob), previous }.encode()
        }),
    ];
    for (name, make) in makers {
        check(name, OPERATION, make, |bytes| Operation::decode(bytes).ok());
    }
}

/// Lengths are claimed that the bytes do not hold.
#[test]
fn operations_that_claim_much() {
    let start = {
        let mut bytes = create(Vec::new());
        assert_eq!(bytes.pop(), Some(0xa0), "an empty map");
        bytes
    };
    for claim in [
        "b90400",
        "ba00000400",
        "bbffffffffffffffff",
        "a1617a",
        "a1617a9a00004000",
        "a1617a9bffffffffffffffff",
        "a1617a7a0007ffff",
        "a1617a7bffffffffffffffff",
        "a1617a5a0007ffff",
        "a1617a5bffffffffffffffff",
        "a1617a9a00004000811900",
    ] {
        let claim: Vec<u8> = (0..claim.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&claim[at..at + 2], 16).expect("hex"))
            .collect();
        for filler in [0x00, 0x81, 0x80, 0x9f, 0xbf, 0xa1, 0x60, 0xff] {
            let make = |size: usize| [start.as_slice(), &claim, &vec![filler; size * 16]].concat();
            check("a claim", OPERATION, make, |bytes| Operation::decode(bytes).ok());
        }
    }
}

#[test]
fn texts_of_ids_and_types() {
    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap_or_default()
    }
    for is_sorted in [true, false] {
        let views = |size| joined(size, is_sorted).into_bytes();
        check("view id", TEXT, views, |bytes| text(bytes).parse::<DocumentViewId>().ok());
        let schemas = |size| format!("name_{}", joined(size, is_sorted)).into_bytes();
        check("schema id", TEXT, schemas, |bytes| text(bytes).parse::<SchemaId>().ok());
        let types = |size| format!("relation_list(name_{})", joined(size, is_sorted)).into_bytes();
        check("type", TEXT, types, |bytes| text(bytes).parse::<FieldType>().ok());
    }
    for piece in ["_", "0020_", "a", "(", "relation(", "é", "9"] {
        let make = |size: usize| piece.repeat(size * 16).into_bytes();
        check("view id", TEXT, make, |bytes| text(bytes).parse::<DocumentViewId>().ok());
        check("document id", TEXT, make, |bytes| text(bytes).parse::<DocumentId>().ok());
        check("schema id", TEXT, make, |bytes| text(bytes).parse::<SchemaId>().ok());
        check("type", TEXT, make, |bytes| text(bytes).parse::<FieldType>().ok());
        check("log id", TEXT, make, |bytes| text(bytes).parse::<LogId>().ok());
        check("public key", TEXT, make, |bytes| {
            text(bytes).parse::<pandan_identity::PublicKey>().ok()
        });
    }
}

#[test]
fn keys_and_cursors() {
    let pem = KeyPair::from_seed(&[7; 32]).to_pem();
    for piece in [pem.as_str(), "-----BEGIN PRIVATE KEY-----\n", "A", "\n", "-"] {
        let make = |size: usize| piece.repeat(size * 4).into_bytes();
        check("pem", TEXT, make, |bytes| {
            KeyPair::from_pem(std::str::from_utf8(bytes).unwrap_or_default()).ok()
        });
    }
    for filler in 0..=4_u8 {
        check("cursor", TEXT, |size| vec![filler; size * 16], |bytes| Cursor::decode(bytes).ok());
    }
}

/// A field of a schema takes a name, a type and their places; its view has an id of 34 bytes.
const ASSEMBLY: Allowance = Allowance { bytes_per_byte: 4, calls_per_hundred: 4, beyond: 1_024 };

#[test]
fn definitions_of_schemas() {
    let target = format!("relation(name_{})", joined(1, true));
    for kind in ["bool", target.as_str(), "nonsense"] {
        for has_equal_names in [false, true] {
            for size in SIZES {
                let view = |id: &OperationId| DocumentViewId::from(*id);
                let fields: Vec<_> = sorted(size)
                    .iter()
                    .enumerate()
                    .map(|(number, id)| {
                        let number = if has_equal_names { 0 } else { number };
                        let name = format!("a{number:04}");
                        FieldDefinitionView { id: view(id), name, field_type: String::from(kind) }
                    })
                    .collect();
                let definition = DefinitionView {
                    id: view(&sorted(1)[0]),
                    name: String::from("name"),
                    description: String::new(),
                    fields: fields.iter().rev().map(|field| field.id.clone()).collect(),
                };
                let cost = measure(|| Schema::assemble(&definition, &fields));
                ASSEMBLY.check("assembly", size * (34 + 34 + 5 + kind.len()), cost);
            }
        }
    }
}
