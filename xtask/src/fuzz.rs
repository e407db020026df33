//! `cargo xtask fuzz`: plays the fuzz targets, each for some seconds.

mod seeds;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{
    command::{self, Failed},
    tools,
    workspace::Workspace,
};

/// The targets, a workspace of its own.
const FOLDER: &str = "fuzz";

/// Long enough to play all seeds and to go somewhat beyond them.
const SMOKE_SECONDS: u32 = 6;

/// An input that takes longer is a finding.
const INPUT_SECONDS_MAX: u32 = 20;

/// What to fuzz, and how long.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The target, a file in fuzz/fuzz_targets; all of them when left out
    #[arg(value_name = "TARGET")]
    target: Option<String>,
    /// How long to fuzz each target
    #[arg(long, value_name = "N", default_value_t = SMOKE_SECONDS)]
    seconds: u32,
}

/// Fuzzes one target or all of them.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let Some(toolchain) = nightly() else { bail!("{MISSING}") };
    fuzz(workspace, &toolchain, options)
}

/// Fuzzes all targets for a short time, where there is a compiler that can.
pub(crate) fn smoke(workspace: &Workspace) -> Result<()> {
    let Some(toolchain) = nightly() else {
        eprintln!("fuzz: left out, because {MISSING}");
        return Ok(());
    };
    fuzz(workspace, &toolchain, &Options { target: None, seconds: SMOKE_SECONDS })
}

const MISSING: &str =
    "fuzzing needs a nightly compiler; install one with `rustup toolchain install nightly`";

/// The name of an installed nightly toolchain.
fn nightly() -> Option<String> {
    let list = command::output(Command::new("rustup").args(["toolchain", "list"])).ok()?;
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    names.into_iter().find(|name| name.starts_with("nightly")).map(str::to_owned)
}

fn fuzz(workspace: &Workspace, toolchain: &str, options: &Options) -> Result<()> {
    let program = tools::cargo_tool(workspace, "cargo-fuzz")?;
    let known = targets(workspace)?;
    let chosen = match &options.target {
        None => known,
        Some(name) if known.contains(name) => vec![name.clone()],
        Some(name) => bail!("there is no target `{name}`, only {}", known.join(", ")),
    };
    let mut build = cargo_fuzz(workspace, toolchain, &program, "build");
    command::run(build.args(&options.target))?;
    let (mut failed, mut wrote) = (Vec::new(), String::new());
    for target in &chosen {
        let seeds = seeds::write(workspace, target)?;
        let mut command = cargo_fuzz(workspace, toolchain, &program, "run");
        command.arg(target).arg(corpus(workspace, target)?).arg(seeds);
        command.args(["--", &format!("-max_total_time={}", options.seconds)]);
        command.args([&format!("-timeout={INPUT_SECONDS_MAX}"), "-print_final_stats=1"]);
        match command::run_quietly(&mut command) {
            Ok(text) => eprintln!("{target}: {}", figures(&text)),
            Err(error) => {
                failed.push(target.as_str());
                wrote += error.downcast_ref().map_or("", |failed: &Failed| &failed.wrote);
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let what = format!("findings in {}; see {FOLDER}/artifacts", failed.join(", "));
    Err(Failed::new(what, wrote).into())
}

/// What libFuzzer says of a run, in a line.
fn figures(wrote: &str) -> String {
    let number = |name: &str| {
        let mut words = wrote.split_whitespace().skip_while(|word| *word != name);
        words.nth(1).unwrap_or("?")
    };
    // Of what it says again and again the last counts.
    let coverage = wrote.rsplit_once(" cov: ").and_then(|(_, rest)| rest.split(' ').next());
    format!(
        "{} executions, {} a second, coverage {}, at most {} MB",
        number("stat::number_of_executed_units:"),
        number("stat::average_exec_per_sec:"),
        coverage.unwrap_or("?"),
        number("stat::peak_rss_mb:"),
    )
}

/// The targets by the names of their files, in alphabetical order.
fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let folder = workspace.root.join(FOLDER).join("fuzz_targets");
    let files = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut names = Vec::new();
    for file in files {
        let path = file?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// `cargo fuzz` with a subcommand and everything but the target.
fn cargo_fuzz(workspace: &Workspace, toolchain: &str, program: &Path, subcommand: &str) -> Command {
    let mut command = workspace.command("rustup");
    command.args(["run", toolchain]).arg(program);
    command.args(["fuzz", subcommand, "--fuzz-dir", FOLDER]);
    command.arg("--target-dir").arg(workspace.target.join("fuzz"));
    // Left behind by the cargo that runs us; they point into its own toolchain.
    for name in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH"] {
        command.env_remove(name);
    }
    command
}

/// Where the fuzzer keeps the inputs that led somewhere new; git does not see them.
fn corpus(workspace: &Workspace, target: &str) -> Result<PathBuf> {
    let folder = workspace.root.join(FOLDER).join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    #[test]
    fn runs_are_told_in_a_line() {
        let wrote = "INFO: seed corpus: files: 3\n#2\tINITED cov: 7 ft: 8 corp: 1/1b\n#9\tREDUCE cov: \
                     12 ft: 31 corp: 4/9b\nstat::number_of_executed_units: 1000\n\
                     stat::average_exec_per_sec:     90\nstat::peak_rss_mb:              61\n";
        let expected = "1000 executions, 90 a second, coverage 12, at most 61 MB";
        assert_eq!(super::figures(wrote), expected);
    }
}
