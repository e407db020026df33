//! `pandan document create`, `update` and `delete`.

use std::fs;

use clap::Args;
use pandan_operations::{DocumentId, DocumentViewId, Operation};
use pandan_schema::Schema;
use serde_json::{Value, json};

use crate::arguments::{KeyArgs, NodeArgs};
use crate::client::Client;
use crate::definitions;
use crate::failure::{missing, usage};
use crate::fields;
use crate::output::Output;
use crate::publisher::{Published, Publisher};
use crate::style::{GOOD, VALUE, paint};

/// Create a document
#[derive(Args, Debug)]
pub(crate) struct Create {
    /// Schema of the document: its id, or its name if the node knows only one such
    schema: String,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    node: NodeArgs,
}

/// Values of fields.
#[derive(Args, Debug)]
struct FieldArgs {
    /// Fields as name=value; lists with commas, bytes as hex
    #[arg(value_name = "NAME=VALUE")]
    pairs: Vec<String>,
    /// Fields as a JSON object, or @FILE with one
    #[arg(long, value_name = "JSON")]
    fields: Option<String>,
}

impl FieldArgs {
    fn read(&self, schema: &Schema) -> anyhow::Result<pandan_operations::Fields> {
        let json = self.fields.as_deref().map(read_json).transpose()?;
        fields::read(schema, &self.pairs, json.as_ref()).map_err(usage)
    }
}

fn read_json(text: &str) -> anyhow::Result<Value> {
    let text = match text.strip_prefix('@') {
        None => text.to_owned(),
        Some(path) => fs::read_to_string(path)
            .map_err(|error| usage(format!("cannot read {path}: {error}; check --fields")))?,
    };
    serde_json::from_str(&text).map_err(|error| usage(format!("--fields is not JSON: {error}")))
}

impl Create {
    pub(super) fn run(self, out: Output) -> anyhow::Result<()> {
        let client = self.node.client();
        let key_pair = self.key.load()?;
        let schema = definitions::find_schema(&client, &self.schema)?;
        let fields = self.fields.read(&schema)?;
        let operation = check(&schema, Operation::Create { schema: schema.id().clone(), fields })?;
        let published = Publisher::new(&client, &key_pair).publish(&operation)?;
        tell(out, "created", published.document(), &published)
    }
}

/// Change fields of a document
#[derive(Args, Debug)]
pub(crate) struct Update {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    key: KeyArgs,
}

/// Which document, and on top of which of its states.
#[derive(Args, Debug)]
struct Target {
    /// The document
    id: DocumentId,
    /// View on top of which to write, instead of the latest
    #[arg(long, value_name = "VIEW")]
    previous: Option<DocumentViewId>,
    /// Schema of the document, where the node does not tell it
    #[arg(long)]
    schema: Option<String>,
    #[command(flatten)]
    node: NodeArgs,
}

impl Target {
    fn find(&self) -> anyhow::Result<(Client, Schema, DocumentViewId)> {
        let client = self.node.client();
        let schema = super::schema_of(&client, &self.id, self.schema.as_deref())?;
        let previous = match &self.previous {
            Some(view) => view.clone(),
            None => latest_view(&client, &schema, &self.id)?,
        };
        Ok((client, schema, previous))
    }
}

fn latest_view(
    client: &Client,
    schema: &Schema,
    id: &DocumentId,
) -> anyhow::Result<DocumentViewId> {
    let query = format!("{{ document: {}(id: \"{id}\") {{ meta {{ viewId }} }} }}", schema.id());
    let data = client.query(&query, &json!({}))?;
    let view = data["document"]["meta"]["viewId"].as_str();
    let view = view.ok_or_else(|| {
        missing(format!(
            "the node has no document {id} of schema {}, or it is deleted",
            schema.name()
        ))
    })?;
    Ok(view.parse()?)
}

impl Update {
    pub(super) fn run(self, out: Output) -> anyhow::Result<()> {
        let key_pair = self.key.load()?;
        let (client, schema, previous) = self.target.find()?;
        let fields = self.fields.read(&schema)?;
        if fields.is_empty() {
            return Err(usage("nothing to change; give fields as name=value or with --fields"));
        }
        let operation = Operation::Update { schema: schema.id().clone(), previous, fields };
        let operation = check(&schema, operation)?;
        let published = Publisher::new(&client, &key_pair).publish(&operation)?;
        tell(out, "updated", self.target.id, &published)
    }
}

/// Delete a document
#[derive(Args, Debug)]
pub(crate) struct Delete {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    key: KeyArgs,
}

impl Delete {
    pub(super) fn run(self, out: Output) -> anyhow::Result<()> {
        let key_pair = self.key.load()?;
        let (client, schema, previous) = self.target.find()?;
        let operation = Operation::Delete { schema: schema.id().clone(), previous };
        let published = Publisher::new(&client, &key_pair).publish(&operation)?;
        tell(out, "deleted", self.target.id, &published)
    }
}

/// Checks an operation as the node will, before anything is signed.
pub(crate) fn check(schema: &Schema, operation: Operation) -> anyhow::Result<Operation> {
    schema.check(operation.clone()).map_err(|error| {
        usage(format!(
            "{:#}; `pandan schema show {}` shows the fields of the schema",
            anyhow::Error::new(error),
            schema.name()
        ))
    })?;
    Ok(operation)
}

fn tell(
    out: Output,
    what: &str,
    document: DocumentId,
    published: &Published,
) -> anyhow::Result<()> {
    let view = published.operation.to_string();
    let value = json!({ "document": document.to_string(), "operation": view });
    out.show(&value, || {
        let mut text = format!("{} {}", paint(GOOD, what), paint(VALUE, document));
        if what == "updated" {
            text += &format!("\nnew view {}", paint(VALUE, &view));
        }
        text
    })?;
    Ok(())
}
