//! The verdict: a pure function of a candidate and the facts about it.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pandan_bamboo::{EncodedEntry, ForkProof, Header, LinkError, NextArgs, SeqNum, check_links};
use pandan_operations::{DocumentId, DocumentViewId, OperationId};
use pandan_schema::{CheckedOperation, Schema};

use crate::{Candidate, Facts, Missing, Refusal, SchemaFact, Waiting, blob};

/// Who asks: it decides how much is asked of a candidate.
///
/// What a peer sends may be older than what is stored, so it is only refused for what would be
/// wrong at any time: the same set of entries must give the same documents, whatever the order of
/// arrival (PN22). A client writes now, and hears when that makes no sense any more (PN23).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// Somebody publishes what they just wrote. Refused besides: writing to a deleted document or
    /// to a retired schema, incomplete blobs, and entries that are stored already.
    Client,
    /// A peer passes on what it has.
    Peer,
}

/// What is to become of a candidate.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// It may be stored.
    Admitted(Box<Admitted>),
    /// This very entry is stored already (PN26).
    Known,
    /// It cannot be judged before something else arrived.
    Wait(Box<Waiting>),
    /// It may not be stored.
    Refused(Refusal),
}

/// An entry and its operation that may be stored: they keep all rules of entries, operations, logs
/// and documents.
///
/// Only [`decide`] makes one, and stores take nothing else.
#[derive(Clone, Debug)]
pub struct Admitted {
    entry: EncodedEntry,
    payload: Vec<u8>,
    operation: CheckedOperation,
    schema: Arc<Schema>,
    document: DocumentId,
    next: Option<NextArgs>,
}

impl Admitted {
    /// What the entry says of itself.
    #[must_use]
    pub const fn header(&self) -> &Header {
        self.entry.header()
    }

    /// The name of the operation: the hash of its entry.
    #[must_use]
    pub const fn id(&self) -> OperationId {
        OperationId::from_hash(*self.header().hash().as_hash())
    }

    /// The entry.
    pub const fn entry(&self) -> &EncodedEntry {
        &self.entry
    }

    /// The encoded entry.
    #[must_use]
    pub fn entry_bytes(&self) -> &[u8] {
        self.entry.as_bytes()
    }

    /// The encoded operation.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The operation.
    #[must_use]
    pub const fn operation(&self) -> &CheckedOperation {
        &self.operation
    }

    /// The schema that the operation follows.
    #[must_use]
    pub const fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The document that it begins or changes.
    #[must_use]
    pub const fn document_id(&self) -> DocumentId {
        self.document
    }

    /// Arguments for the next entry of the same log; none when the entry ends it.
    #[must_use]
    pub const fn next(&self) -> Option<NextArgs> {
        self.next
    }

    /// Gives away the entry, the encoded operation and the operation.
    pub fn into_parts(self) -> (EncodedEntry, Vec<u8>, CheckedOperation) {
        (self.entry, self.payload, self.operation)
    }
}

/// Decides whether a candidate may be stored.
///
/// The checks, of which the first that fails is reported:
///
/// 1. the schema is known, and for a client in use;
/// 2. the entry is the next one of its log;
/// 3. the target of its skiplink is there, its links name the right entries, and the log was not
///    ended before;
/// 4. the operation fits the schema;
/// 5. all previous operations are there, follow the same schema and are of one document (NO3);
/// 6. for a client: the document is not deleted;
/// 7. the author writes the document in this log and nothing else in it (DO5);
/// 8. for a client: a blob is complete (PN24);
/// 9. there is a next entry.
///
/// What came before them stands in [`Candidate::examine`].
pub fn decide(candidate: Candidate, facts: &Facts, door: Door) -> Verdict {
    let schema = match judge_entry(&candidate, facts, door) {
        Ok(schema) => schema,
        Err(Stop::Known) => return Verdict::Known,
        Err(Stop::Refuse(refusal)) => return Verdict::Refused(refusal),
        Err(Stop::Wait(missing)) => return wait(candidate, missing),
    };
    let document = match find_document(&candidate, facts) {
        Ok(document) => document,
        // What can be refused now need not wait.
        Err(missing) => {
            return match schema.check(candidate.operation().clone()) {
                Ok(_) => wait(candidate, missing),
                Err(error) => Verdict::Refused(error.into()),
            };
        }
    };
    let Candidate { entry, payload, operation } = candidate;
    let admitted = schema.check(operation).map_err(Refusal::from).and_then(|operation| {
        let document = document?;
        check_document(document, entry.header(), facts, door)?;
        if door == Door::Client {
            blob::check_complete(&operation, &facts.pieces)?;
        }
        let next = next_of(entry.header(), facts, door)?;
        Ok(Admitted { entry, payload, operation, schema: Arc::clone(schema), document, next })
    });
    match admitted {
        Ok(admitted) => Verdict::Admitted(Box::new(admitted)),
        Err(refusal) => Verdict::Refused(refusal),
    }
}

fn wait(candidate: Candidate, missing: Missing) -> Verdict {
    Verdict::Wait(Box::new(Waiting { candidate, missing }))
}

/// Why judging ends early.
enum Stop {
    Known,
    Wait(Missing),
    Refuse(Refusal),
}

/// Checks 1 to 3.
fn judge_entry<'f>(
    candidate: &Candidate,
    facts: &'f Facts,
    door: Door,
) -> Result<&'f Arc<Schema>, Stop> {
    let id = candidate.operation().schema();
    let schema = match (&facts.schema, door) {
        (SchemaFact::Unknown, _) => return Err(Stop::Wait(Missing::Schema(id.clone()))),
        (SchemaFact::Retired(_), Door::Client) => {
            return Err(Stop::Refuse(Refusal::SchemaRetired { schema: id.clone() }));
        }
        (SchemaFact::Active(schema) | SchemaFact::Retired(schema), _) => schema,
    };
    check_place(candidate, facts, door)?;
    let header = candidate.header();
    if let (Some(hash), None) = (header.links().skiplink(), &facts.skiplink) {
        let seq_num = header.seq_num().skiplink().unwrap_or(SeqNum::FIRST);
        return Err(Stop::Wait(Missing::Skiplink { seq_num, hash }));
    }
    let backlink = facts.log.as_ref().map(|log| &log.latest);
    check_links(header, backlink, facts.skiplink.as_ref()).map_err(refuse_links)?;
    Ok(schema)
}

fn refuse_links(error: LinkError) -> Stop {
    Stop::Refuse(error.into())
}

/// Check 2.
fn check_place(candidate: &Candidate, facts: &Facts, door: Door) -> Result<(), Stop> {
    let header = candidate.header();
    let found = header.seq_num();
    let latest = facts.log.as_ref().map(|log| log.latest.seq_num());
    let expected = match latest {
        None => Some(SeqNum::FIRST),
        Some(latest) => latest.next(),
    };
    let Some(expected) = expected else {
        return Err(taken(candidate, facts, door, Refusal::MaxSeqNum));
    };
    match (found.cmp(&expected), header.links().backlink()) {
        (core::cmp::Ordering::Equal, _) => Ok(()),
        (core::cmp::Ordering::Greater, Some(hash)) => {
            Err(Stop::Wait(Missing::Backlink { hash, expected, found }))
        }
        _ => Err(taken(candidate, facts, door, Refusal::SeqNum { expected, found })),
    }
}

/// The place of the entry is behind the end of the log already.
fn taken(candidate: &Candidate, facts: &Facts, door: Door, refusal: Refusal) -> Stop {
    let Some(stored) = &facts.same_place else { return Stop::Refuse(refusal) };
    if door == Door::Client {
        return Stop::Refuse(refusal);
    }
    match ForkProof::new(&stored.as_authentic(), &candidate.entry.as_authentic()) {
        Ok(proof) => Stop::Refuse(Refusal::Fork(Box::new(proof))),
        Err(_) if stored.hash() == candidate.entry.hash() => Stop::Known,
        // What was handed in as "the same place" is none.
        Err(_) => Stop::Refuse(Refusal::WrongFacts),
    }
}

/// Check 5: the document to which the operation belongs, or what is missing to tell.
fn find_document(
    candidate: &Candidate,
    facts: &Facts,
) -> Result<Result<DocumentId, Refusal>, Missing> {
    let Some(previous) = candidate.operation().previous() else {
        return Ok(Ok(candidate.id().into()));
    };
    let mut found = facts.previous.iter();
    let mut documents = Vec::with_capacity(previous.len());
    for &operation in previous.as_slice() {
        let fact = found.next().filter(|fact| fact.operation == operation);
        let Some(fact) = fact.and_then(|fact| fact.found.as_ref()) else {
            return Err(Missing::Previous(operation));
        };
        if fact.schema != *candidate.operation().schema() {
            return Ok(Err(Refusal::OtherSchema {
                operation,
                expected: fact.schema.clone(),
                found: candidate.operation().schema().clone(),
            }));
        }
        documents.push(fact.document);
    }
    Ok(one_document(previous, &documents))
}

fn one_document(
    previous: &DocumentViewId,
    documents: &[DocumentId],
) -> Result<DocumentId, Refusal> {
    // A view id is never empty, so there is a first one.
    let first = documents.first().copied().ok_or(Refusal::WrongFacts)?;
    match previous.iter().zip(documents).find(|&(_, &document)| document != first) {
        None => Ok(first),
        Some((&operation, &found)) => {
            Err(Refusal::SeveralDocuments { operation, expected: first, found })
        }
    }
}

/// Checks 6 and 7.
fn check_document(
    document: DocumentId,
    header: &Header,
    facts: &Facts,
    door: Door,
) -> Result<(), Refusal> {
    let is_create = document.as_hash() == header.hash().as_hash();
    let existing_log = match &facts.document {
        _ if is_create => None,
        Some(fact) if fact.id == document => {
            if fact.deleted && door == Door::Client {
                return Err(Refusal::DocumentDeleted { document });
            }
            fact.log
        }
        _ => return Err(Refusal::WrongFacts),
    };
    match existing_log {
        Some(expected) if expected != header.log_id() => {
            Err(Refusal::LogId { document, expected, found: header.log_id() })
        }
        None if header.seq_num() != SeqNum::FIRST => {
            Err(Refusal::DocumentLogNotFound { document, log_id: header.log_id() })
        }
        _ if facts.log.is_some_and(|log| log.document != document) => Err(Refusal::WrongFacts),
        _ => Ok(()),
    }
}

/// Check 9.
fn next_of(header: &Header, facts: &Facts, door: Door) -> Result<Option<NextArgs>, Refusal> {
    let next = header.seq_num().next().ok_or(Refusal::MaxSeqNum)?;
    if header.is_end_of_log() {
        return Ok(None);
    }
    match (NextArgs::after(header, facts.next_skiplink), next.skiplink()) {
        (Ok(next), _) => Ok(Some(next)),
        (Err(_), Some(seq_num)) if door == Door::Client => {
            Err(Refusal::SkiplinkNotFound { seq_num })
        }
        (Err(_), _) => Ok(None),
    }
}
