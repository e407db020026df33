//! Questions to the node, and their answers as tables.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::drama::Drama;
use super::people::People;
use super::programme::{Programme, Schemas};
use crate::client::Client;
use crate::commands::document::Report;
use crate::remote::{next_page, quote};
use crate::table::Table;

/// Answers to the questions, ready to be shown.
#[derive(Debug)]
pub(crate) struct Tour {
    /// Cheap events of one day with their venues and artists.
    pub(crate) evening: Evening,
    /// How many pages it took to see all events, each of them once and in order.
    pub(crate) pages: usize,
    pub(crate) events: usize,
    /// The contested event before and after the merge.
    pub(crate) contest: Table,
    /// Its operations, drawn.
    pub(crate) graph: String,
}

/// The first events of a longer answer.
#[derive(Debug)]
pub(crate) struct Evening {
    pub(crate) query: String,
    pub(crate) table: Table,
    pub(crate) total: u64,
}

/// Asks everything.
pub(crate) fn ask(
    client: &Client,
    people: &People,
    schemas: &Schemas,
    programme: &Programme,
    drama: &Drama,
) -> anyhow::Result<Tour> {
    let evening = evening(client, people, schemas)?;
    let (pages, events) = walk(client, schemas)?;
    // All but the one that was cancelled.
    let expected = programme.events.len() - 1;
    ensure!(events == expected, "expected {expected} events on all pages, found {events}");
    ensure!(is_gone(client, schemas, drama)?, "the cancelled event is still there");
    let history = Report::read(client, &drama.contested, schemas.event.clone())?;
    let contest = contest(client, schemas, drama)?;
    Ok(Tour { evening, pages, events, contest, graph: history.graph() })
}

/// A filter, an order, a page and relations nested three deep.
pub(crate) fn evening_query(schemas: &Schemas) -> String {
    format!(
        "{{ events: all_{}(
    filter: {{ day: {{ eq: \"Saturday\" }}, price: {{ lte: 20 }} }}
    orderBy: price, orderDirection: DESC, first: 6
  ) {{
    totalCount
    documents {{
      meta {{ owner }}
      fields {{ title starts price
        venue {{ fields {{ name city }} }}
        lineup(first: 3) {{ totalCount documents {{ fields {{ name genre }} }} }} }} }} }} }}",
        schemas.event.id()
    )
}

fn evening(client: &Client, people: &People, schemas: &Schemas) -> anyhow::Result<Evening> {
    let query = evening_query(schemas);
    let data = client.query(&query, &json!({}))?;
    let events = &data["events"];
    let mut table = Table::new(["event", "at", "price", "venue", "with", "by"]);
    let mut last = f64::INFINITY;
    for document in events["documents"].as_array().context("no documents")? {
        let fields = &document["fields"];
        let price = fields["price"].as_f64().context("an event has no price")?;
        ensure!(price <= 20.0 && price <= last, "events are not filtered and ordered by price");
        last = price;
        let venue = &fields["venue"]["fields"];
        table.row([
            text(&fields["title"]).to_owned(),
            text(&fields["starts"]).to_owned(),
            format!("{price:.2}"),
            format!("{}, {}", text(&venue["name"]), text(&venue["city"])),
            lineup(&fields["lineup"]),
            people.name_of(text(&document["meta"]["owner"])).to_owned(),
        ]);
    }
    let total = events["totalCount"].as_u64().unwrap_or_default();
    Ok(Evening { query, table, total })
}

fn lineup(list: &Value) -> String {
    let artists = list["documents"].as_array().into_iter().flatten();
    let names: Vec<_> = artists.map(|artist| text(&artist["fields"]["name"])).collect();
    names.join(", ")
}

/// Goes through all events page by page; each must come once, in the order of the titles.
fn walk(client: &Client, schemas: &Schemas) -> anyhow::Result<(usize, usize)> {
    let (mut seen, mut pages) = (BTreeSet::new(), 0);
    let mut last = String::new();
    let mut after = None::<String>;
    loop {
        let from = after.map(|cursor| format!(", after: {}", quote(&cursor))).unwrap_or_default();
        let query = format!(
            "{{ page: all_{}(orderBy: title, first: {PAGE}{from}) {{ hasNextPage endCursor
                documents {{ meta {{ documentId }} fields {{ title }} }} }} }}",
            schemas.event.id()
        );
        let data = client.query(&query, &json!({}))?;
        for document in data["page"]["documents"].as_array().into_iter().flatten() {
            let title = text(&document["fields"]["title"]).to_ascii_lowercase();
            ensure!(last <= title, "events are not ordered by title");
            last = title;
            let is_new = seen.insert(text(&document["meta"]["documentId"]).to_owned());
            ensure!(is_new, "an event came on two pages");
        }
        pages += 1;
        after = next_page(&data["page"]);
        if after.is_none() {
            return Ok((pages, seen.len()));
        }
    }
}

fn is_gone(client: &Client, schemas: &Schemas, drama: &Drama) -> anyhow::Result<bool> {
    let query = format!(
        "{{ event: {0}(id: \"{1}\") {{ meta {{ viewId }} }}
            deleted: all_{0}(meta: {{ deleted: {{ eq: true }} }}) {{ totalCount }} }}",
        schemas.event.id(),
        drama.cancelled
    );
    let data = client.query(&query, &json!({}))?;
    Ok(data["event"].is_null() && data["deleted"]["totalCount"] == 1)
}

/// The same document in three of its states.
fn contest(client: &Client, schemas: &Schemas, drama: &Drama) -> anyhow::Result<Table> {
    let schema = schemas.event.id();
    let query = format!(
        "{{ first: {schema}(viewId: \"{}\") {{ ...title }}
            split: {schema}(viewId: \"{}\") {{ ...title }}
            merged: {schema}(id: \"{}\") {{ ...title }} }}
         fragment title on {schema} {{ meta {{ viewId }} fields {{ title }} }}",
        drama.contested, drama.split, drama.contested
    );
    let data = client.query(&query, &json!({}))?;
    let title = |state: &str| text(&data[state]["fields"]["title"]).to_owned();
    ensure!(title("split") == drama.shown, "the state before the merge changed");
    ensure!(
        data["merged"]["meta"]["viewId"] == drama.merged.to_string(),
        "the merge is not the latest state"
    );
    let mut table = Table::new(["state", "title"]);
    table.row(["as published", &title("first")]);
    table.row(["both edits, on every node the same", &title("split")]);
    table.row(["merged", &title("merged")]);
    Ok(table)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Events per page.
const PAGE: usize = 50;
