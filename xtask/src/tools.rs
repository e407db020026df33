//! Getting what a chore needs and the machine lacks.
//!
//! Each function returns at once when the thing is there, fetches it when it can, and otherwise
//! says in one sentence what to do.

use std::{fs, path::Path, path::PathBuf, process::Command, time::SystemTime};

use anyhow::{Result, bail};

use crate::{
    command::{output, run, succeeds},
    workspace::{Workspace, cargo_program},
};

/// A component of the toolchain, such as `rustfmt`, found by the cargo subcommand that it adds.
pub(crate) fn toolchain_component(component: &str, subcommand: &str) -> Result<()> {
    if succeeds(Command::new(cargo_program()).args([subcommand, "--version"])) {
        return Ok(());
    }
    bail!("{component} is missing; install it with `rustup component add {component}`")
}

/// Node.js with npm.
pub(crate) fn node() -> Result<()> {
    for program in ["node", "npm"] {
        if !succeeds(Command::new(program).arg("--version")) {
            bail!(
                "`{program}` is missing; install Node.js 20 or newer with npm (Debian packages \
                 `nodejs` and `npm`), or leave the JavaScript tests out with `--no-js`"
            );
        }
    }
    Ok(())
}

/// What tests make networks of their own with. Those that lack it say so and are left out, so this
/// only warns.
pub(crate) fn network_namespaces() {
    let is_there = |program: &str| succeeds(Command::new(program).arg("-V"));
    if cfg!(target_os = "linux")
        && !(is_there("ip") && is_there("tc"))
        && let Err(error) = debian_packages(&["iproute2"])
    {
        eprintln!("warning: tests in network namespaces are left out: {error}");
    }
}

/// The npm packages that `folder` locks, exactly as locked.
pub(crate) fn npm_packages(folder: &Path) -> Result<()> {
    // npm writes this file at the end of every install.
    let installed = modified(&folder.join("node_modules/.package-lock.json"));
    let locked = modified(&folder.join("package-lock.json"));
    if installed.is_some() && locked <= installed {
        return Ok(());
    }
    run(Command::new("npm").current_dir(folder).args(["ci", "--no-audit", "--no-fund"]))
}

/// A cargo subcommand from the package registry, built once into `target/tools`.
pub(crate) fn cargo_tool(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    let folder = workspace.target.join("tools");
    let program = folder.join("bin").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    for known in [program.clone(), PathBuf::from(name)] {
        if succeeds(Command::new(&known).arg("--version")) {
            return Ok(known);
        }
    }
    // A build without optimisation or debug information takes a fifth of the time of a release
    // build, and the tools are quick enough with it.
    let install = run(workspace
        .cargo("install")
        .args([name, "--locked", "--debug", "--root"])
        .arg(&folder)
        .arg("--target-dir")
        .arg(folder.join("build"))
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_INCREMENTAL", "0"));
    if install.is_err() {
        bail!("{name} is neither installed nor can it be; try `cargo install {name} --locked`");
    }
    Ok(program)
}

/// Whether the toolchain in use can build for `target`, if need be after rustup has added it.
pub(crate) fn rust_target(target: &str) -> bool {
    let libraries = ["--print", "target-libdir", "--target", target];
    let is_there = output(Command::new("rustc").args(libraries))
        .is_ok_and(|folder| Path::new(folder.trim()).is_dir());
    is_there || succeeds(Command::new("rustup").args(["target", "add", target]))
}

/// Debian packages, installed where they are missing.
pub(crate) fn debian_packages(packages: &[&str]) -> Result<()> {
    let is_missing = |package: &&str| !succeeds(Command::new("dpkg").args(["-s", package]));
    let missing: Vec<_> = packages.iter().copied().filter(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let wanted = missing.join(" ");
    if !succeeds(Command::new("apt-get").arg("--version")) {
        bail!("the Debian packages `{wanted}` are missing and there is no apt-get to install them");
    }
    let update = run(as_root()?.args(["apt-get", "update", "-q"]));
    let install = ["apt-get", "install", "-y", "-q", "--no-install-recommends"];
    if update.is_err() || run(as_root()?.args(install).args(&missing)).is_err() {
        bail!("the Debian packages `{wanted}` could not be installed; install them by hand");
    }
    Ok(())
}

/// A prefix for commands that change the system: `env` for root, `sudo` for others.
fn as_root() -> Result<Command> {
    if output(Command::new("id").arg("-u"))?.trim() == "0" {
        return Ok(Command::new("env"));
    }
    if !succeeds(Command::new("sudo").args(["-n", "true"])) {
        bail!("installing packages needs root, or sudo without a password");
    }
    let mut sudo = Command::new("sudo");
    sudo.arg("-n");
    Ok(sudo)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}
