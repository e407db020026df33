//! Many durations, and what to say of them.

use std::time::Duration;

/// How long things took, in order.
#[derive(Clone, Debug)]
pub struct Times {
    sorted: Vec<Duration>,
}

impl Times {
    /// In any order.
    #[must_use]
    pub fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self { sorted: times }
    }

    /// The time that this percentage of all stayed within.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let last = self.sorted.len().saturating_sub(1);
        self.sorted.get(last * percent / 100).copied().unwrap_or_default()
    }

    /// The time that half of them stayed within.
    #[must_use]
    pub fn p50(&self) -> Duration {
        self.percentile(50)
    }

    /// The time that all but one in a hundred stayed within.
    #[must_use]
    pub fn p99(&self) -> Duration {
        self.percentile(99)
    }
}

/// In milliseconds, for people and for programs.
#[must_use]
pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
