//! What is measured.

mod documents;
mod entries;
mod logs;
mod operations;
mod texts;

use crate::Group;

/// Everything.
#[must_use]
pub fn all() -> Vec<Group> {
    [entries::groups(), operations::groups(), documents::groups(), logs::groups(), texts::groups()]
        .into_iter()
        .flatten()
        .collect()
}

/// Us.
const PANDAN: &str = "pandan";

/// The cryptography alone.
const BARE: &str = "bare cryptography";

/// The reference implementation.
const PEER: &str = "p2panda-rs";
