//! `pandan document history`: how a document came to be, with nothing taken on trust.

use std::collections::BTreeMap;

use clap::Args;
use pandan_bamboo::Header;
use pandan_documents::{Conflict, Document, DocumentOperation, History};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, OperationId};
use pandan_schema::{CheckedOperation, Schema};
use serde_json::{Value, json};

use super::drawing::{Drawing, colour};
use crate::arguments::NodeArgs;
use crate::client::{Client, ClientError};
use crate::definitions;
use crate::failure::unverified;
use crate::fields::{short, short_view, to_json, to_text};
use crate::output::Output;
use crate::proof::{Logs, Proven, Standing};
use crate::remote::{self, RemoteFork};
use crate::style::{BOLD, DIM, GOOD, VALUE, WARN, paint};

/// Draw the operations of a document, each of them verified
#[derive(Args, Debug)]
pub(crate) struct ShowHistory {
    /// The document
    id: DocumentId,
    #[command(flatten)]
    node: NodeArgs,
}

impl ShowHistory {
    pub(super) fn run(self, out: Output) -> anyhow::Result<()> {
        let client = self.node.client();
        let schema = super::schema_id_of(&client, &self.id)?;
        let schema = definitions::schema(&client, &schema)?;
        let report = Report::read(&client, &self.id, schema)?;
        out.show(&report.json(), || report.render())?;
        Ok(())
    }
}

/// An operation and the entry that carries it.
struct Signed {
    header: Header,
    operation: DocumentOperation,
}

/// Reads all operations of a document and checks of each its signature, hash and type, and that
/// the logs in which they stand have no gaps before they fork, if they do.
fn verified_operations(
    client: &Client,
    id: &DocumentId,
    schema: &Schema,
) -> anyhow::Result<Vec<Signed>> {
    let entries = remote::document_entries(client, id)?;
    let forks = known_forks(client, id)?;
    let mut logs = Logs::with_forks(forks.into_iter().map(|fork| fork.proof));
    let operations = entries.iter().zip(1..).map(|(raw, number)| {
        let fault = |error: &dyn std::error::Error| {
            unverified(format!("entry {number} of document {id} does not hold: {error}"))
        };
        let operation = raw.operation.as_deref().unwrap_or_default();
        let proven = Proven::check(&raw.entry, operation).map_err(|error| fault(&error))?;
        let header = proven.header;
        let standing = logs.push(header).map_err(|error| fault(&error))?;
        let mut operation = proven.typed(schema).map_err(|error| fault(&error))?;
        operation.is_void = standing == Standing::Void;
        Ok(Signed { header, operation })
    });
    operations.collect()
}

/// The proofs of forks in a document. A node that tells of none hands out operations that hang
/// together without.
fn known_forks(client: &Client, id: &DocumentId) -> anyhow::Result<Vec<RemoteFork>> {
    let forks = remote::forks(client, None, Some(id));
    match forks {
        Err(error) if matches!(error.downcast_ref(), Some(ClientError::Unsupported { .. })) => {
            Ok(Vec::new())
        }
        forks => forks,
    }
}

/// A document and all that led to it.
pub(crate) struct Report {
    schema: Schema,
    document: Document,
    operations: BTreeMap<OperationId, Signed>,
    conflicts: Vec<Conflict>,
}

impl Report {
    /// Reads all operations of a document, checks them and builds the document.
    pub(crate) fn read(client: &Client, id: &DocumentId, schema: Schema) -> anyhow::Result<Self> {
        let operations = verified_operations(client, id, &schema)?;
        let history = History::new(operations.iter().map(|signed| signed.operation.clone()))
            .map_err(unverified)?;
        let document = history.document().map_err(unverified)?;
        if document.id() != *id {
            return Err(unverified(format!(
                "the node answered with document {} instead of {id}",
                document.id(),
            )));
        }
        let operations = operations.into_iter().map(|signed| (signed.operation.id, signed));
        let operations = operations.collect();
        Ok(Self { schema, document, operations, conflicts: history.conflicts() })
    }

    /// The graph of operations, a line for each.
    pub(crate) fn graph(&self) -> String {
        let edges = self.in_order().map(|operation| (operation.id, previous(operation)));
        let mut drawing = Drawing::new(edges);
        let authors = self.authors();
        let mut text = String::new();
        for operation in self.in_order() {
            let place = authors.iter().position(|key| *key == operation.author);
            let author = place.unwrap_or_default();
            let is_delete = action(operation) == "delete";
            let mark = paint(colour(author), if is_delete { '✗' } else { '●' });
            let lines = drawing.next(operation.id, previous(operation), &mark);
            for line in &lines.connections {
                text += &format!("  {line}\n");
            }
            text += &format!("  {} {}\n", lines.node, self.describe(operation, author));
        }
        text
    }

    fn in_order(&self) -> impl Iterator<Item = &DocumentOperation> {
        let order = self.document.order().iter();
        order.filter_map(|id| self.operations.get(id)).map(|signed| &signed.operation)
    }

    fn authors(&self) -> Vec<PublicKey> {
        let mut authors = Vec::new();
        for operation in self.in_order() {
            if !authors.contains(&operation.author) {
                authors.push(operation.author);
            }
        }
        authors
    }

    fn json(&self) -> Value {
        let operations = self.in_order().map(|operation| {
            let fields = operation.writes().map(|(name, value)| (name.to_string(), to_json(value)));
            let header = self.operations.get(&operation.id).map(|signed| signed.header);
            json!({
                "id": operation.id.to_string(),
                "log": header.map(|header| header.log_id().to_string()),
                "seq": header.map(|header| header.seq_num().to_string()),
                "author": operation.author.to_string(),
                "action": action(operation),
                "void": operation.is_void,
                "previous": previous(operation).iter().map(ToString::to_string).collect::<Vec<_>>(),
                "fields": fields.collect::<serde_json::Map<_, _>>(),
            })
        });
        let conflicts = self.conflicts.iter().map(|conflict| {
            let writes = conflict.writes.iter().map(|write| {
                json!({
                    "operation": write.operation.to_string(),
                    "author": write.author.to_string(),
                    "value": to_json(&write.value),
                })
            });
            json!({
                "field": conflict.field.as_str(),
                "winner": conflict.winner.to_string(),
                "writes": writes.collect::<Vec<_>>(),
            })
        });
        json!({
            "document": self.document.id().to_string(),
            "schema": self.schema.id().as_str(),
            "view": self.document.view().id.to_string(),
            "deleted": self.document.view().is_deleted(),
            "operations": operations.collect::<Vec<_>>(),
            "conflicts": conflicts.collect::<Vec<_>>(),
            "verified": true,
        })
    }

    fn render(&self) -> String {
        let view = self.document.view();
        let mut text =
            format!("{} {}\n\n", paint(BOLD, self.schema.name()), paint(VALUE, self.document.id()));
        text += &self.graph();
        text += &self.render_conflicts();
        let state = if view.is_deleted() { "deleted" } else { "latest view" };
        text += &format!("\n{state} {}\n", paint(VALUE, short_view(&view.id)));
        for (name, field) in view.fields.iter().flatten() {
            let from = paint(DIM, short(&field.operation.to_string()));
            text += &format!("  {name} = {}  {from}\n", to_text(&field.value));
        }
        let count = self.operations.len();
        text + &paint(
            GOOD,
            format!("\n✓ {count} entries verified: signatures, hashes, types, logs, graph"),
        )
    }

    fn describe(&self, operation: &DocumentOperation, author: usize) -> String {
        let id = paint(VALUE, short(&operation.id.to_string()));
        let who = paint(colour(author), short(&operation.author.to_string()));
        let mut text = format!("{id} {who} {}", action(operation));
        if previous(operation).len() > 1 {
            text += &paint(WARN, " merge");
        }
        for (name, value) in operation.writes() {
            let value = to_text(value);
            let brief: String = value.chars().take(BRIEF).collect();
            let dots = if brief.len() < value.len() { "…" } else { "" };
            text += &format!(" {name}={brief}{dots}");
        }
        text
    }

    fn render_conflicts(&self) -> String {
        let mut text = String::new();
        for conflict in &self.conflicts {
            let title = format!("field \"{}\" was written concurrently:", conflict.field);
            text += &format!("\n{}\n", paint(WARN, title));
            for write in &conflict.writes {
                let wins = if write.operation == conflict.winner {
                    paint(GOOD, "  ← shown")
                } else {
                    String::new()
                };
                let id = paint(VALUE, short(&write.operation.to_string()));
                text += &format!("  {id} {}{wins}\n", to_text(&write.value));
            }
        }
        text
    }
}

fn previous(operation: &DocumentOperation) -> &[OperationId] {
    operation.previous().map(|view| view.as_slice()).unwrap_or_default()
}

const fn action(operation: &DocumentOperation) -> &'static str {
    match operation.operation {
        CheckedOperation::Create { .. } => "create",
        CheckedOperation::Update { .. } => "update",
        CheckedOperation::Delete { .. } => "delete",
    }
}

/// Characters of a value shown in the graph.
const BRIEF: usize = 32;
