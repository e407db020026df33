//! Every error code that a client may see stands in the book, and the book has no others.

use std::collections::BTreeMap;

use syn::{
    ImplItemFn, ItemFn, ItemMod, LitStr,
    visit::{self, Visit},
};

use crate::tidy::{
    Findings,
    source::{Text, Tree},
};

/// The list for people: a table whose rows begin with a code.
const PAGE: &str = "book/src/guide/graphql/errors.md";

/// Where codes are made.
const SOURCES: [&str; 2] = ["crates/admission/src/", "crates/node/src/"];

/// Compares the codes of the sources with the rows of the page.
pub(crate) fn check(tree: &Tree, findings: &mut Findings) {
    let mut made = BTreeMap::new();
    for source in &tree.sources {
        if SOURCES.iter().any(|start| source.path.starts_with(start)) {
            let mut codes = Codes::default();
            codes.visit_file(&source.syntax);
            for (code, line) in codes.found {
                made.entry(code).or_insert((source.path.clone(), line));
            }
        }
    }
    let page = tree.texts.iter().find(|text| text.path == PAGE);
    let listed = page.map(listed).unwrap_or_default();
    for (code, (path, line)) in &made {
        if !listed.contains_key(code) {
            findings.add(path, *line, format!("error code `{code}` is not in {PAGE}"));
        }
    }
    for (code, line) in listed {
        if !made.contains_key(&code) {
            findings.add(PAGE, line, format!("no error has the code `{code}`"));
        }
    }
}

/// The codes that rows of tables begin with.
fn listed(page: &Text) -> BTreeMap<String, usize> {
    let code = |(line, text): (usize, &str)| {
        let (code, _) = text.strip_prefix("| `")?.split_once('`')?;
        is_code(code).then(|| (code.to_owned(), line))
    };
    (1..).zip(page.text.lines()).filter_map(code).collect()
}

fn is_code(text: &str) -> bool {
    text.contains('_') && text.chars().all(|char| char.is_ascii_uppercase() || char == '_')
}

/// The codes in functions named `code` or `…_code` and in modules named `code`.
#[derive(Default)]
struct Codes {
    is_inside: bool,
    found: Vec<(String, usize)>,
}

impl Codes {
    fn inside(&mut self, is_place: bool, walk: impl FnOnce(&mut Self)) {
        let before = self.is_inside;
        self.is_inside |= is_place;
        walk(self);
        self.is_inside = before;
    }
}

impl<'ast> Visit<'ast> for Codes {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.inside(tells_codes(&item.sig.ident.to_string()), |codes| {
            visit::visit_item_fn(codes, item)
        });
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.inside(tells_codes(&item.sig.ident.to_string()), |codes| {
            visit::visit_impl_item_fn(codes, item);
        });
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.inside(item.ident == "code", |codes| visit::visit_item_mod(codes, item));
    }

    fn visit_lit_str(&mut self, literal: &'ast LitStr) {
        if self.is_inside && is_code(&literal.value()) {
            self.found.push((literal.value(), literal.span().start().line));
        }
    }
}

fn tells_codes(function: &str) -> bool {
    function == "code" || function.ends_with("_code")
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::{
        Findings,
        source::{Source, Text, Tree},
    };

    #[test]
    fn codes_and_rows_belong_together() {
        let code = "mod code { pub const A: &str = \"ONE_CODE\"; }
            impl E { fn code(&self) -> &str { \"TWO_CODE\" } fn text() -> &str { \"NO_CODE\" } }
            fn store_code() -> &str { \"THREE_CODE\" }";
        for (rows, findings) in [
            ("| `ONE_CODE` | a |\n| `TWO_CODE` | b |\n| `THREE_CODE` | c |", 0),
            ("| `ONE_CODE` | a |\n| `TWO_CODE` | b |", 1),
            (
                "| `ONE_CODE` | a |\n| `TWO_CODE` | b |\n| `THREE_CODE` | c |\n| `FOUR_CODE` | d |",
                1,
            ),
        ] {
            let source = Source::parse("crates/node/src/a.rs", code).expect("it is Rust");
            let page = Text { path: super::PAGE.to_owned(), text: rows.to_owned() };
            let tree = Tree { texts: vec![page], sources: vec![source] };
            let mut found = Findings::default();
            check(&tree, &mut found);
            assert_eq!(found.0.len(), findings, "{rows}");
        }
    }
}
