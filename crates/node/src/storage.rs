//! Opens the store in a folder.

use std::path::Path;
use std::sync::Arc;

use pandan_store::{Options, SqliteStore, Store, StoreError};

use crate::Config;

/// Name of the database file.
const FILE_NAME: &str = "pandan.sqlite";

/// How many reading connections wait for the next query; under load more are opened.
const READERS_KEPT: usize = 4;

/// How much of the file each connection keeps in memory. The system keeps the rest at hand.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// Opens or makes the database in a folder.
pub(crate) fn open(folder: &Path, config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    let options = Options {
        durability: config.durability,
        readers: READERS_KEPT,
        cache_bytes: CACHE_BYTES,
        quota_bytes: config.quota_bytes,
        ..Options::default()
    };
    Ok(Arc::new(SqliteStore::open(folder.join(FILE_NAME), options)?))
}
