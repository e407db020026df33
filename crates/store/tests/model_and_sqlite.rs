//! SQLite answers every question as the in-memory store does, for whatever history.

#![cfg(all(feature = "conformance", feature = "sqlite"))]

use std::collections::BTreeSet;
use std::sync::Arc;

use pandan_admission::{Candidate, Door, Part, PartSubject};
use pandan_bamboo::ForkProof;
use pandan_operations::{DocumentId, DocumentViewId, OperationId, SchemaId};
use pandan_schema::{Schema, Value};
use pandan_store::conformance::{contents, documents};
use pandan_store::query::{
    CollectionQuery, Condition, Direction, List, ListQuery, Operand, Order, OrderBy, Page,
    Selection, Subject, Targets, Test, Window,
};
use pandan_store::{
    DocumentRecord, Frozen, Keeping, KnownSchema, MemoryStore, Options, Outcome, Snapshot,
    SqliteStore, Store, StoreError, Teller,
};
use pandan_testkit::{Author, Delivery, History, Random, deliveries, forked_histories, histories};
use proptest::prelude::*;

/// Both stores, of which the one must do what the other does.
#[derive(Debug)]
struct Twins {
    model: MemoryStore,
    sqlite: SqliteStore,
    _folder: tempfile::TempDir,
}

impl Twins {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let options = Options::default();
        let sqlite = SqliteStore::open(folder.path().join("pandan.sqlite"), options);
        let sqlite = sqlite.expect("a new store opens");
        Self { model: MemoryStore::new(), sqlite, _folder: folder }
    }

    fn of(history: &History, delivery: &Delivery) -> Self {
        let twins = Self::new();
        delivery.bring(history, &twins);
        twins
    }

    fn snapshots(&self) -> [Box<dyn Snapshot>; 2] {
        let stores: [&dyn Store; 2] = [&self.model, &self.sqlite];
        stores.map(|store| store.snapshot().expect("a snapshot can be taken"))
    }
}

impl Store for Twins {
    fn ingest(&self, batch: Vec<(Candidate, Door)>) -> Result<Vec<Outcome>, StoreError> {
        let expected = self.model.ingest(batch.clone())?;
        let found = self.sqlite.ingest(batch)?;
        let told = |outcomes: &[Outcome]| outcomes.iter().map(told).collect::<Vec<_>>();
        assert_eq!(told(&found), told(&expected));
        Ok(found)
    }

    fn ingest_proof(&self, proof: ForkProof) -> Result<Option<Frozen>, StoreError> {
        let expected = self.model.ingest_proof(proof)?;
        let found = self.sqlite.ingest_proof(proof)?;
        assert_eq!(found.as_ref().map(told_frozen), expected.as_ref().map(told_frozen));
        Ok(found)
    }

    fn keep_part(&self, part: &Part, teller: Teller) -> Result<Keeping, StoreError> {
        let expected = self.model.keep_part(part, teller)?;
        let found = self.sqlite.keep_part(part, teller)?;
        assert_eq!(found, expected);
        Ok(found)
    }

    fn forget_part(&self, subject: &PartSubject) -> Result<bool, StoreError> {
        let expected = self.model.forget_part(subject)?;
        let found = self.sqlite.forget_part(subject)?;
        assert_eq!(found, expected);
        Ok(found)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        self.sqlite.snapshot()
    }
}

/// All that an outcome says; the order of schemas means nothing.
fn told(outcome: &Outcome) -> String {
    let committed = match outcome {
        Outcome::Committed(committed) => committed,
        Outcome::Forked(frozen, outcome) => {
            return format!("{} {}", told_frozen(frozen), told(outcome));
        }
        outcome => return format!("{outcome:?}"),
    };
    let schemas = told_schemas(&committed.schemas);
    let mut committed = committed.clone();
    committed.schemas.clear();
    format!("{committed:?} {schemas:?}")
}

fn told_frozen(frozen: &Frozen) -> String {
    format!("{:?} {:?} {:?}", frozen.proof, frozen.document, told_schemas(&frozen.schemas))
}

fn told_schemas(schemas: &[KnownSchema]) -> BTreeSet<(SchemaId, bool)> {
    schemas.iter().map(|known| (known.schema.id().clone(), known.retired)).collect()
}

fn window() -> Window {
    Window { first: 3, after: None, count: true }
}

/// Goes through all pages of two answers at once.
fn walk(question: &str, window: &mut Window, mut ask: impl FnMut(&Window) -> [Page; 2]) {
    loop {
        let [expected, found] = ask(window);
        let records = |page: &Page| {
            page.items.iter().map(|item| item.document.clone()).collect::<Vec<DocumentRecord>>()
        };
        assert_eq!(records(&found), records(&expected), "{question}");
        assert_eq!((found.total, found.has_next), (expected.total, expected.has_next));
        window.after = found.items.last().map(|item| item.cursor.clone());
        if !found.has_next {
            return;
        }
    }
}

fn orders(schema: &Schema) -> Vec<Order> {
    let fields = schema.fields().map(|(name, _)| OrderBy::Field(name.clone()));
    let all = [OrderBy::DocumentId, OrderBy::ViewId].into_iter().chain(fields);
    let directions = [Direction::Ascending, Direction::Descending];
    all.flat_map(|by| directions.map(|direction| Order { by: by.clone(), direction })).collect()
}

/// Some conditions on what the records hold.
fn conditions(random: &mut Random, records: &[DocumentRecord]) -> Vec<Condition> {
    let mut conditions = Vec::new();
    if random.chance(30) {
        let test = Test::In([true, false].map(|is| Operand::Value(Value::Bool(is))).into());
        conditions.push(Condition { subject: Subject::Deleted, test });
    }
    let record = random.pick(records);
    let fields = record.fields.iter().flatten();
    for (name, value) in fields.filter(|_| random.chance(40)).collect::<Vec<_>>() {
        let subject = Subject::Field(name.clone());
        let items: Vec<_> = match value {
            Value::RelationList(ids) => ids.iter().copied().map(Value::Relation).collect(),
            Value::PinnedRelationList(ids) => {
                ids.iter().cloned().map(Value::PinnedRelation).collect()
            }
            value => {
                let test = test(random, value);
                conditions.push(Condition { subject, test });
                continue;
            }
        };
        let items = items.into_iter().map(Operand::Value).collect();
        let test = if random.chance(50) { Test::In(items) } else { Test::NotIn(items) };
        conditions.push(Condition { subject, test });
    }
    conditions
}

fn test(random: &mut Random, value: &Value) -> Test {
    let operand = Operand::Value(value.clone());
    let comparable = matches!(value, Value::Int(_) | Value::Float(_) | Value::Str(_));
    match (random.below(if comparable { 8 } else { 4 }), value) {
        (0, _) => Test::Equal(operand),
        (1, _) => Test::NotEqual(operand),
        (2, _) => Test::In(vec![operand]),
        (3, _) => Test::NotIn(vec![operand]),
        (4, Value::Str(text)) => Test::Contains(text.to_uppercase()),
        (4, _) => Test::Greater(operand),
        (5, _) => Test::GreaterOrEqual(operand),
        (6, _) => Test::Less(operand),
        _ => Test::LessOrEqual(operand),
    }
}

fn compare_collections(twins: &Twins, random: &mut Random) {
    let [model, sqlite] = twins.snapshots();
    for known in model.schemas().expect("schemas can be read") {
        let records = documents(&*model, &known.schema);
        for order in orders(&known.schema).into_iter().filter(|_| !records.is_empty()) {
            let mut query = CollectionQuery {
                schema: Arc::clone(&known.schema),
                conditions: conditions(random, &records),
                order,
                window: window(),
                selection: Selection::All,
            };
            let question = format!("{query:?}");
            walk(&question, &mut window(), |window| {
                query.window = window.clone();
                [&model, &sqlite].map(|it| it.collection(&query).expect("it can be read"))
            });
        }
    }
}

/// Asks for lists of all documents and of all their states, in an order that means nothing.
fn compare_lists(twins: &Twins, history: &History, random: &mut Random) {
    let [model, sqlite] = twins.snapshots();
    let mut ids: Vec<DocumentId> = history.signed.iter().map(|it| it.document()).collect();
    let mut views: Vec<DocumentViewId> = history.signed.iter().map(|it| it.view()).collect();
    random.shuffle(&mut ids);
    random.shuffle(&mut views);
    for known in model.schemas().expect("schemas can be read") {
        let records = documents(&*model, &known.schema);
        let orders = orders(&known.schema).into_iter().map(Some).chain([None]);
        for order in orders.filter(|_| !records.is_empty()) {
            for targets in [Targets::Documents(ids.clone()), Targets::Views(views.clone())] {
                let field = "list".parse().expect("the name is good");
                let mut query = ListQuery {
                    schema: Arc::clone(&known.schema),
                    lists: vec![List { document: ids[0], field, targets }],
                    conditions: conditions(random, &records),
                    order: order.clone(),
                    window: window(),
                    selection: Selection::All,
                };
                let question = format!("{query:?}");
                walk(&question, &mut window(), |window| {
                    query.window = window.clone();
                    let page = |it: &dyn Snapshot| it.lists(&query).map(|mut it| it.remove(0));
                    [&model, &sqlite].map(|it| page(&**it).expect("it can be read"))
                });
            }
        }
    }
}

/// Everything but queries about many documents.
fn compare_rest(twins: &Twins, history: &History, random: &mut Random) {
    let [model, sqlite] = twins.snapshots();
    assert_eq!(contents(&*sqlite), contents(&*model));
    let ids: Vec<OperationId> = history.signed.iter().map(|it| it.id()).collect();
    let mut views: Vec<DocumentViewId> = ids.iter().copied().map(Into::into).collect();
    views.extend((0..40).filter_map(|_| DocumentViewId::from_tips(random.some(&ids, 3))));
    let read = |it: &dyn Snapshot| it.views(&views).expect("views can be read");
    assert_eq!(read(&*sqlite), read(&*model));
    for number in 1..=5 {
        let author = Author::new(number).public_key();
        let read = |it: &dyn Snapshot| it.logs(&author).expect("logs can be read");
        assert_eq!(read(&*sqlite), read(&*model));
        for view in views.iter().map(Some).chain([None]) {
            let read = |it: &dyn Snapshot| {
                it.next_args(&author, view).expect("next arguments can be read")
            };
            assert_eq!(read(&*sqlite), read(&*model), "{view:?}");
        }
    }
    for signed in &history.signed {
        let (document, hash) = (signed.document(), signed.entry.hash());
        let read = |it: &dyn Snapshot| {
            let of_document = it.document_entries(&document, 1, 5).expect("entries can be read");
            (of_document, it.entry(&hash).expect("entries can be read"))
        };
        assert_eq!(read(&*sqlite), read(&*model));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn both_say_the_same_of_forks(
        history in forked_histories(80),
        delivery in deliveries(),
        seed in any::<u64>(),
    ) {
        let twins = Twins::of(&history, &delivery);
        let mut random = Random::new(seed);
        compare_rest(&twins, &history, &mut random);
        compare_collections(&twins, &mut random);
        compare_lists(&twins, &history, &mut random);
        let checked = twins.sqlite.check(&mut |_| {}).expect("the file can be read");
        prop_assert!(checked.is_clean(), "{:?}", checked.findings);
    }

    #[test]
    fn both_say_the_same(
        history in histories(70),
        delivery in deliveries(),
        seed in any::<u64>(),
    ) {
        let twins = Twins::of(&history, &delivery);
        let mut random = Random::new(seed);
        compare_rest(&twins, &history, &mut random);
        compare_collections(&twins, &mut random);
        compare_lists(&twins, &history, &mut random);
    }
}

// Schemas of which documents come before the definition are put together on demand.
#[test]
fn schemas_claimed_before_they_are_complete() {
    for seed in 0..4 {
        let history = History::from_seed(seed, 60);
        let twins = Twins::of(&history, &Delivery::shuffled(seed).in_batches(64));
        let [model, sqlite] = twins.snapshots();
        let known = |it: &dyn Snapshot| {
            let known = it.schemas().expect("schemas can be read");
            known.iter().map(|it| it.schema.id().clone()).collect::<BTreeSet<SchemaId>>()
        };
        assert_eq!(known(&*sqlite), known(&*model));
    }
}
