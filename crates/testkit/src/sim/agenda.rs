//! The virtual clock: what happens next, and when.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Events in the order in which they happen; those of the same moment as they were put down.
#[derive(Debug)]
pub(super) struct Agenda<E> {
    now: u64,
    next_number: u64,
    order: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, E>,
}

impl<E> Agenda<E> {
    pub(super) const fn new() -> Self {
        Self { now: 0, next_number: 0, order: BinaryHeap::new(), events: BTreeMap::new() }
    }

    /// Virtual milliseconds since the beginning.
    pub(super) const fn now(&self) -> u64 {
        self.now
    }

    /// Puts down an event for a time, or for now if that has passed.
    pub(super) fn put(&mut self, at: u64, event: E) {
        let number = self.next_number;
        self.next_number += 1;
        self.order.push(Reverse((at.max(self.now), number)));
        self.events.insert(number, event);
    }

    /// The next event up to a time; the clock goes on to it. Without one, it goes on to that time.
    pub(super) fn next(&mut self, until: u64) -> Option<E> {
        let Some(Reverse((at, number))) = self.order.peek().copied().filter(|it| it.0.0 <= until)
        else {
            self.now = self.now.max(until);
            return None;
        };
        self.order.pop();
        self.now = at;
        self.events.remove(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_the_order_of_their_times() {
        let mut agenda = Agenda::new();
        [(5, 'c'), (2, 'a'), (5, 'd'), (3, 'b'), (9, 'e')]
            .into_iter()
            .for_each(|(at, event)| agenda.put(at, event));
        let early: String = std::iter::from_fn(|| agenda.next(5)).collect();
        assert_eq!((early.as_str(), agenda.now()), ("abcd", 5));
        agenda.put(1, 'x');
        assert_eq!((agenda.next(8), agenda.now()), (Some('x'), 5));
        assert_eq!((agenda.next(8), agenda.now()), (None, 8));
        assert_eq!(agenda.next(9), Some('e'));
    }
}
