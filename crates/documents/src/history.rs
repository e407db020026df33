//! All operations of a document, ready to be looked at from any point.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use pandan_operations::{DocumentViewId, FieldName, OperationId, SchemaId};
use thiserror::Error;

use crate::conflicts::{self, Conflict};
use crate::{Document, DocumentOperation, DocumentView, Graph, GraphError, ViewField};

/// The operations of one document and their graph.
///
/// Building it costs one sort of the operations; each state taken from it afterwards costs time in
/// proportion to the part of the history that it consists of.
#[derive(Clone, Debug)]
pub struct History {
    operations: Vec<DocumentOperation>,
    // The positions of its nodes are those in `operations`.
    graph: Graph,
}

impl History {
    /// Takes the operations of one document, in whatever order they come.
    pub fn new(
        operations: impl IntoIterator<Item = DocumentOperation>,
    ) -> Result<Self, BuildError> {
        let operations: Vec<_> = operations.into_iter().collect();
        let graph = Graph::new(operations.iter().map(DocumentOperation::node))?;
        Ok(Self { operations, graph })
    }

    /// The graph of all operations, void ones included.
    #[must_use]
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The latest state: what the operations come to that are not void (PN31). A document whose
    /// CREATE is void is [withdrawn](Document::is_withdrawn).
    pub fn document(&self) -> Result<Document, BuildError> {
        match self.graph.latest() {
            Some(graph) => self.reduce(&graph),
            None => self.withdrawn(),
        }
    }

    /// The id of the latest state.
    #[must_use]
    pub fn view_id(&self) -> DocumentViewId {
        match self.graph.latest() {
            Some(graph) => graph.view_id(),
            None => self.graph.document_id().into(),
        }
    }

    /// The state that a view id names, of which all operations count (PN20, PN33).
    pub fn document_at(&self, view: &DocumentViewId) -> Result<Document, BuildError> {
        self.reduce(&self.graph.at(view)?)
    }

    /// The fields of the latest state that were written concurrently, by name; none when the
    /// document is deleted.
    #[must_use]
    pub fn conflicts(&self) -> Vec<Conflict> {
        let graph = self.graph.latest();
        graph.map_or_else(Vec::new, |graph| conflicts::find(&graph, &self.operations))
    }

    /// The fields of an earlier state that were written concurrently.
    pub fn conflicts_at(&self, view: &DocumentViewId) -> Result<Vec<Conflict>, BuildError> {
        Ok(conflicts::find(&self.graph.at(view)?, &self.operations))
    }

    fn reduce(&self, graph: &Graph) -> Result<Document, BuildError> {
        let create = self.in_order(graph).next().ok_or(GraphError::NoRoot)?;
        self.check_schemas(graph, create.schema())?;
        let fields = match graph.first_delete() {
            Some(_) => None,
            None => Some(self.last_writes(graph, create)),
        };
        let is_edited = fields
            .as_ref()
            .is_none_or(|fields| fields.values().any(|field| field.operation != create.id));
        Ok(Document {
            id: create.id.into(),
            schema: create.schema().clone(),
            author: create.author,
            view: DocumentView { id: graph.view_id(), fields, is_edited },
            tips: graph.tips(),
            order: graph.order().collect(),
            is_withdrawn: false,
        })
    }

    /// The state of a document whose CREATE is void: nothing is left but its id.
    fn withdrawn(&self) -> Result<Document, BuildError> {
        let create = self.in_order(&self.graph).next().ok_or(GraphError::NoRoot)?;
        self.check_schemas(&self.graph, create.schema())?;
        Ok(Document {
            id: create.id.into(),
            schema: create.schema().clone(),
            author: create.author,
            view: DocumentView { id: create.id.into(), fields: None, is_edited: true },
            tips: create.id.into(),
            order: alloc::vec![create.id],
            is_withdrawn: true,
        })
    }

    fn check_schemas(&self, graph: &Graph, expected: &SchemaId) -> Result<(), BuildError> {
        match self.in_order(graph).find(|operation| operation.schema() != expected) {
            None => Ok(()),
            Some(other) => Err(BuildError::OtherSchema {
                operation: other.id,
                expected: expected.clone(),
                found: other.schema().clone(),
            }),
        }
    }

    /// For each field the last write in the order.
    ///
    /// The order is gone through from its end, and only as far as a field is still open. All
    /// fields are those of the CREATE: every operation was checked against its schema.
    fn last_writes(
        &self,
        graph: &Graph,
        create: &DocumentOperation,
    ) -> BTreeMap<FieldName, ViewField> {
        let mut open: Vec<_> = create.writes().map(|(name, _)| (name, None)).collect();
        let mut left = open.len();
        for &node in graph.nodes().iter().rev().filter(|node| !graph.is_void_node(**node)) {
            if left == 0 {
                break;
            }
            let Some(operation) = self.operations.get(graph.position(node)) else { continue };
            for (name, value) in operation.writes() {
                let Ok(place) = open.binary_search_by_key(&name, |&(name, _)| name) else {
                    continue;
                };
                if let Some((_, slot @ None)) = open.get_mut(place) {
                    *slot = Some((value, operation.id));
                    left = left.saturating_sub(1);
                }
            }
        }
        let found = open.into_iter().filter_map(|(name, write)| {
            let (value, operation) = write?;
            Some((name.clone(), ViewField { value: value.clone(), operation }))
        });
        found.collect()
    }

    fn in_order<'s>(
        &'s self,
        graph: &'s Graph,
    ) -> impl DoubleEndedIterator<Item = &'s DocumentOperation> {
        graph.positions().filter_map(|position| self.operations.get(position))
    }
}

/// Operations that do not make up a document.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// They do not make up the graph of one.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// All operations of a document claim one schema (PN19).
    #[error("operation {operation} claims schema {found} in a document of {expected}")]
    OtherSchema {
        /// The operation.
        operation: OperationId,
        /// The schema of the CREATE.
        expected: SchemaId,
        /// What the operation claims.
        found: SchemaId,
    },
}
