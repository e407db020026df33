//! The process over the disk that fails: it plays the script, and says how it went.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pandan_store::conformance::Signed;
use pandan_store::{Durability, MemoryStore, Options, SqliteStore, StoreError};

use crate::script::{BATCHES, LARGE, ingest, read};

/// Tell the process that plays which file it is, and in which style.
pub(crate) const FILE: &str = "PANDAN_TEST_FILE";
pub(crate) const STYLE: &str = "PANDAN_TEST_STYLE";

/// Mark lines in the output, among which the test runner prints its own.
pub(crate) const ACKNOWLEDGED: &str = "acknowledged ";
pub(crate) const FAILED: &str = "failed ";
pub(crate) const WRONG: &str = "wrong ";
pub(crate) const ENDED: &str = "ended";

/// How a batch is tried: twice with the store as it is, then after opening it again.
const ATTEMPTS: usize = 3;

/// How the script is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// Whether the store is opened for each batch, so that the log is taken over each time.
    pub(crate) reopens: bool,
    pub(crate) durability: Durability,
}

impl Style {
    pub(crate) const OPEN: Self = Self { reopens: false, durability: Durability::Full };
    pub(crate) const REOPENED: Self = Self { reopens: true, durability: Durability::Full };

    fn parse(text: &str) -> Self {
        let durability =
            if text.contains("Normal") { Durability::Normal } else { Durability::Full };
        Self { reopens: text.contains("reopens: true"), durability }
    }
}

/// In a process that was started to play, plays and ends it.
pub(crate) fn play_if_asked() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let style = Style::parse(&std::env::var(STYLE).expect("both are given"));
    let mut player =
        Player { file: PathBuf::from(file), style, store: None, model: MemoryStore::new() };
    player.play();
    println!("\n{ENDED}");
    // The store is not closed: as if the power was cut now.
    std::process::exit(0);
}

struct Player {
    file: PathBuf,
    style: Style,
    store: Option<SqliteStore>,
    /// What there should be.
    model: MemoryStore,
}

impl Player {
    fn play(&mut self) {
        for (number, batch) in BATCHES.iter().enumerate() {
            let is_done = (0..ATTEMPTS).any(|attempt| {
                if attempt + 1 == ATTEMPTS {
                    self.store = None;
                }
                match self.write(batch) {
                    Ok(()) => true,
                    Err(error) => {
                        println!("\n{FAILED}{} {attempt} {error}", kind(&error));
                        false
                    }
                }
            });
            if !is_done {
                return;
            }
            println!("\n{ACKNOWLEDGED}{number}");
            if number + LARGE < BATCHES.len() {
                // Reading the large ones again and again takes too long.
                self.look(batch);
            }
            if self.style.reopens {
                self.store = None;
            }
        }
    }

    fn write(&mut self, batch: &[Signed]) -> Result<(), StoreError> {
        let store = match self.store.take() {
            Some(store) => store,
            None => open(&self.file, self.style.durability)?,
        };
        ingest(self.store.insert(store), batch).map(drop)
    }

    /// What can be read after a batch is right.
    fn look(&self, batch: &[Signed]) {
        ingest(&self.model, batch).expect("memory is there");
        let Some(store) = &self.store else { return };
        match read(store) {
            Ok(found) if Some(&found) == read(&self.model).ok().as_ref() => {}
            Ok(found) => println!("\n{WRONG}{:?}", found.counts),
            Err(error) => println!("\n{FAILED}{} reading {error}", kind(&error)),
        }
    }
}

pub(crate) fn open(file: &Path, durability: Durability) -> Result<SqliteStore, StoreError> {
    // Little memory, so that parts of the file are read again.
    let options = Options {
        durability,
        readers: 1,
        cache_bytes: 1024 * 1024,
        busy_timeout: Duration::from_millis(10),
        ..Options::default()
    };
    SqliteStore::open(file, options)
}

/// The kind of an error, in a word.
fn kind(error: &StoreError) -> &'static str {
    match error {
        StoreError::Full => "full",
        StoreError::Io { .. } => "io",
        StoreError::Open { .. } => "open",
        StoreError::Busy => "busy",
        StoreError::Corrupt { .. } => "corrupt",
        _ => "other",
    }
}
