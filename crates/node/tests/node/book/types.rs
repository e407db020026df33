//! Types as the node tells them by introspection.

use pandan_operations::SchemaId;
use serde_json::Value;

use crate::schema::{INTROSPECTION, print_field, print_whole_type};
use crate::support::{Author, World};

/// The types of a schema and its fields at the root.
pub(super) fn of_schema(world: &World, schema: &SchemaId) -> String {
    let types = types(world);
    let query = find(&types, "Query");
    let root: Vec<String> = query["fields"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|field| field["name"].as_str().unwrap().ends_with(schema.as_str()))
        .map(print_field)
        .collect();
    let mut blocks = vec![format!("type Query {{\n  {}\n}}\n", root.join("\n  "))];
    for suffix in ["", "Fields", "Collection", "Item", "Filter", "OrderBy"] {
        let name = format!("{schema}{suffix}");
        blocks.push(print_whole_type(find(&types, &name), &name));
    }
    blocks.join("\n")
}

/// Types that every schema uses.
pub(super) fn shared(world: &World) -> String {
    let types = types(world);
    let names = ["DocumentMeta", "MetaFilterInputObject", "OrderDirection", "NextArguments"];
    names.map(|name| print_whole_type(find(&types, name), name)).join("\n")
}

/// What is asked for apart from documents: entries, forks and parts.
pub(super) fn signed(world: &World) -> String {
    let types = types(world);
    let fields = find(&types, "Query")["fields"].as_array().unwrap();
    let field = |name: &str| print_field(fields.iter().find(|it| it["name"] == name).unwrap());
    let fields = ["documentEntries", "logEntries", "forks", "parts"].map(field).join("\n  ");
    let mut blocks = vec![format!("type Query {{\n  {fields}\n}}\n")];
    for name in ["SignedEntry", "ForkCollection", "Fork", "Part"] {
        blocks.push(print_whole_type(find(&types, name), name));
    }
    blocks.join("\n")
}

/// A table of the types of fields, what they become and what they can be filtered by.
pub(super) fn filters() -> String {
    let world = World::in_memory();
    let ada = Author::new(1);
    let other = ada.define(&world, "other", &[("name", "str")]);
    let to = |kind: &str| format!("{kind}({other})");
    let kinds = ["bool", "int", "float", "str", "bytes"];
    let relations = ["relation", "pinned_relation", "relation_list", "pinned_relation_list"];
    let names: Vec<String> =
        (b'a'..).map(|letter| char::from(letter).to_string()).take(9).collect();
    let spelled: Vec<String> =
        kinds.iter().map(|kind| (*kind).to_owned()).chain(relations.map(to)).collect();
    let fields: Vec<(&str, &str)> =
        names.iter().map(String::as_str).zip(spelled.iter().map(String::as_str)).collect();
    let schema = ada.define(&world, "all_types", &fields);
    let types = types(&world);
    let mut table = String::from(
        "| type of the field | in answers | filter | operators |\n|---|---|---|---|\n",
    );
    for (name, kind) in names.iter().zip(kinds.iter().chain(&relations)) {
        let answer = type_of(find(&types, &format!("{schema}Fields")), "fields", name);
        let filter = type_of(find(&types, &format!("{schema}Filter")), "inputFields", name);
        let operators: Vec<String> = find(&types, &filter)["inputFields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|operator| format!("`{}`", operator["name"].as_str().unwrap()))
            .collect();
        let (kind, answer) = match answer.strip_prefix(other.as_str()) {
            Some(suffix) => (format!("{kind}(T)"), format!("T{suffix}")),
            None => ((*kind).to_owned(), answer),
        };
        let operators = operators.join(" ");
        table += &format!("| `{kind}` | `{answer}` | `{filter}` | {operators} |\n");
    }
    table
}

fn types(world: &World) -> Vec<Value> {
    world.data(INTROSPECTION)["__schema"]["types"].as_array().unwrap().clone()
}

fn find<'t>(types: &'t [Value], name: &str) -> &'t Value {
    types.iter().find(|ty| ty["name"] == name).unwrap()
}

fn type_of(ty: &Value, members: &str, name: &str) -> String {
    let members = ty[members].as_array().unwrap();
    let member = members.iter().find(|member| member["name"] == name).unwrap();
    member["type"]["name"].as_str().unwrap().to_owned()
}
