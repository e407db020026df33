//! Telling reads that nobody waits for their answer any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::StoreError;

/// A word that ends reads; clones are the same word.
///
/// ```
/// use pandan_store::{Cancel, MemoryStore, Store, StoreError};
///
/// let mut snapshot = MemoryStore::new().snapshot()?;
/// let cancel = Cancel::new();
/// snapshot.heed(cancel.clone());
/// assert_eq!(snapshot.counts()?.entries, 0);
/// cancel.cancel();
/// assert!(matches!(snapshot.counts(), Err(StoreError::Cancelled)));
/// # Ok::<(), StoreError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    is_cancelled: Arc<AtomicBool>,
}

/// Says the word when it is dropped: for those who wait, and may leave before the answer is there.
#[derive(Debug)]
#[must_use = "dropping it cancels"]
pub struct CancelOnDrop {
    cancel: Cancel,
}

impl Cancel {
    /// A new word, which was not said yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends reads that heed it, those under way and those to come.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether it was said.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }

    /// What a store asks before and while it reads.
    ///
    /// # Errors
    ///
    /// [`StoreError::Cancelled`] if it was said.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.is_cancelled() { Err(StoreError::Cancelled) } else { Ok(()) }
    }

    /// Says the word as soon as what is returned is dropped.
    pub fn on_drop(&self) -> CancelOnDrop {
        CancelOnDrop { cancel: self.clone() }
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
