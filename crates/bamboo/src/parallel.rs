//! Verifying a log on all cores.

use std::vec::Vec;

use rayon::prelude::*;

use crate::log::{LogError, LogSummary, LogVerifier, authenticate};

/// Entries whose signatures are checked before their links are: enough to keep the cores busy, few
/// enough to keep the results in cache and to stop soon behind a bad entry.
const BATCH_LENGTH: usize = 1024;

/// Verifies a whole log, its signatures on all cores.
///
/// The answer, errors included, is that of [`verify_log`](crate::verify_log).
pub fn verify_log_parallel<E: AsRef<[u8]> + Sync>(entries: &[E]) -> Result<LogSummary, LogError> {
    let mut verifier = LogVerifier::of_whole_log();
    for batch in entries.chunks(BATCH_LENGTH) {
        let first_index = verifier.index();
        let results: Vec<_> = batch
            .par_iter()
            .enumerate()
            .map(|(index, entry)| authenticate(first_index.saturating_add(index), entry.as_ref()))
            .collect();
        for result in results {
            verifier.push_authentic(&result?)?;
        }
    }
    verifier.finish()
}
