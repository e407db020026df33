//! Every requirement of the specification is checked somewhere and has a test named after it.
//!
//! The list is a table in the book, which people read as well:
//!
//! ```text
//! | number | what it asks | checked in | test |
//! |---|---|---|---|
//! | OP5 | A sentence. | `operations/src/decode.rs` | `op5_update_without_previous_is_refused` |
//! | OP9 | A sentence. | none: and why | none: and why |
//! ```

use std::collections::BTreeMap;

use crate::tidy::{
    Findings,
    source::{Text, Tree},
};

/// The list.
const TABLE: &str = "book/src/spec/requirements.md";

/// What numbers begin with; the specification spells two of its numbers with a single letter.
const PREFIXES: [&str; 11] = ["BA", "BU", "DO", "DV", "EN", "KY", "NO", "OP", "PN", "RE", "SC"];
const ODD_NUMBERS: [&str; 2] = ["D10", "D11"];

/// How a cell begins that gives a reason instead of a place or a test.
const NONE: &str = "none: ";

/// The shortest reason that says something.
const REASON_MIN: usize = 12;

/// A line of the table.
#[derive(Debug, Eq, PartialEq)]
struct Row<'t> {
    line: usize,
    number: &'t str,
    sentence: &'t str,
    place: Cell<'t>,
    test: Cell<'t>,
}

#[derive(Debug, Eq, PartialEq)]
enum Cell<'t> {
    Code(&'t str),
    None(&'t str),
    Other,
}

/// Joins the table with sources and tests of all crates.
pub(crate) fn check(tree: &Tree, findings: &mut Findings) {
    let Some(table) = tree.texts.iter().find(|text| text.path == TABLE) else {
        findings.add(TABLE, 1, "the list of requirements is missing");
        return;
    };
    let sources: Vec<_> = tree.texts.iter().filter(|text| is_source(&text.path)).collect();
    let tests = tests(&sources);
    let rows = rows(&table.text);
    let mut numbers = BTreeMap::new();
    for row in &rows {
        if numbers.insert(row.number, row.line).is_some() {
            findings.add(TABLE, row.line, format!("{} comes twice", row.number));
        }
        check_row(row, &sources, &tests, findings);
    }
    for source in sources {
        for (line, number) in mentioned(&source.text) {
            if !numbers.contains_key(number.as_str()) {
                findings.add(&source.path, line, format!("{number} is not listed in {TABLE}"));
            }
        }
    }
}

fn check_row(
    row: &Row<'_>,
    sources: &[&Text],
    tests: &BTreeMap<&str, bool>,
    findings: &mut Findings,
) {
    let mut add = |sentence: String| findings.add(TABLE, row.line, sentence);
    let number = row.number;
    if !is_number(number) {
        add(format!("`{number}` is no number of a requirement"));
    }
    if row.sentence.is_empty() {
        add(format!("{number} asks for nothing"));
    }
    match row.place {
        Cell::Code(path) if !is_mentioned(number, path, sources) => {
            add(format!("crates/{path} does not mention {number}"));
        }
        Cell::Code(_) => {}
        Cell::None(reason) if reason.len() >= REASON_MIN => {}
        _ => add(format!("{number} needs a file that checks it, or `{NONE}` and the reason")),
    }
    match row.test {
        Cell::Code(name) if tests.get(name) != Some(&true) => {
            add(format!("there is no test `{name}`"));
        }
        Cell::Code(name) if !is_named_after(name, number) => {
            add(format!("test `{name}` is not named after {number}"));
        }
        Cell::Code(_) => {}
        Cell::None(reason) if reason.len() >= REASON_MIN => {}
        _ => add(format!("{number} needs a test, or `{NONE}` and the reason")),
    }
}

/// Sources and tests of crates.
fn is_source(path: &str) -> bool {
    path.starts_with("crates/") && path.ends_with(".rs")
}

fn is_mentioned(number: &str, path: &str, sources: &[&Text]) -> bool {
    let full = format!("crates/{path}");
    let is_code = full.contains("/src/");
    is_code
        && sources.iter().any(|source| {
            source.path == full && mentioned(&source.text).iter().any(|(_, found)| found == number)
        })
}

/// Whether a test begins with the number, perhaps behind others: `op1_ba1_…`.
fn is_named_after(test: &str, number: &str) -> bool {
    test.split('_')
        .map(str::to_uppercase)
        .take_while(|segment| is_number(segment))
        .any(|segment| segment == number)
}

/// The table's lines below its head.
fn rows(table: &str) -> Vec<Row<'_>> {
    (1..).zip(table.lines()).filter_map(|(line, text)| row(line, text)).collect()
}

fn row(line: usize, text: &str) -> Option<Row<'_>> {
    let cells = text.trim().strip_prefix('|')?.strip_suffix('|')?;
    let cells: Vec<_> = cells.split('|').map(str::trim).collect();
    let &[number, sentence, place, test] = cells.as_slice() else { return None };
    let is_head = number == "number" || number.starts_with('-');
    (!is_head).then_some(Row { line, number, sentence, place: cell(place), test: cell(test) })
}

fn cell(text: &str) -> Cell<'_> {
    let code = text.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    match (code, text.strip_prefix(NONE)) {
        (Some(code), _) => Cell::Code(code),
        (None, Some(reason)) => Cell::None(reason),
        (None, None) => Cell::Other,
    }
}

/// All functions, and whether any of that name is a test.
fn tests<'t>(sources: &[&'t Text]) -> BTreeMap<&'t str, bool> {
    let mut tests = BTreeMap::new();
    for source in sources {
        let mut has_attribute = false;
        for line in source.text.lines().map(str::trim_start) {
            if let Some(name) = function(line) {
                *tests.entry(name).or_default() |= has_attribute;
            }
            let is_between = line.starts_with("#[") || line.starts_with("//");
            has_attribute = line.starts_with("#[test]")
                || line.starts_with("#[tokio::test")
                || (has_attribute && is_between);
        }
    }
    tests
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?;
    rest.split_once(['(', '<']).map(|(name, _)| name)
}

/// All numbers that stand alone in a text, with their lines; test names count as well.
fn mentioned(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let words = line.split(|c: char| !c.is_ascii_alphanumeric());
        found.extend(words.filter(|word| is_number(word)).map(|word| (number, word.to_owned())));
        if let Some(name) = function(line.trim_start()) {
            let segments = name.split('_').map(str::to_uppercase);
            let numbers = segments.take_while(|segment| is_number(segment));
            found.extend(numbers.map(|segment| (number, segment)));
        }
    }
    found
}

fn is_number(word: &str) -> bool {
    let digits =
        word.get(..2).filter(|head| PREFIXES.contains(head)).map(|head| &word[head.len()..]);
    let is_regular = digits.is_some_and(|digits| {
        (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    is_regular || ODD_NUMBERS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::{
        Findings,
        source::{Text, Tree},
    };

    const HEAD: &str = "| number | what it asks | checked in | test |\n|---|---|---|---|\n";

    const SOURCE: &str = "/// Too early (OP5).\nEarly,\n";

    const TESTS: &str = "#[test]\n// Why.\nfn op1_op5_early_is_refused() {}\nfn op5_helper() {}\n";

    fn findings(row: &str) -> Vec<String> {
        let text = |path: &str, text: &str| Text { path: path.to_owned(), text: text.to_owned() };
        let op1 = "| OP1 | Asks. | none: a reason that says why | none: a reason that says why |\n";
        let texts = vec![
            text(super::TABLE, &format!("{HEAD}{op1}{row}")),
            text("crates/a/src/b.rs", SOURCE),
            text("crates/a/tests/c.rs", TESTS),
        ];
        let mut findings = Findings::default();
        check(&Tree { texts, sources: Vec::new() }, &mut findings);
        findings.0.into_iter().map(|finding| finding.sentence).collect()
    }

    #[test]
    fn a_requirement_has_a_check_and_a_test() {
        let good = "| OP5 | Asks. | `a/src/b.rs` | `op1_op5_early_is_refused` |";
        assert_eq!(findings(good), [""; 0]);
        for (row, expected) in [
            ("| OP5 | Asks. | `a/src/x.rs` | `op1_op5_early_is_refused` |", "does not mention"),
            ("| OP5 | Asks. | `a/tests/c.rs` | `op1_op5_early_is_refused` |", "does not mention"),
            ("| OP5 | Asks. | | `op1_op5_early_is_refused` |", "needs a file"),
            ("| OP5 | Asks. | none: no | `op1_op5_early_is_refused` |", "needs a file"),
            ("| OP5 | Asks. | `a/src/b.rs` | `op5_helper` |", "there is no test"),
            ("| OP5 | Asks. | `a/src/b.rs` | later |", "needs a test"),
            ("| OP5 | | `a/src/b.rs` | `op1_op5_early_is_refused` |", "asks for nothing"),
            ("", "OP5 is not listed"),
        ] {
            let found = findings(row);
            assert!(found.iter().any(|sentence| sentence.contains(expected)), "{row}: {found:?}");
        }
    }

    #[test]
    fn a_test_is_named_after_its_requirement() {
        let row = "| OP5 | Asks. | `a/src/b.rs` | `op1_op5_early_is_refused` |\n\
                   | EN1 | Asks. | none: a reason that says why | `op1_op5_early_is_refused` |\n\
                   | OP5 | Asks. | `a/src/b.rs` | `op1_op5_early_is_refused` |";
        let found = findings(row);
        assert_eq!(
            found,
            ["test `op1_op5_early_is_refused` is not named after EN1", "OP5 comes twice"]
        );
    }
}
