//! Needed entries of logs, found log by log and put in order.

use pandan_bamboo::EntryHash;
use rusqlite::{Connection, OptionalExtension, params};

use super::search::Line;
use super::{lowest, read, spans};
use crate::heads::{Budget, NeededEntries, NeededLog};
use crate::sqlite::entries;
use crate::sqlite::fault::Result;

pub(in crate::sqlite) fn entries(
    connection: &Connection,
    needed: &[NeededLog],
    after: Option<&EntryHash>,
    budget: Budget,
) -> Result<NeededEntries> {
    let after = match after {
        Some(hash) => row_of(connection, hash)?,
        None => 0,
    };
    let spans = spans(connection, &lines(connection, needed)?, after)?;
    let mut found = NeededEntries::default();
    for row in lowest(connection, &spans, budget.entries.max(1).saturating_add(1))? {
        let (_, entry) = read(connection, row)?;
        if !found.take(entry, budget) {
            break;
        }
    }
    Ok(found)
}

/// The row of an entry; that before the first for one that is not stored.
fn row_of(connection: &Connection, hash: &EntryHash) -> Result<i64> {
    let mut statement = connection.prepare_cached("SELECT id FROM entries WHERE hash = ?")?;
    let row = statement.query_row([hash.as_hash().digest()], |row| row.get(0)).optional()?;
    Ok(row.unwrap_or(0))
}

fn lines(connection: &Connection, needed: &[NeededLog]) -> Result<Vec<Line>> {
    let mut statement = connection.prepare_cached(
        "SELECT l.id, COALESCE(l.fork, 9223372036854775807) FROM authors a \
         JOIN logs l ON l.author = a.id AND l.log_id = ? AND l.branch = 0 WHERE a.key = ?",
    )?;
    let mut lines = Vec::with_capacity(needed.len());
    for NeededLog { author, log_id, from, to } in needed {
        let log_id = entries::log_id_to_sql(*log_id);
        let line = statement.query_row(params![log_id, author.as_bytes()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        });
        let Some((log, fork)) = line.optional()? else { continue };
        // Beyond the signed range there is nothing.
        let [from, to] = [from, to].map(|it| i64::try_from(it.number()).unwrap_or(i64::MAX));
        lines.push(Line { log, from, end: to.saturating_add(1).min(fork) });
    }
    Ok(lines)
}
