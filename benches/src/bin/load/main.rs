//! Puts a node under load over HTTP, and measures what its clients see.
//!
//! The node is a process of its own; everything is signed before the clock starts, connections
//! are kept open, and nothing leaves the machine. What the reference implementation reaches was
//! measured once with its release build on this kind of machine with two cores.
//!
//! ```text
//! load [--pandan PATH] [--documents N] [--rounds N] [--iterations N] [--json]
//! ```

#![forbid(unsafe_code)]

mod http;
mod node;
mod publishing;
mod queries;
mod report;

use std::fs::File;
use std::io::{Seek, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use pandan_admission::Door;
use pandan_benches::Result;
use pandan_benches::filled::write;
use pandan_benches::places::Places;
use pandan_benches::program::exit_code;
use pandan_benches::times::Times;
use pandan_store::{Durability, Options, SqliteStore};

use node::{Home, Node};
use publishing::Published;
use report::{Report, Sizes};

/// Documents that are published from one client.
const ALONE: usize = 2_000;
/// Documents that are published from sixteen.
const TOGETHER: usize = 8_000;
/// Documents that are loaded from eight; queries are asked among them.
const LOAD: usize = 10_000;

/// Documents of a batch, when more are asked for than are loaded over HTTP.
const BATCH: usize = 1_000;

/// Writes to disk that are measured.
const PROBES: usize = 500;

/// Authors for the parts of one run do not meet.
const ALONE_AUTHOR: u64 = 0;
const TOGETHER_AUTHOR: u64 = 100;
const LOAD_AUTHOR: u64 = 200;
const BATCH_AUTHOR: u64 = 1_000;

struct Settings {
    pandan: PathBuf,
    documents: usize,
    rounds: usize,
    iterations: usize,
    json: bool,
}

fn main() -> ExitCode {
    let measured = Settings::read().and_then(|settings| {
        let report = measure(&settings)?;
        if settings.json {
            println!("{}", report.json())
        } else {
            print!("{}", report.text())
        }
        Ok(report.all_held())
    });
    exit_code(measured)
}

impl Settings {
    fn read() -> Result<Self> {
        let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/pandan");
        let pandan = PathBuf::from(built);
        let mut settings =
            Self { pandan, documents: LOAD, rounds: 3, iterations: 300, json: false };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            if argument == "--json" {
                settings.json = true;
                continue;
            }
            let value =
                arguments.next().ok_or_else(|| format!("expected a value after {argument}"))?;
            let number = || match value.parse::<usize>() {
                Ok(number) if number > 0 => Ok(number),
                _ => Err(format!("expected a number, at least 1, after {argument}")),
            };
            match argument.as_str() {
                "--pandan" => settings.pandan = PathBuf::from(&value),
                "--documents" => settings.documents = number()?.max(LOAD),
                "--rounds" => settings.rounds = number()?,
                "--iterations" => settings.iterations = number()?,
                _ => return Err(format!("{argument} is not known").into()),
            }
        }
        Ok(settings)
    }
}

fn measure(settings: &Settings) -> Result<Report> {
    let places = Places::new();
    let (mut alone, mut together, mut load) = (Vec::new(), Vec::new(), Vec::new());
    let mut sizes = Sizes::default();
    let mut home = Home::new()?;
    for _ in 0..settings.rounds {
        home = Home::new()?;
        let node = Node::start(&settings.pandan, &home)?;
        sizes.resident_empty = sizes.resident_empty.max(node.resident_bytes());
        publishing::lay_foundation(&node, &places)?;
        alone.push(publishing::run(&node, &places, 1, ALONE, ALONE_AUTHOR)?);
        together.push(publishing::run(&node, &places, 16, TOGETHER, TOGETHER_AUTHOR)?);
        node.stop()?;

        home = Home::new()?;
        let node = Node::start(&settings.pandan, &home)?;
        publishing::lay_foundation(&node, &places)?;
        node.stop()?;
        let before = home.bytes()?;
        let node = Node::start(&settings.pandan, &home)?;
        load.push(publishing::run(&node, &places, 8, LOAD, LOAD_AUTHOR)?);
        sizes.resident_loaded = sizes.resident_loaded.max(node.resident_bytes());
        sizes.disk_running = home.bytes()?;
        node.stop()?;
        sizes.per_document = home.bytes()?.saturating_sub(before) / LOAD as u64;
    }
    fill(&home, &places, settings.documents)?;
    let node = Node::start(&settings.pandan, &home)?;
    let queries = queries::run(&node, &home.file(), &places, settings.iterations)?;
    node.stop()?;
    Ok(Report {
        documents: settings.documents,
        disk: writes_to_disk(&home)?,
        alone: best(alone)?,
        together: best(together)?,
        load: best(load)?,
        sizes,
        queries,
    })
}

/// Noise only ever adds.
fn best(runs: Vec<Published>) -> Result<Published> {
    if let Some(bad) = runs.iter().find(|run| run.refused > 0) {
        eprintln!("{} refused, the first: {}", bad.refused, bad.refusal.as_deref().unwrap_or(""));
        return Ok(bad.clone());
    }
    let best = runs.into_iter().max_by(|a, b| a.per_second().total_cmp(&b.per_second()));
    best.ok_or_else(|| "nothing was run".into())
}

/// Adds documents until there are as many as asked for, past the node.
fn fill(home: &Home, places: &Places, documents: usize) -> Result<()> {
    if documents <= LOAD {
        return Ok(());
    }
    let options = Options { durability: Durability::Normal, ..Options::default() };
    let store = SqliteStore::open(home.file(), options)?;
    for start in (LOAD..documents).step_by(BATCH) {
        let indexes = start..documents.min(start + BATCH);
        let signed = places.sign(BATCH_AUTHOR + start as u64, indexes);
        let batch = signed.iter().map(|signed| (signed.candidate(), Door::Client)).collect();
        write(&store, batch)?;
    }
    Ok(())
}

/// How long it takes to write one page over another and wait for the disk: what no answer to a
/// publish can be faster than, and what most take when nothing else goes on.
fn writes_to_disk(home: &Home) -> Result<Times> {
    let mut file = File::create(home.file().with_extension("probe"))?;
    let page = [1; 4096];
    for _ in 0..PROBES {
        file.write_all(&page)?;
    }
    file.sync_all()?;
    file.rewind()?;
    let times = (0..PROBES).map(|_| {
        let start = Instant::now();
        file.write_all(&page)?;
        file.sync_data()?;
        Ok(start.elapsed())
    });
    Ok(Times::new(times.collect::<Result<_>>()?))
}
