//! How many bytes a second are read from one peer.

use std::sync::{Mutex, PoisonError};

use tokio::time::{Instant, sleep_until};

use super::bucket::Bucket;

/// Shared by all streams of a peer. Who is not read from fills its window and has to wait, so
/// slowing down the reading slows down the sender.
#[derive(Debug)]
pub(crate) struct Throttle(Mutex<Bucket>);

impl Throttle {
    pub(crate) fn new(bytes_per_second: u64) -> Self {
        // What may come at once is what comes in a second.
        Self(Mutex::new(Bucket::new(bytes_per_second, bytes_per_second, Instant::now())))
    }

    /// Waits until the bytes so far are paid for.
    pub(crate) async fn ready(&self) {
        while let Some(at) = self.bucket(|bucket, now| bucket.ready_at(now)) {
            sleep_until(at).await;
        }
    }

    /// Counts bytes that were read.
    pub(crate) fn spend(&self, bytes: usize) {
        self.bucket(|bucket, now| bucket.spend(bytes as u64, now));
    }

    fn bucket<T>(&self, with: impl FnOnce(&mut Bucket, Instant) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn reading_goes_on_at_the_rate() {
        let throttle = Throttle::new(1000);
        let start = Instant::now();
        for _ in 0..11 {
            throttle.ready().await;
            throttle.spend(1000);
        }
        throttle.ready().await;
        // Time is virtual here: a second's worth at once, and ten more in ten seconds.
        let took = start.elapsed();
        assert!(took >= Duration::from_secs(10) && took < Duration::from_secs(11), "{took:?}");
    }
}
