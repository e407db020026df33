//! Schemas: names, types, ids, blobs, and putting schemas together from documents.

use std::collections::BTreeMap;

use pandan_bamboo::{Hash, HashError};
use pandan_documents::{Document, DocumentOperation};
use pandan_identity::PublicKey;
use pandan_operations::{
    DocumentViewId, Fields, Operation, OperationId, RawValue, SchemaId, SchemaIdError, SchemaName,
    SystemSchema, ViewIdError,
};
use pandan_schema::{
    AssembleError, CheckError, CheckedOperation, DefinitionView, FieldDefinitionView, FieldName,
    FieldType, FieldTypeError, RuleError, Schema, SchemaError,
};
use serde_json::Value as Json;

use super::case::{Case, same, words};
use super::{Checked, FileReport};

pub(crate) fn check(file: &Json, report: &mut FileReport) {
    report.each(file, "system_schemas", |case| {
        let id: SchemaId = case.parse("id")?;
        let system = SystemSchema::ALL.into_iter().find(|&system| SchemaId::from(system) == id);
        let system = system.ok_or_else(|| format!("{id} is no system schema"))?;
        check_schema(&Schema::system(system), case)
    });
    report.each(file, "names", |case| {
        let name = case.text("name")?;
        same("schema name", SchemaName::parse(name).is_ok(), case.flag("schema_name")?)?;
        same("field name", FieldName::parse(name).is_ok(), case.flag("field_name")?)
    });
    report.each(file, "descriptions", |case| {
        let id: SchemaId = format!("venue_{}", Hash::of(b"")).parse().map_err(words)?;
        let field = (FieldName::parse("a").map_err(words)?, FieldType::Bool);
        let schema = Schema::new(id, case.text("description")?, [field]);
        same("accepted", schema.is_ok(), case.flag("valid")?)
    });
    report.each(file, "field_types", check_field_type);
    report.each(file, "schema_ids", check_schema_id);
    report.each(file, "field_sets", check_field_set);
    report.each(file, "view_hash_ids", |case| {
        let view = case.view_id("view_id")?;
        same("hash id", view.hash_id().to_string().as_str(), case.text("view_hash_id")?)?;
        same("text", view.to_string().as_str(), case.text("text")?)
    });
    report.each(file, "view_id_texts", check_view_id_text);
    report.each(file, "mime_types", check_mime_type);
    report.each(file, "blob_pieces", check_blob_piece);
    report.each(file, "definitions", check_definition);
    match file.get("blob_without_pieces") {
        None => report.failures.push(String::from("expected `blob_without_pieces`, found none")),
        Some(json) => report.case("blob_without_pieces", &Case(json), |case| {
            let found = check_system(SystemSchema::Blob, &case.bytes("encoded")?)?;
            same("checked", found, Err(CheckError::Rule(RuleError::NoPieces)))
        }),
    }
}

/// The schema that a case describes.
pub(crate) fn schema_of(json: &Case<'_>) -> Result<Schema, String> {
    match json.parse("id")? {
        SchemaId::System(system) => Ok(Schema::system(system)),
        id => schema_with_id(id, json),
    }
}

/// The schema that a case describes, under another id.
pub(crate) fn schema_with_id(id: SchemaId, json: &Case<'_>) -> Result<Schema, String> {
    let fields = json.sub("fields")?.0.as_object().ok_or("expected fields")?;
    let fields: Result<Vec<_>, String> = fields
        .iter()
        .map(|(name, kind)| Ok((FieldName::parse(name).map_err(words)?, Case(kind).as_parsed()?)))
        .collect();
    Schema::new(id, json.text("description")?, fields?).map_err(words)
}

fn check_schema(schema: &Schema, case: &Case<'_>) -> Checked {
    same("id", schema.id().to_string().as_str(), case.text("id")?)?;
    same("hash id", schema.id().hash_id().as_str(), case.text("hash_id")?)?;
    same("name", schema.name(), case.text("name")?)?;
    if case.has("description") {
        same("description", schema.description(), case.text("description")?)?;
    }
    let found: BTreeMap<_, _> =
        schema.fields().map(|(name, kind)| (name.to_string(), kind.to_string())).collect();
    let fields = case.sub("fields")?.0.as_object().ok_or("expected fields")?;
    let expected: Result<BTreeMap<_, _>, String> = fields
        .iter()
        .map(|(name, kind)| Ok((name.clone(), Case(kind).as_text()?.to_owned())))
        .collect();
    same("fields", found, expected?)
}

/// Only the exact text is taken, where the reference takes some around or inside of it; its schema
/// id has to be one as well.
fn check_field_type(case: &Case<'_>) -> Checked {
    let given = case.text("type")?;
    let is_exact = case.has("parsed") && case.text("parsed")? == given;
    match given.parse::<FieldType>() {
        Ok(parsed) => {
            same("accepted", true, is_exact)?;
            same("text", parsed.to_string().as_str(), given)
        }
        Err(FieldTypeError::Target(error)) if is_exact => {
            if is_odd_id(error) {
                Ok(())
            } else {
                Err(format!("refused: {error:?}"))
            }
        }
        Err(error) if is_exact => Err(format!("refused: {error:?}")),
        Err(_) => Ok(()),
    }
}

/// Spellings of schema ids that the reference takes beside the one that there is.
fn is_odd_id(error: SchemaIdError) -> bool {
    matches!(
        error,
        SchemaIdError::UnknownSystemSchema
            | SchemaIdError::ViewId(ViewIdError::Hash(
                HashError::UpperCase { .. } | HashError::DigestLength { .. }
            ))
    )
}

fn check_schema_id(case: &Case<'_>) -> Checked {
    let given = case.text("text")?;
    let is_valid = case.flag("valid")?;
    let id = match given.parse::<SchemaId>() {
        Ok(id) => id,
        Err(error) if is_valid && is_odd_id(error) => return Ok(()),
        Err(error) if is_valid => return Err(format!("refused: {error:?}")),
        Err(error) => {
            let expected = case.text("error")?;
            let is_right = is_expected_id(expected, error) || is_odd_id(error);
            return if is_right { Ok(()) } else { Err(format!("{expected}: found {error:?}")) };
        }
    };
    same("accepted", true, is_valid)?;
    same("canonical", given, case.text("canonical")?)?;
    same("text", id.to_string().as_str(), given)?;
    same("known", id.view_id().is_none(), case.flag("is_known_system_schema")?)?;
    match id.view_id() {
        Some(view) => {
            same("name", id.name(), case.text("name")?)?;
            same("version", view, &case.view_id("version")?)
        }
        None => Ok(()),
    }
}

fn is_expected_id(expected: &str, error: SchemaIdError) -> bool {
    use SchemaIdError as S;
    match expected {
        "schema-id:no-underscore" => error == S::NoVersion,
        "schema-id:unknown-system-schema" | "schema-id:version" => error == S::UnknownSystemSchema,
        "schema-id:view-id-order" => {
            matches!(error, S::ViewId(ViewIdError::Order { .. } | ViewIdError::Hash(_)))
        }
        "schema-id:name" => matches!(error, S::Name(_) | S::ViewId(_)),
        // Without a name, or with trouble in several places, which one is met first may differ.
        "schema-id:no-name" => matches!(error, S::NoName | S::ViewId(_)),
        "schema-id:hash-length" | "schema-id:hash-hex" | "schema-id:hash-prefix" => {
            matches!(error, S::ViewId(ViewIdError::Hash(_)) | S::NoName)
        }
        _ => false,
    }
}

fn check_field_set(case: &Case<'_>) -> Checked {
    let (names, types) = if case.has("count") {
        (0..case.number("count")?).map(|n| (format!("f{n:04}"), String::from("int"))).unzip()
    } else {
        let texts = |key| -> Result<Vec<String>, String> {
            case.list(key)?.iter().map(|text| Ok(text.as_text()?.to_owned())).collect()
        };
        (texts("names")?, texts("types")?)
    };
    let views: Vec<_> = names.iter().zip(&types).enumerate().map(field_view).collect();
    let id: SchemaId = case.parse("id")?;
    let definition = DefinitionView {
        id: id.view_id().ok_or("expected the id of an application schema")?.clone(),
        name: id.name().into(),
        description: String::new(),
        fields: views.iter().map(|view| view.id.clone()).collect(),
    };
    check_assembled(case, Schema::assemble(&definition, &views), has_duplicates(&names))
}

fn field_view((index, (name, kind)): (usize, (&String, &String))) -> FieldDefinitionView {
    let id = OperationId::from_hash(Hash::of(&index.to_be_bytes())).into();
    FieldDefinitionView { id, name: name.clone(), field_type: kind.clone() }
}

fn has_duplicates(names: &[String]) -> bool {
    let mut names: Vec<_> = names.iter().collect();
    names.sort();
    names.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}

/// No field twice is our rule, wherever it stands; the reference looks at neighbours only.
fn check_assembled(
    case: &Case<'_>,
    found: Result<Schema, AssembleError>,
    has_duplicates: bool,
) -> Checked {
    let expected = match case.has("error") {
        true => Some(case.text("error")?),
        false if has_duplicates => Some("duplicate-field-names"),
        false => None,
    };
    match (expected, found) {
        (Some(expected), Ok(_)) => Err(format!("assembled despite {expected}")),
        (Some(expected), Err(error)) if is_expected_assembly(expected, &error) => Ok(()),
        (Some(expected), Err(error)) => Err(format!("expected {expected}, found {error:?}")),
        (None, Err(error)) => Err(format!("refused: {error:?}")),
        (None, Ok(schema)) if case.has("schema") => check_schema(&schema, &case.sub("schema")?),
        (None, Ok(_)) => Ok(()),
    }
}

fn is_expected_assembly(expected: &str, found: &AssembleError) -> bool {
    use AssembleError as A;
    use SchemaError as S;
    match expected {
        "zero-fields" => matches!(found, A::Schema(S::NoFields)),
        "too-many-fields" => matches!(found, A::Schema(S::TooManyFields { .. })),
        "duplicate-field-names" => matches!(found, A::Schema(S::DuplicateField { .. })),
        "field-name" => matches!(found, A::FieldName { .. }),
        "field-views" => matches!(found, A::MissingView { .. } | A::UnpinnedView { .. }),
        "type" => matches!(found, A::FieldType { .. }),
        _ => false,
    }
}

/// The length byte must be 32; upper case is taken from people and made lower.
fn check_view_id_text(case: &Case<'_>) -> Checked {
    let given = case.text("text")?;
    match given.parse::<DocumentViewId>() {
        Ok(view) => {
            same("accepted", true, case.flag("valid")?)?;
            same("text", view.to_string(), given.to_lowercase())
        }
        Err(ViewIdError::Hash(HashError::DigestLength { .. })) => Ok(()),
        Err(error) => {
            same("accepted", false, case.flag("valid")?)?;
            let is_order = matches!(error, ViewIdError::Order { .. });
            same("order", is_order, case.text("error")? == "view-id-order")
        }
    }
}

fn check_system(
    system: SystemSchema,
    bytes: &[u8],
) -> Result<Result<CheckedOperation, CheckError>, String> {
    Ok(Schema::system(system).check(Operation::decode(bytes).map_err(words)?))
}

fn check_mime_type(case: &Case<'_>) -> Checked {
    let value = RawValue::Str(case.text("mime_type")?.into());
    let update = Operation::Update {
        schema: SystemSchema::Blob.into(),
        previous: OperationId::from_hash(Hash::of(b"")).into(),
        fields: Fields::from_pairs([("mime_type", value)]).map_err(words)?,
    };
    match Schema::system(SystemSchema::Blob).check(update) {
        Ok(_) => same("accepted", true, case.flag("valid")?),
        Err(CheckError::Rule(RuleError::MimeType)) => same("accepted", false, case.flag("valid")?),
        Err(error) => Err(words(error)),
    }
}

fn check_blob_piece(case: &Case<'_>) -> Checked {
    let mut bytes = case.bytes("head")?;
    let count = usize::try_from(case.number("count")?).map_err(words)?;
    let byte = case.bytes("then_repeat")?.first().copied().unwrap_or_default();
    bytes.resize(bytes.len().saturating_add(count), byte);
    same("size", u64::try_from(bytes.len()).map_err(words)?, case.number("size")?)?;
    same("hash", Hash::of(&bytes).to_string().as_str(), case.text("hash")?)?;
    match check_system(SystemSchema::BlobPiece, &bytes)? {
        Ok(_) => same("accepted", true, case.flag("valid")?),
        Err(CheckError::Rule(RuleError::PieceTooLong { .. })) => {
            same("accepted", false, case.flag("valid")?)
        }
        Err(error) => Err(words(error)),
    }
}

fn check_definition(case: &Case<'_>) -> Checked {
    let documents = case.list("field_definitions")?;
    let mut views = Vec::new();
    for given in case.list("field_views_given")? {
        let index = given.0.as_u64().and_then(|index| usize::try_from(index).ok());
        let document = index.and_then(|index| documents.get(index)).ok_or("expected a place")?;
        match definition_view(SystemSchema::SchemaFieldDefinition, document)? {
            Ok(view) => {
                let fields = view.fields.iter().flatten();
                let fields = fields.map(|(name, field)| (name.as_str(), &field.value));
                let view = FieldDefinitionView::from_fields(view.id.clone(), fields);
                views.push(view.ok_or("the view is none of a field definition")?);
            }
            // The reference takes such a type in the operation and stumbles over it afterwards.
            Err(CheckError::Rule(RuleError::FieldType(_))) => {
                return same("refused for its type", case.text("error")?, "type");
            }
            Err(error) => return Err(words(error)),
        }
    }
    let definition = case.sub("schema_definition")?;
    let view = definition_view(SystemSchema::SchemaDefinition, &definition)?.map_err(words)?;
    let fields = view.fields.iter().flatten();
    let fields = fields.map(|(name, field)| (name.as_str(), &field.value));
    let definition = DefinitionView::from_fields(view.id.clone(), fields);
    let definition = definition.ok_or("the view is none of a schema definition")?;
    let names = definition.fields.iter().filter_map(|pinned| {
        views.iter().find(|view| view.id == *pinned).map(|view| view.name.clone())
    });
    let has_duplicates = has_duplicates(&names.collect::<Vec<_>>());
    check_assembled(case, Schema::assemble(&definition, &views), has_duplicates)
}

/// The view of a definition document that a case asks for.
fn definition_view(
    system: SystemSchema,
    json: &Case<'_>,
) -> Result<Result<pandan_documents::DocumentView, CheckError>, String> {
    let schema = Schema::system(system);
    let mut operations = Vec::new();
    for case in json.list("operations")? {
        let entry = case.bytes("entry")?;
        let key =
            entry.get(1..33).and_then(|key| key.try_into().ok()).ok_or("expected an entry")?;
        let author = PublicKey::from_bytes(&key).map_err(words)?;
        match schema.check(Operation::decode(&case.bytes("operation")?).map_err(words)?) {
            Ok(operation) => {
                let id = case.parse("id")?;
                operations.push(DocumentOperation { id, author, operation, is_void: false });
            }
            Err(error) => return Ok(Err(error)),
        }
    }
    let view = json.view_id("view_id")?;
    Ok(Ok(Document::build_view(operations, &view).map_err(words)?.into_view()))
}
