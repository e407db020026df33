//! Operations: written and read bit for bit, refused for the right reason, decided upon.

use pandan_bamboo::{Hash, HashError};
use pandan_operations::{
    Fields, Float, Operation, Problem, RawValue, SchemaId, SchemaIdError, ViewIdError,
};
use pandan_schema::{CheckError, CheckedOperation, FieldName, RuleError, Value, ValueError};
use serde_json::Value as Json;

use super::case::{Case, encode_hex, same, words};
use super::schemas::schema_of;
use super::{Checked, FileReport};

pub(crate) fn check(file: &Json, report: &mut FileReport) {
    report.each(file, "operations", |case| {
        let (bytes, json) = (case.bytes("encoded")?, case.sub("operation")?);
        let built = operation(&json)?;
        same("encoded", encode_hex(&built.encode()), encode_hex(&bytes))?;
        let decoded = Operation::decode(&bytes).map_err(words)?;
        same("decoded", &decoded, &built)?;
        same("hash", Hash::of(&bytes).to_string().as_str(), case.text("hash")?)?;
        let schema = schema_of(&case.sub("schema")?)?;
        let checked = schema.check(decoded).map_err(words)?;
        check_types(&checked, &json)?;
        check_values(&checked, &built)
    });
}

pub(crate) fn check_invalid(file: &Json, report: &mut FileReport) {
    report.each(file, "operations", |case| {
        let error = case.text("error")?;
        let is_decoding = case.text("stage")? == "decode";
        let operation = match Operation::decode(&case.bytes("encoded")?) {
            Ok(operation) => operation,
            Err(found) => {
                let is_right = is_stricter(found.problem)
                    || (is_decoding && is_expected_problem(error, found.problem));
                return right(is_right, error, &found);
            }
        };
        if is_decoding {
            return Err(format!("decoded despite {error}"));
        }
        match schema_of(&case.sub("schema")?)?.check(operation) {
            Ok(_) => Err(format!("accepted despite {error}")),
            Err(found) => right(is_expected_check(error, &found), error, &found),
        }
    });
}

fn right(is_right: bool, expected: &str, found: &impl std::fmt::Debug) -> Checked {
    if is_right { Ok(()) } else { Err(format!("expected {expected}, found {found:?}")) }
}

pub(crate) fn check_odd(file: &Json, report: &mut FileReport) {
    report.each(file, "odd", check_odd_case);
    report.each(file, "plain", check_odd_case);
}

fn check_odd_case(case: &Case<'_>) -> Checked {
    let accepted = accept_odd(case)?;
    let decided = case.text("decided")? == "accept";
    match (&accepted, decided) {
        (Ok(()), true) | (Err(_), false) => Ok(()),
        (Ok(()), false) => Err(String::from("accepted, but decided to be refused")),
        // Hashes and schema ids have one spelling; some cases are marked by the form of their
        // CBOR alone.
        (Err(Odd { is_spelling: true, .. }), true) => Ok(()),
        (Err(Odd { words, .. }), true) => Err(format!("refused: {words}")),
    }
}

/// Why an odd operation was refused.
struct Odd {
    words: String,
    is_spelling: bool,
}

/// Decodes and checks an operation. What is wrong with an accepted one is an outer error.
fn accept_odd(case: &Case<'_>) -> Result<Result<(), Odd>, String> {
    let bytes = case.bytes("encoded")?;
    let decoded = match Operation::decode(&bytes) {
        Ok(decoded) => decoded,
        Err(error) => {
            return Ok(Err(Odd { words: words(error), is_spelling: is_odd_hash(error.problem) }));
        }
    };
    same("decoded", &decoded, &operation(&case.sub("plain")?)?)?;
    same("encoded again", encode_hex(&decoded.encode()), encode_hex(&bytes))?;
    // Where the vector names no schema, decoding decides alone.
    if !case.has("schema") {
        return Ok(Ok(()));
    }
    match schema_of(&case.sub("schema")?) {
        Err(words) => Ok(Err(Odd { words, is_spelling: false })),
        Ok(schema) => match schema.check(decoded) {
            Ok(checked) => {
                check_values(&checked, &operation(&case.sub("operation")?)?)?;
                Ok(Ok(()))
            }
            Err(error) => {
                let is_spelling = matches!(
                    error,
                    CheckError::Rule(RuleError::FieldType(pandan_schema::FieldTypeError::Target(
                        SchemaIdError::UnknownSystemSchema | SchemaIdError::ViewId(_)
                    )))
                );
                Ok(Err(Odd { words: words(&error), is_spelling }))
            }
        },
    }
}

/// The operation that a case describes.
fn operation(json: &Case<'_>) -> Result<Operation, String> {
    let schema: SchemaId = json.parse("schema_id")?;
    match json.text("action")? {
        "create" => Ok(Operation::Create { schema, fields: fields(json)? }),
        "update" => {
            let previous = json.view_id("previous")?;
            Ok(Operation::Update { schema, previous, fields: fields(json)? })
        }
        "delete" => Ok(Operation::Delete { schema, previous: json.view_id("previous")? }),
        other => Err(format!("unknown action {other}")),
    }
}

fn fields(json: &Case<'_>) -> Result<Fields, String> {
    let fields = json.sub("fields")?.0.as_object().ok_or("expected fields")?;
    let pairs: Result<Vec<_>, String> =
        fields.iter().map(|(name, value)| Ok((name.as_str(), raw_value(&Case(value))?))).collect();
    Fields::from_pairs(pairs?).map_err(words)
}

/// A typed (`type`) or plain (`plain`) value, as it is encoded.
fn raw_value(json: &Case<'_>) -> Result<RawValue, String> {
    let value = json.sub("value")?;
    let kind = json.text("type").or_else(|_| json.text("plain"))?;
    Ok(match kind {
        "bool" => RawValue::Bool(json.flag("value")?),
        "int" => RawValue::Int(json.parse("value")?),
        "float" => {
            let bits = u64::from_str_radix(value.as_text()?, 16).map_err(words)?;
            RawValue::Float(Float::new(f64::from_bits(bits)))
        }
        "str" => RawValue::Str(value.as_text()?.into()),
        "bytes" | "relation" => RawValue::Bytes(value.as_bytes()?),
        "relation_list" | "pinned_relation" | "hash[]" => RawValue::HashList(value.as_hashes()?),
        "pinned_relation_list" | "hash[][]" => {
            let lists = value.0.as_array().ok_or("expected a list")?;
            // CBOR does not tell an empty list from the other.
            if lists.is_empty() {
                RawValue::HashList(Vec::new())
            } else {
                let lists = lists.iter().map(|list| Case(list).as_hashes());
                RawValue::NestedHashList(lists.collect::<Result<_, _>>()?)
            }
        }
        other => return Err(format!("unknown kind of value {other}")),
    })
}

/// Typed values encode to the values they came from.
fn check_values(checked: &CheckedOperation, expected: &Operation) -> Checked {
    same("action", checked.action(), expected.action())?;
    same("schema", checked.schema(), expected.schema())?;
    same("previous", checked.previous(), expected.previous())?;
    let raw = |fields: &Vec<(FieldName, Value)>| -> Vec<(String, RawValue)> {
        fields.iter().map(|(name, value)| (name.to_string(), value.to_raw())).collect()
    };
    let expected = expected.fields().map(|fields| {
        fields.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect()
    });
    same("fields", checked.fields().map(raw), expected)
}

fn check_types(checked: &CheckedOperation, json: &Case<'_>) -> Checked {
    for (name, value) in checked.fields().into_iter().flatten() {
        let found = match value {
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::Str(_) => "str",
            Value::Bytes(_) => "bytes",
            Value::Relation(_) => "relation",
            Value::RelationList(_) => "relation_list",
            Value::PinnedRelation(_) => "pinned_relation",
            Value::PinnedRelationList(_) => "pinned_relation_list",
        };
        same(name.as_str(), found, json.sub("fields")?.sub(name.as_str())?.text("type")?)?;
    }
    Ok(())
}

/// Which of our problems each error word of the vectors stands for.
fn is_expected_problem(error: &str, problem: Problem) -> bool {
    use Problem as P;
    use SchemaIdError as S;
    match error {
        // A list of hashes is known to be one before its items are read.
        "cbor-end-of-input" => matches!(problem, P::EndOfInput { .. } | P::Item { .. }),
        "cbor-syntax" => matches!(problem, P::Reserved { .. } | P::Utf8),
        // Hashes in lists are a kind of value to the reference. It looks at the kind of an item
        // before its text.
        "cbor-depth" | "value-kind" | "wrong-kind" => {
            matches!(problem, P::Item { .. } | P::Hash(_) | P::Utf8)
        }
        "missing-version" | "missing-action" | "missing-schema-id" | "missing-previous"
        | "missing-fields" | "too-many-items" => matches!(problem, P::Items { .. }),
        "unknown-version" => matches!(problem, P::Version { .. }),
        "unknown-action" => matches!(problem, P::Action { .. }),
        "negative" => matches!(problem, P::Item { found: "a negative integer", .. }),
        "int-range" => matches!(problem, P::IntRange),
        "field-order" => matches!(problem, P::FieldOrder),
        "field-duplicate" => matches!(problem, P::DuplicateField),
        "hash-length" | "hash-prefix" => matches!(problem, P::Hash(_)),
        "view-id-empty" => matches!(problem, P::Previous(ViewIdError::Empty)),
        "view-id-order" => matches!(problem, P::Previous(ViewIdError::Order { .. })),
        "schema-id:no-underscore" => matches!(problem, P::SchemaId(S::NoVersion)),
        "schema-id:no-name" => matches!(problem, P::SchemaId(S::NoName)),
        "schema-id:name" => matches!(problem, P::SchemaId(S::Name(_))),
        // The one text of an underscore and nothing else has neither name nor hash.
        "schema-id:hash-length" | "schema-id:hash-hex" | "schema-id:hash-prefix" => {
            matches!(problem, P::SchemaId(S::ViewId(ViewIdError::Hash(_)) | S::NoName))
        }
        "schema-id:view-id-order" => {
            matches!(problem, P::SchemaId(S::ViewId(ViewIdError::Order { .. })))
        }
        "schema-id:unknown-system-schema" | "schema-id:version" => {
            matches!(problem, P::SchemaId(S::UnknownSystemSchema))
        }
        _ => false,
    }
}

/// Where we refuse what the reference takes, or looks at later.
fn is_stricter(problem: Problem) -> bool {
    let is_other_form = matches!(
        problem,
        Problem::LongHead { .. }
            | Problem::Indefinite { .. }
            | Problem::Item { found: "a tag", .. }
            | Problem::FloatWidth { .. }
            | Problem::Nan
            | Problem::Trailing { .. }
    );
    // The reference reads the frame from a byte string as well, and `previous` from text.
    let is_other_kind = matches!(
        problem,
        Problem::Item { expected: "an array of 4 or 5 items", found: "bytes" }
            | Problem::Item { expected: "an array of previous operations", found: "text" }
    );
    // The number of items is judged before the items; no type has empty lists in lists; there are
    // no other versions of system schemas.
    let is_early = matches!(
        problem,
        Problem::Items { .. }
            | Problem::EmptyInnerList
            | Problem::SchemaId(SchemaIdError::UnknownSystemSchema)
    );
    is_other_form || is_other_kind || is_early || is_odd_hash(problem)
}

/// Hashes have one form: the length byte is 32, digits are in lower case.
fn is_odd_hash(problem: Problem) -> bool {
    let (Problem::Hash(hash) | Problem::SchemaId(SchemaIdError::ViewId(ViewIdError::Hash(hash)))) =
        problem
    else {
        return false;
    };
    matches!(hash, HashError::DigestLength { .. } | HashError::UpperCase { .. })
}

/// Which refusal by a schema each error word of the vectors stands for.
fn is_expected_check(error: &str, found: &CheckError) -> bool {
    use CheckError as C;
    use RuleError as R;
    use ValueError as V;
    let value = match found {
        C::Value { source, .. } => Some(source),
        _ => None,
    };
    match error {
        "schema-mismatch" => matches!(found, C::Schema { .. }),
        "missing-field" => matches!(found, C::MissingField { .. }),
        "unknown-field" => matches!(found, C::UnknownField { .. }),
        "field:field-name-mismatch" => {
            matches!(found, C::MissingField { .. } | C::UnknownField { .. })
        }
        "field:type" => matches!(value, Some(V::Type { .. })),
        "field:hash-length" => matches!(value, Some(V::Relation(HashError::Length { .. }))),
        "field:hash-prefix" => matches!(value, Some(V::Relation(HashError::Algorithm { .. }))),
        "field:view-id-empty" => matches!(value, Some(V::PinnedRelation(ViewIdError::Empty))),
        "field:view-id-order" => {
            matches!(value, Some(V::PinnedRelation(ViewIdError::Order { .. })))
        }
        "system:name" => matches!(found, C::Rule(R::SchemaName(_) | R::FieldName(_))),
        "system:description" => matches!(found, C::Rule(R::Description(_))),
        "system:fields" => matches!(found, C::Rule(R::TooManyFields { .. })),
        "system:type" => matches!(found, C::Rule(R::FieldType(_))),
        "system:mime-type" => matches!(found, C::Rule(R::MimeType)),
        "system:data" => matches!(found, C::Rule(R::PieceTooLong { .. })),
        _ => false,
    }
}
