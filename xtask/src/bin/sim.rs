//! Plays simulated networks of nodes and sums up, or shows how one failed.
//!
//! Started by `cargo xtask sim`.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::Parser;
use pandan_testkit::sim::{Simulation, Totals};

const MS_AN_HOUR: f64 = 3_600_000.0;

/// Play simulated networks of nodes.
#[derive(Debug, Parser)]
struct Cli {
    #[arg(long)]
    seed: Option<u64>,
    #[arg(long)]
    minutes: Option<f64>,
    #[arg(long)]
    nodes: Option<usize>,
    #[arg(long)]
    plain_schemas: bool,
}

fn main() -> Result<ExitCode> {
    let Cli { seed, minutes, nodes, plain_schemas } = Cli::parse();
    let first = match seed {
        Some(seed) => seed,
        None => fresh_seed()?,
    };
    let time = Duration::try_from_secs_f64(minutes.unwrap_or(0.0) * 60.0)
        .context("expected a number of minutes")?;
    let (begin, mut totals, mut failed) = (Instant::now(), Totals::default(), Vec::new());
    let mut seed = first;
    loop {
        let simulation =
            Simulation { nodes, has_plain_schemas: plain_schemas, ..Simulation::of(seed) };
        match simulation.run() {
            Ok(run) => totals.add(&run),
            Err(failure) => {
                println!("{failure}\n");
                failed.push(seed);
            }
        }
        if begin.elapsed() >= time {
            break;
        }
        seed = seed.wrapping_add(1);
    }
    print(&totals);
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    // What is left out here would play another network.
    let nodes = nodes.map(|nodes| format!(" --nodes {nodes}")).unwrap_or_default();
    let plain = if plain_schemas { " --plain-schemas" } else { "" };
    for seed in failed {
        println!("failed: cargo xtask sim --seed {seed}{nodes}{plain}");
    }
    Ok(ExitCode::FAILURE)
}

/// The clock gives others each time; what follows from a seed is always the same.
fn fresh_seed() -> Result<u64> {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is wrong")?;
    Ok(time.as_secs().wrapping_mul(1_000_000))
}

fn print(totals: &Totals) {
    let Totals { runs, nodes, hostile, events, entries, forks, frames, bytes, .. } = totals;
    println!("{runs} runs without a failure: {nodes} nodes, {hostile} of them hostile");
    println!("{events} events, {} sessions, {frames} frames, {bytes} bytes", totals.sessions);
    println!("{entries} entries stored, {forks} forks");
    println!("{} faults, {} crashes, {} lies", totals.faults, totals.crashes, totals.lies);
    let [all, slowest] = [totals.virtual_ms, totals.slowest_ms].map(|ms| ms as f64);
    println!(
        "{:.1} virtual hours; at most {:.1} s until all agreed",
        all / MS_AN_HOUR,
        slowest / 1000.0
    );
}
