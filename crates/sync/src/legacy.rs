//! What a link of version 1 of replication asks, answered from one snapshot of a store, and what
//! it hands over to be stored.

use pandan_admission::{Candidate, Refusal};
use pandan_bamboo::{EntryHash, LogId};
use pandan_identity::PublicKey;
use pandan_operations::OperationId;
use pandan_replication::Verdict as Fate;
use pandan_replication::legacy::{Answer, LogHeight, Need, Query, Received, StoredEntry, Verdict};
use pandan_store::heads::{Budget, DocumentHead, NeededLog};
use pandan_store::{Snapshot, StoreError};

/// Answers a question of a link.
///
/// Entries of a document come in the order in which they were stored, in which previous operations
/// come first. From one on whose payload is gone nothing comes of a document.
pub fn answer(snapshot: &dyn Snapshot, query: &Query) -> Result<Answer, StoreError> {
    Ok(match query {
        Query::Heights { schemas, limit } => {
            heights(snapshot.document_heads(schemas.as_slice(), *limit)?)
        }
        Query::BlobHeights { schemas, related_from, limit } => {
            heights(snapshot.blob_heads(schemas.as_slice(), related_from.as_slice(), *limit)?)
        }
        Query::Entries { needs, after, max_entries, max_bytes } => {
            let mut page = Page::new(Budget { entries: *max_entries, bytes: *max_bytes });
            page.fill(snapshot, needs, *after)?;
            Answer::Entries { entries: page.entries, more: page.has_more }
        }
    })
}

fn heights(heads: Vec<DocumentHead>) -> Answer {
    let height = |DocumentHead { document, author, log_id, seq_num }| LogHeight {
        document,
        author,
        log_id,
        seq_num,
    };
    Answer::Heights(heads.into_iter().map(height).collect())
}

/// Entries of several documents.
struct Page {
    left: Budget,
    entries: Vec<StoredEntry>,
    has_more: bool,
}

impl Page {
    const fn new(budget: Budget) -> Self {
        Self { left: budget, entries: Vec::new(), has_more: false }
    }

    fn fill(
        &mut self,
        snapshot: &dyn Snapshot,
        needs: &[Need],
        after: Option<OperationId>,
    ) -> Result<(), StoreError> {
        let mut documents = needs.chunk_by(|one, next| one.document == next.document);
        if let Some(after) = after.map(|id| EntryHash::from_hash(*id.as_hash())) {
            let Some(reached) = snapshot.entry(&after)? else { return Ok(()) };
            let header = reached.entry.header();
            let log = (header.public_key(), header.log_id());
            let found = documents.find(|needs| needs.iter().any(|need| log_of(need) == log));
            if let Some(needs) = found.filter(|_| reached.operation.is_some()) {
                self.document(snapshot, needs, Some(&after))?;
            }
        }
        for needs in documents {
            if self.is_full() {
                self.has_more = true;
            }
            if self.has_more {
                break;
            }
            self.document(snapshot, needs, None)?;
        }
        Ok(())
    }

    const fn is_full(&self) -> bool {
        !self.entries.is_empty() && (self.left.entries == 0 || self.left.bytes == 0)
    }

    /// Takes up what is needed of a document.
    fn document(
        &mut self,
        snapshot: &dyn Snapshot,
        needs: &[Need],
        after: Option<&EntryHash>,
    ) -> Result<(), StoreError> {
        let needed: Vec<_> = needs.iter().map(needed).collect();
        let found = snapshot.needed_entries(&needed, after, self.left)?;
        self.has_more = found.has_more;
        let document = needs.first().map(|need| need.document);
        for (document, stored) in document.into_iter().cycle().zip(found.entries) {
            let pandan_store::StoredEntry { entry, operation } = stored;
            let bytes = entry.as_bytes().len() + operation.as_ref().map_or(0, Vec::len);
            self.left.entries = self.left.entries.saturating_sub(1);
            self.left.bytes = self.left.bytes.saturating_sub(bytes);
            let is_gone = operation.is_none();
            self.entries.push(StoredEntry { document, entry, operation });
            if is_gone {
                self.has_more = false;
                break;
            }
        }
        Ok(())
    }
}

const fn log_of(need: &Need) -> (PublicKey, LogId) {
    (need.author, need.log_id)
}

const fn needed(need: &Need) -> NeededLog {
    let Need { author, log_id, from, to, .. } = *need;
    NeededLog { author, log_id, from, to }
}

/// Reads an entry as a peer sends it and checks its signature. This is where time goes: do it in
/// parallel.
pub fn examine(received: &Received) -> Result<Candidate, Refusal> {
    Candidate::examine(&received.entry, &received.operation)
}

/// What a link hears of an entry that was refused before it came to the store.
///
/// Deployed nodes take operations that are encoded in other ways than the canonical one, so who
/// passes one on is no forger.
#[must_use]
pub const fn verdict_of_refusal(refusal: &Refusal) -> Verdict {
    match refusal {
        Refusal::Entry(_) | Refusal::Signature(_) | Refusal::Payload(_) => Verdict::Forged,
        _ => Verdict::Refused,
    }
}

/// What a link hears of an entry, given what a session of version 2 would hear.
///
/// Version 1 knows no forks: of a frozen log nothing more is wanted.
#[must_use]
pub const fn verdict(verdict: &Fate) -> Verdict {
    match verdict {
        Fate::Stored => Verdict::Stored,
        Fate::Known => Verdict::Known,
        Fate::Waiting => Verdict::Waiting,
        // Refused, forked, or of another branch.
        _ => Verdict::Refused,
    }
}
