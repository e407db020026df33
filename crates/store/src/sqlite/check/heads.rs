//! The heads of logs and their sums, by which nodes compare what they have.

use rusqlite::params;

use super::Check;
use crate::check::{About, Problem, Stage};
use crate::heads::{LogPlace, SCHEMA_OF_FORKED};
use crate::sqlite::fault::Result;
use crate::sqlite::heads::{place_to_sql, schema_row};
use crate::sqlite::{entries, head_sums};

/// Goes through all logs, and then through all sums.
pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    let parts = head_sums::all(check.connection)?;
    let total = check.count("logs")? + parts.len() as u64;
    let mut done = check_logs(check, total)?;
    for (row, part, sum) in parts {
        if head_sums::sum_of(check.connection, &part)? != sum {
            note(check, "head_sums", row, Problem::HeadsSum);
        }
        done += 1;
        check.tell(Stage::Rows, done, total);
    }
    check_beginnings(check)
}

/// Whether each log is where it has to be among the heads; that there are no others is looked for
/// among the strays.
fn check_logs(check: &mut Check<'_>, total: u64) -> Result<u64> {
    let connection = check.connection;
    let mut find =
        connection.prepare("SELECT 1 FROM heads WHERE schema = ? AND place = ? AND log = ?")?;
    let mut statement = connection.prepare(
        "SELECT l.id, IIF(l.fork = 1, ?, d.schema), a.key, l.log_id FROM logs l \
         LEFT JOIN documents d ON d.id = l.document JOIN authors a ON a.id = l.author \
         WHERE l.branch = 0 AND (l.fork = 1 OR d.id IS NOT NULL)",
    )?;
    let mut rows = statement.query([schema_row(connection, &SCHEMA_OF_FORKED.into())?])?;
    let mut done = 0;
    while let Some(row) = rows.next()? {
        let (log, schema): (i64, i64) = (row.get(0)?, row.get(1)?);
        let log_id = entries::log_id_from_sql(row.get(3)?);
        let place = place_to_sql(&LogPlace { author: row.get(2)?, log_id });
        if !find.exists(params![schema, place, log])? {
            note(check, "logs", log, Problem::NoHead);
        }
        done += 1;
        check.tell(Stage::Rows, done, total);
    }
    Ok(done)
}

/// Whether the sums of each schema begin before its first log.
fn check_beginnings(check: &mut Check<'_>) -> Result<()> {
    let connection = check.connection;
    let mut statement = connection.prepare(
        "SELECT DISTINCT schema FROM heads \
         WHERE schema NOT IN (SELECT schema FROM head_sums WHERE place = x'')",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        note(check, "schemas", row.get(0)?, Problem::HeadsSum);
    }
    Ok(())
}

fn note(check: &mut Check<'_>, table: &str, row: i64, problem: Problem) {
    check.note(About::Row { table: String::from(table), row: row.to_string() }, problem);
}
