//! What is fuzzed: one module for each target, with what has to hold for every input.

#![forbid(unsafe_code)]

pub mod bundle;
pub mod cursor;
pub mod document;
pub mod entry;
pub mod graph;
#[cfg(feature = "node")]
pub mod graphql;
pub mod legacy_messages;
pub mod lock_file;
pub mod log;
pub mod log_play;
pub mod message;
pub mod operation;
pub mod session;
#[cfg(feature = "store")]
pub mod store_play;

/// Parts of the program that the lock file is read with.
#[path = "../../crates/cli/src/proof.rs"]
#[allow(unused, missing_docs, reason = "written for a program, of which this is a part")]
mod proof;

/// What the program has for hex.
mod client {
    pub(crate) fn encode_hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(crate) fn decode_hex(text: &str) -> Option<Vec<u8>> {
        let digits: Vec<_> = text.chars().map(|char| char.to_digit(16)).collect::<Option<_>>()?;
        let (pairs, []) = digits.as_chunks::<2>() else { return None };
        pairs.iter().map(|[high, low]| u8::try_from(high << 4 | low).ok()).collect()
    }
}
