//! How schemas become known: put together from the documents that define them.
//!
//! The latest state of a definition makes a schema, and so does the state that each of its
//! operations left behind, as soon as all fields that it pins are there. Which other states an
//! author may have seen depends on what arrived where and when; these are put together once an
//! operation claims them. Deleting documents takes nothing away from the states before: so
//! whether an entry can be admitted does not depend on the order of arrival.

use std::collections::BTreeSet;
use std::sync::Arc;

use pandan_documents::Document;
use pandan_operations::{DocumentId, DocumentViewId, OperationId, SchemaId, SystemSchema};
use pandan_schema::{DefinitionView, FieldDefinitionView, Schema, Value};

use super::state::State;
use crate::contract::KnownSchema;

impl State {
    /// A schema by its id, if it is known or can be put together.
    pub(super) fn schema(&self, id: &SchemaId) -> Option<KnownSchema> {
        self.schemas.get(id).cloned().or_else(|| {
            let known = self.assemble(id.view_id()?)?;
            (known.schema.id() == id).then_some(known)
        })
    }

    /// Remembers a schema that an operation claims; returns it if it was not known before.
    pub(super) fn learn_claimed_schema(&mut self, id: &SchemaId) -> Option<KnownSchema> {
        if self.schemas.contains_key(id) {
            return None;
        }
        let known = self.schema(id)?;
        self.schemas.insert(id.clone(), known.clone());
        Some(known)
    }

    /// Finds out which schemas change with an operation that was just stored.
    pub(super) fn follow_definitions(
        &mut self,
        document: DocumentId,
        operation: OperationId,
    ) -> Vec<KnownSchema> {
        let Some(stored) = self.documents.get(&document) else { return Vec::new() };
        match stored.latest.schema() {
            SchemaId::System(SystemSchema::SchemaDefinition) => {
                let latest = stored.latest.view().id.clone();
                self.unfinished.extend([latest, operation.into()]);
            }
            SchemaId::System(SystemSchema::SchemaFieldDefinition) => {}
            _ => return Vec::new(),
        }
        let mut changed = self.retire(document);
        changed.extend(self.finish());
        changed
    }

    /// Finds out which schemas change with a document that has void operations now: its latest
    /// state is another one, and it may be deleted no more, or withdrawn.
    pub(super) fn follow_freezing(&mut self, document: DocumentId) -> Vec<KnownSchema> {
        let Some(stored) = self.documents.get(&document) else { return Vec::new() };
        if *stored.latest.schema() != SchemaId::System(SystemSchema::SchemaDefinition) {
            return Vec::new();
        }
        self.unfinished.insert(stored.latest.view().id.clone());
        let mut changed = self.retire(document);
        changed.extend(self.finish());
        changed
    }

    /// Marks the schemas of a definition as what it is, deleted or not; returns those which were
    /// something else until now.
    fn retire(&mut self, definition: DocumentId) -> Vec<KnownSchema> {
        let retired = self.documents.get(&definition).is_some_and(|it| it.is_deleted());
        let document_of = &self.document_of;
        let is_defined_here = |id: &SchemaId| {
            let tip = id.view_id().and_then(|view| view.iter().next());
            tip.and_then(|tip| document_of.get(tip)) == Some(&definition)
        };
        let mut changed = Vec::new();
        for (_, known) in self.schemas.iter_mut().filter(|(id, _)| is_defined_here(id)) {
            if known.retired != retired {
                known.retired = retired;
                changed.push(known.clone());
            }
        }
        changed
    }

    /// Tries all unfinished definitions.
    fn finish(&mut self) -> Vec<KnownSchema> {
        let unfinished = std::mem::take(&mut self.unfinished);
        let mut changed = Vec::new();
        for view in unfinished {
            match self.assemble(&view) {
                None => {
                    self.unfinished.insert(view);
                }
                Some(known) => {
                    let id = known.schema.id().clone();
                    if self.schemas.insert(id, known.clone()).is_none() {
                        changed.push(known);
                    }
                }
            }
        }
        changed
    }

    /// Puts the schema together which a state of a definition defines.
    fn assemble(&self, view: &DocumentViewId) -> Option<KnownSchema> {
        let document = self.document_of_view(view)?;
        let definition = self.definition(view)?;
        let pinned: BTreeSet<_> = definition.fields.iter().collect();
        let fields = pinned.into_iter().map(|view| self.field_definition(view));
        let fields = fields.collect::<Option<Vec<_>>>()?;
        let schema = Arc::new(Schema::assemble(&definition, &fields).ok()?);
        Some(KnownSchema { schema, retired: document.is_deleted() })
    }

    /// What a state of a definition says.
    pub(super) fn definition(&self, view: &DocumentViewId) -> Option<DefinitionView> {
        let state = self.state(view, SystemSchema::SchemaDefinition)?;
        DefinitionView::from_fields(state.view().id.clone(), values(&state)?)
    }

    fn field_definition(&self, view: &DocumentViewId) -> Option<FieldDefinitionView> {
        let state = self.state(view, SystemSchema::SchemaFieldDefinition)?;
        FieldDefinitionView::from_fields(state.view().id.clone(), values(&state)?)
    }

    /// The state of a document of a system schema that goes by exactly this id.
    fn state(&self, view: &DocumentViewId, schema: SystemSchema) -> Option<Document> {
        let state = self.document_of_view(view)?.at(view)?;
        (state.view().id == *view && *state.schema() == SchemaId::System(schema)).then_some(state)
    }
}

fn values(state: &Document) -> Option<impl Iterator<Item = (&str, &Value)>> {
    let fields = state.view().fields.as_ref()?;
    Some(fields.iter().map(|(name, field)| (name.as_str(), &field.value)))
}
