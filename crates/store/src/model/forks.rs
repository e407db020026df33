//! Freezing logs from their forks on: what comes of it depends on what is known, not on its order
//! (PN38).

use std::collections::BTreeSet;
use std::sync::Arc;

use pandan_bamboo::{EntryHash, ForkProof, Header, LogId, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, OperationId};

use super::state::State;
use crate::StoreError;
use crate::forks::{Fork, ForkPage, ForkQuery, Frozen};
use crate::limits::{MAX_FORK_DOCUMENTS, MAX_PROOFS_ALONE};

impl State {
    /// Keeps a proof, if it is news, and builds the document anew of which operations become void.
    pub(super) fn freeze(&mut self, proof: &ForkProof) -> Result<Option<Frozen>, StoreError> {
        let log = (proof.public_key(), proof.log_id());
        // What stands on the line may have a lower hash than what the proof was made of.
        let line = self.entry_at(&log.0, log.1, proof.seq_num());
        let proof = line.map_or(*proof, |line| proof.joined_with(&line.entry));
        let known = self.forks.get(&log);
        let proof = known.map_or(proof, |known| known.joined(&proof));
        if known == Some(&proof) {
            return Ok(None);
        }
        self.forks.insert(log, proof);
        self.drop_void_parts(&proof);
        let Some(document) = self.end_line(&proof) else {
            return Ok(Some(Frozen { proof, document: None, schemas: Vec::new() }));
        };
        let stored = self.documents.get(&document);
        let mut operations = stored.map(|it| it.operations.clone()).unwrap_or_default();
        for operation in &mut operations {
            operation.is_void = self.is_void(operation.id);
        }
        self.build(document, operations)?;
        let schemas = self.follow_freezing(document);
        Ok(Some(Frozen { proof, document: Some(document), schemas }))
    }

    /// Whether there is room for a proof from elsewhere.
    pub(super) fn takes_proof(&self, proof: &ForkProof) -> bool {
        let is_alone = |log: &(PublicKey, LogId)| {
            let mut headers = self.entries.values().map(|entry| entry.entry.header());
            headers.all(|header| (header.public_key(), header.log_id()) != *log)
        };
        let author = proof.public_key();
        let log = (author, proof.log_id());
        if proof.seq_num() == SeqNum::FIRST || self.forks.contains_key(&log) || !is_alone(&log) {
            return true;
        }
        let of_author = self.forks.iter().filter(|(log, _)| log.0 == author);
        let later = of_author.filter(|(_, proof)| proof.seq_num() > SeqNum::FIRST);
        let alone = later.filter(|(log, _)| is_alone(log));
        alone.count() < MAX_PROOFS_ALONE
    }

    /// Takes what is at and above the fork off the line of the log; tells the document of it.
    fn end_line(&mut self, proof: &ForkProof) -> Option<DocumentId> {
        let key = (proof.public_key(), proof.log_id());
        let kept = usize::try_from(proof.seq_num().number() - 1).unwrap_or(usize::MAX);
        let log = self.logs.get_mut(&key).filter(|log| log.entries.len() > kept)?;
        let document = log.document;
        if kept == 0 {
            self.logs.remove(&key);
        } else {
            Arc::make_mut(log).entries.truncate(kept);
        }
        Some(document)
    }

    /// The documents with void operations of a frozen log.
    fn void_documents(&self, proof: &ForkProof) -> BTreeSet<DocumentId> {
        let is_of_log = |header: &Header| {
            header.public_key() == proof.public_key() && header.log_id() == proof.log_id()
        };
        let headers = self.entries.values().map(|entry| entry.entry.header());
        let void =
            headers.filter(|header| is_of_log(header) && header.seq_num() >= proof.seq_num());
        let operations = void.map(|header| OperationId::from_hash(*header.hash().as_hash()));
        operations.filter_map(|operation| self.document_of.get(&operation).copied()).collect()
    }

    /// Whether an operation is stored and void.
    pub(super) fn is_void(&self, operation: OperationId) -> bool {
        let Some(entry) = self.entries.get(&EntryHash::from_hash(*operation.as_hash())) else {
            return false;
        };
        let header = entry.entry.header();
        let proof = self.forks.get(&(header.public_key(), header.log_id()));
        proof.is_some_and(|proof| proof.seq_num() <= header.seq_num())
    }

    pub(super) fn has_void(&self, document: DocumentId) -> bool {
        self.documents
            .get(&document)
            .is_some_and(|document| document.operations.iter().any(|it| it.is_void))
    }

    pub(super) fn forks(&self, query: &ForkQuery) -> ForkPage {
        let matching: Vec<_> =
            self.forks.iter().filter(|(log, proof)| self.is_asked(query, log, proof)).collect();
        let is_behind = |log: &(PublicKey, LogId)| query.after.as_ref().is_none_or(|it| it < log);
        let behind: Vec<_> = matching.iter().filter(|(log, _)| is_behind(log)).collect();
        ForkPage {
            forks: behind.iter().take(query.first).map(|(_, proof)| self.fork(proof)).collect(),
            has_next: behind.len() > query.first,
            total: matching.len() as u64,
        }
    }

    fn is_asked(&self, query: &ForkQuery, log: &(PublicKey, LogId), proof: &ForkProof) -> bool {
        query.author.is_none_or(|author| author == log.0)
            && query.document.is_none_or(|document| self.void_documents(proof).contains(&document))
    }

    fn fork(&self, proof: &ForkProof) -> Fork {
        let documents = self.void_documents(proof);
        Fork {
            proof: *proof,
            documents_total: documents.len() as u64,
            documents: documents.into_iter().take(MAX_FORK_DOCUMENTS).collect(),
        }
    }
}
