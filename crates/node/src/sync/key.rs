//! The key with which a node authenticates itself.

use pandan_identity::{KeyFile, KeyFormat, KeyPair};

use super::ReplicationError;
use crate::Storage;

/// Name of the file with the key of a node.
const FILE_NAME: &str = "node-key.pem";

/// Reads the key from the folder for data; makes one at the first start.
pub(super) fn of_node(storage: &Storage) -> Result<KeyPair, ReplicationError> {
    let Storage::Folder(folder) = storage else { return new() };
    let path = folder.join(FILE_NAME);
    if path.exists() {
        return Ok(KeyFile::read(&path)?.into_key_pair());
    }
    let key_pair = new()?;
    KeyFile::create(&path, &key_pair, KeyFormat::Pem)?;
    Ok(key_pair)
}

fn new() -> Result<KeyPair, ReplicationError> {
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(ReplicationError::Random)?;
    Ok(KeyPair::from_seed(&seed))
}
