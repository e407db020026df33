//! Answers to the questions of admission.

use pandan_admission::{
    Candidate, DocumentFact, Facts, ForkFact, LogFact, NextArgsDocument, NextArgsFacts,
    NextArgsLog, NextArgsOperation, PreviousFact, PreviousFound, SchemaFact,
};
use pandan_bamboo::{Header, LogId, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, DocumentViewId, OperationId, SchemaId, SystemSchema};
use pandan_schema::Value;

use super::state::State;

impl State {
    pub(super) fn facts(&self, candidate: &Candidate) -> Facts {
        let questions = candidate.questions();
        let (author, log_id) = (questions.author, questions.log_id);
        let entry_at = |seq_num: SeqNum| self.entry_at(&author, log_id, seq_num);
        Facts {
            log: self.logs.get(&(author, log_id)).and_then(|log| {
                let latest = self.latest(&author, log_id)?;
                Some(LogFact { document: log.document, latest })
            }),
            fork: self.forks.get(&(author, log_id)).map(|&proof| ForkFact {
                proof,
                is_stored: self.entries.contains_key(&questions.entry),
            }),
            same_place: entry_at(questions.seq_num).map(|entry| entry.entry),
            skiplink: questions.skiplink.and_then(entry_at).map(|entry| *entry.entry.header()),
            next_skiplink: questions
                .next_skiplink
                .and_then(entry_at)
                .map(|entry| entry.entry.hash()),
            schema: self.schema_fact(&questions.schema),
            previous: questions.previous.iter().flatten().map(|id| self.previous(*id)).collect(),
            document: questions.first_previous().and_then(|id| self.document_fact(&author, id)),
            pieces: questions.pieces.iter().map(|view| self.piece_size(view)).collect(),
        }
    }

    pub(super) fn next_args_facts(
        &self,
        author: &PublicKey,
        view: Option<&DocumentViewId>,
    ) -> NextArgsFacts {
        let document_of = |operation: &OperationId| self.document_of.get(operation).copied();
        let view = view.map(DocumentViewId::as_slice).unwrap_or_default();
        NextArgsFacts {
            latest_log: {
                let logs = self.logs.keys().chain(self.forks.keys());
                logs.filter(|(key, _)| key == author).map(|(_, log_id)| *log_id).max()
            },
            view: view
                .iter()
                .map(|id| NextArgsOperation { operation: *id, document: document_of(id) })
                .collect(),
            document: view.first().and_then(document_of).map(|id| NextArgsDocument {
                deleted: self.documents.get(&id).is_some_and(|document| document.is_deleted()),
                log: self.next_args_log(author, id),
            }),
        }
    }

    fn next_args_log(&self, author: &PublicKey, document: DocumentId) -> Option<NextArgsLog> {
        let log_id = self.log_of(author, document)?;
        let latest = self.latest(author, log_id)?;
        let target = latest.seq_num().next().and_then(SeqNum::skiplink);
        let skiplink = target.and_then(|target| self.entry_at(author, log_id, target));
        Some(NextArgsLog { latest, skiplink: skiplink.map(|entry| entry.entry.hash()) })
    }

    /// The entry of a log with the greatest sequence number.
    fn latest(&self, author: &PublicKey, log_id: LogId) -> Option<Header> {
        let log = self.logs.get(&(*author, log_id))?;
        Some(*self.entries.get(log.entries.last()?)?.entry.header())
    }

    fn schema_fact(&self, id: &SchemaId) -> SchemaFact {
        match self.schema(id) {
            None => SchemaFact::Unknown,
            Some(known) if known.retired => SchemaFact::Retired(known.schema),
            Some(known) => SchemaFact::Active(known.schema),
        }
    }

    fn previous(&self, operation: OperationId) -> PreviousFact {
        let document = self.document_of.get(&operation).and_then(|id| self.documents.get(id));
        let found = document.map(|document| PreviousFound {
            document: document.latest.id(),
            schema: document.latest.schema().clone(),
        });
        PreviousFact { operation, found }
    }

    fn document_fact(&self, author: &PublicKey, operation: OperationId) -> Option<DocumentFact> {
        let id = *self.document_of.get(&operation)?;
        let deleted = self.documents.get(&id)?.is_deleted();
        Some(DocumentFact { id, deleted, log: self.log_of(author, id) })
    }

    fn piece_size(&self, view: &DocumentViewId) -> Option<u64> {
        let document = self.document_of_view(view)?;
        let is_piece = *document.latest.schema() == SchemaId::System(SystemSchema::BlobPiece);
        if !is_piece || document.is_deleted() {
            return None;
        }
        let piece = document.at(view)?;
        match &piece.view().fields.as_ref()?.get("data")?.value {
            Value::Bytes(data) => u64::try_from(data.len()).ok(),
            _ => None,
        }
    }
}
