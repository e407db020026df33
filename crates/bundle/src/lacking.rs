//! What a node lacks, told by its state (BU10).
//!
//! With the state of a log comes no proof of what is below. So whoever reads it believes it, and
//! sends a log as a whole where it does not fit to what is here: then the other side finds the
//! fork.

use std::collections::HashMap;
use std::io::Read;

use pandan_bamboo::{HeadState, SeqNum};
use pandan_store::heads::{Head, LogPlace};
use pandan_store::{Snapshot, StoreError};

use crate::block::ReadError;
use crate::export::ExportError;
use crate::limits::MAX_ITEMS_READ;
use crate::read::{Forks, KnownFork};
use crate::state::{LogState, StateReader};

/// What a node has of the logs that are here.
#[derive(Debug, Default)]
pub(crate) struct Lacking {
    /// Logs of which it has something.
    known: HashMap<LogPlace, Has>,
}

/// What a node has of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Has {
    /// The first entry that it lacks.
    lacks_from: Option<SeqNum>,
    /// Whether the proof of the fork of the log is new to it, if there is one.
    lacks_proof: bool,
}

impl Lacking {
    /// Compares a state with what is here. Logs that are not here take no memory.
    pub(crate) fn read<R: Read>(
        snapshot: &dyn Snapshot,
        forks: &Forks,
        state: &mut StateReader<R>,
    ) -> Result<Self, ExportError> {
        let mut known = HashMap::new();
        while let Some(logs) = state.next_logs()? {
            for logs in logs.logs.chunks(MAX_ITEMS_READ) {
                let places: Vec<_> = logs.iter().map(|log| log.place).collect();
                for (theirs, ours) in logs.iter().zip(snapshot.heads_of(&places)?) {
                    let ours = ours.filter(|(_, ours)| ours.latest.is_some());
                    let has = match (ours, forks.get(&theirs.place)) {
                        (Some((_, ours)), fork) => compare(snapshot, &ours, fork, theirs)?,
                        (None, Some(fork)) => {
                            Has { lacks_from: None, lacks_proof: fork.state(None) != theirs.state }
                        }
                        (None, None) => continue,
                    };
                    known.insert(theirs.place, has);
                }
            }
        }
        Ok(Self { known })
    }

    /// The first entry of a log that the node lacks; none if it has all.
    pub(crate) fn from(&self, place: &LogPlace) -> Option<SeqNum> {
        self.known.get(place).map_or(Some(SeqNum::FIRST), |has| has.lacks_from)
    }

    /// Whether it lacks an entry of a line.
    pub(crate) fn lacks(&self, place: &LogPlace, seq_num: SeqNum) -> bool {
        self.from(place).is_some_and(|from| from <= seq_num)
    }

    /// Whether it lacks the proof of the fork of a log.
    pub(crate) fn lacks_proof(&self, place: &LogPlace) -> bool {
        self.known.get(place).is_none_or(|has| has.lacks_proof)
    }
}

impl From<ReadError> for ExportError {
    fn from(error: ReadError) -> Self {
        Self::State(error)
    }
}

fn compare(
    snapshot: &dyn Snapshot,
    ours: &Head,
    fork: Option<&KnownFork>,
    theirs: &LogState,
) -> Result<Has, StoreError> {
    if ours.state == theirs.state {
        return Ok(Has { lacks_from: None, lacks_proof: false });
    }
    let next = match fits(snapshot, ours, fork, theirs)? {
        true => theirs.latest.map_or(Some(SeqNum::FIRST), SeqNum::next),
        false => Some(SeqNum::FIRST),
    };
    // The line of a frozen log ends before its fork.
    let is_on_line = |next: &SeqNum| theirs.fork.is_none_or(|fork| *next < fork);
    let lacks_from = next.filter(is_on_line).filter(|next| Some(*next) <= ours.latest);
    Ok(Has { lacks_from, lacks_proof: true })
}

/// Whether their line is the beginning of ours, as far as that can be told: their latest entry has
/// to be here, and their fork, if they know one, has to be ours.
fn fits(
    snapshot: &dyn Snapshot,
    ours: &Head,
    fork: Option<&KnownFork>,
    theirs: &LogState,
) -> Result<bool, StoreError> {
    let Some(latest) = theirs.latest.filter(|latest| Some(*latest) <= ours.latest) else {
        return Ok(true);
    };
    let found = snapshot.log(&ours.author, ours.log_id, latest, 1)?;
    let latest = found.first().map(|stored| stored.entry.hash());
    Ok(match (latest, theirs.fork, fork) {
        (Some(latest), None, _) => HeadState::of_line(latest) == theirs.state,
        (Some(latest), Some(at), Some(fork)) if fork.seq_num == at => {
            fork.state(Some(latest)) == theirs.state
        }
        _ => true,
    })
}
