//! A store under test, with short ways to write to it and to ask it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pandan_admission::Door;
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId, FieldName, Fields, SchemaId};
use pandan_schema::{FieldType, Schema, Value};

use super::author::{Author, Signed};
use crate::StoreError;
use crate::contract::{Committed, Counts, DocumentRecord, KnownSchema, Outcome, Snapshot, Store};
use crate::forks::{Fork, ForkQuery};
use crate::heads::{HeadInRange, HeadRange};
use crate::query::{
    CollectionQuery, Condition, Direction, List, ListQuery, Operand, Order, OrderBy, Page,
    Selection, Subject, Targets, Test, Window,
};

/// A store and somebody who writes to it.
#[derive(Debug)]
pub(super) struct World {
    pub(super) store: Box<dyn Store>,
    pub(super) author: Author,
}

/// All that a store tells of its content.
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    /// How much there is.
    pub counts: Counts,
    /// All documents of known schemas, deleted ones included.
    pub documents: BTreeMap<DocumentId, DocumentRecord>,
    /// All schemas, and whether they are retired.
    pub schemas: BTreeMap<SchemaId, (Schema, bool)>,
    /// The heads of all logs of known schemas.
    pub heads: Vec<HeadInRange>,
    /// All forks.
    pub forks: Vec<Fork>,
    /// The documents with void operations, of those above.
    pub forked: BTreeSet<DocumentId>,
}

impl World {
    pub(super) fn new(store: Box<dyn Store>) -> Self {
        Self { store, author: Author::new(1) }
    }

    pub(super) fn snapshot(&self) -> Box<dyn Snapshot> {
        self.store.snapshot().expect("a snapshot can be taken")
    }

    pub(super) fn ingest(&self, batch: &[&Signed], door: Door) -> Vec<Outcome> {
        let batch: Vec<_> = batch.iter().map(|signed| (signed.candidate(), door)).collect();
        let count = batch.len();
        let outcomes = self.store.ingest(batch).expect("a batch can be judged and written");
        assert_eq!(outcomes.len(), count, "one outcome for each candidate");
        outcomes
    }

    /// Hands over one entry as a client would.
    pub(super) fn offer(&self, signed: &Signed) -> Outcome {
        self.offer_at(signed, Door::Client)
    }

    pub(super) fn offer_at(&self, signed: &Signed, door: Door) -> Outcome {
        self.ingest(&[signed], door).pop().expect("one outcome for one candidate")
    }

    pub(super) fn publish(&self, signed: &Signed) -> Committed {
        committed(self.offer(signed))
    }

    pub(super) fn publish_from_peer(&self, signed: &Signed) -> Committed {
        committed(self.offer_at(signed, Door::Peer))
    }

    /// Publishes the documents that define a schema.
    pub(super) fn define(&mut self, name: &str, fields: &[(&str, FieldType)]) -> Arc<Schema> {
        let definition = self.author.define(name, fields);
        for signed in &definition.signed {
            self.publish(signed);
        }
        self.schema(&definition.schema).expect("its definition is complete").schema
    }

    pub(super) fn schema(&self, id: &SchemaId) -> Option<KnownSchema> {
        let schemas = self.snapshot().schemas().expect("schemas can be read");
        schemas.into_iter().find(|known| known.schema.id() == id)
    }

    pub(super) fn create(&mut self, schema: &Schema, fields: Fields) -> DocumentId {
        let signed = self.author.create(schema.id(), fields);
        self.publish(&signed).document
    }

    /// Changes the latest state of a document.
    pub(super) fn update(&mut self, document: DocumentId, fields: Fields) -> DocumentViewId {
        let DocumentRecord { schema, view_id, .. } = self.document(document);
        let signed = self.author.update(document, &schema, &view_id, fields);
        self.publish(&signed);
        signed.view()
    }

    /// Deletes the latest state of a document.
    pub(super) fn delete(&mut self, document: DocumentId) -> DocumentViewId {
        let DocumentRecord { schema, view_id, .. } = self.document(document);
        let signed = self.author.delete(document, &schema, &view_id);
        self.publish(&signed);
        signed.view()
    }

    pub(super) fn find_document(&self, id: DocumentId) -> Option<DocumentRecord> {
        let found = self.snapshot().documents(&[id], &Selection::All);
        one(found.expect("documents can be read"))
    }

    pub(super) fn document(&self, id: DocumentId) -> DocumentRecord {
        self.find_document(id).expect("the document is stored")
    }

    pub(super) fn view(&self, id: &DocumentViewId) -> Option<DocumentRecord> {
        one(self.snapshot().views(std::slice::from_ref(id)).expect("views can be read"))
    }

    pub(super) fn collection(&self, query: &CollectionQuery) -> Page {
        self.snapshot().collection(query).expect("collections can be read")
    }

    /// The ids of the documents for which conditions hold, in order of the ids.
    pub(super) fn ids(&self, schema: &Arc<Schema>, conditions: Vec<Condition>) -> Vec<DocumentId> {
        let mut query = all(schema);
        query.conditions = conditions;
        ids(&self.collection(&query))
    }

    pub(super) fn list(&self, query: &ListQuery) -> Page {
        one(self.snapshot().lists(query).expect("lists can be read"))
    }

    pub(super) fn contents(&self) -> Contents {
        contents(&*self.snapshot())
    }
}

/// The only item.
fn one<T>(items: Vec<T>) -> T {
    let [item] = <[T; 1]>::try_from(items).ok().expect("one answer for one question");
    item
}

pub(super) fn committed(outcome: Outcome) -> Committed {
    match outcome {
        Outcome::Committed(committed) => committed,
        other => panic!("expected an entry to be stored, found {other:?}"),
    }
}

pub(super) fn ids(page: &Page) -> Vec<DocumentId> {
    page.items.iter().map(|item| item.document.id).collect()
}

/// Asks for all documents of a schema that are not deleted, by id.
pub(super) fn all(schema: &Arc<Schema>) -> CollectionQuery {
    CollectionQuery {
        schema: Arc::clone(schema),
        conditions: Vec::new(),
        order: Order::default(),
        window: window(1_000),
        selection: Selection::All,
    }
}

/// Asks for all of one relation list in its own order.
pub(super) fn list(
    schema: &Arc<Schema>,
    document: DocumentId,
    field: &str,
    targets: Targets,
) -> ListQuery {
    ListQuery {
        schema: Arc::clone(schema),
        lists: vec![List { document, field: name(field), targets }],
        conditions: Vec::new(),
        order: None,
        window: window(1_000),
        selection: Selection::All,
    }
}

pub(super) fn window(first: usize) -> Window {
    Window { first, after: None, count: true }
}

pub(super) fn by(field: &str, direction: Direction) -> Order {
    Order { by: OrderBy::Field(name(field)), direction }
}

pub(super) fn name(field: &str) -> FieldName {
    FieldName::parse(field).expect("the name is good")
}

pub(super) fn on(subject: Subject, test: Test) -> Condition {
    Condition { subject, test }
}

pub(super) fn on_field(field: &str, test: Test) -> Condition {
    on(Subject::Field(name(field)), test)
}

/// Holds for every document and so finds deleted ones as well.
pub(super) fn deleted_or_not() -> Condition {
    let both = [false, true].map(|is| Operand::Value(Value::Bool(is)));
    on(Subject::Deleted, Test::In(both.into()))
}

/// Reads all that a store tells of its content.
///
/// # Panics
///
/// If reading fails.
#[must_use]
pub fn contents(snapshot: &dyn Snapshot) -> Contents {
    let contents = try_contents(snapshot).expect("everything can be read");
    let ranges = ranges(contents.schemas.keys());
    assert_eq!(super::heads::consistent(snapshot, &ranges), contents.heads);
    contents
}

/// Reads all that a store tells of its content, or tells why it cannot.
pub fn try_contents(snapshot: &dyn Snapshot) -> Result<Contents, StoreError> {
    let (mut documents, mut schemas) = (BTreeMap::new(), BTreeMap::new());
    for KnownSchema { schema, retired } in snapshot.schemas()? {
        let records = try_documents(snapshot, &schema)?;
        documents.extend(records.into_iter().map(|record| (record.id, record)));
        schemas.insert(schema.id().clone(), (Schema::clone(&schema), retired));
    }
    let heads = snapshot.heads(&ranges(schemas.keys()), usize::MAX)?;
    let ids: Vec<_> = documents.keys().copied().collect();
    let have_void = snapshot.have_void(&ids)?;
    let forked = ids.into_iter().zip(have_void).filter(|(_, has_void)| *has_void);
    let forked = forked.map(|(id, _)| id).collect();
    let (counts, forks) = (snapshot.counts()?, try_forks(snapshot, None, None)?);
    Ok(Contents { counts, documents, schemas, heads, forks, forked })
}

/// All logs of some schemas, in the order in which schemas are asked for.
fn ranges<'a>(schemas: impl Iterator<Item = &'a SchemaId>) -> Vec<HeadRange> {
    schemas.cloned().map(HeadRange::all).collect()
}

/// All forks, or those by an author or in a document.
///
/// # Panics
///
/// If reading fails, or the pages do not fit together.
#[must_use]
pub fn forks(
    snapshot: &dyn Snapshot,
    author: Option<PublicKey>,
    document: Option<DocumentId>,
) -> Vec<Fork> {
    try_forks(snapshot, author, document).expect("forks can be read")
}

fn try_forks(
    snapshot: &dyn Snapshot,
    author: Option<PublicKey>,
    document: Option<DocumentId>,
) -> Result<Vec<Fork>, StoreError> {
    let mut query = ForkQuery { author, document, after: None, first: 2 };
    let mut forks: Vec<Fork> = Vec::new();
    loop {
        let page = snapshot.forks(&query)?;
        assert!(page.forks.len() <= 2 && (!page.has_next || page.forks.len() == 2));
        forks.extend(page.forks);
        query.after = forks.last().map(|it| (it.proof.public_key(), it.proof.log_id()));
        if !page.has_next {
            assert_eq!(forks.len() as u64, page.total);
            return Ok(forks);
        }
    }
}

/// All documents of a schema, deleted ones included, by id.
///
/// # Panics
///
/// If reading fails.
#[must_use]
pub fn documents(snapshot: &dyn Snapshot, schema: &Arc<Schema>) -> Vec<DocumentRecord> {
    try_documents(snapshot, schema).expect("collections can be read")
}

fn try_documents(
    snapshot: &dyn Snapshot,
    schema: &Arc<Schema>,
) -> Result<Vec<DocumentRecord>, StoreError> {
    let mut query = all(schema);
    query.conditions.push(deleted_or_not());
    let mut records = Vec::new();
    loop {
        let page = snapshot.collection(&query)?;
        query.window.after = page.items.last().map(|item| item.cursor.clone());
        records.extend(page.items.into_iter().map(|item| item.document));
        if !page.has_next {
            return Ok(records);
        }
    }
}
