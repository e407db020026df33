//! What a node knows: schemas, documents and entries, read page by page.

use anyhow::Context;
use pandan_bamboo::LogId;
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId, SchemaId};
use pandan_schema::{DefinitionView, FieldDefinitionView, Schema};
use serde_json::{Value, json};

use crate::client::{Client, ClientError, decode_hex};
use crate::failure::{missing, usage};

/// An entry and its operation as a node hands them out; the operation may have been deleted.
#[derive(Clone, Debug)]
pub(crate) struct RawEntry {
    pub(crate) entry: Vec<u8>,
    pub(crate) operation: Option<Vec<u8>>,
}

/// Text as a GraphQL literal.
pub(crate) fn quote(text: &str) -> String {
    Value::from(text).to_string()
}

/// Finds a schema by its id or, if the node knows only one of that name, by its name.
pub(crate) fn find_schema(client: &Client, text: &str) -> anyhow::Result<Schema> {
    if let Ok(id) = text.parse::<SchemaId>() {
        return schema(client, &id);
    }
    let named: Vec<_> = definitions(client, Some(text))?.into_iter().map(|(id, _)| id).collect();
    match named.as_slice() {
        [] => Err(missing(format!(
            "the node knows no schema \"{text}\"; `pandan schema list` shows those it knows"
        ))),
        [id] => schema(client, id),
        several => {
            let ids: Vec<_> = several.iter().map(SchemaId::as_str).collect();
            Err(usage(format!(
                "the node knows {} schemas \"{text}\", name one by its id: {}",
                ids.len(),
                ids.join(", ")
            )))
        }
    }
}

/// Puts a schema together from the documents that define it.
pub(crate) fn schema(client: &Client, id: &SchemaId) -> anyhow::Result<Schema> {
    let view = match id {
        SchemaId::System(system) => return Ok(Schema::system(*system)),
        SchemaId::Application(id) => id.view_id(),
    };
    let mut fields = Vec::new();
    let mut after = None;
    let definition = loop {
        let found = definition_page(client, view, after.as_deref())?;
        if found.is_null() {
            return Err(missing(format!(
                "the node does not know schema {id}; `pandan schema list` shows those it knows"
            )));
        }
        let page = &found["fields"]["fields"];
        for document in page["documents"].as_array().into_iter().flatten() {
            let field = field_view(document);
            fields.push(field.ok_or_else(|| client.not_a_node(format!("a field is {document}")))?);
        }
        let text = |name: &str| found["fields"][name].as_str().map(str::to_owned);
        let definition = text("name").zip(text("description"));
        match next_page(page) {
            Some(cursor) => after = Some(cursor),
            None => break definition,
        }
    };
    let (name, description) = definition.context("schema definition has no name")?;
    let pinned = fields.iter().map(|field: &FieldDefinitionView| field.id.clone()).collect();
    let definition = DefinitionView { id: view.clone(), name, description, fields: pinned };
    let schema = Schema::assemble(&definition, &fields);
    schema.with_context(|| format!("what the node knows of {id} makes no schema"))
}

fn definition_page(
    client: &Client,
    view: &DocumentViewId,
    after: Option<&str>,
) -> Result<Value, ClientError> {
    let after = after.map(|cursor| format!(", after: {}", quote(cursor))).unwrap_or_default();
    let query = format!(
        "query ($view: DocumentViewId!) {{
          definition: schema_definition_v1(viewId: $view) {{ fields {{ name description
            fields(first: {PAGE}{after}) {{ hasNextPage endCursor
              documents {{ meta {{ viewId }} fields {{ name type }} }} }} }} }} }}"
    );
    let mut data = client.query(&query, &json!({ "view": view.to_string() }))?;
    Ok(data["definition"].take())
}

fn field_view(document: &Value) -> Option<FieldDefinitionView> {
    Some(FieldDefinitionView {
        id: document["meta"]["viewId"].as_str()?.parse().ok()?,
        name: document["fields"]["name"].as_str()?.to_owned(),
        field_type: document["fields"]["type"].as_str()?.to_owned(),
    })
}

/// The application schemas whose definitions the node has, in their latest versions, and their
/// descriptions.
pub(crate) fn definitions(
    client: &Client,
    name: Option<&str>,
) -> anyhow::Result<Vec<(SchemaId, String)>> {
    let filter = name.map(|name| format!("filter: {{ name: {{ eq: {} }} }}, ", quote(name)));
    let filter = filter.unwrap_or_default();
    let mut all = Vec::new();
    let mut after = None::<String>;
    loop {
        let from = after.map(|cursor| format!(", after: {}", quote(&cursor))).unwrap_or_default();
        let query = format!(
            "{{ all_schema_definition_v1({filter}first: {PAGE}{from}) {{ hasNextPage endCursor
              documents {{ meta {{ viewId }} fields {{ name description }} }} }} }}"
        );
        let data = client.query(&query, &json!({}))?;
        let page = &data["all_schema_definition_v1"];
        for document in page["documents"].as_array().into_iter().flatten() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let view = text(&document["meta"]["viewId"]);
            let name = text(&document["fields"]["name"]);
            if let Ok(id) = format!("{name}_{view}").parse() {
                all.push((id, text(&document["fields"]["description"])));
            }
        }
        after = next_page(page);
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// The cursor with which the next page begins, if there is one.
pub(crate) fn next_page(page: &Value) -> Option<String> {
    let more = page["hasNextPage"].as_bool().unwrap_or_default();
    page["endCursor"].as_str().filter(|_| more).map(str::to_owned)
}

/// All entries of a document in the order in which the node got them.
pub(crate) fn document_entries(
    client: &Client,
    id: &DocumentId,
) -> Result<Vec<RawEntry>, ClientError> {
    let mut all = Vec::new();
    loop {
        let page = document_entries_page(client, id, ENTRIES, all.len())?;
        let last = page.len() < ENTRIES;
        all.extend(page);
        if last {
            return Ok(all);
        }
    }
}

/// Some entries of a document.
pub(crate) fn document_entries_page(
    client: &Client,
    id: &DocumentId,
    first: usize,
    skip: usize,
) -> Result<Vec<RawEntry>, ClientError> {
    let query = "query ($id: DocumentId!, $first: Int, $skip: Int) {
        entries: documentEntries(id: $id, first: $first, skip: $skip) { entry operation } }";
    let variables = json!({ "id": id.to_string(), "first": first, "skip": skip });
    read_entries(client, &client.query(query, &variables)?["entries"])
}

/// Some entries of a log.
pub(crate) fn log_entries_page(
    client: &Client,
    author: &PublicKey,
    log_id: LogId,
    from: u64,
    first: usize,
) -> Result<Vec<RawEntry>, ClientError> {
    let query = "query ($key: PublicKey!, $log: LogId!, $from: SeqNum, $first: Int) {
        entries: logEntries(publicKey: $key, logId: $log, from: $from, first: $first) {
          entry operation } }";
    let variables = json!({
        "key": author.to_string(),
        "log": log_id.to_string(),
        "from": from.to_string(),
        "first": first,
    });
    read_entries(client, &client.query(query, &variables)?["entries"])
}

fn read_entries(client: &Client, entries: &Value) -> Result<Vec<RawEntry>, ClientError> {
    let odd = || client.not_a_node("entries were not hexadecimal");
    let entries = entries.as_array().ok_or_else(odd)?.iter().map(|item| {
        let entry = item["entry"].as_str().and_then(decode_hex).ok_or_else(odd)?;
        let operation = match &item["operation"] {
            Value::Null => None,
            text => Some(text.as_str().and_then(decode_hex).ok_or_else(odd)?),
        };
        Ok(RawEntry { entry, operation })
    });
    entries.collect()
}

/// Documents per page.
const PAGE: usize = 200;
/// Entries per page.
pub(crate) const ENTRIES: usize = 200;
