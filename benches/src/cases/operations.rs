//! Operations of five fields, from bytes to typed values that follow a schema.

use p2panda_rs::operation::EncodedOperation;
use pandan_operations::Operation;

use crate::cases::{PANDAN, PEER};
use crate::{Contestant, Group, Limit, fixtures, peer};

pub(crate) fn groups() -> Vec<Group> {
    vec![
        group("operation: decode and check a CREATE", &fixtures::create()),
        group("operation: decode and check an UPDATE", &fixtures::update()),
    ]
}

fn group(name: &'static str, operation: &Operation) -> Group {
    let bytes = operation.encode();
    let peer = {
        let (bytes, schema) = (EncodedOperation::from_bytes(&bytes), peer::schema());
        Contestant::new(PEER, move || peer::decode_and_check(&bytes, &schema))
    };
    let schema = fixtures::schema();
    let ours = Contestant::new(PANDAN, move || {
        // Strict: what is not canonical is refused here.
        let operation = Operation::decode(&bytes).expect("the operation is well formed");
        schema.check(operation).expect("the operation follows the schema")
    });
    Group { name, contestants: vec![ours, peer], limits: vec![Limit::FasterBy(3.0, PEER)] }
}
