//! Writes that fail, one after the other: each time a batch is there as a whole or not at all, the
//! error says what it is, nothing that was acknowledged is lost, and the store goes on when there
//! is room again.
//!
//! Files are kept from growing at every size that they have on the way: by the quota, which fails
//! when pages are added, and by a limit of the system, which fails in the middle of writes to the
//! log, to the index of the log and, while it is taken over, to the file. Other failures of a disk
//! are in `failing_disk`.
//!
//! Some sizes are left out to save time; `PANDAN_FAULTS_STEP=1` tries all.

#![cfg(all(feature = "conformance", feature = "sqlite"))]

use std::path::Path;
use std::sync::LazyLock;

use pandan_admission::Door;
use pandan_store::conformance::{Contents, Signed, contents};
use pandan_store::{Durability, MemoryStore, Options, Outcome, SqliteStore, Store, StoreError};
use pandan_testkit::History;

/// What all runs write, and what there is after each of the batches.
struct Script {
    batches: Vec<Vec<Signed>>,
    /// One more than there are batches: the first is that of an empty store.
    states: Vec<Contents>,
}

static SCRIPT: LazyLock<Script> = LazyLock::new(|| {
    let history = History::from_seed(5, 40);
    let batches: Vec<_> = history.signed.chunks(5).map(<[Signed]>::to_vec).collect();
    let model = MemoryStore::new();
    let mut states = vec![read(&model)];
    for batch in &batches {
        ingest(&model, batch).expect("memory is there");
        states.push(read(&model));
    }
    Script { batches, states }
});

fn ingest(store: &dyn Store, batch: &[Signed]) -> Result<Vec<Outcome>, StoreError> {
    store.ingest(batch.iter().map(|signed| (signed.candidate(), Door::Peer)).collect())
}

fn read(store: &dyn Store) -> Contents {
    contents(&*store.snapshot().expect("a snapshot can be taken"))
}

/// What a run came to.
struct Run {
    /// How many batches were acknowledged.
    acknowledged: usize,
    error: Option<StoreError>,
}

/// When the log is taken over into the file.
#[derive(Clone, Copy, Debug)]
enum TakeOver {
    /// After each batch: the store is opened anew.
    Often,
    /// At the end.
    Late,
}

/// Writes batches until one fails.
fn write(file: &Path, options: &Options, take_over: TakeOver) -> Run {
    let mut acknowledged = 0;
    let mut open = None;
    for batch in &SCRIPT.batches {
        let store = match open.take() {
            Some(store) => Ok(store),
            None => SqliteStore::open(file, options.clone()),
        };
        match store.and_then(|store| ingest(&store, batch).map(|_| store)) {
            Ok(store) if matches!(take_over, TakeOver::Late) => open = Some(store),
            Ok(_) => {}
            Err(error) => return Run { acknowledged, error: Some(error) },
        }
        acknowledged += 1;
    }
    Run { acknowledged, error: None }
}

/// Every how many sizes are tried.
fn step(default: usize) -> usize {
    let step = std::env::var("PANDAN_FAULTS_STEP").ok().and_then(|text| text.parse().ok());
    step.unwrap_or(default)
}

/// What has to hold for a file after a run, with room again. Tells whether the batch that failed
/// is there nevertheless.
fn check(file: &Path, acknowledged: usize, what: &str) -> bool {
    let store = SqliteStore::open(file, fast()).expect("there is room");
    let states = &SCRIPT.states[acknowledged..];
    let found = read(&store);
    let ahead = states.iter().take(2).position(|state| *state == found);
    let ahead = ahead.unwrap_or_else(|| panic!("{what}: a part of a batch is there"));
    is_clean(&store, what);
    for batch in &SCRIPT.batches {
        ingest(&store, batch).expect("there is room");
    }
    assert_eq!(Some(&read(&store)), SCRIPT.states.last(), "{what}");
    is_clean(&store, what);
    ahead > 0
}

fn is_clean(store: &SqliteStore, what: &str) {
    let report = store.check(&mut |_| {}).expect("the file can be read");
    assert!(report.is_clean(), "{what}: {:#?}", report.findings);
}

fn fast() -> Options {
    Options { durability: Durability::Normal, ..Options::default() }
}

/// Far more than the script needs, so that no run goes on for ever.
const MAX_SIZES: u64 = 5_000;

#[test]
fn every_page_that_finds_no_room_fails_whole_batches() {
    const PAGE: u64 = 4096;
    let mut failed = vec![0; SCRIPT.batches.len()];
    for pages in (1..MAX_SIZES).step_by(step(5)) {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let file = folder.path().join("pandan.sqlite");
        let options = Options { quota_bytes: Some(pages * PAGE), ..fast() };
        let run = write(&file, &options, TakeOver::Late);
        let what = format!("{pages} pages, batch {}", run.acknowledged);
        let Some(error) = run.error else {
            println!("up to {pages} pages, failures by batch: {failed:?}");
            assert!(failed.iter().filter(|count| **count > 0).count() > 3, "{failed:?}");
            return;
        };
        failed[run.acknowledged] += 1;
        assert!(matches!(error, StoreError::Full), "{what}: {error:?}");
        let is_ahead = check(&file, run.acknowledged, &what);
        assert!(!is_ahead, "{what}: what failed is not there");
    }
    panic!("no quota is enough");
}

#[cfg(unix)]
mod limited {
    use std::path::Path;
    use std::process::Command;

    use pandan_store::{Options, SqliteStore, StoreError};

    use super::{MAX_SIZES, SCRIPT, TakeOver, check, fast, step, write};

    /// Tells the process that writes which file it is.
    const FILE: &str = "PANDAN_TEST_FAULTS_FILE";
    /// Mark lines in the output, among which the test runner prints its own.
    const ACKNOWLEDGED: &str = "acknowledged ";
    const FAILED: &str = "failed ";

    #[test]
    fn every_write_to_the_log_that_fails_fails_whole_batches() {
        let name = "limited::every_write_to_the_log_that_fails_fails_whole_batches";
        let failed = every_size(name, TakeOver::Late);
        assert!(failed.iter().filter(|count| **count > 0).count() > 3, "{failed:?}");
    }

    #[test]
    fn every_write_to_the_file_that_fails_fails_whole_batches() {
        let name = "limited::every_write_to_the_file_that_fails_fails_whole_batches";
        let failed = every_size(name, TakeOver::Often);
        assert!(failed.iter().any(|count| *count > 0), "{failed:?}");
    }

    /// Runs a test again as processes whose files may not grow beyond a size; how many failed, by
    /// batch.
    fn every_size(test: &str, take_over: TakeOver) -> Vec<usize> {
        let mut failed = vec![0; SCRIPT.batches.len()];
        if let Some(file) = std::env::var_os(FILE) {
            write_limited(Path::new(&file), take_over);
            std::process::exit(0);
        }
        // In the units in which shells count: 512 or 1,024 bytes. Not a divisor of a page with
        // its head, so that writes fail in other places each time.
        for units in (0..MAX_SIZES).step_by(step(47)) {
            let folder = tempfile::tempdir().expect("a folder can be made");
            let file = folder.path().join("pandan.sqlite");
            if matches!(take_over, TakeOver::Often) {
                // Making it takes a log that is larger than the file will ever be.
                drop(SqliteStore::open(&file, fast()).expect("there is room"));
            }
            let output = run_limited(test, &file, units);
            let line = |mark| {
                output.lines().find_map(|line| line.split_once(mark).map(|(_, text)| text.trim()))
            };
            let acknowledged = line(ACKNOWLEDGED).unwrap_or_else(|| panic!("{output}"));
            let acknowledged: usize = acknowledged.parse().expect("it is a number");
            let error = line(FAILED).unwrap_or("no failure");
            let what = format!("{units} units, batch {acknowledged}, {error}");
            assert!(["full", "io", "open", "no failure"].contains(&error), "{what}: {output}");
            check(&file, acknowledged, &what);
            if let Some(count) = failed.get_mut(acknowledged) {
                *count += 1;
            } else if std::fs::metadata(&file).is_ok_and(|file| file.len() < units * 512) {
                println!("up to {units} units, failures by batch: {failed:?}");
                return failed;
            }
        }
        panic!("no limit is enough");
    }

    fn run_limited(test: &str, file: &Path, units: u64) -> String {
        let program = std::env::current_exe().expect("this is a program");
        // Without the signal writes fail with an error, as they do on a full disk.
        let script = format!("trap '' XFSZ; ulimit -f {units} && exec \"$0\" \"$@\"");
        let output = Command::new("sh")
            .args(["-c", &script])
            .arg(program)
            .args([test, "--exact", "--nocapture"])
            .env(FILE, file)
            .output()
            .expect("there is a shell");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    fn write_limited(file: &Path, take_over: TakeOver) {
        let run = write(file, &Options::default(), take_over);
        println!("\n{ACKNOWLEDGED}{}", run.acknowledged);
        if let Some(error) = run.error {
            let kind = match &error {
                StoreError::Full => "full",
                StoreError::Io { .. } => "io",
                StoreError::Open { .. } => "open",
                _ => "other",
            };
            println!("{FAILED}{kind}\n{error:?}");
        }
    }
}
