//! What a peer has brought: news of it are none to the peer.

use std::collections::BTreeSet;

use pandan_bamboo::Hash;
use pandan_operations::OperationId;
use pandan_replication::legacy::Received;

/// The operations that a peer brought last, and those right before: while the writer still tells of
/// a batch, the next one may be on its way already.
#[derive(Debug, Default)]
pub(super) struct Brought {
    latest: BTreeSet<OperationId>,
    before: BTreeSet<OperationId>,
}

impl Brought {
    pub(super) fn note(&mut self, received: &[Received]) {
        let operations = received.iter().map(|it| OperationId::from_hash(Hash::of(&it.entry)));
        self.before = std::mem::replace(&mut self.latest, operations.collect());
    }

    pub(super) fn has(&self, operation: &OperationId) -> bool {
        self.latest.contains(operation) || self.before.contains(operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_batches_are_remembered() {
        let mut brought = Brought::default();
        let batch = |byte: u8| [Received { entry: vec![byte; 9], operation: Vec::new() }];
        let id = |byte: u8| OperationId::from_hash(Hash::of(&[byte; 9]));
        for number in 0..3 {
            assert!(!brought.has(&id(number)));
            brought.note(&batch(number));
        }
        assert_eq!([0, 1, 2].map(|number| brought.has(&id(number))), [false, true, true]);
    }
}
