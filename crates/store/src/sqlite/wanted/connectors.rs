//! Void operations that others need to be stored: those that an operation names as previous, and
//! those that its schema is made of.

use std::collections::{BTreeSet, HashMap, HashSet};

use pandan_bamboo::SeqNum;
use pandan_operations::{DocumentViewId, Operation, OperationId, SchemaId, SystemSchema};
use pandan_schema::{DefinitionView, Schema};
use rusqlite::{Connection, OptionalExtension};

use crate::contract::StoredEntry;
use crate::limits::MAX_CONNECTORS;
use crate::sqlite::fault::{Fault, Result};
use crate::sqlite::{digest, history, param};

pub(in crate::sqlite) struct Connectors<'c> {
    connection: &'c Connection,
    /// Whether the document of a log has void operations.
    documents: HashMap<i64, bool>,
    /// The operations that schemas are made of.
    schemas: HashMap<SchemaId, Vec<OperationId>>,
}

impl<'c> Connectors<'c> {
    pub(in crate::sqlite) fn new(connection: &'c Connection) -> Self {
        Self { connection, documents: HashMap::new(), schemas: HashMap::new() }
    }

    /// The rows of the void operations that an entry of a line needs besides those that were sent
    /// with what they need, in the order in which they were stored. None when there are more than
    /// [`MAX_CONNECTORS`].
    pub(super) fn of(
        &mut self,
        log: i64,
        entry: &StoredEntry,
        sent: &HashSet<i64>,
    ) -> Result<Vec<i64>> {
        // Only a CREATE can be the first to need something of its schema.
        let may_create = entry.entry.header().seq_num() == SeqNum::FIRST;
        match &entry.operation {
            Some(payload) if may_create || self.has_void(log)? => {
                self.below(payload, sent, MAX_CONNECTORS)
            }
            _ => Ok(Vec::new()),
        }
    }

    fn has_void(&mut self, log: i64) -> Result<bool> {
        if let Some(known) = self.documents.get(&log) {
            return Ok(*known);
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT d.void FROM logs l JOIN documents d ON d.id = l.document WHERE l.id = ?",
        )?;
        let has_void = statement.query_row([log], |row| row.get(0)).optional()?.unwrap_or(false);
        self.documents.insert(log, has_void);
        Ok(has_void)
    }

    /// All void operations below one and not below those that were sent, if they are not more than
    /// so many.
    pub(in crate::sqlite) fn below(
        &mut self,
        payload: &[u8],
        sent: &HashSet<i64>,
        limit: usize,
    ) -> Result<Vec<i64>> {
        let mut open = self.named(payload)?;
        open.retain(|row| !sent.contains(row));
        let mut found: BTreeSet<i64> = open.iter().copied().collect();
        while let Some(row) = open.pop() {
            if found.len() > limit {
                return Ok(Vec::new());
            }
            if let Some(payload) = self.payload(row)? {
                let mut named = self.named(&payload)?;
                named.retain(|row| !sent.contains(row) && found.insert(*row));
                open.append(&mut named);
            }
        }
        Ok(found.into_iter().collect())
    }

    fn payload(&self, row: i64) -> Result<Option<Vec<u8>>> {
        let mut statement =
            self.connection.prepare_cached("SELECT payload FROM entries WHERE id = ?")?;
        Ok(statement.query_row([row], |row| row.get(0))?)
    }

    /// The void operations that one needs at once.
    fn named(&mut self, payload: &[u8]) -> Result<Vec<i64>> {
        let operation = Operation::decode(payload).map_err(Fault::inconsistent)?;
        match operation.previous() {
            Some(previous) => self.void(previous.as_slice()),
            None => {
                let parts = self.parts(operation.schema())?;
                self.void(&parts)
            }
        }
    }

    /// Those of the operations that are void.
    fn void(&self, operations: &[OperationId]) -> Result<Vec<i64>> {
        if operations.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT e.id FROM entries e JOIN logs l ON l.id = e.log \
             WHERE e.hash IN rarray(?) AND e.seq_num >= l.fork",
        )?;
        let digests = param::blobs(operations.iter().map(digest::of_operation));
        let rows = statement.query_map([digests], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The operations that a schema names: of its definition and of its fields.
    fn parts(&mut self, schema: &SchemaId) -> Result<Vec<OperationId>> {
        let Some(view) = schema.view_id() else { return Ok(Vec::new()) };
        if let Some(known) = self.schemas.get(schema) {
            return Ok(known.clone());
        }
        let mut parts = view.as_slice().to_vec();
        for field in self.fields(view)? {
            parts.extend(field.iter());
        }
        self.schemas.insert(schema.clone(), parts.clone());
        Ok(parts)
    }

    /// The fields that a definition names in a state.
    fn fields(&self, view: &DocumentViewId) -> Result<Vec<DocumentViewId>> {
        let operations = view.iter().map(|id| *digest::of_operation(id));
        let documents = history::documents_of(self.connection, operations)?;
        let Some(document) = history::document_of_view(&documents, view) else {
            return Ok(Vec::new());
        };
        let schema = Schema::system(SystemSchema::SchemaDefinition);
        let history = history::of(self.connection, &schema, document)?;
        let Ok(state) = history.document_at(view) else { return Ok(Vec::new()) };
        let fields = state.view().fields.iter().flatten();
        let values = fields.map(|(name, field)| (name.as_str(), &field.value));
        let definition = DefinitionView::from_fields(view.clone(), values);
        Ok(definition.map(|definition| definition.fields).unwrap_or_default())
    }
}
