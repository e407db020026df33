//! Sequences of requests and what is answered to each.

use pandan_admission::{Candidate, Door, Refusal, SchemaFact, Verdict, decide};
use pandan_bamboo::NextArgs;
use pandan_operations::SchemaId;
use serde_json::{Value as Json, json};

use super::case::{Case, same};
use super::schemas::schema_of;
use super::{Checked, FileReport};
use crate::memory::Memory;

pub(crate) fn check(file: &Json, report: &mut FileReport) {
    report.each(file, "sequences", check_sequence);
}

/// Plays a sequence, unless it starts from a state that nobody can reach.
fn check_sequence(case: &Case<'_>) -> Checked {
    let decided = case.0.get("decided").and_then(Json::as_str).unwrap_or_default();
    if decided.starts_with("skip") || case.has("skip") {
        return Ok(());
    }
    let schemas = case.sub("schemas")?.0.as_object().ok_or("expected schemas")?;
    let mut memory = Memory::default();
    for schema in schemas.values() {
        memory = memory.with_schema(schema_of(&Case(schema))?);
    }
    for (index, step) in case.list("steps")?.iter().enumerate() {
        if step.0.get("decided").and_then(Json::as_str).is_some_and(|word| word == "skip") {
            continue;
        }
        check_step(&mut memory, step).map_err(|problem| format!("step {index}: {problem}"))?;
    }
    Ok(())
}

fn check_step(memory: &mut Memory, step: &Case<'_>) -> Checked {
    let found = match step.text("call")? {
        "next_args" => {
            let author = step.parse("public_key")?;
            let view = if step.has("view_id") { step.ids("view_id")? } else { Vec::new() };
            memory.next_args(author, &view).map_err(|error| error.code())
        }
        "publish" => publish(memory, step)?.map_err(|refusal| refusal.code()),
        call => return Err(format!("unknown call {call}")),
    };
    match (step.0.get("decided").or_else(|| step.0.get("ok")), found) {
        (Some(expected), Ok(next)) => same("answer", &answer(&next), expected),
        (Some(expected), Err(code)) => Err(format!("refused with {code}, expected {expected}")),
        (None, found) => {
            let word = step.sub("error")?.text("code")?;
            let found = found.map(|next| answer(&next));
            same(word, found, Err(code(word).ok_or_else(|| format!("unknown error {word}"))?))
        }
    }
}

fn publish(memory: &mut Memory, step: &Case<'_>) -> Result<Result<NextArgs, Refusal>, String> {
    let candidate = match Candidate::examine(&step.bytes("entry")?, &step.bytes("operation")?) {
        Ok(candidate) => candidate,
        Err(refusal) => return Ok(Err(refusal)),
    };
    same("entry hash", candidate.id().to_string().as_str(), step.text("entry_hash")?)?;
    let mut facts = memory.facts(&candidate.questions());
    // The reference is handed a schema, and so can be handed the wrong one.
    let handed: SchemaId = step.parse("schema_id")?;
    facts.schema = memory.schemas.get(&handed).cloned().unwrap_or(SchemaFact::Unknown);
    match decide(candidate, &facts, Door::Client) {
        Verdict::Admitted(admitted) => {
            memory.apply(&admitted);
            Ok(Ok(admitted.next().ok_or("expected arguments for a next entry")?))
        }
        Verdict::Fork(_) => Err(String::from("a client cannot fork a log")),
        Verdict::Known { .. } => {
            Err(String::from("a client hears that the sequence number is wrong"))
        }
        Verdict::Wait(waiting) => Ok(Err(waiting.into_refusal())),
        Verdict::Refused(refusal) => Ok(Err(refusal)),
    }
}

fn answer(next: &NextArgs) -> Json {
    let links = next.links();
    json!({
        "backlink": links.backlink().map(|hash| hash.to_string()),
        "skiplink": links.skiplink().map(|hash| hash.to_string()),
        "seq_num": next.seq_num().to_string(),
        "log_id": next.log_id().to_string(),
    })
}

/// Our code for an error of the reference.
fn code(word: &str) -> Option<&'static str> {
    Some(match word {
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
        _ => return None,
    })
}
