//! What can go wrong below the rules.

use std::path::PathBuf;

use thiserror::Error;

/// A failure of the store itself; nothing of the transaction in question can be seen.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk is full, or the quota used up.
    #[error("no space left to store data; free some space on the disk and try again")]
    Full,
    /// Another process holds the database.
    #[error("database is in use by another process; close that one or wait for it, then try again")]
    Busy,
    /// The file is not a database of this program, it is damaged, or the disk fails to read it.
    #[error(
        "database is damaged, not one of this program, or on a disk that fails ({detail}); look whether the disk is well, then restore it from a copy, or start with a new file and replicate again"
    )]
    Corrupt {
        /// What the database engine found.
        detail: String,
    },
    /// The database was written by a newer version.
    #[error(
        "database has version {found}, this program knows versions up to {supported}; update the program"
    )]
    NewerVersion {
        /// Version of the file.
        found: u32,
        /// Greatest version this program can read.
        supported: u32,
    },
    /// The database was written by an older version, and is opened for reading only.
    #[error(
        "database has version {found}, this program reads version {supported}; open it once for writing to bring it up to date"
    )]
    OlderVersion {
        /// Version of the file.
        found: u32,
        /// The version this program reads.
        supported: u32,
    },
    /// The store was opened for reading only.
    #[error("store was opened for reading only")]
    ReadOnly,
    /// The file or folder can not be used.
    #[error("cannot open {path}: {reason}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Reading or writing failed.
    #[error("storage failed: {detail}")]
    Io {
        /// What the database engine or the system reported.
        detail: String,
    },
    /// Nobody waits for the answer any more.
    #[error("reading was cancelled")]
    Cancelled,
    /// A cursor was made for another order.
    #[error("cursor belongs to another order; ask for the first page again")]
    ForeignCursor,
    /// What is stored contradicts itself.
    #[error("stored data is inconsistent: {detail}")]
    Inconsistent {
        /// What does not fit.
        detail: String,
    },
}
