//! Connections to the file: one that writes, as many as needed that read.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::fault::{Fault, Result};
use super::takeover::Takeover;
use super::{Durability, Options, migrate};
use crate::StoreError;

/// Statements kept compiled in each connection: those of every kind for some dozens of schemas.
const STATEMENT_CACHE: usize = 512;

/// Opens the file for writing, makes it if it is not there, and brings it to the latest version.
pub(super) fn writer(
    path: &Path,
    options: &Options,
) -> std::result::Result<(Connection, Takeover), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = open(path, flags, options)?;
    // Without the right to write SQLite opens for reading, and says nothing.
    if connection.is_readonly("main").map_err(Fault::from)? {
        return Err(Fault::no_rights(path));
    }
    // Before anything is written into it: is it ours?
    migrate::version(&connection)?;
    configure_writer(&connection, options).map_err(|error| Fault::opening(&error, path))?;
    migrate::migrate(&mut connection)?;
    let takeover = Takeover::start(&mut connection, path, options).map_err(Fault::from)?;
    Ok((connection, takeover))
}

/// Opens the file, which has to be there, to take the log into it.
pub(super) fn beside_writer(path: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure_durability(&connection, options)?;
    // There is a log to be taken as soon as something was read.
    connection.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0))?;
    Ok(connection)
}

/// Opens the file for reading.
pub(super) fn reader(
    path: &Path,
    options: &Options,
) -> std::result::Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags, options)?;
    configure_memory(&connection, options).map_err(|error| Fault::opening(&error, path))?;
    Ok(connection)
}

fn open(
    path: &Path,
    flags: OpenFlags,
    options: &Options,
) -> std::result::Result<Connection, StoreError> {
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection, options)?;
        Ok(connection)
    };
    open().map_err(|error: rusqlite::Error| Fault::opening(&error, path))
}

/// What statements ask of every connection.
pub(super) fn prepare(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    connection.busy_timeout(options.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    rusqlite::vtab::array::load_module(connection)?;
    // Plans depend on statements alone: else some are made anew for each value that is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn configure_writer(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    configure_memory(connection, options)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    configure_durability(connection, options)?;
    // After a reader held up the log file for long, it shrinks again.
    connection.pragma_update(None, "journal_size_limit", options.journal_bytes)?;
    if let Some(quota) = options.quota_bytes {
        connection.pragma_update(None, "max_page_count", pages(connection, quota)?)?;
    }
    Ok(())
}

fn configure_durability(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    let (synchronous, full_sync) = match options.durability {
        Durability::Full => ("full", true),
        Durability::Normal => ("normal", false),
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // On macOS only this makes the disk empty its own cache.
    connection.pragma_update(None, "fullfsync", full_sync)
}

/// How many pages a number of bytes is, at least one.
pub(super) fn pages(connection: &Connection, bytes: u64) -> rusqlite::Result<i64> {
    let page: u64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    Ok(i64::try_from(bytes / page.max(1)).unwrap_or(i64::MAX).max(1))
}

fn configure_memory(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    let kibibytes = i64::try_from(options.cache_bytes / 1024).unwrap_or(i64::MAX);
    // Negative numbers are sizes in KiB, positive ones numbers of pages.
    connection.pragma_update(None, "cache_size", -kibibytes)?;
    connection.pragma_update(None, "temp_store", "memory")
}

/// Connections for reading that wait for their next snapshot.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    options: Options,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: &Path, options: Options) -> Self {
        Self { path: path.to_owned(), options, idle: Mutex::default() }
    }

    /// Hands out a connection at the beginning of a transaction: what it reads is of one moment.
    pub(super) fn begin(&self) -> Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => reader(&self.path, &self.options)?,
        };
        connection.execute_batch("BEGIN")?;
        // The moment is that of the first read.
        connection.prepare_cached("SELECT 1 FROM schemas LIMIT 1")?.query_row([], |_| Ok(()))?;
        Ok(connection)
    }

    /// Takes a connection back.
    pub(super) fn end(&self, mut connection: Connection) {
        // Else who was cancelled would cancel those who come next.
        if connection.progress_handler(0, None::<fn() -> bool>).is_err() {
            return;
        }
        // One that cannot end its transaction is closed instead, which ends it as well.
        if connection.execute_batch("COMMIT").is_err() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.options.readers {
            idle.push(connection);
        }
    }
}
