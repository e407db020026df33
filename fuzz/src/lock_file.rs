//! Lock files of schemas: damaged ones are refused, others are written as they mean.

#[path = "../../crates/cli/src/schema/lock.rs"]
#[allow(unused, missing_docs, reason = "written for a program, of which this is a part")]
mod lock;

/// Reads a text as a lock file, writes it, and reads it again.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(found) = lock::Lock::parse(text) else { return };
    let written = found.to_text();
    let again = lock::Lock::parse(&written).expect("it was written by us");
    assert_eq!(again, found);
    assert_eq!(again.to_text(), written);
}
