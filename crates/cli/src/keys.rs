//! Files with keys.

use std::path::Path;

use anyhow::Context;
use pandan_identity::{KeyFile, KeyFileError, KeyFormat, KeyPair, SEED_LENGTH};
use zeroize::Zeroizing;

use crate::failure::usage;

/// Where the key is unless another file is named.
pub(crate) const DEFAULT_FILE: &str = "secret.txt";

/// Reads a key file.
pub(crate) fn read(path: &Path) -> anyhow::Result<KeyFile> {
    KeyFile::read(path).map_err(|error| match error {
        KeyFileError::NotFound { path } => usage(format!(
            "there is no key {}; make one with `pandan key new`, or name another with --key",
            path.display()
        )),
        other => usage(format!("{:#}", anyhow::Error::new(other))),
    })
}

/// Reads the key pair of a key file.
pub(crate) fn load(path: &Path) -> anyhow::Result<KeyPair> {
    read(path).map(KeyFile::into_key_pair)
}

/// Makes a key and writes it to a new file.
pub(crate) fn create(path: &Path, format: KeyFormat) -> anyhow::Result<KeyPair> {
    let mut seed = Zeroizing::new([0; SEED_LENGTH]);
    getrandom::fill(seed.as_mut()).context("the system gives no randomness for a new key")?;
    let key_pair = KeyPair::from_seed(&seed);
    KeyFile::create(path, &key_pair, format)
        .map_err(|error| usage(format!("{:#}", anyhow::Error::new(error))))?;
    Ok(key_pair)
}
