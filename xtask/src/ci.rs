//! `cargo xtask ci`: what must hold beside the tests.

use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::{
    command, deny, firmware, fuzz, nostd, release, sim, steps::Steps, test, tidy, tools,
    workspace::Workspace,
};

/// The example that embeds a node; it must end by itself.
const EMBED: &str = "embed";

/// A run of it takes a second; this is for slow machines.
const EMBED_LIMIT: Duration = Duration::from_secs(120);

/// Workspaces of their own.
const APART: [&str; 3] = ["crates/bamboo/firmware", "crates/network/interop", "fuzz"];

/// Which steps to run.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Run what `cargo xtask test --no-libp2p-nodes` runs as well, and sum up both
    #[arg(long)]
    tests: bool,
    /// Run these steps only, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "STEPS")]
    only: Vec<Step>,
    /// Leave these steps out
    #[arg(long, value_delimiter = ',', value_name = "STEPS")]
    skip: Vec<Step>,
}

/// A step, in the order in which they run: quick ones first.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Step {
    /// Formatting
    Fmt,
    /// Rules of the workspace
    Tidy,
    /// Lints, warnings are errors
    Clippy,
    /// Documentation without warnings
    Doc,
    /// Examples build, and the embedded node runs
    Examples,
    /// Core crates without the standard library
    Nostd,
    /// A log on an emulated microcontroller
    Firmware,
    /// Licences, bans, sources
    Deny,
    /// Rehearsal of a release
    Release,
    /// Simulated networks of fresh seeds, for a minute
    Sim,
    /// Every fuzz target for some seconds
    Fuzz,
}

/// Runs all chosen steps, whatever fails, and sums up.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut steps = Steps::default();
    if options.tests {
        // Minutes less on two cores; whoever tests a change by hand runs them.
        let options = test::Options::without_libp2p_nodes();
        test::run_steps(workspace, &options, &mut steps);
    }
    for step in Step::value_variants() {
        let chosen = options.only.is_empty() || options.only.contains(step);
        if chosen && !options.skip.contains(step) {
            steps.run(step.name(), || step.run(workspace));
        }
    }
    steps.finish()
}

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Tidy => "tidy",
            Self::Clippy => "clippy",
            Self::Doc => "doc",
            Self::Examples => "examples",
            Self::Nostd => "nostd",
            Self::Firmware => "firmware",
            Self::Deny => "deny",
            Self::Release => "release",
            Self::Sim => "sim",
            Self::Fuzz => "fuzz",
        }
    }

    fn run(self, workspace: &Workspace) -> Result<()> {
        match self {
            Self::Fmt => format(workspace),
            Self::Tidy => tidy::run(workspace, &tidy::Options::default()),
            Self::Clippy => lint(workspace),
            Self::Doc => document(workspace),
            Self::Examples => examples(workspace),
            Self::Nostd => nostd::run(workspace),
            Self::Firmware => firmware::run(workspace),
            Self::Deny => deny::run(workspace),
            Self::Release => release::run(workspace, &release::Options::default()),
            Self::Sim => sim::smoke(workspace),
            Self::Fuzz => fuzz::smoke(workspace),
        }
    }
}

fn format(workspace: &Workspace) -> Result<()> {
    tools::toolchain_component("rustfmt", "fmt")?;
    command::run(workspace.cargo("fmt").args(["--all", "--check"]))?;
    for folder in APART {
        let manifest = workspace.root.join(folder).join("Cargo.toml");
        let check = ["--check", "--manifest-path"];
        command::run(workspace.cargo("fmt").args(check).arg(manifest))?;
    }
    Ok(())
}

fn lint(workspace: &Workspace) -> Result<()> {
    tools::toolchain_component("clippy", "clippy")?;
    let what = ["--workspace", "--all-targets", "--all-features"];
    command::run(workspace.cargo("clippy").args(what).args(["--", "--deny", "warnings"]))
}

fn document(workspace: &Workspace) -> Result<()> {
    let what = ["--workspace", "--no-deps", "--all-features"];
    command::run(workspace.cargo("doc").args(what).env("RUSTDOCFLAGS", "--deny warnings"))
}

fn examples(workspace: &Workspace) -> Result<()> {
    // The features of the tests again, so that this builds the examples and nothing else.
    command::run(workspace.cargo("build").args(["--workspace", "--all-features", "--examples"]))?;
    if !workspace.packages.iter().any(|package| package.has_example(EMBED)) {
        return Ok(());
    }
    let program = workspace.built(&format!("examples/{EMBED}"));
    command::run_within(&mut workspace.command(program), EMBED_LIMIT).map(drop)
}
