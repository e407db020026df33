//! Sums of the heads of logs, kept up with every batch.
//!
//! The logs of a schema are cut into parts of up to [`MAX_HEADS_IN_SUM`], each with the sum of its
//! heads. A batch changes the sums of the parts in which logs became longer; a question about a
//! range adds up the sums of whole parts, and reads single heads only where it begins and ends
//! within one.

use std::collections::BTreeMap;

use pandan_bamboo::{ForkProof, HeadState, Header, HeadsSum};
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::{Fault, Result};
use super::heads::{self, StoredRange, place_from_sql, place_to_sql};
use crate::heads::{HeadRange, HeadsPart, LogPlace, Piece, group};
use crate::limits::MAX_HEADS_IN_SUM;

/// Logs that a batch has made longer, or frozen: by the row of the schema and the place.
#[derive(Debug, Default)]
pub(super) struct HeadChanges {
    logs: BTreeMap<(i64, Vec<u8>), HeadChange>,
}

#[derive(Debug)]
struct HeadChange {
    log: i64,
    /// What the log was before the batch, if it was there.
    before: Option<HeadState>,
    /// What it is now, if anything is left of it before its fork.
    after: Option<HeadState>,
}

impl HeadChanges {
    /// An entry was stored on the line of a log, of which a later fork may be known.
    pub(super) fn add(&mut self, schema: i64, log: i64, header: &Header, fork: Option<&ForkProof>) {
        let place = LogPlace::of(&header.public_key(), header.log_id());
        let before = header.links().backlink().map(|hash| heads::state_at(hash, fork));
        self.change(schema, &place, log, before, Some(heads::state_at(header.hash(), fork)));
    }

    /// A log became another one.
    pub(super) fn change(
        &mut self,
        schema: i64,
        place: &LogPlace,
        log: i64,
        before: Option<HeadState>,
        after: Option<HeadState>,
    ) {
        let change = self.logs.entry((schema, place_to_sql(place)));
        change.or_insert(HeadChange { log, before, after }).after = after;
    }

    /// Writes the places of new logs, and brings sums up to date.
    pub(super) fn write(&self, connection: &Connection) -> Result<()> {
        let mut insert =
            connection.prepare_cached("INSERT INTO heads (schema, place, log) VALUES (?, ?, ?)")?;
        let mut changes = self.logs.iter().peekable();
        while let Some(((schema, place), _)) = changes.peek() {
            let (schema, mut part) = (*schema, Part::containing(connection, *schema, place)?);
            while let Some(((_, place), change)) =
                changes.next_if(|((of, place), _)| *of == schema && part.range.to > *place)
            {
                match (&change.before, &change.after) {
                    (None, Some(_)) => {
                        if let Some(next) = part.cut_at(connection, place)? {
                            std::mem::replace(&mut part, next).write(connection)?;
                        }
                        insert.execute(params![schema, place, change.log])?;
                    }
                    (Some(_), None) => {
                        connection
                            .prepare_cached("DELETE FROM heads WHERE schema = ? AND place = ?")?
                            .execute(params![schema, place])?;
                    }
                    (Some(_), Some(_)) | (None, None) => {}
                }
                if let Some(before) = &change.before {
                    part.sum.remove(before);
                }
                if let Some(after) = &change.after {
                    part.sum.add(after);
                }
            }
            part.write(connection)?;
        }
        Ok(())
    }
}

/// Consecutive logs with the sum of their heads.
struct Part {
    /// None when it is not stored so far.
    row: Option<i64>,
    range: StoredRange,
    sum: Box<HeadsSum>,
    /// Whether new logs go between others: found out once the part is full.
    has_later: Option<bool>,
}

impl Part {
    const fn new(row: Option<i64>, range: StoredRange, sum: Box<HeadsSum>) -> Self {
        Self { row, range, sum, has_later: None }
    }

    /// The next part, which begins with a new log, if this one is full and has nothing behind it.
    ///
    /// An author numbers logs one after the other: most new logs of a batch come to the end of a
    /// part, which is then never read again to be split.
    fn cut_at(&mut self, connection: &Connection, place: &[u8]) -> Result<Option<Self>> {
        if self.sum.count() < MAX_HEADS_IN_SUM as u64 || self.has_later == Some(true) {
            return Ok(None);
        }
        let mut statement = connection.prepare_cached(
            "SELECT 1 FROM heads WHERE schema = ? AND place >= ? AND place < ? LIMIT 1",
        )?;
        let has_later = statement.exists(params![self.range.schema, place, self.range.to])?;
        self.has_later = Some(has_later);
        if has_later {
            return Ok(None);
        }
        let to = std::mem::replace(&mut self.range.to, place.to_vec());
        let range = StoredRange { schema: self.range.schema, from: place.to_vec(), to };
        Ok(Some(Self::new(None, range, Box::new(HeadsSum::EMPTY))))
    }

    /// The part to which a place belongs; a new one of the whole schema if it has none.
    fn containing(connection: &Connection, schema: i64, place: &[u8]) -> Result<Self> {
        let mut statement = connection.prepare_cached(
            "SELECT id, place, heads, sum FROM head_sums WHERE schema = ? AND place <= ? \
             ORDER BY place DESC LIMIT 1",
        )?;
        let mut rows = statement.query(params![schema, place])?;
        let Some(row) = rows.next()? else {
            let range = StoredRange::whole(schema);
            return Ok(Self::new(None, range, Box::new(HeadsSum::EMPTY)));
        };
        let from: Vec<u8> = row.get(1)?;
        let bytes = row.get_ref(3)?.as_blob().map_err(Fault::inconsistent)?;
        let bytes = bytes
            .try_into()
            .map_err(|_| Fault::inconsistent("a sum of heads has the wrong length"))?;
        let sum = HeadsSum::from_bytes(row.get(2)?, bytes);
        let range = StoredRange { schema, to: next_place(connection, schema, &from)?, from };
        Ok(Self::new(Some(row.get(0)?), range, Box::new(sum)))
    }

    /// Stores the part, or several when it has become too large.
    fn write(mut self, connection: &Connection) -> Result<()> {
        let excess = self.sum.count() > MAX_HEADS_IN_SUM as u64;
        let later = if excess { self.split_off(connection)? } else { Vec::new() };
        for part in std::iter::once(&self).chain(&later) {
            let (count, sum) = (part.sum.count(), part.sum.to_bytes());
            match part.row {
                Some(row) => connection
                    .prepare_cached("UPDATE head_sums SET heads = ?, sum = ? WHERE id = ?")?
                    .execute(params![count, sum, row])?,
                None => connection
                    .prepare_cached(
                        "INSERT INTO head_sums (schema, place, heads, sum) VALUES (?, ?, ?, ?)",
                    )?
                    .execute(params![part.range.schema, part.range.from, count, sum])?,
            };
        }
        Ok(())
    }

    /// Keeps the first heads and makes parts of the others, all half full.
    fn split_off(&mut self, connection: &Connection) -> Result<Vec<Self>> {
        let logs = self.range.logs(connection, usize::MAX)?;
        let mut groups = logs.chunks(MAX_HEADS_IN_SUM / 2).skip(1).peekable();
        let (end, mut parts) = (self.range.to.clone(), Vec::new());
        while let Some(group) = groups.next() {
            let begin = |group: &[(Vec<u8>, i64)]| group.first().map(|(place, _)| place.clone());
            let Some(from) = begin(group) else { continue };
            let to = groups.peek().and_then(|next| begin(next)).unwrap_or_else(|| end.clone());
            let mut sum = Box::new(HeadsSum::EMPTY);
            for (_, log) in group {
                sum.add(&heads::state(connection, *log)?);
            }
            self.sum.subtract(&sum);
            let range = StoredRange { schema: self.range.schema, from, to };
            parts.push(Self::new(None, range, sum));
        }
        if let Some(first) = parts.first() {
            self.range.to.clone_from(&first.range.from);
        }
        Ok(parts)
    }
}

/// Where the part behind the one at a place begins.
fn next_place(connection: &Connection, schema: i64, place: &[u8]) -> Result<Vec<u8>> {
    let mut statement = connection.prepare_cached(
        "SELECT place FROM head_sums WHERE schema = ? AND place > ? ORDER BY place LIMIT 1",
    )?;
    let next = statement.query_row(params![schema, place], |row| row.get(0)).optional()?;
    Ok(next.unwrap_or_else(|| StoredRange::whole(schema).to))
}

/// Splits the logs of ranges into parts of nearly equal size.
pub(super) fn split(
    connection: &Connection,
    ranges: &[HeadRange],
    parts: usize,
) -> Result<Vec<HeadsPart>> {
    let mut stored = Vec::new();
    for (index, range) in ranges.iter().enumerate() {
        stored.extend(StoredRange::of(connection, range)?.map(|stored| (index, stored)));
    }
    let parts = parts.max(1);
    let pieces = match few_logs(connection, &stored, parts)? {
        Some(logs) => single_heads(connection, logs)?,
        None => whole_parts(connection, &stored)?,
    };
    let mut parts = group(pieces, u64::try_from(parts).unwrap_or(u64::MAX));
    for part in &mut parts {
        let Some(from) = part.from else { continue };
        let range = stored.iter().find(|(index, _)| *index == part.range);
        let below = range.map(|(_, range)| latest_before(connection, range, &from)).transpose()?;
        part.from = below.flatten().map(|below| LogPlace::between(&below, &from));
    }
    Ok(parts)
}

/// The last log of a range before a place.
fn latest_before(
    connection: &Connection,
    range: &StoredRange,
    place: &LogPlace,
) -> Result<Option<LogPlace>> {
    let mut statement = connection.prepare_cached(
        "SELECT place FROM heads WHERE schema = ? AND place >= ? AND place < ? \
         ORDER BY place DESC LIMIT 1",
    )?;
    let place = place_to_sql(place);
    let found: Option<Vec<u8>> = statement
        .query_row(params![range.schema, range.from, place], |row| row.get(0))
        .optional()?;
    found.map_or(Ok(None), |found| place_from_sql(&found))
}

/// A log with the range that it belongs to, its place and its row.
type LogInRange = (usize, Vec<u8>, i64);

/// All logs of ranges, if they are too few to be split between parts that have a sum each.
fn few_logs(
    connection: &Connection,
    ranges: &[(usize, StoredRange)],
    parts: usize,
) -> Result<Option<Vec<LogInRange>>> {
    if parts == 1 {
        return Ok(None);
    }
    let most = MAX_HEADS_IN_SUM.saturating_mul(parts);
    let mut found = Vec::new();
    for (index, range) in ranges {
        let logs = range.logs(connection, most.saturating_sub(found.len()))?;
        found.extend(logs.into_iter().map(|(place, log)| (*index, place, log)));
    }
    Ok((found.len() < most).then_some(found))
}

/// The parts that are wholly in a range, and what is in it of those at its beginning and end.
fn whole_parts(connection: &Connection, ranges: &[(usize, StoredRange)]) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    for (index, range) in ranges {
        let mut from = range.from.clone();
        while from < range.to {
            let part = Part::containing(connection, range.schema, &from)?;
            let to = part.range.to.clone().min(range.to.clone());
            let sum = if part.range.from == from && part.range.to == to {
                part.sum
            } else {
                let (from, to) = (from.clone(), to.clone());
                sum_of(connection, &StoredRange { schema: range.schema, from, to })?
            };
            if sum.count() > 0 {
                pieces.push(Piece { range: *index, from: place_from_sql(&from)?, sum });
            }
            from = to;
        }
    }
    Ok(pieces)
}

fn single_heads(connection: &Connection, logs: Vec<LogInRange>) -> Result<Vec<Piece>> {
    let piece = |(range, from, log): LogInRange| {
        let mut sum = Box::new(HeadsSum::EMPTY);
        sum.add(&heads::state(connection, log)?);
        Ok(Piece { range, from: place_from_sql(&from)?, sum })
    };
    logs.into_iter().map(piece).collect()
}

/// The sum of a range, head by head.
pub(super) fn sum_of(connection: &Connection, range: &StoredRange) -> Result<Box<HeadsSum>> {
    let mut sum = Box::new(HeadsSum::EMPTY);
    for (_, log) in range.logs(connection, usize::MAX)? {
        sum.add(&heads::state(connection, log)?);
    }
    Ok(sum)
}

/// All parts of all schemas, for a check: their rows, where they begin and end, and their sums as
/// stored.
pub(super) fn all(connection: &Connection) -> Result<Vec<(i64, StoredRange, Box<HeadsSum>)>> {
    let mut statement =
        connection.prepare("SELECT id, schema, place FROM head_sums ORDER BY schema, place")?;
    let mut rows = statement.query([])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        let (schema, place): (i64, Vec<u8>) = (row.get(1)?, row.get(2)?);
        let part = Part::containing(connection, schema, &place)?;
        parts.push((row.get(0)?, part.range, part.sum));
    }
    Ok(parts)
}
