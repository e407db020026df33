//! The embedded database, the default of every node: SQLite in one file.
//!
//! - One connection writes: a batch is one transaction, in which facts are read, entries decided
//!   upon and stored, and documents brought up to date. As many connections as there are snapshots
//!   read, each at its own moment, and nobody waits for anybody (WAL).
//! - Each schema has a table of its own with a row for each document and a typed column for each
//!   field, indexed for filters, orders and pages. A query is a few statements with bound values.
//! - An operation on top of the latest state changes one row, however long the history is. After
//!   concurrent operations a document is built anew from all its operations, once in a batch.
//! - Ids are stored as digests, numbers as numbers.

mod assemble;
mod batch;
mod by_document;
#[cfg(all(test, feature = "conformance"))]
mod by_document_plans;
mod catalog;
mod check;
mod collection;
mod condition;
mod connection;
mod digest;
mod entries;
#[cfg(all(test, feature = "conformance"))]
mod exchange_plans;
mod facts;
mod fault;
mod find;
mod forks;
mod head_sums;
mod heads;
mod history;
mod insert;
mod items;
mod key;
mod lists;
mod materialise;
mod migrate;
mod param;
mod parts;
mod pieces;
#[cfg(test)]
mod plans;
mod rows;
mod snapshot;
mod table;
mod takeover;
mod targets;
#[cfg(test)]
mod trace;
mod value;
mod views;
mod wanted;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pandan_admission::{Candidate, Door, Part, PartSubject};
use pandan_bamboo::ForkProof;
use rusqlite::Connection;

use crate::StoreError;
use crate::check::{Progress, Report};
use crate::contract::{Outcome, Snapshot, Store};
use crate::forks::Frozen;
use crate::parts::{Keeping, Teller};
use catalog::Catalog;
use connection::Readers;
use snapshot::SqliteSnapshot;
use takeover::Takeover;

/// A store in a file, beside which SQLite keeps two more while it is in use.
///
/// Clones share the connections.
///
/// ```
/// use pandan_store::{Options, SqliteStore, Store};
///
/// # let folder = tempfile::tempdir()?;
/// let store = SqliteStore::open(folder.path().join("pandan.sqlite"), Options::default())?;
/// assert_eq!(store.snapshot()?.counts()?.schemas, 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

/// How a store is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// When what was written survives a crash of the machine.
    pub durability: Durability,
    /// How many reading connections to keep for the next snapshot; more are opened when more are
    /// in use at the same time.
    pub readers: usize,
    /// How much memory each connection may use for parts of the file.
    pub cache_bytes: usize,
    /// To what size the log file shrinks after it had to grow, since a snapshot was held for long.
    /// It is taken into the main file whenever it has filled half of this, by a thread beside the
    /// writer, who waits for it where the log has grown to all of this.
    pub journal_bytes: u64,
    /// How long to wait for another process that writes to the same file.
    pub busy_timeout: Duration,
    /// How large the file may become; without it, as large as the disk allows.
    pub quota_bytes: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Full,
            readers: 8,
            cache_bytes: 16 * 1024 * 1024,
            journal_bytes: 64 * 1024 * 1024,
            busy_timeout: Duration::from_secs(5),
            quota_bytes: None,
        }
    }
}

/// When what was written survives a crash of the machine or a loss of power. A crash of the
/// program alone loses nothing in either case, and what is stored is always consistent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// As soon as [`Store::ingest`] returns: each batch waits for the disk.
    #[default]
    Full,
    /// Some time later: the last batches can be lost. Much faster on slow disks.
    Normal,
}

/// What clones and snapshots share.
struct Inner {
    path: PathBuf,
    // Fields are dropped in this order, and the writer has to be the last connection to close:
    // only one that may write takes the log into the file and removes it.
    readers: Readers,
    _takeover: Option<Takeover>,
    /// None when the store was opened for reading only.
    writer: Option<Mutex<Connection>>,
    catalog: Catalog,
}

impl SqliteStore {
    /// Opens the store in a file, or makes a new one. The folder has to be there.
    ///
    /// Another process may have the same file open; two that write take turns.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let writer = connection::writer(path, &options)?;
        Ok(Self::new(path, Some(writer), options))
    }

    /// Opens a store that is there, for reading only: to look at it while a node is using it.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let options = Options::default();
        let reader = connection::reader(path, &options)?;
        match migrate::version(&reader)? {
            migrate::VERSION => Ok(Self::new(path, None, options)),
            found => Err(StoreError::OlderVersion { found, supported: migrate::VERSION }),
        }
    }

    /// Checks everything that is stored: all signatures, payloads and links, every document and
    /// schema built anew, and the file itself.
    ///
    /// It reads one snapshot, row by row, and can be done beside a node that writes. `progress` is
    /// told often how far it has come.
    pub fn check(&self, progress: &mut dyn FnMut(Progress)) -> Result<Report, StoreError> {
        let snapshot = SqliteSnapshot::begin(&self.inner)?;
        Ok(check::run(snapshot.connection(), progress)?)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    fn new(path: &Path, writer: Option<(Connection, Takeover)>, options: Options) -> Self {
        let (writer, takeover) = writer.unzip();
        let inner = Inner {
            path: path.to_owned(),
            readers: Readers::new(path, options),
            _takeover: takeover,
            writer: writer.map(Mutex::new),
            catalog: Catalog::default(),
        };
        Self { inner: Arc::new(inner) }
    }
}

impl Store for SqliteStore {
    fn ingest(&self, batch: Vec<(Candidate, Door)>) -> Result<Vec<Outcome>, StoreError> {
        let writer = self.inner.writer.as_ref().ok_or(StoreError::ReadOnly)?;
        // A thread that came to its end while it held the lock has left no transaction behind.
        let mut connection = writer.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(batch::ingest(&mut connection, &self.inner.catalog, batch)?)
    }

    fn ingest_proof(&self, proof: ForkProof) -> Result<Option<Frozen>, StoreError> {
        let writer = self.inner.writer.as_ref().ok_or(StoreError::ReadOnly)?;
        let mut connection = writer.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(batch::ingest_proof(&mut connection, &self.inner.catalog, &proof)?)
    }

    fn keep_part(&self, part: &Part, teller: Teller) -> Result<Keeping, StoreError> {
        let writer = self.inner.writer.as_ref().ok_or(StoreError::ReadOnly)?;
        let mut connection = writer.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(parts::keep(&mut connection, part, &teller)?)
    }

    fn forget_part(&self, subject: &PartSubject) -> Result<bool, StoreError> {
        let writer = self.inner.writer.as_ref().ok_or(StoreError::ReadOnly)?;
        let mut connection = writer.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(parts::forget(&mut connection, subject)?)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        Ok(Box::new(SqliteSnapshot::begin(&self.inner)?))
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.inner.path).finish_non_exhaustive()
    }
}
