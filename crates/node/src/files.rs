//! How many files the process may open, and how many connections that leaves room for.

use crate::config::Limits;

/// Files that a node has open whoever is connected: those of the runtime, the listeners, the lock,
/// the writer of the database; and some for the program around it.
const FILES_KEPT: usize = 32;

/// Files of a connection that reads the database: the file and its log.
const FILES_OF_READER: usize = 2;

/// As many connections as the limit says, or fewer where the process may not open so many files.
pub(crate) fn connections(limits: &Limits) -> usize {
    let asked = limits.connections;
    let Some(files) = files_max() else { return asked };
    let fitting = asked.min(fitting(files, limits.concurrent_reads));
    if fitting < asked {
        let told = "fewer connections than the limit says: the process may not open more files";
        // With the settings that most systems begin with a few are missing, which is no news.
        if fitting < asked / 2 {
            tracing::warn!(connections = fitting, limit = asked, files, "{told}");
        } else {
            tracing::info!(connections = fitting, limit = asked, files, "{told}");
        }
    }
    fitting
}

/// How many connections there can be with so many files; a quarter of them where that is more than
/// what is left, since not all that is kept is in use at the same time.
fn fitting(files: usize, concurrent_reads: usize) -> usize {
    let kept = concurrent_reads.saturating_mul(FILES_OF_READER).saturating_add(FILES_KEPT);
    files.saturating_sub(kept).max(files / 4).max(1)
}

/// How many files the process may open, if there is a limit that can be known.
#[cfg(unix)]
fn files_max() -> Option<usize> {
    use rustix::process::{Resource, getrlimit};

    getrlimit(Resource::Nofile).current.map(|files| usize::try_from(files).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
const fn files_max() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_into_the_files() {
        let cases = [(0, 1), (3, 1), (64, 16), (84, 21), (96, 32), (256, 192), (1_024, 960)];
        for (files, expected) in cases {
            assert_eq!(fitting(files, 16), expected, "{files}");
        }
        assert_eq!(fitting(1_024, usize::MAX), 256);
        assert_eq!(fitting(usize::MAX, 1), usize::MAX - 34);
        let limits = Limits { connections: 1, ..Limits::default() };
        assert_eq!(connections(&limits), 1);
    }
}
