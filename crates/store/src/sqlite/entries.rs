//! Entries, logs and numbers, as they were received.

use std::collections::HashSet;

use pandan_admission::{NextArgsDocument, NextArgsFacts, NextArgsLog, NextArgsOperation};
use pandan_bamboo::{EncodedEntry, Entry, EntryHash, Hash, LogId, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId, OperationId};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::digest::{self, Digest};
use super::fault::{Fault, Result};
use super::{history, param};
use crate::contract::{Counts, LogHead, StoredEntry};

/// Log ids are unsigned, numbers in SQLite are not: the bits are the same.
pub(super) const fn log_id_to_sql(log_id: LogId) -> i64 {
    log_id.number().cast_signed()
}

pub(super) const fn log_id_from_sql(stored: i64) -> LogId {
    LogId::new(stored.cast_unsigned())
}

/// Lines have no gaps, so that on them nothing above the signed range is ever stored. Of void
/// entries the bits are the same.
pub(super) const fn seq_num_to_sql(seq_num: SeqNum) -> i64 {
    seq_num.number().cast_signed()
}

pub(super) fn seq_num_from_sql(stored: i64) -> Result<SeqNum> {
    SeqNum::new(stored.cast_unsigned()).ok_or_else(|| Fault::inconsistent("sequence number is 0"))
}

pub(super) fn decode(bytes: &[u8]) -> Result<EncodedEntry> {
    let entry = Entry::decode(bytes).map_err(Fault::inconsistent)?;
    Ok(entry.trust_stored().to_encoded())
}

pub(super) fn stored_entry(row: &Row<'_>) -> Result<StoredEntry> {
    let bytes = row.get_ref(0)?.as_blob().map_err(Fault::inconsistent)?;
    Ok(StoredEntry { entry: decode(bytes)?, operation: row.get(1)? })
}

fn stored_entries(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<Vec<StoredEntry>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(stored_entry(row)?);
    }
    Ok(entries)
}

pub(super) fn by_hash(connection: &Connection, hash: &EntryHash) -> Result<Option<StoredEntry>> {
    let sql = "SELECT entry, payload FROM entries WHERE hash = ?";
    Ok(stored_entries(connection, sql, [hash.as_hash().digest()])?.pop())
}

/// Which of the operations are stored.
pub(super) fn are_stored(connection: &Connection, ids: &[OperationId]) -> Result<Vec<bool>> {
    let mut statement =
        connection.prepare_cached("SELECT hash FROM entries WHERE hash IN rarray(?)")?;
    let digests = param::blobs(ids.iter().map(digest::of_operation));
    let rows = statement.query_map([digests], |row| row.get(0))?;
    let stored = rows.collect::<rusqlite::Result<HashSet<Digest>>>()?;
    Ok(ids.iter().map(|id| stored.contains(digest::of_operation(id))).collect())
}

pub(super) fn of_log(
    connection: &Connection,
    author: &PublicKey,
    log_id: LogId,
    from: SeqNum,
    limit: usize,
) -> Result<Vec<StoredEntry>> {
    let sql = "SELECT e.entry, e.payload FROM authors a \
         JOIN logs l ON l.author = a.id AND l.log_id = ? JOIN entries e ON e.log = l.id \
         WHERE a.key = ? AND l.branch = 0 AND e.seq_num >= ? \
         AND (l.fork IS NULL OR e.seq_num < l.fork) ORDER BY e.seq_num LIMIT ?";
    // Beyond the signed range there is nothing.
    let Ok(from) = i64::try_from(from.number()) else { return Ok(Vec::new()) };
    let params = params![log_id_to_sql(log_id), author.as_bytes(), from, clamp(limit)];
    stored_entries(connection, sql, params)
}

pub(super) fn of_document(
    connection: &Connection,
    document: &DocumentId,
    skip: usize,
    limit: usize,
) -> Result<Vec<StoredEntry>> {
    let sql = "SELECT e.entry, e.payload FROM entries c JOIN logs l ON l.document = c.id \
         JOIN entries e ON e.log = l.id WHERE c.hash = ? ORDER BY e.id LIMIT ? OFFSET ?";
    stored_entries(
        connection,
        sql,
        params![digest::of_document(document), clamp(limit), clamp(skip)],
    )
}

fn clamp(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn heads(connection: &Connection, author: &PublicKey) -> Result<Vec<LogHead>> {
    let mut statement = connection.prepare_cached(
        "SELECT l.log_id, c.hash, (SELECT max(seq_num) FROM entries WHERE log = l.id \
         AND seq_num < COALESCE(l.fork, 9223372036854775807)), l.fork \
         FROM authors a JOIN logs l ON l.author = a.id JOIN entries c ON c.id = l.document \
         WHERE a.key = ? AND l.branch = 0 ORDER BY l.log_id < 0, l.log_id",
    )?;
    let mut rows = statement.query([author.as_bytes()])?;
    let mut heads = Vec::new();
    while let Some(row) = rows.next()? {
        // Nothing is left of a log that forks at its first entry.
        let Some(seq_num) = row.get::<_, Option<i64>>(2)? else { continue };
        heads.push(LogHead {
            log_id: log_id_from_sql(row.get(0)?),
            document: digest::document(row.get(1)?),
            seq_num: seq_num_from_sql(seq_num)?,
            fork: row.get::<_, Option<i64>>(3)?.map(seq_num_from_sql).transpose()?,
        });
    }
    Ok(heads)
}

pub(super) fn counts(connection: &Connection) -> Result<Counts> {
    let count = |table: &str| -> rusqlite::Result<u64> {
        let mut statement = connection.prepare_cached(&format!("SELECT count(*) FROM {table}"))?;
        statement.query_row([], |row| row.get(0))
    };
    Ok(Counts {
        entries: count("entries")?,
        documents: count("documents")?,
        deleted: count("documents WHERE deleted")?,
        logs: count("logs WHERE branch = 0")?,
        forks: count("forks")?,
        authors: count("authors")?,
        schemas: count("schemas")?,
    })
}

/// What the next arguments of an author depend on.
pub(super) fn next_args_facts(
    connection: &Connection,
    author: &PublicKey,
    view: Option<&DocumentViewId>,
) -> Result<NextArgsFacts> {
    let author: Option<i64> = author_row(connection, author)?;
    let latest_log = match author {
        Some(author) => latest_log(connection, author)?,
        None => None,
    };
    let Some(view) = view else {
        return Ok(NextArgsFacts { latest_log, view: Vec::new(), document: None });
    };
    let rows = history::documents_of(connection, view.iter().map(|id| *digest::of_operation(id)))?;
    let mut named = Vec::with_capacity(view.len());
    for &operation in view {
        let document = match rows.get(digest::of_operation(&operation)) {
            Some(&row) => Some(document_id(connection, row)?),
            None => None,
        };
        named.push(NextArgsOperation { operation, document });
    }
    let first = view.iter().next().and_then(|id| rows.get(digest::of_operation(id)));
    let document = match first {
        Some(&row) => Some(next_args_document(connection, author, row)?),
        None => None,
    };
    Ok(NextArgsFacts { latest_log, view: named, document })
}

fn next_args_document(
    connection: &Connection,
    author: Option<i64>,
    document: i64,
) -> Result<NextArgsDocument> {
    let deleted = is_deleted(connection, document)?;
    let log = match author {
        Some(author) => open_log_of(connection, document, author)?,
        None => None,
    };
    let Some(log) = log else { return Ok(NextArgsDocument { deleted, log: None }) };
    let latest = latest_entry(connection, log.row, None)?;
    let log = match latest {
        None => None,
        Some(latest) => {
            let latest = *latest.header();
            let target = latest.seq_num().next().and_then(SeqNum::skiplink);
            let skiplink = match target {
                Some(target) => hash_at(connection, log.row, target)?,
                None => None,
            };
            Some(NextArgsLog { latest, skiplink })
        }
    };
    Ok(NextArgsDocument { deleted, log })
}

pub(super) fn author_row(connection: &Connection, author: &PublicKey) -> Result<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT id FROM authors WHERE key = ?")?;
    Ok(statement.query_row([author.as_bytes()], |row| row.get(0)).optional()?)
}

/// The greatest log id of an author: as stored, negative numbers are greater than others.
fn latest_log(connection: &Connection, author: i64) -> Result<Option<LogId>> {
    let mut statement = connection.prepare_cached(
        "SELECT COALESCE((SELECT max(log_id) FROM logs WHERE author = ?1 AND log_id < 0), \
         (SELECT max(log_id) FROM logs WHERE author = ?1))",
    )?;
    let stored: Option<i64> = statement.query_row([author], |row| row.get(0))?;
    Ok(stored.map(log_id_from_sql))
}

/// A log and its row.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogRow {
    pub(super) row: i64,
    pub(super) log_id: LogId,
}

/// The log with the lowest id in which an author writes a document and that is not frozen.
pub(super) fn open_log_of(
    connection: &Connection,
    document: i64,
    author: i64,
) -> Result<Option<LogRow>> {
    // As stored, ids of the lower half come first among those that are not negative.
    let mut statement = connection.prepare_cached(
        "SELECT id, log_id FROM logs \
         WHERE document = ?1 AND author = ?2 AND fork IS NULL AND log_id >= 0 \
         UNION ALL SELECT id, log_id FROM logs \
         WHERE document = ?1 AND author = ?2 AND fork IS NULL AND log_id < 0 LIMIT 1",
    )?;
    let log = statement.query_row([document, author], |row| {
        Ok(LogRow { row: row.get(0)?, log_id: log_id_from_sql(row.get(1)?) })
    });
    Ok(log.optional()?)
}

/// The last entry of a line, or the last one before its fork.
pub(super) fn latest_entry(
    connection: &Connection,
    log: i64,
    fork: Option<i64>,
) -> Result<Option<EncodedEntry>> {
    entry_where(
        connection,
        "SELECT entry FROM entries WHERE log = ? AND seq_num < ? ORDER BY seq_num DESC LIMIT 1",
        [log, fork.unwrap_or(i64::MAX)],
    )
}

pub(super) fn entry_at(
    connection: &Connection,
    log: i64,
    seq_num: SeqNum,
) -> Result<Option<EncodedEntry>> {
    let sql = "SELECT entry FROM entries WHERE log = ? AND seq_num = ?";
    entry_where(connection, sql, [log, seq_num_to_sql(seq_num)])
}

fn entry_where(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<Option<EncodedEntry>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    match rows.next()? {
        Some(row) => decode(row.get_ref(0)?.as_blob().map_err(Fault::inconsistent)?).map(Some),
        None => Ok(None),
    }
}

pub(super) fn hash_at(
    connection: &Connection,
    log: i64,
    seq_num: SeqNum,
) -> Result<Option<EntryHash>> {
    let mut statement =
        connection.prepare_cached("SELECT hash FROM entries WHERE log = ? AND seq_num = ?")?;
    let hash = statement.query_row([log, seq_num_to_sql(seq_num)], |row| row.get::<_, Digest>(0));
    Ok(hash.optional()?.map(|digest| EntryHash::from_hash(Hash::from_digest(digest))))
}

/// The id of the document with this row.
pub(super) fn document_id(connection: &Connection, row: i64) -> Result<DocumentId> {
    let mut statement = connection.prepare_cached("SELECT hash FROM entries WHERE id = ?")?;
    Ok(digest::document(statement.query_row([row], |row| row.get(0))?))
}

pub(super) fn is_deleted(connection: &Connection, document: i64) -> Result<bool> {
    let mut statement = connection.prepare_cached("SELECT deleted FROM documents WHERE id = ?")?;
    Ok(statement.query_row([document], |row| row.get(0))?)
}
