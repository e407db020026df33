//! Every chore of the Pandan workspace: `cargo xtask <name>`, see `cargo xtask help`.

#![forbid(unsafe_code)]

mod book;
mod ci;
mod command;
mod deny;
mod excerpt;
mod firmware;
mod fuzz;
mod nostd;
mod release;
mod sim;
mod steps;
mod test;
mod tidy;
mod tools;
mod vectors;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// The chores of the Pandan workspace.
///
/// They need Rust, a C compiler, git and, for the JavaScript tests, Node.js; what else they need
/// they fetch themselves or say in one sentence.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Run every test: Rust (doc tests included), the JavaScript client, libp2p, the vectors
    Test(test::Options),
    /// Run every other check: format, lints, docs, licences, tidy, no_std, examples, packages; with
    /// --tests all of both
    Ci(ci::Options),
    /// Check the rules of the workspace that the compiler cannot see
    Tidy(tidy::Options),
    /// Check every file of test vectors in a folder
    Vectors(vectors::Options),
    /// Write the parts of the book that are made from the program, and build it
    Book(book::Options),
    /// Build the core crates for a bare ARM target, without the standard library
    Nostd,
    /// Run a Bamboo log on an emulated microcontroller and verify what it wrote
    Firmware,
    /// Fuzz one target or all of them, each for some seconds
    Fuzz(fuzz::Options),
    /// Play simulated networks of nodes in which much goes wrong
    Sim(sim::Options),
    /// Check licences, duplicate versions and sources of every dependency
    Deny,
    /// Rehearse a release: versions against changelogs, publish order, packages; publishes nothing
    Release(release::Options),
}

fn main() -> ExitCode {
    match run(&Cli::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: &Chore) -> anyhow::Result<()> {
    let workspace = Workspace::load()?;
    match chore {
        Chore::Test(options) => test::run(&workspace, options),
        Chore::Ci(options) => ci::run(&workspace, options),
        Chore::Tidy(options) => tidy::run(&workspace, options),
        Chore::Vectors(options) => vectors::run(&workspace, options),
        Chore::Book(options) => book::run(&workspace, options),
        Chore::Nostd => nostd::run(&workspace),
        Chore::Firmware => firmware::run(&workspace),
        Chore::Fuzz(options) => fuzz::run(&workspace, options),
        Chore::Sim(options) => sim::run(&workspace, options),
        Chore::Deny => deny::run(&workspace),
        Chore::Release(options) => release::run(&workspace, options),
    }
}
