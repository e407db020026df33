//! Logs and entries document by document, found by looking at all of them.

use std::collections::{BTreeMap, BTreeSet};

use pandan_bamboo::{EntryHash, SeqNum};
use pandan_operations::{DocumentId, OperationId, SchemaId, SystemSchema};
use pandan_schema::Value;

use super::state::{State, StoredDocument};
use crate::heads::{self, Budget, DocumentHead, NeededEntries, NeededLog};

impl State {
    pub(super) fn document_heads(&self, schemas: &[SchemaId]) -> Vec<DocumentHead> {
        self.heads_of_documents(|document| schemas.contains(document.latest.schema()))
    }

    pub(super) fn blob_heads(
        &self,
        schemas: &[SchemaId],
        related_from: &[SchemaId],
    ) -> Vec<DocumentHead> {
        let blobs = self.related_blobs(related_from);
        let pieces = self.pieces_of(&blobs);
        let is_of = |document: &StoredDocument, system: SystemSchema, among: &BTreeSet<_>| {
            let schema = SchemaId::from(system);
            *document.latest.schema() == schema
                && schemas.contains(&schema)
                && among.contains(&document.latest.id())
        };
        self.heads_of_documents(|document| {
            is_of(document, SystemSchema::Blob, &blobs)
                || is_of(document, SystemSchema::BlobPiece, &pieces)
        })
    }

    fn heads_of_documents(&self, is_wanted: impl Fn(&StoredDocument) -> bool) -> Vec<DocumentHead> {
        let mut logs: BTreeMap<DocumentId, Vec<DocumentHead>> = BTreeMap::new();
        for ((author, log_id), log) in &self.logs {
            let Some(seq_num) = SeqNum::new(log.entries.len() as u64) else { continue };
            let (document, author, log_id) = (log.document, *author, *log_id);
            let head = DocumentHead { document, author, log_id, seq_num };
            logs.entry(document).or_default().push(head);
        }
        let begun = self.arrivals.iter().map(|hash| DocumentId::from_hash(*hash.as_hash()));
        let wanted = begun.filter(|id| self.documents.get(id).is_some_and(|it| is_wanted(it)));
        wanted.flat_map(|id| logs.remove(&id).unwrap_or_default()).collect()
    }

    /// Documents to which some relate in their latest state that has fields of blobs.
    fn related_blobs(&self, schemas: &[SchemaId]) -> BTreeSet<DocumentId> {
        let blob = SystemSchema::Blob.into();
        let mut related = BTreeSet::new();
        for document in self.documents.values() {
            let schema = document.latest.schema();
            let (true, Some(known)) = (schemas.contains(schema), self.schemas.get(schema)) else {
                continue;
            };
            let Some(fields) = &document.latest.view().fields else { continue };
            let to_blobs = known.schema.fields().filter(|(_, field)| field.target() == Some(&blob));
            for (name, _) in to_blobs {
                let value = fields.get(name.as_str()).map(|field| &field.value);
                related.extend(value.into_iter().flat_map(|value| self.targets_of(value)));
            }
        }
        related
    }

    /// The documents to which a value relates.
    fn targets_of(&self, value: &Value) -> Vec<DocumentId> {
        let of_documents = |ids: &[DocumentId]| {
            ids.iter().map(|id| OperationId::from_hash(*id.as_hash())).collect::<Vec<_>>()
        };
        let operations = match value {
            Value::Relation(id) => of_documents(&[*id]),
            Value::RelationList(ids) => of_documents(ids),
            Value::PinnedRelation(id) => id.as_slice().to_vec(),
            Value::PinnedRelationList(ids) => ids.iter().flatten().copied().collect(),
            _ => Vec::new(),
        };
        operations.iter().filter_map(|id| self.document_of.get(id).copied()).collect()
    }

    /// The documents that were ever pieces of blobs.
    fn pieces_of(&self, blobs: &BTreeSet<DocumentId>) -> BTreeSet<DocumentId> {
        let documents = blobs.iter().filter_map(|id| self.documents.get(id));
        let of_blobs = documents.filter(|it| *it.latest.schema() == SystemSchema::Blob.into());
        let operations = of_blobs.flat_map(|document| &document.operations);
        let entries =
            operations.filter_map(|it| self.entries.get(&EntryHash::from_hash(*it.id.as_hash())));
        let payloads = entries.filter_map(|entry| entry.operation.as_deref());
        let named = payloads.flat_map(heads::pieces);
        named.filter_map(|id| self.document_of.get(&id).copied()).collect()
    }

    pub(super) fn needed_entries(
        &self,
        needed: &[NeededLog],
        after: Option<&EntryHash>,
        budget: Budget,
    ) -> NeededEntries {
        let reached = after.and_then(|after| self.arrivals.iter().position(|it| it == after));
        let wanted: BTreeSet<_> = needed.iter().flat_map(|needed| self.needed(needed)).collect();
        let behind = self.arrivals.iter().skip(reached.map_or(0, |reached| reached + 1));
        let mut found = NeededEntries::default();
        for hash in behind.filter(|hash| wanted.contains(hash)) {
            if let Some(entry) = self.entries.get(hash)
                && !found.take((**entry).clone(), budget)
            {
                break;
            }
        }
        found
    }

    fn needed(&self, needed: &NeededLog) -> &[EntryHash] {
        let Some(log) = self.logs.get(&(needed.author, needed.log_id)) else { return &[] };
        let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let end = place(needed.to.number()).min(log.entries.len());
        log.entries.get(place(needed.from.number() - 1)..end).unwrap_or_default()
    }
}
