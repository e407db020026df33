//! Where one node may be reached: where it was met, and where it is said to be.

use crate::{
    Address,
    limits::{ADDRESSES_PER_PEER_MAX, PROVEN_ADDRESSES_PER_PEER_MAX},
};

/// Addresses of one node, the latest news first.
///
/// Anybody may say where somebody else is. So what is only said never takes the place of an address
/// at which the node has proven who it is, and those leave room for what is said.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses(Vec<Place>);

#[derive(Clone, Debug)]
struct Place {
    address: Address,
    is_proven: bool,
}

impl Addresses {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, address: &Address) -> bool {
        self.0.iter().any(|place| place.address == *address)
    }

    /// Somebody says that the node is here.
    pub(super) fn hear(&mut self, addresses: Vec<Address>) {
        for address in addresses.into_iter().rev() {
            let is_proven = self.take(&address).is_some_and(|place| place.is_proven);
            self.0.insert(0, Place { address, is_proven });
        }
        while self.0.len() > ADDRESSES_PER_PEER_MAX {
            let said = self.0.iter().rposition(|place| !place.is_proven);
            // Fewer are proven than there is room for, so one is not.
            self.0.remove(said.unwrap_or(ADDRESSES_PER_PEER_MAX));
        }
    }

    /// The node was connected here.
    pub(super) fn prove(&mut self, address: Address) {
        self.take(&address);
        self.0.insert(0, Place { address, is_proven: true });
        let mut proven = 0_usize;
        self.0.retain(|place| {
            proven = proven.saturating_add(usize::from(place.is_proven));
            !place.is_proven || proven <= PROVEN_ADDRESSES_PER_PEER_MAX
        });
        self.0.truncate(ADDRESSES_PER_PEER_MAX);
    }

    /// All of them, in the order in which to try them.
    pub(super) fn all(&self) -> Vec<Address> {
        self.0.iter().map(|place| place.address.clone()).collect()
    }

    /// Where the node was met.
    pub(super) fn proven(&self) -> Vec<Address> {
        let proven = self.0.iter().filter(|place| place.is_proven);
        proven.map(|place| place.address.clone()).collect()
    }

    fn take(&mut self, address: &Address) -> Option<Place> {
        let position = self.0.iter().position(|place| place.address == *address)?;
        Some(self.0.remove(position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: usize) -> Address {
        format!("192.0.2.1:{port}").parse().unwrap()
    }

    #[test]
    fn what_is_said_last_is_tried_first() {
        let mut addresses = Addresses::default();
        addresses.hear(vec![address(1), address(2)]);
        addresses.prove(address(3));
        addresses.hear(vec![address(2), address(4)]);
        assert_eq!(addresses.all(), [2, 4, 3, 1].map(address));
        assert_eq!(addresses.proven(), [address(3)]);
        // What is proven stays so when somebody says it.
        addresses.hear(vec![address(3)]);
        assert_eq!(addresses.proven(), [address(3)]);
    }

    /// Whoever could say things in the local network had the addresses forgotten at which a node
    /// was met, and the peers file with them.
    #[test]
    fn what_is_said_does_not_take_the_place_of_what_is_proven() {
        let mut addresses = Addresses::default();
        for port in 0..=PROVEN_ADDRESSES_PER_PEER_MAX {
            addresses.prove(address(port));
        }
        let proven: Vec<_> = (1..=PROVEN_ADDRESSES_PER_PEER_MAX).rev().map(address).collect();
        assert_eq!(addresses.proven(), proven);
        for port in 100..100 + 2 * ADDRESSES_PER_PEER_MAX {
            addresses.hear(vec![address(port)]);
            assert!(addresses.all().len() <= ADDRESSES_PER_PEER_MAX);
            assert_eq!(addresses.all()[0], address(port));
        }
        assert_eq!(addresses.proven(), proven);
        addresses.hear((200..200 + 2 * ADDRESSES_PER_PEER_MAX).map(address).collect());
        assert_eq!(addresses.all().len(), ADDRESSES_PER_PEER_MAX);
        assert_eq!(addresses.proven(), proven);
        // And what is proven finds room among what is said.
        addresses.prove(address(300));
        assert_eq!(addresses.proven()[0], address(300));
        assert_eq!(addresses.proven().len(), PROVEN_ADDRESSES_PER_PEER_MAX);
    }
}
