//! A store of a few maps, obviously right, that answers the questions of admission.

use std::collections::HashMap;
use std::sync::Arc;

use pandan_admission::{
    Admitted, Candidate, DocumentFact, Door, Facts, ForkFact, LogFact, NextArgsDocument,
    NextArgsError, NextArgsFacts, NextArgsLog, NextArgsOperation, PreviousFact, PreviousFound,
    Questions, SchemaFact, Verdict, decide, next_args,
};
use pandan_bamboo::{EncodedEntry, ForkProof, Header, LogId, NextArgs, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{Action, DocumentId, DocumentViewId, OperationId, SchemaId};
use pandan_schema::{CheckedOperation, Schema, Value};

/// An operation that is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its document.
    pub document: DocumentId,
    /// What it does.
    pub operation: CheckedOperation,
    /// Where its entry stands.
    pub place: (PublicKey, LogId, SeqNum),
}

/// Entries, operations and the schemas that it was told.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The entries on the lines of their logs, by their places.
    pub entries: HashMap<(PublicKey, LogId, SeqNum), EncodedEntry>,
    /// The document of each log.
    pub logs: HashMap<(PublicKey, LogId), DocumentId>,
    /// All operations.
    pub operations: HashMap<OperationId, Stored>,
    /// The proofs of frozen logs.
    pub forks: HashMap<(PublicKey, LogId), ForkProof>,
    /// What is known of schemas.
    pub schemas: HashMap<SchemaId, SchemaFact>,
}

impl Memory {
    /// Makes a schema known.
    #[must_use]
    pub fn with_schema(mut self, schema: Schema) -> Self {
        self.schemas.insert(schema.id().clone(), SchemaFact::Active(Arc::new(schema)));
        self
    }

    /// Judges and, when it is admitted, stores. A fork is kept, and the entry judged again.
    pub fn ingest(&mut self, mut candidate: Candidate, door: Door) -> Verdict {
        loop {
            let facts = self.facts(&candidate.questions());
            match decide(candidate, &facts, door) {
                Verdict::Fork(forked) => {
                    self.freeze(&forked.proof);
                    candidate = forked.candidate;
                }
                Verdict::Admitted(admitted) => {
                    self.apply(&admitted);
                    return Verdict::Admitted(admitted);
                }
                verdict => return verdict,
            }
        }
    }

    /// Keeps a proof, and ends the line of its log.
    pub fn freeze(&mut self, proof: &ForkProof) {
        let log = (proof.public_key(), proof.log_id());
        let kept = self.forks.entry(log).or_insert(*proof);
        *kept = kept.joined(proof);
        let fork = kept.seq_num();
        self.entries.retain(|place, _| (place.0, place.1) != log || place.2 < fork);
        if fork == SeqNum::FIRST {
            self.logs.remove(&log);
        }
    }

    /// Stores.
    ///
    /// # Panics
    ///
    /// When a log would belong to two documents.
    pub fn apply(&mut self, admitted: &Admitted) {
        let header = admitted.header();
        let (author, log_id) = (header.public_key(), header.log_id());
        let place = (author, log_id, header.seq_num());
        let document = admitted.document_id();
        if !admitted.is_void() {
            self.entries.insert(place, *admitted.entry());
            let found = *self.logs.entry((author, log_id)).or_insert(document);
            assert_eq!(found, document, "a log belongs to one document");
        }
        let operation = admitted.operation().clone();
        self.operations.insert(admitted.id(), Stored { document, operation, place });
    }

    /// Answers the questions of a candidate.
    #[must_use]
    pub fn facts(&self, questions: &Questions) -> Facts {
        let (author, log_id) = (questions.author, questions.log_id);
        let entry = |seq_num: SeqNum| self.entries.get(&(author, log_id, seq_num));
        let document = self.logs.get(&(author, log_id));
        Facts {
            log: document
                .zip(self.latest(author, log_id))
                .map(|(&document, latest)| LogFact { document, latest }),
            fork: self.forks.get(&(author, log_id)).map(|&proof| ForkFact {
                proof,
                is_stored: self
                    .operations
                    .contains_key(&OperationId::from_hash(*questions.entry.as_hash())),
            }),
            same_place: entry(questions.seq_num).copied(),
            skiplink: questions.skiplink.and_then(entry).map(|entry| *entry.header()),
            next_skiplink: questions.next_skiplink.and_then(entry).map(EncodedEntry::hash),
            schema: self.schemas.get(&questions.schema).cloned().unwrap_or(SchemaFact::Unknown),
            previous: questions.previous.iter().flatten().map(|&id| self.previous(id)).collect(),
            document: questions
                .first_previous()
                .and_then(|previous| self.operations.get(&previous))
                .map(|previous| DocumentFact {
                    id: previous.document,
                    deleted: self.is_deleted(previous.document),
                    log: self.log_of(author, previous.document),
                }),
            pieces: questions.pieces.iter().map(|piece| self.piece_size(piece)).collect(),
        }
    }

    /// The arguments for the next entry of an author, who names operations of a document or none.
    pub fn next_args(
        &self,
        author: PublicKey,
        view: &[OperationId],
    ) -> Result<NextArgs, NextArgsError> {
        let first = view.first().and_then(|first| self.operations.get(first));
        let log_ids = self
            .logs
            .keys()
            .chain(self.forks.keys())
            .filter(|(key, _)| *key == author)
            .map(|(_, log_id)| *log_id);
        next_args(&NextArgsFacts {
            latest_log: log_ids.max(),
            view: view
                .iter()
                .map(|&operation| NextArgsOperation {
                    operation,
                    document: self.operations.get(&operation).map(|stored| stored.document),
                })
                .collect(),
            document: first.map(|first| NextArgsDocument {
                deleted: self.is_deleted(first.document),
                log: self.open_log(author, first.document),
            }),
        })
    }

    /// The arguments for the next entry even where the document is deleted, as somebody has them
    /// who did not hear of it.
    pub fn blind_args(
        &self,
        author: PublicKey,
        document: DocumentId,
    ) -> Result<NextArgs, NextArgsError> {
        match self.open_log(author, document) {
            None => self.next_args(author, &[]),
            Some(log) => {
                NextArgs::after(&log.latest, log.skiplink).map_err(|_| NextArgsError::MaxSeqNum)
            }
        }
    }

    fn open_log(&self, author: PublicKey, document: DocumentId) -> Option<NextArgsLog> {
        let log_id = self.log_of(author, document)?;
        let latest = self.latest(author, log_id)?;
        let target = latest.seq_num().next().and_then(SeqNum::skiplink);
        let target = target.and_then(|target| self.entries.get(&(author, log_id, target)));
        Some(NextArgsLog { latest, skiplink: target.map(EncodedEntry::hash) })
    }

    fn latest(&self, author: PublicKey, log_id: LogId) -> Option<Header> {
        let entries =
            self.entries.iter().filter(|(place, _)| (place.0, place.1) == (author, log_id));
        entries.max_by_key(|(place, _)| place.2).map(|(_, entry)| *entry.header())
    }

    fn log_of(&self, author: PublicKey, document: DocumentId) -> Option<LogId> {
        let logs = self.logs.iter().filter(|((key, log_id), found)| {
            *key == author && **found == document && !self.forks.contains_key(&(*key, *log_id))
        });
        logs.map(|((_, log_id), _)| *log_id).min()
    }

    fn is_void(&self, stored: &Stored) -> bool {
        let (author, log_id, seq_num) = stored.place;
        self.forks.get(&(author, log_id)).is_some_and(|proof| proof.seq_num() <= seq_num)
    }

    fn is_deleted(&self, document: DocumentId) -> bool {
        self.operations.values().filter(|stored| stored.document == document).any(|stored| {
            match stored.operation.action() {
                Action::Create => self.is_void(stored),
                Action::Update => false,
                Action::Delete => !self.is_void(stored),
            }
        })
    }

    fn previous(&self, operation: OperationId) -> PreviousFact {
        let found = self.operations.get(&operation).map(|stored| PreviousFound {
            document: stored.document,
            schema: stored.operation.schema().clone(),
        });
        PreviousFact { operation, found }
    }

    /// Pieces are expected to be pinned right after their CREATE.
    fn piece_size(&self, piece: &DocumentViewId) -> Option<u64> {
        let stored = self.operations.get(piece.as_slice().first()?)?;
        let (_, data) =
            stored.operation.fields()?.iter().find(|(name, _)| name.as_str() == "data")?;
        match data {
            Value::Bytes(bytes) => u64::try_from(bytes.len()).ok(),
            _ => None,
        }
    }
}
