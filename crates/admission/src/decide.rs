//! The verdict: a pure function of a candidate and the facts about it.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pandan_bamboo::{
    EncodedEntry, ForkProof, Header, LinkError, NextArgs, NotAFork, SeqNum, check_links,
};
use pandan_operations::{DocumentId, DocumentViewId, OperationId};
use pandan_schema::{CheckedOperation, Schema};

use crate::{Candidate, Facts, ForkFact, Missing, Refusal, SchemaFact, Waiting, blob};

/// Who asks: it decides how much is asked of a candidate.
///
/// What a peer sends may be older than what is stored, so it is only refused for what would be
/// wrong at any time: the same set of entries must give the same documents, whatever the order of
/// arrival (PN22). A client writes now, and hears when that makes no sense any more (PN23).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// Somebody publishes what they just wrote. Refused besides: writing to a deleted document or
    /// to a retired schema, incomplete blobs, entries that are stored already, a second log for a
    /// document, and going on with a log from its fork on.
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
    /// It proves a fork of its log that was not known before, or one that counts for more than the
    /// known one. The proof is to be kept, whatever becomes of the entry; with the log frozen, the
    /// candidate is to be decided upon again.
    Fork(Box<Forked>),
    /// This very entry is stored already (PN26).
    Known {
        /// Whether it is void.
        is_void: bool,
    },
    /// It cannot be judged before something else arrived.
    Wait(Box<Waiting>),
    /// It may not be stored.
    Refused(Refusal),
}

/// An entry that does not go together with what is known of its log.
#[derive(Clone, Debug)]
pub struct Forked {
    /// The candidate.
    pub candidate: Candidate,
    /// Both entries; of all that is known, the proof that counts.
    pub proof: ForkProof,
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
    is_void: bool,
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

    /// Whether it stands at or above the fork of its log: it connects other operations, beside the
    /// line of the log, and has no effect on the latest state (PN31).
    #[must_use]
    pub const fn is_void(&self) -> bool {
        self.is_void
    }

    /// Arguments for the next entry of the same log; none when the entry ends it, and when the log
    /// is frozen behind it.
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
/// 1. from a peer: it proves no fork that was not known (PN10, PN30);
/// 2. the schema is known, and for a client in use;
/// 3. the log is not frozen, or only behind the place of the entry (PN35); else a client is
///    refused, and what a peer brings is judged by checks 6 and 7 alone;
/// 4. the entry is the next one of its log;
/// 5. the target of its skiplink is there, its links name the right entries, and the log was not
///    ended before; from a peer an entry of another branch waits until that shows;
/// 6. the operation fits the schema;
/// 7. all previous operations are there, follow the same schema and are of one document (NO3);
/// 8. for a client: the document is not deleted;
/// 9. nothing else is written in this log (DO5), and for a client: the document is written in no
///    other log of the author that goes on (PN37);
/// 10. for a client: a blob is complete (PN24);
/// 11. there is a next entry.
///
/// What came before them stands in [`Candidate::examine`].
pub fn decide(candidate: Candidate, facts: &Facts, door: Door) -> Verdict {
    if door == Door::Peer {
        match find_fork(&candidate, facts) {
            Ok(None) => {}
            Ok(Some(proof)) => return Verdict::Fork(Box::new(Forked { candidate, proof })),
            Err(refusal) => return Verdict::Refused(refusal),
        }
    }
    let schema = match judge_entry(&candidate, facts, door) {
        Ok(schema) => schema,
        Err(Stop::Known) => {
            let is_void = is_void(candidate.header(), facts);
            return Verdict::Known { is_void };
        }
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
    match admit(candidate, schema, document, facts, door) {
        Ok(admitted) => Verdict::Admitted(Box::new(admitted)),
        Err(refusal) => Verdict::Refused(refusal),
    }
}

/// Checks 6 and 8 to 11, and what the document was found to be.
fn admit(
    candidate: Candidate,
    schema: &Arc<Schema>,
    document: Result<DocumentId, Refusal>,
    facts: &Facts,
    door: Door,
) -> Result<Admitted, Refusal> {
    let is_void = is_void(candidate.header(), facts);
    let Candidate { entry, payload, operation } = candidate;
    let (operation, document) = (schema.check(operation)?, document?);
    check_document(document, entry.header(), facts, door)?;
    if door == Door::Client {
        blob::check_complete(&operation, &facts.pieces)?;
    }
    let next = if is_void { None } else { next_of(entry.header(), facts, door)? };
    let schema = Arc::clone(schema);
    Ok(Admitted { entry, payload, operation, schema, document, is_void, next })
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

/// Check 1: the proof that counts from now on, if the entry changes which one that is.
fn find_fork(candidate: &Candidate, facts: &Facts) -> Result<Option<ForkProof>, Refusal> {
    let known = facts.fork.as_ref().map(|fork| &fork.proof);
    let seq_num = candidate.header().seq_num();
    let other = match known {
        Some(proof) if proof.seq_num() < seq_num => None,
        Some(proof) if proof.seq_num() == seq_num => proof.entries().first().copied(),
        _ => facts.same_place.as_ref(),
    };
    let Some(other) = other else { return Ok(None) };
    match ForkProof::new(&other.as_authentic(), &candidate.entry.as_authentic()) {
        Ok(proof) => {
            let proof = known.map_or(proof, |known| known.joined(&proof));
            Ok((known != Some(&proof)).then_some(proof))
        }
        Err(NotAFork::OneEntry { .. }) => Ok(None),
        // What was handed in as "the same place" is none.
        Err(_) => Err(Refusal::WrongFacts),
    }
}

fn is_void(header: &Header, facts: &Facts) -> bool {
    facts.fork.as_ref().is_some_and(|fork| fork.proof.seq_num() <= header.seq_num())
}

/// Checks 2 to 5.
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
    match &facts.fork {
        Some(fork) if is_void(candidate.header(), facts) => check_void(candidate, fork, door)?,
        _ => check_line(candidate, facts, door)?,
    }
    Ok(schema)
}

/// Check 3.
fn check_void(candidate: &Candidate, fork: &ForkFact, door: Door) -> Result<(), Stop> {
    let header = candidate.header();
    match door {
        Door::Client => Err(Stop::Refuse(Refusal::LogFrozen {
            log_id: header.log_id(),
            fork: fork.proof.seq_num(),
            found: header.seq_num(),
        })),
        Door::Peer if fork.is_stored => Err(Stop::Known),
        Door::Peer => Ok(()),
    }
}

/// Checks 4 and 5.
fn check_line(candidate: &Candidate, facts: &Facts, door: Door) -> Result<(), Stop> {
    check_place(candidate, facts, door)?;
    let header = candidate.header();
    if let (Some(hash), None) = (header.links().skiplink(), &facts.skiplink) {
        let seq_num = header.seq_num().skiplink().unwrap_or(SeqNum::FIRST);
        return Err(Stop::Wait(Missing::Skiplink { seq_num, hash }));
    }
    let backlink = facts.log.as_ref().map(|log| &log.latest);
    match check_links(header, backlink, facts.skiplink.as_ref()) {
        Ok(()) => Ok(()),
        Err(LinkError::OtherHash { link, expected, found }) if door == Door::Peer => {
            Err(Stop::Wait(Missing::Branch { link, named: expected, stored: found }))
        }
        Err(error) => Err(Stop::Refuse(error.into())),
    }
}

/// Check 4.
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

/// The place of the entry is behind the end of the log already. Another entry than the one that is
/// stored there was found to be a fork before.
fn taken(candidate: &Candidate, facts: &Facts, door: Door, refusal: Refusal) -> Stop {
    match &facts.same_place {
        Some(stored) if door == Door::Peer && stored.hash() == candidate.entry.hash() => {
            Stop::Known
        }
        _ => Stop::Refuse(refusal),
    }
}

/// Check 7: the document to which the operation belongs, or what is missing to tell.
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

/// Checks 8 and 9.
fn check_document(
    document: DocumentId,
    header: &Header,
    facts: &Facts,
    door: Door,
) -> Result<(), Refusal> {
    let is_create = document.as_hash() == header.hash().as_hash();
    let open_log = match &facts.document {
        _ if is_create => None,
        Some(fact) if fact.id == document => {
            if fact.deleted && door == Door::Client {
                return Err(Refusal::DocumentDeleted { document });
            }
            fact.log
        }
        _ => return Err(Refusal::WrongFacts),
    };
    let found = header.log_id();
    let begins_anew = is_create && header.seq_num() != SeqNum::FIRST;
    let is_elsewhere = !is_void(header, facts)
        && match &facts.log {
            Some(log) => log.document != document,
            None => door == Door::Client && open_log.is_some(),
        };
    match open_log {
        _ if begins_anew => Err(Refusal::DocumentLogNotFound { document, log_id: found }),
        _ if !is_elsewhere => Ok(()),
        None => Err(Refusal::DocumentLogNotFound { document, log_id: found }),
        Some(expected) if expected == found => Err(Refusal::WrongFacts),
        Some(expected) => Err(Refusal::LogId { document, expected, found }),
    }
}

/// Check 11.
fn next_of(header: &Header, facts: &Facts, door: Door) -> Result<Option<NextArgs>, Refusal> {
    let next = header.seq_num().next().ok_or(Refusal::MaxSeqNum)?;
    let is_frozen = facts.fork.as_ref().is_some_and(|fork| fork.proof.seq_num() <= next);
    if header.is_end_of_log() || is_frozen {
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
