//! What to export: everything, or some schemas and documents and what belongs to them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use pandan_operations::{
    DocumentId, DocumentViewId, Operation, OperationId, RawValue, SchemaId, SystemSchema,
};
use pandan_schema::{Schema, Value};
use pandan_store::query::{CollectionQuery, Order, Selection as Fields, Window};
use pandan_store::{DocumentRecord, Snapshot, StoreError};
use thiserror::Error;

use crate::limits::MAX_DOCUMENTS_READ;
use crate::read;

/// What somebody wants to have. With neither schemas nor documents it is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// All documents of these schemas, and what defines them.
    pub schemas: BTreeSet<SchemaId>,
    /// These documents, and what defines their schemas.
    pub documents: BTreeSet<DocumentId>,
    /// Also all documents to which relations lead in the latest state of those, and so on.
    pub with_dependencies: bool,
}

impl Selection {
    /// Everything there is.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// Whether it is everything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.schemas.is_empty() && self.documents.is_empty()
    }
}

/// Why a selection cannot be found.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SelectError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A schema is not known.
    #[error("schema {schema} is not known here")]
    SchemaNotFound {
        /// The schema.
        schema: SchemaId,
    },
    /// A document is not stored.
    #[error("document {document} is not stored here")]
    DocumentNotFound {
        /// The document.
        document: DocumentId,
    },
}

/// A selection in an order in which it can be stored: first `definitions`, then everything of
/// `schemas` as it was stored, then `documents`. No document is in two of them.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    pub(crate) definitions: Vec<DocumentId>,
    pub(crate) schemas: BTreeSet<SchemaId>,
    pub(crate) documents: Vec<DocumentId>,
}

/// Finds what belongs to a selection.
pub(crate) fn choose(
    snapshot: &dyn Snapshot,
    selection: &Selection,
) -> Result<Chosen, SelectError> {
    let known = snapshot.schemas()?.into_iter();
    let known: BTreeMap<_, _> = known.map(|it| (it.schema.id().clone(), it.schema)).collect();
    if selection.is_everything() {
        return Ok(Chosen { schemas: known.into_keys().collect(), ..Chosen::default() });
    }
    if let Some(schema) = selection.schemas.iter().find(|schema| !known.contains_key(schema)) {
        return Err(SelectError::SchemaNotFound { schema: schema.clone() });
    }
    let mut search = Search::new(snapshot, &selection.schemas, selection.with_dependencies);
    search.named(&selection.documents)?;
    for schema in &selection.schemas {
        search.whole(known.get(schema))?;
    }
    search.follow()?;
    Ok(Chosen {
        definitions: search.fields.into_iter().chain(search.definitions).collect(),
        schemas: selection.schemas.clone(),
        documents: search.documents.into_iter().collect(),
    })
}

struct Search<'s> {
    snapshot: &'s dyn Snapshot,
    /// Those of which everything is chosen.
    schemas: &'s BTreeSet<SchemaId>,
    /// Those whose definitions were found.
    defined: BTreeSet<SchemaId>,
    fields: BTreeSet<DocumentId>,
    definitions: BTreeSet<DocumentId>,
    documents: BTreeSet<DocumentId>,
    /// Documents to which relations lead and that were not looked at; none when they do not count.
    queue: Option<VecDeque<DocumentId>>,
}

impl<'s> Search<'s> {
    const fn new(
        snapshot: &'s dyn Snapshot,
        schemas: &'s BTreeSet<SchemaId>,
        with_dependencies: bool,
    ) -> Self {
        Self {
            snapshot,
            schemas,
            defined: BTreeSet::new(),
            fields: BTreeSet::new(),
            definitions: BTreeSet::new(),
            documents: BTreeSet::new(),
            queue: if with_dependencies { Some(VecDeque::new()) } else { None },
        }
    }

    /// Takes up documents that somebody named.
    fn named(&mut self, documents: &BTreeSet<DocumentId>) -> Result<(), SelectError> {
        let documents: Vec<_> = documents.iter().copied().collect();
        for ids in documents.chunks(MAX_DOCUMENTS_READ) {
            for (&document, record) in ids.iter().zip(self.records(ids)?) {
                let record = record.ok_or(SelectError::DocumentNotFound { document })?;
                self.take(&record)?;
            }
        }
        Ok(())
    }

    /// Takes up what belongs to all documents of a schema.
    fn whole(&mut self, schema: Option<&Arc<Schema>>) -> Result<(), SelectError> {
        let Some(schema) = schema else { return Ok(()) };
        self.define(schema.id())?;
        if self.queue.is_none() {
            return Ok(());
        }
        let mut query = CollectionQuery {
            schema: Arc::clone(schema),
            conditions: Vec::new(),
            order: Order::default(),
            window: Window { first: MAX_DOCUMENTS_READ, after: None, count: false },
            selection: Fields::All,
        };
        loop {
            let page = self.snapshot.collection(&query)?;
            query.window.after = page.items.last().map(|item| item.cursor.clone());
            for item in &page.items {
                self.look_for_targets(&item.document)?;
            }
            if !page.has_next {
                return Ok(());
            }
        }
    }

    /// Follows relations until there is nothing new.
    fn follow(&mut self) -> Result<(), SelectError> {
        while let Some(queue) = self.queue.as_mut().filter(|queue| !queue.is_empty()) {
            let count = queue.len().min(MAX_DOCUMENTS_READ);
            let ids: Vec<_> = queue.drain(..count).collect();
            for record in self.records(&ids)?.into_iter().flatten() {
                self.take(&record)?;
            }
        }
        Ok(())
    }

    fn records(&self, ids: &[DocumentId]) -> Result<Vec<Option<DocumentRecord>>, StoreError> {
        let none = Fields::Only(Vec::new());
        let fields = if self.queue.is_some() { &Fields::All } else { &none };
        self.snapshot.documents(ids, fields)
    }

    fn take(&mut self, record: &DocumentRecord) -> Result<(), SelectError> {
        if self.schemas.contains(&record.schema) {
            return Ok(());
        }
        let set = match &record.schema {
            SchemaId::System(SystemSchema::SchemaFieldDefinition) => &mut self.fields,
            SchemaId::System(SystemSchema::SchemaDefinition) => &mut self.definitions,
            _ => &mut self.documents,
        };
        if set.insert(record.id) {
            self.define(&record.schema)?;
            self.look_for_targets(record)?;
        }
        Ok(())
    }

    /// Takes up the documents that define a schema: whatever states they had, since a version can
    /// be made of parts of several.
    fn define(&mut self, schema: &SchemaId) -> Result<(), StoreError> {
        let Some(view) = schema.view_id().filter(|_| self.defined.insert(schema.clone())) else {
            return Ok(());
        };
        let Some(definition) = self.document_of(view)? else { return Ok(()) };
        if !self.schemas.contains(&SystemSchema::SchemaDefinition.into()) {
            self.definitions.insert(definition);
        }
        if self.schemas.contains(&SystemSchema::SchemaFieldDefinition.into()) {
            return Ok(());
        }
        let mut named = BTreeSet::new();
        read::entries_of(self.snapshot, &definition, |stored| {
            named.extend(named_fields(&read::operation_of(&stored)?));
            Ok::<_, StoreError>(())
        })?;
        for operation in named {
            self.fields.extend(read::document_of(self.snapshot, operation)?);
        }
        Ok(())
    }

    fn look_for_targets(&mut self, record: &DocumentRecord) -> Result<(), SelectError> {
        if self.queue.is_none() {
            return Ok(());
        }
        let mut targets = Vec::new();
        for (_, value) in record.fields.iter().flatten() {
            match value {
                Value::Relation(id) => targets.push(*id),
                Value::RelationList(ids) => targets.extend(ids),
                Value::PinnedRelation(view) => targets.extend(self.document_of(view)?),
                Value::PinnedRelationList(views) => {
                    for view in views {
                        targets.extend(self.document_of(view)?);
                    }
                }
                _ => {}
            }
        }
        let is_new = |id: &DocumentId| {
            ![&self.fields, &self.definitions, &self.documents].iter().any(|set| set.contains(id))
        };
        targets.retain(is_new);
        self.queue.iter_mut().for_each(|queue| queue.extend(&targets));
        Ok(())
    }

    /// The document that a view is of. All of its operations are of one.
    fn document_of(&self, view: &DocumentViewId) -> Result<Option<DocumentId>, StoreError> {
        match view.as_slice().first() {
            Some(operation) => read::document_of(self.snapshot, *operation),
            None => Ok(None),
        }
    }
}

/// An operation of each state of a field definition that the operation of a schema definition
/// names.
pub(crate) fn named_fields(operation: &Option<Operation>) -> Vec<OperationId> {
    let fields = operation.iter().filter_map(Operation::fields);
    let values = fields.flat_map(|fields| fields.iter());
    let lists = values.filter_map(|(_, value)| match value {
        RawValue::NestedHashList(lists) => Some(lists),
        _ => None,
    });
    let first = |list: &Vec<_>| list.first().copied().map(OperationId::from_hash);
    lists.flatten().filter_map(first).collect()
}
