//! `pandan publish`: operations written as JSON.
//!
//! ```text
//! [1, 0, "venue_0020…", { "name": "Moon" }]
//! [1, 1, "venue_0020…", ["0020…"], { "name": "Sun" }]
//! [1, 2, "venue_0020…", ["0020…"]]
//! ```
//!
//! Relations are hex texts; the schema tells which text is one.

use std::fs;
use std::io::{self, Read};

use clap::Args;
use pandan_operations::{DocumentViewId, Operation};
use pandan_schema::Schema;
use serde_json::{Value, json};

use crate::arguments::{KeyArgs, NodeArgs};
use crate::commands::document::check;
use crate::definitions;
use crate::failure::usage;
use crate::fields;
use crate::output::Output;
use crate::publisher::Publisher;
use crate::style::{GOOD, VALUE, paint};

/// Publish an operation written as JSON
#[derive(Args, Debug)]
pub(crate) struct Publish {
    /// The operation as JSON text, a file with it, or - for standard input
    operation: String,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    node: NodeArgs,
}

impl Publish {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        let plan = Plan::parse(&read(&self.operation)?)?;
        let key_pair = self.key.load()?;
        let client = self.node.client();
        let schema = definitions::find_schema(&client, &plan.schema)?;
        let operation = check(&schema, plan.operation(&schema)?)?;
        let published = Publisher::new(&client, &key_pair).publish(&operation)?;
        let id = published.operation.to_string();
        let next = json!({
            "logId": published.next.log_id().to_string(),
            "seqNum": published.next.seq_num().to_string(),
        });
        out.show(&json!({ "operation": id, "next": next }), || {
            format!("{} {}", paint(GOOD, "published"), paint(VALUE, &id))
        })?;
        Ok(())
    }
}

fn read(source: &str) -> anyhow::Result<Value> {
    let text = match source {
        "-" => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text)?;
            text
        }
        text if text.trim_start().starts_with('[') => text.to_owned(),
        path => fs::read_to_string(path).map_err(|error| {
            usage(format!("cannot read {path}: {error}; give a file, - or the JSON itself"))
        })?,
    };
    serde_json::from_str(&text).map_err(|error| usage(format!("operation is not JSON: {error}")))
}

/// An operation whose values wait for their types.
#[derive(Debug, PartialEq)]
struct Plan {
    schema: String,
    previous: Option<DocumentViewId>,
    fields: Option<Value>,
}

impl Plan {
    fn parse(json: &Value) -> anyhow::Result<Self> {
        let shape = || {
            usage(
                "expected [1, 0, \"schema\", {fields}], [1, 1, \"schema\", [previous], {fields}] \
                 or [1, 2, \"schema\", [previous]]",
            )
        };
        let items = json.as_array().map(Vec::as_slice).ok_or_else(shape)?;
        let [version, action, Value::String(schema), rest @ ..] = items else {
            return Err(shape());
        };
        let (previous, fields) = match (version.as_u64(), action.as_u64(), rest) {
            (Some(1), Some(0), [fields]) => (None, Some(fields)),
            (Some(1), Some(1), [previous, fields]) => (Some(previous), Some(fields)),
            (Some(1), Some(2), [previous]) => (Some(previous), None),
            _ => return Err(shape()),
        };
        if fields.is_some_and(|fields| !fields.is_object()) {
            return Err(shape());
        }
        let previous = previous.map(view).transpose()?;
        Ok(Self { schema: schema.clone(), previous, fields: fields.cloned() })
    }

    fn operation(self, schema: &Schema) -> anyhow::Result<Operation> {
        let id = schema.id().clone();
        let fields = fields::read(schema, &[], self.fields.as_ref()).map_err(usage)?;
        Ok(match (self.previous, self.fields) {
            (None, _) => Operation::Create { schema: id, fields },
            (Some(previous), Some(_)) => Operation::Update { schema: id, previous, fields },
            (Some(previous), None) => Operation::Delete { schema: id, previous },
        })
    }
}

/// A list of operation ids in any order, or one text of them.
fn view(json: &Value) -> anyhow::Result<DocumentViewId> {
    let fault = || usage(format!("expected a list of operation ids as previous, found {json}"));
    if let Some(text) = json.as_str() {
        return text.parse().map_err(|_| fault());
    }
    let ids = json.as_array().ok_or_else(fault)?.iter();
    let ids: Option<Vec<_>> = ids.map(|id| id.as_str()?.parse().ok()).collect();
    ids.and_then(DocumentViewId::from_tips).ok_or_else(fault)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Plan;

    #[test]
    fn shapes_of_operations() {
        let id = "0020af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        let good = [
            json!([1, 0, "blob_v1", {}]),
            json!([1, 1, "blob_v1", [id], {}]),
            json!([1, 1, "blob_v1", id, {}]),
            json!([1, 2, "blob_v1", [id]]),
        ];
        for json in good {
            assert!(Plan::parse(&json).is_ok(), "{json}");
        }
        let bad = [
            json!({}),
            json!([]),
            json!([2, 0, "blob_v1", {}]),
            json!([1, 3, "blob_v1", {}]),
            json!([1, 0, "blob_v1", []]),
            json!([1, 0, "blob_v1", [id], {}]),
            json!([1, 1, "blob_v1", [], {}]),
            json!([1, 1, "blob_v1", ["00"], {}]),
            json!([1, 2, "blob_v1", [id], {}]),
        ];
        for json in bad {
            assert!(Plan::parse(&json).is_err(), "{json}");
        }
    }
}
