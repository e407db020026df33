//! `cargo xtask nostd`: the core crates on a bare ARM target, where there is no `std` to lean on.

use std::process::Command;

use anyhow::Result;

use crate::{command, tools, workspace::Workspace};

/// A microcontroller with an FPU (Cortex-M4F, M7), for which `std` does not exist.
pub(crate) const TARGET: &str = "thumbv7em-none-eabihf";

/// Crates that do without a heap.
const WITHOUT_ALLOC: [&str; 2] = ["identity", "bamboo"];

/// Crates that need `alloc`.
const WITH_ALLOC: [&str; 6] =
    ["operations", "schema", "documents", "access", "admission", "replication"];

/// A Rust of Debian's that comes with the sources of `core`, for machines whose own toolchain
/// cannot be extended.
const DEBIAN_RUST: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-22"];

/// Builds first what needs no heap, then everything.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let small = present(workspace, &WITHOUT_ALLOC);
    let all = [small.clone(), present(workspace, &WITH_ALLOC)].concat();
    build(bare_cargo(workspace, "core")?, workspace, &small)?;
    build(bare_cargo(workspace, "core,alloc")?, workspace, &all)
}

/// `cargo build` with a toolchain that has, or can build, these `parts` of the standard library
/// for the target.
pub(crate) fn bare_cargo(workspace: &Workspace, parts: &str) -> Result<Command> {
    if tools::rust_target(TARGET) {
        return Ok(workspace.cargo("build"));
    }
    tools::debian_packages(&DEBIAN_RUST)?;
    Ok(debian_cargo(workspace, parts))
}

/// The packages among `crates` that exist; the access crate is still to come.
fn present(workspace: &Workspace, crates: &[&str]) -> Vec<String> {
    crates
        .iter()
        .map(|name| format!("pandan-{name}"))
        .filter(|name| workspace.package(name).is_some())
        .collect()
}

fn build(mut command: Command, workspace: &Workspace, packages: &[String]) -> Result<()> {
    // A folder of its own: a second compiler would otherwise throw out what the first has built.
    command.env("CARGO_TARGET_DIR", workspace.target.join("nostd"));
    command.args(["--no-default-features", "--lib", "--target", TARGET]);
    for package in packages {
        command.args(["--package", package]);
    }
    command::run(&mut command)
}

/// Debian's cargo, which builds the `parts` of the standard library from source.
fn debian_cargo(workspace: &Workspace, parts: &str) -> Command {
    let mut command = workspace.command("/usr/bin/cargo");
    let linker = format!("CARGO_TARGET_{}_LINKER", TARGET.to_uppercase().replace('-', "_"));
    command.args(["build", "--ignore-rust-version", &format!("-Zbuild-std={parts}")]);
    command.env("RUSTC", "/usr/bin/rustc").env(linker, "ld.lld-22");
    // Building the standard library is a nightly feature of cargo.
    command.env("RUSTC_BOOTSTRAP", "1");
    // Left behind by the cargo that runs us; they point into its own toolchain.
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("LD_LIBRARY_PATH");
    command
}
