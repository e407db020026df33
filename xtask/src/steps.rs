//! A list of steps that all run, whatever fails, with a table of the results at the end.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Steps that have run so far.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: &'static str,
    took: Duration,
    failure: Option<String>,
}

impl Steps {
    /// Runs one step under a heading and remembers how it went.
    pub(crate) fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<()>) {
        eprintln!("\n== {name} ==");
        let start = Instant::now();
        let failure = step().err().map(|error| format!("{error:#}"));
        if let Some(failure) = &failure {
            eprintln!("{name}: {failure}");
        }
        self.done.push(Step { name, took: start.elapsed(), failure });
    }

    /// Prints the table; fails if any step has failed.
    pub(crate) fn finish(self) -> Result<()> {
        eprintln!("\n== summary ==");
        for step in &self.done {
            let verdict = step.failure.as_deref().unwrap_or("ok");
            eprintln!("{:<10} {:>7.1} s  {verdict}", step.name, step.took.as_secs_f64());
        }
        let failed: Vec<_> =
            self.done.iter().filter(|step| step.failure.is_some()).map(|step| step.name).collect();
        if failed.is_empty() {
            return Ok(());
        }
        bail!("{} of {} steps failed: {}", failed.len(), self.done.len(), failed.join(", "))
    }
}
