//! Documents: order, state and errors, decided where the reference differs.

use std::collections::BTreeMap;

use pandan_bamboo::Hash;
use pandan_documents::{BuildError, Document, DocumentOperation, GraphError, History};
use pandan_operations::{DocumentViewId, Operation, OperationId};
use serde_json::Value as Json;

use super::case::{Case, same, words};
use super::schemas::schema_with_id;
use super::{Checked, FileReport};

pub(crate) fn check(file: &Json, report: &mut FileReport) {
    report.each(file, "documents", |case| {
        let schema = case.sub("schema")?;
        let operations: Result<Vec<_>, String> =
            case.list("operations")?.iter().map(|json| operation(json, &schema)).collect();
        let operations = operations?;
        check_state(case, Document::build(operations.clone()).as_ref())?;
        let history = History::new(operations);
        for view in case.list("views")? {
            let id = DocumentViewId::from_tips(view.ids("view_id")?).ok_or("expected a view id")?;
            let document = history.clone().and_then(|history| history.document_at(&id));
            check_state(&view, document.as_ref())
                .map_err(|problem| format!("view {id}: {problem}"))?;
        }
        Ok(())
    });
}

fn operation(json: &Case<'_>, schema: &Case<'_>) -> Result<DocumentOperation, String> {
    let operation = Operation::decode(&json.bytes("operation")?).map_err(words)?;
    let id: OperationId = json.parse("id")?;
    same("operation id", *id.as_hash(), Hash::of(&json.bytes("entry")?))?;
    // Operations of one class fit the fields but claim another schema.
    let schema = schema_with_id(operation.schema().clone(), schema)?;
    let operation = schema.check(operation).map_err(words)?;
    Ok(DocumentOperation { id, author: json.parse("public_key")?, operation, is_void: false })
}

/// Compares with what was decided; without that the reference's answer stands.
fn check_state(case: &Case<'_>, found: Result<&Document, &BuildError>) -> Checked {
    if !case.has("decided") && case.has("error") {
        return match found {
            Ok(_) => Err(format!("built despite {}", case.text("error")?)),
            Err(error) => same("error", word(error), case.text("error")?),
        };
    }
    let document = found.map_err(words)?;
    let expected = if case.has("decided") { case.sub("decided")? } else { case.sub("result")? };
    same("order", document.order(), &expected.ids("sorted")?)?;
    same("view id", document.view().id.as_slice(), &expected.ids("view_id")?)?;
    same("deleted", document.view().is_deleted(), expected.flag("is_deleted")?)?;
    let fields = document.view().fields.iter().flatten();
    let found: BTreeMap<&str, OperationId> =
        fields.map(|(name, field)| (name.as_str(), field.operation)).collect();
    same("writers", found, writers(&expected)?)?;
    check_result(case, document)
}

fn writers<'a>(expected: &Case<'a>) -> Result<BTreeMap<&'a str, OperationId>, String> {
    let Some(fields) = expected.0.get("fields").and_then(Json::as_object) else {
        return Ok(BTreeMap::new());
    };
    let writer = |(name, json): (&'a String, &'a Json)| {
        let writer = json.get("operation_id").unwrap_or(json);
        Ok((name.as_str(), Case(writer).as_parsed()?))
    };
    fields.iter().map(writer).collect()
}

/// What the reference tells beside, where it had no reason to differ.
fn check_result(case: &Case<'_>, document: &Document) -> Checked {
    if !case.has("result") {
        return Ok(());
    }
    let result = case.sub("result")?;
    same("document id", document.id().to_string().as_str(), result.text("document_id")?)?;
    same("author", document.author().to_string().as_str(), result.text("author")?)?;
    same("schema", document.schema().to_string().as_str(), result.text("schema_id")?)?;
    if document.order() == result.ids("sorted")? {
        same("edited", document.view().is_edited, result.flag("is_edited")?)?;
    }
    Ok(())
}

fn word(error: &BuildError) -> &'static str {
    match error {
        BuildError::Graph(GraphError::TwoCreates { .. }) => "two-creates",
        BuildError::Graph(GraphError::Unlinked { .. }) => "unlinked",
        BuildError::Graph(GraphError::UnknownView { .. }) => "unknown-view",
        BuildError::Graph(GraphError::NoRoot) => "no-root",
        BuildError::OtherSchema { .. } => "other-schema",
        _ => "another error",
    }
}
