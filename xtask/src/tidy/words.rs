//! Words that do not belong here: unfinished code, hidden panics, places on somebody's disk.

use crate::tidy::{
    Findings,
    source::{Text, Tree},
};

/// Token sequences that are findings outside of test code, with what to say.
const CODE: [(&[&str], &str); 4] = [
    (&["todo", "!", "("], "the code is unfinished"),
    (&["unimplemented", "!", "("], "the code is unfinished"),
    (&["dbg", "!", "("], "a debugging aid was left behind"),
    (&[".", "unwrap", "(", ")"], "use `expect` with the reason why it cannot fail, or an error"),
];

/// Notes to oneself; in two halves, so that this file is not a finding.
const NOTES: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Beginnings of paths that exist on one machine only, in two halves for the same reason.
const MACHINE_PATHS: [&str; 3] =
    [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("..", "/shared")];

/// Checks the code of Rust files and the lines of all texts.
pub(crate) fn check(tree: &Tree, findings: &mut Findings) {
    for source in &tree.sources {
        for (sequence, sentence) in CODE {
            for line in source.find(sequence) {
                findings.add(&source.path, line, sentence);
            }
        }
    }
    for text in &tree.texts {
        check_lines(text, findings);
    }
}

fn check_lines(Text { path, text }: &Text, findings: &mut Findings) {
    for (number, line) in (1..).zip(text.lines()) {
        if NOTES.iter().any(|note| has_word(line, note)) {
            findings.add(path, number, "notes to oneself belong into an issue");
        }
        if MACHINE_PATHS.iter().any(|start| has_path(line, start)) {
            findings.add(path, number, "this path exists on one machine only");
        }
    }
}

/// Whether the word stands alone, not as a part of another.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// Whether a path begins like this, which a later part of another path does not.
fn has_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| is_word(c) || matches!(c, '.' | '/' | '~' | '}'))
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

#[cfg(test)]
mod tests {
    use super::{has_path, has_word};

    #[test]
    fn words_stand_alone() {
        for (line, found) in [("a NOTE b", true), ("NOTE: x", true), ("DENOTE", false)] {
            assert_eq!(has_word(line, "NOTE"), found, "{line}");
        }
    }

    #[test]
    fn paths_begin_somewhere() {
        for (line, found) in [
            ("cd /here/x", true),
            ("\"/here/x\"", true),
            ("a/here/x", false),
            ("https://host/here/x", false),
        ] {
            assert_eq!(has_path(line, "/here/"), found, "{line}");
        }
    }
}
