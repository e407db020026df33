//! Schemas against the vectors that the reference implementation made.
#![allow(clippy::unwrap_used, reason = "vectors that cannot be read fail the test")]

#[path = "../../operations/tests/common/mod.rs"]
mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{hex, list, load, text, view_id};
use pandan_bamboo::{Hash, HashError};
use pandan_operations::{
    DocumentViewId, Operation, OperationId, SchemaId, SchemaIdError, SchemaName, SystemSchema,
    ViewIdError,
};
use pandan_schema::{
    AssembleError, CheckError, CheckedOperation, DefinitionView, FieldDefinitionView, FieldName,
    FieldType, FieldTypeError, RuleError, Schema, SchemaError, Value,
};
use serde_json::Value as Json;

fn check_schema(schema: &Schema, expected: &Json) {
    assert_eq!(schema.id().to_string(), text(&expected["id"]));
    assert_eq!(schema.id().hash_id(), text(&expected["hash_id"]));
    assert_eq!(schema.name(), text(&expected["name"]));
    if let Json::String(description) = &expected["description"] {
        assert_eq!(schema.description(), description);
    }
    let found: BTreeMap<_, _> =
        schema.fields().map(|(name, kind)| (name.to_string(), kind.to_string())).collect();
    let expected: BTreeMap<_, _> = expected["fields"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, kind)| (name.clone(), text(kind).to_owned()))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(schema.len(), expected.len());
}

#[test]
fn system_schemas_are_built_in() {
    let vectors = load("schemas.json");
    for (system, vector) in SystemSchema::ALL.into_iter().zip(list(&vectors["system_schemas"])) {
        check_schema(&Schema::system(system), vector);
    }
}

#[test]
fn sc1_sc4_names() {
    for vector in list(&load("schemas.json")["names"]) {
        let name = text(&vector["name"]);
        assert_eq!(SchemaName::parse(name).is_ok(), vector["schema_name"] == true, "{name:?}");
        assert_eq!(FieldName::parse(name).is_ok(), vector["field_name"] == true, "{name:?}");
    }
}

#[test]
fn sc2_descriptions() {
    let id: SchemaId = format!("venue_{}", Hash::of(b"")).parse().unwrap();
    for vector in list(&load("schemas.json")["descriptions"]) {
        let field = (FieldName::parse("a").unwrap(), FieldType::Bool);
        let schema = Schema::new(id.clone(), text(&vector["description"]), [field]);
        assert_eq!(schema.is_ok(), vector["valid"] == true, "{vector}");
    }
}

/// Only the exact text is taken, where the reference takes some around or inside of it.
#[test]
fn sc10_field_types() {
    for vector in list(&load("schemas.json")["field_types"]) {
        let given = text(&vector["type"]);
        let is_exact = vector["parsed"] == vector["type"]
            && !given.contains("blob_v2")
            && !given.contains("0020EA")
            && !given.contains("00203515E");
        match given.parse::<FieldType>() {
            Ok(parsed) => {
                assert!(is_exact, "{given:?}");
                assert_eq!(parsed.to_string(), given);
            }
            Err(error) => {
                assert!(!is_exact, "{given:?}: {error:?}");
                let is_target = matches!(error, FieldTypeError::Target(_));
                let expected = vector["error"].as_str().unwrap_or_default();
                assert!(is_target || !expected.starts_with("schema-id"), "{given:?}: {error:?}");
            }
        }
    }
}

/// Lower case, no other versions of system schemas, nothing to skip in numbers, length byte 32.
#[test]
fn op4_schema_ids() {
    for vector in list(&load("schemas.json")["schema_ids"]) {
        let given = text(&vector["text"]);
        match given.parse::<SchemaId>() {
            Ok(id) => {
                assert!(vector["valid"] == true && vector["canonical"] == given, "{given:?}");
                assert_eq!(id.to_string(), given);
                assert_eq!(id.name(), vector["name"].as_str().unwrap_or(id.name()));
                assert_eq!(id.view_id().is_none(), vector["is_known_system_schema"] == true);
                if let Some(view) = id.view_id() {
                    assert_eq!(view, &view_id(&vector["version"]));
                }
            }
            Err(error) if vector["valid"] == true => {
                let is_odd = matches!(
                    error,
                    SchemaIdError::UnknownSystemSchema
                        | SchemaIdError::ViewId(ViewIdError::Hash(
                            HashError::UpperCase { .. } | HashError::DigestLength { .. }
                        ))
                );
                assert!(is_odd, "{given:?}: {error:?}");
            }
            Err(error) => {
                let expected = text(&vector["error"]);
                assert!(is_expected_id(expected, error), "{given:?}: {expected} {error:?}");
            }
        }
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

#[test]
fn sc3_field_sets() {
    for vector in list(&load("schemas.json")["field_sets"]) {
        let what = text(&vector["what"]);
        let (names, types): (Vec<String>, Vec<String>) = match vector["count"].as_u64() {
            Some(count) => (0..count).map(|n| (format!("f{n:04}"), "int".into())).unzip(),
            None => {
                let texts = |key: &str| list(&vector[key]).iter().map(|t| text(t).to_owned());
                (texts("names").collect(), texts("types").collect())
            }
        };
        let views: Vec<_> = names.iter().zip(&types).enumerate().map(field_view).collect();
        let id: SchemaId = text(&vector["id"]).parse().unwrap();
        let definition = DefinitionView {
            id: id.view_id().unwrap().clone(),
            name: id.name().into(),
            description: String::new(),
            fields: views.iter().map(|view| view.id.clone()).collect(),
        };
        let found = Schema::assemble(&definition, &views);
        let is_duplicate = what == "duplicate apart";
        match vector["error"].as_str() {
            Some(error) => assert!(is_expected_assembly(error, &found), "{what}: {found:?}"),
            // Our rule: no field twice, wherever it stands.
            None if is_duplicate => assert!(is_expected_assembly("duplicate-field-names", &found)),
            None => {
                let schema = found.unwrap();
                assert_eq!(schema.id(), &id);
                if !vector["schema"].is_null() && what != "unsorted" {
                    check_schema(&schema, &vector["schema"]);
                }
            }
        }
    }
}

fn field_view((index, (name, kind)): (usize, (&String, &String))) -> FieldDefinitionView {
    let id = OperationId::from_hash(Hash::of(&index.to_be_bytes())).into();
    FieldDefinitionView { id, name: name.clone(), field_type: kind.clone() }
}

fn is_expected_assembly(error: &str, found: &Result<Schema, AssembleError>) -> bool {
    use AssembleError as A;
    use SchemaError as S;
    let Err(found) = found else { return false };
    match error {
        "zero-fields" => matches!(found, A::Schema(S::NoFields)),
        "too-many-fields" => matches!(found, A::Schema(S::TooManyFields { .. })),
        "duplicate-field-names" => matches!(found, A::Schema(S::DuplicateField { .. })),
        "field-name" => matches!(found, A::FieldName { .. }),
        "field-views" => matches!(found, A::MissingView { .. } | A::UnpinnedView { .. }),
        "type" => matches!(found, A::FieldType { .. }),
        _ => false,
    }
}

#[test]
fn dv1_view_hash_ids() {
    for vector in list(&load("schemas.json")["view_hash_ids"]) {
        let view = view_id(&vector["view_id"]);
        assert_eq!(view.hash_id().to_string(), text(&vector["view_hash_id"]));
        assert_eq!(view.to_string(), text(&vector["text"]));
    }
}

/// The digest length must be 32; upper case is taken from people and made lower.
#[test]
fn dv1_view_id_texts() {
    for vector in list(&load("schemas.json")["view_id_texts"]) {
        let given = text(&vector["text"]);
        let is_valid = vector["valid"] == true && !given.starts_with("0021");
        let parsed = given.parse::<DocumentViewId>();
        assert_eq!(parsed.is_ok(), is_valid, "{given}");
        match parsed {
            Ok(view) => assert_eq!(view.to_string(), given.to_lowercase()),
            Err(ViewIdError::Order { .. }) => assert_eq!(text(&vector["error"]), "view-id-order"),
            Err(error) => assert!(matches!(error, ViewIdError::Hash(_)), "{given}: {error:?}"),
        }
    }
}

fn check(system: SystemSchema, bytes: &[u8]) -> Result<CheckedOperation, CheckError> {
    Schema::system(system).check(Operation::decode(bytes).unwrap())
}

#[test]
fn mime_types() {
    for vector in list(&load("schemas.json")["mime_types"]) {
        let mime_type = text(&vector["mime_type"]);
        let value = pandan_operations::RawValue::Str(mime_type.into());
        let update = Operation::Update {
            schema: SystemSchema::Blob.into(),
            previous: OperationId::from_hash(Hash::of(b"")).into(),
            fields: pandan_operations::Fields::from_pairs([("mime_type", value)]).unwrap(),
        };
        let found = Schema::system(SystemSchema::Blob).check(update);
        match found {
            Ok(_) => assert!(vector["valid"] == true, "{mime_type:?}"),
            Err(error) => {
                assert!(vector["valid"] == false, "{mime_type:?}");
                assert_eq!(error, CheckError::Rule(RuleError::MimeType));
            }
        }
    }
}

#[test]
fn blob_pieces_have_256_000_bytes() {
    for vector in list(&load("schemas.json")["blob_pieces"]) {
        let mut bytes = hex(&vector["head"]);
        let count = usize::try_from(
            vector["count"].as_u64().unwrap_or_else(|| text(&vector["count"]).parse().unwrap()),
        );
        let byte = hex(&vector["then_repeat"])[0];
        bytes.resize(bytes.len() + count.unwrap(), byte);
        assert_eq!(Hash::of(&bytes).to_string(), text(&vector["hash"]));
        let found = check(SystemSchema::BlobPiece, &bytes);
        let too_long = matches!(found, Err(CheckError::Rule(RuleError::PieceTooLong { .. })));
        assert_eq!((found.is_ok(), too_long), (vector["valid"] == true, vector["valid"] == false));
    }
}

#[test]
fn blobs_without_pieces_are_refused() {
    let bytes = hex(&load("schemas.json")["blob_without_pieces"]["encoded"]);
    let found = check(SystemSchema::Blob, &bytes);
    assert_eq!(found, Err(CheckError::Rule(RuleError::NoPieces)));
}

/// The fields of a document at a view: its operations are few, so that "the lowest that has all
/// its parents, one after the other" is their order.
fn reduce(
    system: SystemSchema,
    json: &Json,
) -> Result<(DocumentViewId, BTreeMap<FieldName, Value>), CheckError> {
    let schema = Schema::system(system);
    let mut operations = BTreeMap::new();
    for operation in list(&json["operations"]) {
        let id: OperationId = text(&operation["id"]).parse().unwrap();
        let decoded = Operation::decode(&hex(&operation["operation"])).unwrap();
        operations.insert(id, schema.check(decoded)?);
    }
    let view = view_id(&json["view_id"]);
    let mut wanted: BTreeSet<OperationId> = BTreeSet::new();
    let mut stack: Vec<OperationId> = view.iter().copied().collect();
    while let Some(id) = stack.pop() {
        wanted.insert(id);
        stack.extend(operations[&id].previous().into_iter().flatten());
    }
    let (mut done, mut fields) = (BTreeSet::new(), BTreeMap::new());
    while done.len() < wanted.len() {
        let is_ready = |id: &&OperationId| {
            let mut previous = operations[*id].previous().into_iter().flatten();
            !done.contains(*id) && previous.all(|id| done.contains(id))
        };
        let next = *wanted.iter().find(is_ready).unwrap();
        fields.extend(operations[&next].fields().unwrap().iter().cloned());
        done.insert(next);
    }
    Ok((view, fields))
}

fn assemble(vector: &Json) -> Result<Result<Schema, AssembleError>, CheckError> {
    let mut views = Vec::new();
    for given in list(&vector["field_views_given"]) {
        let json = &vector["field_definitions"][usize::try_from(given.as_u64().unwrap()).unwrap()];
        let (id, fields) = reduce(SystemSchema::SchemaFieldDefinition, json)?;
        let fields = fields.iter().map(|(name, value)| (name.as_str(), value));
        views.push(FieldDefinitionView::from_fields(id, fields).unwrap());
    }
    let (id, fields) = reduce(SystemSchema::SchemaDefinition, &vector["schema_definition"])?;
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value));
    let definition = DefinitionView::from_fields(id, fields).unwrap();
    Ok(Schema::assemble(&definition, &views))
}

#[test]
fn schemas_are_assembled_from_their_definitions() {
    let vectors = load("schemas.json");
    for vector in list(&vectors["definitions"]) {
        let kind = text(&vector["kind"]);
        let found = match assemble(vector) {
            Ok(found) => found,
            // The reference takes the text of the type in the operation, and not afterwards.
            Err(CheckError::Rule(RuleError::FieldType(_))) => {
                assert_eq!(kind, "type accepted by validation only");
                continue;
            }
            Err(error) => panic!("{kind}: {error:?}"),
        };
        let is_duplicate = ["same field twice", "duplicate names, apart"].contains(&kind);
        match vector["error"].as_str() {
            Some(error) => assert!(is_expected_assembly(error, &found), "{kind}: {found:?}"),
            // Our rule: no field twice, wherever it stands.
            None if is_duplicate => assert!(is_expected_assembly("duplicate-field-names", &found)),
            None => check_schema(&found.unwrap(), &vector["schema"]),
        }
    }
}
