//! Stores with many documents, each in a log of its own. Signing a million takes a minute or two,
//! so they are kept between runs.

use std::fs;
use std::path::{Path, PathBuf};

use pandan_admission::{Candidate, Door};
use pandan_store::conformance::Signed;
use pandan_store::{Durability, Options, Outcome, SqliteStore, Store};

use crate::Result;
use crate::ahead::examine_ahead;
use crate::places::Places;

/// Documents that an author signs.
const OF_AUTHOR: usize = 100;

/// Authors whose documents are written in one transaction.
const TOGETHER: usize = 10;

/// Tells how far it is whenever so many more documents are written.
const TOLD: usize = 100_000;

/// The first author; those before sign in other programs.
const FIRST_AUTHOR: u64 = 1 << 20;

/// A store that is never changed: copies are.
#[derive(Clone, Debug)]
pub struct Filled {
    /// What its documents rest on.
    pub places: Places,
    /// How many logs it has, those of the foundation left out.
    pub logs: usize,
    path: PathBuf,
}

impl Filled {
    /// The store with so many documents, from an earlier run if there was one.
    pub fn new(logs: usize) -> Result<Self> {
        let places = Places::new();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/filled");
        fs::create_dir_all(&folder)?;
        // Another foundation is another schema, and begins anew.
        let schema = places.place.to_string();
        let schema = schema.get(schema.len().saturating_sub(8)..).unwrap_or_default();
        let path = folder.join(format!("{logs}-{schema}.sqlite"));
        if !path.exists() {
            let unfinished = path.with_extension("unfinished");
            remove(&unfinished)?;
            fill(&unfinished, &places, logs)?;
            fs::rename(unfinished, &path)?;
        }
        Ok(Self { places, logs, path })
    }

    /// A copy, to be changed.
    pub fn copy_to(&self, path: &Path) -> Result<()> {
        fs::copy(&self.path, path)?;
        Ok(())
    }

    /// Signs documents that are in no such store, each by an author of its own. Each number gives
    /// others.
    #[must_use]
    pub fn sign_more(&self, number: u64, count: usize) -> Vec<Signed> {
        let first = (number + 1) << 32;
        (0..count).flat_map(|index| self.places.sign(first + index as u64, [index])).collect()
    }
}

fn fill(path: &Path, places: &Places, logs: usize) -> Result<()> {
    let options = Options { durability: Durability::Normal, ..Options::default() };
    let store = SqliteStore::open(path, options)?;
    write(&store, places.foundation.iter().map(candidate).collect())?;
    let authors: Vec<_> = (0..logs.div_ceil(OF_AUTHOR)).collect();
    let batches: Vec<_> = authors.chunks(TOGETHER).collect();
    let sign = |author: &usize| -> Vec<_> {
        let first = author * OF_AUTHOR;
        let signed = places.sign(FIRST_AUTHOR + *author as u64, first..logs.min(first + OF_AUTHOR));
        signed.iter().map(candidate).collect()
    };
    let mut written = 0;
    examine_ahead(&batches, sign, |batch| {
        let batch: Vec<_> = batch.into_iter().flatten().collect();
        let before = written / TOLD;
        written += batch.len();
        if written / TOLD > before {
            eprintln!("{written} of {logs} documents signed and stored");
        }
        write(&store, batch)
    })
}

fn candidate(signed: &Signed) -> (Candidate, Door) {
    (signed.candidate(), Door::Client)
}

/// Stores a batch, all of it.
pub fn write(store: &dyn Store, batch: Vec<(Candidate, Door)>) -> Result<()> {
    let outcomes = store.ingest(batch)?;
    match outcomes.iter().find(|outcome| !matches!(outcome, Outcome::Committed(_))) {
        None => Ok(()),
        Some(other) => Err(format!("expected an entry to be stored, found {other:?}").into()),
    }
}

/// What an earlier run left behind that was cut off.
fn remove(path: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        if Path::new(&name).exists() {
            fs::remove_file(name)?;
        }
    }
    Ok(())
}
