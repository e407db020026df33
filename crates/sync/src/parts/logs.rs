//! Parts of single logs: their newest entries, and payloads that somebody lacks.

use pandan_bamboo::{SeqNum, link_path};
use pandan_operations::DocumentId;
use pandan_replication::{LogName, PartContent};
use pandan_store::heads::Head;
use pandan_store::{StoreError, StoredEntry};

use super::{Asked, Telling, too_much};
use crate::answers::entry_at;
use crate::ranges::{author, place};

impl Asked<'_> {
    /// The newest entries of a log and the path of the lowest of them.
    pub(super) fn newest(&self, log: &LogName, count: u64) -> Result<Vec<PartContent>, StoreError> {
        let Some(author) = author(log) else { return Ok(Vec::new()) };
        let Some(latest) = self.head(log)?.and_then(|head| head.latest) else {
            // Of a log that forks at its first entry nobody can tell the schema.
            let is_told = self.serving.is_everything();
            let fork = if is_told { self.fork(author, log.log_id)? } else { None };
            return Ok(fork.map(|proof| PartContent::Proof(Box::new(proof))).into_iter().collect());
        };
        let top = latest.number();
        let lowest = SeqNum::new(top.saturating_sub(count) + 1).unwrap_or(SeqNum::FIRST);
        let mut telling = Telling::default();
        let mut path: Vec<_> = link_path(lowest, SeqNum::FIRST).skip(1).collect();
        path.reverse();
        for seq_num in path {
            let Some(found) = entry_at(self.snapshot, &author, log.log_id, seq_num)? else {
                return Ok(Vec::new());
            };
            if !telling.push(found.entry.as_bytes(), None) {
                return Ok(too_much());
            }
        }
        let mut next = Some(lowest);
        while let Some(from) = next.filter(|from| from.number() <= top) {
            let Some(StoredEntry { entry, operation }) =
                entry_at(self.snapshot, &author, log.log_id, from)?
            else {
                return Ok(Vec::new());
            };
            if operation.is_none() && !self.leaves_out {
                return Ok(Vec::new());
            }
            if !telling.push(entry.as_bytes(), operation.filter(|_| !self.leaves_out)) {
                return Ok(too_much());
            }
            next = from.next();
        }
        let fork = self.fork(author, log.log_id)?;
        let proof = fork.map(|proof| PartContent::Proof(Box::new(proof)));
        Ok([PartContent::Entries(telling.entries)].into_iter().chain(proof).collect())
    }

    /// Entries of a log with their payloads, as many of them as there is room for.
    pub(super) fn payloads(
        &self,
        log: &LogName,
        places: &[SeqNum],
    ) -> Result<Vec<PartContent>, StoreError> {
        let (Some(author), Some(_)) = (author(log), self.head(log)?) else {
            return Ok(Vec::new());
        };
        let mut telling = Telling::default();
        for seq_num in places {
            let found = entry_at(self.snapshot, &author, log.log_id, *seq_num)?;
            let Some(StoredEntry { entry, operation: Some(payload) }) = found else { continue };
            if !telling.push(entry.as_bytes(), Some(payload)) {
                break;
            }
        }
        let entries = telling.entries;
        Ok(if entries.is_empty() { Vec::new() } else { vec![PartContent::Entries(entries)] })
    }

    /// The document that is written in a log, if it is handed out.
    pub(super) fn document_of(&self, log: &LogName) -> Result<Option<DocumentId>, StoreError> {
        let Some(author) = author(log) else { return Ok(None) };
        let logs = self.snapshot.logs(&author)?.into_iter();
        let mut logs = logs.filter(|head| head.log_id == log.log_id);
        Ok(logs.next().map(|head| head.document))
    }

    /// The head of a log that is handed out.
    fn head(&self, log: &LogName) -> Result<Option<Head>, StoreError> {
        let found = self.snapshot.heads_of(&[place(log)])?.into_iter().flatten().next();
        Ok(found.filter(|(schema, _)| self.serving.covers(schema)).map(|(_, head)| head))
    }
}
