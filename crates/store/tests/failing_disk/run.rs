//! Runs of the script, each with a fault of its own, and what has to hold after each.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use pandan_store::{Durability, SqliteStore};
use pandan_testkit::Random;
use pandan_testkit::disk::{Call, FailingDisk, Failure, Fault, Plan, counts};
use tempfile::TempDir;

use crate::player::{ACKNOWLEDGED, ENDED, FAILED, FILE, STYLE, Style, WRONG, open};
use crate::script::{BATCHES, STATES, ingest, read};

/// Faults to try.
pub(crate) struct Faults {
    test: &'static str,
    disk: FailingDisk,
    /// Where the library is.
    folder: TempDir,
    runs: Option<usize>,
    seed: u64,
    all: BTreeMap<Call, Vec<(Style, Fault)>>,
}

/// What became of a run, and what it left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) style: Style,
    pub(crate) fault: Fault,
    /// How many batches were acknowledged.
    pub(crate) acknowledged: usize,
    /// What the store said when something failed.
    pub(crate) failures: Vec<String>,
    folder: TempDir,
}

impl Faults {
    /// Faults for a test; as many of them are tried as the environment says.
    pub(crate) fn draw(test: &'static str, runs: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let setting = |name| std::env::var(name).ok();
        let runs = match setting("PANDAN_FAULTS_RUNS") {
            Some(all) if all == "all" => None,
            Some(number) => Some(number.parse().expect("a number or `all`")),
            None => Some(runs),
        };
        let seed = setting("PANDAN_FAULTS_SEED").and_then(|text| text.parse().ok());
        let seed = seed.unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.map_or(0, |now| now.as_secs() ^ u64::from(now.subsec_nanos()) << 20)
        });
        let disk = FailingDisk::build(folder.path());
        Self { test, disk, folder, runs, seed, all: BTreeMap::new() }
    }

    /// Counts the calls of a run without faults.
    pub(crate) fn count(&self, style: Style) -> BTreeMap<Call, usize> {
        let file = self.folder.path().join("counts");
        let folder = scratch();
        let plan = Plan { counts: Some(file.clone()), ..plan(&folder) };
        let text = self.play(style, &plan);
        assert!(text.contains(ENDED) && !text.contains(FAILED), "{text}");
        counts(&file)
    }

    pub(crate) fn add(&mut self, style: Style, fault: Fault) {
        self.all.entry(fault.call).or_default().push((style, fault));
    }

    /// Tries faults, several at a time, and checks what each left behind.
    pub(crate) fn try_all(mut self, check: impl Fn(&Run) + Sync) {
        let counted: BTreeMap<_, _> =
            self.all.iter().map(|(call, faults)| (*call, faults.len())).collect();
        let chosen = self.choose();
        println!("seed {}, {} of these faults: {counted:?}", self.seed, chosen.len());
        let next = AtomicUsize::new(0);
        let failed = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(2, std::num::NonZero::get) {
                scope.spawn(|| {
                    while let Some((style, fault)) =
                        chosen.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        let run = self.run(*style, *fault);
                        failed.fetch_add(usize::from(run.is_hit()), Ordering::Relaxed);
                        check(&run);
                    }
                });
            }
        });
        let failed = failed.into_inner();
        println!("{} runs, {failed} of them heard of it", chosen.len());
        assert!(failed > 0, "faults are felt");
    }

    /// As many of each kind, as far as there are.
    fn choose(&mut self) -> Vec<(Style, Fault)> {
        let mut random = Random::new(self.seed);
        let mut left = self.runs.unwrap_or(usize::MAX);
        let mut kinds: Vec<_> = std::mem::take(&mut self.all).into_values().collect();
        kinds.sort_by_key(Vec::len);
        let mut chosen = Vec::new();
        let count = kinds.len();
        for (number, mut faults) in kinds.into_iter().enumerate() {
            random.shuffle(&mut faults);
            faults.truncate(left.div_ceil(count - number));
            left -= faults.len();
            chosen.extend(faults);
        }
        chosen
    }

    fn run(&self, style: Style, fault: Fault) -> Run {
        let folder = scratch();
        let durable = folder.path().join("durable");
        let chance = if fault.nth.is_multiple_of(2) { self.seed ^ fault.nth as u64 } else { 0 };
        let plan = Plan { fault: Some(fault), durable: Some(durable), chance, ..plan(&folder) };
        let text = self.play(style, &plan);
        let what = format!("{fault} {style:?}");
        assert_eq!(text.contains(ENDED), fault.failure != Failure::Cut, "{what}: {text}");
        assert!(!text.contains(WRONG), "{what}: {text}");
        let lines = |mark: &'static str| {
            text.lines().filter_map(move |line| line.split_once(mark).map(|(_, text)| text))
        };
        let acknowledged = lines(ACKNOWLEDGED).count();
        let failures: Vec<_> = lines(FAILED).map(String::from).collect();
        let is_known = |failure: &String| match failure.split(' ').next() {
            Some("full" | "io" | "open") => true,
            // Not told apart from the lock of somebody else.
            Some("busy") => fault.call == Call::Lock,
            // A part of a file that cannot be read is damaged, as far as the database can tell.
            Some("corrupt") => fault.call == Call::Read,
            _ => false,
        };
        assert!(failures.iter().all(is_known), "{what}: {failures:#?}");
        Run { style, fault, acknowledged, failures, folder }
    }

    /// Runs the test again as a process that plays; what it prints.
    fn play(&self, style: Style, plan: &Plan) -> String {
        for folder in plan.durable.iter().chain([&plan.folder]) {
            std::fs::create_dir(folder).expect("a folder can be made");
        }
        let mut command = Command::new(std::env::current_exe().expect("this is a program"));
        command
            .args([self.test, "--exact", "--nocapture"])
            .env(FILE, plan.folder.join(NAME))
            .env(STYLE, format!("{style:?}"));
        self.disk.put_under(&mut command, plan);
        let output = command.output().expect("it can be run again");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!error.contains("panicked"), "{:?} {style:?}: {error}", plan.fault);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Run {
    /// What it left is whole.
    pub(crate) fn is_whole(&self) {
        self.check(&self.folder.path().join("disk"), self.acknowledged);
    }

    /// What is left after the power was cut is whole, and has so many batches at least.
    pub(crate) fn survives_a_cut(&self, least: usize) {
        self.check(&self.folder.path().join("durable"), least);
    }

    fn is_hit(&self) -> bool {
        !self.failures.is_empty() || self.fault.failure == Failure::Cut
    }

    /// With a disk that works again: whole batches, those that were acknowledged at least and one
    /// more at most, and the rest can be written.
    fn check(&self, folder: &Path, least: usize) {
        let most = (self.acknowledged + 1).min(BATCHES.len());
        let store = open(&folder.join(NAME), Durability::Normal);
        let store = store.unwrap_or_else(|error| panic!("{error}: {self:#?}"));
        let found = read(&store).unwrap_or_else(|error| panic!("{error}: {self:#?}"));
        let states = &STATES[least..=most];
        let place = states.iter().position(|state| *state == found);
        assert!(place.is_some(), "{:?}: {self:#?}", found.counts);
        for batch in &*BATCHES {
            ingest(&store, batch).unwrap_or_else(|error| panic!("{error}: {self:#?}"));
        }
        assert_eq!(read(&store).ok().as_ref(), STATES.last(), "{self:#?}");
        self.is_clean(&store);
    }

    fn is_clean(&self, store: &SqliteStore) {
        let report = store.check(&mut |_| {}).expect("the file can be read");
        assert!(report.is_clean(), "{:#?} after {self:#?}", report.findings);
    }
}

const NAME: &str = "pandan.sqlite";

fn plan(folder: &TempDir) -> Plan {
    Plan { folder: folder.path().join("disk"), ..Plan::default() }
}

fn scratch() -> TempDir {
    tempfile::tempdir().expect("a folder can be made")
}
