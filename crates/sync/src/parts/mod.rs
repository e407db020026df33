//! Parts of documents and logs, for those who ask: chosen from one snapshot of a store (RE11).

mod document;
mod logs;
mod whole;

use pandan_admission::{
    ClaimedState, Part, PartAsk, PartClaim, PartEntry, PartError, PartSubject, Payloads,
};
use pandan_bamboo::{ForkProof, LogId};
use pandan_identity::PublicKey;
use pandan_replication::limits::{MAX_NEWEST, MAX_PART_BYTES, MAX_PART_ENTRIES};
use pandan_replication::{
    AskAnswer, AskItem, AskQuery, Author, LogName, PartContent, Received, Told,
};
use pandan_store::heads::LogPlace;
use pandan_store::query::Selection;
use pandan_store::{ForkQuery, Snapshot, StoreError};

use crate::follow::Serving;

// What one side sends the other takes.
const _: () = assert!(
    MAX_NEWEST == pandan_admission::limits::MAX_NEWEST
        && MAX_PART_BYTES == pandan_admission::limits::MAX_PART_BYTES
        && MAX_PART_ENTRIES == pandan_admission::limits::MAX_PART_ENTRIES
);

/// Answers who asks for a part of what is stored, if it is handed out here.
pub fn answer_ask(
    snapshot: &dyn Snapshot,
    serving: &Serving,
    query: &AskQuery,
) -> Result<AskAnswer, StoreError> {
    let asked = Asked { snapshot, serving, leaves_out: query.payloads_optional };
    let contents = match &query.item {
        AskItem::Document(id) => asked.document(*id)?,
        AskItem::Newest { log, count } => asked.newest(log, *count)?,
        AskItem::Payloads { log, places } => asked.payloads(log, places)?,
        AskItem::Whole(id) => return asked.whole(*id, query.after),
        AskItem::WholeOf(log) => {
            return match asked.document_of(log)? {
                Some(id) => asked.whole(id, query.after),
                None => Ok(AskAnswer::default()),
            };
        }
    };
    Ok(AskAnswer { contents, next: None })
}

/// What came of asking for a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Examined {
    /// The other side has nothing of it.
    Nothing,
    /// It is more than is told in part.
    TooMuch,
    /// Forks leave nothing of it that counts.
    Withdrawn(Vec<ForkProof>),
    /// It verifies.
    Part(Box<Part>),
}

/// Verifies what was told of an item that asks for a part. Signatures are checked: do it beside
/// other work.
pub fn examine_told(ask: PartAsk, payloads: Payloads, told: Told) -> Result<Examined, PartError> {
    let (entries, state, proofs) = match told {
        Told::Nothing | Told::Whole => return Ok(Examined::Nothing),
        Told::TooMuch => return Ok(Examined::TooMuch),
        Told::Part { entries, state, proofs } => (entries, state, proofs),
    };
    let state = state.map(|(view, fields)| ClaimedState { view, fields });
    let to_entry = |Received { entry, payload }| PartEntry { entry, payload };
    let entries = entries.into_iter().map(to_entry).collect();
    let claim = PartClaim { ask, state, entries, proofs };
    if claim.entries.is_empty() {
        claim.check_withdrawn()?;
        return Ok(Examined::Withdrawn(claim.proofs));
    }
    Ok(Examined::Part(Box::new(Part::verify(claim, payloads)?)))
}

/// How a part is asked for.
#[must_use]
pub const fn ask_item(ask: &PartAsk) -> AskItem {
    match ask {
        PartAsk::Document(id) => AskItem::Document(*id),
        PartAsk::Newest { author, log_id, count } => {
            AskItem::Newest { log: log_name(author, *log_id), count: *count }
        }
    }
}

/// How all of the document is asked for that a part belongs to.
#[must_use]
pub const fn whole_item(subject: &PartSubject) -> AskItem {
    match subject {
        PartSubject::Document(id) => AskItem::Whole(*id),
        PartSubject::Log { author, log_id } => AskItem::WholeOf(log_name(author, *log_id)),
    }
}

/// Whether what somebody asked all of is stored, as far as it was known before: whether that is all
/// there is is the claim of who told it.
pub fn is_whole(snapshot: &dyn Snapshot, subject: &PartSubject) -> Result<bool, StoreError> {
    if snapshot.part(subject)?.is_some() {
        return Ok(false);
    }
    Ok(match subject {
        PartSubject::Document(id) => {
            let nothing = Selection::Only(Vec::new());
            snapshot.documents(&[*id], &nothing)?.into_iter().flatten().next().is_some()
        }
        PartSubject::Log { author, log_id } => {
            let heads = snapshot.heads_of(&[LogPlace::of(author, *log_id)])?;
            heads.into_iter().flatten().next().is_some()
        }
    })
}

/// The name of a log on the wire.
#[must_use]
pub const fn log_name(author: &PublicKey, log_id: LogId) -> LogName {
    LogName { author: Author::from_bytes(*author.as_bytes()), log_id }
}

struct Asked<'a> {
    snapshot: &'a dyn Snapshot,
    serving: &'a Serving,
    /// Whether to leave out the payloads that are not needed to verify others.
    leaves_out: bool,
}

impl Asked<'_> {
    /// The fork of a log, if one is known.
    fn fork(&self, author: PublicKey, log_id: LogId) -> Result<Option<ForkProof>, StoreError> {
        let before = log_id.number().checked_sub(1).map(|number| (author, LogId::new(number)));
        let query = ForkQuery { author: Some(author), document: None, after: before, first: 1 };
        let forks = self.snapshot.forks(&query)?.forks.into_iter();
        let mut proofs = forks.map(|fork| fork.proof);
        Ok(proofs.find(|proof| proof.log_id() == log_id))
    }
}

/// Entries that are to be told, within the limits of a part.
#[derive(Debug, Default)]
struct Telling {
    entries: Vec<Received>,
    bytes: usize,
}

impl Telling {
    /// Gives `false` when there is no room.
    #[must_use]
    fn push(&mut self, entry: &[u8], payload: Option<Vec<u8>>) -> bool {
        self.bytes += entry.len() + payload.as_ref().map_or(0, Vec::len);
        if self.bytes > MAX_PART_BYTES || self.entries.len() >= MAX_PART_ENTRIES {
            return false;
        }
        self.entries.push(Received { entry: entry.to_vec(), payload });
        true
    }
}

/// Tells that it is more than is told in part.
fn too_much() -> Vec<PartContent> {
    vec![PartContent::TooMuch]
}
