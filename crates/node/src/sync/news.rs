//! From the writer to live sessions: what was stored, and which forks were found.
//!
//! News are hints. The writer never waits for sessions: when they are too slow, some are left out,
//! and the sessions compare anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pandan_bamboo::ForkProof;
use pandan_sync::News;
use tokio::sync::mpsc;

/// How many batches of news wait.
const NEWS_MAX: usize = 64;

/// Some news.
#[derive(Debug)]
pub(crate) enum Bulletin {
    /// What a batch has stored.
    Stored(Vec<News>),
    Fork(Box<ForkProof>),
}

#[derive(Clone, Debug)]
pub(crate) struct NewsSender {
    sender: mpsc::Sender<Bulletin>,
    desk: Arc<Desk>,
}

#[derive(Debug)]
pub(crate) struct NewsReceiver {
    receiver: mpsc::Receiver<Bulletin>,
    desk: Arc<Desk>,
}

#[derive(Debug, Default)]
struct Desk {
    /// Whether there is any session to tell.
    is_open: AtomicBool,
    /// Whether something was left out.
    has_missed: AtomicBool,
}

pub(crate) fn news() -> (NewsSender, NewsReceiver) {
    let (sender, receiver) = mpsc::channel(NEWS_MAX);
    let desk = Arc::new(Desk::default());
    (NewsSender { sender, desk: Arc::clone(&desk) }, NewsReceiver { receiver, desk })
}

impl NewsSender {
    pub(crate) fn send(&self, news: Vec<News>) {
        if !news.is_empty() {
            self.put(Bulletin::Stored(news));
        }
    }

    pub(crate) fn send_fork(&self, proof: &ForkProof) {
        self.put(Bulletin::Fork(Box::new(*proof)));
    }

    /// How many wait.
    pub(crate) fn queued(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    fn put(&self, bulletin: Bulletin) {
        // What was stored before the desk opens is seen by sessions that begin after it has.
        if self.desk.is_open.load(Ordering::SeqCst) && self.sender.try_send(bulletin).is_err() {
            self.desk.has_missed.store(true, Ordering::SeqCst);
        }
    }
}

impl NewsReceiver {
    /// Tells whether news are wanted, and gives whether they were. They are before a session begins to
    /// read from the store.
    pub(crate) fn set_open(&self, is_open: bool) -> bool {
        self.desk.is_open.swap(is_open, Ordering::SeqCst)
    }

    /// Whether news were left out since this was asked last.
    pub(crate) fn take_missed(&self) -> bool {
        self.desk.has_missed.swap(false, Ordering::SeqCst)
    }

    /// The next news. May be cancelled without loss.
    pub(crate) async fn next(&mut self) -> Bulletin {
        match self.receiver.recv().await {
            Some(bulletin) => bulletin,
            // The writer has stopped; so will the driver.
            None => std::future::pending().await,
        }
    }

    pub(crate) fn try_next(&mut self) -> Option<Bulletin> {
        self.receiver.try_recv().ok()
    }
}
