//! Which lines are wanted, by rows.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension};

use crate::heads::{LogPlace, SCHEMA_OF_FORKED, Wants};
use crate::limits::MAX_LOGS_SORTED;
use crate::sqlite::entries;
use crate::sqlite::fault::Result;
use crate::sqlite::heads::{self, StoredRange, place_to_sql};

/// The part of a line that is wanted. Nothing at and above a fork is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) log: i64,
    pub(super) from: i64,
    pub(super) end: i64,
}

impl Line {
    pub(super) const fn contains(&self, seq_num: i64) -> bool {
        self.from <= seq_num && seq_num < self.end
    }
}

pub(super) struct Search<'c> {
    pub(super) connection: &'c Connection,
    /// From where on lines are wanted that are named.
    named: BTreeMap<i64, i64>,
    /// In order, none of which meets the next.
    ranges: Vec<StoredRange>,
    /// The row of the schema in whose ranges lines are that fork at their first entry.
    schema_of_forked: Option<i64>,
    /// What was found out about rows of logs.
    lines: HashMap<i64, Option<Line>>,
}

impl<'c> Search<'c> {
    pub(super) fn of(connection: &'c Connection, wants: &Wants) -> Result<Self> {
        let mut named = BTreeMap::new();
        for wanted in &wants.logs {
            let place = LogPlace::of(&wanted.author, wanted.log_id);
            if let Some(log) = heads::log_row(connection, &place)? {
                // Beyond the signed range there is nothing.
                let from = i64::try_from(wanted.from.number()).unwrap_or(i64::MAX);
                let first = named.entry(log).or_insert(from);
                *first = from.min(*first);
            }
        }
        let mut ranges = Vec::new();
        for range in &wants.ranges {
            ranges.extend(StoredRange::of(connection, range)?);
        }
        let schema_of_forked = heads::schema_row(connection, &SCHEMA_OF_FORKED.into())?;
        let (ranges, lines) = (merged(ranges), HashMap::new());
        Ok(Self { connection, named, ranges, schema_of_forked, lines })
    }

    /// All wanted lines, if they are few.
    pub(super) fn few_lines(&self) -> Result<Option<Vec<Line>>> {
        let mut wanted = self.named.clone();
        for range in &self.ranges {
            let room = (MAX_LOGS_SORTED + 1).saturating_sub(wanted.len());
            let logs = range.logs(self.connection, room)?;
            wanted.extend(logs.into_iter().map(|(_, log)| (log, 1)));
        }
        if wanted.len() > MAX_LOGS_SORTED {
            return Ok(None);
        }
        let line = |(log, from)| Ok(Line { log, from, end: self.end(log)? });
        wanted.into_iter().map(line).collect::<Result<_>>().map(Some)
    }

    fn end(&self, log: i64) -> Result<i64> {
        let mut statement = self.connection.prepare_cached("SELECT fork FROM logs WHERE id = ?")?;
        let fork: Option<i64> = statement.query_row([log], |row| row.get(0))?;
        Ok(fork.unwrap_or(i64::MAX))
    }

    /// What is wanted of the line in a row; none also for what is no line.
    pub(super) fn line(&mut self, log: i64) -> Result<Option<Line>> {
        if let Some(known) = self.lines.get(&log) {
            return Ok(*known);
        }
        let line = self.find_line(log)?;
        self.lines.insert(log, line);
        Ok(line)
    }

    fn find_line(&self, log: i64) -> Result<Option<Line>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT COALESCE(l.fork, 9223372036854775807), d.schema, a.key, l.log_id FROM logs l \
             JOIN authors a ON a.id = l.author LEFT JOIN documents d ON d.id = l.document \
             WHERE l.id = ? AND l.branch = 0",
        )?;
        let found = statement.query_row([log], |row| {
            let (author, log_id) = (row.get(2)?, entries::log_id_from_sql(row.get(3)?));
            Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?, LogPlace { author, log_id }))
        });
        let Some((end, schema, place)) = found.optional()? else { return Ok(None) };
        let schema = if end > 1 { schema } else { self.schema_of_forked };
        let from = match schema.is_some_and(|schema| self.is_in_range(schema, &place)) {
            true => Some(1),
            false => self.named.get(&log).copied(),
        };
        Ok(from.map(|from| Line { log, from, end }))
    }

    fn is_in_range(&self, schema: i64, place: &LogPlace) -> bool {
        let place = place_to_sql(place);
        let begun = self.ranges.partition_point(|it| (it.schema, &it.from) <= (schema, &place));
        let latest = begun.checked_sub(1).and_then(|index| self.ranges.get(index));
        latest.is_some_and(|range| range.schema == schema && place < range.to)
    }

    /// Up to so many logs behind a row, in order, among which are all that are wanted and frozen.
    pub(super) fn perhaps_frozen(&self, after: i64, limit: usize) -> Result<Vec<i64>> {
        if self.ranges.is_empty() {
            let named = self.named.range(after.saturating_add(1)..);
            return Ok(named.map(|(log, _)| *log).take(limit).collect());
        }
        let mut statement = self
            .connection
            .prepare_cached("SELECT log FROM forks WHERE log > ? ORDER BY log LIMIT ?")?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map([after, limit], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// The same logs in ranges that are in order and apart.
fn merged(mut ranges: Vec<StoredRange>) -> Vec<StoredRange> {
    ranges.sort_by(|one, other| (one.schema, &one.from).cmp(&(other.schema, &other.from)));
    ranges.dedup_by(|next, last| {
        let is_met = next.schema == last.schema && next.from <= last.to;
        if is_met && last.to < next.to {
            last.to.clone_from(&next.to);
        }
        is_met
    });
    ranges
}
