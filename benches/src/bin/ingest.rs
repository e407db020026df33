//! How fast entries are taken in: verified, judged, materialised and on disk, in batches of 1,000.
//!
//! All cores examine entries while one connection writes those before, as in a node. The rate is
//! compared with the lower of two limits, both measured in the same round: the signatures of the
//! same entries verified on all cores, and bare `rusqlite` inserting the same entries and
//! operations under the same keys with the same durability. Of the rates the best of all rounds is
//! shown; what is reached is compared within each round, and the round in the middle counts.
//!
//! The processor time of an entry says what is possible where nobody ever waits, and stays about
//! the same while others use the machine.
//!
//! ```text
//! ingest [--rounds N] [--batches N]
//! ```

#![forbid(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pandan_admission::{Candidate, Door};
use pandan_bamboo::Entry;
use pandan_benches::Result;
use pandan_benches::ahead::{cores, examine_ahead};
use pandan_benches::filled::write;
use pandan_benches::places::Places;
use pandan_benches::process::processor_time;
use pandan_benches::program::exit_code;
use pandan_store::conformance::Signed;
use pandan_store::{Options, SqliteStore};
use rusqlite::{Connection, params};

/// Entries of a batch, each of which is one transaction.
const BATCH: usize = 1_000;

/// Places that are changed, one after the other, again and again.
const CHANGED: usize = 500;

/// The part of the lower limit that has to be reached.
const ASKED: f64 = 0.5;

fn main() -> ExitCode {
    exit_code(run())
}

fn run() -> Result<bool> {
    let (mut rounds, mut batches) = (3, 20);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let number = arguments.next().and_then(|number| number.parse::<usize>().ok());
        let number = number.filter(|number| *number > 0);
        let number = number.ok_or_else(|| format!("expected a number after {argument}"))?;
        match argument.as_str() {
            "--rounds" => rounds = number,
            "--batches" => batches = number,
            _ => return Err(format!("{argument} is not known").into()),
        }
    }
    let places = Places::new();
    println!(
        "| entries a second | ingested | signatures | bare inserts | store alone | asked | reached | |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|---|");
    let mut times = Vec::new();
    let entries = batches * BATCH;
    let new = places.sign(0, 0..entries);
    let changes = places.sign_changes(1, CHANGED, entries.div_ceil(CHANGED).max(2) - 1);
    let kinds = [("new documents", new), ("500 documents, changed in turns", changes)];
    let mut all_held = true;
    for (what, signed) in kinds {
        let rates = (0..rounds).map(|_| Rates::measure(&places, &signed));
        let rates = rates.collect::<Result<Vec<_>>>()?;
        let reached = Rates::reached(&rates);
        let best = rates.into_iter().fold(Rates::NONE, Rates::best);
        let Rates { ingested, signatures, inserts, store, processor } = best;
        times.push((what, processor));
        let mark = if reached >= ASKED { "holds" } else { "**fails**" };
        all_held &= reached >= ASKED;
        println!(
            "| {what} | {ingested:.0} | {signatures:.0} | {inserts:.0} | {store:.0} | {ASKED} | {reached:.2} | {mark} |"
        );
    }
    println!("\n| processor time of an entry, µs | ingested | signature | store alone |");
    println!("|---|--:|--:|--:|");
    for (what, [ingested, signature, store]) in times {
        println!("| {what} | {ingested:.1} | {signature:.1} | {store:.1} |");
    }
    Ok(all_held)
}

/// Entries a second.
#[derive(Clone, Copy)]
struct Rates {
    ingested: f64,
    signatures: f64,
    inserts: f64,
    /// Of the store with entries that were verified before.
    store: f64,
    /// Microseconds of all cores together for an entry: ingested, its signature, in the store.
    processor: [f64; 3],
}

impl Rates {
    const NONE: Self = Self {
        ingested: 0.0,
        signatures: 0.0,
        inserts: 0.0,
        store: 0.0,
        processor: [f64::INFINITY; 3],
    };

    fn measure(places: &Places, signed: &[Signed]) -> Result<Self> {
        let rate = |start: Instant| signed.len() as f64 / start.elapsed().as_secs_f64();
        let each =
            |start: Duration| (processor_time() - start).as_secs_f64() * 1e6 / signed.len() as f64;
        let folder = tempfile::tempdir()?;

        let (start, processor) = (Instant::now(), processor_time());
        verify(signed)?;
        let (signatures, signature) = (rate(start), each(processor));

        let start = insert_bare(&folder.path().join("bare.sqlite"), signed)?;
        let inserts = rate(start);

        let store = open(&folder.path().join("ingested.sqlite"), places)?;
        let (start, processor) = (Instant::now(), processor_time());
        ingest(&store, signed)?;
        let (ingested, taken_in) = (rate(start), each(processor));

        let store = open(&folder.path().join("store.sqlite"), places)?;
        let candidates: Vec<Vec<_>> =
            signed.chunks(BATCH).map(|batch| batch.iter().map(examine).collect()).collect();
        let (start, processor) = (Instant::now(), processor_time());
        for batch in candidates {
            write(&store, batch)?;
        }
        let (store, stored) = (rate(start), each(processor));
        let processor = [taken_in, signature, stored];
        Ok(Self { ingested, signatures, inserts, store, processor })
    }

    /// The part of the lower limit of the same round; that of the round in the middle.
    fn reached(rounds: &[Self]) -> f64 {
        let part = |round: &Self| round.ingested / round.signatures.min(round.inserts);
        let mut parts: Vec<_> = rounds.iter().map(part).collect();
        parts.sort_by(f64::total_cmp);
        parts.get(parts.len() / 2).copied().unwrap_or_default()
    }

    fn best(self, other: Self) -> Self {
        Self {
            ingested: self.ingested.max(other.ingested),
            signatures: self.signatures.max(other.signatures),
            inserts: self.inserts.max(other.inserts),
            store: self.store.max(other.store),
            processor: std::array::from_fn(|at| self.processor[at].min(other.processor[at])),
        }
    }
}

fn examine(signed: &Signed) -> (Candidate, Door) {
    (signed.candidate(), Door::Client)
}

/// A store on disk with everything that places rest on.
fn open(path: &Path, places: &Places) -> Result<SqliteStore> {
    let store = SqliteStore::open(path, Options::default())?;
    write(&store, places.foundation.iter().map(examine).collect())?;
    Ok(store)
}

/// Examines entries on all cores while those before them are written, in order.
fn ingest(store: &SqliteStore, signed: &[Signed]) -> Result<()> {
    let batches: Vec<_> = signed.chunks(BATCH).collect();
    examine_ahead(&batches, examine, |batch| write(store, batch))
}

/// Shares out the work on a batch; the order of the results is that of the entries.
fn on_all_cores<T: Send>(signed: &[Signed], work: impl Fn(&Signed) -> T + Sync) -> Vec<T> {
    let part = signed.len().div_ceil(cores()).max(1);
    std::thread::scope(|scope| {
        let work = &work;
        let parts = signed.chunks(part);
        let parts: Vec<_> = parts
            .map(|part| scope.spawn(move || part.iter().map(work).collect::<Vec<_>>()))
            .collect();
        let parts = parts.into_iter();
        parts.flat_map(|part| part.join().expect("what was signed here is good")).collect()
    })
}

/// Signatures alone, on all cores.
fn verify(signed: &[Signed]) -> Result<()> {
    let verified = AtomicUsize::new(0);
    on_all_cores(signed, |signed| {
        let entry = Entry::decode(signed.entry.as_bytes());
        if entry.is_ok_and(|entry| entry.authenticate().is_ok()) {
            verified.fetch_add(1, Ordering::Relaxed);
        }
    });
    if verified.into_inner() == signed.len() {
        Ok(())
    } else {
        Err("a signature does not verify".into())
    }
}

/// Inserts entries and operations by hash and by place, and nothing else; tells when it began.
fn insert_bare(path: &Path, signed: &[Signed]) -> Result<Instant> {
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "cache_size", -16 * 1024)?;
    connection.execute_batch(
        "CREATE TABLE entries (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, \
         log INTEGER NOT NULL, seq_num INTEGER NOT NULL, entry BLOB NOT NULL, payload BLOB, \
         UNIQUE (log, seq_num)) STRICT",
    )?;
    let start = Instant::now();
    for batch in signed.chunks(BATCH) {
        let transaction = connection.transaction()?;
        let mut insert = transaction.prepare_cached(
            "INSERT INTO entries (hash, log, seq_num, entry, payload) VALUES (?, ?, ?, ?, ?)",
        )?;
        for signed in batch {
            let header = signed.entry.header();
            insert.execute(params![
                header.hash().as_hash().digest(),
                header.log_id().number().cast_signed(),
                header.seq_num().number().cast_signed(),
                signed.entry.as_bytes(),
                signed.payload,
            ])?;
        }
        drop(insert);
        transaction.commit()?;
    }
    Ok(start)
}
