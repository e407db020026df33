//! Which peers are let in and dialled.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use crate::PeerId;

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

/// The list that the whole node looks at, and that may change while it runs.
#[derive(Debug)]
pub(crate) struct SharedList(RwLock<AccessList>);

impl SharedList {
    pub(crate) fn new(list: AccessList) -> Self {
        Self(RwLock::new(list))
    }

    pub(crate) fn permits(&self, peer: &PeerId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).permits(peer)
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut AccessList)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use pandan_identity::KeyPair;

    use super::*;

    #[test]
    fn blocking_wins() {
        let [first, second] =
            [1, 2].map(|seed| PeerId::from(KeyPair::from_seed(&[seed; 32]).public_key()));
        let mut list = AccessList::default();
        assert!(list.permits(&first));
        list.allow = Some([first].into());
        assert!(list.permits(&first) && !list.permits(&second));
        list.block.insert(first);
        assert!(!list.permits(&first));
    }
}
