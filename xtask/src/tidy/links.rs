//! Links between texts of the repository lead to files and headings, and the book shows all of its
//! pages.

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
        check_fragments(tree, text, findings);
    }
    for Text { path, .. } in &tree.texts {
        let is_page = path.starts_with(BOOK) && path.ends_with(".md") && path != SUMMARY;
        if is_page && !contents.iter().any(|entry| entry == Path::new(path)) {
            findings.add(path, 1, format!("this page is not in {SUMMARY}"));
        }
    }
}

/// Checks that `#…` in links between Markdown texts names a heading.
fn check_fragments(tree: &Tree, text: &Text, findings: &mut Findings) {
    for (line, link) in links(&text.text) {
        let Some((file, fragment)) = link.split_once('#') else { continue };
        if is_elsewhere(file) || !(file.is_empty() || file.ends_with(".md")) {
            continue;
        }
        let path = if file.is_empty() {
            Some(text.path.clone().into())
        } else {
            resolve(&text.path, file)
        };
        let target =
            tree.texts.iter().find(|other| path.as_deref() == Some(Path::new(&other.path)));
        // What is no file at all is a finding already.
        if target.is_some_and(|target| !headings(&target.text).contains(&fragment.to_owned())) {
            findings.add(&text.path, line, format!("`{link}` leads to no heading"));
        }
    }
}

/// The files to which a text refers, with the lines where it does.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let included = (1..).zip(text.lines()).filter_map(|(line, text)| Some((line, included(text)?)));
    let linked = links(text).into_iter().filter_map(|(line, link)| Some((line, file_of(link)?)));
    included.chain(linked).collect()
}

/// All links of a text outside of its code, with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let links =
        |(number, line)| outside_code(line).flat_map(linked).map(move |link| (number, link));
    prose(text).flat_map(links).collect()
}

/// The lines of a text that are not in blocks of code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// What a link to each heading looks like: lower case, hyphens for spaces, no punctuation.
fn headings(text: &str) -> Vec<String> {
    let title = |(_, line): (usize, &str)| {
        Some(line.strip_prefix('#')?.trim_start_matches('#').trim().to_lowercase())
    };
    let slug = |title: String| {
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    prose(text).filter_map(title).map(slug).collect()
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
    (!is_elsewhere(file)).then_some(file)
}

fn is_elsewhere(file: &str) -> bool {
    file.contains("://") || file.starts_with("mailto:")
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

    use super::{check_fragments, headings, resolve, targets};
    use crate::tidy::{
        Findings,
        source::{Text, Tree},
    };

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
    fn headings_have_names() {
        let text = "# One, two: `three`\n## With-out a_line?\n```sh\n# no heading\n```\ntext";
        assert_eq!(headings(text), ["one-two-three", "with-out-a_line"]);
    }

    #[test]
    fn fragments_name_headings() {
        let text = |path: &str, text: &str| Text { path: path.to_owned(), text: text.to_owned() };
        for (link, findings) in
            [("b.md#two-words", 0), ("b.md#two", 1), ("#own", 0), ("#other", 1), ("c.md#two", 0)]
        {
            let texts = vec![
                text("a/a.md", &format!("# Own\n[link]({link})")),
                text("a/b.md", "## Two words"),
            ];
            let tree = Tree { texts, sources: Vec::new() };
            let mut found = Findings::default();
            check_fragments(&tree, &tree.texts[0], &mut found);
            assert_eq!(found.0.len(), findings, "{link}");
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
