//! Each crate can stand alone: licence, description, page, changelog, documented and safe roots.

use std::fs;

use anyhow::{Context, Result};
use syn::{Attribute, Expr, Meta};

use crate::{
    tidy::{Findings, source::Tree},
    workspace::{Package, Target, Workspace},
};

/// The licence of every crate; both texts lie in the root.
const LICENSE: &str = "MIT OR Apache-2.0";

/// Files that the root of the workspace must have.
const ROOT_FILES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// Checks manifests, the files beside them, and the root file of every target.
pub(crate) fn check(workspace: &Workspace, tree: &Tree, findings: &mut Findings) -> Result<()> {
    for file in ROOT_FILES {
        if !workspace.root.join(file).is_file() {
            findings.add(file, 1, "the licence text is missing");
        }
    }
    for package in &workspace.packages {
        check_manifest(workspace, package, findings)?;
        check_files(workspace, package, findings);
        for target in &package.targets {
            check_target(workspace, tree, target, findings);
        }
    }
    Ok(())
}

fn check_manifest(workspace: &Workspace, package: &Package, findings: &mut Findings) -> Result<()> {
    let path = workspace.relative(&package.manifest_path);
    if package.license.as_deref() != Some(LICENSE) {
        findings.add(&path, 1, format!("the licence is not `{LICENSE}`"));
    }
    let description = package.description.as_deref().unwrap_or_default();
    if description.is_empty() || description == "placeholder" {
        findings.add(&path, 1, "the description is missing");
    }
    let text = fs::read_to_string(&package.manifest_path)?;
    let manifest: toml::Table = toml::from_str(&text).with_context(|| path.clone())?;
    let inherits = manifest.get("lints").and_then(|lints| lints.get("workspace"));
    if inherits.and_then(toml::Value::as_bool) != Some(true) {
        findings.add(&path, 1, "`[lints] workspace = true` is missing");
    }
    Ok(())
}

fn check_files(workspace: &Workspace, package: &Package, findings: &mut Findings) {
    let mut files = vec!["README.md"];
    if package.is_published() {
        files.push("CHANGELOG.md");
    }
    for file in files {
        let path = package.folder().join(file);
        if !path.is_file() {
            findings.add(workspace.relative(&path), 1, "this file is missing");
        }
    }
}

/// Roots of libraries and programs forbid unsafe code; these and examples begin with their docs.
fn check_target(workspace: &Workspace, tree: &Tree, target: &Target, findings: &mut Findings) {
    let path = workspace.relative(&target.src_path);
    let Some(source) = tree.source(&path) else { return };
    let is_root = ["lib", "bin", "proc-macro", "cdylib"].iter().any(|kind| target.is(kind));
    if (is_root || target.is("example")) && !source.syntax.attrs.iter().any(is_doc) {
        findings.add(&path, 1, "the crate root has no `//!` documentation");
    }
    if is_root && !source.syntax.attrs.iter().any(forbids_unsafe_code) {
        findings.add(&path, 1, "the crate root has no `#![forbid(unsafe_code)]`");
    }
}

/// A doc comment with words in it, or an included page.
fn is_doc(attribute: &Attribute) -> bool {
    let Meta::NameValue(meta) = &attribute.meta else { return false };
    if !meta.path.is_ident("doc") {
        return false;
    }
    let Expr::Lit(literal) = &meta.value else { return true };
    let syn::Lit::Str(text) = &literal.lit else { return false };
    !matches!(text.value().trim(), "" | "placeholder")
}

fn forbids_unsafe_code(attribute: &Attribute) -> bool {
    let mut found = false;
    if attribute.path().is_ident("forbid") {
        // An argument that is no list of lints is the compiler's business.
        let _ = attribute.parse_nested_meta(|lint| {
            found |= lint.path.is_ident("unsafe_code");
            Ok(())
        });
    }
    found
}
