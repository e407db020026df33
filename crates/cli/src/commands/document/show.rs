//! `pandan document show`.

use clap::Args;
use pandan_operations::{DocumentId, DocumentViewId};
use serde_json::{Value, json};

use crate::arguments::NodeArgs;
use crate::failure::missing;
use crate::output::Output;
use crate::remote;
use crate::style::{BOLD, DIM, VALUE, WARN, paint};
use crate::table::Table;

/// Show a document
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The document
    id: DocumentId,
    /// An earlier view of it
    #[arg(long)]
    view: Option<DocumentViewId>,
    /// Schema of the document, where the node does not tell it
    #[arg(long)]
    schema: Option<String>,
    #[command(flatten)]
    node: NodeArgs,
}

impl Show {
    pub(super) fn run(self, out: Output) -> anyhow::Result<()> {
        let client = self.node.client();
        let schema = super::schema_of(&client, &self.id, self.schema.as_deref())?;
        let which = match &self.view {
            None => format!("id: \"{}\"", self.id),
            Some(view) => format!("viewId: \"{view}\""),
        };
        let query = format!(
            "{{ document: {}({which}) {{ meta {{ documentId viewId owner }} fields {{ {} }} }} }}",
            schema.id(),
            super::selection(&schema)
        );
        let mut data = client.query(&query, &json!({}))?;
        let mut document = data["document"].take();
        if document.is_null() {
            return Err(missing(
                "the node has no such document of this schema, or it is deleted; \
                 `pandan document history` shows what became of it",
            ));
        }
        document["schema"] = Value::from(schema.id().as_str());
        document["meta"]["forked"] = json!(remote::is_forked(&client, &self.id)?);
        out.show(&document, || self.render(&document, schema.name()))?;
        Ok(())
    }

    fn render(&self, document: &Value, schema: &str) -> String {
        let meta = |name: &str| document["meta"][name].as_str().unwrap_or_default().to_owned();
        let mut table = Table::new(["field", "value"]);
        for (name, value) in document["fields"].as_object().into_iter().flatten() {
            table.row([name.clone(), super::cell(value)]);
        }
        let forked = match document["meta"]["forked"] == true {
            true => format!("{} {FORKED} --document {}\n", paint(WARN, "!"), self.id),
            false => String::new(),
        };
        format!(
            "{} {}\n{}\n{}\n{forked}\n{}",
            paint(BOLD, schema),
            paint(VALUE, self.id),
            paint(DIM, format!("view  {}", meta("viewId"))),
            paint(DIM, format!("owner {}", meta("owner"))),
            table.render()
        )
    }
}

const FORKED: &str = "changes by somebody who forked a log have no effect: pandan fork list";
