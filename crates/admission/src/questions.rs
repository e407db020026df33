//! What a store is asked about a candidate, in one go.

use alloc::vec::Vec;

use pandan_bamboo::{EntryHash, LogId, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId, OperationId, SchemaId};

use crate::{Candidate, blob};

/// Everything that the verdict on a candidate depends on; [`Facts`](crate::Facts) has the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Questions {
    /// The entry itself.
    pub entry: EntryHash,
    /// Who signed it.
    pub author: PublicKey,
    /// The log of the author that it claims to be in: which document is written in it, which is
    /// its latest entry, is it frozen?
    pub log_id: LogId,
    /// Its place there: which entry is at that place already?
    pub seq_num: SeqNum,
    /// The place in the same log to which its skiplink leads, when it carries one.
    pub skiplink: Option<SeqNum>,
    /// The place in the same log to which the skiplink of the entry after it will lead, when that
    /// one will carry one.
    pub next_skiplink: Option<SeqNum>,
    /// The schema that the operation claims to follow: is it known, is it still in use?
    pub schema: SchemaId,
    /// The operations on top of which it was made: to which document and schema does each belong?
    /// None for a CREATE.
    pub previous: Option<DocumentViewId>,
    /// The pinned pieces of a blob, in order and with repetitions: how many bytes does each hold?
    /// Empty for other schemas. Only asked for at [`Door::Client`](crate::Door::Client).
    pub pieces: Vec<DocumentViewId>,
}

impl Questions {
    pub(crate) fn of(candidate: &Candidate) -> Self {
        let (header, operation) = (candidate.header(), candidate.operation());
        let seq_num = header.seq_num();
        Self {
            entry: header.hash(),
            author: header.public_key(),
            log_id: header.log_id(),
            seq_num,
            skiplink: seq_num.skiplink(),
            next_skiplink: seq_num.next().and_then(SeqNum::skiplink),
            schema: operation.schema().clone(),
            previous: operation.previous().cloned(),
            pieces: blob::pieces(operation),
        }
    }

    /// The document to which the operation belongs, if it begins one.
    ///
    /// That of an UPDATE or DELETE is the document of the first of the previous operations.
    #[must_use]
    pub fn created_document(&self) -> Option<DocumentId> {
        match self.previous {
            None => Some(DocumentId::from_hash(*self.entry.as_hash())),
            Some(_) => None,
        }
    }

    /// The first of the previous operations: it says which document to ask about.
    #[must_use]
    pub fn first_previous(&self) -> Option<OperationId> {
        self.previous.as_ref().and_then(|previous| previous.as_slice().first().copied())
    }
}
