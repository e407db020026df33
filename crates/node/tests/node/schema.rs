//! The types of the API, compared with those that deployed clients know.

use serde_json::{Value, json};

use crate::support::{Author, World};

/// The API with the system schemas, `band` and `everything`.
const EXPECTED: &str = include_str!("../fixtures/schema.graphql");

pub(crate) const INTROSPECTION: &str = "{ __schema {
    queryType { name } mutationType { name } subscriptionType { name }
    directives { name locations args { ...Input } isRepeatable }
    types { kind name
        fields(includeDeprecated: true) { name args { ...Input } type { ...Type } isDeprecated }
        inputFields { ...Input } enumValues(includeDeprecated: true) { name } interfaces { name } possibleTypes { name }
    }
} }
fragment Input on __InputValue { name type { ...Type } defaultValue }
fragment Type on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// What is only here: entries for clients that verify for themselves, forks, and what is held in part.
const OWN: [&str; 9] = [
    "SignedEntry",
    "documentEntries",
    "logEntries",
    "Fork",
    "ForkCollection",
    "forks",
    "forked",
    "Part",
    "parts",
];

#[test]
fn types_are_those_that_clients_know() {
    let world = World::in_memory();
    let ada = Author::new(1);
    let band = ada.define(&world, "band", &[("founded", "int"), ("name", "str")]).to_string();
    let to = |kind: &str| format!("{kind}({band})");
    let everything = ada.define(
        &world,
        "everything",
        &[
            ("a_bool", "bool"),
            ("a_float", "float"),
            ("a_list", &to("relation_list")),
            ("a_pin", &to("pinned_relation")),
            ("a_pinlist", &to("pinned_relation_list")),
            ("a_rel", &to("relation")),
            ("a_str", "str"),
            ("an_int", "int"),
            ("some_bytes", "bytes"),
        ],
    );
    let answer = world.data(INTROSPECTION).to_string();
    let answer = answer
        .replace(&band, known_id("band"))
        .replace(&everything.to_string(), known_id("everything"));
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let found = print(&answer["__schema"]);
    for (found, expected) in found.lines().zip(EXPECTED.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(found, EXPECTED);
}

fn known_id(name: &str) -> &'static str {
    let start = EXPECTED.find(&format!("type {name}_0020")).unwrap() + "type ".len();
    EXPECTED[start..].split(' ').next().unwrap()
}

/// Writes a schema as the fixture has it: everything in the order of names, without descriptions.
fn print(schema: &Value) -> String {
    let mut blocks = vec![String::from("schema {\n  query: Query\n  mutation: MutationRoot\n}\n")];
    assert_eq!(schema["queryType"]["name"], "Query");
    assert_eq!(schema["mutationType"]["name"], "MutationRoot");
    assert_eq!(schema["subscriptionType"], Value::Null);
    let built_in = ["Boolean", "Float", "ID", "Int", "String"];
    let mut types: Vec<&Value> = schema["types"].as_array().unwrap().iter().collect();
    types.sort_by_key(|ty| ty["name"].as_str().unwrap().to_owned());
    for ty in types {
        let name = ty["name"].as_str().unwrap();
        if !name.starts_with("__") && !built_in.contains(&name) && !OWN.contains(&name) {
            blocks.push(print_type(ty, name));
        }
    }
    blocks.join("\n")
}

/// A type without what is only here.
fn print_type(ty: &Value, name: &str) -> String {
    print_members(ty, name, |member| !OWN.contains(&member))
}

/// A type with all that it has.
pub(crate) fn print_whole_type(ty: &Value, name: &str) -> String {
    print_members(ty, name, |_| true)
}

fn print_members(ty: &Value, name: &str, is_shown: impl Fn(&str) -> bool) -> String {
    let (keyword, members, show): (_, _, fn(&Value) -> String) = match ty["kind"].as_str().unwrap()
    {
        "SCALAR" => return format!("scalar {name}\n"),
        "OBJECT" => ("type", "fields", print_field),
        "INPUT_OBJECT" => ("input", "inputFields", print_input),
        "ENUM" => ("enum", "enumValues", |value| value["name"].as_str().unwrap().to_owned()),
        other => panic!("unexpected kind {other}"),
    };
    let mut lines: Vec<String> = ty[members]
        .as_array()
        .unwrap()
        .iter()
        .filter(|member| is_shown(member["name"].as_str().unwrap()))
        .map(show)
        .collect();
    lines.sort();
    format!("{keyword} {name} {{\n  {}\n}}\n", lines.join("\n  "))
}

pub(crate) fn print_field(field: &Value) -> String {
    let mut arguments: Vec<String> =
        field["args"].as_array().unwrap().iter().map(print_input).collect();
    arguments.sort();
    let arguments =
        if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
    format!("{}{arguments}: {}", field["name"].as_str().unwrap(), print_ref(&field["type"]))
}

fn print_input(input: &Value) -> String {
    // The fixture leaves out the default values of enums.
    let default = input["defaultValue"].as_str().filter(|text| text.parse::<i64>().is_ok());
    let default = default.map(|default| format!(" = {default}")).unwrap_or_default();
    format!("{}: {}{default}", input["name"].as_str().unwrap(), print_ref(&input["type"]))
}

fn print_ref(ty: &Value) -> String {
    match ty["kind"].as_str().unwrap() {
        "NON_NULL" => format!("{}!", print_ref(&ty["ofType"])),
        "LIST" => format!("[{}]", print_ref(&ty["ofType"])),
        _ => ty["name"].as_str().unwrap().to_owned(),
    }
}

#[test]
fn every_type_that_is_mentioned_can_be_looked_up() {
    let world = World::in_memory();
    let schema = world.data(INTROSPECTION);
    let names: Vec<String> = schema["__schema"]["types"]
        .as_array()
        .unwrap()
        .iter()
        .map(|ty| ty["name"].as_str().unwrap().to_owned())
        .collect();
    let mut mentioned = Vec::new();
    collect_names(&schema, &mut mentioned);
    for name in mentioned {
        assert!(names.contains(&name), "{name}");
        let found = world
            .data_with("query($n: String!) { __type(name: $n) { name } }", json!({ "n": name }));
        assert_eq!(found["__type"]["name"], json!(name));
    }
    assert_eq!(world.data("{ __type(name: \"Nothing\") { name } }")["__type"], Value::Null);
}

fn collect_names(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let is_type = fields.contains_key("kind") && fields["name"].is_string();
            if is_type {
                names.push(fields["name"].as_str().unwrap().to_owned());
            }
            fields.values().for_each(|value| collect_names(value, names));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_names(value, names)),
        _ => {}
    }
}
