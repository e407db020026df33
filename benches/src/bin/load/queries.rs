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
use crate::times::Times;

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
    questions
        .into_iter()
        .map(|question| question.ask(&mut connection, &database, iterations))
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
    let (place, table) = (&places.place, table(database, &places.place)?);
    let (cities, countries) =
        (self::table(database, &places.city)?, self::table(database, &places.country)?);
    let id = connection.ask(&format!(
        "{{ all_{place}(first: 1) {{ endCursor documents {{ meta {{ documentId }} }} }} }}"
    ))?;
    let id = id[format!("all_{place}")]["documents"][0]["meta"]["documentId"].clone();
    let id = id.as_str().ok_or("there is no document")?.to_owned();
    let cursor = cursor_of_page_200(connection, place)?;
    let sql_id: Sql = database.query_row(
        &format!("SELECT doc FROM {table} ORDER BY doc LIMIT 1"),
        [],
        |row| row.get(0),
    )?;
    let sql_cursor: Sql = database.query_row(
        &format!("SELECT doc FROM {table} ORDER BY doc LIMIT 1 OFFSET {}", BEFORE_PAGE_200 - 1),
        [],
        |row| row.get(0),
    )?;
    // In the order of their names: capacity, city, name, open, rating.
    let row = "p.doc, COALESCE(p.view, p.doc), p.f0, p.f1, p.f2, p.f3, p.f4";
    let select = |rest: &str| format!("SELECT {row} FROM {table} p {rest} LIMIT {}", PAGE + 1);
    let count = |condition: &str| format!("SELECT count(*) FROM {table} p {condition}");
    let selection = "fields { capacity name open rating } meta { documentId viewId }";
    let page = |arguments: &str, before: &str| {
        format!(
            "{{ all_{place}(first: {PAGE}{arguments}) {{ {before} hasNextPage endCursor documents {{ {selection} }} }} }}"
        )
    };
    let question = |what, query, sql, reference: u64| Question {
        what,
        query,
        sql,
        reference: (reference > 0).then(|| Duration::from_micros(reference)),
    };
    let range = "WHERE p.f0 >= 20000 AND p.f0 < 21000 ORDER BY p.doc";
    let deep = format!(
        "SELECT {row}, c.f1, n.f0 FROM {table} p LEFT JOIN {cities} c ON c.doc = p.f1 \
         LEFT JOIN {countries} n ON n.doc = c.f0 ORDER BY p.doc LIMIT {}",
        PAGE + 1
    );
    let deep_query = format!(
        "{{ all_{place}(first: {PAGE}) {{ hasNextPage documents {{ {selection} \
         fields {{ city {{ fields {{ name country {{ fields {{ name }} }} }} }} }} }} }} }}"
    );
    Ok(vec![
        question("nothing but `__typename`", String::from("{ __typename }"), vec![], 0),
        question(
            "one document by id",
            format!("{{ {place}(id: \"{id}\") {{ {selection} }} }}"),
            vec![(format!("SELECT {row} FROM {table} p WHERE doc = ?"), vec![sql_id])],
            1_000,
        ),
        question("first page of 25", page("", ""), vec![(select("ORDER BY p.doc"), vec![])], 4_200),
        question(
            "the same with `totalCount`",
            page("", "totalCount"),
            vec![(select("ORDER BY p.doc"), vec![]), (count(""), vec![])],
            300_000,
        ),
        question(
            "ordered by an int, descending",
            page(", orderBy: capacity, orderDirection: DESC", ""),
            vec![(select("ORDER BY p.f0 DESC, p.doc"), vec![])],
            240_000,
        ),
        question(
            "an int range, 1 % of all",
            page(", filter: { capacity: { gte: 20000, lt: 21000 } }", ""),
            vec![(select(range), vec![])],
            16_000,
        ),
        question(
            "`contains`, 0.2 % of all",
            page(", filter: { name: { contains: \"123\" } }", ""),
            vec![(select("WHERE p.f2 LIKE '%123%' ORDER BY p.doc"), vec![])],
            10_000,
        ),
        question(
            "page 200 by cursor",
            page(&format!(", after: {cursor}"), ""),
            vec![(select("WHERE p.doc > ? ORDER BY p.doc"), vec![sql_cursor])],
            4_000,
        ),
        question("relations, two deep", deep_query, vec![(deep, vec![])], 6_500),
    ])
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
