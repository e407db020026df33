//! What the tests share.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "helpers of tests")]
#![allow(clippy::cast_possible_truncation, reason = "numbers of tests are small")]

pub mod lone;
pub mod model;
pub mod world;

use pandan_operations::{SchemaId, SystemSchema};
use pandan_replication::Terms;

/// The schemas of most tests, in order.
pub fn schemas() -> Vec<SchemaId> {
    SystemSchema::ALL.map(SchemaId::from).to_vec()
}

/// A session about all of them.
pub fn terms() -> Terms {
    Terms::new(schemas()).unwrap()
}
