//! `cargo xtask test`: everything that a contributor needs to trust a change.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use clap::Args;

use crate::{command, steps::Steps, tools, vectors, workspace::Workspace};

/// Tests of the node with the JavaScript client.
const JS_TESTS: &str = "crates/node/tests/js";

/// Tests of the network with nodes of libp2p, a workspace of their own.
const LIBP2P_TESTS: &str = "crates/network/interop";

/// Test vectors that every build must agree with.
const VECTORS: &str = "crates/testkit/vectors";

/// What to test.
#[derive(Args, Debug, Default)]
pub(crate) struct Options {
    /// Test these crates only, Rust tests only
    #[arg(short, long = "package", value_name = "CRATE")]
    packages: Vec<String>,
    /// Leave the tests of the JavaScript client out (they need Node.js)
    #[arg(long)]
    no_js: bool,
    /// Leave the tests with nodes of libp2p out (they take minutes to build)
    #[arg(long)]
    no_libp2p: bool,
    /// Leave out those of them with whole nodes, for which half of the workspace is built again
    #[arg(long)]
    no_libp2p_nodes: bool,
    /// Passed on to `cargo test`: a part of test names, or options after a second `--`
    #[arg(last = true)]
    rest: Vec<String>,
}

impl Options {
    /// Everything but whole nodes among those of libp2p.
    pub(crate) fn without_libp2p_nodes() -> Self {
        Self { no_libp2p_nodes: true, ..Self::default() }
    }
}

/// Runs all tests, whatever fails, and sums up.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if !options.packages.is_empty() {
        return command::run(&mut rust_tests(workspace, options));
    }
    let mut steps = Steps::default();
    run_steps(workspace, options, &mut steps);
    steps.finish()
}

/// Runs all tests as steps among others.
pub(crate) fn run_steps(workspace: &Workspace, options: &Options, steps: &mut Steps) {
    tools::network_namespaces();
    steps.run("rust", || command::run(&mut rust_tests(workspace, options)));
    if !options.no_js {
        steps.run("javascript", || javascript(workspace));
    }
    if !options.no_libp2p {
        steps.run("libp2p", || command::run(&mut libp2p_tests(workspace, options)));
    }
    steps.run("vectors", || vectors::run_folder(workspace, Path::new(VECTORS)));
}

fn rust_tests(workspace: &Workspace, options: &Options) -> Command {
    let mut command = workspace.cargo("test");
    if options.packages.is_empty() {
        command.arg("--workspace");
    }
    for package in &options.packages {
        command.args(["--package", package]);
    }
    command.args(["--all-features", "--no-fail-fast"]).args(&options.rest);
    command
}

fn libp2p_tests(workspace: &Workspace, options: &Options) -> Command {
    let mut command = workspace.cargo("test");
    command.env("CARGO_TARGET_DIR", &workspace.target);
    command.args(["--locked", "--manifest-path"]);
    command.arg(workspace.root.join(LIBP2P_TESTS).join("Cargo.toml"));
    if options.no_libp2p_nodes {
        command.arg("--no-default-features");
    }
    command
}

fn javascript(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root.join(JS_TESTS);
    if !folder.join("package.json").is_file() {
        return Ok(());
    }
    tools::node()?;
    tools::npm_packages(&folder)?;
    let pandan = build_program(workspace, "pandan")?;
    // Named, because which one is the default depends on the version and on who reads.
    let arguments = ["--test", "--test-reporter", "spec"];
    command::run(Command::new("node").args(arguments).current_dir(folder).env("PANDAN_BIN", pandan))
}

/// Builds a program of the workspace with the features that the tests were built with, so that
/// no crate below it is built twice.
pub(crate) fn build_program(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    command::run(workspace.cargo("build").args([
        "--quiet",
        "--workspace",
        "--all-features",
        "--bin",
        name,
    ]))?;
    Ok(workspace.built(name))
}
