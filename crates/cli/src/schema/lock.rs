//! `schema.lock`: signed operations that define schemas, ready to be published by anyone.
//!
//! ```toml
//! version = 1
//!
//! [[commits]]
//! entry_hash = "0020…"
//! entry = "00…"
//! operation = "84…"
//! ```
//!
//! Commits stand in the order in which they are published.

use std::fmt::Write;

use pandan_bamboo::{EntryHash, HashError};
use pandan_identity::{PublicKey, hex};
use pandan_operations::Operation;
use serde::Deserialize;
use thiserror::Error;

use crate::proof::Proven;

/// The commits of a file, all of them verified.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Lock {
    pub(crate) commits: Vec<Commit>,
}

/// A signed operation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Commit {
    pub(crate) entry_hash: EntryHash,
    pub(crate) entry: Vec<u8>,
    pub(crate) operation: Vec<u8>,
    /// Who signed it.
    pub(crate) author: PublicKey,
    /// What it does.
    pub(crate) decoded: Operation,
}

/// A file that holds no commits, or damaged ones.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum LockError {
    #[error("it is not what a lock file holds: {0}")]
    Syntax(#[from] toml::de::Error),
    #[error("it has version {found}, only version 1 is known; update this program")]
    Version { found: u64 },
    #[error("commit {number} is damaged: {reason}; get the file again from where it was made")]
    Commit { number: usize, reason: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLock {
    version: u64,
    #[serde(default)]
    commits: Vec<RawCommit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCommit {
    entry_hash: String,
    entry: String,
    operation: String,
}

impl Lock {
    /// Reads the text of a file and verifies each commit for itself.
    pub(crate) fn parse(text: &str) -> Result<Self, LockError> {
        let raw: RawLock = toml::from_str(text)?;
        if raw.version != VERSION {
            return Err(LockError::Version { found: raw.version });
        }
        let commits = raw.commits.iter().zip(1..).map(|(raw, number)| {
            commit(raw).map_err(|reason| LockError::Commit { number, reason })
        });
        Ok(Self { commits: commits.collect::<Result<_, _>>()? })
    }

    /// The text of the file.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("version = {VERSION}\n");
        for commit in &self.commits {
            let (entry, operation) = (hex::encode(&commit.entry), hex::encode(&commit.operation));
            let _ = writeln!(text, "\n[[commits]]");
            let _ = writeln!(text, "entry_hash = \"{}\"", commit.entry_hash);
            let _ = writeln!(text, "entry = \"{entry}\"\noperation = \"{operation}\"");
        }
        text
    }
}

fn commit(raw: &RawCommit) -> Result<Commit, String> {
    let no_hex = |what: &str| format!("its {what} is not hexadecimal");
    let entry = hex::decode_vec(&raw.entry).map_err(|_| no_hex("entry"))?;
    let operation = hex::decode_vec(&raw.operation).map_err(|_| no_hex("operation"))?;
    let entry_hash = raw.entry_hash.parse().map_err(|error: HashError| error.to_string())?;
    let proven = Proven::check(&entry, &operation).map_err(|error| error.to_string())?;
    let found = proven.header.hash();
    if found != entry_hash {
        return Err(format!("expected entry hash {entry_hash}, found {found}"));
    }
    let author = proven.header.public_key();
    Ok(Commit { entry_hash, entry, operation, author, decoded: proven.operation })
}

/// The only version of the format.
const VERSION: u64 = 1;

#[cfg(test)]
mod tests {
    use super::Lock;

    #[test]
    fn damage_is_named() {
        let check = |text: &str, expected: &str| {
            let error = Lock::parse(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("version = 2", "version 2");
        check("version = 1\nmore = 1", "unknown field `more`");
        check("", "missing field `version`");
        check(
            "version = 1\n[[commits]]\nentry_hash = \"\"\nentry = \"0\"\noperation = \"\"",
            "commit 1",
        );
        assert_eq!(Lock::parse("version = 1").expect("no commits").to_text(), "version = 1\n");
    }
}
