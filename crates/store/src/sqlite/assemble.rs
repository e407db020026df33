//! How schemas become known: put together from the documents that define them.
//!
//! The latest state of a definition makes a schema, and so does the state that each of its
//! operations left behind, as soon as all fields that it pins are there. Other states which an
//! author may have seen are put together once an operation claims them. Deleting documents takes
//! nothing away from the states before: whether an entry can be admitted does not depend on the
//! order of arrival.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use pandan_documents::{Document, History};
use pandan_operations::{DocumentViewId, OperationId, SchemaId, SystemSchema};
use pandan_schema::{DefinitionView, FieldDefinitionView, Schema, Value};
use rusqlite::{OptionalExtension, params};

use super::batch::Batch;
use super::digest::{self, Digest};
use super::facts::{SchemaAt, SchemaPlace};
use super::fault::{Fault, Result};
use super::materialise::Target;
use super::{catalog, entries, history, table};
use crate::contract::KnownSchema;

/// What came of putting a schema together.
pub(super) enum Assembly {
    Made {
        schema: Schema,
        definition: i64,
    },
    /// This operation is not stored.
    Missing(Digest),
    /// These parts never make a schema.
    Impossible,
}

impl Batch<'_> {
    /// The schema with this id, if it is not stored but its parts are.
    pub(super) fn assemble_claimed(&self, id: &SchemaId) -> Result<Option<SchemaPlace>> {
        let Some(view) = id.view_id() else { return Ok(None) };
        Ok(match self.assemble(view)? {
            Assembly::Made { schema, definition } if schema.id() == id => Some(SchemaPlace {
                schema: Arc::new(schema),
                retired: entries::is_deleted(self.connection, definition)?,
                at: SchemaAt::Definition(definition),
            }),
            _ => None,
        })
    }

    /// Stores a schema and makes the table of its documents.
    pub(super) fn insert_schema(&mut self, known: &KnownSchema, definition: i64) -> Result<i64> {
        let schema = &known.schema;
        let row = catalog::insert(self.connection, schema, Some(definition), known.retired)?;
        self.connection.execute_batch(&table::create(row, schema))?;
        self.fresh.insert(row, Arc::clone(schema));
        Ok(row)
    }

    /// Finds out which schemas change with an operation that was just stored.
    pub(super) fn follow_definitions(
        &mut self,
        target: &Target,
        operation: OperationId,
    ) -> Result<Vec<KnownSchema>> {
        match target.schema.id() {
            SchemaId::System(SystemSchema::SchemaDefinition) => {
                let mut changed = self.retire(target.row)?;
                for view in self.defining_views(target, operation)? {
                    changed.extend(self.try_view(&view)?);
                }
                Ok(changed)
            }
            SchemaId::System(SystemSchema::SchemaFieldDefinition) => {
                let mut changed = Vec::new();
                for view in self.take_pending(operation)? {
                    changed.extend(self.try_view(&view)?);
                }
                Ok(changed)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The states that may define a schema from now on.
    fn defining_views(
        &self,
        target: &Target,
        operation: OperationId,
    ) -> Result<BTreeSet<DocumentViewId>> {
        let mut views = BTreeSet::from([operation.into()]);
        if *digest::of_operation(&operation) != target.id {
            let history = history::of(self.connection, &target.schema, target.row)?;
            views.insert(history.view_id());
        }
        Ok(views)
    }

    /// Marks the schemas of a definition as what it is, deleted or not; returns those which were
    /// something else until now.
    pub(super) fn retire(&mut self, definition: i64) -> Result<Vec<KnownSchema>> {
        let retired = entries::is_deleted(self.connection, definition)?;
        let mut statement = self.connection.prepare_cached(
            "UPDATE schemas SET retired = ?1 WHERE definition = ?2 AND retired <> ?1 RETURNING id",
        )?;
        let rows = statement.query_map(params![retired, definition], |row| row.get(0))?;
        let rows = rows.collect::<rusqlite::Result<Vec<i64>>>()?;
        if !rows.is_empty() {
            self.claimed.clear();
        }
        let known = |row| Ok(KnownSchema { schema: self.schema(row)?, retired });
        rows.into_iter().map(known).collect()
    }

    /// The states which waited for an operation.
    fn take_pending(&self, operation: OperationId) -> Result<Vec<DocumentViewId>> {
        let mut statement = self
            .connection
            .prepare_cached("DELETE FROM pending WHERE missing = ? RETURNING view")?;
        let views = statement.query_map([digest::of_operation(&operation)], |row| row.get(0))?;
        let views = views.collect::<rusqlite::Result<Vec<Vec<u8>>>>()?;
        views.iter().map(|bytes| digest::view(bytes)).collect()
    }

    /// Stores the schema that a state defines, or what it waits for.
    pub(super) fn try_view(&mut self, view: &DocumentViewId) -> Result<Option<KnownSchema>> {
        match self.assemble(view)? {
            Assembly::Impossible => Ok(None),
            Assembly::Missing(operation) => {
                self.connection
                    .prepare_cached("INSERT OR IGNORE INTO pending (missing, view) VALUES (?, ?)")?
                    .execute(params![operation, digest::of_view(view)])?;
                Ok(None)
            }
            Assembly::Made { schema, definition } => {
                if catalog::find(self.connection, schema.id())?.is_some() {
                    return Ok(None);
                }
                let retired = entries::is_deleted(self.connection, definition)?;
                let known = KnownSchema { schema: Arc::new(schema), retired };
                self.insert_schema(&known, definition)?;
                Ok(Some(known))
            }
        }
    }

    /// Puts the schema together which a state of a definition defines.
    pub(super) fn assemble(&self, view: &DocumentViewId) -> Result<Assembly> {
        let mut reader = StateReader::new(self, SystemSchema::SchemaDefinition)?;
        let (definition, row) = match reader.read(view, &self.documents_of([view])?)? {
            State::Found(state, row) => {
                let id = state.view().id.clone();
                match values(&state).and_then(|values| DefinitionView::from_fields(id, values)) {
                    Some(definition) => (definition, row),
                    None => return Ok(Assembly::Impossible),
                }
            }
            State::Missing(operation) => return Ok(Assembly::Missing(operation)),
            State::None => return Ok(Assembly::Impossible),
        };
        let pinned: BTreeSet<_> = definition.fields.iter().collect();
        let documents = self.documents_of(pinned.iter().copied())?;
        let mut reader = StateReader::new(self, SystemSchema::SchemaFieldDefinition)?;
        let mut fields = Vec::with_capacity(pinned.len());
        for view in pinned {
            let state = match reader.read(view, &documents)? {
                State::Found(state, _) => state,
                State::Missing(operation) => return Ok(Assembly::Missing(operation)),
                State::None => return Ok(Assembly::Impossible),
            };
            let id = state.view().id.clone();
            match values(&state).and_then(|values| FieldDefinitionView::from_fields(id, values)) {
                Some(field) => fields.push(field),
                None => return Ok(Assembly::Impossible),
            }
        }
        Ok(match Schema::assemble(&definition, &fields) {
            Ok(schema) => Assembly::Made { schema, definition: row },
            Err(_) => Assembly::Impossible,
        })
    }

    fn documents_of<'v>(
        &self,
        views: impl IntoIterator<Item = &'v DocumentViewId>,
    ) -> Result<HashMap<Digest, i64>> {
        let operations = views.into_iter().flatten().map(|id| *digest::of_operation(id));
        history::documents_of(self.connection, operations.collect::<BTreeSet<_>>())
    }
}

/// Reads states of documents of a system schema; keeps their histories, since many states of one
/// document may be asked for.
struct StateReader<'b, 'c> {
    batch: &'b Batch<'c>,
    schema: Schema,
    row: i64,
    histories: HashMap<i64, History>,
}

enum State {
    Found(Box<Document>, i64),
    Missing(Digest),
    None,
}

impl<'b, 'c> StateReader<'b, 'c> {
    fn new(batch: &'b Batch<'c>, system: SystemSchema) -> Result<Self> {
        let found = catalog::find(batch.connection, &system.into())?;
        let row = found.ok_or_else(|| Fault::inconsistent("a system schema is not there"))?.id;
        Ok(Self { batch, schema: Schema::system(system), row, histories: HashMap::new() })
    }

    /// The state that goes by exactly this id.
    fn read(&mut self, view: &DocumentViewId, documents: &HashMap<Digest, i64>) -> Result<State> {
        let missing = |id: &&OperationId| !documents.contains_key(digest::of_operation(id));
        if let Some(operation) = view.iter().find(missing) {
            return Ok(State::Missing(*digest::of_operation(operation)));
        }
        let Some(document) = history::document_of_view(documents, view) else {
            return Ok(State::None);
        };
        if !self.histories.contains_key(&document) {
            let mut statement = self
                .batch
                .connection
                .prepare_cached("SELECT schema FROM documents WHERE id = ?")?;
            let schema: Option<i64> =
                statement.query_row([document], |row| row.get(0)).optional()?;
            if schema != Some(self.row) {
                return Ok(State::None);
            }
            let history = history::of(self.batch.connection, &self.schema, document)?;
            self.histories.insert(document, history);
        }
        let history = self.histories.get(&document);
        Ok(match history.and_then(|history| history.document_at(view).ok()) {
            Some(state) if state.view().id == *view => State::Found(Box::new(state), document),
            _ => State::None,
        })
    }
}

fn values(state: &Document) -> Option<impl Iterator<Item = (&str, &Value)>> {
    let fields = state.view().fields.as_ref()?;
    Some(fields.iter().map(|(name, field)| (name.as_str(), &field.value)))
}
