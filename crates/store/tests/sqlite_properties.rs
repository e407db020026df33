//! SQLite answers as the model does, whatever was written and however it arrived.

#![cfg(all(feature = "conformance", feature = "sqlite"))]

use std::sync::Arc;

use pandan_bamboo::{LogId, SeqNum};
use pandan_operations::{FieldName, Float};
use pandan_schema::{FieldType, Schema, Value};
use pandan_store::conformance::contents;
use pandan_store::cursor::Cursor;
use pandan_store::query::{
    CollectionQuery, Condition, Direction, List, ListQuery, Operand, Order, OrderBy, Page,
    Selection, Subject, Targets, Test, Window,
};
use pandan_store::{
    DocumentRecord, Durability, MemoryStore, Options, Snapshot, SqliteStore, Store,
};
use pandan_testkit::{Delivery, History, deliveries, histories};
use proptest::prelude::*;
use tempfile::TempDir;

/// The same entries in both stores.
struct Pair {
    model: Box<dyn Snapshot>,
    sqlite: Box<dyn Snapshot>,
    _folder: TempDir,
}

impl Pair {
    fn new(history: &History, delivery: &Delivery) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let options = Options { durability: Durability::Normal, ..Options::default() };
        let sqlite = SqliteStore::open(folder.path().join("pandan.sqlite"), options);
        let (sqlite, model) = (sqlite.expect("a new store opens"), MemoryStore::new());
        delivery.bring(history, &sqlite);
        delivery.bring(history, &model);
        Self { model: snapshot(&model), sqlite: snapshot(&sqlite), _folder: folder }
    }

    fn schemas(&self) -> Vec<Arc<Schema>> {
        let known = self.model.schemas().expect("schemas can be read");
        known.into_iter().map(|known| known.schema).collect()
    }

    fn documents(&self, schema: &Arc<Schema>) -> Vec<DocumentRecord> {
        pandan_store::conformance::documents(&*self.model, schema)
    }

    fn collection(&self, query: &CollectionQuery) -> Page {
        let expected = self.model.collection(query).expect("the model can be read");
        let found = self.sqlite.collection(query).expect("the database can be read");
        check(&found, &expected, query);
        found
    }

    fn lists(&self, query: &ListQuery) {
        let expected = self.model.lists(query).expect("the model can be read");
        let found = self.sqlite.lists(query).expect("the database can be read");
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            check(found, expected, query);
        }
    }
}

fn snapshot(store: &dyn Store) -> Box<dyn Snapshot> {
    store.snapshot().expect("a snapshot can be taken")
}

fn check(found: &Page, expected: &Page, query: &dyn std::fmt::Debug) {
    let documents = |page: &Page| {
        page.items.iter().map(|item| item.document.clone()).collect::<Vec<DocumentRecord>>()
    };
    assert_eq!(documents(found), documents(expected), "{query:?}");
    assert_eq!((found.has_next, found.total), (expected.has_next, expected.total), "{query:?}");
}

/// Everything a schema can be ordered by.
fn orders(schema: &Schema) -> Vec<Order> {
    let fields = schema.fields().map(|(name, _)| OrderBy::Field(name.clone()));
    let by = [OrderBy::DocumentId, OrderBy::ViewId].into_iter().chain(fields);
    by.flat_map(|by| {
        [Direction::Ascending, Direction::Descending]
            .map(|direction| Order { by: by.clone(), direction })
    })
    .collect()
}

/// Tests with the values that a document has, so that they mean something.
fn conditions(record: &DocumentRecord) -> Vec<Condition> {
    let mut subjects = vec![
        (Subject::DocumentId, Operand::Value(Value::Relation(record.id))),
        (Subject::ViewId, Operand::Value(Value::PinnedRelation(record.view_id.clone()))),
        (Subject::Owner, Operand::Owner(record.owner)),
        (Subject::Edited, Operand::Value(Value::Bool(record.is_edited))),
        (Subject::Deleted, Operand::Value(Value::Bool(record.is_deleted()))),
    ];
    for (name, value) in record.fields.iter().flatten() {
        let operands = match value {
            Value::RelationList(ids) => ids.iter().copied().map(Value::Relation).collect(),
            Value::PinnedRelationList(ids) => {
                ids.iter().cloned().map(Value::PinnedRelation).collect()
            }
            value => vec![value.clone()],
        };
        let operands = operands.into_iter().map(Operand::Value);
        subjects.extend(operands.map(|operand| (Subject::Field(name.clone()), operand)));
    }
    subjects.into_iter().flat_map(|(subject, operand)| tests(&subject, operand)).collect()
}

fn tests(subject: &Subject, operand: Operand) -> Vec<Condition> {
    let other = Operand::Value(Value::Float(Float::new(0.5)));
    let mut tests = vec![
        Test::Equal(operand.clone()),
        Test::NotEqual(operand.clone()),
        Test::In(vec![operand.clone(), other.clone()]),
        Test::NotIn(vec![other, operand.clone()]),
        Test::Greater(operand.clone()),
        Test::GreaterOrEqual(operand.clone()),
        Test::Less(operand.clone()),
        Test::LessOrEqual(operand.clone()),
    ];
    if let Operand::Value(Value::Str(text)) = operand {
        tests.push(Test::Contains(text.to_uppercase()));
        tests.push(Test::NotContains(text));
    }
    let condition = |test| Condition { subject: subject.clone(), test };
    tests.into_iter().map(condition).collect()
}

fn window(first: usize, after: Option<Cursor>) -> Window {
    Window { first, after, count: true }
}

fn lists(schema: &Schema, records: &[DocumentRecord]) -> Vec<(pandan_operations::SchemaId, List)> {
    let mut lists = Vec::new();
    for record in records {
        for (name, value) in record.fields.iter().flatten() {
            let targets = match value {
                Value::RelationList(ids) => Targets::Documents(ids.clone()),
                Value::PinnedRelationList(ids) => Targets::Views(ids.clone()),
                _ => continue,
            };
            let target = schema.field(name.as_str()).and_then(|(_, kind)| kind.target().cloned());
            let list = List { document: record.id, field: name.clone(), targets };
            lists.extend(target.map(|target| (target, list)));
        }
    }
    lists
}

fn first_names(schema: &Schema) -> Vec<FieldName> {
    schema.fields().map(|(name, _)| name.clone()).take(2).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn everything_is_stored_alike(history in histories(90), delivery in deliveries()) {
        let pair = Pair::new(&history, &delivery);
        prop_assert_eq!(contents(&*pair.sqlite), contents(&*pair.model));
        let views: Vec<_> = history.signed.iter().map(|signed| signed.view()).collect();
        let read = |snapshot: &dyn Snapshot| snapshot.views(&views).expect("views can be read");
        prop_assert_eq!(read(&*pair.sqlite), read(&*pair.model));
    }

    #[test]
    fn logs_and_arguments_are_alike(history in histories(60), delivery in deliveries()) {
        let pair = Pair::new(&history, &delivery);
        for author in 1..=4 {
            let author = pandan_testkit::Author::new(author).public_key();
            let both = [&*pair.sqlite, &*pair.model];
            let [heads, expected] = both.map(|it| it.logs(&author).expect("logs can be read"));
            prop_assert_eq!(&heads, &expected);
            for head in heads {
                let [log, expected] = both.map(|it| {
                    it.log(&author, head.log_id, SeqNum::FIRST, 5).expect("logs can be read")
                });
                prop_assert_eq!(log, expected);
                let view = head.document.into();
                let [args, expected] = both.map(|it| {
                    it.next_args(&author, Some(&view)).expect("arguments can be found")
                });
                prop_assert_eq!(args, expected);
                let [entries, expected] = both.map(|it| {
                    it.document_entries(&head.document, 1, 4).expect("entries can be read")
                });
                prop_assert_eq!(entries, expected);
            }
            let [args, expected] =
                both.map(|it| it.next_args(&author, None).expect("arguments can be found"));
            prop_assert_eq!(args, expected);
            let none = both.map(|it| {
                it.log(&author, LogId::new(u64::MAX), SeqNum::MAX, 5).expect("logs can be read")
            });
            prop_assert!(none.iter().all(Vec::is_empty));
        }
    }

    #[test]
    fn every_order_walks_alike(history in histories(80), delivery in deliveries(), first in 1..5_usize) {
        let pair = Pair::new(&history, &delivery);
        for schema in pair.schemas() {
            for order in orders(&schema) {
                let mut query = CollectionQuery {
                    schema: schema.clone(),
                    conditions: Vec::new(),
                    order,
                    window: window(first, None),
                    selection: Selection::Only(first_names(&schema)),
                };
                let both = [Vec::new(), vec![deleted_or_not()]];
                for conditions in both {
                    query.conditions = conditions;
                    query.window.after = None;
                    loop {
                        let page = pair.collection(&query);
                        query.window.after = page.items.last().map(|item| item.cursor.clone());
                        if !page.has_next {
                            break;
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_condition_finds_alike(history in histories(60), delivery in deliveries()) {
        let pair = Pair::new(&history, &delivery);
        for schema in pair.schemas() {
            let orders = orders(&schema);
            for record in pair.documents(&schema).iter().take(6) {
                for (condition, order) in conditions(record).into_iter().zip(orders.iter().cycle()) {
                    let mut query = CollectionQuery {
                        schema: schema.clone(),
                        conditions: vec![condition],
                        order: order.clone(),
                        window: window(3, None),
                        selection: Selection::All,
                    };
                    let page = pair.collection(&query);
                    query.window.after = page.items.last().map(|item| item.cursor.clone());
                    pair.collection(&query);
                }
            }
        }
    }

    #[test]
    fn lists_are_alike(history in histories(80), delivery in deliveries(), first in 1..4_usize) {
        let pair = Pair::new(&history, &delivery);
        let schemas = pair.schemas();
        for schema in &schemas {
            for (target, list) in lists(schema, &pair.documents(schema)) {
                let Some(target) = schemas.iter().find(|schema| *schema.id() == target) else {
                    continue;
                };
                let condition = target.fields().find_map(|(name, field_type)| {
                    let is_int = matches!(field_type, FieldType::Int);
                    let test = Test::Less(Operand::Value(Value::Int(1)));
                    is_int.then(|| Condition { subject: Subject::Field(name.clone()), test })
                });
                let orders = orders(target).into_iter().map(Some).chain([None]);
                for (index, order) in orders.enumerate() {
                    pair.lists(&ListQuery {
                        schema: target.clone(),
                        lists: vec![list.clone(), list.clone()],
                        conditions: condition.iter().filter(|_| index % 2 == 0).cloned().collect(),
                        order,
                        window: window(first, None),
                        selection: Selection::Only(first_names(target)),
                    });
                }
            }
        }
    }
}

fn deleted_or_not() -> Condition {
    let both = [false, true].map(|is| Operand::Value(Value::Bool(is)));
    Condition { subject: Subject::Deleted, test: Test::In(both.into()) }
}

/// More tips than a view id has room for: no operation extends such a state, neither in the model
/// nor in the row.
#[test]
fn a_document_with_too_many_tips_is_alike() {
    use pandan_operations::{RawValue, SystemSchema, limits::MAX_PREVIOUS};
    use pandan_testkit::{Author, fields};

    let (mut author, schema) = (Author::new(1), SystemSchema::BlobPiece.into());
    let data = |number: usize| fields([("data", RawValue::Bytes(number.to_be_bytes().to_vec()))]);
    let create = author.create(&schema, data(0));
    let mut update =
        |number, view: &_| author.update(create.document(), &schema, view, data(number));
    let tips: Vec<_> = (1..=MAX_PREVIOUS + 2).map(|it| update(it, &create.view())).collect();
    let mut ids: Vec<_> = tips.iter().map(|signed| signed.id()).collect();
    ids.sort_unstable();
    ids.truncate(MAX_PREVIOUS);
    let shown = pandan_operations::DocumentViewId::from_sorted(ids).expect("they are sorted");
    let on_top = update(0, &shown);
    let (shown, last) = ([shown], [create.view(), on_top.view()]);
    let signed = [create].into_iter().chain(tips).chain([on_top]).collect();
    let pair = Pair::new(&History { signed }, &Delivery::in_order().in_batches(MAX_PREVIOUS + 3));
    assert_eq!(contents(&*pair.sqlite), contents(&*pair.model));
    for views in [&shown[..], &last] {
        let read = |snapshot: &dyn Snapshot| snapshot.views(views).expect("views can be read");
        assert_eq!(read(&*pair.sqlite), read(&*pair.model));
    }
}
