//! One node for one folder of data.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::StartError;

/// Name of the file whose lock says that a node uses the folder.
const FILE_NAME: &str = "node.lock";

/// Keeps other nodes out of a folder for as long as it lives, and no longer, even after a crash.
///
/// A node takes it for its own folder; programs that change the data of a node that does not run
/// take it as well.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Makes the folder when it is not there, and locks it.
    ///
    /// An error when a node uses it already.
    pub fn acquire(folder: &Path) -> Result<Self, StartError> {
        let failed = |path: &Path| {
            let path = PathBuf::from(path);
            move |source| StartError::Folder { path, source }
        };
        std::fs::create_dir_all(folder).map_err(failed(folder))?;
        let path = folder.join(FILE_NAME);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(failed(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only for the message; without it the message is shorter.
                let _ = (&mut file).take(20).read_to_string(&mut holder);
                let holder = holder.trim().parse().ok();
                return Err(StartError::InUse { path: PathBuf::from(folder), holder });
            }
            Err(TryLockError::Error(source)) => return Err(failed(&path)(source)),
        }
        note_holder(&mut file).map_err(failed(&path))?;
        Ok(Self { _file: file })
    }
}

fn note_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}
