//! Documents of the reference implementation and of the rules where these decide otherwise.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs;

use pandan_bamboo::Hash;
use pandan_documents::{BuildError, Document, DocumentOperation, GraphError, History};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentViewId, FieldName, Operation, OperationId, SchemaId};
use pandan_schema::{FieldType, Schema};
use serde_json::Value;

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn ids(value: &Value) -> Vec<OperationId> {
    value.as_array().unwrap().iter().map(|id| id.as_str().unwrap().parse().unwrap()).collect()
}

fn schema(id: SchemaId, value: &Value) -> Schema {
    let fields = value["fields"].as_object().unwrap().iter().map(|(name, field_type)| {
        let field_type: FieldType = field_type.as_str().unwrap().parse().unwrap();
        (FieldName::parse(name).unwrap(), field_type)
    });
    Schema::new(id, value["description"].as_str().unwrap(), fields).unwrap()
}

fn operation(value: &Value, schema_value: &Value) -> DocumentOperation {
    let operation = Operation::decode(&bytes(&value["operation"])).unwrap();
    let id: OperationId = value["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(*id.as_hash(), Hash::of(&bytes(&value["entry"])));
    // Operations of the class `other_schema` fit the fields but claim another id.
    let schema = schema(operation.schema().clone(), schema_value);
    let author: PublicKey = value["public_key"].as_str().unwrap().parse().unwrap();
    DocumentOperation { id, author, operation: schema.check(operation).unwrap() }
}

fn word(error: &BuildError) -> &'static str {
    match error {
        BuildError::Graph(GraphError::TwoCreates { .. }) => "two-creates",
        BuildError::Graph(GraphError::Unlinked { .. }) => "unlinked",
        BuildError::Graph(GraphError::UnknownView { .. }) => "unknown-view",
        BuildError::Graph(GraphError::NoRoot) => "no-root",
        BuildError::OtherSchema { .. } => "other-schema",
        error => panic!("{error}"),
    }
}

/// Compares with what was decided; without that the reference's answer stands.
fn check(case: &Value, found: Result<&Document, &BuildError>, about: &str) {
    let decided = case.get("decided");
    if decided.is_none() && case.get("error").is_some() {
        let error = found.expect_err(about);
        assert_eq!(word(error), case["error"].as_str().unwrap(), "{about}");
        return;
    }
    let document = found.unwrap_or_else(|error| panic!("{about}: {error}"));
    let expected = decided.unwrap_or(&case["result"]);
    assert_eq!(document.order(), ids(&expected["sorted"]), "{about}");
    let view_id = document.view().id.as_slice();
    assert_eq!(view_id, ids(&expected["view_id"]), "{about}");
    let is_deleted = expected["is_deleted"].as_bool().unwrap();
    assert_eq!(document.view().is_deleted(), is_deleted, "{about}");
    let writers: BTreeMap<&str, OperationId> = expected["fields"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, writer)| {
            let writer = writer.get("operation_id").unwrap_or(writer);
            (name.as_str(), writer.as_str().unwrap().parse().unwrap())
        })
        .collect();
    let fields = document.view().fields.iter().flatten();
    let found: BTreeMap<&str, OperationId> =
        fields.map(|(name, field)| (name.as_str(), field.operation)).collect();
    assert_eq!(found, writers, "{about}");
}

/// What the reference tells beside, where it had no reason to differ.
fn check_result(case: &Value, document: &Document, about: &str) {
    let result = &case["result"];
    if result.is_null() {
        return;
    }
    assert_eq!(document.id().to_string(), result["document_id"].as_str().unwrap(), "{about}");
    assert_eq!(document.author().to_string(), result["author"].as_str().unwrap(), "{about}");
    assert_eq!(document.schema().to_string(), result["schema_id"].as_str().unwrap(), "{about}");
    let same_order = ids(&result["sorted"]) == document.order();
    if same_order {
        assert_eq!(document.view().is_edited, result["is_edited"].as_bool().unwrap(), "{about}");
    }
}

#[test]
fn do6_d11_documents_are_those_of_the_vectors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/vectors/documents.json");
    let vectors: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let (mut documents, mut views) = (0, 0);
    for (index, case) in vectors["documents"].as_array().unwrap().iter().enumerate() {
        let about = format!("document {index} ({})", case["class"]);
        let operations = case["operations"].as_array().unwrap().iter();
        let operations: Vec<_> =
            operations.map(|value| operation(value, &case["schema"])).collect();
        let document = Document::build(operations.clone());
        check(case, document.as_ref(), &about);
        if let Ok(document) = &document {
            check_result(case, document, &about);
        }
        documents += 1;
        let history = History::new(operations);
        for view in case["views"].as_array().unwrap() {
            let id = DocumentViewId::from_tips(ids(&view["view_id"])).unwrap();
            let about = format!("{about}, view {id}");
            let found = history.clone().and_then(|history| history.document_at(&id));
            check(view, found.as_ref(), &about);
            if let Ok(document) = &found {
                check_result(view, document, &about);
            }
            views += 1;
        }
    }
    assert_eq!((documents, views), (182, 1020));
}
