//! Opens the store in a folder.

use std::path::Path;
use std::sync::Arc;

use pandan_store::{Options, SqliteStore, Store, StoreError};

use crate::Config;

/// Name of the database file.
const FILE_NAME: &str = "pandan.sqlite";

/// Opens or makes the database in a folder.
pub(crate) fn open(folder: &Path, config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    let options = Options {
        durability: config.durability,
        readers: config.limits.concurrent_reads,
        quota_bytes: config.quota_bytes,
        ..Options::default()
    };
    Ok(Arc::new(SqliteStore::open(folder.join(FILE_NAME), options)?))
}
