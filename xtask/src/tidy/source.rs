//! The files of the project, and what of them is test code.

use std::{collections::BTreeSet, fs, ops::RangeInclusive};

use anyhow::{Context, Result};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{Attribute, File, Item, spanned::Spanned};

use crate::{command, tidy::Findings, workspace::Workspace};

/// Files that are written by tools or are data: nothing in them is anybody's style.
const GENERATED: [&str; 5] = [".lock", "package-lock.json", ".min.js", ".min.css", ".svg"];

/// Everything that git knows of or would add.
pub(crate) struct Tree {
    pub(crate) texts: Vec<Text>,
    pub(crate) sources: Vec<Source>,
}

/// A text file that people write.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A Rust file.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) lines: usize,
    pub(crate) syntax: File,
    /// The tokens outside of test code, without comments.
    pub(crate) tokens: Vec<Token>,
    tests: Vec<RangeInclusive<usize>>,
}

/// A token with its line; a string or number is an empty text.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

impl Tree {
    /// Reads all files; one that does not parse is a finding and otherwise left out.
    pub(crate) fn read(workspace: &Workspace, findings: &mut Findings) -> Result<Self> {
        let mut tree = Self { texts: Vec::new(), sources: Vec::new() };
        for path in tracked(workspace)? {
            if GENERATED.iter().any(|end| path.ends_with(end)) {
                continue;
            }
            // Neither deleted but not yet committed files nor binary ones are texts.
            let Ok(text) = fs::read_to_string(workspace.root.join(&path)) else { continue };
            if path.ends_with(".rs") {
                match Source::parse(&path, &text) {
                    Ok(source) => tree.sources.push(source),
                    Err(error) => findings.add(
                        &path,
                        error.span().start().line,
                        format!("this is no valid Rust: {error}"),
                    ),
                }
            }
            tree.texts.push(Text { path, text });
        }
        Ok(tree)
    }

    pub(crate) fn source(&self, path: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.path == path)
    }
}

impl Source {
    pub(crate) fn parse(path: &str, text: &str) -> syn::Result<Self> {
        let syntax = syn::parse_file(text)?;
        let tests = test_ranges(&syntax.items);
        let lines = text.lines().count();
        let mut tokens = Vec::new();
        if !is_test_file(path) {
            flatten(text.parse()?, &mut tokens);
            tokens.retain(|token| !tests.iter().any(|range| range.contains(&token.line)));
        }
        Ok(Self { path: path.to_owned(), lines, syntax, tokens, tests })
    }

    /// Whether all of it is test code.
    pub(crate) fn is_test(&self) -> bool {
        is_test_file(&self.path)
    }

    pub(crate) fn is_test_line(&self, line: usize) -> bool {
        self.is_test() || self.tests.iter().any(|range| range.contains(&line))
    }

    /// How many lines are not test code.
    pub(crate) fn code_lines(&self) -> usize {
        let inside: usize = self.tests.iter().map(|range| range.clone().count()).sum();
        self.lines.saturating_sub(inside)
    }

    /// The lines where the given tokens follow one another.
    pub(crate) fn find<'a>(&'a self, sequence: &'a [&str]) -> impl Iterator<Item = usize> + 'a {
        self.tokens
            .windows(sequence.len())
            .filter(move |window| {
                window.iter().zip(sequence).all(|(token, text)| token.text == *text)
            })
            .map(|window| window[0].line)
    }
}

fn tracked(workspace: &Workspace) -> Result<BTreeSet<String>> {
    let mut list = workspace.command("git");
    list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let list = command::output(&mut list).context("tidy asks git which files belong here")?;
    Ok(list.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

fn is_test_file(path: &str) -> bool {
    ["/tests/", "/benches/"].iter().any(|part| path.contains(part)) || path.ends_with("/tests.rs")
}

/// The lines of items that exist in tests only.
fn test_ranges(items: &[Item]) -> Vec<RangeInclusive<usize>> {
    let mut ranges = Vec::new();
    for item in items {
        if attributes(item).iter().any(is_test_attribute) {
            ranges.push(item.span().start().line..=item.span().end().line);
        } else if let Item::Mod(module) = item
            && let Some((_, inner)) = &module.content
        {
            ranges.extend(test_ranges(inner));
        }
    }
    ranges
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_test_attribute(attribute: &Attribute) -> bool {
    attribute.path().is_ident("test")
        || attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                tokens.push(Token { text: open.to_owned(), line });
                flatten(group.stream(), tokens);
                let line = group.span_close().start().line;
                tokens.push(Token { text: close.to_owned(), line });
            }
            TokenTree::Literal(_) => tokens.push(Token { text: String::new(), line }),
            other => tokens.push(Token { text: other.to_string(), line }),
        }
    }
}

const fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::Source;

    const TEXT: &str = r##"//! .unwrap() in docs

/// .unwrap() in docs
fn code() {
    let text = ".unwrap()"; // .unwrap()
    let r = r#".unwrap()"#;
    assert!(one().unwrap());
}

mod inner {
    #[cfg(test)]
    fn only_in_tests() {
        one().unwrap();
    }
}

#[cfg(test)]
mod tests {
    fn test() {
        one().unwrap();
    }
}

#[cfg(not(test))]
fn more_code() {
    one()
        .unwrap();
}
"##;

    #[test]
    fn tests_docs_comments_and_strings_are_no_code() {
        let source = Source::parse("src/lib.rs", TEXT).unwrap();
        let found: Vec<_> = source.find(&[".", "unwrap", "(", ")"]).collect();
        assert_eq!(found, [7, 27]);
        assert_eq!(source.code_lines(), 28 - 4 - 6);
    }

    #[test]
    fn a_file_of_tests_has_no_code() {
        for path in ["crates/a/tests/b.rs", "crates/a/benches/b.rs", "crates/a/src/b/tests.rs"] {
            assert!(Source::parse(path, TEXT).unwrap().tokens.is_empty(), "{path}");
        }
    }
}
