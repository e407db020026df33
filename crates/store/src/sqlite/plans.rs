//! Which indexes queries use, and how many steps they take.
//!
//! Statements are recorded while pages are read. Each has to be answered from an index, and the
//! number of steps must not depend on how many documents there are.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use pandan_bamboo::Hash;
use pandan_identity::KeyPair;
use pandan_operations::{
    DocumentId, DocumentViewId, FieldName, Float, OperationId, SchemaId, SchemaName, SystemSchema,
};
use pandan_schema::{FieldType, Schema, Value};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};

use super::trace::{self, Statement};
use super::{Options, catalog, collection, connection, digest, migrate, table, value};
use crate::query::{
    CollectionQuery, Condition, Direction, Operand, Order, OrderBy, Page, Selection, Subject, Test,
    Window,
};

/// A database with documents of a schema that has a field of every type.
struct Filled {
    connection: Connection,
    schema: Arc<Schema>,
    statements: Receiver<Statement>,
}

impl Filled {
    fn new(documents: u64) -> Self {
        let mut connection = Connection::open_in_memory().expect("memory can be had");
        connection::prepare(&connection, &Options::default()).expect("modules load");
        migrate::migrate(&mut connection).expect("an empty database migrates");
        let schema = Arc::new(schema());
        let row = catalog::insert(&connection, &schema, None, false).expect("it is new");
        connection.execute_batch(&table::create(row, &schema)).expect("it is new");
        insert_documents(&connection, row, documents);
        let sql = "UPDATE schemas SET documents = ? WHERE id = ?";
        connection.execute(sql, [documents.cast_signed(), row]).expect("it is there");
        let statements = trace::statements(&mut connection);
        Self { connection, schema, statements }
    }

    /// The statements with which a page was read.
    fn page(&self, query: &CollectionQuery) -> (Page, Vec<Statement>) {
        self.statements.try_iter().for_each(drop);
        let page = collection::page(&self.connection, query).expect("the page can be read");
        (page, self.statements.try_iter().collect())
    }

    fn query(&self, conditions: Vec<Condition>, order: Order) -> CollectionQuery {
        CollectionQuery {
            schema: Arc::clone(&self.schema),
            conditions,
            order,
            window: Window { first: 5, after: None, count: false },
            selection: Selection::All,
        }
    }

    /// Reads two pages; each statement has to use an index and sort nothing. Returns how many
    /// steps all of them took.
    fn check(&self, mut query: CollectionQuery) -> i32 {
        let mut steps = 0;
        for _ in 0..2 {
            let (page, statements) = self.page(&query);
            for statement in &statements {
                let plan = statement.plan(&self.connection);
                // The table itself is an index by document id, which is also the state of
                // unchanged documents.
                let by_id = statement.sql.contains("ORDER BY doc ");
                let uses_index =
                    |line: &String| by_id || !line.starts_with("SCAN") || line.contains("INDEX");
                assert!(plan.iter().all(uses_index), "{}: {plan:#?}", statement.sql);
                let sorts = |line: &String| line.contains("TEMP B-TREE FOR ORDER BY");
                assert!(!plan.iter().any(sorts), "{}: {plan:#?}", statement.sql);
                steps += statement.steps;
            }
            assert_eq!(page.items.len(), 5, "{query:?}");
            query.window.after = page.items.last().map(|item| item.cursor.clone());
        }
        steps
    }
}

const FIELDS: [(&str, FieldType); 9] = {
    const TARGET: SchemaId = SchemaId::System(SystemSchema::Blob);
    [
        ("bool", FieldType::Bool),
        ("bytes", FieldType::Bytes),
        ("float", FieldType::Float),
        ("int", FieldType::Int),
        ("list", FieldType::RelationList(TARGET)),
        ("pin", FieldType::PinnedRelation(TARGET)),
        ("pins", FieldType::PinnedRelationList(TARGET)),
        ("relation", FieldType::Relation(TARGET)),
        ("str", FieldType::Str),
    ]
};

fn schema() -> Schema {
    let id = SchemaName::parse("all_types").expect("the name is good");
    let fields = FIELDS.map(|(name, field_type)| (field(name), field_type));
    Schema::new(SchemaId::application(id, view(0)), "", fields).expect("the schema is good")
}

fn field(name: &str) -> FieldName {
    FieldName::parse(name).expect("the name is good")
}

/// The least hash that any document could have.
const LEAST: Hash = Hash::from_digest([0; 32]);

fn document(number: u64) -> DocumentId {
    DocumentId::from_hash(Hash::of(&number.to_be_bytes()))
}

fn view(number: u64) -> DocumentViewId {
    OperationId::from(document(number)).into()
}

/// Values of which some are common, some rare.
fn values(number: u64) -> Vec<Value> {
    let (some, rare) = (number % 3, number % 40);
    vec![
        Value::Bool(some == 0),
        Value::Bytes(vec![7; usize::try_from(some).expect("it is small")]),
        Value::Float(Float::new(if some == 0 { f64::NAN } else { some as f64 })),
        Value::Int(number.cast_signed()),
        Value::RelationList((0..some).map(|item| document(item + rare)).collect()),
        Value::PinnedRelation(view(rare)),
        Value::PinnedRelationList((0..some).map(|item| view(item + rare)).collect()),
        Value::Relation(document(rare)),
        Value::Str(
            ["", "Some", "some"].map(String::from)[usize::try_from(some).unwrap_or(0)].clone(),
        ),
    ]
}

fn insert_documents(connection: &Connection, row: i64, count: u64) {
    connection
        .execute("INSERT INTO authors (id, key) VALUES (1, ?)", [key().as_bytes()])
        .expect("it is new");
    let marks = ", ?".repeat(FIELDS.len());
    let sql = format!("INSERT INTO {} VALUES (?, ?, 1, 0{marks})", table::name(row));
    let mut insert = connection.prepare(&sql).expect("the table is there");
    let mut add_item = connection
        .prepare("INSERT OR IGNORE INTO items VALUES (?, ?, ?)")
        .expect("the table is there");
    for number in 1..=count {
        let (id, values) = (document(number), values(number));
        let id = digest::of_document(&id);
        let columns = values.iter().map(value::to_sql);
        let columns = [digest::blob(id), state_of(number)].into_iter().chain(columns);
        insert.execute(params_from_iter(columns)).expect("it is new");
        for (position, value) in values.iter().enumerate() {
            for item in value::items(value) {
                let list = table::list_id(row, position);
                add_item.execute(rusqlite::params![list, item, id]).expect("it fits");
            }
        }
    }
}

/// Every other document was changed.
fn state_of(number: u64) -> Sql {
    if number.is_multiple_of(2) {
        Sql::Blob(digest::of_view(&view(number + CHANGED)))
    } else {
        Sql::Null
    }
}

/// What the numbers of changes begin with.
const CHANGED: u64 = 1_000_000;

fn key() -> pandan_identity::PublicKey {
    KeyPair::from_seed(&[1; 32]).public_key()
}

fn orders() -> Vec<Order> {
    let fields = FIELDS.map(|(name, _)| OrderBy::Field(field(name)));
    let by = [OrderBy::DocumentId, OrderBy::ViewId].into_iter().chain(fields);
    let both = |by: OrderBy| {
        [Direction::Ascending, Direction::Descending]
            .map(|direction| Order { by: by.clone(), direction })
    };
    by.flat_map(both).collect()
}

#[test]
fn pages_of_every_order_come_from_an_index_in_a_fixed_number_of_steps() {
    let (few, many) = (Filled::new(200), Filled::new(2_000));
    for order in orders() {
        let [few, many] = [&few, &many].map(|it| it.check(it.query(Vec::new(), order.clone())));
        assert!(many <= few + few / 2, "{order:?} takes {few} steps, then {many}");
    }
}

/// Conditions that hold for few documents.
fn rare() -> Vec<Condition> {
    let on = |name: &str, test| Condition { subject: Subject::Field(field(name)), test };
    let is = Operand::Value;
    let int = |number| is(Value::Int(number));
    let (target, state) = (is(Value::Relation(document(3))), is(Value::PinnedRelation(view(3))));
    vec![
        on("int", Test::Equal(int(7))),
        on("int", Test::In(vec![int(7), int(8)])),
        on("int", Test::Less(int(9))),
        on("int", Test::GreaterOrEqual(int(1_990))),
        on("str", Test::Equal(is(Value::Str("other".into())))),
        on("str", Test::In(vec![is(Value::Str("other".into()))])),
        on("str", Test::Greater(is(Value::Str("t".into())))),
        on("bytes", Test::Equal(is(Value::Bytes(vec![8])))),
        on("bytes", Test::Greater(is(Value::Bytes(vec![8])))),
        on("float", Test::Equal(is(Value::Float(Float::new(3.5))))),
        on("float", Test::Less(is(Value::Float(Float::new(0.5))))),
        on("relation", Test::Equal(target.clone())),
        on("relation", Test::In(vec![target.clone()])),
        on("pin", Test::Equal(state.clone())),
        on("list", Test::In(vec![is(Value::Relation(document(5_000)))])),
        on("pins", Test::In(vec![is(Value::PinnedRelation(view(5_000)))])),
        Condition { subject: Subject::DocumentId, test: Test::Equal(target) },
        Condition { subject: Subject::ViewId, test: Test::Equal(state) },
        Condition {
            subject: Subject::ViewId,
            test: Test::In(vec![is(Value::PinnedRelation(view(CHANGED + 4)))]),
        },
        Condition {
            subject: Subject::ViewId,
            test: Test::Less(is(Value::PinnedRelation(DocumentId::from_hash(LEAST).into()))),
        },
        Condition {
            subject: Subject::Owner,
            test: Test::Equal(Operand::Owner(KeyPair::from_seed(&[2; 32]).public_key())),
        },
    ]
}

#[test]
fn conditions_are_looked_up_in_an_index() {
    let filled = Filled::new(2_000);
    for condition in rare() {
        let mut query = filled.query(vec![condition.clone()], Order::default());
        query.window.count = true;
        let (_, statements) = filled.page(&query);
        let of_documents = statements.iter().filter(|it| it.sql.contains(" WHERE 1 AND "));
        let mut looked_at = 0;
        for statement in of_documents {
            looked_at += 1;
            let plan = statement.plan(&filled.connection);
            let is_search = plan.iter().any(|line| line.starts_with("SEARCH rows_"));
            assert!(is_search, "{condition:?}: {} {plan:#?}", statement.sql);
            assert!(statement.steps < 2_500, "{condition:?} takes {} steps", statement.steps);
        }
        assert_eq!(looked_at, 1, "one statement finds and counts");
    }
}

impl Filled {
    /// The steps of all statements with which a page was read.
    fn steps(&self, query: &CollectionQuery) -> i32 {
        self.page(query).1.iter().map(|statement| statement.steps).sum()
    }
}

/// A condition without an index.
fn contains(needle: &str) -> Condition {
    let test = Test::Contains(String::from(needle));
    Condition { subject: Subject::Field(field("str")), test }
}

#[test]
fn without_an_index_a_walk_ends_with_a_full_page() {
    let (few, many) = (Filled::new(200), Filled::new(2_000));
    for direction in [Direction::Ascending, Direction::Descending] {
        let order = Order { by: OrderBy::DocumentId, direction };
        let query = |filled: &Filled| filled.query(vec![contains("some")], order.clone());
        let [few, many] = [&few, &many].map(|filled| filled.steps(&query(filled)));
        assert!(many <= few * 2, "{few} steps, then {many}");
    }
}

#[test]
fn without_an_index_and_without_a_match_all_rows_are_read_once() {
    let filled = Filled::new(2_000);
    let query = filled.query(vec![contains("nowhere")], Order::default());
    let (page, statements) = filled.page(&query);
    assert!(page.items.is_empty());
    let of_documents = statements.iter().filter(|it| it.sql.contains(" WHERE 1 AND "));
    assert_eq!(of_documents.count(), 1);
}

#[test]
fn how_many_there_are_of_all_is_not_counted() {
    let (few, many) = (Filled::new(200), Filled::new(2_000));
    let [few, many] = [(few, 200), (many, 2_000)].map(|(filled, documents)| {
        let mut query = filled.query(Vec::new(), Order::default());
        query.window.count = true;
        assert_eq!(filled.page(&query).0.total, Some(documents));
        filled.steps(&query)
    });
    assert!(many <= few + few / 2, "{few} steps, then {many}");
}

#[test]
fn what_matches_is_counted_once() {
    let filled = Filled::new(2_000);
    let mut query = filled.query(vec![contains("some")], Order::default());
    query.window.count = true;
    let (page, statements) = filled.page(&query);
    assert_eq!(page.total, Some(1_334));
    let counts = statements.iter().filter(|it| it.sql.starts_with("SELECT count(*)"));
    assert_eq!(counts.count(), 1);
}

#[test]
fn what_is_bound_never_shows_in_statements() {
    let filled = Filled::new(10);
    let text = String::from("' OR 1 = 1; --");
    let subject = Subject::Field(field("str"));
    let tests = [
        Test::Equal(Operand::Value(Value::Str(text.clone()))),
        Test::NotIn(vec![Operand::Value(Value::Str(text.clone()))]),
        Test::Contains(text),
    ];
    for test in tests {
        let condition = Condition { subject: subject.clone(), test };
        let (_, statements) = filled.page(&filled.query(vec![condition], Order::default()));
        assert!(!statements.is_empty());
        assert!(statements.iter().all(|statement| !statement.sql.contains("--")));
    }
}
