//! Parts beside the logs (RE13): keeping them, and letting them go with what is stored.

mod read;

use pandan_admission::{Candidate, ClaimedState, Part, PartAsk, PartSubject, Piece};
use pandan_bamboo::{EncodedEntry, ForkProof, Header, LogId, SeqNum};
use pandan_identity::PublicKey;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

pub(super) use read::{all, find, kept, rows};

use super::batch::Batch;
use super::fault::Result;
use super::{digest, entries, forks, heads};
use crate::forks::Frozen;
use crate::heads::LogPlace;
use crate::limits::MAX_PARTS;
use crate::parts::{Keeping, Teller};

const fn log_id_to_sql(log_id: LogId) -> [u8; 8] {
    log_id.number().to_be_bytes()
}

const fn seq_num_to_sql(seq_num: SeqNum) -> [u8; 8] {
    seq_num.number().to_be_bytes()
}

/// Keeps a part, if nothing speaks against it.
pub(super) fn keep(connection: &mut Connection, part: &Part, teller: &Teller) -> Result<Keeping> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let keeping = judge(&transaction, part)?;
    if matches!(keeping, Keeping::Kept | Keeping::Stored) {
        if let Some(row) = row_of(&transaction, &part.subject())? {
            remove(&transaction, row)?;
        }
        if keeping == Keeping::Kept {
            write(&transaction, part, teller)?;
        }
        transaction.commit()?;
    }
    Ok(keeping)
}

pub(super) fn forget(connection: &mut Connection, subject: &PartSubject) -> Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(row) = row_of(&transaction, subject)? else { return Ok(false) };
    remove(&transaction, row)?;
    transaction.commit()?;
    Ok(true)
}

fn judge(connection: &Connection, part: &Part) -> Result<Keeping> {
    let mut stored = 0;
    let mut statement = connection.prepare_cached("SELECT 1 FROM entries WHERE hash = ?")?;
    for piece in part.pieces() {
        stored += usize::from(statement.exists([piece.header().hash().as_hash().digest()])?);
    }
    if stored == part.pieces().len() {
        return Ok(Keeping::Stored);
    }
    let mut proofs = Vec::new();
    for log in part.pieces().chunk_by(|one, other| log_of(one) == log_of(other)) {
        let Some(last) = log.last() else { continue };
        let (author, log_id) = log_of(last);
        let fork = forks::proof(connection, &author, log_id)?;
        if let Some(proof) = fork.filter(|proof| proof.seq_num() <= last.header().seq_num()) {
            return Ok(Keeping::Void(Box::new(proof)));
        }
        let line = heads::log_row(connection, &LogPlace::of(&author, log_id))?;
        for piece in log {
            let other = match line {
                Some(line) => entries::entry_at(connection, line, piece.header().seq_num())?,
                None => None,
            };
            let proof = other.and_then(|other| fork_of(&other, piece.entry()));
            proofs.extend(
                proof.map_or_else(|| fork_with(connection, piece.entry()), |it| Ok(Some(it)))?,
            );
        }
    }
    if !proofs.is_empty() {
        return Ok(Keeping::Forked(proofs));
    }
    let count: usize = connection.query_row("SELECT count(*) FROM parts", [], |row| row.get(0))?;
    if count >= MAX_PARTS && row_of(connection, &part.subject())?.is_none() {
        return Ok(Keeping::Full { max: MAX_PARTS });
    }
    Ok(Keeping::Kept)
}

fn log_of(piece: &Piece) -> (PublicKey, LogId) {
    (piece.header().public_key(), piece.header().log_id())
}

fn fork_of(one: &EncodedEntry, other: &EncodedEntry) -> Option<ForkProof> {
    ForkProof::new(&one.as_authentic(), &other.as_authentic()).ok()
}

/// The proof that an entry stands where another one is kept.
fn fork_with(connection: &Connection, entry: &EncodedEntry) -> Result<Option<ForkProof>> {
    let header = entry.header();
    let mut statement = connection.prepare_cached(
        "SELECT entry FROM part_entries WHERE author = ? AND log_id = ? AND seq_num = ? \
         AND hash <> ? LIMIT 1",
    )?;
    let (author, hash) = (header.public_key(), header.hash());
    let params = params![
        author.as_bytes(),
        log_id_to_sql(header.log_id()),
        seq_num_to_sql(header.seq_num()),
        hash.as_hash().digest(),
    ];
    let other: Option<Vec<u8>> = statement.query_row(params, |row| row.get(0)).optional()?;
    let other = other.map(|bytes| entries::decode(&bytes)).transpose()?;
    Ok(other.and_then(|other| fork_of(&other, entry)))
}

fn row_of(connection: &Connection, subject: &PartSubject) -> Result<Option<i64>> {
    let row = match subject {
        PartSubject::Document(id) => connection
            .prepare_cached("SELECT id FROM parts WHERE document = ?")?
            .query_row([digest::of_document(id)], |row| row.get(0)),
        PartSubject::Log { author, log_id } => connection
            .prepare_cached("SELECT id FROM parts WHERE author = ? AND log_id = ?")?
            .query_row(params![author.as_bytes(), log_id_to_sql(*log_id)], |row| row.get(0)),
    };
    Ok(row.optional()?)
}

fn write(connection: &Connection, part: &Part, teller: &Teller) -> Result<()> {
    let (document, author, log_id, newest) = match part.ask() {
        PartAsk::Document(id) => (Some(*digest::of_document(id)), None, None, None),
        PartAsk::Newest { author, log_id, count } => {
            (None, Some(*author.as_bytes()), Some(log_id_to_sql(*log_id)), Some(*count))
        }
    };
    let view = part.state().map(|state| digest::of_view(&state.view));
    // Beyond the end of time in SQLite there is no other.
    let told = i64::try_from(teller.unix_seconds).unwrap_or(i64::MAX);
    let newest = newest.and_then(|newest| i64::try_from(newest).ok());
    connection.execute(
        "INSERT INTO parts (document, author, log_id, newest, view, peer, told) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![document, author, log_id, newest, view, teller.peer, told],
    )?;
    let row = connection.last_insert_rowid();
    let mut statement = connection.prepare_cached(
        "INSERT INTO part_entries (part, author, log_id, seq_num, hash, entry, payload, asked) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    for piece in part.pieces() {
        let header: &Header = piece.header();
        statement.execute(params![
            row,
            header.public_key().as_bytes(),
            log_id_to_sql(header.log_id()),
            seq_num_to_sql(header.seq_num()),
            header.hash().as_hash().digest(),
            piece.entry().as_bytes(),
            piece.payload(),
            piece.is_asked(),
        ])?;
    }
    let mut statement = connection
        .prepare_cached("INSERT INTO part_fields (part, name, operation) VALUES (?, ?, ?)")?;
    let fields = part.state().map(|ClaimedState { fields, .. }| fields.as_slice());
    for (name, id) in fields.unwrap_or_default() {
        statement.execute(params![row, name.as_str(), digest::of_operation(id)])?;
    }
    Ok(())
}

fn remove(connection: &Connection, row: i64) -> Result<()> {
    for sql in [
        "DELETE FROM part_fields WHERE part = ?",
        "DELETE FROM part_entries WHERE part = ?",
        "DELETE FROM parts WHERE id = ?",
    ] {
        connection.prepare_cached(sql)?.execute([row])?;
    }
    Ok(())
}

/// Whether there are parts at all. Without, nothing has to look at them.
pub(super) fn any(connection: &Connection) -> Result<bool> {
    Ok(connection.prepare_cached("SELECT 1 FROM parts LIMIT 1")?.exists([])?)
}

impl Batch<'_> {
    /// Freezes the log of a candidate that stands where another entry is kept in a part.
    pub(super) fn freeze_with_parts(&mut self, candidate: &Candidate) -> Result<Option<Frozen>> {
        if !self.has_parts {
            return Ok(None);
        }
        match fork_with(self.connection, candidate.entry())? {
            Some(proof) => self.freeze(&proof),
            None => Ok(None),
        }
    }

    /// Parts of which some entries are void now go.
    pub(super) fn remove_void_parts(&self, proof: &ForkProof) -> Result<()> {
        if !self.has_parts {
            return Ok(());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT part FROM part_entries \
             WHERE author = ? AND log_id = ? AND seq_num >= ?",
        )?;
        let author = proof.public_key();
        let params = params![
            author.as_bytes(),
            log_id_to_sql(proof.log_id()),
            seq_num_to_sql(proof.seq_num())
        ];
        let rows = statement.query_map(params, |row| row.get(0))?;
        let rows = rows.collect::<rusqlite::Result<Vec<i64>>>()?;
        rows.into_iter().try_for_each(|row| remove(self.connection, row))
    }

    /// Parts of which all entries are in their logs now go: those with one among the new ones, from
    /// this row on, and none that is not stored.
    pub(super) fn remove_stored_parts(&self, first: i64) -> Result<()> {
        if !self.has_parts {
            return Ok(());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT p.part FROM entries e JOIN part_entries p ON p.hash = e.hash \
             WHERE e.id >= ? AND NOT EXISTS (SELECT 1 FROM part_entries o WHERE o.part = p.part \
             AND NOT EXISTS (SELECT 1 FROM entries WHERE hash = o.hash))",
        )?;
        let rows = statement.query_map([first], |row| row.get(0))?;
        let rows = rows.collect::<rusqlite::Result<Vec<i64>>>()?;
        rows.into_iter().try_for_each(|row| remove(self.connection, row))
    }
}
