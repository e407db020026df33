//! The few colours of the program. They vanish where output is no terminal or `NO_COLOR` is set.

use anstyle::{AnsiColor, Style};

/// Something went wrong.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// Something holds.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Something to look at twice.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
/// Titles and names.
pub(crate) const BOLD: Style = Style::new().bold();
/// Less important text.
pub(crate) const DIM: Style = Style::new().dimmed();
/// Keys, ids and other values.
pub(crate) const VALUE: Style = AnsiColor::Cyan.on_default();

/// Colours to tell neighbours apart.
pub(crate) const PALETTE: [Style; 6] = [
    AnsiColor::Cyan.on_default(),
    AnsiColor::Green.on_default(),
    AnsiColor::Yellow.on_default(),
    AnsiColor::Magenta.on_default(),
    AnsiColor::Blue.on_default(),
    AnsiColor::BrightRed.on_default(),
];

/// Text in a style.
pub(crate) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Text of somebody else, harmless on a terminal and on one line: without control characters and
/// without those that turn the direction of writing around.
pub(crate) fn clean(text: &str) -> String {
    let clean = |char: char| match char {
        '\n' | '\r' | '\t' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        _ if char.is_control() => char::REPLACEMENT_CHARACTER,
        _ => char,
    };
    text.chars().map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn what_would_steer_a_terminal_is_taken_out() {
        assert_eq!(clean("a\u{1b}[31mb\nc\u{202e}d\u{9b}ä"), "a�[31mb c�d�ä");
    }
}
