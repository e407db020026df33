//! The bytes on which everybody works.

use pandan_bamboo::{EntryHash, Hash, Links, LogId, NextArgs, SeqNum};
use pandan_identity::KeyPair;
use pandan_operations::{
    DocumentId, DocumentViewId, FieldName, Fields, Float, Operation, OperationId, RawValue,
    SchemaId, SchemaName,
};
use pandan_schema::{FieldType, Schema};

/// The seed of the author of everything.
pub(crate) const SEED: [u8; 32] = [7; 32];

/// An entry with both links has this place.
pub(crate) const SEQ_NUM: u64 = 13;

pub(crate) fn key_pair() -> KeyPair {
    KeyPair::from_seed(&SEED)
}

pub(crate) fn hash(number: u64) -> Hash {
    Hash::of(&number.to_be_bytes())
}

pub(crate) fn operation_id(number: u64) -> OperationId {
    OperationId::from_hash(hash(number))
}

/// What it takes to write an entry with both links.
pub(crate) fn next_args() -> NextArgs {
    let seq_num = SeqNum::new(SEQ_NUM).expect("it is not 0");
    let links = Links::NextWithSkip {
        skiplink: EntryHash::from_hash(hash(1)),
        backlink: EntryHash::from_hash(hash(2)),
    };
    NextArgs::new(LogId::new(9), seq_num, links).expect("entry 13 has both links")
}

/// The entries of a log and their one payload.
pub(crate) fn log(length: usize) -> (Vec<Vec<u8>>, Vec<u8>) {
    let payload = create().encode();
    let key_pair = key_pair();
    let mut entries = vec![NextArgs::first(LogId::new(0)).forge(&key_pair, &payload)];
    while let Some(tip) = entries.last().filter(|_| entries.len() < length) {
        let next = tip.header().seq_num().next().expect("logs here are short");
        let target = next.skiplink().and_then(|target| usize::try_from(target.number()).ok());
        let skiplink = target.map(|target| entries[target - 1].hash());
        let args = NextArgs::after(tip.header(), skiplink).expect("the log can go on");
        entries.push(args.forge(&key_pair, &payload));
    }
    (entries.iter().map(|entry| entry.as_bytes().to_vec()).collect(), payload)
}

fn schema_id(name: &str) -> SchemaId {
    let name = SchemaName::parse(name).expect("the name is a good one");
    SchemaId::application(name, operation_id(3).into())
}

/// The five fields of an event.
pub(crate) const FIELDS: [&str; 5] = ["date", "is_public", "rating", "title", "venue"];

pub(crate) fn schema() -> Schema {
    let types = [
        FieldType::Int,
        FieldType::Bool,
        FieldType::Float,
        FieldType::Str,
        FieldType::Relation(schema_id("venue")),
    ];
    let names = FIELDS.map(|name| FieldName::parse(name).expect("the name is a good one"));
    Schema::new(schema_id("event"), "What takes place", names.into_iter().zip(types))
        .expect("the schema is a good one")
}

fn values(number: i64) -> [RawValue; 5] {
    [
        RawValue::Int(1_900_000_000 + number),
        RawValue::Bool(true),
        RawValue::Float(Float::new(4.7)),
        RawValue::Str("A concert of frogs by the pond".into()),
        RawValue::Bytes(DocumentId::from_hash(hash(4)).encode().to_vec()),
    ]
}

/// A CREATE with all five fields.
pub(crate) fn create() -> Operation {
    Operation::Create { schema: schema_id("event"), fields: all_fields() }
}

/// An UPDATE of all five fields, on top of a merge.
pub(crate) fn update() -> Operation {
    let previous =
        DocumentViewId::from_tips([operation_id(5), operation_id(6)]).expect("there are two tips");
    Operation::Update { schema: schema_id("event"), previous, fields: all_fields() }
}

/// An UPDATE of one field, another with each number.
pub(crate) fn small_update(previous: DocumentViewId, number: usize) -> Operation {
    let place = number % FIELDS.len();
    let value = i64::try_from(number).expect("numbers here are small");
    let field = (FIELDS[place], values(value)[place].clone());
    let fields = Fields::from_iter([field]);
    Operation::Update { schema: schema_id("event"), previous, fields }
}

fn all_fields() -> Fields {
    FIELDS.into_iter().zip(values(0)).collect()
}
