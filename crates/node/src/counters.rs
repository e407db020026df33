//! What the node counts while it runs, for those who watch over it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use pandan_admission::{Door, Refusal};

/// Counts since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// By door and code; there are few codes, and nobody from outside makes new ones.
    refused: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    waiting: AtomicUsize,
    waiting_bytes: AtomicUsize,
}

impl Counters {
    pub(crate) fn refused(&self, door: Door, refusal: &Refusal) {
        let door = match door {
            Door::Client => "client",
            Door::Peer => "peer",
        };
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let count = refused.entry((door, refusal.code())).or_default();
        *count = count.saturating_add(1);
    }

    /// How many entries wait for something that they need, and how many bytes these are.
    pub(crate) fn set_waiting(&self, entries: usize, bytes: usize) {
        self.waiting.store(entries, Ordering::Relaxed);
        self.waiting_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.waiting.load(Ordering::Relaxed), self.waiting_bytes.load(Ordering::Relaxed))
    }

    /// Who refused what how often: door, code and count.
    pub(crate) fn all_refused(&self) -> Vec<(&'static str, &'static str, u64)> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.iter().map(|((door, code), count)| (*door, *code, *count)).collect()
    }
}
