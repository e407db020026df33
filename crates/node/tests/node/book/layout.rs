//! Answers in a form that fits on a page.

/// Columns of a code block.
const WIDTH: usize = 88;

/// Hexadecimal digits that are shown of hashes, keys and encoded data.
const DIGITS: usize = 12;

/// Longer runs of digits are cut; hashes and keys are.
const DIGITS_MAX: usize = 60;

/// JSON as the node writes it, with its order, broken into lines where it is long.
pub(super) fn json_text(text: &str) -> String {
    laid_out(&with_short_cursors(text), 0)
}

fn laid_out(text: &str, indent: usize) -> String {
    let line = spaced(text);
    let is_nested = text.starts_with(['{', '[']);
    if !is_nested || shortened(&line).chars().count() + indent <= WIDTH {
        return line;
    }
    let (open, close) = (&text[..1], &text[text.len() - 1..]);
    let inner = " ".repeat(indent + 2);
    let members = members(&text[1..text.len() - 1]).into_iter().map(|member| {
        let (name, value) = named(member);
        format!("{inner}{name}{}", laid_out(value, indent + 2))
    });
    let members: Vec<String> = members.collect();
    format!("{open}\n{}\n{}{close}", members.join(",\n"), " ".repeat(indent))
}

/// The parts between commas that are not inside of anything.
fn members(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let mut start = 0;
    let mut found = Vec::new();
    for (at, char) in outside_strings(text) {
        match char {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&text[start..]);
    found
}

/// The name of a member with its colon, and the value.
fn named(member: &str) -> (String, &str) {
    let colon = outside_strings(member).find(|(_, char)| ":{[".contains(*char));
    match colon {
        Some((at, ':')) => (format!("{}: ", &member[..at]), &member[at + 1..]),
        _ => (String::new(), member),
    }
}

fn spaced(text: &str) -> String {
    let mut line = String::new();
    let mut rest = 0;
    for (at, char) in outside_strings(text) {
        line += &text[rest..at];
        line += match char {
            ',' => ", ",
            ':' => ": ",
            '{' if !text[at..].starts_with("{}") => "{ ",
            '}' if !text[..at].ends_with('{') => " }",
            _ => &text[at..at + char.len_utf8()],
        };
        rest = at + char.len_utf8();
    }
    line + &text[rest..]
}

fn outside_strings(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut is_inside, mut is_escaped) = (false, false);
    text.char_indices().filter(move |(_, char)| {
        let was_inside = is_inside;
        if *char == '"' && !is_escaped {
            is_inside = !is_inside;
        }
        is_escaped = *char == '\\' && !is_escaped;
        !was_inside && *char != '"'
    })
}

/// Cuts long runs of hexadecimal digits.
pub(super) fn shortened(text: &str) -> String {
    let mut short = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let run = rest.find(|char: char| !char.is_ascii_digit() && !('a'..='f').contains(&char));
        let run = run.unwrap_or(rest.len());
        if run > DIGITS_MAX {
            short += &rest[..DIGITS];
            short.push('…');
        } else {
            short += &rest[..run];
        }
        let end = rest[run..].chars().next().map_or(run, |char| run + char.len_utf8());
        short += &rest[run..end];
        rest = &rest[end..];
    }
    with_short_cursors(&short)
}

/// Cuts the values of cursors, wherever they stand.
fn with_short_cursors(text: &str) -> String {
    ["endCursor\":\"", "endCursor\": \"", "after: \""].into_iter().fold(
        text.to_owned(),
        |text, start| match text.split_once(start) {
            Some((head, tail)) => {
                let (cursor, tail) = tail.split_once('"').unwrap();
                let cut: String = cursor.trim_end_matches('…').chars().take(DIGITS).collect();
                format!("{head}{start}{cut}…\"{tail}")
            }
            None => text,
        },
    )
}
