//! Field values as people write them: `name=value` on the command line, or JSON.

use pandan_identity::hex;
use pandan_operations::{DocumentId, DocumentViewId, Fields, Float};
use pandan_schema::{FieldType, Schema, Value};
use serde_json::{Map, Value as Json};
use thiserror::Error;

use crate::style::clean;

/// Text or JSON that is no value of a field.
#[derive(Debug, Error, PartialEq)]
#[non_exhaustive]
pub(crate) enum FieldError {
    #[error("\"{text}\" sets no field; write name=value")]
    NoPair { text: String },
    #[error("schema {schema} has no field \"{field}\"; its fields are {known}")]
    Unknown { schema: String, field: String, known: String },
    #[error("field \"{field}\" is given twice")]
    Twice { field: String },
    #[error("field \"{field}\" is {expected}, found {found}")]
    Value { field: String, expected: String, found: String },
    #[error("fields must be a JSON object such as {{\"name\": \"value\"}}, found {found}")]
    NoObject { found: String },
}

/// Reads fields from `name=value` pairs and a JSON object; a field may stand in one of both.
pub(crate) fn read(
    schema: &Schema,
    pairs: &[String],
    json: Option<&Json>,
) -> Result<Fields, FieldError> {
    let mut values = Vec::new();
    for text in pairs {
        let pair = text.split_once('=');
        let (name, value) = pair.ok_or_else(|| FieldError::NoPair { text: text.clone() })?;
        let field_type = field_type(schema, name)?;
        values.push((name.to_owned(), from_text(name, field_type, value)?));
    }
    for (name, json) in object(json)? {
        values.push((name.clone(), from_json(name, field_type(schema, name)?, json)?));
    }
    let raw = values.into_iter().map(|(name, value)| (name, value.to_raw()));
    Fields::from_pairs(raw).map_err(|error| FieldError::Twice { field: error.name })
}

fn object(json: Option<&Json>) -> Result<impl Iterator<Item = (&String, &Json)>, FieldError> {
    let object: Option<&Map<_, _>> = match json {
        None => None,
        Some(Json::Object(object)) => Some(object),
        Some(other) => return Err(FieldError::NoObject { found: other.to_string() }),
    };
    Ok(object.into_iter().flatten())
}

/// The type of a field.
pub(crate) fn field_type<'a>(schema: &'a Schema, name: &str) -> Result<&'a FieldType, FieldError> {
    schema.field(name).map(|(_, field_type)| field_type).ok_or_else(|| FieldError::Unknown {
        schema: schema.name().to_owned(),
        field: name.to_owned(),
        known: schema.fields().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "),
    })
}

/// Reads a value from the command line: texts as they are, lists with commas or as JSON.
pub(crate) fn from_text(
    name: &str,
    field_type: &FieldType,
    text: &str,
) -> Result<Value, FieldError> {
    let json = match field_type {
        FieldType::Bool | FieldType::Int | FieldType::Float => {
            serde_json::from_str(text).unwrap_or_else(|_| Json::from(text))
        }
        FieldType::RelationList(_) | FieldType::PinnedRelationList(_) => list_from_text(text),
        _ => Json::from(text),
    };
    from_json(name, field_type, &json)
}

fn list_from_text(text: &str) -> Json {
    match text {
        "" => Json::Array(Vec::new()),
        _ if text.starts_with('[') => {
            serde_json::from_str(text).unwrap_or_else(|_| Json::from(text))
        }
        _ => text.split(',').map(str::trim).collect(),
    }
}

/// Reads a value from JSON; the type of the field decides what is meant.
pub(crate) fn from_json(
    name: &str,
    field_type: &FieldType,
    json: &Json,
) -> Result<Value, FieldError> {
    let value = match field_type {
        FieldType::Bool => json.as_bool().map(Value::Bool),
        FieldType::Int => json.as_i64().map(Value::Int),
        FieldType::Float => json.as_f64().map(|number| Value::Float(Float::new(number))),
        FieldType::Str => json.as_str().map(|text| Value::Str(text.to_owned())),
        FieldType::Bytes => json.as_str().and_then(|it| hex::decode_vec(it).ok()).map(Value::Bytes),
        FieldType::Relation(_) => document(json).map(Value::Relation),
        FieldType::RelationList(_) => list(json, document).map(Value::RelationList),
        FieldType::PinnedRelation(_) => view(json).map(Value::PinnedRelation),
        FieldType::PinnedRelationList(_) => list(json, view).map(Value::PinnedRelationList),
    };
    value.ok_or_else(|| FieldError::Value {
        field: name.to_owned(),
        expected: expected(field_type).to_owned(),
        found: json.to_string(),
    })
}

fn document(json: &Json) -> Option<DocumentId> {
    json.as_str()?.parse().ok()
}

/// A view is written as one text, or as a list of ids.
fn view(json: &Json) -> Option<DocumentViewId> {
    match json {
        Json::Array(ids) => {
            let ids: Option<Vec<&str>> = ids.iter().map(Json::as_str).collect();
            ids?.join("_").parse().ok()
        }
        other => other.as_str()?.parse().ok(),
    }
}

fn list<T>(json: &Json, item: fn(&Json) -> Option<T>) -> Option<Vec<T>> {
    json.as_array()?.iter().map(item).collect()
}

const fn expected(field_type: &FieldType) -> &'static str {
    match field_type {
        FieldType::Bool => "true or false",
        FieldType::Int => "a whole number of at most 64 bits",
        FieldType::Float => "a number",
        FieldType::Str => "text",
        FieldType::Bytes => "bytes as hex digits",
        FieldType::Relation(_) => "the id of a document (68 hex digits)",
        FieldType::RelationList(_) => "a list of ids of documents",
        FieldType::PinnedRelation(_) => "the id of a view of a document",
        FieldType::PinnedRelationList(_) => "a list of ids of views",
    }
}

/// A value as JSON, in the form in which [`from_json`] reads it.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => Json::from(*value),
        Value::Int(value) => Json::from(*value),
        Value::Float(value) => Json::from(value.get()),
        Value::Str(value) => Json::from(value.as_str()),
        Value::Bytes(value) => Json::from(hex::encode(value)),
        Value::Relation(id) => Json::from(id.to_string()),
        Value::RelationList(ids) => ids.iter().map(ToString::to_string).collect(),
        Value::PinnedRelation(view) => Json::from(view.to_string()),
        Value::PinnedRelationList(views) => views.iter().map(ToString::to_string).collect(),
    }
}

/// A value for people: texts without quotes, ids in short.
pub(crate) fn to_text(value: &Value) -> String {
    let list = |ids: Vec<String>| format!("[{}]", ids.join(", "));
    match value {
        Value::Str(text) => clean(text),
        Value::Bytes(bytes) => format!("{} bytes {}", bytes.len(), short(&hex::encode(bytes))),
        Value::Relation(id) => short(&id.to_string()),
        Value::PinnedRelation(view) => short_view(view),
        Value::RelationList(ids) => list(ids.iter().map(|id| short(&id.to_string())).collect()),
        Value::PinnedRelationList(views) => list(views.iter().map(short_view).collect()),
        other => to_json(other).to_string(),
    }
}

/// A view in short.
pub(crate) fn short_view(view: &DocumentViewId) -> String {
    view.iter().map(|id| short(&id.to_string())).collect::<Vec<_>>().join("_")
}

/// The part of a long hex text that tells it from others: its last eight digits.
pub(crate) fn short(hex: &str) -> String {
    match hex.char_indices().rev().nth(SHORT - 1) {
        Some((start, _)) if start > 0 => format!("…{}", hex.get(start..).unwrap_or(hex)),
        _ => hex.to_owned(),
    }
}

const SHORT: usize = 8;

#[cfg(test)]
mod tests {
    use pandan_operations::{FieldName, SchemaId};
    use pandan_schema::{FieldType, Schema};
    use serde_json::json;

    use super::{from_json, from_text, read, to_json};

    const ID: &str = "0020af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

    fn blob() -> SchemaId {
        "blob_v1".parse().expect("it is a system schema")
    }

    #[test]
    fn values_are_read_as_their_types_say() {
        let list = format!("{ID},{ID}");
        let pinned = format!("[\"{ID}\", [\"{ID}\"]]");
        let cases = [
            (FieldType::Bool, "true", json!(true)),
            (FieldType::Int, "-5", json!(-5)),
            (FieldType::Float, "1", json!(1.0)),
            (FieldType::Str, "5", json!("5")),
            (FieldType::Bytes, "00FF", json!("00ff")),
            (FieldType::Relation(blob()), ID, json!(ID)),
            (FieldType::RelationList(blob()), &list, json!([ID, ID])),
            (FieldType::RelationList(blob()), "", json!([])),
            (FieldType::PinnedRelation(blob()), ID, json!(ID)),
            (FieldType::PinnedRelationList(blob()), &pinned, json!([ID, ID])),
        ];
        for (field_type, text, json) in cases {
            let value = from_text("x", &field_type, text).expect(text);
            assert_eq!(to_json(&value), json);
            assert_eq!(from_json("x", &field_type, &json), Ok(value));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let id = format!("thing_{ID}").parse().expect("it is a schema id");
        let field = FieldName::parse("age").expect("it is a name");
        let schema = Schema::new(id, "", [(field, FieldType::Int)]).expect("it is a schema");
        let check = |pair: &str, expected: &str| {
            let error = read(&schema, &[pair.to_owned()], None).expect_err(pair).to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("age", "name=value");
        check("agee=1", "its fields are age");
        check("age=old", "whole number");
        check("age=1.5", "whole number");
        let twice = read(&schema, &["age=1".to_owned()], Some(&json!({ "age": 2 })));
        assert!(twice.expect_err("twice").to_string().contains("twice"));
        assert!(read(&schema, &[], Some(&json!([]))).is_err());
    }
}
