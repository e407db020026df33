//! `cargo xtask deny`: licences, banned crates and sources of every dependency (`deny.toml`).

use anyhow::Result;

use crate::{command, tools, workspace::Workspace};

/// Runs cargo-deny, which is built into `target/tools` when it is missing.
///
/// Advisories are left out: they change without us, so they belong to a schedule, not to a change.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let program = tools::cargo_tool(workspace, "cargo-deny")?;
    let mut deny = workspace.command(program);
    deny.args(["--workspace", "--all-features", "check", "licenses", "bans", "sources"]);
    // Duplicate versions are warnings with a tree each; the summary line is enough.
    command::run(deny.args(["--hide-inclusion-graph"]))
}
