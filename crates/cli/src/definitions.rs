//! Schemas as a node knows them, put together from the documents that define them.
//!
//! The id of a schema names the operations that define it, so nothing of it has to be believed:
//! the documents are built again from their signed operations and compared with what the node
//! says. A node that hands out no entries is taken at its word.

use anyhow::Context;
use pandan_documents::History;
use pandan_operations::{ApplicationSchemaId, DocumentId, DocumentViewId, SchemaId, SystemSchema};
use pandan_schema::{DefinitionView, FieldDefinitionView, Schema, Value};
use serde_json::{Value as Json, json};

use crate::client::{Client, ClientError};
use crate::failure::{missing, unverified, usage};
use crate::proof::Proven;
use crate::remote::{self, RawEntry, next_page, quote};

/// What a node says of a schema.
struct Told {
    /// The document that defines it, and the documents that define its fields.
    documents: Vec<DocumentId>,
    definition: DefinitionView,
    fields: Vec<FieldDefinitionView>,
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

/// Puts a schema together from the documents that define it, and verifies them.
pub(crate) fn schema(client: &Client, id: &SchemaId) -> anyhow::Result<Schema> {
    let id = match id {
        SchemaId::System(system) => return Ok(Schema::system(*system)),
        SchemaId::Application(id) => id,
    };
    let told = ask(client, id)?;
    match remote::entries_of_each(client, &told.documents) {
        // A node without this question.
        Err(ClientError::Unsupported { .. }) => {}
        Err(error) => return Err(error.into()),
        Ok(entries) => told.verify(&entries).map_err(|error| {
            unverified(format!("what the node says of schema {id} does not hold: {error:#}"))
        })?,
    }
    let schema = Schema::assemble(&told.definition, &told.fields)
        .with_context(|| format!("what the node knows of {id} makes no schema"))?;
    if schema.id().as_str() != id.as_str() {
        return Err(unverified(format!("the node answered with {} instead of {id}", schema.id())));
    }
    Ok(schema)
}

fn ask(client: &Client, id: &ApplicationSchemaId) -> anyhow::Result<Told> {
    let (mut documents, mut fields) = (Vec::new(), Vec::new());
    let mut after = None;
    loop {
        let found = definition_page(client, id.view_id(), after.as_deref())?;
        if found.is_null() {
            return Err(missing(format!(
                "the node does not know schema {id}; `pandan schema list` shows those it knows"
            )));
        }
        let odd = |what: &Json| client.not_a_node(format!("a schema is defined by {what}"));
        let page = &found["fields"]["fields"];
        for document in page["documents"].as_array().into_iter().flatten() {
            documents.push(document_id(document).ok_or_else(|| odd(document))?);
            fields.push(field_view(document).ok_or_else(|| odd(document))?);
        }
        after = next_page(page);
        if after.is_none() {
            documents.insert(0, document_id(&found).ok_or_else(|| odd(&found))?);
            let pinned = fields.iter().map(|field| field.id.clone()).collect();
            let definition = definition_view(id.view_id(), &found, pinned);
            let definition = definition.ok_or_else(|| odd(&found))?;
            return Ok(Told { documents, definition, fields });
        }
    }
}

impl Told {
    /// Compares it with what follows from the entries of each of the documents.
    fn verify(&self, entries: &[Vec<RawEntry>]) -> anyhow::Result<()> {
        let [definition, fields @ ..] = entries else { anyhow::bail!("it has no entries") };
        let view = &self.definition.id;
        let built = view_at(definition, SystemSchema::SchemaDefinition, view)?;
        let built = built.iter().map(|(name, value)| (name.as_str(), value));
        let built = DefinitionView::from_fields(view.clone(), built);
        anyhow::ensure!(built.as_ref() == Some(&self.definition), "{view} defines another schema");
        for (told, entries) in self.fields.iter().zip(fields) {
            let built = view_at(entries, SystemSchema::SchemaFieldDefinition, &told.id)?;
            let built = built.iter().map(|(name, value)| (name.as_str(), value));
            let built = FieldDefinitionView::from_fields(told.id.clone(), built);
            anyhow::ensure!(built.as_ref() == Some(told), "{} defines another field", told.id);
        }
        Ok(())
    }
}

/// The fields of a document in one of its states, from its entries.
fn view_at(
    entries: &[RawEntry],
    system: SystemSchema,
    view: &DocumentViewId,
) -> anyhow::Result<Vec<(String, Value)>> {
    let schema = Schema::system(system);
    let operations = entries.iter().map(|raw| -> anyhow::Result<_> {
        let operation = raw.operation.as_deref().context("an operation was deleted")?;
        Ok(Proven::check(&raw.entry, operation)?.typed(&schema)?)
    });
    let history = History::new(operations.collect::<Result<Vec<_>, _>>()?)?;
    let built = history.document_at(view)?.into_view();
    anyhow::ensure!(built.id == *view, "the operations make view {}, not {view}", built.id);
    let fields = built.fields.context("it is deleted")?;
    Ok(fields.into_iter().map(|(name, field)| (name.to_string(), field.value)).collect())
}

fn definition_page(
    client: &Client,
    view: &DocumentViewId,
    after: Option<&str>,
) -> Result<Json, ClientError> {
    let after = after.map(|cursor| format!(", after: {}", quote(cursor))).unwrap_or_default();
    let query = format!(
        "query ($view: DocumentViewId!) {{
          definition: schema_definition_v1(viewId: $view) {{ meta {{ documentId }}
            fields {{ name description fields(first: {PAGE}{after}) {{ hasNextPage endCursor
              documents {{ meta {{ documentId viewId }} fields {{ name type }} }} }} }} }} }}"
    );
    let mut data = client.query(&query, &json!({ "view": view.to_string() }))?;
    Ok(data["definition"].take())
}

fn document_id(document: &Json) -> Option<DocumentId> {
    document["meta"]["documentId"].as_str()?.parse().ok()
}

fn definition_view(
    view: &DocumentViewId,
    found: &Json,
    fields: Vec<DocumentViewId>,
) -> Option<DefinitionView> {
    let text = |name: &str| found["fields"][name].as_str().map(str::to_owned);
    let (name, description) = (text("name")?, text("description")?);
    Some(DefinitionView { id: view.clone(), name, description, fields })
}

fn field_view(document: &Json) -> Option<FieldDefinitionView> {
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
            let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
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

/// Documents per page.
const PAGE: usize = 200;
