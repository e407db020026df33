//! A store of a few maps, obviously right, that answers the questions of admission.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::HashMap;
use std::sync::Arc;

use pandan_admission::{
    Admitted, Candidate, DocumentFact, Door, Facts, LogFact, NextArgsDocument, NextArgsError,
    NextArgsFacts, NextArgsLog, NextArgsOperation, PreviousFact, PreviousFound, Questions,
    SchemaFact, Verdict, decide, next_args,
};
use pandan_bamboo::{EncodedEntry, Header, LogId, NextArgs, SeqNum};
use pandan_identity::{KeyPair, PublicKey};
use pandan_operations::{
    Action, DocumentId, DocumentViewId, Fields, Operation, OperationId, RawValue, SchemaId,
    SystemSchema,
};
use pandan_schema::{CheckedOperation, Schema, Value};

/// An operation that is stored.
pub(crate) struct Stored {
    pub(crate) document: DocumentId,
    pub(crate) operation: CheckedOperation,
}

#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) entries: HashMap<(PublicKey, LogId, SeqNum), EncodedEntry>,
    pub(crate) logs: HashMap<(PublicKey, LogId), DocumentId>,
    pub(crate) operations: HashMap<OperationId, Stored>,
    pub(crate) schemas: HashMap<SchemaId, SchemaFact>,
}

impl Memory {
    pub(crate) fn with_schema(mut self, schema: Schema) -> Self {
        self.schemas.insert(schema.id().clone(), SchemaFact::Active(Arc::new(schema)));
        self
    }

    /// Judges and, when it is admitted, stores.
    pub(crate) fn ingest(&mut self, candidate: Candidate, door: Door) -> Verdict {
        let facts = self.facts(&candidate.questions());
        let verdict = decide(candidate, &facts, door);
        if let Verdict::Admitted(admitted) = &verdict {
            self.apply(admitted);
        }
        verdict
    }

    pub(crate) fn apply(&mut self, admitted: &Admitted) {
        let header = admitted.header();
        let (author, log_id) = (header.public_key(), header.log_id());
        self.entries.insert((author, log_id, header.seq_num()), *admitted.entry());
        let document = *self.logs.entry((author, log_id)).or_insert(admitted.document_id());
        assert_eq!(document, admitted.document_id(), "a log belongs to one document");
        let operation = admitted.operation().clone();
        self.operations.insert(admitted.id(), Stored { document, operation });
    }

    pub(crate) fn facts(&self, questions: &Questions) -> Facts {
        let (author, log_id) = (questions.author, questions.log_id);
        let entry = |seq_num: SeqNum| self.entries.get(&(author, log_id, seq_num));
        Facts {
            log: self
                .latest(author, log_id)
                .map(|latest| LogFact { document: self.logs[&(author, log_id)], latest }),
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

    pub(crate) fn next_args(
        &self,
        author: PublicKey,
        view: &[OperationId],
    ) -> Result<NextArgs, NextArgsError> {
        let first = view.first().and_then(|first| self.operations.get(first));
        let log_ids = self.logs.keys().filter(|(key, _)| *key == author).map(|(_, log_id)| *log_id);
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
                log: self.log_of(author, first.document).map(|log| self.open_log(author, log)),
            }),
        })
    }

    /// The arguments for the next entry even where the document is deleted, as somebody has them who
    /// did not hear of it.
    pub(crate) fn blind_args(&self, author: PublicKey, document: DocumentId) -> NextArgs {
        match self.log_of(author, document) {
            None => self.next_args(author, &[]).unwrap(),
            Some(log) => {
                let log = self.open_log(author, log);
                NextArgs::after(&log.latest, log.skiplink).unwrap()
            }
        }
    }

    fn open_log(&self, author: PublicKey, log_id: LogId) -> NextArgsLog {
        let latest = self.latest(author, log_id).unwrap();
        let target = latest.seq_num().next().and_then(SeqNum::skiplink);
        let target = target.and_then(|target| self.entries.get(&(author, log_id, target)));
        NextArgsLog { latest, skiplink: target.map(EncodedEntry::hash) }
    }

    fn latest(&self, author: PublicKey, log_id: LogId) -> Option<Header> {
        let entries =
            self.entries.iter().filter(|(place, _)| (place.0, place.1) == (author, log_id));
        entries.max_by_key(|(place, _)| place.2).map(|(_, entry)| *entry.header())
    }

    fn log_of(&self, author: PublicKey, document: DocumentId) -> Option<LogId> {
        let mut logs = self.logs.iter();
        let log = logs.find(|((key, _), found)| *key == author && **found == document);
        log.map(|((_, log_id), _)| *log_id)
    }

    fn is_deleted(&self, document: DocumentId) -> bool {
        self.operations.values().any(|stored| {
            stored.document == document && stored.operation.action() == Action::Delete
        })
    }

    fn previous(&self, operation: OperationId) -> PreviousFact {
        let found = self.operations.get(&operation).map(|stored| PreviousFound {
            document: stored.document,
            schema: stored.operation.schema().clone(),
        });
        PreviousFact { operation, found }
    }

    /// Tests pin pieces right after their CREATE only.
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

pub(crate) const PIECE: SystemSchema = SystemSchema::BlobPiece;

/// A store that knows pieces and blobs.
pub(crate) fn memory() -> Memory {
    Memory::default()
        .with_schema(Schema::system(PIECE))
        .with_schema(Schema::system(SystemSchema::Blob))
}

pub(crate) fn key_pair(number: u8) -> KeyPair {
    KeyPair::from_seed(&[number; 32])
}

fn data(bytes: &[u8]) -> Fields {
    Fields::from_pairs([("data", RawValue::Bytes(bytes.to_vec()))]).unwrap()
}

pub(crate) fn create(bytes: &[u8]) -> Operation {
    Operation::Create { schema: PIECE.into(), fields: data(bytes) }
}

pub(crate) fn update(previous: impl Into<DocumentViewId>, bytes: &[u8]) -> Operation {
    Operation::Update { schema: PIECE.into(), previous: previous.into(), fields: data(bytes) }
}

pub(crate) fn delete(previous: impl Into<DocumentViewId>) -> Operation {
    Operation::Delete { schema: PIECE.into(), previous: previous.into() }
}

pub(crate) fn candidate(key_pair: &KeyPair, args: &NextArgs, operation: &Operation) -> Candidate {
    let payload = operation.encode();
    Candidate::examine(args.forge(key_pair, &payload).as_bytes(), &payload).unwrap()
}

pub(crate) fn admitted(verdict: Verdict) -> Box<Admitted> {
    match verdict {
        Verdict::Admitted(admitted) => admitted,
        verdict => panic!("expected an admitted entry, found {verdict:?}"),
    }
}

/// The code of a refusal, or what else the verdict is.
pub(crate) fn outcome(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Admitted(_) => "admitted",
        Verdict::Known => "known",
        Verdict::Wait(_) => "wait",
        Verdict::Refused(refusal) => refusal.code(),
    }
}
