//! For how many peers and sessions there is room.

use super::Peers;
use crate::limits::{MAX_PEERS, MAX_SESSIONS};

impl Peers {
    /// Whether there may be another session.
    pub(super) fn has_room(&self) -> bool {
        self.sessions.values().filter(|running| running.is_going()).count() < MAX_SESSIONS
    }

    /// Makes room by forgetting somebody who is not there: of these, whom least speaks against. New
    /// ids cost nothing, so one that is kept out must not keep out others.
    pub(super) fn forget_one(&mut self, now: u64) {
        if self.peers.len() < MAX_PEERS {
            return;
        }
        let gone = self.peers.iter().filter(|(_, peer)| !peer.is_connected);
        let least = gone.min_by_key(|(_, peer)| peer.account.blame(now)).map(|(id, _)| *id);
        if let Some(id) = least {
            self.peers.remove(&id);
        }
    }
}
