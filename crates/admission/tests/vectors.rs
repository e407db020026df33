//! Sequences of requests and the answers of the reference implementation.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::Memory;
use pandan_admission::{Candidate, Door, NextArgsError, Refusal, SchemaFact, Verdict};
use pandan_bamboo::NextArgs;
use pandan_operations::{FieldName, OperationId, SchemaId};
use pandan_schema::{FieldType, Schema};
use serde_json::{Value, json};

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn ids(value: &Value) -> Vec<OperationId> {
    let ids = value.as_array().into_iter().flatten();
    ids.map(|id| id.as_str().unwrap().parse().unwrap()).collect()
}

fn schema(value: &Value) -> Schema {
    let id: SchemaId = value["id"].as_str().unwrap().parse().unwrap();
    let fields = value["fields"].as_object().unwrap().iter().map(|(name, field_type)| {
        let field_type: FieldType = field_type.as_str().unwrap().parse().unwrap();
        (FieldName::parse(name).unwrap(), field_type)
    });
    Schema::new(id, value["description"].as_str().unwrap(), fields).unwrap()
}

fn answer(next: &NextArgs) -> Value {
    let links = next.links();
    json!({
        "backlink": links.backlink().map(|hash| hash.to_string()),
        "skiplink": links.skiplink().map(|hash| hash.to_string()),
        "seq_num": next.seq_num().to_string(),
        "log_id": next.log_id().to_string(),
    })
}

/// Our code for an error of the reference.
fn code(kind: &str) -> &'static str {
    match kind {
        "max-seq-num-reached" | "max-seq-num" => "MAX_SEQ_NUM_REACHED",
        "deleted-document" | "document-deleted" => "DOCUMENT_DELETED",
        "lipmaa-target-missing" => "SKIPLINK_NOT_FOUND",
        "two-documents" => "SEVERAL_DOCUMENTS",
        "previous-unknown" => "PREVIOUS_NOT_FOUND",
        "payload-hash" => "ENTRY_MALFORMED",
        "signature" => "SIGNATURE_INVALID",
        "schema-mismatch" | "other-schema-than-previous" => "SCHEMA_MISMATCH",
        "field:field-name-mismatch" => "FIELD_MISSING",
        "unknown-field" => "FIELD_UNKNOWN",
        "payload-hash-mismatch" => "PAYLOAD_HASH_MISMATCH",
        "backlink-mismatch" => "BACKLINK_MISMATCH",
        "lipmaa-mismatch" => "SKIPLINK_MISMATCH",
        "log-not-found" => "DOCUMENT_LOG_NOT_FOUND",
        "other-log-expected" => "LOG_ID_MISMATCH",
        "not-next-seq-num" => "SEQ_NUM_MISMATCH",
        kind => panic!("unknown error of the reference: {kind}"),
    }
}

fn publish(memory: &mut Memory, step: &Value) -> Result<NextArgs, Refusal> {
    let candidate = Candidate::examine(&bytes(&step["entry"]), &bytes(&step["operation"]))?;
    assert_eq!(candidate.id().to_string(), step["entry_hash"].as_str().unwrap());
    let mut facts = memory.facts(&candidate.questions());
    // The reference is handed a schema, and so can be handed the wrong one.
    let handed: SchemaId = step["schema_id"].as_str().unwrap().parse().unwrap();
    facts.schema = memory.schemas.get(&handed).cloned().unwrap_or(SchemaFact::Unknown);
    match pandan_admission::decide(candidate, &facts, Door::Client) {
        Verdict::Admitted(admitted) => {
            memory.apply(&admitted);
            Ok(admitted.next().expect("no entry of the vectors ends a log"))
        }
        Verdict::Known => panic!("a client hears that the sequence number is wrong"),
        Verdict::Wait(waiting) => Err(waiting.into_refusal()),
        Verdict::Refused(refusal) => Err(refusal),
    }
}

fn check(step: &Value, found: Result<NextArgs, &'static str>, about: &str) {
    let expected = match step.get("decided").or_else(|| step.get("ok")) {
        Some(ok) => Ok(ok.clone()),
        None => Err(code(step["error"]["code"].as_str().unwrap())),
    };
    assert_eq!(found.map(|next| answer(&next)), expected, "{about}");
}

#[test]
fn publish_and_next_args_answer_as_the_vectors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/vectors/publish.json");
    let vectors: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let mut played = BTreeMap::new();
    for sequence in vectors["sequences"].as_array().unwrap() {
        if sequence["decided"].as_str().is_some_and(|decided| decided.starts_with("skip")) {
            *played.entry("skipped").or_insert(0) += 1;
            continue;
        }
        *played.entry("sequences").or_insert(0) += 1;
        let schemas = sequence["schemas"].as_object().unwrap().values().map(schema);
        let mut memory = schemas.fold(Memory::default(), Memory::with_schema);
        for (index, step) in sequence["steps"].as_array().unwrap().iter().enumerate() {
            let about = format!("{}, step {index}: {}", sequence["name"], step["note"]);
            match step["call"].as_str().unwrap() {
                "next_args" => {
                    let author = step["public_key"].as_str().unwrap().parse().unwrap();
                    let found = memory.next_args(author, &ids(&step["view_id"]));
                    check(step, found.map_err(|error: NextArgsError| error.code()), &about);
                }
                "publish" => {
                    let found = publish(&mut memory, step);
                    check(step, found.map_err(|refusal| refusal.code()), &about);
                }
                call => panic!("{about}: unknown call {call}"),
            }
            *played.entry("steps").or_insert(0) += 1;
        }
    }
    assert_eq!(played, BTreeMap::from([("sequences", 40), ("skipped", 8), ("steps", 1291)]));
}
