//! Links between texts of the repository lead somewhere, and the book shows all of its pages.

use std::path::{Component, Path, PathBuf};

use crate::{
    tidy::{
        Findings,
        source::{Text, Tree},
    },
    workspace::Workspace,
};

/// The table of contents of the book, and the folder of its pages.
const SUMMARY: &str = "book/src/SUMMARY.md";
const BOOK: &str = "book/src/";

/// Checks relative links and included files of all Markdown texts.
pub(crate) fn check(workspace: &Workspace, tree: &Tree, findings: &mut Findings) {
    let mut contents = Vec::new();
    for text in tree.texts.iter().filter(|text| text.path.ends_with(".md")) {
        for (line, target) in targets(&text.text) {
            let Some(path) = resolve(&text.path, target) else {
                findings.add(&text.path, line, format!("`{target}` leads out of the repository"));
                continue;
            };
            if !workspace.root.join(&path).exists() {
                findings.add(&text.path, line, format!("`{target}` leads to no file"));
            }
            if text.path == SUMMARY {
                contents.push(path);
            }
        }
    }
    for Text { path, .. } in &tree.texts {
        let is_page = path.starts_with(BOOK) && path.ends_with(".md") && path != SUMMARY;
        if is_page && !contents.iter().any(|entry| entry == Path::new(path)) {
            findings.add(path, 1, format!("this page is not in {SUMMARY}"));
        }
    }
}

/// The files to which a text refers, with the lines where it does.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (number, line) in (1..).zip(text.lines()) {
        found.extend(included(line).map(|target| (number, target)));
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            let links = outside_code(line).flat_map(linked).filter_map(file_of);
            found.extend(links.map(|target| (number, target)));
        }
    }
    found
}

/// The file in `{{#include file:lines}}`, which also counts within code.
fn included(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("{{#include ")?;
    let (target, _) = rest.split_once("}}")?;
    target.split(':').next()
}

/// The parts of a line that are not between backticks.
fn outside_code(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').step_by(2)
}

/// What stands in parentheses behind brackets, or behind brackets and a colon at the beginning.
fn linked(part: &str) -> impl Iterator<Item = &str> {
    let definition = part.starts_with('[').then(|| part.split_once("]: ")).flatten();
    let inline = part.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    inline.chain(definition.map(|(_, target)| target.trim()))
}

/// The file of a link; nothing for places elsewhere and within the same text.
fn file_of(link: &str) -> Option<&str> {
    let file = link.split('#').next().filter(|file| !file.is_empty())?;
    let is_elsewhere = file.contains("://") || file.starts_with("mailto:");
    (!is_elsewhere).then_some(file)
}

/// The path from the root of the repository; none when it leads out of it.
fn resolve(from: &str, target: &str) -> Option<PathBuf> {
    let mut path = Path::new(from).parent()?.to_path_buf();
    for component in Path::new(target).components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir if path.pop() => {}
            _ => return None,
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{resolve, targets};

    #[test]
    fn links_and_includes_are_found() {
        for (text, expected) in [
            ("[a](b.md) and [c](../d/e.md#f \"g\")", &["b.md", "../d/e.md"][..]),
            ("- [a `b`](c.md)", &["c.md"]),
            ("[a]: b.md", &["b.md"]),
            ("<https://host/a> [b](https://host/c) [d](#e) [f](mailto:g@h)", &[]),
            ("`[a](b.md)`\n```text\n[a](b.md)\n```\n[a](c.md)", &["c.md"]),
            ("```rust\n{{#include ../a.rs:5:9}}\n```", &["../a.rs"]),
        ] {
            let found: Vec<_> = targets(text).into_iter().map(|(_, target)| target).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn paths_stay_in_the_repository() {
        for (from, target, expected) in [
            ("README.md", "book/a.md", Some("book/a.md")),
            ("book/src/a.md", "../../crates/b", Some("crates/b")),
            ("README.md", "../a.md", None),
            ("README.md", "/a.md", None),
        ] {
            assert_eq!(resolve(from, target).as_deref(), expected.map(Path::new), "{target}");
        }
    }
}
