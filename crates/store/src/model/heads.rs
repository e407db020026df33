//! The heads of logs, found by looking at all of them.

use std::collections::BTreeSet;

use pandan_bamboo::{EncodedEntry, EntryHash, ForkProof, HeadState, HeadsSum, LogId, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{OperationId, SchemaId};

use super::state::State;
use crate::heads::{
    Head, HeadInRange, HeadRange, HeadsPart, LogPlace, Piece, SCHEMA_OF_FORKED, group,
};

impl State {
    pub(super) fn heads(&self, ranges: &[HeadRange]) -> Vec<HeadInRange> {
        let mut heads = Vec::new();
        let logs: BTreeSet<_> = self.logs.keys().chain(self.forks.keys()).collect();
        for (index, range) in ranges.iter().enumerate() {
            for (author, log_id) in &logs {
                if self.is_in(range, author, *log_id) {
                    let head = self.head(author, *log_id);
                    heads.extend(head.map(|head| HeadInRange { range: index, head }));
                }
            }
        }
        heads
    }

    pub(super) fn head_of(&self, place: &LogPlace) -> Option<(SchemaId, Head)> {
        let author = PublicKey::from_bytes(&place.author).ok()?;
        let head = self.head(&author, place.log_id)?;
        Some((self.schema_of_log(&author, place.log_id)?, head))
    }

    pub(super) fn document_logs(
        &self,
        ids: &[OperationId],
        after: Option<&LogPlace>,
        limit: usize,
    ) -> Vec<(SchemaId, LogPlace)> {
        let mut logs = BTreeSet::new();
        let documents = ids.iter().filter_map(|id| self.document_of.get(id));
        for document in documents.filter_map(|id| self.documents.get(id)) {
            let hashes = document.operations.iter().map(|it| *it.id.as_hash());
            for entry in hashes.filter_map(|hash| self.entries.get(&EntryHash::from_hash(hash))) {
                let header = entry.entry.header();
                let key = (header.public_key(), header.log_id());
                let log = self.logs.get(&key);
                let is_line = log.is_some_and(|log| log.document == document.latest.id());
                let fork = self.forks.get(&key).map(ForkProof::seq_num);
                if is_line || fork == Some(SeqNum::FIRST) {
                    logs.insert((LogPlace::of(&key.0, key.1), document.latest.schema()));
                }
            }
        }
        let logs = logs.into_iter().map(|(place, schema)| (schema.clone(), place));
        logs.filter(|(_, place)| Some(place) > after).take(limit).collect()
    }

    pub(super) fn split_heads(&self, ranges: &[HeadRange], parts: usize) -> Vec<HeadsPart> {
        let mut before: Option<(usize, LogPlace)> = None;
        let pieces = self.heads(ranges).into_iter().map(|HeadInRange { range, head }| {
            let mut sum = Box::new(HeadsSum::EMPTY);
            sum.add(&head.state);
            let place = head.place();
            let below = before.replace((range, place)).filter(|(before, _)| *before == range);
            let from = below.map(|(_, below)| LogPlace::between(&below, &place));
            Piece { range, from, sum }
        });
        group(pieces.collect(), u64::try_from(parts.max(1)).unwrap_or(u64::MAX))
    }

    fn head(&self, author: &PublicKey, log_id: LogId) -> Option<Head> {
        let key = (*author, log_id);
        let line = self.logs.get(&key).map(|log| log.entries.as_slice()).unwrap_or_default();
        let (latest, hash) = (SeqNum::new(line.len() as u64), line.last().copied());
        let proof = self.forks.get(&key);
        let state = match (hash, proof) {
            (Some(hash), None) => HeadState::of_line(hash),
            (_, Some(proof)) if latest.is_some() || proof.seq_num() == SeqNum::FIRST => {
                let entries = proof.entries().map(EncodedEntry::hash);
                HeadState::of_frozen(hash, proof.seq_num(), entries)
            }
            (None, _) | (_, Some(_)) => return None,
        };
        let fork = proof.map(ForkProof::seq_num);
        Some(Head { author: *author, log_id, latest, fork, state })
    }

    pub(super) fn is_in(&self, range: &HeadRange, author: &PublicKey, log_id: LogId) -> bool {
        range.contains(&LogPlace::of(author, log_id))
            && self.schema_of_log(author, log_id).as_ref() == Some(&range.schema)
    }

    fn schema_of_log(&self, author: &PublicKey, log_id: LogId) -> Option<SchemaId> {
        let key = (*author, log_id);
        if self.forks.get(&key).is_some_and(|proof| proof.seq_num() == SeqNum::FIRST) {
            return Some(SCHEMA_OF_FORKED.into());
        }
        Some(self.documents.get(&self.logs.get(&key)?.document)?.latest.schema().clone())
    }
}
