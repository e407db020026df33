//! The way in: candidates are decided upon and written, all in one transaction.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use pandan_admission::{Admitted, Candidate, Door, Verdict, decide};
use pandan_bamboo::ForkProof;
use pandan_identity::PublicKey;
use pandan_operations::SchemaId;
use pandan_schema::Schema;
use rusqlite::{CachedStatement, Connection, TransactionBehavior, params};

use super::catalog::Catalog;
use super::facts::{Line, Place, SchemaAt, SchemaPlace};
use super::fault::{Fault, Result};
use super::head_sums::HeadChanges;
use super::materialise::Target;
use super::{digest, entries, forks, insert, parts};
use crate::contract::{Committed, KnownSchema, Outcome};
use crate::forks::Frozen;

/// What is under way in one transaction.
pub(super) struct Batch<'c> {
    pub(super) connection: &'c Connection,
    catalog: &'c Catalog,
    inserts: Inserts<'c>,
    /// Schemas which this transaction has stored.
    pub(super) fresh: HashMap<i64, Arc<Schema>>,
    next_entry: i64,
    /// Whether parts are kept that what is stored can complete or fork.
    pub(super) has_parts: bool,
    /// Documents whose rows do not tell the latest state: they are built anew at the end. By row,
    /// with the row of their schema.
    pub(super) outdated: BTreeMap<i64, i64>,
    /// Rows of authors that were met before.
    pub(super) authors: HashMap<PublicKey, i64>,
    /// Schemas that were claimed before, as long as none of them changes.
    pub(super) claimed: HashMap<SchemaId, SchemaPlace>,
    /// Rows of new documents that are not written so far.
    pub(super) waiting: insert::Waiting,
    /// How many more documents there are in the tables of schemas, by the row of the schema.
    pub(super) added: BTreeMap<i64, i64>,
    /// Logs that became longer.
    pub(super) heads: HeadChanges,
}

/// What new documents need, looked up once.
struct Inserts<'c> {
    log: CachedStatement<'c>,
    entry: CachedStatement<'c>,
    document: CachedStatement<'c>,
}

impl<'c> Inserts<'c> {
    fn prepare(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            log: connection.prepare_cached(
                "INSERT INTO logs (author, log_id, branch, document, fork) VALUES (?, ?, ?, ?, ?)",
            )?,
            entry: connection.prepare_cached(
                "INSERT INTO entries (id, hash, log, seq_num, entry, payload) \
                 VALUES (?, ?, ?, ?, ?, ?)",
            )?,
            document: connection.prepare_cached(
                "INSERT INTO documents (id, schema, deleted, void) VALUES (?, ?, 0, 0)",
            )?,
        })
    }
}

/// Judges and writes a batch.
pub(super) fn ingest(
    connection: &mut Connection,
    catalog: &Catalog,
    candidates: Vec<(Candidate, Door)>,
) -> Result<Vec<Outcome>> {
    write(connection, catalog, |batch| {
        let judge = |(candidate, door)| batch.judge(candidate, door);
        candidates.into_iter().map(judge).collect()
    })
}

/// Keeps a proof from elsewhere.
pub(super) fn ingest_proof(
    connection: &mut Connection,
    catalog: &Catalog,
    proof: &ForkProof,
) -> Result<Option<Frozen>> {
    write(connection, catalog, |batch| match batch.takes_proof(proof)? {
        true => batch.freeze(proof),
        false => Ok(None),
    })
}

/// Writes something, and what follows from it, in one transaction.
fn write<T>(
    connection: &mut Connection,
    catalog: &Catalog,
    work: impl FnOnce(&mut Batch<'_>) -> Result<T>,
) -> Result<T> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut batch = Batch::begin(&transaction, catalog)?;
    let first = batch.next_entry;
    let done = work(&mut batch)?;
    batch.write_rows()?;
    batch.rebuild_outdated()?;
    batch.write_counts()?;
    batch.heads.write(batch.connection)?;
    batch.remove_stored_parts(first)?;
    let fresh = std::mem::take(&mut batch.fresh);
    drop(batch);
    transaction.commit()?;
    catalog.remember(fresh);
    Ok(done)
}

impl<'c> Batch<'c> {
    pub(super) fn begin(connection: &'c Connection, catalog: &'c Catalog) -> Result<Self> {
        let next_entry = connection
            .prepare_cached("SELECT COALESCE(max(id), 0) + 1 FROM entries")?
            .query_row([], |row| row.get(0))?;
        Ok(Self {
            connection,
            catalog,
            inserts: Inserts::prepare(connection)?,
            fresh: HashMap::new(),
            next_entry,
            has_parts: parts::any(connection)?,
            outdated: BTreeMap::new(),
            authors: HashMap::new(),
            claimed: HashMap::new(),
            waiting: insert::Waiting::default(),
            added: BTreeMap::new(),
            heads: HeadChanges::default(),
        })
    }

    /// The schema in a row which is known to be there.
    pub(super) fn schema(&self, row: i64) -> Result<Arc<Schema>> {
        match self.fresh.get(&row) {
            Some(schema) => Ok(Arc::clone(schema)),
            None => self.catalog.schema(self.connection, row),
        }
    }

    /// Judges a candidate. One that stands where a part has another entry forks its log.
    fn judge(&mut self, candidate: Candidate, door: Door) -> Result<Outcome> {
        let frozen = self.freeze_with_parts(&candidate)?;
        let outcome = self.judge_alone(candidate, door)?;
        Ok(match frozen {
            Some(frozen) => Outcome::Forked(Box::new(frozen), Box::new(outcome)),
            None => outcome,
        })
    }

    fn judge_alone(&mut self, candidate: Candidate, door: Door) -> Result<Outcome> {
        let (facts, place) = self.facts(&candidate, door)?;
        Ok(match decide(candidate, &facts, door) {
            Verdict::Admitted(admitted) => Outcome::Committed(self.apply(*admitted, place)?),
            Verdict::Fork(forked) => {
                let frozen = self.freeze(&forked.proof)?;
                let outcome = Box::new(self.judge_alone(forked.candidate, door)?);
                match frozen {
                    Some(frozen) => Outcome::Forked(Box::new(frozen), outcome),
                    None => *outcome,
                }
            }
            Verdict::Known { is_void } => Outcome::Known { is_void },
            Verdict::Wait(waiting) => Outcome::Wait(waiting),
            Verdict::Refused(refusal) => Outcome::Refused(refusal),
        })
    }

    /// Writes an entry and what follows from it.
    fn apply(&mut self, admitted: Admitted, place: Place) -> Result<Committed> {
        let header = *admitted.header();
        let author = match place.author {
            Some(author) => author,
            None => self.insert_author(&header.public_key())?,
        };
        let mut schemas = Vec::new();
        let schema = self.claim_schema(&place, &mut schemas)?;
        let entry = self.next_entry;
        self.next_entry += 1;
        let document = place.document.unwrap_or(entry);
        let log_id = entries::log_id_to_sql(header.log_id());
        let log = match place.line {
            _ if admitted.is_void() => {
                let seq_num = entries::seq_num_to_sql(header.seq_num());
                self.log_beside(author, log_id, document, seq_num)?
            }
            None => self.insert_log(author, log_id, 0, document, None)?,
            Some(Line { row, has_document: true }) => row,
            Some(Line { row, has_document: false }) => self.begin_line(row, document)?,
        };
        self.insert_entry(entry, log, &admitted)?;
        if place.document.is_none() {
            self.insert_document(document, schema)?;
        }
        let committed = Committed {
            author: header.public_key(),
            log_id: header.log_id(),
            seq_num: header.seq_num(),
            operation: admitted.id(),
            document: admitted.document_id(),
            schema: admitted.operation().schema().clone(),
            is_void: admitted.is_void(),
            next: admitted.next(),
            schemas: Vec::new(),
        };
        let target = Target {
            row: document,
            id: *digest::of_document(&committed.document),
            schema_row: schema,
            schema: Arc::clone(admitted.schema()),
        };
        let (_, _, operation) = admitted.into_parts();
        if committed.is_void {
            self.mark_void(document)?;
            self.withdraw_if_new(&target, author, &operation)?;
        } else {
            self.heads.add(schema, log, &header, place.fork.as_ref());
            self.materialise(&target, author, committed.operation, operation)?;
        }
        schemas.extend(self.follow_definitions(&target, committed.operation)?);
        Ok(Committed { schemas, ..committed })
    }

    /// The row of the schema, which is stored now if it was not before.
    fn claim_schema(&mut self, place: &Place, changed: &mut Vec<KnownSchema>) -> Result<i64> {
        let claimed =
            place.schema.as_ref().ok_or_else(|| Fault::inconsistent("schema is not there"))?;
        match claimed.at {
            SchemaAt::Row(row) => Ok(row),
            SchemaAt::Definition(definition) => {
                let known =
                    KnownSchema { schema: Arc::clone(&claimed.schema), retired: claimed.retired };
                let row = self.insert_schema(&known, definition)?;
                changed.push(known);
                Ok(row)
            }
        }
    }

    pub(super) fn insert_author(&mut self, key: &PublicKey) -> Result<i64> {
        self.connection
            .prepare_cached("INSERT INTO authors (key) VALUES (?)")?
            .execute([key.as_bytes()])?;
        let row = self.connection.last_insert_rowid();
        self.authors.insert(*key, row);
        Ok(row)
    }

    fn insert_log(
        &mut self,
        author: i64,
        log_id: i64,
        branch: i64,
        document: i64,
        fork: Option<i64>,
    ) -> Result<i64> {
        self.inserts.log.execute(params![author, log_id, branch, document, fork])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Gives a line its document, of which only the fork was known.
    fn begin_line(&self, log: i64, document: i64) -> Result<i64> {
        self.connection
            .prepare_cached("UPDATE logs SET document = ? WHERE id = ?")?
            .execute([document, log])?;
        Ok(log)
    }

    /// The row for a void entry: that of the last branch, if it is of the same document and has
    /// room at this place, or that of a new one.
    fn log_beside(&mut self, author: i64, log_id: i64, document: i64, seq_num: i64) -> Result<i64> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, branch, document IS ?3 AND branch > 0 \
             AND NOT EXISTS (SELECT 1 FROM entries WHERE log = l.id AND seq_num = ?4) \
             FROM logs l WHERE author = ?1 AND log_id = ?2 ORDER BY branch DESC LIMIT 1",
        )?;
        let last = statement.query_row([author, log_id, document, seq_num], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get(2)?))
        })?;
        match last {
            (log, _, true) => Ok(log),
            (_, branch, false) => {
                self.insert_log(author, log_id, branch + 1, document, Some(forks::ALL_VOID))
            }
        }
    }

    fn insert_entry(&mut self, row: i64, log: i64, admitted: &Admitted) -> Result<()> {
        self.inserts.entry.execute(params![
            row,
            admitted.header().hash().as_hash().digest(),
            log,
            entries::seq_num_to_sql(admitted.header().seq_num()),
            admitted.entry_bytes(),
            admitted.payload(),
        ])?;
        Ok(())
    }

    fn insert_document(&mut self, row: i64, schema: i64) -> Result<()> {
        self.inserts.document.execute([row, schema])?;
        Ok(())
    }
}
