//! Operations, schemas and documents.

use std::fmt::Write;

use pandan_bamboo::Hash;
use pandan_documents::{Document, DocumentOperation};
use pandan_operations::{
    DocumentViewId, Fields, Float, Operation, RawValue, SchemaId, SystemSchema,
};
use pandan_schema::{DefinitionView, FieldDefinitionView, Schema};

use crate::{
    sheet::Sheet,
    story::{Story, Written},
};

/// Each value as it stands in an operation.
pub(crate) fn values() -> String {
    let [a, b] = [b"A", b"B"].map(|text| Hash::of(text));
    let float = |number| RawValue::Float(Float::new(number));
    let mut sheet = Sheet::new();
    for (value, meaning) in [
        (RawValue::Bool(false), "bool: false"),
        (RawValue::Bool(true), "bool: true"),
        (RawValue::Int(23), "int: 23"),
        (RawValue::Int(24), "int: 24"),
        (RawValue::Int(-300), "int: -300"),
        (RawValue::Int(i64::MAX), "int: the greatest"),
        (float(1.5), "float: 1.5 fits into 16 bits"),
        (float(100_000.0), "float: 100000.0 needs 32"),
        (float(0.1), "float: 0.1 needs 64"),
        (float(-0.0), "float: -0.0"),
        (float(f64::NAN), "float: NaN"),
        (RawValue::Str("Pandä".into()), "str: \"Pandä\" in UTF-8"),
        (RawValue::Bytes(vec![0, 1, 0xff]), "bytes: three of them"),
        (RawValue::Bytes(a.encode().to_vec()), "relation: hash of \"A\""),
        (RawValue::HashList(vec![]), "either list of relations: empty"),
        (RawValue::HashList(vec![a, b]), "relation_list: A, B; or, when a < b, pinned_relation"),
        (RawValue::NestedHashList(vec![vec![a]]), "pinned_relation_list: one state with one tip"),
    ] {
        sheet.bytes(encoded(value), meaning);
    }
    sheet.text()
}

/// What follows the name of the only field in an operation.
fn encoded(value: RawValue) -> Vec<u8> {
    let schema = SchemaId::from(SystemSchema::Blob);
    let with = |value| Operation::Create {
        schema: schema.clone(),
        fields: Fields::from_iter([("a", value)]),
    };
    let head = with(RawValue::Bool(true)).encode().len() - 1;
    with(value).encode().split_off(head)
}

pub(crate) fn operations(story: &Story) -> String {
    let mut sheet = Sheet::new();
    for (index, written) in story.log.iter().enumerate() {
        if index == 2 {
            continue;
        }
        let bytes = written.operation.encode();
        let action = format!("{:?}", written.operation.action()).to_uppercase();
        sheet.words(format!("{action}, {} bytes", bytes.len()));
        operation(&mut sheet, &written.operation, &bytes);
        sheet.words("").bytes(Hash::of(&bytes).encode(), "payload hash").words("");
    }
    format!("{}\n", sheet.text().trim_end())
}

fn operation(sheet: &mut Sheet, operation: &Operation, bytes: &[u8]) {
    let items = bytes[0] & 0x1f;
    let rest = sheet.take(bytes, 1, &format!("array of {items}"));
    let rest = sheet.take(rest, 1, "version 1");
    let rest = sheet.take(rest, 1, &format!("action {}", operation.action().number()));
    let schema = operation.schema().as_str();
    let head = if schema.len() < 24 { 1 } else { 2 };
    let rest = sheet.take(rest, head, &format!("text of {} bytes: the schema id", schema.len()));
    let mut rest = sheet.take(rest, schema.len(), &short(schema));
    if let Some(previous) = operation.previous() {
        rest = sheet.take(rest, 1, &format!("previous: array of {}", previous.len()));
        for _ in previous {
            rest = sheet.take(rest, 2, "byte string of 34 bytes");
            rest = sheet.take(rest, 34, "id of an operation");
        }
    }
    if let Some(fields) = operation.fields() {
        rest = sheet.take(rest, 1, &format!("map of {}", fields.len()));
        for (name, value) in fields.iter() {
            rest = sheet.take(rest, 1 + name.len(), &format!("text {name:?}"));
            let length = encoded(value.clone()).len();
            rest = sheet.take(rest, length, &describe(value));
        }
    }
    assert!(rest.is_empty());
}

fn short(text: &str) -> String {
    let is_long = text.len() > 24;
    if is_long { format!("{}…", &text[..17]) } else { text.to_owned() }
}

fn describe(value: &RawValue) -> String {
    match value {
        RawValue::Str(text) => format!("text {text:?}"),
        RawValue::Bool(value) => value.to_string(),
        RawValue::NestedHashList(lists) => format!("array of {} arrays of hashes", lists.len()),
        other => format!("{:?}", other.kind()),
    }
}

/// Three operations, and the schema that they amount to.
pub(crate) fn schema(story: &Story) -> String {
    let mut sheet = Sheet::new();
    for written in story.fields.iter().chain([&story.definition]) {
        sheet.words(format!("operation {}", written.id()));
        operation(&mut sheet, &written.operation, &written.operation.encode());
        sheet.words("");
    }
    let schema = assembled(story);
    sheet.words(format!("schema id {}", schema.id()));
    for (name, field_type) in schema.fields() {
        sheet.words(format!("field     {name}: {field_type}"));
    }
    sheet.text()
}

fn assembled(story: &Story) -> Schema {
    let text = |fields: &Fields, name| match fields.get(name) {
        Some(RawValue::Str(text)) => text.clone(),
        other => panic!("expected text, found {other:?}"),
    };
    let fields = story.fields.each_ref().map(|written| {
        let fields = written.operation.fields().unwrap();
        let (name, field_type) = (text(fields, "name"), text(fields, "type"));
        FieldDefinitionView { id: written.id().into(), name, field_type }
    });
    let given = story.definition.operation.fields().unwrap();
    let definition = DefinitionView {
        id: story.definition.id().into(),
        name: text(given, "name"),
        description: text(given, "description"),
        fields: story.fields.iter().map(|field| field.id().into()).collect(),
    };
    let schema = Schema::assemble(&definition, &fields).unwrap();
    assert_eq!(*schema.id(), story.schema);
    schema
}

/// The order of a document with two branches, and some of its states.
pub(crate) fn document(story: &Story) -> String {
    let schema = assembled(story);
    let [create, second, third, delete] = &story.log;
    let named = [
        ("r", create),
        ("a", second),
        ("b", &story.bo),
        ("m", &story.merge),
        ("u", third),
        ("d", delete),
    ];
    let mut sheet = Sheet::new();
    for (name, written) in named {
        let action = format!("{:?}", written.operation.action()).to_uppercase();
        sheet.words(format!("{name}  {action}  {}", written.id()));
        for id in written.operation.previous().into_iter().flatten() {
            let (parent, _) = named.iter().find(|(_, other)| other.id() == *id).unwrap();
            sheet.words(format!("           previous {parent}"));
        }
    }
    for last in 1..=named.len() {
        let operations = named[..last].iter().map(|(_, written)| checked(&schema, written));
        let document = Document::build(operations).unwrap();
        let order = document.order().iter().map(|id| name_of(&named, id)).collect::<Vec<_>>();
        let view = &document.view().id;
        let mut line = format!("\norder  {}\nview   {}", order.join(" "), names(&named, view));
        match &document.view().fields {
            None => line += "\n       deleted",
            Some(fields) => {
                for (name, field) in fields {
                    let by = name_of(&named, &field.operation);
                    write!(line, "\n       {name} = {:?}  written by {by}", field.value).unwrap();
                }
            }
        }
        sheet.words(line);
    }
    sheet.text()
}

fn checked(schema: &Schema, written: &Written) -> DocumentOperation {
    let operation = schema.check(written.operation.clone()).unwrap();
    let author = written.entry.header().public_key();
    DocumentOperation { id: written.id(), author, operation, is_void: false }
}

fn name_of<'n>(named: &[(&'n str, &Written)], id: &pandan_operations::OperationId) -> &'n str {
    named.iter().find(|(_, written)| written.id() == *id).unwrap().0
}

fn names(named: &[(&str, &Written)], view: &DocumentViewId) -> String {
    view.iter().map(|id| name_of(named, id)).collect::<Vec<_>>().join("_")
}
