//! How fast sessions follow each other.

use crate::limits::SESSION_INTERVAL_MS;

/// Counts what happens: so much at once, and then again one after each interval.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// When as much may happen at once as if nothing had happened before.
    fresh_at: u64,
}

impl Pace {
    /// From when on it may happen again, when so much may happen at once.
    pub(super) const fn next(&self, at_once: u64) -> u64 {
        let ahead = at_once.saturating_sub(1).saturating_mul(SESSION_INTERVAL_MS);
        self.fresh_at.saturating_sub(ahead)
    }

    /// It has happened.
    pub(super) fn count(&mut self, now: u64) {
        self.fresh_at = self.fresh_at.max(now).saturating_add(SESSION_INTERVAL_MS);
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "numbers of tests are small")]
mod tests {
    use super::Pace;
    use crate::limits::SESSION_INTERVAL_MS;

    #[test]
    fn so_much_happens_at_once_and_then_one_after_each_interval() {
        let (mut pace, now) = (Pace::default(), 5_000);
        for _ in 0..3 {
            assert!(pace.next(3) <= now);
            pace.count(now);
        }
        assert_eq!(pace.next(3), now + SESSION_INTERVAL_MS);
        pace.count(now + SESSION_INTERVAL_MS);
        assert_eq!(pace.next(3), now + 2 * SESSION_INTERVAL_MS);
        // Pauses are not saved up beyond that.
        for _ in 0..3 {
            assert!(pace.next(3) <= 100 * now);
            pace.count(100 * now);
        }
        assert_eq!(pace.next(3), 100 * now + SESSION_INTERVAL_MS);
    }
}
