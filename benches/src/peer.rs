//! The same things as values of `p2panda-rs`, made from the same bytes.

use p2panda_rs::document::{DocumentBuilder, DocumentViewId};
use p2panda_rs::entry::{LogId, SeqNum};
use p2panda_rs::hash::Hash;
use p2panda_rs::identity::KeyPair;
use p2panda_rs::operation::decode::decode_operation;
use p2panda_rs::operation::validate::validate_operation;
use p2panda_rs::operation::{EncodedOperation, Operation, OperationId};
use p2panda_rs::schema::{FieldType, Schema, SchemaId};

use crate::fixtures;

pub(crate) fn key_pair() -> KeyPair {
    let seed: String = fixtures::SEED.iter().map(|byte| format!("{byte:02x}")).collect();
    KeyPair::from_private_key_str(&seed).expect("any seed is a key")
}

/// Log id, place, skiplink and backlink of [`fixtures::next_args`].
pub(crate) fn next_args() -> (LogId, SeqNum, Hash, Hash) {
    let seq_num = SeqNum::new(fixtures::SEQ_NUM).expect("it is not 0");
    (LogId::new(9), seq_num, hash(1), hash(2))
}

fn hash(number: u64) -> Hash {
    Hash::new(&fixtures::hash(number).to_string()).expect("it is a hash")
}

pub(crate) fn schema() -> Schema {
    let ours = fixtures::schema();
    let types: Vec<_> = ours
        .fields()
        .map(|(name, field_type)| {
            let field_type: FieldType = field_type.to_string().parse().expect("types are the same");
            (name.as_str(), field_type)
        })
        .collect();
    let id = SchemaId::new(ours.id().as_str()).expect("ids are the same");
    Schema::new(&id, ours.description(), &types).expect("the schema is a good one")
}

/// Bytes to an operation that follows the schema.
pub(crate) fn decode_and_check(bytes: &EncodedOperation, schema: &Schema) -> Operation {
    let plain = decode_operation(bytes).expect("the operation is well formed");
    validate_operation(&plain, schema).expect("the operation follows the schema")
}

pub(crate) fn operation_id(id: pandan_operations::OperationId) -> OperationId {
    id.to_string().parse().expect("ids are the same")
}

pub(crate) fn view_id(id: &pandan_operations::DocumentViewId) -> DocumentViewId {
    id.to_string().parse().expect("ids are the same")
}

/// The operations as `p2panda-rs` builds documents from them.
pub(crate) fn document_builder(
    operations: &[(pandan_operations::OperationId, Vec<u8>)],
) -> DocumentBuilder {
    let (schema, author) = (schema(), key_pair().public_key());
    let operations = operations.iter().map(|(id, bytes)| {
        let operation = decode_and_check(&EncodedOperation::from_bytes(bytes), &schema);
        (operation_id(*id), operation, author)
    });
    DocumentBuilder::new(operations.collect())
}
