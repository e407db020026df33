//! Reading from a stream no faster than who hears it wants, so that QUIC's flow control reaches the
//! peer.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Lets what is read from a stream come, one piece at a time.
#[derive(Debug)]
pub(super) struct Demand {
    permits: Arc<Semaphore>,
    /// The next piece was asked for and has not come.
    is_reading: bool,
}

/// Where who reads waits until the next piece is wanted.
#[derive(Debug)]
pub(super) struct Wanted(Arc<Semaphore>);

impl Demand {
    pub(super) fn new() -> (Self, Wanted) {
        let permits = Arc::new(Semaphore::new(0));
        (Self { permits: Arc::clone(&permits), is_reading: false }, Wanted(permits))
    }

    /// Lets the next piece come.
    pub(super) fn read_next(&mut self) {
        if !self.is_reading {
            self.is_reading = true;
            self.permits.add_permits(1);
        }
    }

    /// The piece that was let come has come.
    pub(super) const fn has_read(&mut self) {
        self.is_reading = false;
    }
}

impl Wanted {
    pub(super) async fn come(&self) {
        // Nobody closes it.
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}
