//! To what documents relate, as far as it is followed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pandan_operations::{DocumentId, DocumentViewId, OperationId, SchemaId};
use pandan_schema::{FieldName, Schema, Value};
use pandan_store::query::Selection;
use pandan_store::{DocumentRecord, Snapshot, StoreError};

use super::Rule;
use crate::limits::{MAX_FOLLOW_DEPTH, MAX_FOLLOWED, RELATED_READ};

/// Finds what documents relate to, in one snapshot.
pub(super) struct Relations<'a> {
    snapshot: &'a dyn Snapshot,
    rule: &'a Rule,
    schemas: BTreeMap<SchemaId, Arc<Schema>>,
    /// What was found, each once.
    found: BTreeSet<Target>,
    /// What was found and not looked into, as deep as it is.
    open: Vec<(Target, usize)>,
}

/// What a relation names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    schema: SchemaId,
    pin: Pin,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pin {
    /// A document, whatever becomes of it.
    Document(DocumentId),
    /// One state of a document.
    View(DocumentViewId),
}

impl<'a> Relations<'a> {
    pub(super) fn new(snapshot: &'a dyn Snapshot, rule: &'a Rule) -> Result<Self, StoreError> {
        let known = snapshot.schemas()?.into_iter();
        let schemas = known.map(|known| (known.schema.id().clone(), known.schema)).collect();
        Ok(Self { snapshot, rule, schemas, found: BTreeSet::new(), open: Vec::new() })
    }

    /// A schema and those of its fields that are followed; none if there are no such fields, or the
    /// schema is not known.
    pub(super) fn followed(&self, id: &SchemaId) -> Option<(Arc<Schema>, Selection)> {
        let schema = self.schemas.get(id)?;
        let fields = followed_fields(schema, self.rule);
        (!fields.is_empty()).then(|| (Arc::clone(schema), Selection::Only(fields)))
    }

    /// Whether as much was found as is looked for at a time.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= MAX_FOLLOWED
    }

    /// Adds what a document relates to.
    pub(super) fn add(&mut self, record: &DocumentRecord) {
        self.add_at(record, 0);
    }

    fn add_at(&mut self, record: &DocumentRecord, depth: usize) {
        let Some(schema) = self.schemas.get(&record.schema) else { return };
        let schema = Arc::clone(schema);
        for (name, value) in record.fields.iter().flatten() {
            let target = schema.field(name.as_str()).and_then(|(_, kind)| kind.target());
            let Some(target) = target.filter(|target| self.rule.follows(target)) else { continue };
            for pin in pins(value) {
                let target = Target { schema: target.clone(), pin };
                if self.found.insert(target.clone()) && depth + 1 < MAX_FOLLOW_DEPTH {
                    self.open.push((target, depth + 1));
                }
            }
        }
    }

    /// Looks into what was found, and into what that relates to.
    pub(super) fn deepen(&mut self) -> Result<(), StoreError> {
        while !self.open.is_empty() && !self.is_full() {
            let rest = self.open.len().saturating_sub(RELATED_READ);
            let mut levels: BTreeMap<(SchemaId, usize), Vec<Pin>> = BTreeMap::new();
            for (target, depth) in self.open.split_off(rest) {
                levels.entry((target.schema, depth)).or_default().push(target.pin);
            }
            for ((schema, depth), pins) in levels {
                if let Some((_, selection)) = self.followed(&schema) {
                    for record in self.records(pins, &selection)? {
                        self.add_at(&record, depth);
                    }
                }
            }
        }
        Ok(())
    }

    fn records(
        &self,
        pins: Vec<Pin>,
        selection: &Selection,
    ) -> Result<Vec<DocumentRecord>, StoreError> {
        let (mut documents, mut views) = (Vec::new(), Vec::new());
        for pin in pins {
            match pin {
                Pin::Document(id) => documents.push(id),
                Pin::View(id) => views.push(id),
            }
        }
        let mut records = self.snapshot.documents(&documents, selection)?;
        records.extend(self.snapshot.views(&views)?);
        Ok(records.into_iter().flatten().collect())
    }

    /// The ids to ask for: of documents, which can always have changed, and of states of which
    /// something is not stored.
    pub(super) fn into_ids(self) -> Result<BTreeSet<OperationId>, StoreError> {
        let (mut ids, mut pinned) = (BTreeSet::new(), Vec::new());
        for target in self.found {
            match target.pin {
                Pin::Document(id) => drop(ids.insert(id.into())),
                Pin::View(id) => pinned.extend(id.iter().copied()),
            }
        }
        let stored = self.snapshot.are_stored(&pinned)?;
        let missing = pinned.into_iter().zip(stored).filter(|(_, is_stored)| !is_stored);
        ids.extend(missing.map(|(id, _)| id));
        Ok(ids)
    }
}

fn followed_fields(schema: &Schema, rule: &Rule) -> Vec<FieldName> {
    let is_followed =
        |kind: &pandan_schema::FieldType| kind.target().is_some_and(|target| rule.follows(target));
    let fields = schema.fields().filter(|(_, kind)| is_followed(kind));
    fields.map(|(name, _)| name.clone()).collect()
}

fn pins(value: &Value) -> Vec<Pin> {
    match value {
        Value::Relation(id) => vec![Pin::Document(*id)],
        Value::RelationList(ids) => ids.iter().copied().map(Pin::Document).collect(),
        Value::PinnedRelation(id) => vec![Pin::View(id.clone())],
        Value::PinnedRelationList(ids) => ids.iter().cloned().map(Pin::View).collect(),
        _ => Vec::new(),
    }
}
