//! The folder of a node, without the node.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use pandan_node::FolderLock;
use pandan_store::{Options, SqliteStore, Store};

use crate::commands::node::default_data_dir;
use crate::failure::usage;
use crate::running;

/// The database in the folder of a node.
const DATABASE: &str = "pandan.sqlite";

/// The folder that was named, or the one where a node keeps its data unless told.
pub(crate) fn named_or_default(folder: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    folder.map_or_else(default_data_dir, Ok)
}

/// Opens the data of a node, running or not, to look at it.
pub(crate) fn read(folder: &Path) -> anyhow::Result<SqliteStore> {
    let path = folder.join(DATABASE);
    if !path.is_file() {
        return Err(usage(format!("{} holds no data of a node", folder.display())));
    }
    SqliteStore::open_read_only(&path).with_context(|| failed(folder))
}

/// The data of a node that does not run, and will not before this is let go.
#[derive(Debug)]
pub(crate) struct Owned {
    pub(crate) store: Arc<dyn Store>,
    // Let go last: when the lock is free the store is closed.
    _lock: FolderLock,
}

/// Opens the data of a node to change it, or makes a new folder.
pub(crate) fn own(folder: &Path) -> anyhow::Result<Owned> {
    let lock = FolderLock::acquire(folder).map_err(running::explain)?;
    let store = SqliteStore::open(folder.join(DATABASE), Options::default());
    Ok(Owned { store: Arc::new(store.with_context(|| failed(folder))?), _lock: lock })
}

/// What is said of a folder whose data cannot be read.
pub(crate) fn failed(folder: &Path) -> String {
    format!("cannot read the data in {}", folder.display())
}
