//! Logs and entries document by document, as the first version of replication exchanges them.

use pandan_bamboo::{LogId, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{DocumentId, Operation, OperationId, RawValue};

use super::Budget;
use crate::contract::StoredEntry;

/// The document that a log belongs to, and how far the log reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentHead {
    /// The document.
    pub document: DocumentId,
    /// Who writes the log.
    pub author: PublicKey,
    /// The log.
    pub log_id: LogId,
    /// The place of its latest entry, or of the latest before the fork.
    pub seq_num: SeqNum,
}

/// The entries of a log that somebody needs. What is at and above its fork does not belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeededLog {
    /// Who writes the log.
    pub author: PublicKey,
    /// The log.
    pub log_id: LogId,
    /// The first entry.
    pub from: SeqNum,
    /// The last entry.
    pub to: SeqNum,
}

/// Some of the entries that are needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NeededEntries {
    /// The entries, in the order in which they were stored.
    pub entries: Vec<StoredEntry>,
    /// Whether others come behind them.
    pub has_more: bool,
}

impl NeededEntries {
    /// Takes up an entry. Gives `false` when there was no room for it: there is more to come, then.
    pub(crate) fn take(&mut self, entry: StoredEntry, budget: Budget) -> bool {
        let bytes: usize = self.entries.iter().map(StoredEntry::size).sum();
        self.has_more = self.entries.len() >= budget.entries.max(1) || bytes >= budget.bytes.max(1);
        if !self.has_more {
            self.entries.push(entry);
        }
        !self.has_more
    }
}

/// The operations in the states that an operation of a blob names as its pieces.
pub(crate) fn pieces(payload: &[u8]) -> Vec<OperationId> {
    let Ok(operation) = Operation::decode(payload) else { return Vec::new() };
    match operation.fields().and_then(|fields| fields.get("pieces")) {
        Some(RawValue::NestedHashList(states)) => {
            states.iter().flatten().copied().map(OperationId::from_hash).collect()
        }
        _ => Vec::new(),
    }
}
