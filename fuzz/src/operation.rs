//! Operations: what is accepted is encoded to the same bytes, and so are its values.

use pandan_operations::{Operation, RawValue, SystemSchema};
use pandan_schema::{CheckedOperation, FieldType, Schema, Value};

/// Decodes an operation and checks it against all types and system schemas.
pub fn check(bytes: &[u8]) {
    let Ok(operation) = Operation::decode(bytes) else { return };
    assert_eq!(operation.encode(), bytes, "one encoding");
    for (_, value) in operation.fields().into_iter().flat_map(|fields| fields.iter()) {
        check_value(value);
    }
    for system in SystemSchema::ALL {
        check_against(&Schema::system(system), &operation);
    }
}

/// A value that has a type is written as it was read.
fn check_value(raw: &RawValue) {
    let target = || SystemSchema::BlobPiece.into();
    let types = [
        FieldType::Bool,
        FieldType::Int,
        FieldType::Float,
        FieldType::Str,
        FieldType::Bytes,
        FieldType::Relation(target()),
        FieldType::RelationList(target()),
        FieldType::PinnedRelation(target()),
        FieldType::PinnedRelationList(target()),
    ];
    let mut fits = 0;
    for field_type in types {
        if let Ok(value) = Value::from_raw(&field_type, raw.clone()) {
            assert_eq!(value.to_raw(), *raw, "{field_type}");
            fits += 1;
        }
    }
    assert!(fits <= 3, "{raw:?} is of {fits} types");
}

fn check_against(schema: &Schema, operation: &Operation) {
    let Ok(checked) = schema.check(operation.clone()) else { return };
    assert_eq!(checked.schema(), operation.schema());
    assert_eq!(checked.action(), operation.action());
    assert_eq!(checked.previous(), operation.previous());
    let (CheckedOperation::Create { fields, .. } | CheckedOperation::Update { fields, .. }) =
        checked
    else {
        return;
    };
    let given = operation.fields().expect("only a DELETE has none");
    assert_eq!(fields.len(), given.len());
    for ((name, value), (given_name, raw)) in fields.iter().zip(given.iter()) {
        assert_eq!((name.as_str(), &value.to_raw()), (given_name, raw));
    }
}
