//! A list of steps that all run, whatever fails, with a table of the results at the end and, below
//! it, what failed and why: whoever keeps only the end of a log knows enough.

use std::time::{Duration, Instant};

use anyhow::{Error, Result, bail};

use crate::{command::Failed, excerpt::excerpt};

/// How much is told of all steps that failed, in bytes. With the table it fits into the last 4,000
/// characters.
const EXCERPTS_BYTES_MAX: usize = 2_800;

/// Steps that have run so far.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: &'static str,
    took: Duration,
    failure: Option<Error>,
}

impl Steps {
    /// Runs one step under a heading and remembers how it went.
    pub(crate) fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<()>) {
        eprintln!("\n== {name} ==");
        let start = Instant::now();
        let failure = step().err();
        if let Some(failure) = &failure {
            eprintln!("{name}: {failure:#}");
        }
        self.done.push(Step { name, took: start.elapsed(), failure });
    }

    /// Prints the table and what failed; fails if any step has failed.
    pub(crate) fn finish(self) -> Result<()> {
        eprintln!("\n== summary ==");
        for step in &self.done {
            let verdict = step.failure.as_ref().map_or("ok", |_| "FAILED");
            eprintln!("{:<10} {:>7.1} s  {verdict}", step.name, step.took.as_secs_f64());
        }
        let failed: Vec<_> =
            self.done.iter().filter_map(|step| Some((step.name, step.failure.as_ref()?))).collect();
        if failed.is_empty() {
            return Ok(());
        }
        for (name, failure) in &failed {
            eprintln!("\n-- {name} --\n{failure:#}");
            if let Some(Failed { wrote, .. }) = failure.downcast_ref() {
                eprint!("{}", excerpt(wrote, EXCERPTS_BYTES_MAX / failed.len()));
            }
        }
        let names: Vec<_> = failed.iter().map(|(name, _)| *name).collect();
        bail!("{} of {} steps failed: {}", names.len(), self.done.len(), names.join(", "))
    }
}
