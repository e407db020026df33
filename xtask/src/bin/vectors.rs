//! Checks every file of test vectors in a folder and prints what passed and what did not.
//!
//! Started by `cargo xtask vectors DIR`.

#![forbid(unsafe_code)]

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use pandan_testkit::vectors::{FileReport, run_dir};

/// How many failures of one file are printed; more of them rarely say more.
const FAILURES_SHOWN: usize = 10;

/// Check files of test vectors.
#[derive(Debug, Parser)]
struct Cli {
    /// A folder of JSON files
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

fn main() -> Result<ExitCode> {
    let folder = Cli::parse().folder;
    let reports =
        run_dir(&folder).with_context(|| format!("{} could not be read", folder.display()))?;
    reports.iter().for_each(print);
    let passed: usize = reports.iter().map(|report| report.passed).sum();
    let failed: usize = reports.iter().map(|report| report.failures.len()).sum();
    println!("{passed} passed, {failed} failed");
    // Nothing checked is not a success: the folder was the wrong one.
    Ok(if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(report: &FileReport) {
    println!("{:<28} {:>6} passed {:>6} failed", report.file, report.passed, report.failures.len());
    for failure in report.failures.iter().take(FAILURES_SHOWN) {
        println!("    {failure}");
    }
    if let Some(more @ 1..) = report.failures.len().checked_sub(FAILURES_SHOWN) {
        println!("    and {more} more");
    }
}
