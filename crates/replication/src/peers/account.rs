//! What one remembers of a peer: failures, and points for misbehaviour.

use crate::limits::{
    BACK_OFF_MAX_MS, BACK_OFF_MIN_MS, BLOCKED_MS, BLOCKING_SCORE, FORGIVE_MS, RESYNC_INTERVAL_MS,
};
use crate::session::End;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Account {
    failures: u32,
    /// How many live sessions in a row ended without a word.
    closings: u32,
    points: u32,
    /// When points were last forgiven.
    counted_at: u64,
    blocked_until: u64,
}

impl Account {
    /// Adds points; gives until when the peer is to be kept out, if it is from now on.
    pub(super) fn add(&mut self, points: u32, now: u64) -> Option<u64> {
        self.forgive(now);
        self.points = self.points.saturating_add(points);
        if self.points < BLOCKING_SCORE || self.is_blocked(now) {
            return None;
        }
        self.points = 0;
        self.blocked_until = now.saturating_add(BLOCKED_MS);
        Some(self.blocked_until)
    }

    pub(super) fn points(&mut self, now: u64) -> u32 {
        self.forgive(now);
        self.points
    }

    fn forgive(&mut self, now: u64) {
        let passed = now.saturating_sub(self.counted_at);
        let points = passed.checked_div(FORGIVE_MS).unwrap_or(0);
        let kept = passed.checked_rem(FORGIVE_MS).unwrap_or(0);
        self.points = self.points.saturating_sub(u32::try_from(points).unwrap_or(u32::MAX));
        self.counted_at = now.saturating_sub(kept);
    }

    /// Until when the peer is kept out; that may be long ago.
    pub(super) const fn blocked_until(&self) -> u64 {
        self.blocked_until
    }

    pub(super) const fn is_blocked(&self, now: u64) -> bool {
        self.blocked_until > now
    }

    /// How much is remembered that speaks against the peer: until when it is kept out, and points.
    pub(super) fn blame(&self, now: u64) -> (u64, u32) {
        let mut account = *self;
        (self.blocked_until.saturating_sub(now), account.points(now))
    }

    /// Whether the last attempt failed.
    pub(super) const fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// Counts how a session ended; gives for how long to wait until the next one.
    pub(super) fn ended(&mut self, end: &End, has_more: bool, was_live: bool, chance: u64) -> u64 {
        match end {
            // As live ones do.
            End::CompareAgain => {
                self.closings = 0;
                0
            }
            End::Gone => 0,
            End::Complete => {
                self.failures = 0;
                match () {
                    () if has_more => 0,
                    // The other side ended it: one that compares anew, whose reason was lost with the
                    // stream, or one that wants no news and ends all of them.
                    () if was_live => back_off(&mut self.closings, chance),
                    () => RESYNC_INTERVAL_MS,
                }
            }
            End::Refused(_) | End::Failed(_) => self.failed(chance),
        }
    }

    /// Counts a failure; gives for how long to wait, of which `chance` settles the second half.
    pub(super) fn failed(&mut self, chance: u64) -> u64 {
        back_off(&mut self.failures, chance)
    }
}

/// How long to wait after so many times, and once more from now on.
fn back_off(times: &mut u32, chance: u64) -> u64 {
    let doubled = BACK_OFF_MIN_MS.checked_shl((*times).min(16)).unwrap_or(u64::MAX);
    *times = times.saturating_add(1);
    let wait = doubled.min(BACK_OFF_MAX_MS);
    let half = wait.checked_div(2).unwrap_or(0);
    let jitter = chance.checked_rem(half.saturating_add(1)).unwrap_or(0);
    wait.saturating_sub(jitter)
}
