//! The heads of logs, one by one.

use pandan_bamboo::{EncodedEntry, EntryHash, ForkProof, Hash, HeadState, LogId, SeqNum, varu64};
use pandan_identity::PublicKey;
use pandan_operations::{OperationId, SchemaId};
use rusqlite::{Connection, OptionalExtension, params};

use super::catalog::{self, Catalog};
use super::digest::{self, Digest};
use super::fault::{Fault, Result};
use super::{entries, forks, param};
use crate::heads::{Head, HeadInRange, HeadRange, LogPlace, SCHEMA_OF_FORKED};

/// Behind every place: no log id makes one so long.
const BEHIND_ALL: [u8; 42] = [0xff; 42];

/// Bytes of the key at the beginning of a place.
const AUTHOR_LENGTH: usize = 32;

/// A place as it is stored.
pub(super) fn place_to_sql(place: &LogPlace) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(AUTHOR_LENGTH + 9);
    bytes.extend(place.author);
    bytes.extend(varu64::encode(place.log_id.number()).as_bytes());
    bytes
}

/// Reads a place; none for the empty one, where the first part begins.
pub(super) fn place_from_sql(bytes: &[u8]) -> Result<Option<LogPlace>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let (author, log_id) = bytes
        .split_first_chunk::<AUTHOR_LENGTH>()
        .ok_or_else(|| Fault::inconsistent("a place of a log is too short"))?;
    match varu64::decode(log_id) {
        Ok((number, [])) => Ok(Some(LogPlace { author: *author, log_id: LogId::new(number) })),
        _ => Err(Fault::inconsistent("a place of a log does not end with a log id")),
    }
}

/// A range as it is stored: the row of its schema, its first place and the first one behind it.
#[derive(Clone, Debug)]
pub(super) struct StoredRange {
    pub(super) schema: i64,
    pub(super) from: Vec<u8>,
    pub(super) to: Vec<u8>,
}

impl StoredRange {
    /// All logs of the schema in a row.
    pub(super) fn whole(schema: i64) -> Self {
        Self { schema, from: Vec::new(), to: BEHIND_ALL.to_vec() }
    }

    /// None when the schema is not known, so that there are no logs of it.
    pub(super) fn of(connection: &Connection, range: &HeadRange) -> Result<Option<Self>> {
        let bound = |place: &Option<LogPlace>| place.as_ref().map(place_to_sql);
        Ok(schema_row(connection, &range.schema)?.map(|schema| Self {
            schema,
            from: bound(&range.from).unwrap_or_default(),
            to: bound(&range.to).unwrap_or_else(|| BEHIND_ALL.to_vec()),
        }))
    }

    /// Logs of the range in order, up to `limit`, each with its place and its row.
    pub(super) fn logs(
        &self,
        connection: &Connection,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, i64)>> {
        let mut statement = connection.prepare_cached(
            "SELECT place, log FROM heads WHERE schema = ? AND place >= ? AND place < ? \
             ORDER BY place LIMIT ?",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![self.schema, self.from, self.to, limit], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// The row of a schema, if it is known.
pub(super) fn schema_row(connection: &Connection, schema: &SchemaId) -> Result<Option<i64>> {
    Ok(catalog::find(connection, schema)?.map(|found| found.id))
}

/// How far a line reaches.
struct Reach {
    /// Its latest entry, below its fork if it has one.
    latest: Option<(EntryHash, SeqNum)>,
    proof: Option<ForkProof>,
    state: HeadState,
}

impl Reach {
    /// None for a line without a head: nothing is there of it, and it does not fork at the first
    /// entry.
    fn of(connection: &Connection, log: i64) -> Result<Option<Self>> {
        let mut statement = connection.prepare_cached(
            "SELECT e.hash, e.seq_num, l.fork FROM logs l LEFT JOIN entries e \
             ON e.log = l.id AND e.seq_num < COALESCE(l.fork, 9223372036854775807) \
             WHERE l.id = ? ORDER BY e.seq_num DESC LIMIT 1",
        )?;
        let found = statement.query_row([log], |row| {
            let latest = row.get::<_, Option<Digest>>(0)?.zip(row.get::<_, Option<i64>>(1)?);
            Ok((latest, row.get::<_, Option<i64>>(2)?))
        });
        let Some((latest, fork)) = found.optional()? else { return Ok(None) };
        let latest = match latest {
            Some((digest, seq_num)) => {
                let hash = EntryHash::from_hash(Hash::from_digest(digest));
                Some((hash, entries::seq_num_from_sql(seq_num)?))
            }
            None if fork == Some(forks::fork_to_sql(SeqNum::FIRST)) => None,
            None => return Ok(None),
        };
        let proof = fork.map(|_| forks::proof_of(connection, log)).transpose()?;
        let state = match (latest, &proof) {
            (Some((hash, _)), proof) => state_at(hash, proof.as_ref()),
            (None, Some(proof)) => frozen_state(None, proof),
            (None, None) => return Ok(None),
        };
        Ok(Some(Self { latest, proof, state }))
    }
}

/// The state of a log whose line ends with an entry.
pub(super) fn state_at(latest: EntryHash, proof: Option<&ForkProof>) -> HeadState {
    proof.map_or(HeadState::of_line(latest), |proof| frozen_state(Some(latest), proof))
}

fn frozen_state(latest: Option<EntryHash>, proof: &ForkProof) -> HeadState {
    HeadState::of_frozen(latest, proof.seq_num(), proof.entries().map(EncodedEntry::hash))
}

/// The state of a log; none when it has no head.
pub(super) fn find_state(connection: &Connection, log: i64) -> Result<Option<HeadState>> {
    Ok(Reach::of(connection, log)?.map(|reach| reach.state))
}

/// The state of a log that has a head.
pub(super) fn state(connection: &Connection, log: i64) -> Result<HeadState> {
    find_state(connection, log)?.ok_or_else(|| Fault::inconsistent("a log has no head"))
}

/// The head of a log at a place.
fn head(connection: &Connection, place: &LogPlace, log: i64) -> Result<Option<Head>> {
    let Some(reach) = Reach::of(connection, log)? else { return Ok(None) };
    Ok(Some(Head {
        author: PublicKey::from_bytes(&place.author).map_err(Fault::inconsistent)?,
        log_id: place.log_id,
        latest: reach.latest.map(|(_, seq_num)| seq_num),
        fork: reach.proof.as_ref().map(ForkProof::seq_num),
        state: reach.state,
    }))
}

pub(super) fn of_ranges(
    connection: &Connection,
    ranges: &[HeadRange],
    limit: usize,
) -> Result<Vec<HeadInRange>> {
    let mut heads = Vec::new();
    for (index, range) in ranges.iter().enumerate() {
        let Some(stored) = StoredRange::of(connection, range)? else { continue };
        for (place, log) in stored.logs(connection, limit.saturating_sub(heads.len()))? {
            let place = place_from_sql(&place)?
                .ok_or_else(|| Fault::inconsistent("a log has an empty place"))?;
            let head = head(connection, &place, log)?
                .ok_or_else(|| Fault::inconsistent("a log has no head"))?;
            heads.push(HeadInRange { range: index, head });
        }
    }
    Ok(heads)
}

pub(super) fn of_logs(
    connection: &Connection,
    catalog: &Catalog,
    logs: &[LogPlace],
) -> Result<Vec<Option<(SchemaId, Head)>>> {
    let mut heads = Vec::with_capacity(logs.len());
    for place in logs {
        let log = log_row(connection, place)?;
        let head = log.map(|log| head(connection, place, log)).transpose()?.flatten();
        heads.push(match log.zip(head) {
            Some((_, head)) if head.latest.is_none() => Some((SCHEMA_OF_FORKED.into(), head)),
            Some((log, head)) => Some((schema_of_log(connection, catalog, log)?, head)),
            None => None,
        });
    }
    Ok(heads)
}

/// Logs by operations of the documents that are written in them. What forks at its first entry is
/// no line of a document any more, whichever it was before.
const LOGS_OF_DOCUMENTS: &str = "SELECT DISTINCT d.schema, a.key, l.log_id FROM entries c \
     JOIN logs o ON o.id = c.log JOIN documents d ON d.id = o.document \
     JOIN logs l ON l.document = d.id JOIN authors a ON a.id = l.author \
     WHERE c.hash IN rarray(?) AND (+a.key, l.log_id < 0, l.log_id) > (?, ?, ?) \
     AND (l.branch = 0 OR EXISTS \
     (SELECT 1 FROM logs WHERE author = l.author AND log_id = l.log_id AND branch = 0 AND fork = 1)) \
     ORDER BY a.key, l.log_id < 0, l.log_id LIMIT ?";

/// The logs in which documents are written, those after a place.
pub(super) fn logs_of(
    connection: &Connection,
    catalog: &Catalog,
    ids: &[OperationId],
    after: Option<&LogPlace>,
    limit: usize,
) -> Result<Vec<(SchemaId, LogPlace)>> {
    let mut statement = connection.prepare_cached(LOGS_OF_DOCUMENTS)?;
    let digests = param::blobs(ids.iter().map(digest::of_operation));
    // No key is as short as nothing.
    let author = after.map_or(&[][..], |place| &place.author);
    let log_id = after.map_or(0, |place| entries::log_id_to_sql(place.log_id));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![digests, author, log_id < 0, log_id, limit])?;
    let mut logs = Vec::new();
    while let Some(row) = rows.next()? {
        let schema = catalog.schema(connection, row.get(0)?)?.id().clone();
        let (author, log_id) = (row.get(1)?, entries::log_id_from_sql(row.get(2)?));
        logs.push((schema, LogPlace { author, log_id }));
    }
    Ok(logs)
}

/// The schema of the document that a line belongs to.
fn schema_of_log(connection: &Connection, catalog: &Catalog, log: i64) -> Result<SchemaId> {
    let mut statement = connection.prepare_cached(
        "SELECT d.schema FROM logs l JOIN documents d ON d.id = l.document WHERE l.id = ?",
    )?;
    let row = statement.query_row([log], |row| row.get(0))?;
    Ok(catalog.schema(connection, row)?.id().clone())
}

/// The row of the line of a log.
pub(super) fn log_row(connection: &Connection, place: &LogPlace) -> Result<Option<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT l.id FROM authors a JOIN logs l ON l.author = a.id AND l.log_id = ? \
         AND l.branch = 0 WHERE a.key = ?",
    )?;
    let log_id = entries::log_id_to_sql(place.log_id);
    Ok(statement.query_row(params![log_id, place.author], |row| row.get(0)).optional()?)
}
