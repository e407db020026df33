//! Token buckets: so many at once, and so many each second.

use std::time::Duration;

use tokio::time::Instant;

/// Levels are kept in millionths of a token, so that slow rates do not round to nothing.
const TOKEN: i128 = 1_000_000;

/// A token bucket; time is an argument.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    capacity: u64,
    per_second: u64,
    /// Below zero after [`Bucket::spend`].
    level: i128,
    updated: Instant,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(capacity: u64, per_second: u64, now: Instant) -> Self {
        Self { capacity, per_second, level: i128::from(capacity) * TOKEN, updated: now }
    }

    /// Takes a token if one is left besides `reserve`.
    pub(crate) fn take(&mut self, reserve: u64, now: Instant) -> bool {
        self.refill(now);
        let enough = self.level >= (i128::from(reserve) + 1) * TOKEN;
        if enough {
            self.level -= TOKEN;
        }
        enough
    }

    /// Takes tokens for what has happened already, even if that leaves a debt.
    pub(crate) fn spend(&mut self, tokens: u64, now: Instant) {
        self.refill(now);
        self.level -= i128::from(tokens) * TOKEN;
    }

    /// When there is no debt any more; `None` if there is none.
    pub(crate) fn ready_at(&mut self, now: Instant) -> Option<Instant> {
        self.refill(now);
        if self.level >= 0 {
            return None;
        }
        // Millionths of tokens by tokens a second are microseconds.
        let wait = (-self.level).div_euclid(i128::from(self.per_second.max(1))) + 1;
        let wait = Duration::from_micros(u64::try_from(wait).unwrap_or(u64::MAX));
        Some(now.checked_add(wait).unwrap_or(now))
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.updated).as_micros();
        let elapsed = i128::try_from(elapsed).unwrap_or(i128::MAX);
        let added = elapsed.saturating_mul(i128::from(self.per_second));
        self.level = self.level.saturating_add(added).min(i128::from(self.capacity) * TOKEN);
        self.updated = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_it_holds_and_no_more() {
        let start = Instant::now();
        let mut bucket = Bucket::new(3, 2, start);
        let taken = (0..5).filter(|_| bucket.take(0, start)).count();
        assert_eq!(taken, 3);
        assert!(!bucket.take(0, start + Duration::from_millis(499)));
        assert!(bucket.take(0, start + Duration::from_millis(500)));
        let later = start + Duration::from_secs(3600);
        assert_eq!((0..5).filter(|_| bucket.take(0, later)).count(), 3);
    }

    #[test]
    fn reserve_is_kept() {
        let start = Instant::now();
        let mut bucket = Bucket::new(4, 1, start);
        assert_eq!((0..5).filter(|_| bucket.take(2, start)).count(), 2);
        assert_eq!((0..5).filter(|_| bucket.take(0, start)).count(), 2);
    }

    #[test]
    fn debts_take_time() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 5, start);
        bucket.spend(10, start);
        assert_eq!(bucket.ready_at(start), None);
        bucket.spend(10, start);
        let ready = bucket.ready_at(start).unwrap();
        assert!(ready >= start + Duration::from_secs(2));
        assert_eq!(bucket.ready_at(ready), None);
        assert_eq!(Bucket::new(u64::MAX, u64::MAX, start).ready_at(ready), None);
    }
}
