//! The file as the database engine sees it.

use super::Check;
use crate::check::{About, Problem, Stage};
use crate::sqlite::fault::Result;

/// Lets the database engine look at all its pages, indexes and constraints.
pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    check.tell(Stage::File, 0, 1);
    let mut statement = check.connection.prepare("PRAGMA integrity_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let detail: String = row.get(0)?;
        if detail != "ok" {
            check.note(About::File, Problem::Damaged { detail });
        }
    }
    check.tell(Stage::File, 1, 1);
    Ok(())
}
