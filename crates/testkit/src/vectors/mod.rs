//! Checks the files of test vectors.
//!
//! Each file holds lists of cases: valid ones, which must come out bit for bit; invalid ones,
//! which must be refused for the right reason; and odd ones, which the reference implementation
//! takes and for which `decided` says what Pandan does. A file is recognised by the stream that it
//! names at its top, else by its own name. A file that nobody knows, that cannot be read, or in
//! which nothing could be checked is a failure.

mod case;
mod documents;
mod entries;
mod keys;
mod operations;
mod primitives;
mod publish;
mod schemas;

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use serde_json::Value as Json;

use case::Case;

/// What became of the cases of one file.
#[derive(Clone, Debug, Default)]
pub struct FileReport {
    /// The name of the file.
    pub file: String,
    /// How many cases came out as they should.
    pub passed: usize,
    /// What went wrong in each of the others.
    pub failures: Vec<String>,
}

/// The outcome of one case: what went wrong, if anything.
pub(crate) type Checked = Result<(), String>;

impl FileReport {
    /// Checks each case of a list.
    pub(crate) fn each(&mut self, file: &Json, list: &str, check: impl Fn(&Case<'_>) -> Checked) {
        match file.get(list).and_then(Json::as_array) {
            None => self.failures.push(format!("expected a list `{list}`, found none")),
            Some(cases) => {
                for (index, json) in cases.iter().enumerate() {
                    self.case(&format!("{list}[{index}]"), &Case(json), &check);
                }
            }
        }
    }

    /// Checks one case. A panic is a failure of that case, not the end of the run.
    pub(crate) fn case(
        &mut self,
        place: &str,
        case: &Case<'_>,
        check: impl Fn(&Case<'_>) -> Checked,
    ) {
        let checked = catch_unwind(AssertUnwindSafe(|| check(case)));
        match checked.unwrap_or_else(|_| Err(String::from("panicked"))) {
            Ok(()) => self.passed += 1,
            Err(problem) => self.failures.push(format!("{place}{}: {problem}", case.about())),
        }
    }
}

/// Checks every file of a folder, by name.
pub fn run_dir(folder: &Path) -> io::Result<Vec<FileReport>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // Folders may hold a word about their files.
        if path.is_file() && path.extension().is_none_or(|extension| extension != "md") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths.iter().map(|path| run_file(path)).collect())
}

/// Checks one file.
#[must_use]
pub fn run_file(path: &Path) -> FileReport {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let mut report = FileReport { file: name.clone(), ..FileReport::default() };
    let json =
        fs::read(path).map_err(|error| format!("cannot be read: {error}")).and_then(|bytes| {
            serde_json::from_slice(&bytes).map_err(|error| format!("is not JSON: {error}"))
        });
    match json {
        Ok(json) => check(&json, &name, &mut report),
        Err(problem) => report.failures.push(problem),
    }
    if report.passed == 0 && report.failures.is_empty() {
        report.failures.push(String::from("holds no cases"));
    }
    report
}

/// Panics with what went wrong in a file of this crate's own vectors; for tests.
///
/// # Panics
///
/// When a case of the file fails.
pub fn assert_passes(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
    let report = run_file(&path);
    assert!(report.failures.is_empty(), "{file}:\n{}", report.failures.join("\n"));
}

fn check(file: &Json, name: &str, report: &mut FileReport) {
    let stream = file.pointer("/_made_by/stream").and_then(Json::as_str).unwrap_or(name);
    match stream {
        "keys.json" => keys::check(file, report),
        "hashes.json" => primitives::check_hashes(file, report),
        "varu64.json" => primitives::check_varu64(file, report),
        "lipmaa.json" => primitives::check_lipmaa(file, report),
        "entries.json" => entries::check(file, report),
        "entries_invalid.json" => entries::check_invalid(file, report),
        "entries_odd.json" => entries::check_odd(file, report),
        "operations.json" => operations::check(file, report),
        "operations_invalid.json" => operations::check_invalid(file, report),
        "operations_odd.json" => operations::check_odd(file, report),
        "schemas.json" => schemas::check(file, report),
        "documents.json" => documents::check(file, report),
        "publish.json" => publish::check(file, report),
        _ => report.failures.push(format!("no check is known for files like `{stream}`")),
    }
}
