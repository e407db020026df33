//! Entries that somebody wants, in the order in which they were stored.
//!
//! When the wanted logs are few, their entries are found log by log and put in order. Otherwise
//! all entries are gone through in order and looked at: what a node without anything asks for is
//! most of what is there.

use std::collections::{BinaryHeap, HashMap};

use rusqlite::{Connection, OptionalExtension, params};

use super::entries::{self, stored_entry};
use super::fault::Result;
use super::heads::{self, StoredRange, place_to_sql};
use crate::contract::StoredEntry;
use crate::heads::{Arrival, Budget, LogPlace, WantedEntries, Wants};
use crate::limits::{MAX_ENTRIES_SCANNED, MAX_LOGS_SORTED};

pub(super) fn entries(
    connection: &Connection,
    wants: &Wants,
    after: Arrival,
    budget: Budget,
) -> Result<WantedEntries> {
    let search = Search::of(connection, wants)?;
    let after = i64::try_from(after.0).unwrap_or(i64::MAX);
    let mut reader = Reader { budget, bytes: 0, found: WantedEntries::default() };
    match search.few_logs(connection)? {
        Some(logs) => few(connection, &logs, after, &mut reader)?,
        None => scan(connection, &search, after, &mut reader)?,
    }
    Ok(reader.found)
}

/// From where on a log is wanted.
#[derive(Clone, Copy, Debug)]
struct Start {
    from: i64,
    /// Whether it is a branch beside the line of the log, without an order.
    is_beside: bool,
}

/// Which logs are wanted, by rows.
struct Search {
    logs: HashMap<i64, Start>,
    ranges: Vec<StoredRange>,
}

impl Search {
    fn of(connection: &Connection, wants: &Wants) -> Result<Self> {
        let mut logs = HashMap::new();
        for log in &wants.logs {
            // Beyond the signed range there is nothing.
            let Ok(from) = i64::try_from(log.from.number()) else { continue };
            let place = LogPlace::of(&log.author, log.log_id);
            if let Some(row) = heads::log_row(connection, &place)? {
                for (row, is_beside) in with_branches(connection, row)? {
                    let start = logs.entry(row).or_insert(Start { from, is_beside });
                    start.from = from.min(start.from);
                }
            }
        }
        let mut ranges = Vec::new();
        for range in &wants.ranges {
            ranges.extend(StoredRange::of(connection, range)?);
        }
        Ok(Self { logs, ranges })
    }

    /// All wanted logs, if they are few.
    fn few_logs(&self, connection: &Connection) -> Result<Option<HashMap<i64, Start>>> {
        let mut logs = self.logs.clone();
        for range in &self.ranges {
            let room = (MAX_LOGS_SORTED + 1).saturating_sub(logs.len());
            for (_, log) in range.logs(connection, room)? {
                let branches = with_branches(connection, log)?.into_iter();
                logs.extend(branches.map(|(log, is_beside)| (log, Start { from: 1, is_beside })));
            }
        }
        Ok((logs.len() <= MAX_LOGS_SORTED).then_some(logs))
    }

    fn contains(&self, connection: &Connection, log: i64, seq_num: i64) -> Result<bool> {
        // Beside lines there are numbers of all 64 bits.
        let is_behind = |start: &Start| start.from.cast_unsigned() <= seq_num.cast_unsigned();
        if self.logs.get(&log).is_some_and(is_behind) {
            return Ok(true);
        }
        if self.ranges.is_empty() {
            return Ok(false);
        }
        let mut statement = connection.prepare_cached(
            "SELECT d.schema, a.key, l.log_id FROM logs b JOIN logs l ON l.author = b.author \
             AND l.log_id = b.log_id AND l.branch = 0 JOIN documents d ON d.id = l.document \
             JOIN authors a ON a.id = l.author WHERE b.id = ? AND (l.fork IS NULL OR l.fork > 1)",
        )?;
        let found = statement.query_row([log], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        // What forks at its first entry, or has no line, is in no range.
        let Some((schema, author, log_id)): Option<(i64, _, _)> = found.optional()? else {
            return Ok(false);
        };
        let place = place_to_sql(&LogPlace { author, log_id: entries::log_id_from_sql(log_id) });
        Ok(self
            .ranges
            .iter()
            .any(|range| range.schema == schema && range.from <= place && place < range.to))
    }
}

/// The row of a line, and those of the branches beside it; whether it is one of those.
fn with_branches(connection: &Connection, line: i64) -> Result<Vec<(i64, bool)>> {
    let mut statement = connection.prepare_cached(
        "SELECT b.id FROM logs l JOIN logs b ON b.author = l.author AND b.log_id = l.log_id \
         WHERE l.id = ? AND l.fork IS NOT NULL AND b.branch > 0 ORDER BY b.branch LIMIT ?",
    )?;
    let limit = i64::try_from(MAX_LOGS_SORTED + 1).unwrap_or(i64::MAX);
    let rows = statement.query_map([line, limit], |row| Ok((row.get(0)?, true)))?;
    std::iter::once(Ok((line, false))).chain(rows).map(|row| row.map_err(Into::into)).collect()
}

/// Takes up entries until the budget is used up.
struct Reader {
    budget: Budget,
    bytes: usize,
    found: WantedEntries,
}

impl Reader {
    fn is_full(&self) -> bool {
        self.found.entries.len() >= self.budget.entries.max(1)
            || self.bytes >= self.budget.bytes.max(1)
    }

    fn take(&mut self, entry: StoredEntry) {
        self.bytes += entry.size();
        self.found.entries.push(entry);
    }

    /// There is more behind this row.
    fn go_on_after(&mut self, row: i64) {
        self.found.next = Some(Arrival(row.unsigned_abs()));
    }
}

fn few(
    connection: &Connection,
    logs: &HashMap<i64, Start>,
    after: i64,
    reader: &mut Reader,
) -> Result<()> {
    // The lowest rows of all logs, and one more to know whether there are more.
    let room = reader.budget.entries.max(1).saturating_add(1);
    let mut lowest = BinaryHeap::new();
    let mut statement = connection.prepare_cached(
        "SELECT id FROM entries WHERE log = ? AND seq_num >= ? ORDER BY seq_num LIMIT ?",
    )?;
    let mut beside = connection.prepare_cached(
        "SELECT id FROM entries WHERE log = ?1 AND (seq_num >= ?2 OR seq_num < 0) AND id > ?3",
    )?;
    let limit = i64::try_from(room).unwrap_or(i64::MAX);
    for (&log, &Start { from, is_beside }) in logs {
        let mut rows = if is_beside {
            beside.query(params![log, from, after])?
        } else {
            statement.query(params![log, first_after(connection, log, from, after)?, limit])?
        };
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let is_full =
                lowest.len() == room && lowest.peek().is_some_and(|greatest| *greatest <= id);
            if is_full && !is_beside {
                break;
            }
            lowest.push(id);
            if lowest.len() > room {
                lowest.pop();
            }
        }
    }
    let mut last = after;
    let mut read = connection.prepare_cached("SELECT entry, payload FROM entries WHERE id = ?")?;
    for id in lowest.into_sorted_vec() {
        if reader.is_full() {
            reader.go_on_after(last);
            break;
        }
        let mut rows = read.query([id])?;
        if let Some(row) = rows.next()? {
            reader.take(stored_entry(row)?);
        }
        last = id;
    }
    Ok(())
}

/// The first sequence number, from `from` on, whose entry was stored after a row. Entries of a log
/// are stored in its order.
fn first_after(connection: &Connection, log: i64, from: i64, after: i64) -> Result<i64> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM entries WHERE log = ? AND seq_num = ?")?;
    let mut is_after = |seq_num: i64| -> Result<bool> {
        let id: Option<i64> = statement.query_row([log, seq_num], |row| row.get(0)).optional()?;
        Ok(id.is_none_or(|id| id > after))
    };
    // Everything below `low` was stored before, everything from `high` on after.
    let (mut low, mut high, mut step) = (from, from, 1_i64);
    while !is_after(high)? {
        low = high + 1;
        high = high.saturating_add(step);
        step = step.saturating_mul(2);
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if is_after(middle)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

fn scan(connection: &Connection, search: &Search, after: i64, reader: &mut Reader) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT entry, payload, id, log, seq_num FROM entries WHERE id > ? ORDER BY id LIMIT ?",
    )?;
    let limit = i64::try_from(MAX_ENTRIES_SCANNED).unwrap_or(i64::MAX);
    let mut rows = statement.query([after, limit])?;
    let (mut last, mut seen) = (after, 0);
    while let Some(row) = rows.next()? {
        let id = row.get(2)?;
        if search.contains(connection, row.get(3)?, row.get(4)?)? {
            if reader.is_full() {
                reader.go_on_after(last);
                return Ok(());
            }
            reader.take(stored_entry(row)?);
        }
        (last, seen) = (id, seen + 1);
    }
    if seen == MAX_ENTRIES_SCANNED {
        reader.go_on_after(last);
    }
    Ok(())
}
