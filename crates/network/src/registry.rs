//! Which connection is the one with a peer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::{PeerId, connection::Link};

/// The connections that stay, one for each peer. Each is in here from the decision that it stays
/// until the embedder was told of its end.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    links: Mutex<HashMap<PeerId, Arc<Link>>>,
    changed: watch::Sender<()>,
}

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// This node: one connection that lives is enough.
    Ours,
    /// The peer, and it has decided that the new one stays.
    Theirs,
}

/// What became of a new connection.
#[derive(Debug)]
pub(crate) enum Settled {
    /// It stays. The one before, if there was one, has ended or ends now.
    Stays { previous: Option<Arc<Link>> },
    /// There is one already.
    Duplicate,
}

impl Registry {
    /// Decides about a new connection.
    pub(crate) fn settle(&self, link: &Arc<Link>, decision: Decision) -> Settled {
        let mut links = self.links();
        let existing = links.get(&link.peer());
        let rival = existing.is_some_and(|other| other.is_alive() && other.is_of_same_start(link));
        if decision == Decision::Ours && rival {
            return Settled::Duplicate;
        }
        let previous = links.insert(link.peer(), link.clone());
        drop(links);
        self.changed.send_replace(());
        Settled::Stays { previous }
    }

    /// Forgets a connection that has ended, unless another has taken its place.
    pub(crate) fn remove(&self, link: &Arc<Link>) {
        let mut links = self.links();
        if links.get(&link.peer()).is_some_and(|current| Arc::ptr_eq(current, link)) {
            links.remove(&link.peer());
        }
    }

    /// The living connection with a peer.
    pub(crate) fn find(&self, peer: &PeerId) -> Option<Arc<Link>> {
        self.links().get(peer).filter(|link| link.is_alive()).cloned()
    }

    /// Waits for a living connection with a peer.
    pub(crate) async fn wait_for(&self, peer: &PeerId) -> Arc<Link> {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(link) = self.find(peer) {
                return link;
            }
            // The sender lives as long as `self`.
            let _ = changed.changed().await;
        }
    }

    /// All living connections.
    pub(crate) fn all(&self) -> Vec<Arc<Link>> {
        self.links().values().filter(|link| link.is_alive()).cloned().collect()
    }

    fn links(&self) -> MutexGuard<'_, HashMap<PeerId, Arc<Link>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
