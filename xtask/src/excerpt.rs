//! The lines that matter in what a failed command wrote: names and messages of failed tests,
//! errors of compilers, findings of fuzzers; else the last lines.

/// How many lines a passage may have.
const PASSAGE_LINES_MAX: usize = 14;

/// How many lines are taken from the end where no passage is known.
const LAST_LINES: usize = 40;

/// Longer lines are cut: values that differ may be printed with thousands of characters.
const LINE_CHARS_MAX: usize = 240;

/// The lines that matter, in at most about so many bytes.
pub(crate) fn excerpt(wrote: &str, bytes_max: usize) -> String {
    let plain = without_colours(wrote);
    // Which parts of Node.js called a test says nothing.
    let is_inside = |line: &&str| line.contains(" node:internal/") || line.contains("(node:");
    let lines = plain.lines().map(str::trim_end).filter(|line| !is_inside(line));
    let lines: Vec<_> = lines.collect();
    let mut passages = passages(&lines);
    if passages.is_empty() {
        let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
        passages = last.iter().map(|line| cut(line)).collect();
        return end(&passages.join("\n"), bytes_max);
    }
    fit(&passages, bytes_max)
}

/// How a passage ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Until {
    /// With its line.
    Line,
    /// Before a line that is empty.
    Empty,
    /// Before the next passage.
    Next,
}

/// Whether a line begins a passage.
fn begins(line: &str) -> Option<Until> {
    let is_test = line.starts_with("test ") && line.ends_with("... FAILED");
    let is_process = line.contains("process didn't exit successfully");
    if is_test || is_process || line.starts_with("SUMMARY: ") {
        return Some(Until::Line);
    }
    // Where Node.js lists failed tests, each begins with its place.
    if line.starts_with("test at ") {
        return Some(Until::Next);
    }
    let is_test = line.starts_with("---- ") && line.ends_with(" stdout ----");
    let is_error = ["error: ", "error[", "Diff in "].iter().any(|start| line.starts_with(start));
    let is_finding = line.starts_with("==") && line.contains("ERROR: ");
    let is_panic = line.contains(" panicked at ");
    (is_test || is_error || is_finding || is_panic).then_some(Until::Empty)
}

fn passages(lines: &[&str]) -> Vec<String> {
    let mut passages = Vec::new();
    let mut rest = lines;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let Some(until) = begins(first) else { continue };
        let is_part = |line: &&&str| match until {
            Until::Line => false,
            Until::Empty => {
                !line.is_empty() && **line != "stack backtrace:" && begins(line).is_none()
            }
            Until::Next => begins(line) != Some(Until::Next),
        };
        let length = behind.iter().take(PASSAGE_LINES_MAX - 1).take_while(is_part).count();
        let passage: Vec<_> = std::iter::once(first).chain(&behind[..length]).collect();
        passages.push(passage.into_iter().map(|line| cut(line)).collect::<Vec<_>>().join("\n"));
        rest = &behind[length..];
    }
    passages
}

/// As many passages as there is room for, and how many there are beyond.
fn fit(passages: &[String], bytes_max: usize) -> String {
    let mut text = String::new();
    for (number, passage) in passages.iter().enumerate() {
        let room = bytes_max.saturating_sub(text.len());
        if passage.len() > room {
            text.push_str(&passage[..passage.floor_char_boundary(room)]);
            text.push_str("…\n");
            if let Some(more @ 1..) = passages.len().checked_sub(number + 1) {
                text.push_str(&format!("… and {more} more\n"));
            }
            break;
        }
        text.push_str(passage.trim_end());
        text.push('\n');
    }
    text
}

/// The end of a text.
fn end(text: &str, bytes_max: usize) -> String {
    let from = text.ceil_char_boundary(text.len().saturating_sub(bytes_max));
    format!("{}\n", text[from..].trim_end())
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(LINE_CHARS_MAX) {
        None => line.to_owned(),
        Some((place, _)) => format!("{}…", &line[..place]),
    }
}

/// Takes out what colours text on a terminal (ECMA-48, SGR): ESC, `[`, numbers, `m`.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|char: char| char.is_ascii_digit() || char == ';');
        plain.push_str(rest.get(1..).unwrap_or_default());
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUST: &str = "\
   Compiling x v0.1.0
\u{1b}[32m     Running\u{1b}[0m tests/y.rs

running 2 tests
test good ... ok
test bad ... FAILED

failures:

---- bad stdout ----
seed 7
thread 'bad' (1) panicked at tests/y.rs:3:5:
assertion `left == right` failed
  left: 1
 right: 2
note: run with `RUST_BACKTRACE=1`


failures:
    bad

test result: FAILED. 1 passed; 1 failed

\u{1b}[31merror\u{1b}[0m: test failed, to rerun pass `-p x --test y`

Caused by:
  process didn't exit successfully: `y` (signal: 6)
";

    #[test]
    fn failed_tests_are_named_with_their_messages() {
        let expected = "\
test bad ... FAILED
---- bad stdout ----
seed 7
thread 'bad' (1) panicked at tests/y.rs:3:5:
assertion `left == right` failed
  left: 1
 right: 2
note: run with `RUST_BACKTRACE=1`
error: test failed, to rerun pass `-p x --test y`
  process didn't exit successfully: `y` (signal: 6)
";
        assert_eq!(excerpt(RUST, 6_000), expected);
    }

    #[test]
    fn failed_tests_of_node_are_listed_from_where_they_begin() {
        let text = "✔ good (1ms)\nℹ fail 2\n\n✖ failing tests:\n\ntest at a.js:1:1\n✖ bad\n  Error:\n\n  \
                    1 !== 2\n      at Test.run (node:internal/test_runner/test:796:25)\n\n\
                    test at b.js:2:2\n✖ worse\n";
        let expected =
            "test at a.js:1:1\n✖ bad\n  Error:\n\n  1 !== 2\ntest at b.js:2:2\n✖ worse\n";
        assert_eq!(excerpt(text, 6_000), expected);
    }

    #[test]
    fn what_is_unknown_is_shown_from_its_end() {
        let lines: Vec<_> = (0..100).map(|number| number.to_string()).collect();
        assert_eq!(excerpt(&lines.join("\n"), 6_000), format!("{}\n", lines[60..].join("\n")));
        assert_eq!(excerpt(&"é".repeat(20), 5), "éé\n");
        assert_eq!(excerpt("", 5), "\n");
    }

    #[test]
    fn excerpts_are_bounded() {
        let one = "error: something\n\n";
        assert_eq!(excerpt(&one.repeat(3), 40), "error: something\nerror: something\nerror:…\n");
        let text = format!("error: {}\n\n", "é".repeat(2_000)).repeat(1_000);
        assert!(excerpt(&text, 3_000).len() < 3_050);
        assert!(excerpt(&text, 3_000).ends_with(" more\n"));
    }
}
