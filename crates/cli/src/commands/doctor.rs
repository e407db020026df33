//! `pandan doctor`: checks everything in the folder of a node.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use indicatif::ProgressBar;
use pandan_store::check::{About, Finding, Progress, Report, Stage};
use serde_json::{Value, json};

use crate::failure::unverified;
use crate::folder;
use crate::output::Output;
use crate::style::{GOOD, WARN, clean, paint};

/// Check everything in the folder of a node: signatures, payloads, links, documents, schemas
///
/// Nothing is changed. The node may run meanwhile: what is checked is of one moment.
#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// Folder of the node [default: pandan in the folder for data of the system]
    #[arg(long, value_name = "DIR", env = "PANDAN_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

impl Doctor {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        let folder = folder::named_or_default(self.data_dir)?;
        let report = check(&folder, out)?;
        out.show(&summary(&report), || describe(&report))?;
        if report.is_clean() {
            return Ok(());
        }
        let count = report.findings.len() as u64 + report.omitted;
        let folder = folder.display();
        Err(unverified(format!(
            "the data in {folder} does not hold in {}; restore it from a copy, or start in a new \
             folder and replicate again",
            places(count)
        )))
    }
}

fn check(folder: &Path, out: Output) -> anyhow::Result<Report> {
    let store = folder::read(folder)?;
    let mut bar = Bar::new(out.progress(0, ""));
    let report =
        store.check(&mut |progress| bar.show(progress)).with_context(|| folder::failed(folder));
    bar.bar.finish_and_clear();
    report
}

/// A progress bar that is told often and drawn seldom.
struct Bar {
    bar: ProgressBar,
    stage: Option<Stage>,
    drawn: Instant,
}

/// Not more often than anybody could see.
const DRAW_EVERY: Duration = Duration::from_millis(50);

impl Bar {
    fn new(bar: ProgressBar) -> Self {
        Self { bar, stage: None, drawn: Instant::now() }
    }

    fn show(&mut self, progress: Progress) {
        if self.stage != Some(progress.stage) {
            self.stage = Some(progress.stage);
            self.bar.reset();
            self.bar.set_length(progress.total);
            self.bar.set_message(name(progress.stage));
        } else if self.drawn.elapsed() < DRAW_EVERY {
            return;
        }
        self.drawn = Instant::now();
        self.bar.set_position(progress.done);
    }
}

const fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::File => "file",
        Stage::Tables => "tables",
        Stage::Entries => "entries",
        Stage::Forks => "forks",
        Stage::Documents => "documents",
        Stage::Schemas => "schemas",
        Stage::Parts => "parts",
        _ => "rows",
    }
}

fn summary(report: &Report) -> Value {
    json!({
        "holds": report.is_clean(),
        "entries": report.entries,
        "forks": report.forks,
        "documents": report.documents,
        "schemas": report.schemas,
        "parts": report.parts,
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "omitted": report.omitted,
    })
}

fn finding(finding: &Finding) -> Value {
    let (kind, name) = match &finding.about {
        About::Entry(hash) => ("entry", Some(hash.to_string())),
        About::Log(author, log_id) => ("log", Some(format!("{author} {log_id}"))),
        About::Document(id) => ("document", Some(id.to_string())),
        About::Schema(id) => ("schema", Some(id.clone())),
        About::Row { table, row } => ("row", Some(format!("{table} {row}"))),
        _ => ("file", None),
    };
    json!({ "about": kind, "name": name, "sentence": finding.to_string() })
}

fn describe(report: &Report) -> String {
    let Report { entries, documents, schemas, .. } = report;
    let checked = format!("{entries} entries, {documents} documents, {schemas} schemas");
    if report.is_clean() {
        return paint(GOOD, format!("✓ {checked} checked: everything holds"));
    }
    let mut text = format!("{checked} checked\n");
    for finding in &report.findings {
        text += &format!("{} {}\n", paint(WARN, "✗"), clean(&finding.to_string()));
    }
    if report.omitted > 0 {
        text += &format!("and {} more\n", report.omitted);
    }
    text
}

fn places(count: u64) -> String {
    if count == 1 { String::from("one place") } else { format!("{count} places") }
}
