//! The program `pandan` as a process of its own, which ends when it is dropped.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::Result;

/// A running program.
#[derive(Debug)]
pub struct Program(Child);

impl Program {
    /// Starts it, and waits for the line of JSON in which it says where it listens.
    pub fn start(command: &mut Command) -> Result<(Self, Value)> {
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let child = spawned.map_err(|error| {
            let program = command.get_program().display();
            format!("cannot start {program} ({error}); name another one with --pandan")
        })?;
        let mut program = Self(child);
        let mut greeting = String::new();
        let stdout = program.0.stdout.take().ok_or("the node has no standard output")?;
        BufReader::new(stdout).read_line(&mut greeting)?;
        Ok((program, serde_json::from_str(&greeting)?))
    }

    /// The number of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.0), Signal::TERM)?;
        let status = self.0.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the node ended with {status}").into()) }
    }
}

impl Drop for Program {
    /// Leaves none behind when something failed; it has stopped otherwise.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How a bench ends: well if all limits held.
#[must_use]
pub fn exit_code(held: Result<bool>) -> ExitCode {
    match held {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
