//! Frozen logs: their proofs, and what they do to documents.

use pandan_admission::{ForkFact, Questions};
use pandan_bamboo::{EncodedEntry, ForkProof, HeadState, LogId, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, SchemaId, SystemSchema};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::batch::Batch;
use super::fault::{Fault, Result};
use super::{digest, entries, heads, history, param};
use crate::contract::KnownSchema;
use crate::forks::{Fork, ForkPage, ForkQuery, Frozen};
use crate::heads::{LogPlace, SCHEMA_OF_FORKED};
use crate::limits::{MAX_FORK_DOCUMENTS, MAX_PROOFS_ALONE};

/// The fork of a branch beside the line: whatever number an entry has there, it is void.
pub(super) const ALL_VOID: i64 = i64::MIN;

/// The place of a fork as it is stored with the line. No line ever reaches the greatest number.
pub(super) fn fork_to_sql(seq_num: SeqNum) -> i64 {
    i64::try_from(seq_num.number()).unwrap_or(i64::MAX)
}

/// Eight bytes are ordered as the numbers are.
const fn log_id_to_sql(log_id: LogId) -> [u8; 8] {
    log_id.number().to_be_bytes()
}

/// What admission has to know of a log that is frozen.
pub(super) fn fact(connection: &Connection, questions: &Questions) -> Result<Option<ForkFact>> {
    let Some(proof) = proof(connection, &questions.author, questions.log_id)? else {
        return Ok(None);
    };
    let is_stored = proof.seq_num() <= questions.seq_num
        && connection
            .prepare_cached("SELECT 1 FROM entries WHERE hash = ?")?
            .exists([questions.entry.as_hash().digest()])?;
    Ok(Some(ForkFact { proof, is_stored }))
}

pub(super) fn proof(
    connection: &Connection,
    author: &PublicKey,
    log_id: LogId,
) -> Result<Option<ForkProof>> {
    let mut statement = connection
        .prepare_cached("SELECT first, second FROM forks WHERE author = ? AND log_id = ?")?;
    let mut rows = statement.query(params![author.as_bytes(), log_id_to_sql(log_id)])?;
    rows.next()?.map(|row| stored_proof(row, 0)).transpose()
}

/// Whether any log is frozen.
pub(super) fn any(connection: &Connection) -> Result<bool> {
    Ok(connection.prepare_cached("SELECT 1 FROM forks LIMIT 1")?.exists([])?)
}

/// The proof that froze a line, if one did.
pub(super) fn find_proof(connection: &Connection, line: i64) -> Result<Option<ForkProof>> {
    let mut statement =
        connection.prepare_cached("SELECT first, second FROM forks WHERE log = ?")?;
    let mut rows = statement.query([line])?;
    rows.next()?.map(|row| stored_proof(row, 0)).transpose()
}

/// The proof that froze a line.
pub(super) fn proof_of(connection: &Connection, line: i64) -> Result<ForkProof> {
    find_proof(connection, line)?.ok_or_else(|| Fault::inconsistent("a frozen log has no proof"))
}

/// The proof in two columns.
pub(super) fn stored_proof(row: &Row<'_>, column: usize) -> Result<ForkProof> {
    let entry = |column| {
        let bytes = row.get_ref(column)?.as_blob().map_err(Fault::inconsistent)?;
        entries::decode(bytes)
    };
    let (first, second) = (entry(column)?, entry(column + 1)?);
    ForkProof::new(&first.as_authentic(), &second.as_authentic()).map_err(Fault::inconsistent)
}

impl Batch<'_> {
    /// Whether there is room for a proof from elsewhere.
    pub(super) fn takes_proof(&self, proof: &ForkProof) -> Result<bool> {
        if proof.seq_num() == SeqNum::FIRST {
            return Ok(true);
        }
        let Some(author) = entries::author_row(self.connection, &proof.public_key())? else {
            return Ok(true);
        };
        let mut statement = self
            .connection
            .prepare_cached("SELECT 1 FROM logs WHERE author = ? AND log_id = ? LIMIT 1")?;
        if statement.exists([author, entries::log_id_to_sql(proof.log_id())])? {
            return Ok(true);
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT count(*) FROM logs l WHERE document IS NULL AND author = ? AND fork > 1 \
             AND NOT EXISTS \
             (SELECT 1 FROM logs WHERE author = l.author AND log_id = l.log_id AND branch > 0)",
        )?;
        let alone: usize = statement.query_row([author], |row| row.get(0))?;
        Ok(alone < MAX_PROOFS_ALONE)
    }

    /// Keeps a proof, if it is news, and has the document built anew of which operations become
    /// void.
    pub(super) fn freeze(&mut self, proof: &ForkProof) -> Result<Option<Frozen>> {
        let line = self.line(proof)?;
        let proof = self.joined_with_line(line, proof)?;
        let known = self::proof(self.connection, &proof.public_key(), proof.log_id())?;
        let proof = known.map_or(proof, |known| known.joined(&proof));
        if known == Some(proof) {
            return Ok(None);
        }
        let before = match line {
            Some(line) => heads::find_state(self.connection, line)?,
            None => None,
        };
        let line = self.freeze_line(&proof)?;
        self.keep_proof(line, &proof)?;
        self.remove_void_parts(&proof)?;
        self.change_head(line, &proof, before, known.as_ref())?;
        let mut statement = self.connection.prepare_cached(
            "SELECT document FROM logs l WHERE id = ? \
             AND EXISTS (SELECT 1 FROM entries WHERE log = l.id AND seq_num >= l.fork)",
        )?;
        let document: Option<i64> = statement.query_row([line], |row| row.get(0)).optional()?;
        // Of an earlier proof of the same place nothing became void but now.
        let is_lower = known.is_none_or(|known| proof.seq_num() < known.seq_num());
        let Some(document) = document.filter(|_| is_lower) else {
            return Ok(Some(Frozen { proof, document: None, schemas: Vec::new() }));
        };
        self.mark_void(document)?;
        let schemas = self.follow_freezing(document)?;
        let document = Some(entries::document_id(self.connection, document)?);
        Ok(Some(Frozen { proof, document, schemas }))
    }

    /// What stands on the line may have a lower hash than what a proof was made of.
    fn joined_with_line(&self, line: Option<i64>, proof: &ForkProof) -> Result<ForkProof> {
        let Some(line) = line else { return Ok(*proof) };
        let entry = entries::entry_at(self.connection, line, proof.seq_num())?;
        Ok(entry.map_or(*proof, |entry| proof.joined_with(&entry)))
    }

    /// The row of the line, if there is one.
    fn line(&self, proof: &ForkProof) -> Result<Option<i64>> {
        heads::log_row(self.connection, &LogPlace::of(&proof.public_key(), proof.log_id()))
    }

    /// The line ends earlier now, or its fork is another one.
    fn change_head(
        &mut self,
        line: i64,
        proof: &ForkProof,
        before: Option<HeadState>,
        known: Option<&ForkProof>,
    ) -> Result<()> {
        let after = heads::find_state(self.connection, line)?;
        let place = LogPlace::of(&proof.public_key(), proof.log_id());
        let from = self.schema_of_head(line, known)?;
        let to = self.schema_of_head(line, Some(proof))?;
        if from == to {
            to.into_iter().for_each(|it| self.heads.change(it, &place, line, before, after));
            return Ok(());
        }
        from.into_iter().for_each(|it| self.heads.change(it, &place, line, before, None));
        to.into_iter().for_each(|it| self.heads.change(it, &place, line, None, after));
        Ok(())
    }

    /// The row of the schema among whose heads that of a line is, with the fork that is known.
    fn schema_of_head(&self, line: i64, proof: Option<&ForkProof>) -> Result<Option<i64>> {
        if proof.is_some_and(|proof| proof.seq_num() == SeqNum::FIRST) {
            return heads::schema_row(self.connection, &SCHEMA_OF_FORKED.into());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT d.schema FROM logs l JOIN documents d ON d.id = l.document WHERE l.id = ?",
        )?;
        Ok(statement.query_row([line], |row| row.get(0)).optional()?)
    }

    /// The row of the line, frozen.
    fn freeze_line(&mut self, proof: &ForkProof) -> Result<i64> {
        let author = match self.author(&proof.public_key())? {
            Some(author) => author,
            None => self.insert_author(&proof.public_key())?,
        };
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO logs (author, log_id, branch, fork) VALUES (?, ?, 0, ?) \
             ON CONFLICT DO UPDATE SET fork = excluded.fork RETURNING id",
        )?;
        let (log_id, fork) = (entries::log_id_to_sql(proof.log_id()), fork_to_sql(proof.seq_num()));
        Ok(statement.query_row([author, log_id, fork], |row| row.get(0))?)
    }

    fn keep_proof(&self, line: i64, proof: &ForkProof) -> Result<()> {
        let [first, second] = proof.entries().map(EncodedEntry::as_bytes);
        let (author, log_id) = (proof.public_key(), log_id_to_sql(proof.log_id()));
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO forks (author, log_id, log, first, second) \
                 VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![author.as_bytes(), log_id, line, first, second])?;
        Ok(())
    }

    /// Remembers that a document has void operations.
    pub(super) fn mark_void(&self, document: i64) -> Result<()> {
        self.connection
            .prepare_cached("UPDATE documents SET void = 1 WHERE id = ? AND NOT void")?
            .execute([document])?;
        Ok(())
    }

    /// Has a document built anew of which operations became void. Whether it is deleted is found
    /// out at once, for the rest of the batch.
    fn follow_freezing(&mut self, document: i64) -> Result<Vec<KnownSchema>> {
        let mut statement =
            self.connection.prepare_cached("SELECT schema FROM documents WHERE id = ?")?;
        let schema_row = statement.query_row([document], |row| row.get(0))?;
        let schema = self.schema(schema_row)?;
        let history = history::of(self.connection, &schema, document)?;
        let view = history.document().map_err(Fault::inconsistent)?.into_view();
        self.connection
            .prepare_cached("UPDATE documents SET deleted = ? WHERE id = ?")?
            .execute(params![view.is_deleted(), document])?;
        self.outdated.insert(document, schema_row);
        match schema.id() {
            SchemaId::System(SystemSchema::SchemaDefinition) => {
                let mut changed = self.retire(document)?;
                changed.extend(self.try_view(&view.id)?);
                Ok(changed)
            }
            _ => Ok(Vec::new()),
        }
    }
}

/// A page of the known forks.
pub(super) fn page(connection: &Connection, query: &ForkQuery) -> Result<ForkPage> {
    let (conditions, params) = conditions(query);
    let sql = format!("SELECT count(*) FROM forks f WHERE {conditions}");
    let total =
        connection.prepare_cached(&sql)?.query_row(params_from_iter(&params), |row| row.get(0))?;
    let (author, log_id) = match &query.after {
        // Every log is greater than nothing.
        None => (Vec::new(), Vec::new()),
        Some((author, log_id)) => (author.as_bytes().to_vec(), log_id_to_sql(*log_id).to_vec()),
    };
    let limit = i64::try_from(query.first).unwrap_or(i64::MAX).saturating_add(1);
    let sql = format!(
        "SELECT first, second, log FROM forks f WHERE {conditions} \
         AND (author, log_id) > (?, ?) ORDER BY author, log_id LIMIT ?"
    );
    let behind = [Sql::Blob(author), Sql::Blob(log_id), Sql::Integer(limit)];
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(params.iter().chain(&behind)))?;
    let mut forks = Vec::new();
    let mut has_next = false;
    while let Some(row) = rows.next()? {
        has_next = forks.len() == query.first;
        if has_next {
            break;
        }
        forks.push(fork(connection, stored_proof(row, 0)?, row.get(2)?)?);
    }
    Ok(ForkPage { forks, has_next, total })
}

fn conditions(query: &ForkQuery) -> (String, Vec<Sql>) {
    let mut conditions = vec!["1"];
    let mut params = Vec::new();
    if let Some(author) = &query.author {
        conditions.push("author = ?");
        params.push(Sql::Blob(author.as_bytes().to_vec()));
    }
    if let Some(document) = &query.document {
        conditions.push(
            "log IN (SELECT line.id FROM entries c JOIN logs l ON l.document = c.id \
             JOIN logs line ON line.author = l.author AND line.log_id = l.log_id \
             AND line.branch = 0 WHERE c.hash = ? AND l.fork IS NOT NULL \
             AND EXISTS (SELECT 1 FROM entries WHERE log = l.id AND seq_num >= l.fork))",
        );
        params.push(digest::blob(digest::of_document(document)));
    }
    (conditions.join(" AND "), params)
}

/// The documents with void operations of a log, by id, each once.
const DOCUMENTS: &str = "SELECT DISTINCT c.hash FROM logs line \
     JOIN logs l ON l.author = line.author AND l.log_id = line.log_id \
     JOIN entries c ON c.id = l.document WHERE line.id = ? \
     AND EXISTS (SELECT 1 FROM entries WHERE log = l.id AND seq_num >= l.fork)";

fn fork(connection: &Connection, proof: ForkProof, line: i64) -> Result<Fork> {
    let sql = format!("{DOCUMENTS} ORDER BY c.hash LIMIT {MAX_FORK_DOCUMENTS}");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([line], |row| Ok(digest::document(row.get(0)?)))?;
    let documents = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let documents_total = if documents.len() < MAX_FORK_DOCUMENTS {
        documents.len() as u64
    } else {
        let sql = format!("SELECT count(*) FROM ({DOCUMENTS})");
        connection.prepare_cached(&sql)?.query_row([line], |row| row.get(0))?
    };
    Ok(Fork { proof, documents, documents_total })
}

/// Which of the documents have void operations.
pub(super) fn have_void(connection: &Connection, ids: &[DocumentId]) -> Result<Vec<bool>> {
    let mut statement = connection.prepare_cached(
        "SELECT e.hash FROM entries e JOIN documents d ON d.id = e.id \
         WHERE e.hash IN rarray(?) AND d.void",
    )?;
    let digests = param::blobs(ids.iter().map(digest::of_document));
    let rows = statement.query_map([digests], |row| Ok(digest::document(row.get(0)?)))?;
    let found = rows.collect::<rusqlite::Result<std::collections::HashSet<_>>>()?;
    Ok(ids.iter().map(|id| found.contains(id)).collect())
}
