//! Taking the log into the main file, beside the writer.
//!
//! Commits go to the end of the log. From time to time what is in it has to go into the main file,
//! where it is read, written and synced once more; the log begins anew when nothing is left in it
//! to be taken. A thread with a connection of its own does that while commits go on. What they
//! added meanwhile the writer takes by itself, which is little; only where the log grows faster
//! than it is taken, the writer waits.
//!
//! No commit depends on it: as before, each is synced in the log. What fails here is tried again
//! after a later commit, and when the store is closed.

use std::ffi::c_int;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;

use super::Options;
use super::connection;

/// The part of its greatest size that the log may fill before it is taken. Batches change many
/// pages again that batches before them have changed, and only the last state of a page is copied.
const TAKEN_PART: c_int = 2;

/// The thread that takes the log; ends when this is dropped.
#[derive(Debug)]
pub(super) struct Takeover {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    turn: Mutex<Turn>,
    changed: Condvar,
}

/// Who is to take something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Nobody: the log is short.
    Nobody,
    /// The thread, all that is there.
    Thread,
    /// The writer, what came while the thread was at it.
    Writer,
    /// Nobody any more: the store is being closed.
    Closed,
}

impl Takeover {
    /// Starts the thread, and tells it of the commits of the writer.
    pub(super) fn start(
        writer: &mut Connection,
        path: &Path,
        options: &Options,
    ) -> rusqlite::Result<Self> {
        let most = connection::pages(writer, options.journal_bytes)?;
        let most = c_int::try_from(most).unwrap_or(c_int::MAX);
        let shared = Arc::new(Shared { turn: Mutex::new(Turn::Nobody), changed: Condvar::new() });
        let (of_thread, path, options) = (Arc::clone(&shared), path.to_owned(), options.clone());
        let name = String::from("pandan-log");
        let thread = std::thread::Builder::new().name(name);
        let thread = thread.spawn(move || of_thread.work(path, options)).ok();
        // Without a thread the writer takes everything.
        let few = if thread.is_some() { most / TAKEN_PART } else { most };
        let of_writer = Arc::clone(&shared);
        writer.wal_hook(Some(move |log: &mut Wal, pages| {
            of_writer.committed(log, pages, few, most);
            Ok(())
        }))?;
        Ok(Self { shared, thread })
    }
}

impl Drop for Takeover {
    fn drop(&mut self) {
        *self.shared.turn() = Turn::Closed;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It has no state of its own that could be lost.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'g>(&self, turn: MutexGuard<'g, Turn>) -> MutexGuard<'g, Turn> {
        self.changed.wait(turn).unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs in the thread of the writer, behind each commit.
    fn committed(&self, log: &mut Wal, pages: c_int, few: c_int, most: c_int) {
        let mut turn = self.turn();
        while *turn == Turn::Thread && pages >= most {
            turn = self.wait(turn);
        }
        let next = match *turn {
            Turn::Writer | Turn::Nobody if pages < few => Turn::Nobody,
            Turn::Nobody if pages < most => Turn::Thread,
            Turn::Nobody | Turn::Writer => {
                // Fails as a whole or not at all, and is tried again.
                let _ = log.checkpoint();
                Turn::Nobody
            }
            other @ (Turn::Thread | Turn::Closed) => other,
        };
        *turn = next;
        self.changed.notify_all();
    }

    fn work(&self, path: PathBuf, options: Options) {
        let mut connection = None;
        while self.is_asked() {
            if connection.is_none() {
                connection = connection::beside_writer(&path, &options).ok();
            }
            if let Some(connection) = &connection {
                // What fails is left to the writer.
                let _ = connection.wal_checkpoint_v2(Some("main"), CheckpointMode::PASSIVE);
            }
            let mut turn = self.turn();
            if *turn == Turn::Thread {
                *turn = Turn::Writer;
            }
            self.changed.notify_all();
        }
    }

    /// Waits for something to take; false when the store is being closed.
    fn is_asked(&self) -> bool {
        let mut turn = self.turn();
        loop {
            match *turn {
                Turn::Thread => return true,
                Turn::Closed => return false,
                Turn::Nobody | Turn::Writer => turn = self.wait(turn),
            }
        }
    }
}
