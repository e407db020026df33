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
