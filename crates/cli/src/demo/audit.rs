//! Believes nothing: everything that the node hands out is checked again, and documents are built
//! again from their operations and compared with what the node shows.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, ensure};
use pandan_bamboo::Header;
use pandan_documents::{Document, DocumentView};
use pandan_operations::DocumentId;
use pandan_schema::{FieldType, Schema, Value};
use serde_json::{Value as Json, json};

use crate::client::Client;
use crate::fields::to_json;
use crate::proof::{Logs, Proven};
use crate::remote;

/// What was checked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Audit {
    pub(crate) documents: usize,
    pub(crate) entries: usize,
    pub(crate) logs: usize,
}

/// Checks all these documents.
pub(crate) fn check(client: &Client, documents: &[(DocumentId, &Schema)]) -> anyhow::Result<Audit> {
    let next = AtomicUsize::new(0);
    let headers: Vec<anyhow::Result<Vec<Header>>> = thread::scope(|scope| {
        let work = || {
            let mut headers = Vec::new();
            while let Some((id, schema)) = documents.get(next.fetch_add(1, Ordering::Relaxed)) {
                let checked = check_document(client, id, schema);
                headers.extend(checked.with_context(|| format!("document {id}"))?);
            }
            Ok(headers)
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.collect()
    });
    let headers: Vec<Vec<Header>> = headers.into_iter().collect::<Result<_, _>>()?;
    let headers = headers.concat();
    Ok(Audit { documents: documents.len(), entries: headers.len(), logs: check_logs(headers)? })
}

/// Checks the entries of a document and that the node shows what follows from them.
fn check_document(
    client: &Client,
    id: &DocumentId,
    schema: &Schema,
) -> anyhow::Result<Vec<Header>> {
    let entries = remote::document_entries(client, id)?;
    let mut headers = Vec::with_capacity(entries.len());
    let mut operations = Vec::with_capacity(entries.len());
    for raw in entries {
        let operation = raw.operation.context("an operation is missing")?;
        let proven = Proven::check(&raw.entry, &operation)?;
        headers.push(proven.header);
        operations.push(proven.typed(schema)?);
    }
    let document = Document::build(operations)?;
    ensure!(document.id() == *id, "its entries belong to document {}", document.id());
    let shown = ask(client, id, schema)?;
    check_view(document.view(), &shown, schema)?;
    Ok(headers)
}

fn ask(client: &Client, id: &DocumentId, schema: &Schema) -> anyhow::Result<Json> {
    let fields = schema.fields().map(|(name, field_type)| match field_type {
        FieldType::Relation(_) => format!("{name} {{ meta {{ documentId }} }}"),
        FieldType::RelationList(_) => format!("{name} {{ documents {{ meta {{ documentId }} }} }}"),
        FieldType::PinnedRelationList(_) => {
            format!("{name} {{ documents {{ meta {{ viewId }} }} }}")
        }
        _ => name.to_string(),
    });
    let fields: Vec<_> = fields.collect();
    let query = format!(
        "{{ document: {}(id: \"{id}\") {{ meta {{ viewId }} fields {{ {} }} }} }}",
        schema.id(),
        fields.join(" ")
    );
    Ok(client.query(&query, &json!({}))?["document"].take())
}

fn check_view(view: &DocumentView, shown: &Json, schema: &Schema) -> anyhow::Result<()> {
    let Some(fields) = &view.fields else {
        ensure!(shown.is_null(), "it is deleted, and the node shows {shown}");
        return Ok(());
    };
    ensure!(
        shown["meta"]["viewId"] == view.id.to_string(),
        "its operations make view {}, the node shows {}",
        view.id,
        shown["meta"]["viewId"]
    );
    for (name, _) in schema.fields() {
        let built = fields.get(name).map(|field| &field.value);
        let built = built.with_context(|| format!("field {name} is missing"))?;
        let found = shown_value(built, &shown["fields"][name.as_str()]);
        let expected = to_json(built);
        ensure!(found == expected, "field {name} is {expected}, the node shows {found}");
    }
    Ok(())
}

/// A field as the node shows it, relations as the ids of their targets.
fn shown_value(built: &Value, shown: &Json) -> Json {
    match built {
        Value::Relation(_) => shown["meta"]["documentId"].clone(),
        Value::RelationList(_) => metas(shown, "documentId"),
        Value::PinnedRelationList(_) => metas(shown, "viewId"),
        _ => shown.clone(),
    }
}

fn metas(list: &Json, name: &str) -> Json {
    let documents = list["documents"].as_array().into_iter().flatten();
    documents.map(|document| document["meta"][name].clone()).collect()
}

/// Puts entries into their logs; each log must be whole, its links must hold.
fn check_logs(mut headers: Vec<Header>) -> anyhow::Result<usize> {
    headers.sort_by_key(|header| (header.public_key(), header.log_id(), header.seq_num()));
    let mut logs = Logs::default();
    for header in headers {
        let log = format!("log {} of {}", header.log_id(), header.public_key());
        logs.push(header).context(log)?;
    }
    Ok(logs.len())
}

const THREADS: usize = 4;
