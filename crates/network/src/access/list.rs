//! Which peers are let in and dialled.

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

use crate::{PeerId, limits::KEPT_OUT_MAX};

/// The peers that a node has to do with: all, or those on a list; and never those that are blocked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessList {
    /// If there is a list, nobody else is let in.
    pub allow: Option<HashSet<PeerId>>,
    /// These are never let in, not even when they are on the other list.
    pub block: HashSet<PeerId>,
}

impl AccessList {
    /// Whether this peer may be connected.
    #[must_use]
    pub fn permits(&self, peer: &PeerId) -> bool {
        !self.block.contains(peer) && self.allow.as_ref().is_none_or(|list| list.contains(peer))
    }
}

/// What the whole node looks at, and what may change while it runs: the list, and beside it who is
/// kept out for a while. Neither changes the other.
#[derive(Debug)]
pub(crate) struct SharedList(RwLock<Lists>);

#[derive(Debug)]
struct Lists {
    list: AccessList,
    /// Until when.
    kept_out: HashMap<PeerId, Instant>,
}

impl SharedList {
    pub(crate) fn new(list: AccessList) -> Self {
        Self(RwLock::new(Lists { list, kept_out: HashMap::new() }))
    }

    pub(crate) fn permits(&self, peer: &PeerId) -> bool {
        let lists = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let is_kept_out = lists.kept_out.get(peer).is_some_and(|until| *until > Instant::now());
        !is_kept_out && lists.list.permits(peer)
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut AccessList)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner).list);
    }

    /// Keeps a peer out for so long, at least.
    pub(crate) fn keep_out(&self, peer: PeerId, time: Duration) {
        let now = Instant::now();
        let until = now.checked_add(time).unwrap_or_else(|| now + FAR);
        self.0.write().unwrap_or_else(PoisonError::into_inner).keep_out(peer, until, now);
    }
}

impl Lists {
    fn keep_out(&mut self, peer: PeerId, until: Instant, now: Instant) {
        if self.kept_out.len() >= KEPT_OUT_MAX {
            self.kept_out.retain(|_, until| *until > now);
        }
        if self.kept_out.len() >= KEPT_OUT_MAX
            && !self.kept_out.contains_key(&peer)
            && let Some(first) = self.kept_out.iter().min_by_key(|(_, until)| **until)
        {
            let first = *first.0;
            self.kept_out.remove(&first);
        }
        let kept = self.kept_out.entry(peer).or_insert(until);
        *kept = until.max(*kept);
    }
}

/// Longer than any node runs, and short enough for every clock.
const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use pandan_identity::KeyPair;

    use super::*;

    fn peer(number: u32) -> PeerId {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        KeyPair::from_seed(&seed).public_key().into()
    }

    #[test]
    fn blocking_wins() {
        let [first, second] = [1, 2].map(peer);
        let mut list = AccessList::default();
        assert!(list.permits(&first));
        list.allow = Some([first].into());
        assert!(list.permits(&first) && !list.permits(&second));
        list.block.insert(first);
        assert!(!list.permits(&first));
    }

    /// The node blocked misbehaving peers with the list of its operator and took them off it an
    /// hour later: whom the operator had blocked meanwhile came in again.
    #[tokio::test(start_paused = true)]
    async fn who_is_kept_out_for_a_while_is_blocked_as_long_as_the_list_says() {
        let hour = Duration::from_secs(3600);
        let [first, second] = [1, 2].map(peer);
        let list = SharedList::new(AccessList::default());
        list.keep_out(first, hour);
        list.keep_out(second, hour);
        // A shorter time takes nothing back, neither does the end of the lasting block.
        list.keep_out(first, Duration::ZERO);
        list.change(|list| {
            list.block.extend([first, second]);
            list.block.remove(&second);
        });
        assert!(!list.permits(&first) && !list.permits(&second));
        tokio::time::advance(hour).await;
        assert!(!list.permits(&first) && list.permits(&second));
        list.keep_out(second, Duration::MAX);
        assert!(!list.permits(&second));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_kept_out_is_bounded() {
        let list = SharedList::new(AccessList::default());
        let count = u32::try_from(KEPT_OUT_MAX).unwrap();
        for number in 0..count {
            list.keep_out(peer(number), Duration::from_secs(u64::from(number) + 10));
        }
        assert!(!list.permits(&peer(0)));
        // Whose time is over first makes room.
        list.keep_out(peer(count), Duration::from_secs(5));
        assert!(list.permits(&peer(0)) && !list.permits(&peer(1)) && !list.permits(&peer(count)));
        tokio::time::advance(Duration::from_secs(u64::from(count) + 9)).await;
        list.keep_out(peer(0), Duration::from_secs(1));
        assert_eq!(list.0.read().unwrap().kept_out.len(), 1);
    }
}
