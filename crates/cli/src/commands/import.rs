//! `pandan import`: takes in a file of entries.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use pandan_bundle::{BundleReader, ImportError, Refused, Report, check, import};
use pandan_sync::Intake;
use serde_json::{Value, json};

use super::bundle::{damaged, describe_bundle, open};
use crate::failure::{missing, unverified};
use crate::folder;
use crate::output::Output;
use crate::style::{GOOD, WARN, clean, paint};

/// Take in documents from a file that `pandan export` wrote
///
/// Everything is checked and judged as if another node had sent it. The node must not run
/// meanwhile. What was stored stays: an import that was interrupted goes on when it is run again.
#[derive(Args, Debug)]
pub(crate) struct Import {
    /// The file; - for standard input
    file: PathBuf,
    /// Check the file and the signatures in it, and store nothing
    #[arg(long)]
    dry_run: bool,
    /// Folder of the node; made if it does not exist [default: pandan in the folder for data of
    /// the system]
    #[arg(long, value_name = "DIR", env = "PANDAN_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

impl Import {
    pub(crate) fn run(mut self, out: Output) -> anyhow::Result<()> {
        let input = open(&self.file)?;
        // Before a folder is made for it.
        let mut bundle = BundleReader::open(input).map_err(|error| damaged(&self.file, error))?;
        let bar = out.progress(bundle.header().entries, "importing");
        let mut progress = |done| bar.set_position(done);
        let (report, result) = if self.dry_run {
            let (report, result) = check(&mut bundle, &mut progress);
            (report, result.map_err(ImportError::from))
        } else {
            let folder = folder::named_or_default(self.data_dir.take())?;
            let data = folder::own(&folder)?;
            let mut intake = Intake::new(Arc::clone(&data.store));
            import(&mut bundle, &mut intake, &mut progress)
        };
        bar.finish_and_clear();
        let mut value = describe_bundle(bundle.header());
        value["complete"] = json!(bundle.is_complete());
        value["dry_run"] = json!(self.dry_run);
        value["result"] = summary(&report);
        out.show(&value, || self.describe(&report))?;
        self.conclude(&report, result)
    }

    /// The sentence and the exit code with which it ends.
    fn conclude(&self, report: &Report, result: Result<(), ImportError>) -> anyhow::Result<()> {
        let file = self.file.display();
        match result {
            Err(ImportError::Read(error)) => {
                let stays = if self.dry_run { "" } else { ", and what came before is stored" };
                let error = damaged(&self.file, error);
                return Err(unverified(format!(
                    "{error:#}; the file is not whole{stays}: get it again"
                )));
            }
            Err(error) => {
                let stays = "cannot go on; what came before is stored, and doing it again goes on";
                return Err(error).context(stays);
            }
            Ok(()) => {}
        }
        if report.refused > 0 {
            let count = count(report.refused, "item");
            return Err(unverified(format!("{count} of {file} were refused")));
        }
        match report.waiting {
            0 => Ok(()),
            waiting => Err(missing(format!(
                "{} of {file} lack what they build upon; import what was exported before, then \
                 this file again",
                count(waiting, "entry")
            ))),
        }
    }

    fn describe(&self, report: &Report) -> String {
        let mut text = String::new();
        if self.dry_run {
            let good = report.entries - report.without_operation - refused_entries(report);
            let _ = writeln!(text, "{} hold", paint(GOOD, format!("✓ {}", count(good, "entry"))));
        } else {
            let stored = paint(GOOD, format!("✓ {} stored", count(report.stored, "entry")));
            let _ = writeln!(text, "{stored}, {} known before", report.known);
        }
        let notes = [
            (report.forks, "forks found: their logs are frozen"),
            (report.waiting, "waiting for entries that are not here: not stored"),
            (report.without_operation, "without their operations: not stored"),
        ];
        for (count, what) in notes.into_iter().filter(|(count, _)| *count > 0) {
            let _ = writeln!(text, "{} {what}", paint(WARN, count));
        }
        for (code, count) in &report.reasons {
            let _ = writeln!(text, "{} refused: {code}", paint(WARN, count));
        }
        for refused in report.refusals.iter().take(REFUSALS_SHOWN) {
            let _ = writeln!(text, "  {}", clean(&sentence(refused)));
        }
        text
    }
}

/// More of them are told to programs, not to people.
const REFUSALS_SHOWN: usize = 10;

fn summary(report: &Report) -> Value {
    json!({
        "entries": report.entries,
        "stored": report.stored,
        "known": report.known,
        "waiting": report.waiting,
        "without_operation": report.without_operation,
        "forks": report.forks,
        "refused": report.refused,
        "reasons": report.reasons,
        "refusals": report.refusals.iter().map(|refused| json!({
            "entry": refused.operation.map(|operation| operation.to_string()),
            "code": refused.reason.code(),
            "sentence": sentence(refused),
        })).collect::<Vec<_>>(),
    })
}

fn sentence(refused: &Refused) -> String {
    let mut text = refused.operation.map(|id| format!("{id}: ")).unwrap_or_default();
    let mut error: Option<&dyn std::error::Error> = Some(&refused.reason);
    let mut separator = "";
    while let Some(cause) = error {
        let _ = write!(text, "{separator}{cause}");
        separator = ": ";
        error = cause.source();
    }
    text
}

/// Of all that was refused, what is no proof of a fork.
fn refused_entries(report: &Report) -> u64 {
    let proofs = report.reasons.get(pandan_bundle::Reason::BAD_PROOF).copied();
    report.refused - proofs.unwrap_or_default()
}

fn count(count: u64, what: &str) -> String {
    match (count, what) {
        (1, _) => format!("one {what}"),
        (_, "entry") => format!("{count} entries"),
        _ => format!("{count} {what}s"),
    }
}
