//! Who may be connected: so many at a time, and those who keep the node waiting make room for others.
//!
//! A connection waits for its client between two requests, while a body does not arrive, and while
//! an answer is not read. When all slots are taken, the one that has waited the longest is closed for
//! a new one. So clients who say nothing keep nobody else from being served.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// All slots.
#[derive(Debug)]
pub(super) struct Slots {
    room: Mutex<Room>,
    changed: Notify,
}

#[derive(Debug)]
struct Room {
    free: usize,
    /// Counts up whenever a connection begins to wait.
    turn: u64,
    /// Connections that wait for their clients, the one that waits the longest first.
    waiting: BTreeMap<u64, Arc<Notify>>,
}

/// A slot that is taken, given back when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    /// Since which turn the connection waits for its client.
    since: Mutex<Option<u64>>,
    leave: Arc<Notify>,
}

impl Slots {
    pub(super) fn new(count: usize) -> Arc<Self> {
        let room = Room { free: count.max(1), turn: 0, waiting: BTreeMap::new() };
        Arc::new(Self { room: Mutex::new(room), changed: Notify::new() })
    }

    /// Takes a slot, from another connection if need be.
    pub(super) async fn take(self: &Arc<Self>) -> Slot {
        let mut is_coming = false;
        while !self.take_free() {
            is_coming = is_coming || self.make_room();
            self.changed.notified().await;
        }
        let leave = Arc::new(Notify::new());
        let slot = Slot { slots: Arc::clone(self), since: Mutex::new(None), leave };
        slot.waits();
        slot
    }

    /// Tells the connection that has waited the longest to leave; false when none waits.
    pub(super) fn make_room(&self) -> bool {
        let first = self.room().waiting.pop_first();
        first.inspect(|(_, leave)| leave.notify_one()).is_some()
    }

    fn take_free(&self) -> bool {
        let mut room = self.room();
        let is_free = room.free > 0;
        room.free -= usize::from(is_free);
        is_free
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// The node has nothing to do until the client does something.
    pub(super) fn waits(&self) {
        let mut since = self.since();
        if since.is_none() {
            let mut room = self.slots.room();
            room.turn += 1;
            *since = Some(room.turn);
            let turn = room.turn;
            room.waiting.insert(turn, Arc::clone(&self.leave));
            drop(room);
            self.slots.changed.notify_one();
        }
    }

    /// The client did what was waited for; there is work to do.
    pub(super) fn works(&self) {
        if let Some(turn) = self.since().take() {
            self.slots.room().waiting.remove(&turn);
        }
    }

    /// The client moved on a little: if it is waited for, then from now on.
    pub(super) fn moves(&self) {
        let is_waited_for = self.since().is_some();
        if is_waited_for {
            self.works();
            self.waits();
        }
    }

    /// Comes back when the connection has to make room for another.
    pub(super) async fn left(&self) {
        self.leave.notified().await;
    }

    fn since(&self) -> MutexGuard<'_, Option<u64>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.works();
        self.slots.room().free += 1;
        self.slots.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Duration, timeout};

    use super::*;

    /// Whether something comes about without anything else happening.
    async fn happens(future: impl Future) -> bool {
        timeout(Duration::from_secs(1), future).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_the_longest_makes_room() {
        let slots = Slots::new(2);
        let (first, second) = (slots.take().await, slots.take().await);
        first.moves();
        let third = tokio::spawn({
            let slots = Arc::clone(&slots);
            async move { slots.take().await }
        });
        assert!(happens(second.left()).await);
        assert!(!happens(first.left()).await);
        drop(second);
        third.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_works_is_left_alone_until_it_waits() {
        let slots = Slots::new(1);
        let busy = slots.take().await;
        busy.works();
        let next = tokio::spawn({
            let slots = Arc::clone(&slots);
            async move { slots.take().await }
        });
        assert!(!happens(busy.left()).await);
        busy.waits();
        assert!(happens(busy.left()).await);
        drop(busy);
        next.await.unwrap();
    }
}
