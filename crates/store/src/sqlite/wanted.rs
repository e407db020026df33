//! Entries that somebody wants, in the order in which they were stored, behind the proofs of the
//! wanted logs that are frozen.
//!
//! When the wanted logs are few, their entries are found log by log and put in order. Otherwise
//! all entries are gone through in order and looked at: what a node without anything asks for is
//! most of what is there.

pub(super) mod connectors;
pub(super) mod needed;
mod search;

use std::collections::{BinaryHeap, HashSet};

use rusqlite::{Connection, OptionalExtension, params};

use self::connectors::Connectors;
use self::search::{Line, Search};
use super::entries::stored_entry;
use super::fault::{Fault, Result};
use super::forks;
use crate::contract::StoredEntry;
use crate::heads::{Arrival, Budget, Filling, Reached, WantedEntries, Wants};
use crate::limits::MAX_ENTRIES_SCANNED;

pub(super) fn page(
    connection: &Connection,
    wants: &Wants,
    after: Arrival,
    budget: Budget,
) -> Result<WantedEntries> {
    let mut search = Search::of(connection, wants)?;
    let mut page = Filling::new(budget);
    let has_forks = forks::any(connection)?;
    let (after, void) = match Reached::from(after) {
        Reached::Entry { entry, void } => (row(entry), void),
        Reached::Proof { log } => {
            if has_forks && let Some(log) = proofs(&mut search, row(log), &mut page)? {
                let left = match search.few_lines()? {
                    Some(lines) => count(&spans(connection, &lines, 0)?),
                    None => latest_row(connection)?.unsigned_abs(),
                };
                return Ok(page.stop(Reached::Proof { log: log.unsigned_abs() }, left));
            }
            (0, 0)
        }
    };
    let connectors = has_forks.then(|| Connectors::new(connection));
    let reader = Reader { connection, page, connectors, sent: HashSet::new(), last: after, void };
    match search.few_lines()? {
        Some(lines) => few(reader, &spans(connection, &lines, after)?),
        None => scan(reader, &mut search),
    }
}

/// Rows are counted from 1.
fn row(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn latest_row(connection: &Connection) -> Result<i64> {
    let mut statement = connection.prepare_cached("SELECT COALESCE(max(id), 0) FROM entries")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// So many frozen logs are found at once: about as many proofs as go into a page.
const FROZEN_FOUND: usize = 256;

/// Takes up proofs of wanted logs behind a row. If that is not all, gives the row to go on after.
fn proofs(search: &mut Search<'_>, after: i64, page: &mut Filling) -> Result<Option<i64>> {
    let connection = search.connection;
    let mut last = after;
    for _ in 0..MAX_ENTRIES_SCANNED / FROZEN_FOUND {
        let logs = search.perhaps_frozen(last, FROZEN_FOUND)?;
        let is_end = logs.len() < FROZEN_FOUND;
        for log in logs {
            if search.line(log)?.is_some()
                && let Some(proof) = forks::find_proof(connection, log)?
            {
                if page.is_full() {
                    return Ok(Some(last));
                }
                page.proof(proof);
            }
            last = log;
        }
        if is_end {
            return Ok(None);
        }
    }
    Ok(Some(last))
}

/// Takes up entries until the page is full.
struct Reader<'c> {
    connection: &'c Connection,
    page: Filling,
    /// None when no log is frozen, so that nothing is void.
    connectors: Option<Connectors<'c>>,
    /// The void entries in the page.
    sent: HashSet<i64>,
    /// The last row that was dealt with.
    last: i64,
    /// How many of the void entries that the next entry needs are in the page before.
    void: usize,
}

impl Reader<'_> {
    /// Takes up an entry behind what it needs. If there is no room for all of it, tells how far the
    /// page goes: up to the entry before, or into what the first one needs.
    fn take(&mut self, row: i64, log: i64, entry: StoredEntry) -> Result<Option<Reached>> {
        let needs = match &mut self.connectors {
            Some(connectors) => connectors.of(log, &entry, &self.sent)?,
            None => Vec::new(),
        };
        let kept = self.page.entries();
        let mut done = std::mem::take(&mut self.void);
        for &need in needs.iter().skip(done) {
            if self.page.is_full() {
                break;
            }
            let (_, connector) = read(self.connection, need)?;
            self.page.connector(connector);
            self.sent.insert(need);
            done += 1;
        }
        if !self.page.is_full() {
            self.page.entry(entry);
            self.last = row;
            return Ok(None);
        }
        if kept > 0 {
            self.page.give_back(kept);
            done = 0;
        }
        Ok(Some(Reached::Entry { entry: self.last.unsigned_abs(), void: done }))
    }
}

/// The entry in a row, and the row of its log.
fn read(connection: &Connection, row: i64) -> Result<(i64, StoredEntry)> {
    let mut statement =
        connection.prepare_cached("SELECT entry, payload, log FROM entries WHERE id = ?")?;
    let mut rows = statement.query([row])?;
    let row = rows.next()?.ok_or_else(|| Fault::inconsistent("an entry is not there"))?;
    Ok((row.get(2)?, stored_entry(row)?))
}

/// What is wanted of a line and was stored after a row.
struct Span {
    log: i64,
    first: i64,
    last: i64,
}

fn spans(connection: &Connection, lines: &[Line], after: i64) -> Result<Vec<Span>> {
    let mut latest = connection.prepare_cached(
        "SELECT seq_num FROM entries WHERE log = ? AND seq_num < ? ORDER BY seq_num DESC LIMIT 1",
    )?;
    let mut spans = Vec::with_capacity(lines.len());
    for &Line { log, from, end } in lines {
        let last: Option<i64> = latest.query_row([log, end], |row| row.get(0)).optional()?;
        let first = first_after(connection, log, from, after)?;
        spans.extend(last.filter(|last| first <= *last).map(|last| Span { log, first, last }));
    }
    Ok(spans)
}

fn count(spans: &[Span]) -> u64 {
    spans.iter().map(|span| span.last.abs_diff(span.first) + 1).sum()
}

fn few(mut reader: Reader<'_>, spans: &[Span]) -> Result<WantedEntries> {
    let connection = reader.connection;
    let all = count(spans);
    for id in lowest(connection, spans, reader.page.room() + 1)? {
        let (log, entry) = read(connection, id)?;
        if let Some(reached) = reader.take(id, log, entry)? {
            let left = all.saturating_sub(reader.page.wanted());
            return Ok(reader.page.stop(reached, left));
        }
    }
    Ok(reader.page.finish())
}

/// The lowest rows of several lines, in order.
fn lowest(connection: &Connection, spans: &[Span], count: usize) -> Result<Vec<i64>> {
    let mut lowest = BinaryHeap::new();
    let mut statement = connection.prepare_cached(
        "SELECT id FROM entries WHERE log = ? AND seq_num BETWEEN ? AND ? \
         ORDER BY seq_num LIMIT ?",
    )?;
    let limit = i64::try_from(count).unwrap_or(i64::MAX);
    for Span { log, first, last } in spans {
        let mut rows = statement.query(params![log, first, last, limit])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            if lowest.len() == count && lowest.peek().is_some_and(|greatest| *greatest <= id) {
                break;
            }
            lowest.push(id);
            if lowest.len() > count {
                lowest.pop();
            }
        }
    }
    Ok(lowest.into_sorted_vec())
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

fn scan(mut reader: Reader<'_>, search: &mut Search<'_>) -> Result<WantedEntries> {
    let connection = reader.connection;
    let mut statement = connection.prepare_cached(
        "SELECT entry, payload, id, log, seq_num FROM entries WHERE id > ? ORDER BY id LIMIT ?",
    )?;
    let limit = i64::try_from(MAX_ENTRIES_SCANNED).unwrap_or(i64::MAX);
    let mut rows = statement.query([reader.last, limit])?;
    let mut seen = 0;
    while let Some(row) = rows.next()? {
        let (id, log, seq_num) = (row.get(2)?, row.get(3)?, row.get(4)?);
        if search.line(log)?.is_some_and(|line| line.contains(seq_num))
            && let Some(reached) = reader.take(id, log, stored_entry(row)?)?
        {
            return reader.stop_scan(reached, seen);
        }
        reader.last = id;
        seen += 1;
    }
    if seen < MAX_ENTRIES_SCANNED {
        return Ok(reader.page.finish());
    }
    let reached = Reached::Entry { entry: reader.last.unsigned_abs(), void: 0 };
    reader.stop_scan(reached, seen)
}

impl Reader<'_> {
    /// Ends a page after looking at some entries: of those that come, as many are wanted.
    fn stop_scan(self, reached: Reached, seen: usize) -> Result<WantedEntries> {
        let rest = latest_row(self.connection)?.abs_diff(self.last);
        let (seen, wanted) = (seen as u128, u128::from(self.page.wanted()));
        let left = (u128::from(rest) * wanted).checked_div(seen).unwrap_or(rest.into());
        Ok(self.page.stop(reached, u64::try_from(left).unwrap_or(rest)))
    }
}
