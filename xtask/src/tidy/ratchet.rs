//! `xtask/tidy.toml`: what is larger than it should be, with a size that may only shrink.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::{
    tidy::{Findings, sizes::Oversized},
    workspace::Workspace,
};

const FILE: &str = "xtask/tidy.toml";

const HEAD: &str = "\
# Files and functions that are larger than they should be, with their size in lines.
# Sizes here only shrink: `cargo xtask tidy --update` writes the lower numbers.
# Adding a line needs a reason in its commit message.

";

/// The contents of the file.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Ratchet {
    pub(crate) files: BTreeMap<String, usize>,
    pub(crate) functions: BTreeMap<String, usize>,
}

impl Ratchet {
    /// Reads the file; without one nothing may be too large.
    pub(crate) fn read(workspace: &Workspace) -> Result<Self> {
        let path = path(workspace);
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(&path)?;
        toml::from_str(&text).with_context(|| format!("{FILE} could not be understood"))
    }

    pub(crate) fn write(&self, workspace: &Workspace) -> Result<()> {
        let text = format!("{HEAD}{}", toml::to_string(self)?);
        fs::write(path(workspace), text).with_context(|| format!("{FILE} could not be written"))
    }

    /// Takes lower sizes over and drops what is no longer too large; never adds or raises.
    pub(crate) fn shrink(&mut self, files: &Oversized, functions: &Oversized) {
        for (recorded, actual) in [(&mut self.files, files), (&mut self.functions, functions)] {
            recorded.retain(|name, lines| {
                let Some(size) = actual.get(name) else { return false };
                *lines = size.lines.min(*lines);
                true
            });
        }
    }
}

/// Compares what is recorded with what is there, both ways; what is not recorded may have `max`.
pub(crate) fn check(
    what: &str,
    max: usize,
    recorded: &BTreeMap<String, usize>,
    actual: &Oversized,
    findings: &mut Findings,
) {
    for (name, size) in actual {
        let allowed = recorded.get(name).copied().unwrap_or(max);
        if size.lines > allowed {
            let sentence = format!("this {what} has {} lines, more than {allowed}", size.lines);
            findings.add(&size.path, size.line, sentence);
        }
    }
    for (name, &lines) in recorded {
        let now = actual.get(name).map_or(0, |size| size.lines);
        if now < lines {
            let sentence = format!("{name} has shrunk; run `cargo xtask tidy --update`");
            findings.add(FILE, 1, sentence);
        }
    }
}

fn path(workspace: &Workspace) -> PathBuf {
    workspace.root.join(FILE)
}

#[cfg(test)]
mod tests {
    use super::{Ratchet, check};
    use crate::tidy::{
        Findings,
        sizes::{Oversized, Size},
    };

    const MAX: usize = 500;

    fn actual(lines: usize) -> Oversized {
        let path = "a.rs".to_owned();
        Oversized::from([(path.clone(), Size { lines, path, line: 1 })])
    }

    #[test]
    fn sizes_may_only_shrink() {
        for (recorded, lines, findings) in
            [(None, 501, 1), (Some(600), 601, 1), (Some(600), 600, 0), (Some(600), 599, 1)]
        {
            let recorded = recorded.map(|lines| ("a.rs".to_owned(), lines)).into_iter().collect();
            let mut found = Findings::default();
            check("file", MAX, &recorded, &actual(lines), &mut found);
            assert_eq!(found.0.len(), findings, "{recorded:?} {lines}");
        }
    }

    #[test]
    fn an_update_never_raises_or_adds() {
        for (recorded, lines, expected) in
            [(Some(600), 550, Some(550)), (Some(600), 650, Some(600)), (None, 650, None)]
        {
            let files = recorded.map(|lines| ("a.rs".to_owned(), lines)).into_iter().collect();
            let mut ratchet = Ratchet { files, ..Ratchet::default() };
            ratchet.shrink(&actual(lines), &Oversized::new());
            assert_eq!(ratchet.files.get("a.rs").copied(), expected);
            ratchet.shrink(&Oversized::new(), &Oversized::new());
            assert!(ratchet.files.is_empty(), "what is small enough leaves the list");
        }
    }
}
