//! `pandan document`: writing and reading documents.

mod drawing;
mod history;
mod list;
mod show;
mod write;

pub(crate) use history::Report;
pub(crate) use write::check;

use clap::Subcommand;
use pandan_operations::{DocumentId, Operation, SchemaId};
use pandan_schema::Schema;

use crate::client::{Client, ClientError};
use crate::definitions;
use crate::failure::missing;
use crate::output::Output;
use crate::remote;

/// What to do with documents.
#[derive(Debug, Subcommand)]
pub(crate) enum DocumentCommand {
    /// Create a document
    Create(write::Create),
    /// Change fields of a document
    Update(write::Update),
    /// Delete a document
    Delete(write::Delete),
    /// Show a document
    Show(show::Show),
    /// List documents of a schema
    List(list::List),
    /// Draw the operations of a document, each of them verified
    History(history::ShowHistory),
}

impl DocumentCommand {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        match self {
            Self::Create(command) => command.run(out),
            Self::Update(command) => command.run(out),
            Self::Delete(command) => command.run(out),
            Self::Show(command) => command.run(out),
            Self::List(command) => command.run(out),
            Self::History(command) => command.run(out),
        }
    }
}

/// The schema of a document: as named, or as its first operation tells.
fn schema_of(client: &Client, id: &DocumentId, named: Option<&str>) -> anyhow::Result<Schema> {
    if let Some(named) = named {
        return definitions::find_schema(client, named);
    }
    let found = schema_id_of(client, id);
    let is_unsupported = |error: &anyhow::Error| {
        matches!(error.downcast_ref(), Some(ClientError::Unsupported { .. }))
    };
    match found {
        Err(error) if is_unsupported(&error) => {
            Err(error.context("the schema of the document is not known; name it with --schema"))
        }
        found => definitions::schema(client, &found?),
    }
}

fn schema_id_of(client: &Client, id: &DocumentId) -> anyhow::Result<SchemaId> {
    let entries = remote::document_entries_page(client, id, 1, 0)?;
    let operation = entries.into_iter().next().and_then(|entry| entry.operation);
    let Some(operation) = operation else { return Err(unknown(client, id)?) };
    Ok(Operation::decode(&operation)?.schema().clone())
}

/// What is said of a document that is not there.
fn unknown(client: &Client, id: &DocumentId) -> Result<anyhow::Error, ClientError> {
    Ok(missing(match remote::is_held_in_part(client, id)? {
        false => {
            format!("the node knows no document {id}; `pandan document list SCHEMA` shows some")
        }
        true => format!(
            "the node holds only a part of document {id}: `pandan sync parts {id}` shows it, \
             `pandan sync complete {id}` fetches the rest"
        ),
    }))
}

/// The selection of all fields of a schema, relations as the ids of their targets.
fn selection(schema: &Schema) -> String {
    use pandan_schema::FieldType::{PinnedRelation, PinnedRelationList, Relation, RelationList};
    let target = "meta { documentId viewId }";
    let fields = schema.fields().map(|(name, field_type)| match field_type {
        Relation(_) | PinnedRelation(_) => format!("{name} {{ {target} }}"),
        RelationList(_) | PinnedRelationList(_) => {
            format!("{name}(first: {LIST_ITEMS}) {{ totalCount documents {{ {target} }} }}")
        }
        _ => name.to_string(),
    });
    fields.collect::<Vec<_>>().join(" ")
}

/// A field as it came from the node, for people.
fn cell(value: &serde_json::Value) -> String {
    use serde_json::Value;
    let target = |value: &Value| {
        value["meta"]["documentId"].as_str().map_or_else(String::new, crate::fields::short)
    };
    match value {
        Value::Null => String::from("–"),
        Value::String(text) => crate::style::clean(text),
        Value::Object(object) => match object.get("documents").and_then(Value::as_array) {
            None => target(value),
            Some(items) => {
                let total = object.get("totalCount").and_then(Value::as_u64).unwrap_or_default();
                let mut ids: Vec<_> = items.iter().map(target).collect();
                if total > ids.len() as u64 {
                    ids.push(format!("and {} more", total - ids.len() as u64));
                }
                format!("[{}]", ids.join(", "))
            }
        },
        other => other.to_string(),
    }
}

/// Items of a relation list that are shown.
const LIST_ITEMS: usize = 25;
