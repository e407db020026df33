//! Queries over HTTP, and the same in SQL on the same file.

use std::path::Path;
use std::time::{Duration, Instant};

use pandan_benches::places::Places;
use pandan_operations::SchemaId;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection as Database, OpenFlags, params_from_iter};
use serde_json::{Value, json};

use crate::Result;
use crate::http::{Connection, request};
use crate::node::Node;
use pandan_benches::times::Times;

/// Documents of a page.
const PAGE: usize = 25;

/// Documents in front of page 200.
const BEFORE_PAGE_200: usize = 199 * PAGE;

/// How many of them are passed over in one request.
const STRIDE: usize = 995;

/// A query in both languages.
struct Question {
    what: &'static str,
    query: String,
    /// What the query reads, as one statement each.
    sql: Vec<(String, Vec<Sql>)>,
    /// How long the reference implementation takes, among 10,000 documents; its best run.
    reference: Option<Duration>,
}

/// How long a query takes.
pub(crate) struct Queried {
    pub(crate) what: &'static str,
    pub(crate) node: Times,
    pub(crate) sql: Option<Times>,
    pub(crate) reference: Option<Duration>,
}

/// Asks everything often. The node must not be written to meanwhile.
pub(crate) fn run(
    node: &Node,
    file: &Path,
    places: &Places,
    iterations: usize,
) -> Result<Vec<Queried>> {
    let mut connection = node.connect()?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Database::open_with_flags(file, flags)?;
    let questions = questions(&mut connection, &database, places)?;
    // A connection each: one that is idle while SQL runs would be closed by the node.
    questions
        .into_iter()
        .map(|question| question.ask(&mut node.connect()?, &database, iterations))
        .collect()
}

impl Question {
    fn ask(
        self,
        connection: &mut Connection,
        database: &Database,
        iterations: usize,
    ) -> Result<Queried> {
        // It must not fail, and find something.
        let answer = connection.ask(&self.query)?;
        let rows = self.select(database)?;
        if !self.sql.is_empty() && (rows == 0 || answer.to_string().len() < 100) {
            return Err(format!("{} finds nothing: {answer}, {rows} rows", self.what).into());
        }
        let request = request(&self.query, &json!({}));
        let node = repeat(iterations, || connection.send(&request).map(|_| ()))?;
        let sql = match self.sql.is_empty() {
            true => None,
            false => Some(repeat(iterations, || self.select(database).map(|_| ()))?),
        };
        Ok(Queried { what: self.what, node, sql, reference: self.reference })
    }

    /// Reads all rows as values of their own, as a node has to.
    fn select(&self, database: &Database) -> Result<usize> {
        let mut count = 0;
        for (sql, params) in &self.sql {
            let mut statement = database.prepare_cached(sql)?;
            let columns = statement.column_count();
            let mut rows = statement.query(params_from_iter(params))?;
            while let Some(row) = rows.next()? {
                let values: rusqlite::Result<Vec<Sql>> =
                    (0..columns).map(|column| row.get(column)).collect();
                std::hint::black_box(values?);
                count += 1;
            }
        }
        Ok(count)
    }
}

fn repeat(times: usize, mut run: impl FnMut() -> Result<()>) -> Result<Times> {
    for _ in 0..times.min(10) {
        run()?;
    }
    let times = (0..times).map(|_| {
        let start = Instant::now();
        run().map(|()| start.elapsed())
    });
    Ok(Times::new(times.collect::<Result<_>>()?))
}

fn questions(
    connection: &mut Connection,
    database: &Database,
    places: &Places,
) -> Result<Vec<Question>> {
    let phrases = Phrases {
        place: places.place.clone(),
        places: table(database, &places.place)?,
        cities: table(database, &places.city)?,
        countries: table(database, &places.country)?,
    };
    let [cursor, id] = [cursor_of_page_200(connection, &places.place)?, phrases.first(connection)?];
    let document_at = |offset: usize| {
        let sql =
            format!("SELECT doc FROM {} ORDER BY doc LIMIT 1 OFFSET {offset}", phrases.places);
        database.query_row(&sql, [], |row| row.get(0))
    };
    let by_id = (phrases.select("WHERE p.doc = ?"), vec![document_at(0)?]);
    let behind =
        (phrases.select("WHERE p.doc > ? ORDER BY p.doc"), vec![document_at(BEFORE_PAGE_200 - 1)?]);
    let mut questions = vec![
        question("nothing but `__typename`", String::from("{ __typename }"), vec![], 0),
        question("one document by id", phrases.by_id(&id), vec![by_id], 1_000),
    ];
    questions.extend(phrases.of_collections());
    questions.push(question(
        "page 200 by cursor",
        phrases.page(&format!(", after: {cursor}"), ""),
        vec![behind],
        4_000,
    ));
    questions.push(phrases.of_relations());
    Ok(questions)
}

/// A question, with the time that the reference takes in microseconds, 0 when nobody asked it.
fn question(
    what: &'static str,
    query: String,
    sql: Vec<(String, Vec<Sql>)>,
    reference: u64,
) -> Question {
    let reference = (reference > 0).then(|| Duration::from_micros(reference));
    Question { what, query, sql, reference }
}

/// What of a place is asked for.
const SELECTION: &str = "fields { capacity name open rating } meta { documentId viewId }";

/// The same in SQL; fields are in the order of their names: capacity, city, name, open, rating.
const ROW: &str = "p.doc, COALESCE(p.view, p.doc), p.f0, p.f1, p.f2, p.f3, p.f4";

/// What queries are put together from.
struct Phrases {
    place: SchemaId,
    /// Names of tables.
    places: String,
    cities: String,
    countries: String,
}

impl Phrases {
    fn by_id(&self, id: &Value) -> String {
        format!("{{ {}(id: {id}) {{ {SELECTION} }} }}", self.place)
    }

    fn page(&self, arguments: &str, before: &str) -> String {
        let place = &self.place;
        format!(
            "{{ all_{place}(first: {PAGE}{arguments}) {{ {before} hasNextPage endCursor \
             documents {{ {SELECTION} }} }} }}"
        )
    }

    /// One row more than a page, to know whether there is a next one.
    fn select(&self, rest: &str) -> String {
        format!("SELECT {ROW} FROM {} p {rest} LIMIT {}", self.places, PAGE + 1)
    }

    fn of_collections(&self) -> [Question; 5] {
        let page = |what, arguments, rest, reference| {
            question(what, self.page(arguments, ""), vec![(self.select(rest), vec![])], reference)
        };
        let count = format!("SELECT count(*) FROM {}", self.places);
        [
            page("first page of 25", "", "ORDER BY p.doc", 4_200),
            question(
                "the same with `totalCount`",
                self.page("", "totalCount"),
                vec![(self.select("ORDER BY p.doc"), vec![]), (count, vec![])],
                300_000,
            ),
            page(
                "ordered by an int, descending",
                ", orderBy: capacity, orderDirection: DESC",
                "ORDER BY p.f0 DESC, p.doc",
                240_000,
            ),
            page(
                "an int range, 1 % of all",
                ", filter: { capacity: { gte: 20000, lt: 21000 } }",
                "WHERE p.f0 >= 20000 AND p.f0 < 21000 ORDER BY p.doc",
                16_000,
            ),
            page(
                "`contains`, 0.2 % of all",
                ", filter: { name: { contains: \"123\" } }",
                "WHERE p.f2 LIKE '%123%' ORDER BY p.doc",
                10_000,
            ),
        ]
    }

    fn of_relations(&self) -> Question {
        let Self { place, places, cities, countries } = self;
        let query = format!(
            "{{ all_{place}(first: {PAGE}) {{ hasNextPage documents {{ {SELECTION} \
             fields {{ city {{ fields {{ name country {{ fields {{ name }} }} }} }} }} }} }} }}"
        );
        let sql = format!(
            "SELECT {ROW}, c.f1, n.f0 FROM {places} p LEFT JOIN {cities} c ON c.doc = p.f1 \
             LEFT JOIN {countries} n ON n.doc = c.f0 ORDER BY p.doc LIMIT {}",
            PAGE + 1
        );
        question("relations, two deep", query, vec![(sql, vec![])], 6_500)
    }

    /// The id of the first place, as a GraphQL literal.
    fn first(&self, connection: &mut Connection) -> Result<Value> {
        let name = format!("all_{}", self.place);
        let query = format!("{{ {name}(first: 1) {{ documents {{ meta {{ documentId }} }} }} }}");
        let id = connection.ask(&query)?[name]["documents"][0]["meta"]["documentId"].take();
        if id.is_string() { Ok(id) } else { Err("there is no document".into()) }
    }
}

/// The table of a schema.
fn table(database: &Database, schema: &SchemaId) -> Result<String> {
    let name = schema.as_str().split_once('_').map_or("", |(name, _)| name);
    let row: i64 =
        database.query_row("SELECT id FROM schemas WHERE name = ?", [name], |row| row.get(0))?;
    Ok(format!("rows_{row}"))
}

/// Walks there, as a client would.
fn cursor_of_page_200(connection: &mut Connection, place: &SchemaId) -> Result<Value> {
    let mut after = String::new();
    let mut cursor = Value::Null;
    for _ in 0..BEFORE_PAGE_200 / STRIDE {
        let answer = connection
            .ask(&format!("{{ all_{place}(first: {STRIDE}{after}) {{ endCursor }} }}"))?;
        cursor = answer[format!("all_{place}")]["endCursor"].clone();
        if !cursor.is_string() {
            return Err("page 200 takes at least 5,000 documents".into());
        }
        after = format!(", after: {cursor}");
    }
    Ok(cursor)
}
