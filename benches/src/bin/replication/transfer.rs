//! Entries on their way from a full node to an empty one: verified, materialised and on disk.
//!
//! The rate is compared with that at which the same entries go into a store without a network, in
//! the same batches, which are examined on all cores while the one before is written. On one
//! machine the full node reads, encrypts and sends on the same cores, so the processor time of the
//! empty node says what two machines would do.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pandan_admission::{Candidate, Door};
use pandan_benches::ahead::examine_ahead;
use pandan_benches::filled::Filled;
use pandan_benches::process::{self, processor_time};
use pandan_network::Traffic;
use pandan_node::Request;
use pandan_replication::limits::{BATCH_BYTES, MAX_ENTRIES};
use pandan_replication::{Answer, KeyRange, Query, Received, Wants};
use pandan_store::{Options, SqliteStore, Store};
use pandan_sync::{Fate, Intake, Serving};

use crate::peer::Peer;
use crate::{Result, mark, schemas_of};

/// The part of the local rate that is asked for.
const RATE_ASKED: f64 = 0.8;

/// Bytes on the wire for each of entries and operations.
const WIRE_ASKED: f64 = 1.15;

/// How much larger the memory may become when there are four times as many entries.
const GROWTH_ASKED: f64 = 1.25;

/// The names of the threads of both nodes.
const SERVING: &str = "serving";
const TAKING: &str = "taking";

/// One run.
struct Run {
    entries: usize,
    /// Entries a second, without a network and over it.
    local: f64,
    transferred: f64,
    /// Processor time for each entry, in microseconds: without a network, and of both nodes.
    local_processor: f64,
    serving: f64,
    taking: f64,
    /// Of entries and operations.
    bytes: usize,
    wire: Wire,
    /// By how much the memory of both nodes grew at most, in bytes.
    growth: u64,
}

/// What UDP carried, in bytes and datagrams, both ways.
#[derive(Clone, Copy, Default)]
struct Wire {
    bytes: u64,
    datagrams: u64,
}

impl Run {
    fn reached(&self) -> f64 {
        self.transferred / self.local
    }
}

/// Gives whether all limits hold.
pub(crate) fn run(entries: usize, rounds: usize) -> Result<bool> {
    let fewer = measure(&Filled::new(entries / 4)?)?;
    let filled = Filled::new(entries)?;
    let runs = (0..rounds).map(|_| measure(&filled)).collect::<Result<Vec<_>>>()?;
    Ok(report(&fewer, runs))
}

fn measure(filled: &Filled) -> Result<Run> {
    let folder = tempfile::Builder::new().prefix("pandan-transfer-").tempdir()?;
    let served = folder.path().join(SERVING);
    std::fs::create_dir_all(&served)?;
    let file = served.join("pandan.sqlite");
    filled.copy_to(&file)?;
    let frames = frames(&file)?;
    let bytes = frames.iter().flatten().map(length).sum();
    let entries = frames.iter().map(Vec::len).sum();
    let (local, local_processor) = locally(&folder.path().join("local.sqlite"), &frames, entries)?;
    drop(frames);
    transfer(
        folder.path(),
        filled,
        Run {
            entries,
            local,
            transferred: 0.0,
            local_processor,
            serving: 0.0,
            taking: 0.0,
            bytes,
            wire: Wire::default(),
            growth: 0,
        },
    )
}

fn length(received: &Received) -> usize {
    received.entry.len() + received.payload.as_ref().map_or(0, Vec::len)
}

/// All entries of a store, as a session sends them.
fn frames(path: &Path) -> Result<Vec<Vec<Received>>> {
    let store = SqliteStore::open(path, Options::default())?;
    let snapshot = store.snapshot()?;
    let schemas = schemas_of(&*snapshot)?;
    let wants = Arc::new(Wants { logs: Vec::new(), ranges: vec![KeyRange::ALL] });
    let (mut after, mut frames) = (None, Vec::new());
    loop {
        let query = Query::Entries {
            wants: Arc::clone(&wants),
            after,
            budget_bytes: BATCH_BYTES,
            budget_entries: MAX_ENTRIES,
        };
        let Answer::Page(page) = pandan_sync::answer(&*snapshot, &schemas, &Serving::ALL, &query)?
        else {
            return Err("the store gives no page".into());
        };
        frames.push(page.entries);
        after = page.next;
        if after.is_none() {
            return Ok(frames);
        }
    }
}

/// Entries a second, and microseconds of processor time for each.
fn locally(path: &Path, frames: &[Vec<Received>], entries: usize) -> Result<(f64, f64)> {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(path, options())?);
    let mut intake = Intake::new(store);
    let batches: Vec<_> = frames.iter().map(Vec::as_slice).collect();
    let examine = |received: &Received| pandan_sync::examine(received).map_err(|it| it.to_string());
    let (start, processor) = (Instant::now(), processor_time());
    examine_ahead(&batches, examine, |batch| {
        let batch = batch.into_iter().collect::<std::result::Result<Vec<Candidate>, _>>()?;
        let batch = batch.into_iter().map(|candidate| (candidate, Door::Peer)).collect();
        let judged = intake.take(batch)?.judged;
        match judged.iter().find(|judged| !matches!(judged.fate, Fate::Stored(_))) {
            None => Result::Ok(()),
            Some(other) => Err(format!("expected an entry to be stored, found {other:?}").into()),
        }
    })?;
    let rate = entries as f64 / start.elapsed().as_secs_f64();
    Ok((rate, microseconds(processor_time() - processor, entries)))
}

/// Those of a node.
fn options() -> Options {
    Options { readers: 4, cache_bytes: 8 * 1024 * 1024, ..Options::default() }
}

fn microseconds(time: Duration, entries: usize) -> f64 {
    time.as_secs_f64() * 1e6 / entries as f64
}

fn transfer(folder: &Path, filled: &Filled, run: Run) -> Result<Run> {
    let full = Peer::start(SERVING, &folder.join(SERVING))?;
    let empty = Peer::start(TAKING, &folder.join(TAKING))?;
    let id = std::process::id();
    let (before, threads) = (process::resident_bytes(id), process::threads(id));
    process::forget_peak();
    let start = Instant::now();
    empty.keep(&full)?;
    let expected = run.entries as u64;
    let end = empty.wait_until("all is stored", |status| status.totals.stored >= expected)?;
    let growth = process::peak_bytes().saturating_sub(before);
    let used = process::used(&threads, &process::threads(id));
    let wire = full.traffic().iter().fold(Wire::default(), Wire::add);
    check(&empty, filled)?;
    let of = |name: &str| used.get(name).map_or(Duration::ZERO, |(time, _)| *time);
    // The first thread has the id of the process, and only waits.
    let main = threads.get(&id).map_or(Duration::ZERO, |thread| of(&thread.name));
    let all = used.values().map(|(time, _)| *time).sum::<Duration>();
    let serving = of(SERVING);
    // Whatever is not named belongs to the writer and those who help it.
    let taking = all.saturating_sub(serving).saturating_sub(main);
    empty.stop();
    full.stop();
    Ok(Run {
        transferred: run.entries as f64 / (end - start).as_secs_f64(),
        serving: microseconds(serving, run.entries),
        taking: microseconds(taking, run.entries),
        wire,
        growth,
        ..run
    })
}

/// All documents are there.
fn check(empty: &Peer, filled: &Filled) -> Result<()> {
    let request = Request::new(format!("{{ all_{} {{ totalCount }} }}", filled.places.place));
    let answer = empty.runtime.block_on(empty.node.query(request)).to_json();
    let expected = format!("{{\"totalCount\":{}}}", filled.logs);
    if answer.contains(&expected) {
        return Ok(());
    }
    Err(format!("expected {expected} in the answer, found {answer}").into())
}

impl Wire {
    fn add(self, traffic: &Traffic) -> Self {
        Self {
            bytes: self.bytes + traffic.bytes_in + traffic.bytes_out,
            datagrams: self.datagrams + traffic.datagrams_in + traffic.datagrams_out,
        }
    }
}

/// Prints the round in the middle; gives whether all limits hold.
fn report(fewer: &Run, mut runs: Vec<Run>) -> bool {
    runs.sort_by(|one, other| one.reached().total_cmp(&other.reached()));
    let middle = runs.len() / 2;
    let Some(run) = runs.get(middle) else { return false };
    let (rate, wire) = (run.reached(), run.wire.bytes as f64 / run.bytes as f64);
    let grown = runs.iter().map(|run| run.growth).min().unwrap_or_default();
    let growth = grown as f64 / fewer.growth as f64;
    let holds = [rate >= RATE_ASKED, wire <= WIRE_ASKED, growth <= GROWTH_ASKED];
    println!("\n| transfer to an empty node | entries | a second | µs of processor time each |");
    println!("|---|--:|--:|--:|");
    let Run { entries, local, transferred, local_processor, serving, taking, .. } = run;
    println!("| into a store, without a network | {entries} | {local:.0} | {local_processor:.1} |");
    println!(
        "| over QUIC | {entries} | {transferred:.0} | {taking:.1}, and {serving:.1} of the other node |"
    );
    println!("\n| | found | asked | reached | |");
    println!("|---|--:|--:|--:|---|");
    let [first, second, third] = holds.map(mark);
    println!(
        "| rate over QUIC, of that without a network | {transferred:.0} a second | at least {RATE_ASKED} | {rate:.2} | {first} |"
    );
    println!(
        "| bytes on the wire, of those of entries and operations | {:.1} of {:.1} MiB, {} datagrams | at most {WIRE_ASKED} | {wire:.3} | {second} |",
        mebibytes(run.wire.bytes),
        mebibytes(run.bytes as u64),
        run.wire.datagrams,
    );
    println!(
        "| growth of memory, of that with {} entries | {:.1} of {:.1} MiB | at most {GROWTH_ASKED} | {growth:.2} | {third} |",
        fewer.entries,
        mebibytes(grown),
        mebibytes(fewer.growth),
    );
    holds.iter().all(|holds| *holds)
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}
