//! Key files: where the key pair of a person or a node rests.
//!
//! Two formats are read and written, told apart by their first bytes:
//!
//! * **PEM**: the private key as PKCS#8 (RFC 5958, RFC 8410), as OpenSSL writes it too.
//! * **Hex**: the seed as 64 hex digits, the `key.txt` or `secret.txt` of existing p2panda tools.
//!
//! Files are created for their owner alone (KY3) and never overwritten. A PEM file that others may read
//! is refused; a hex file is not, since the tools that write them leave them so, but
//! [`KeyFile::is_open_to_others`] tells.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::vec::Vec;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::limits::KEY_FILE_LENGTH_MAX;
use crate::{HexError, KeyPair, PemError};

/// How the key is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyFormat {
    /// PKCS#8 in PEM armour.
    Pem,
    /// 64 hex digits and a newline.
    Hex,
}

/// A key pair together with what was found around it.
#[derive(Clone, Debug)]
pub struct KeyFile {
    key_pair: KeyPair,
    format: KeyFormat,
    is_open_to_others: bool,
}

impl KeyFile {
    /// Reads a key file of either format; refuses a PEM file that others may read.
    ///
    /// ```no_run
    /// use pandan_identity::KeyFile;
    ///
    /// let key_pair = KeyFile::read("key.pem")?.into_key_pair();
    /// println!("{}", key_pair.public_key());
    /// # Ok::<_, pandan_identity::KeyFileError>(())
    /// ```
    pub fn read(path: impl AsRef<Path>) -> Result<Self, KeyFileError> {
        let path = path.as_ref();
        let (file, others_mode) = Self::load(path)?;
        match others_mode {
            Some(mode) if file.format == KeyFormat::Pem => {
                Err(KeyFileError::OpenToOthers { path: path.into(), mode })
            }
            _ => Ok(file),
        }
    }

    /// Reads a key file of either format, whoever else may read it.
    pub fn read_even_if_open(path: impl AsRef<Path>) -> Result<Self, KeyFileError> {
        Self::load(path.as_ref()).map(|(file, _)| file)
    }

    /// Writes a key pair to a new file which only its owner may read, and waits until it is on
    /// disk. An existing file is left alone.
    pub fn create(
        path: impl AsRef<Path>,
        key_pair: &KeyPair,
        format: KeyFormat,
    ) -> Result<(), KeyFileError> {
        let path = path.as_ref();
        let mut file = create(path)?;
        let written = file
            .write_all(encode(key_pair, format).as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| sync_folder(path));
        written.map_err(|source| {
            // A file with half a key would be in the way of the next attempt. That the first error
            // is reported matters more than whether this works.
            let _ = fs::remove_file(path);
            KeyFileError::Write { path: path.into(), source }
        })
    }

    /// The key pair.
    #[must_use]
    pub const fn key_pair(&self) -> &KeyPair {
        &self.key_pair
    }

    /// Gives away the key pair.
    #[must_use]
    pub fn into_key_pair(self) -> KeyPair {
        self.key_pair
    }

    /// The format found.
    #[must_use]
    pub const fn format(&self) -> KeyFormat {
        self.format
    }

    /// Whether others than the owner may read or write the file. Always false where files have no
    /// such permissions.
    #[must_use]
    pub const fn is_open_to_others(&self) -> bool {
        self.is_open_to_others
    }

    fn load(path: &Path) -> Result<(Self, Option<u32>), KeyFileError> {
        let file = open(path)?;
        // Asked of the open file, so that it cannot be exchanged in between.
        let others_mode = others_mode(&file).map_err(|source| read_error(path, source))?;
        let bytes = read_bounded(path, file)?;
        let (key_pair, format) = parse(path, &bytes)?;
        Ok((Self { key_pair, format, is_open_to_others: others_mode.is_some() }, others_mode))
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<(KeyPair, KeyFormat), KeyFileError> {
    let text = str::from_utf8(bytes)
        .map_err(|_| KeyFileError::NotText { path: path.into() })?
        .trim_ascii_end();
    if text.starts_with("-----BEGIN") {
        KeyPair::from_pem(text)
            .map(|key_pair| (key_pair, KeyFormat::Pem))
            .map_err(|source| KeyFileError::Pem { path: path.into(), source })
    } else {
        KeyPair::from_seed_hex(text)
            .map(|key_pair| (key_pair, KeyFormat::Hex))
            .map_err(|source| KeyFileError::Hex { path: path.into(), source })
    }
}

fn encode(key_pair: &KeyPair, format: KeyFormat) -> Zeroizing<std::string::String> {
    match format {
        KeyFormat::Pem => key_pair.to_pem(),
        KeyFormat::Hex => {
            let mut text = key_pair.to_seed_hex();
            // There is room for it, so that no copy of the secret stays behind.
            text.push('\n');
            text
        }
    }
}

fn open(path: &Path) -> Result<File, KeyFileError> {
    File::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => KeyFileError::NotFound { path: path.into() },
        _ => read_error(path, source),
    })
}

fn create(path: &Path) -> Result<File, KeyFileError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.into() },
        _ => KeyFileError::Write { path: path.into(), source },
    })
}

/// Reads all of a file, into memory that is wiped and never moved.
fn read_bounded(path: &Path, file: File) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let limit = KEY_FILE_LENGTH_MAX.saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit));
    file.take(u64::try_from(limit).unwrap_or(u64::MAX))
        .read_to_end(&mut bytes)
        .map_err(|source| read_error(path, source))?;
    if bytes.len() > KEY_FILE_LENGTH_MAX {
        return Err(KeyFileError::TooLong { path: path.into(), max: KEY_FILE_LENGTH_MAX });
    }
    Ok(bytes)
}

fn read_error(path: &Path, source: io::Error) -> KeyFileError {
    KeyFileError::Read { path: path.into(), source }
}

/// The mode of a file that is open to others.
#[cfg(unix)]
fn others_mode(file: &File) -> io::Result<Option<u32>> {
    use std::os::unix::fs::MetadataExt;

    let mode = file.metadata()?.mode() & 0o777;
    Ok(Some(mode).filter(|mode| mode & 0o077 != 0))
}

#[cfg(not(unix))]
fn others_mode(_file: &File) -> io::Result<Option<u32>> {
    Ok(None)
}

/// The name of a new file is only safe once its folder is.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// A key file that cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// There is none.
    #[error("there is no key file {}; create one or name another path", path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// There is one, and it is not overwritten.
    #[error("{} exists already; name another path or move it away first", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others may read or write the secret.
    #[error(
        "others than the owner have access to {} (mode {mode:03o}); run `chmod 600 {}`",
        path.display(),
        path.display()
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file is too long for a key.
    #[error(
        "expected a key file of at most {max} bytes, found a longer one; check that {} is a key file",
        path.display()
    )]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit.
        max: usize,
    },
    /// The file holds other bytes than text.
    #[error("expected PEM or 64 hex digits in {}, found bytes that are no text", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The file is neither PEM nor a seed in hex.
    #[error("expected PEM or 64 hex digits in {}; check that it is a key file", path.display())]
    Hex {
        /// The file.
        path: PathBuf,
        /// Why it is no seed.
        source: HexError,
    },
    /// The file is PEM, but not with a key that can be used.
    #[error("cannot take the key out of {}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PemError,
    },
    /// The system refuses to read the file.
    #[error("cannot read {}; check its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system refuses to write the file.
    #[error("cannot write {}; check that its folder exists and can be written to", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
