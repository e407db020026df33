//! `pandan document list`: pages of a collection, filtered and ordered.

use clap::Args;
use pandan_schema::{FieldType, Schema};
use serde_json::{Value, json};

use crate::arguments::NodeArgs;
use crate::client::Client;
use crate::definitions;
use crate::failure::usage;
use crate::fields;
use crate::output::Output;
use crate::remote::{self, quote};
use crate::style::{DIM, paint};
use crate::table::Table;

/// List documents of a schema
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Schema of the documents: its id, or its name if the node knows only one such
    schema: String,
    /// Conditions such as name=Ada, age>=30, name~ad (contains) or city!=Rome; all must hold
    #[arg(long = "where", value_name = "CONDITION")]
    conditions: Vec<String>,
    /// Field to order by
    #[arg(long, value_name = "FIELD")]
    order_by: Option<String>,
    /// Begin with the greatest
    #[arg(long)]
    desc: bool,
    /// Documents per page
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..=1000))]
    first: u16,
    /// Cursor behind which to begin
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// All pages, one after the other
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    node: NodeArgs,
}

impl List {
    pub(super) fn run(mut self, out: Output) -> anyhow::Result<()> {
        let client = self.node.client();
        let schema = definitions::find_schema(&client, &self.schema)?;
        let filter = filter(&schema, &self.conditions)?;
        if let Some(field) = &self.order_by {
            fields::field_type(&schema, field).map_err(usage)?;
        }
        loop {
            let page = self.page(&client, &schema, &filter)?;
            out.show(&page, || self.render(&schema, &page))?;
            self.after = remote::next_page(&page);
            if !self.all || self.after.is_none() {
                return Ok(());
            }
        }
    }

    fn page(&self, client: &Client, schema: &Schema, filter: &str) -> anyhow::Result<Value> {
        let mut arguments = vec![format!("first: {}", self.first)];
        arguments.extend(self.after.as_ref().map(|cursor| format!("after: {}", quote(cursor))));
        arguments.extend(self.order_by.as_ref().map(|field| format!("orderBy: {field}")));
        arguments.extend(self.desc.then(|| String::from("orderDirection: DESC")));
        if !filter.is_empty() {
            arguments.push(format!("filter: {{ {filter} }}"));
        }
        let query = format!(
            "{{ page: all_{}({}) {{ totalCount hasNextPage endCursor documents {{
               cursor meta {{ documentId viewId owner }} fields {{ {} }} }} }} }}",
            schema.id(),
            arguments.join(", "),
            super::selection(schema)
        );
        Ok(client.query(&query, &json!({}))?["page"].take())
    }

    fn render(&self, schema: &Schema, page: &Value) -> String {
        let names: Vec<_> = schema.fields().map(|(name, _)| name.as_str()).collect();
        let mut table = Table::new(["document"].into_iter().chain(names.iter().copied()));
        let documents = page["documents"].as_array();
        for document in documents.into_iter().flatten() {
            let id = document["meta"]["documentId"].as_str().unwrap_or_default().to_owned();
            let cells = names.iter().map(|name| super::cell(&document["fields"][name]));
            table.row([id].into_iter().chain(cells));
        }
        let shown = documents.map_or(0, Vec::len);
        let mut end = format!("{shown} of {} documents", page["totalCount"]);
        if let (Some(cursor), false) = (remote::next_page(page), self.all) {
            end += &format!("; more with --after {cursor}");
        }
        format!("{}\n{}", table.render(), paint(DIM, end))
    }
}

/// The GraphQL filter of all conditions, several of one field together.
fn filter(schema: &Schema, conditions: &[String]) -> anyhow::Result<String> {
    let mut fields: Vec<(String, Vec<String>)> = Vec::new();
    for text in conditions {
        let (name, test) = condition(schema, text)?;
        match fields.iter_mut().find(|(other, _)| *other == name) {
            Some((_, tests)) => tests.push(test),
            None => fields.push((name, vec![test])),
        }
    }
    let fields = fields.iter().map(|(name, tests)| format!("{name}: {{ {} }}", tests.join(", ")));
    Ok(fields.collect::<Vec<_>>().join(", "))
}

/// Longer operators come first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, &str); 8] = [
    ("!=", "notEq"),
    (">=", "gte"),
    ("<=", "lte"),
    ("!~", "notContains"),
    ("=", "eq"),
    (">", "gt"),
    ("<", "lt"),
    ("~", "contains"),
];

fn condition(schema: &Schema, text: &str) -> anyhow::Result<(String, String)> {
    let end = text.find(['!', '>', '<', '=', '~']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let operator = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign));
    let (sign, operator) = operator.ok_or_else(|| {
        usage(format!("\"{text}\" is no condition; write one like name=Ada, age>=30 or name~ad"))
    })?;
    let value = rest.get(sign.len()..).unwrap_or_default();
    let field_type = fields::field_type(schema, name).map_err(usage)?;
    let is_list =
        matches!(field_type, FieldType::RelationList(_) | FieldType::PinnedRelationList(_));
    let value = fields::to_json(&fields::from_text(name, field_type, value).map_err(usage)?);
    let operator = match (is_list, *operator) {
        (false, operator) => operator,
        (true, "eq") => "in",
        (true, "notEq") => "notIn",
        (true, _) => {
            return Err(usage(format!(
                "lists know only = and != conditions, \"{text}\" is neither"
            )));
        }
    };
    Ok((name.to_owned(), format!("{operator}: {value}")))
}

#[cfg(test)]
mod tests {
    use pandan_operations::SystemSchema;
    use pandan_schema::Schema;

    use super::filter;

    #[test]
    fn conditions_become_a_filter() {
        let schema = Schema::system(SystemSchema::Blob);
        let conditions = ["length>=5", "length<9", "mime_type~a\"b", "pieces="];
        let conditions = conditions.map(String::from);
        assert_eq!(
            filter(&schema, &conditions).expect("they are good"),
            r#"length: { gte: 5, lt: 9 }, mime_type: { contains: "a\"b" }, pieces: { in: [] }"#
        );
        assert!(filter(&schema, &[String::from("length")]).is_err());
        assert!(filter(&schema, &[String::from("size=1")]).is_err());
        assert!(filter(&schema, &[String::from("pieces>")]).is_err());
    }
}
