//! What is remembered of peers that are gone, for when they come back.

use std::collections::VecDeque;

use pandan_replication::PeerId;
use pandan_replication::legacy::Memory;

/// Peers that are remembered; beyond, the one that went first is forgotten.
const MEMORIES_MAX: usize = 64;

/// The one that went last stands last.
#[derive(Debug, Default)]
pub(super) struct Memories(VecDeque<(PeerId, Memory)>);

impl Memories {
    pub(super) fn take(&mut self, peer: &PeerId) -> Memory {
        let position = self.0.iter().position(|(other, _)| other == peer);
        let found = position.and_then(|position| self.0.remove(position));
        found.map_or_else(Memory::new, |(_, memory)| memory)
    }

    pub(super) fn put(&mut self, peer: PeerId, memory: Memory) {
        if self.0.len() >= MEMORIES_MAX {
            self.0.pop_front();
        }
        self.0.push_back((peer, memory));
    }
}

#[cfg(test)]
mod tests {
    use pandan_replication::legacy::{Config, Link, Precedence, SchemaSet, Serves};

    use super::*;

    fn peer(number: u8) -> PeerId {
        PeerId([number; 32])
    }

    #[test]
    fn peers_at_the_limit_and_past_it() {
        let config = Config {
            precedence: Precedence::Insists,
            serves: Serves::Everything,
            schemas: SchemaSet::fitting([]),
            timestamp: 0,
        };
        let mut memories = Memories::default();
        for (number, _) in (0..).zip(0..MEMORIES_MAX) {
            memories.put(peer(number), Link::new(config.clone(), Memory::new(), 0).into_memory());
        }
        assert_eq!(memories.0.len(), MEMORIES_MAX);
        let _ = memories.take(&peer(1));
        assert_eq!(memories.0.len(), MEMORIES_MAX - 1);
        memories.put(peer(100), Memory::new());
        memories.put(peer(101), Memory::new());
        assert_eq!(memories.0.len(), MEMORIES_MAX);
        let is_there = |number: u8| memories.0.iter().any(|(other, _)| *other == peer(number));
        assert!([0, 1, 2, 101].map(is_there) == [false, false, true, true]);
    }
}
