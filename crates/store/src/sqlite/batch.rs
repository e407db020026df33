//! The way in: candidates are decided upon and written, all in one transaction.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use pandan_admission::{Admitted, Candidate, Door, Verdict, decide};
use pandan_identity::PublicKey;
use pandan_operations::SchemaId;
use pandan_schema::Schema;
use rusqlite::{Connection, TransactionBehavior, params};

use super::catalog::Catalog;
use super::facts::{Place, SchemaAt, SchemaPlace};
use super::fault::{Fault, Result};
use super::head_sums::HeadChanges;
use super::materialise::Target;
use super::{digest, entries, insert};
use crate::contract::{Committed, KnownSchema, Outcome};

/// What is under way in one transaction.
pub(super) struct Batch<'c> {
    pub(super) connection: &'c Connection,
    catalog: &'c Catalog,
    /// Schemas which this transaction has stored.
    pub(super) fresh: HashMap<i64, Arc<Schema>>,
    next_entry: i64,
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
    heads: HeadChanges,
}

/// Judges and writes a batch.
pub(super) fn ingest(
    connection: &mut Connection,
    catalog: &Catalog,
    candidates: Vec<(Candidate, Door)>,
) -> Result<Vec<Outcome>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut batch = Batch::begin(&transaction, catalog)?;
    let mut outcomes = Vec::with_capacity(candidates.len());
    for (candidate, door) in candidates {
        outcomes.push(batch.judge(candidate, door)?);
    }
    batch.write_rows()?;
    batch.rebuild_outdated()?;
    batch.write_counts()?;
    batch.heads.write(batch.connection)?;
    let fresh = batch.fresh;
    transaction.commit()?;
    catalog.remember(fresh);
    Ok(outcomes)
}

impl<'c> Batch<'c> {
    pub(super) fn begin(connection: &'c Connection, catalog: &'c Catalog) -> Result<Self> {
        let next_entry = connection
            .prepare_cached("SELECT COALESCE(max(id), 0) + 1 FROM entries")?
            .query_row([], |row| row.get(0))?;
        Ok(Self {
            connection,
            catalog,
            fresh: HashMap::new(),
            next_entry,
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

    fn judge(&mut self, candidate: Candidate, door: Door) -> Result<Outcome> {
        let (facts, place) = self.facts(&candidate, door)?;
        Ok(match decide(candidate, &facts, door) {
            Verdict::Admitted(admitted) => Outcome::Committed(self.apply(*admitted, place)?),
            Verdict::Known => Outcome::Known,
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
        let log = match place.log {
            Some(log) => log,
            None => self.insert_log(author, entries::log_id_to_sql(header.log_id()), document)?,
        };
        self.insert_entry(entry, log, &admitted)?;
        self.heads.add(schema, log, &header);
        if place.document.is_none() {
            self.insert_document(document, schema)?;
        }
        let committed = Committed {
            author: header.public_key(),
            operation: admitted.id(),
            document: admitted.document_id(),
            schema: admitted.operation().schema().clone(),
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
        self.materialise(&target, author, committed.operation, operation)?;
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

    fn insert_author(&mut self, key: &PublicKey) -> Result<i64> {
        self.connection
            .prepare_cached("INSERT INTO authors (key) VALUES (?)")?
            .execute([key.as_bytes()])?;
        let row = self.connection.last_insert_rowid();
        self.authors.insert(*key, row);
        Ok(row)
    }

    fn insert_log(&self, author: i64, log_id: i64, document: i64) -> Result<i64> {
        self.connection
            .prepare_cached("INSERT INTO logs (author, log_id, document) VALUES (?, ?, ?)")?
            .execute([author, log_id, document])?;
        Ok(self.connection.last_insert_rowid())
    }

    fn insert_entry(&self, row: i64, log: i64, admitted: &Admitted) -> Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO entries (id, hash, log, seq_num, entry, payload) \
                 VALUES (?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                row,
                admitted.header().hash().as_hash().digest(),
                log,
                entries::seq_num_to_sql(admitted.header().seq_num()),
                admitted.entry_bytes(),
                admitted.payload(),
            ])?;
        Ok(())
    }

    fn insert_document(&self, row: i64, schema: i64) -> Result<()> {
        self.connection
            .prepare_cached("INSERT INTO documents (id, schema, deleted) VALUES (?, ?, 0)")?
            .execute([row, schema])?;
        Ok(())
    }
}
