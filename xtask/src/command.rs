//! Running other programs: each is shown before it runs, and a failure names it and keeps what it
//! wrote.

use std::{
    env,
    ffi::OsStr,
    fmt,
    io::{self, IsTerminal as _, PipeReader, Read as _, Write as _},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// How often a program that writes nothing is looked at.
const POLL: Duration = Duration::from_millis(100);

/// A program that failed, or found what should not be.
#[derive(Debug)]
pub(crate) struct Failed {
    what: String,
    /// All that it wrote.
    pub(crate) wrote: String,
}

impl Failed {
    pub(crate) const fn new(what: String, wrote: String) -> Self {
        Self { what, wrote }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failed {}

/// Runs the command, shows what it writes, and fails if it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = announce(command);
    let ended = follow(command, Shown::AtOnce, None).with_context(|| not_started(&shown))?;
    ended.successful(&shown).map(drop)
}

/// Like [`run`], and ends the program with a failure when it takes longer than `limit`. Gives what
/// the program wrote.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<String> {
    let shown = announce(command);
    let end = Instant::now() + limit;
    let ended = follow(command, Shown::AtOnce, Some(end)).with_context(|| not_started(&shown))?;
    if ended.status.is_none() {
        let what = format!("`{shown}` was still running after {} s", limit.as_secs());
        return Err(Failed::new(what, ended.wrote).into());
    }
    ended.successful(&shown)
}

/// Like [`run`], but shows what the program wrote only if it fails. Gives what it wrote.
pub(crate) fn run_quietly(command: &mut Command) -> Result<String> {
    let shown = announce(command);
    let ended = follow(command, Shown::Later, None).with_context(|| not_started(&shown))?;
    let result = ended.successful(&shown);
    if let Some(failed) = result.as_ref().err().and_then(|error| error.downcast_ref::<Failed>()) {
        eprint!("{}", failed.wrote);
    }
    result
}

/// What the command writes to its standard output; fails if the command fails.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = describe(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| not_started(&shown))?;
    if !output.status.success() {
        bail!("`{shown}` failed ({})", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` wrote no valid UTF-8"))
}

/// Whether the command runs and succeeds, without showing what it writes.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn announce(command: &Command) -> String {
    let shown = describe(command);
    eprintln!("$ {shown}");
    shown
}

/// The command as one would type it, without its environment.
fn describe(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(name)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

fn not_started(shown: &str) -> String {
    format!("`{shown}` could not be started")
}

/// How a program ended, if it did in time, and what it wrote.
struct Ended {
    status: Option<ExitStatus>,
    wrote: String,
}

impl Ended {
    fn successful(self, shown: &str) -> Result<String> {
        match self.status {
            Some(status) if status.success() => Ok(self.wrote),
            Some(status) => {
                Err(Failed::new(format!("`{shown}` failed ({status})"), self.wrote).into())
            }
            None => Err(Failed::new(format!("`{shown}` did not end"), self.wrote).into()),
        }
    }
}

/// Whether what a program writes is shown while it runs.
#[derive(Clone, Copy, PartialEq)]
enum Shown {
    AtOnce,
    Later,
}

/// Runs a program until it ends or its time is over, and keeps what it writes, standard output and
/// standard error in the order in which they come.
fn follow(command: &mut Command, shown: Shown, end: Option<Instant>) -> Result<Ended> {
    if io::stderr().is_terminal() && env::var_os("CARGO_TERM_COLOR").is_none() {
        // It would not know that it is somebody who reads this.
        command.env("CARGO_TERM_COLOR", "always");
    }
    let (reader, writer) = io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let child = command.spawn();
    // Our own ends of the pipe would keep it open.
    command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
    listen(child?, &chunks(reader), shown, end)
}

/// What comes out of a pipe, until it is closed.
fn chunks(mut pipe: PipeReader) -> Receiver<Vec<u8>> {
    let (sender, chunks) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    chunks
}

/// The end of a program is that of its process: one that it left behind may hold the pipe for ever.
fn listen(
    mut child: Child,
    chunks: &Receiver<Vec<u8>>,
    shown: Shown,
    end: Option<Instant>,
) -> Result<Ended> {
    let (mut wrote, mut status) = (Vec::new(), None);
    loop {
        match chunks.recv_timeout(POLL) {
            Ok(chunk) => {
                if shown == Shown::AtOnce {
                    io::stderr().write_all(&chunk)?;
                }
                wrote.extend(chunk);
            }
            Err(_) if status.is_some() => break,
            // It writes nothing any more, and may go on all the same.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(POLL),
            Err(RecvTimeoutError::Timeout) => {}
        }
        status = child.try_wait()?;
        if status.is_none() && end.is_some_and(|end| Instant::now() >= end) {
            child.kill()?;
            child.wait()?;
            break;
        }
    }
    Ok(Ended { status, wrote: String::from_utf8_lossy(&wrote).into_owned() })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn failed(result: &Result<String>) -> (String, &str) {
        let error = result.as_ref().expect_err("it fails");
        let failed = error.downcast_ref::<Failed>().expect("it was started");
        (error.to_string(), &failed.wrote)
    }

    #[test]
    fn a_failure_keeps_all_that_was_written() {
        assert_eq!(run_quietly(&mut shell("echo good >&2")).expect("it succeeds"), "good\n");
        let result = run_quietly(&mut shell("echo one; echo two >&2; exit 3"));
        let (what, wrote) = failed(&result);
        assert!(what.ends_with("failed (exit status: 3)"), "{what}");
        assert_eq!(wrote, "one\ntwo\n");
        assert!(run_quietly(&mut Command::new("no such program")).is_err());
    }

    /// A test that failed may leave a node behind, which has the same output.
    #[test]
    fn what_a_program_leaves_behind_is_not_waited_for() {
        let result = run_quietly(&mut shell("sleep 600 & echo $!; exit 1"));
        let (_, wrote) = failed(&result);
        assert!(succeeds(&mut shell(&format!("kill {wrote}"))));
    }

    #[test]
    fn programs_that_take_too_long_are_ended() {
        let result = run_within(&mut shell("echo begun; exec sleep 600"), Duration::from_secs(1));
        let (what, wrote) = failed(&result);
        assert!(what.ends_with("was still running after 1 s"), "{what}");
        assert!(["", "begun\n"].contains(&wrote), "{wrote}");
    }
}
