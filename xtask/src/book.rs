//! `cargo xtask book`: writes what the book takes from the program, and builds the book.

use anyhow::Result;
use clap::Args;

use crate::{command, tools, workspace::Workspace};

/// Tests that compare texts in the book with what the program says, and write them when told to.
const WRITERS: [[&str; 5]; 4] = [
    ["--package", "pandan-cli", "--bins", "--", "the_reference_in_the_book"],
    ["--package", "pandan-cli", "--test=book", "--", "sessions_in_the_book"],
    ["--package", "pandan-node", "--test=node", "--", "in_the_book"],
    ["--package", "pandan-testkit", "--test=worked_examples", "--", "examples_of_the_book"],
];

/// What to do with the book.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Only write the pages and examples that are made from the program
    #[arg(long)]
    no_build: bool,
}

/// Writes pages and examples, and builds the book into target/book.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    for writer in WRITERS {
        let mut test = workspace.cargo("test");
        command::run(test.args(["--all-features"]).args(writer).env("UPDATE_EXAMPLES", "1"))?;
    }
    if options.no_build {
        return Ok(());
    }
    let mdbook = tools::cargo_tool(workspace, "mdbook")?;
    let folder = workspace.target.join("book");
    command::run(workspace.command(mdbook).args(["build", "book", "--dest-dir"]).arg(folder))
}
