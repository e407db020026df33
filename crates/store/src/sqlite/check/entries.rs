//! Entries: their bytes, their places in logs, and the operations that they carry.

use pandan_bamboo::{Entry, EntryHash, Hash, Header, Link};
use pandan_operations::Operation;
use rusqlite::Row;

use super::{Check, explain};
use crate::check::{About, Problem, Stage};
use crate::sqlite::entries;
use crate::sqlite::fault::{Fault, Result};

/// Goes through all logs, each from its first entry on.
pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    let total = check.count("entries")?;
    let mut statement = check.connection.prepare(
        "SELECT e.id, e.hash, e.log, e.seq_num, e.entry, e.payload, a.key, l.log_id, d.schema, \
         l.branch > 0 \
         FROM entries e LEFT JOIN logs l ON l.id = e.log LEFT JOIN authors a ON a.id = l.author \
         LEFT JOIN documents d ON d.id = l.document ORDER BY e.log, e.seq_num",
    )?;
    let mut rows = statement.query([])?;
    let mut before = Before::default();
    while let Some(row) = rows.next()? {
        let (id, log, seq_num) = (row.get::<_, i64>(0)?, row.get(2)?, row.get(3)?);
        let about = match row.get(1) {
            Ok(digest) => About::Entry(EntryHash::from_hash(Hash::from_digest(digest))),
            Err(_) => About::Row { table: String::from("entries"), row: id.to_string() },
        };
        // Beside the line of a log there is no order, and links lead anywhere.
        let is_beside = row.get::<_, Option<bool>>(9)?.unwrap_or(false);
        let expected = before.next(log);
        if !is_beside && seq_num != expected {
            check.note(about.clone(), Problem::Gap { expected, found: seq_num });
        } else if !is_beside && before.is_end_of(log) {
            check.note(about.clone(), Problem::AfterEnd);
        }
        before = Before { log, seq_num, is_end: false, is_beside };
        let result = entry(check, row, &about, &mut before);
        check.absorb(about, result)?;
        check.report.entries += 1;
        check.tell(Stage::Entries, check.report.entries, total);
    }
    Ok(())
}

/// The entry before the next one.
#[derive(Debug, Default)]
struct Before {
    log: i64,
    seq_num: i64,
    is_end: bool,
    is_beside: bool,
}

impl Before {
    const fn next(&self, log: i64) -> i64 {
        if self.log == log { self.seq_num.saturating_add(1) } else { 1 }
    }

    const fn is_end_of(&self, log: i64) -> bool {
        self.log == log && self.is_end
    }
}

fn entry(check: &mut Check<'_>, row: &Row<'_>, about: &About, place: &mut Before) -> Result<()> {
    let bytes = row.get_ref(4)?.as_blob().map_err(Fault::inconsistent)?;
    let decoded = match Entry::decode(bytes) {
        Ok(decoded) => decoded,
        Err(error) => {
            check.note(about.clone(), Problem::NotAnEntry { detail: explain(&error) });
            return Ok(());
        }
    };
    if let Err(error) = decoded.authenticate() {
        check.note(about.clone(), Problem::Signature { detail: explain(&error) });
    }
    // Only to look at the bytes that are there; whether they are authentic was said above.
    let stored = decoded.trust_stored();
    let header = *stored.header();
    place.is_end = header.is_end_of_log();
    if *about != About::Entry(header.hash()) {
        check.note(about.clone(), Problem::OtherHash { found: header.hash() });
    }
    check_place(check, row, about, &header)?;
    if !place.is_beside {
        check_links(check, about, &header, place.log)?;
    }
    match row.get_ref(5)?.as_blob_or_null().map_err(Fault::inconsistent)? {
        None => check.note(about.clone(), Problem::NoPayload),
        Some(payload) => {
            if let Err(error) = stored.bind(payload) {
                check.note(about.clone(), Problem::Payload { detail: explain(&error) });
            }
            check_operation(check, about, payload, row.get(8)?);
        }
    }
    Ok(())
}

/// Whether an entry belongs where it is stored.
fn check_place(check: &mut Check<'_>, row: &Row<'_>, about: &About, header: &Header) -> Result<()> {
    let (key, log_id) = (row.get::<_, Option<[u8; 32]>>(6)?, row.get::<_, Option<i64>>(7)?);
    let (Some(key), Some(log_id), Some(_)) = (key, log_id, row.get::<_, Option<i64>>(8)?) else {
        check.note(about.clone(), Problem::NoLog);
        return Ok(());
    };
    let author = header.public_key();
    let expected = (*author.as_bytes(), header.log_id(), entries::seq_num_to_sql(header.seq_num()));
    if expected != (key, entries::log_id_from_sql(log_id), row.get(3)?) {
        let (log_id, seq_num) = (header.log_id(), header.seq_num());
        check.note(about.clone(), Problem::OtherPlace { author, log_id, seq_num });
    }
    Ok(())
}

/// Whether the links lead to what is stored at their places. That it is stored under its own hash
/// is checked with each of the targets.
fn check_links(check: &mut Check<'_>, about: &About, header: &Header, log: i64) -> Result<()> {
    for link in [Link::Skiplink, Link::Backlink] {
        let Some((seq_num, hash)) = link.of(header) else { continue };
        match entries::hash_at(check.connection, log, seq_num)? {
            Some(found) if found == hash => {}
            Some(_) => check.note(about.clone(), Problem::Link { link, seq_num }),
            None => check.note(about.clone(), Problem::NoTarget { link, seq_num }),
        }
    }
    Ok(())
}

fn check_operation(check: &mut Check<'_>, about: &About, payload: &[u8], schema: Option<i64>) {
    let operation = match Operation::decode(payload) {
        Ok(operation) => operation,
        Err(error) => {
            check.note(about.clone(), Problem::NotAnOperation { detail: explain(&error) });
            return;
        }
    };
    // A schema that is not there shows in the document.
    let Some(schema) = schema.and_then(|row| check.schema(row)) else { return };
    if let Err(error) = schema.check(operation) {
        check.note(about.clone(), Problem::Unfitting { detail: explain(&error) });
    }
}
