//! Tables of text in aligned columns.

use std::fmt::Write;

use crate::style::{BOLD, paint};

/// A table: a heading and rows of as many cells.
#[derive(Debug)]
pub(crate) struct Table {
    heading: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<T: Into<String>>(heading: impl IntoIterator<Item = T>) -> Self {
        Self { heading: heading.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(|cell| one_line(&cell.into())).collect());
    }

    /// The table as text, every line indented by two spaces.
    pub(crate) fn render(&self) -> String {
        let widths = self.widths();
        let mut text = String::new();
        let heading: Vec<_> = self.heading.iter().map(|cell| paint(BOLD, cell)).collect();
        write_row(&mut text, &heading, &widths);
        for row in &self.rows {
            write_row(&mut text, row, &widths);
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<_> = self.heading.iter().map(|cell| width(cell)).collect();
        for row in &self.rows {
            for (most, cell) in widths.iter_mut().zip(row) {
                *most = width(cell).max(*most);
            }
        }
        widths
    }
}

fn write_row(text: &mut String, cells: &[String], widths: &[usize]) {
    let mut line = String::new();
    for (cell, most) in cells.iter().zip(widths) {
        let space = most.saturating_sub(width(cell)) + GAP;
        let _ = write!(line, "{cell}{:space$}", "");
    }
    let _ = writeln!(text, "  {}", line.trim_end());
}

/// Columns on the screen: characters without the escapes that colour them.
fn width(cell: &str) -> usize {
    anstream::adapter::strip_str(cell).map(|part| part.chars().count()).sum()
}

/// A cell of at most [`LONGEST`] characters without line breaks.
fn one_line(cell: &str) -> String {
    let cell = cell.replace(['\n', '\r', '\t'], " ");
    if width(&cell) <= LONGEST || cell.contains('\u{1b}') {
        return cell;
    }
    let mut short: String = cell.chars().take(LONGEST - 1).collect();
    short.push('…');
    short
}

/// Spaces between columns.
const GAP: usize = 2;
/// Longer cells are cut; `--json` shows them whole.
const LONGEST: usize = 72;

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_aligned_and_long_cells_cut() {
        let mut table = Table::new(["name", "n"]);
        table.row(["Pandä\nnus", "1"]);
        table.row([&"x".repeat(100), "2"]);
        let text = anstream::adapter::strip_str(&table.render()).to_string();
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[1].starts_with("  Pandä nus "));
        assert!(lines[2].contains("x…  2"));
        assert_eq!(lines[1].chars().count(), lines[2].chars().count());
    }
}
