//! For how long an answer is waited for.

use crate::Fault;
use crate::limits::{ANSWER_BYTES_PER_MS, IDLE_TIMEOUT_MS};

/// The time that the other side has left. Bytes that come give it more, up to what it had in the
/// beginning; while this side is busy with them, none passes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// When it ends; while this side is busy, how long is left.
    until: u64,
    /// When something came last.
    heard: u64,
}

impl Patience {
    pub(super) const fn new(now: u64) -> Self {
        Self { until: now.saturating_add(IDLE_TIMEOUT_MS), heard: now }
    }

    pub(super) const fn until(&self) -> u64 {
        self.until
    }

    /// Something came.
    pub(super) fn came(&mut self, bytes: usize, now: u64) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let earned = bytes.checked_div(ANSWER_BYTES_PER_MS).unwrap_or(bytes);
        let most = now.saturating_add(IDLE_TIMEOUT_MS);
        self.until = self.until.saturating_add(earned).min(most);
        self.heard = now;
    }

    /// It is this side's turn.
    pub(super) const fn pause(&mut self, now: u64) {
        self.until = self.until.saturating_sub(now);
    }

    /// It is the other side's turn again.
    pub(super) const fn go_on(&mut self, now: u64) {
        self.until = self.until.saturating_add(now);
        self.heard = now;
    }

    /// Why it has ended: nothing came at all, or too little.
    pub(super) const fn fault(&self, now: u64) -> Fault {
        if now.saturating_sub(self.heard) >= IDLE_TIMEOUT_MS {
            Fault::Idle { ms: IDLE_TIMEOUT_MS }
        } else {
            Fault::TooSlow { min: ANSWER_BYTES_PER_MS.saturating_mul(1_000) }
        }
    }
}
