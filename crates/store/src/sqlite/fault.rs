//! What a failure of the database means for those who asked.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::StoreError;

/// A failure on its way out; lets `?` turn errors of the database into those of the contract.
#[derive(Debug)]
pub(super) struct Fault(StoreError);

pub(super) type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    /// Stored data that contradicts itself.
    pub(super) fn inconsistent(detail: impl ToString) -> Self {
        Self(StoreError::Inconsistent { detail: detail.to_string() })
    }

    /// A file that can be read but not written.
    pub(super) fn no_rights(path: &Path) -> StoreError {
        let reason =
            "permission to write is missing; give this user the rights to the file and its folder";
        StoreError::Open { path: path.to_owned(), reason: String::from(reason) }
    }

    /// A failure while a database is being opened.
    pub(super) fn opening(error: &rusqlite::Error, path: &Path) -> StoreError {
        let reason = match error.sqlite_error_code() {
            Some(ErrorCode::CannotOpen) => cannot_open(path),
            Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
                return Self::no_rights(path);
            }
            _ => return from_sqlite(error),
        };
        StoreError::Open { path: path.to_owned(), reason: String::from(reason) }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self(from_sqlite(&error))
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        fault.0
    }
}

fn from_sqlite(error: &rusqlite::Error) -> StoreError {
    let detail = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::OperationInterrupted) => StoreError::Cancelled,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt { detail }
        }
        // Two writers on one file: the rules stand as constraints as well.
        Some(ErrorCode::ConstraintViolation) => StoreError::Inconsistent { detail },
        Some(_) => StoreError::Io { detail },
        // Not from the database but from reading its answers: values of unexpected types.
        None => StoreError::Inconsistent { detail },
    }
}

fn cannot_open(path: &Path) -> &'static str {
    match path.parent() {
        _ if path.is_dir() => "it is a folder; name a file",
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            "its folder does not exist; create it first"
        }
        _ if !path.exists() => "the file does not exist, or its folder can not be written to",
        _ => "the system refused; look at the rights of the file and its folder",
    }
}
