//! `cargo xtask vectors`: checks files of test vectors with the program in `bin/vectors.rs`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use crate::{command, test::build_program, workspace::Workspace};

/// Which vectors to check.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// A folder of JSON files, laid out as described in crates/testkit/vectors/README.md
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Builds the checker and runs it on the given folder.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    // Relative to where the caller stands, not to the root of the workspace.
    run_folder(workspace, &std::path::absolute(&options.folder)?)
}

/// Like [`run`], for a folder given from the root of the workspace.
pub(crate) fn run_folder(workspace: &Workspace, folder: &Path) -> Result<()> {
    let checker = build_program(workspace, "vectors")?;
    command::run(workspace.command(checker).arg(folder))
}
