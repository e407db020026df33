//! What replication costs: finding out that two nodes have the same, entries on their way to an
//! empty node, news, and nothing at all.
//!
//! All nodes run on this machine and talk over 127.0.0.1. So what both sides do is done by the same
//! cores, where two nodes of two people would have their own.
//!
//! ```text
//! replication [agreement|transfer|live|idle]...
//!             [--logs N] [--entries N] [--rounds N] [--samples N] [--seconds N] [--pandan PATH]
//! ```
//!
//! Without a name everything is measured. `--logs` is for `agreement`, `--entries` and `--rounds`
//! for `transfer`, `--samples` for `live`, `--seconds` and `--pandan` for `idle`.

#![forbid(unsafe_code)]

mod agreement;
mod idle;
mod live;
mod peer;
mod transfer;

use std::path::PathBuf;
use std::process::ExitCode;

use pandan_benches::Result;
use pandan_benches::program::exit_code;
use pandan_operations::SchemaId;
use pandan_store::Snapshot;

struct Settings {
    names: Vec<String>,
    logs: usize,
    entries: usize,
    rounds: usize,
    samples: usize,
    seconds: usize,
    pandan: PathBuf,
}

fn main() -> ExitCode {
    exit_code(Settings::read().and_then(|settings| settings.run()))
}

impl Settings {
    fn read() -> Result<Self> {
        let pandan = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/pandan").into();
        let mut settings = Self {
            names: Vec::new(),
            logs: 10_000,
            entries: 10_000,
            rounds: 3,
            samples: 500,
            seconds: 10,
            pandan,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            if ["agreement", "transfer", "live", "idle"].contains(&argument.as_str()) {
                settings.names.push(argument);
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{argument} is not known"))?;
            let number = match argument.as_str() {
                "--logs" => &mut settings.logs,
                "--entries" => &mut settings.entries,
                "--rounds" => &mut settings.rounds,
                "--samples" => &mut settings.samples,
                "--seconds" => &mut settings.seconds,
                "--pandan" => {
                    settings.pandan = value.into();
                    continue;
                }
                _ => return Err(format!("{argument} is not known").into()),
            };
            let parsed = value.parse().ok().filter(|number| *number > 0);
            *number =
                parsed.ok_or_else(|| format!("expected a number, at least 1, after {argument}"))?;
        }
        Ok(settings)
    }

    /// Measures what was asked for; gives whether all limits hold.
    fn run(&self) -> Result<bool> {
        let is_asked = |name: &str| self.names.is_empty() || self.names.iter().any(|it| it == name);
        let mut all_held = true;
        if is_asked("agreement") {
            all_held &= agreement::run(self.logs)?;
        }
        if is_asked("transfer") {
            all_held &= transfer::run(self.entries, self.rounds)?;
        }
        if is_asked("live") {
            live::run(self.samples)?;
        }
        if is_asked("idle") {
            idle::run(&self.pandan, self.seconds)?;
        }
        Ok(all_held)
    }
}

/// The schemas of a store, in the order in which sessions have them.
fn schemas_of(snapshot: &dyn Snapshot) -> Result<Vec<SchemaId>> {
    let known = snapshot.schemas()?;
    let mut schemas: Vec<_> = known.iter().map(|known| known.schema.id().clone()).collect();
    schemas.sort_unstable();
    Ok(schemas)
}

fn mark(holds: bool) -> &'static str {
    if holds { "holds" } else { "**fails**" }
}
