//! Entries that are examined on all cores while those before them are written, as in a node.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard};

/// What is examined in one go.
const PART: usize = 50;

/// So many parts wait to be written at most, so that memory stays bounded.
const PARTS_WAITING: usize = 40;

/// How many threads can be at work at the same time.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Examines batches on all cores while those before them are written, in order.
///
/// One core is that of the writer, who examines as well where nothing is ready to be written:
/// no core waits for the others to be done with a batch, and there are never more threads at work
/// than cores, so that the writer is not kept from its own.
pub fn examine_ahead<T: Sync, C: Send, E>(
    batches: &[&[T]],
    examine: impl Fn(&T) -> C + Sync,
    mut write: impl FnMut(Vec<C>) -> Result<(), E>,
) -> Result<(), E> {
    let parts = batches.iter().flat_map(|batch| batch.chunks(PART)).collect();
    let examination = Examination::new(parts, &examine);
    std::thread::scope(|scope| {
        for _ in 1..cores() {
            scope.spawn(|| examination.work());
        }
        let written = batches.iter().try_for_each(|batch| {
            let mut examined = Vec::with_capacity(batch.len());
            while examined.len() < batch.len() {
                examined.append(&mut examination.take());
            }
            write(examined)
        });
        examination.end();
        written
    })
}

/// Entries that are examined by several threads, in parts, and taken by one, in order.
struct Examination<'a, T, C, F> {
    parts: Vec<&'a [T]>,
    examine: &'a F,
    state: Mutex<Progress<C>>,
    /// A part was examined or taken, or nobody takes any more.
    changed: Condvar,
}

/// Parts are counted from the beginning.
struct Progress<C> {
    /// The next one to be taken.
    taken: usize,
    /// The next one to be examined.
    begun: usize,
    /// Those between, as far as they were examined.
    ready: BTreeMap<usize, Vec<C>>,
}

impl<'a, T, C, F: Fn(&T) -> C> Examination<'a, T, C, F> {
    fn new(parts: Vec<&'a [T]>, examine: &'a F) -> Self {
        let state = Mutex::new(Progress { taken: 0, begun: 0, ready: BTreeMap::new() });
        Self { parts, examine, state, changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, Progress<C>> {
        self.state.lock().expect("nobody panics with the lock")
    }

    fn wait<'g>(&self, state: MutexGuard<'g, Progress<C>>) -> MutexGuard<'g, Progress<C>> {
        self.changed.wait(state).expect("nobody panics with the lock")
    }

    /// Examines parts until there are no more, as long as not too many wait to be taken.
    fn work(&self) {
        let mut state = self.state();
        while state.begun < self.parts.len() {
            state = if state.begun < state.taken + PARTS_WAITING {
                self.examine_next(state)
            } else {
                self.wait(state)
            };
        }
    }

    fn examine_next<'g>(
        &'g self,
        mut state: MutexGuard<'g, Progress<C>>,
    ) -> MutexGuard<'g, Progress<C>> {
        let part = state.begun;
        state.begun += 1;
        drop(state);
        let examined = self.parts[part].iter().map(self.examine).collect();
        let mut state = self.state();
        state.ready.insert(part, examined);
        self.changed.notify_all();
        state
    }

    /// The next part; examines others, or this one, until it is ready.
    fn take(&self) -> Vec<C> {
        let mut state = self.state();
        loop {
            let next = state.taken;
            if let Some(examined) = state.ready.remove(&next) {
                state.taken += 1;
                self.changed.notify_all();
                return examined;
            }
            state = if state.begun < self.parts.len() {
                self.examine_next(state)
            } else {
                self.wait(state)
            };
        }
    }

    /// Lets nobody begin another part.
    fn end(&self) {
        self.state().begun = self.parts.len();
        self.changed.notify_all();
    }
}
