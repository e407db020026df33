//! Rust in the book comes from files that are compiled.

use crate::tidy::{Findings, source::Tree};

const BOOK: &str = "book/src/";

/// Checks that blocks of Rust include a file.
pub(crate) fn check(tree: &Tree, findings: &mut Findings) {
    for text in tree.texts.iter().filter(|text| text.path.starts_with(BOOK)) {
        for line in written_out(&text.text) {
            let sentence = "include Rust from a file that is compiled: `{{#include …}}`";
            findings.add(&text.path, line, sentence);
        }
    }
}

/// The lines where a block of Rust begins with anything but an included file.
fn written_out(text: &str) -> Vec<usize> {
    let lines = (1..).zip(text.lines());
    let next = text.lines().skip(1).map(Some).chain([None]);
    lines
        .zip(next)
        .filter(|((_, line), next)| {
            let is_included = next.is_some_and(|next| next.starts_with("{{#include "));
            line.starts_with("```rust") && !is_included
        })
        .map(|((number, _), _)| number)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::written_out;

    #[test]
    fn rust_is_included() {
        for (text, expected) in [
            ("```rust\n{{#include a.rs}}\n```", &[][..]),
            ("```sh\nls\n```", &[]),
            ("a\n```rust,ignore\nfn a() {}\n```", &[2]),
            ("```rust", &[1]),
        ] {
            assert_eq!(written_out(text), expected, "{text}");
        }
    }
}
