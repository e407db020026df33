//! Parts as they were kept.

use pandan_admission::{ClaimedState, PartAsk, PartSubject};
use pandan_bamboo::{LogId, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::FieldName;
use rusqlite::{Connection, Row};

use super::{log_id_to_sql, row_of, seq_num_to_sql};
use crate::parts::{KeptEntry, KeptPart, PartSummary, Teller};
use crate::sqlite::fault::{Fault, Result};
use crate::sqlite::{digest, entries};

/// The rows of all parts: documents by id, then logs by author and log id.
pub(in crate::sqlite) fn rows(connection: &Connection) -> Result<Vec<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM parts ORDER BY document IS NULL, document, author, log_id",
    )?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How much there is of each part. Payloads are not read: lengths stand beside them.
pub(in crate::sqlite) fn all(connection: &Connection) -> Result<Vec<PartSummary>> {
    rows(connection)?.into_iter().map(|row| summary(connection, row)).collect()
}

fn summary(connection: &Connection, part: i64) -> Result<PartSummary> {
    let Head { ask, teller, state } = head(connection, part)?;
    let mut statement = connection.prepare_cached(
        "SELECT count(*), coalesce(sum(asked), 0), coalesce(sum(asked AND payload IS NULL), 0), \
         coalesce(sum(length(entry) + coalesce(length(payload), 0)), 0), max(seq_num) \
         FROM part_entries WHERE part = ?",
    )?;
    let summary = statement.query_row([part], |row| {
        let latest: Option<[u8; 8]> = row.get(4)?;
        let latest = latest.filter(|_| matches!(ask, PartAsk::Newest { .. }));
        Ok(PartSummary {
            ask,
            teller,
            state,
            entries: row.get(0)?,
            asked: row.get(1)?,
            lacking: row.get(2)?,
            bytes: row.get(3)?,
            latest: latest.and_then(|number| SeqNum::new(u64::from_be_bytes(number))),
        })
    });
    Ok(summary?)
}

/// A part.
pub(in crate::sqlite) fn find(
    connection: &Connection,
    subject: &PartSubject,
) -> Result<Option<KeptPart>> {
    row_of(connection, subject)?.map(|row| kept(connection, row)).transpose()
}

/// The part in a row that is there.
pub(in crate::sqlite) fn kept(connection: &Connection, part: i64) -> Result<KeptPart> {
    let Head { ask, teller, state } = head(connection, part)?;
    Ok(KeptPart { ask, teller, state, entries: entries_of(connection, part)? })
}

/// A part without its entries.
struct Head {
    ask: PartAsk,
    teller: Teller,
    state: Option<ClaimedState>,
}

fn head(connection: &Connection, part: i64) -> Result<Head> {
    let mut statement = connection.prepare_cached(
        "SELECT document, author, log_id, newest, view, peer, told FROM parts WHERE id = ?",
    )?;
    let mut rows = statement.query([part])?;
    let row = rows.next()?.ok_or_else(|| Fault::inconsistent("a part is not there"))?;
    let told: i64 = row.get(6)?;
    let unix_seconds = u64::try_from(told).map_err(Fault::inconsistent)?;
    let teller = Teller { peer: row.get(5)?, unix_seconds };
    let (ask, view) = (ask(row)?, row.get::<_, Option<Vec<u8>>>(4)?);
    let state = match view {
        None => None,
        Some(view) => {
            Some(ClaimedState { view: digest::view(&view)?, fields: fields(connection, part)? })
        }
    };
    Ok(Head { ask, teller, state })
}

fn ask(row: &Row<'_>) -> Result<PartAsk> {
    if let Some(document) = row.get(0)? {
        return Ok(PartAsk::Document(digest::document(document)));
    }
    let author = PublicKey::from_stored_bytes(row.get(1)?);
    let log_id = LogId::new(u64::from_be_bytes(row.get(2)?));
    let count = u64::try_from(row.get::<_, i64>(3)?).map_err(Fault::inconsistent)?;
    Ok(PartAsk::Newest { author, log_id, count })
}

fn fields(
    connection: &Connection,
    part: i64,
) -> Result<Vec<(FieldName, pandan_operations::OperationId)>> {
    let mut statement = connection
        .prepare_cached("SELECT name, operation FROM part_fields WHERE part = ? ORDER BY name")?;
    let mut rows = statement.query([part])?;
    let mut fields = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let name = FieldName::parse(&name).map_err(Fault::inconsistent)?;
        fields.push((name, digest::operation(row.get(1)?)));
    }
    Ok(fields)
}

fn entries_of(connection: &Connection, part: i64) -> Result<Vec<KeptEntry>> {
    let mut statement = connection.prepare_cached(
        "SELECT entry, payload, asked, author, log_id, seq_num, hash FROM part_entries \
         WHERE part = ? ORDER BY author, log_id, seq_num",
    )?;
    let mut rows = statement.query([part])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(0)?.as_blob().map_err(Fault::inconsistent)?;
        let entry = entries::decode(bytes)?;
        let header = entry.header();
        let place = (row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?);
        let expected = (
            *header.public_key().as_bytes(),
            log_id_to_sql(header.log_id()),
            seq_num_to_sql(header.seq_num()),
            *header.hash().as_hash().digest(),
        );
        if place != expected {
            return Err(Fault::inconsistent("an entry of a part stands under another name"));
        }
        found.push(KeptEntry { entry, payload: row.get(1)?, is_asked: row.get(2)? });
    }
    Ok(found)
}
