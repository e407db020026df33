//! `cargo xtask release`: a rehearsal, which publishes nothing.
//!
//! It compares each version with the top of the crate's changelog, puts the crates in the order
//! in which they can be published, and packages them as the registry would get them.

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{
    command,
    workspace::{Package, Workspace},
};

/// How thorough the rehearsal is.
#[derive(Args, Debug, Default)]
pub(crate) struct Options {
    /// Also build every package from nothing but its own files
    #[arg(long)]
    verify: bool,
}

/// Packages every published crate and prints a table in publish order.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let order = publish_order(workspace)?;
    let mut package = workspace.cargo("package");
    package.args(["--quiet", "--allow-dirty"]);
    if !options.verify {
        package.arg("--no-verify");
    }
    for crate_ in &order {
        package.args(["--package", &crate_.name]);
    }
    command::run(&mut package)?;
    print_table(workspace, &order)
}

fn print_table(workspace: &Workspace, order: &[&Package]) -> Result<()> {
    println!("{:<20} {:<9} {:>5} {:>9}  changelog", "crate", "version", "files", "bytes");
    let mut behind = Vec::new();
    for package in order {
        let changelog = newest_entry(package)?;
        println!(
            "{:<20} {:<9} {:>5} {:>9}  {}",
            package.name,
            package.version,
            files(workspace, package)?,
            archive_bytes(workspace, package)?,
            changelog.heading,
        );
        if changelog.version != package.version {
            behind.push(package.name.as_str());
        }
    }
    if !behind.is_empty() {
        bail!("the newest changelog entry is of another version in {}", behind.join(", "));
    }
    Ok(())
}

/// The published crates, each after everything that it depends on.
fn publish_order(workspace: &Workspace) -> Result<Vec<&Package>> {
    let mut left: Vec<&Package> =
        workspace.packages.iter().filter(|package| package.is_published()).collect();
    left.sort_by(|a, b| a.name.cmp(&b.name));
    let mut order: Vec<&Package> = Vec::new();
    while !left.is_empty() {
        let waiting: BTreeSet<&str> = left.iter().map(|package| package.name.as_str()).collect();
        let (ready, later): (Vec<_>, Vec<_>) = left.into_iter().partition(|package| {
            package.normal_dependencies().all(|needed| !waiting.contains(needed.name.as_str()))
        });
        if ready.is_empty() {
            bail!("{} depend on each other in a circle", Vec::from_iter(waiting).join(", "));
        }
        order.extend(ready);
        left = later;
    }
    check_publishable(workspace, &order)?;
    Ok(order)
}

/// A published crate cannot depend on one that the registry will never have.
fn check_publishable(workspace: &Workspace, order: &[&Package]) -> Result<()> {
    for package in order {
        for needed in package.normal_dependencies() {
            if workspace.package(&needed.name).is_some_and(|needed| !needed.is_published()) {
                bail!("{} is published but needs {}, which is not", package.name, needed.name);
            }
        }
    }
    Ok(())
}

/// The top entry of a changelog: `## 0.1.0 (unreleased)`.
struct Entry {
    heading: String,
    version: String,
}

fn newest_entry(package: &Package) -> Result<Entry> {
    let path = package.folder().join("CHANGELOG.md");
    let text = fs::read_to_string(&path)
        .with_context(|| format!("the changelog of {} could not be read", package.name))?;
    let heading = text
        .lines()
        .find_map(|line| line.strip_prefix("## "))
        .with_context(|| format!("the changelog of {} has no entry", package.name))?;
    let version = heading.split_whitespace().next().unwrap_or_default();
    let version = version.trim_matches(['[', ']']).to_owned();
    Ok(Entry { heading: heading.to_owned(), version })
}

fn files(workspace: &Workspace, package: &Package) -> Result<usize> {
    let mut list = workspace.cargo("package");
    list.args(["--quiet", "--list", "--allow-dirty", "--package", &package.name]);
    Ok(command::output(&mut list)?.lines().count())
}

fn archive_bytes(workspace: &Workspace, package: &Package) -> Result<u64> {
    let name = format!("{}-{}.crate", package.name, package.version);
    let path = workspace.target.join("package").join(&name);
    let metadata = fs::metadata(path).with_context(|| format!("cargo did not make {name}"))?;
    Ok(metadata.len())
}
