//! What a node keeps in memory because of others, which is bounded whatever they do.

use pandan_admission::limits::{MAX_WAITING, MAX_WAITING_BYTES};
use pandan_replication::Session;
use pandan_replication::limits::MAX_SESSIONS;

use super::node::Alive;
use super::usage::{self, is_within};

/// Looks at what a node keeps; `entries` is how many were signed.
/// Gives what is too much.
pub(super) fn check(alive: &Alive, entries: usize) -> Result<(), String> {
    let (waiting, bytes) = (alive.intake.waiting(), alive.intake.waiting_bytes());
    // What nobody signed does not get as far as that.
    is_within("waiting entries", waiting, MAX_WAITING.min(entries))?;
    is_within("bytes of waiting entries", bytes, MAX_WAITING_BYTES)?;
    is_within("ends of streams", alive.ends.len(), 2 * MAX_SESSIONS)?;
    let sessions = alive.ends.keys().filter_map(|id| alive.peers.session(*id));
    sessions.map(Session::usage).try_for_each(usage::check)
}
