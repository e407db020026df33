//! The bytes that the specification in the book shows are those that our crates make.
//!
//! After a change on purpose: `UPDATE_EXAMPLES=1 cargo test -p pandan-testkit --test
//! worked_examples` writes the files anew.
#![allow(clippy::unwrap_used, reason = "a test")]

mod operations;
mod primitives;
mod replication;
mod sheet;
mod story;

use std::{env, fs, path::Path};

use story::Story;

#[test]
fn examples_of_the_book_are_what_we_make() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src/spec/examples");
    let story = Story::new();
    for (name, expected) in [
        ("keys", primitives::keys()),
        ("hashes", primitives::hashes()),
        ("varu64", primitives::varu64()),
        ("entries", primitives::entries(&story)),
        ("fork-proof", primitives::fork_proof(&story)),
        ("values", operations::values()),
        ("operations", operations::operations(&story)),
        ("schema", operations::schema(&story)),
        ("document", operations::document(&story)),
        ("fingerprints", replication::fingerprints(&story)),
        ("session", replication::session(&story)),
    ] {
        let path = folder.join(name).with_extension("txt");
        if env::var_os("UPDATE_EXAMPLES").is_some() {
            fs::write(&path, &expected).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(found == expected, "{} is not what we make:\n{expected}", path.display());
    }
}
