//! Which forks a node knows, for those who look at how it replicates.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use pandan_bamboo::{LogId, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::DocumentId;
use pandan_store::{ForkQuery, Frozen};
use tokio::sync::watch;

use super::driver::at;
use super::status::Board;
use crate::commits::Missed;
use crate::node::Core;

/// How long after a fork they are counted.
const COUNT_TIME: Duration = Duration::from_millis(100);

/// How many forks are told of.
const LATEST_MAX: usize = 16;

/// The forks that a node knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForksStatus {
    /// How many logs are frozen.
    pub known: u64,
    /// Those that were found or told of since the start, the last one first; at most sixteen.
    pub latest: VecDeque<ForkNews>,
}

/// A fork that was found, here or by a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForkNews {
    /// Who has signed both sides.
    pub author: PublicKey,
    /// The log.
    pub log_id: LogId,
    /// From which place on the log is frozen.
    pub seq_num: SeqNum,
    /// The document of which operations became void; none when there were no such operations.
    pub document: Option<DocumentId>,
    /// When the node heard of it.
    pub at: SystemTime,
}

impl ForksStatus {
    pub(super) fn found(&mut self, frozen: &Frozen) {
        let Frozen { proof, document, .. } = frozen;
        self.latest.push_front(ForkNews {
            author: proof.public_key(),
            log_id: proof.log_id(),
            seq_num: proof.seq_num(),
            document: *document,
            at: SystemTime::now(),
        });
        self.latest.truncate(LATEST_MAX);
        self.counted(self.known);
    }

    /// So many logs are frozen, and by now those that are told of at least.
    pub(super) fn counted(&mut self, known: u64) {
        let told: BTreeSet<_> = self.latest.iter().map(|fork| (fork.author, fork.log_id)).collect();
        self.known = known.max(told.len() as u64);
    }
}

/// Keeps the board up to date until told to stop.
pub(super) async fn watch(core: Arc<Core>, board: Arc<Board>, mut stopped: watch::Receiver<bool>) {
    let mut forks = core.listen_to_forks();
    loop {
        if let Some(known) = count(&core).await {
            board.know_forks(known);
        }
        // Counting takes the longer the more there are, so it is done once for several.
        let mut due = None;
        loop {
            let frozen = tokio::select! {
                // An error says that nobody is left who could stop it.
                _ = stopped.wait_for(|stopped| *stopped) => return,
                frozen = forks.next() => frozen,
                () = at(due) => break,
            };
            let Some(frozen) = frozen else { return };
            heard(&board, frozen);
            due = due.or_else(|| Some(Instant::now() + COUNT_TIME));
        }
    }
}

fn heard(board: &Board, frozen: Result<Arc<Frozen>, Missed>) {
    match frozen {
        Ok(frozen) => {
            tracing::warn!(
                author = %frozen.proof.public_key(),
                log_id = frozen.proof.log_id().number(),
                seq_num = frozen.proof.seq_num().number(),
                document = frozen.document.map(tracing::field::display),
                "a log has forked and is frozen"
            );
            board.fork(&frozen);
        }
        Err(Missed { missed }) => tracing::debug!(missed, "forks were missed"),
    }
}

/// How many forks are known; none when the store cannot be read.
async fn count(core: &Arc<Core>) -> Option<u64> {
    let query = ForkQuery { author: None, document: None, after: None, first: 1 };
    let page = core.read(move |snapshot| snapshot.forks(&query)).await;
    let page = page.inspect_err(|error| tracing::warn!(%error, "forks were not counted"));
    page.ok().map(|page| page.total)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A count that was made before, or is not made yet, said of a fork that is told that there is
    /// none.
    #[test]
    fn forks_that_are_told_are_counted() {
        let mut status = ForksStatus::default();
        let fork = |log_id, seq_num| ForkNews {
            author: PublicKey::from_stored_bytes([1; 32]),
            log_id: LogId::new(log_id),
            seq_num: SeqNum::new(seq_num).expect("it is not 0"),
            document: None,
            at: SystemTime::now(),
        };
        let mut known = |fork, counted| {
            status.latest.push_front(fork);
            status.counted(counted);
            status.known
        };
        assert_eq!([known(fork(1, 5), 0), known(fork(2, 5), 1)], [1, 2]);
        // The same log, from an earlier place on.
        assert_eq!([known(fork(2, 3), 2), known(fork(2, 1), 7)], [2, 7]);
    }
}
