//! Taking nothing on trust: entries and operations as they come from a node or a file.

use std::collections::BTreeMap;

use pandan_bamboo::{
    DecodeEntryError, Entry, ForkProof, Header, LinkError, LogId, NextArgs, PayloadMismatch,
    SeqNum, SignatureError, check_links,
};
use pandan_documents::DocumentOperation;
use pandan_identity::PublicKey;
use pandan_operations::{DecodeOperationError, Operation, OperationId};
use pandan_schema::{CheckError, Schema};
use thiserror::Error;

/// An entry whose signature holds, over an operation which it names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proven {
    pub(crate) header: Header,
    pub(crate) operation: Operation,
}

/// Bytes that prove nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum ProofError {
    #[error("entry is malformed: {0}")]
    Entry(#[from] DecodeEntryError),
    #[error("signature does not hold: {0}")]
    Signature(#[from] SignatureError),
    #[error("operation is not the one that was signed: {0}")]
    Payload(#[from] PayloadMismatch),
    #[error("operation is malformed: {0}")]
    Operation(#[from] DecodeOperationError),
}

impl Proven {
    /// Checks an entry and its operation for themselves.
    pub(crate) fn check(entry: &[u8], operation: &[u8]) -> Result<Self, ProofError> {
        let bound = Entry::decode(entry)?.authenticate()?.bind(operation)?;
        Ok(Self { header: *bound.header(), operation: Operation::decode(operation)? })
    }

    /// Checks an entry whose operation may have been deleted.
    pub(crate) fn check_header(
        entry: &[u8],
        operation: Option<&[u8]>,
    ) -> Result<(Header, Option<Operation>), ProofError> {
        match operation {
            None => Ok((*Entry::decode(entry)?.authenticate()?.header(), None)),
            Some(operation) => {
                let proven = Self::check(entry, operation)?;
                Ok((proven.header, Some(proven.operation)))
            }
        }
    }

    pub(crate) fn id(&self) -> OperationId {
        OperationId::from(*self.header.hash().as_hash())
    }

    /// Checks the operation against its schema.
    pub(crate) fn typed(self, schema: &Schema) -> Result<DocumentOperation, CheckError> {
        let (id, author) = (self.id(), self.header.public_key());
        let operation = schema.check(self.operation)?;
        Ok(DocumentOperation { id, author, operation, is_void: false })
    }
}

/// Logs, each verified from its beginning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logs {
    // Invariant: headers of a log stand at their places, from 1 and without gaps, and link to
    // those before them.
    logs: BTreeMap<(PublicKey, LogId), Vec<Header>>,
    forks: BTreeMap<(PublicKey, LogId), ForkProof>,
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// On the line of its log.
    Line,
    /// At or above a proven fork of its log, where nothing has effect.
    Void,
}

/// An entry that does not continue its log.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum LogError {
    #[error("expected entry {expected} of log {log_id}, found entry {found}")]
    Place { log_id: LogId, expected: u64, found: SeqNum },
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl Logs {
    /// Logs of which some are forked.
    pub(crate) fn with_forks(forks: impl IntoIterator<Item = ForkProof>) -> Self {
        let forks = forks.into_iter().map(|fork| ((fork.public_key(), fork.log_id()), fork));
        Self { logs: BTreeMap::new(), forks: forks.collect() }
    }

    /// Checks that an entry comes next in its log, and adds it. At and above a fork it has not to.
    pub(crate) fn push(&mut self, header: Header) -> Result<Standing, LogError> {
        let fork = self.forks.get(&(header.public_key(), header.log_id()));
        if fork.is_some_and(|fork| fork.seq_num() <= header.seq_num()) {
            return Ok(Standing::Void);
        }
        let log = self.logs.entry((header.public_key(), header.log_id())).or_default();
        let expected = log.len() as u64 + 1;
        if header.seq_num().number() != expected {
            let (log_id, found) = (header.log_id(), header.seq_num());
            return Err(LogError::Place { log_id, expected, found });
        }
        let skiplink = header.seq_num().skiplink().and_then(|target| at(log, target));
        check_links(&header, log.last(), skiplink)?;
        log.push(header);
        Ok(Standing::Line)
    }

    /// The arguments for the next entry of a log; none when the log ended.
    pub(crate) fn next_args(&self, author: PublicKey, log_id: LogId) -> Option<NextArgs> {
        let Some(log) = self.logs.get(&(author, log_id)) else {
            return Some(NextArgs::first(log_id));
        };
        let tip = log.last()?;
        let target = tip.seq_num().next().and_then(SeqNum::skiplink);
        let skiplink = target.and_then(|target| at(log, target)).map(Header::hash);
        NextArgs::after(tip, skiplink).ok()
    }

    /// A log id that the author did not use yet.
    pub(crate) fn unused(&self, author: PublicKey) -> Option<LogId> {
        let own = self.logs.keys().filter(|(key, _)| *key == author);
        match own.map(|(_, log_id)| *log_id).max() {
            Some(log_id) => log_id.next(),
            None => Some(LogId::new(0)),
        }
    }

    /// Number of logs.
    pub(crate) fn len(&self) -> usize {
        self.logs.len()
    }
}

fn at(log: &[Header], seq_num: SeqNum) -> Option<&Header> {
    usize::try_from(seq_num.number() - 1).ok().and_then(|index| log.get(index))
}
