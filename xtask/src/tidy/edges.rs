//! Dependencies point down: who may use whom, and how much from outside the core may need.

use anyhow::Result;

use crate::{
    command,
    tidy::Findings,
    workspace::{Dependency, Package, Workspace, short_name},
};

/// Each crate and all that it may use. Lower crates come first, so an edge up cannot be written
/// without being seen. A crate that is missing here may not exist.
const ALLOWED: [(&str, &[&str]); 17] = [
    ("identity", &[]),
    ("bamboo", &["identity"]),
    ("operations", &["identity", "bamboo"]),
    ("schema", &["identity", "bamboo", "operations"]),
    ("documents", &["identity", "bamboo", "operations", "schema"]),
    ("access", &["identity", "bamboo", "operations", "schema", "documents"]),
    ("admission", &["identity", "bamboo", "operations", "schema", "documents", "access"]),
    ("store", &["identity", "bamboo", "operations", "schema", "documents", "access", "admission"]),
    // Replication asks questions and gets answers; it knows no store.
    ("replication", &["identity", "bamboo", "operations", "schema", "documents"]),
    // Where questions of replication meet a store.
    (
        "sync",
        &[
            "identity",
            "bamboo",
            "operations",
            "schema",
            "documents",
            "admission",
            "store",
            "replication",
        ],
    ),
    // Bundles are written from stores and taken into them; they know no node.
    ("bundle", &["identity", "bamboo", "operations", "schema", "admission", "store", "sync"]),
    // Encryption seals bytes of operations, whatever documents they belong to.
    ("encryption", &["identity", "bamboo", "operations", "schema"]),
    // The network carries opaque frames between keys.
    ("network", &["identity"]),
    (
        "node",
        &[
            "identity",
            "bamboo",
            "operations",
            "schema",
            "documents",
            "access",
            "admission",
            "store",
            "replication",
            "sync",
            "encryption",
            "network",
        ],
    ),
    (
        "cli",
        &[
            "identity",
            "bamboo",
            "operations",
            "schema",
            "documents",
            "access",
            "admission",
            "store",
            "replication",
            "sync",
            "encryption",
            "network",
            "bundle",
            "node",
        ],
    ),
    (
        "testkit",
        &[
            "identity",
            "bamboo",
            "operations",
            "schema",
            "documents",
            "access",
            "admission",
            "store",
            "replication",
            "sync",
        ],
    ),
    ("xtask", &["testkit"]),
];

/// Crates without I/O, which others embed where there may be no operating system.
pub(crate) const CORE: [&str; 8] = [
    "identity",
    "bamboo",
    "operations",
    "schema",
    "documents",
    "access",
    "admission",
    "replication",
];

/// How many crates from outside a core crate may always need (optional ones come on top).
const CORE_OUTSIDE_MAX: usize = 3;

/// Derives error messages while compiling and leaves nothing of itself in the program, so it does
/// not count.
const DERIVE_ONLY: &str = "thiserror";

/// I/O, runtimes and databases: never below the store, not even through somebody else.
const NOT_IN_CORE: [&str; 14] = [
    "async-graphql",
    "async-std",
    "axum",
    "hyper",
    "libsqlite3-sys",
    "mio",
    "postgres",
    "quinn",
    "reqwest",
    "rusqlite",
    "rustls",
    "socket2",
    "sqlx",
    "tokio",
];

/// Checks every dependency between our crates, and those of the core on others.
pub(crate) fn check(workspace: &Workspace, findings: &mut Findings) -> Result<()> {
    for package in &workspace.packages {
        let path = workspace.relative(&package.manifest_path);
        check_own(package, &path, findings);
        if CORE.contains(&package.short_name()) {
            check_outside(package, &path, findings);
            check_below(workspace, package, &path, findings)?;
        }
    }
    Ok(())
}

fn check_own(package: &Package, path: &str, findings: &mut Findings) {
    let name = package.short_name();
    let Some((_, allowed)) = ALLOWED.iter().find(|(own, _)| *own == name) else {
        findings.add(path, 1, format!("{name} is missing in the table of xtask/src/tidy/edges.rs"));
        return;
    };
    for dependency in package.dependencies.iter().filter(|dependency| dependency.is_ours()) {
        let needed = short_name(&dependency.name);
        // Tests may also use the testkit, and a crate may turn its own features on for them.
        let in_tests = dependency.is_dev() && (needed == "testkit" || needed == name);
        if !in_tests && !allowed.contains(&needed) {
            findings.add(path, 1, format!("{name} must not depend on {needed}"));
        }
    }
}

fn check_outside(package: &Package, path: &str, findings: &mut Findings) {
    let needed: Vec<_> = package
        .normal_dependencies()
        .filter(|dependency| !dependency.is_ours() && !dependency.optional)
        .map(|Dependency { name, .. }| name.as_str())
        .filter(|name| *name != DERIVE_ONLY)
        .collect();
    if needed.len() > CORE_OUTSIDE_MAX {
        let (name, count, list) = (package.short_name(), needed.len(), needed.join(", "));
        let sentence = format!(
            "{name} needs {count} crates from outside, more than {CORE_OUTSIDE_MAX}: {list}"
        );
        findings.add(path, 1, sentence);
    }
}

/// Looks at the whole tree below a core crate, with all features on.
fn check_below(
    workspace: &Workspace,
    package: &Package,
    path: &str,
    findings: &mut Findings,
) -> Result<()> {
    let mut tree = workspace.cargo("tree");
    tree.args(["--quiet", "--edges", "normal", "--all-features", "--prefix", "none"]);
    tree.args(["--format", "{p}", "--package", &package.name]);
    let tree = command::output(&mut tree)?;
    for crate_ in tree.lines().filter_map(|line| line.split_whitespace().next()) {
        if NOT_IN_CORE.contains(&crate_) {
            let name = package.short_name();
            findings.add(path, 1, format!("{name} must do without {crate_}"));
        }
    }
    Ok(())
}
