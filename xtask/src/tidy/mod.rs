//! `cargo xtask tidy`: the rules of the workspace that the compiler cannot see.
//!
//! Each rule is a module; each finding is one line, `path:line: sentence`.

mod codes;
mod edges;
mod links;
mod packages;
mod purity;
mod ratchet;
mod requirements;
mod sizes;
mod snippets;
mod source;
mod words;

use anyhow::Result;
use clap::Args;

use crate::{command::Failed, tidy::source::Tree, workspace::Workspace};

/// How to go about it.
#[derive(Args, Debug, Default)]
pub(crate) struct Options {
    /// Write sizes that have shrunk to xtask/tidy.toml (sizes never grow)
    #[arg(long)]
    update: bool,
}

/// What broke a rule, and where.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    sentence: String,
}

/// Everything found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, path: impl Into<String>, line: usize, sentence: impl Into<String>) {
        self.0.push(Finding { path: path.into(), line, sentence: sentence.into() });
    }
}

/// Checks every rule, prints all findings and fails if there are any.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut findings = Findings::default();
    let tree = Tree::read(workspace, &mut findings)?;
    edges::check(workspace, &mut findings)?;
    purity::check(&tree, &mut findings);
    sizes::check(workspace, &tree, options.update, &mut findings)?;
    packages::check(workspace, &tree, &mut findings)?;
    words::check(&tree, &mut findings);
    links::check(workspace, &tree, &mut findings);
    snippets::check(&tree, &mut findings);
    requirements::check(&tree, &mut findings);
    codes::check(&tree, &mut findings);
    report(findings)
}

fn report(Findings(mut findings): Findings) -> Result<()> {
    findings.sort();
    findings.dedup();
    if findings.is_empty() {
        println!("tidy: nothing found");
        return Ok(());
    }
    let line = |Finding { path, line, sentence }: &Finding| format!("{path}:{line}: {sentence}\n");
    let lines: String = findings.iter().map(line).collect();
    print!("{lines}");
    let plural = if findings.len() == 1 { "" } else { "s" };
    Err(Failed::new(format!("tidy: {} finding{plural}", findings.len()), lines).into())
}
