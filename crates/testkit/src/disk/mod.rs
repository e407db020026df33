//! A disk that fails when it is told to, under a process of its own.
//!
//! A small library in C stands between a program and the C library. It counts the calls on files
//! below one folder and lets one of them fail, or it and all that follow. On request it keeps what
//! the disk would have after a power cut: what was synced, while pages whose sync failed are lost
//! for ever, even when a later one succeeds.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The library, built for this machine.
#[derive(Clone, Debug)]
pub struct FailingDisk {
    library: PathBuf,
}

/// What happens to the disk under a process.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The calls on files below this folder count.
    pub folder: PathBuf,
    /// What fails.
    pub fault: Option<Fault>,
    /// Calls count, and fail, only while there is such a file.
    pub switch: Option<PathBuf>,
    /// Where to write the numbers of calls when the process ends by itself.
    pub counts: Option<PathBuf>,
    /// The folder for what the disk has after a power cut.
    pub durable: Option<PathBuf>,
    /// Which of the pages that were never synced survive a cut; none when 0.
    pub chance: u64,
}

/// A call that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its kind.
    pub call: Call,
    /// Its number among those of its kind, beginning with 1.
    pub nth: usize,
    /// How it fails.
    pub failure: Failure,
    /// Whether all that follow fail too.
    pub lasts: bool,
}

/// Kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// Writing to a file.
    Write,
    /// Asking for what was written to be on the disk.
    Sync,
    /// Changing the size of a file.
    Truncate,
    /// Reading from a file.
    Read,
    /// Opening a file.
    Open,
    /// Removing a file.
    Unlink,
    /// Mapping a file into memory.
    Map,
    /// Locking a part of a file.
    Lock,
    /// Asking for the size of a file.
    Stat,
}

/// How calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The device failed (EIO).
    Io,
    /// There is no room (ENOSPC).
    Full,
    /// Half of it is done; what follows fails with EIO if it does.
    Short,
    /// The power is cut, the process gone.
    Cut,
}

impl Call {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Write,
        Self::Sync,
        Self::Truncate,
        Self::Read,
        Self::Open,
        Self::Unlink,
        Self::Map,
        Self::Lock,
        Self::Stat,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Truncate => "truncate",
            Self::Read => "read",
            Self::Open => "open",
            Self::Unlink => "unlink",
            Self::Map => "map",
            Self::Lock => "lock",
            Self::Stat => "stat",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = match self.failure {
            Failure::Io => "io",
            Failure::Full => "full",
            Failure::Short => "short",
            Failure::Cut => "cut",
        };
        let how = if self.lasts { "lasting" } else { "once" };
        write!(f, "{} {} {failure} {how}", self.call.name(), self.nth)
    }
}

impl FailingDisk {
    /// Builds the library in a folder.
    ///
    /// # Panics
    ///
    /// If there is no compiler for C, which building SQLite needs as well.
    #[must_use]
    pub fn build(folder: &Path) -> Self {
        let (source, library) = (folder.join("failing.c"), folder.join("failing.so"));
        std::fs::write(&source, include_str!("failing.c")).expect("the folder can be written to");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let built = Command::new(compiler)
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
            .args([&library, &source])
            .args(["-ldl", "-lpthread"])
            .output()
            .expect("there is a compiler for C");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Self { library }
    }

    /// Puts the disk under a process that is about to be started.
    ///
    /// # Panics
    ///
    /// If the folder is not there.
    pub fn put_under(&self, command: &mut Command, plan: &Plan) {
        let folder = plan.folder.canonicalize().expect("the folder is there");
        command.env("LD_PRELOAD", &self.library);
        command.env("PANDAN_DISK_FOLDER", folder.join(""));
        command.env("PANDAN_DISK_CHANCE", plan.chance.to_string());
        let fault = plan.fault.map(|fault| fault.to_string().into());
        let paths = [
            ("PANDAN_DISK_FAULT", fault),
            ("PANDAN_DISK_SWITCH", plan.switch.clone()),
            ("PANDAN_DISK_COUNTS", plan.counts.clone()),
            ("PANDAN_DISK_DURABLE", plan.durable.clone()),
        ];
        for (name, value) in paths {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }
}

/// The numbers of calls that a process wrote down at its end.
///
/// # Panics
///
/// If it did not.
#[must_use]
pub fn counts(file: &Path) -> BTreeMap<Call, usize> {
    let text = std::fs::read_to_string(file).expect("the process wrote it");
    let count = |call: Call| {
        let line = text.lines().find_map(|line| line.strip_prefix(call.name()));
        line.and_then(|count| count.trim().parse().ok()).expect("all calls are counted")
    };
    Call::ALL.into_iter().map(|call| (call, count(call))).collect()
}
