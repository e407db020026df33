//! The node that is measured: a process of its own, with a folder of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pandan_benches::process::resident_bytes;
use pandan_benches::program::Program;
use rustix::param::clock_ticks_per_second;
use tempfile::TempDir;

use crate::Result;
use crate::http::Connection;

/// How long a node is left alone before its memory is looked at.
const REST: Duration = Duration::from_secs(1);

/// A folder for a node, which goes when this does.
pub(crate) struct Home {
    folder: TempDir,
}

/// A running node.
pub(crate) struct Node {
    program: Program,
    address: SocketAddr,
}

impl Home {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { folder: tempfile::Builder::new().prefix("pandan-load-").tempdir()? })
    }

    /// The database.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("pandan.sqlite")
    }

    /// How much all files take.
    pub(crate) fn bytes(&self) -> Result<u64> {
        let mut bytes = 0;
        for file in fs::read_dir(self.folder.path())? {
            bytes += file?.metadata()?.len();
        }
        Ok(bytes)
    }
}

impl Node {
    /// Starts a node that listens on a free port of this machine only.
    pub(crate) fn start(pandan: &Path, home: &Home) -> Result<Self> {
        let mut command = Command::new(pandan);
        command.args([
            "--json",
            "node",
            "--offline",
            "--http",
            "127.0.0.1:0",
            "--durability",
            "full",
        ]);
        command.arg("--data-dir").arg(home.folder.path());
        let (program, greeting) = Program::start(&mut command)?;
        let address = greeting["http"][0].as_str().ok_or("the node does not listen")?;
        Ok(Self { program, address: address.parse()? })
    }

    pub(crate) fn connect(&self) -> Result<Connection> {
        Connection::open(self.address)
    }

    /// The memory that the node has in use, after a moment of rest; 0 where nobody can tell.
    pub(crate) fn resident_bytes(&self) -> u64 {
        std::thread::sleep(REST);
        resident_bytes(self.program.id())
    }

    /// The processor time that the node has used; nothing where nobody can tell.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.program.id()));
        let stat = stat.unwrap_or_default();
        // Behind the name, which may hold anything, come the state, ten numbers, and these two.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|it| it.parse::<u64>().ok()).sum();
        Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64)
    }

    /// Asks the node to stop and waits until it has.
    pub(crate) fn stop(self) -> Result<()> {
        self.program.stop()
    }
}
