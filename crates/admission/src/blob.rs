//! Whether a blob has all its pieces (PN24).
//!
//! A blob names its pieces by pinned states, and how many bytes they hold together. Replication
//! brings the parts in any order, so that only a client is held to publishing the pieces first.

use alloc::vec::Vec;

use pandan_operations::{DocumentViewId, Operation, OperationId, RawValue, SchemaId, SystemSchema};
use pandan_schema::{CheckedOperation, TypedFields, Value};

use crate::Refusal;

const LENGTH: &str = "length";
const PIECES: &str = "pieces";

/// The states of pieces that an operation names, as far as they can be told before it is checked.
pub(crate) fn pieces(operation: &Operation) -> Vec<DocumentViewId> {
    if *operation.schema() != SchemaId::System(SystemSchema::Blob) {
        return Vec::new();
    }
    let value = operation.fields().and_then(|fields| fields.get(PIECES));
    let Some(RawValue::NestedHashList(lists)) = value else { return Vec::new() };
    // What is no view id is refused as a value of the wrong type later on.
    let views = lists.iter().filter_map(|list| {
        let tips = list.iter().copied().map(OperationId::from_hash).collect();
        DocumentViewId::from_sorted(tips).ok()
    });
    views.collect()
}

/// Checks that the pieces which a blob operation names are there and add up to its length.
///
/// An UPDATE has to carry both fields or none of them, so that it can be judged by itself.
pub(crate) fn check_complete(
    operation: &CheckedOperation,
    sizes: &[Option<u64>],
) -> Result<(), Refusal> {
    let is_blob = *operation.schema() == SchemaId::System(SystemSchema::Blob);
    let Some(fields) = operation.fields().filter(|_| is_blob) else { return Ok(()) };
    match (value(fields, LENGTH), value(fields, PIECES)) {
        (None, None) => Ok(()),
        (Some(&Value::Int(length)), Some(Value::PinnedRelationList(pieces))) => {
            check_sizes(length, pieces, sizes)
        }
        _ => Err(Refusal::BlobFieldsApart),
    }
}

fn check_sizes(
    length: i64,
    pieces: &[DocumentViewId],
    sizes: &[Option<u64>],
) -> Result<(), Refusal> {
    let mut found = 0_u64;
    for (index, piece) in pieces.iter().enumerate() {
        let Some(size) = sizes.get(index).copied().flatten() else {
            return Err(Refusal::BlobPieceMissing { piece: piece.clone() });
        };
        found = found.saturating_add(size);
    }
    if u64::try_from(length) == Ok(found) {
        Ok(())
    } else {
        Err(Refusal::BlobLength { expected: length, found })
    }
}

fn value<'a>(fields: &'a TypedFields, name: &str) -> Option<&'a Value> {
    fields.iter().find(|(field, _)| field.as_str() == name).map(|(_, value)| value)
}
