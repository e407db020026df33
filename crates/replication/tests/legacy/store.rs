//! A store that is obviously right, and people who write into it.

use std::collections::{BTreeMap, BTreeSet};

use pandan_bamboo::{EncodedEntry, Entry, LogId, NextArgs, SeqNum};
use pandan_identity::{KeyPair, PublicKey};
use pandan_operations::{
    DocumentId, DocumentViewId, Fields, Operation, OperationId, RawValue, SchemaId, SystemSchema,
};
use pandan_replication::legacy::{
    Answer, LogHeight, Need, Query, Received, SchemaSet, StoredEntry, Verdict,
};

/// An entry with all that has to be known of it.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) document: DocumentId,
    pub(crate) schema: SchemaId,
    pub(crate) entry: EncodedEntry,
    pub(crate) operation: Option<Vec<u8>>,
}

impl Item {
    pub(crate) fn id(&self) -> OperationId {
        self.entry.hash().into()
    }

    pub(crate) fn author(&self) -> PublicKey {
        self.entry.header().public_key()
    }

    pub(crate) fn log(&self) -> (PublicKey, LogId) {
        (self.author(), self.entry.header().log_id())
    }

    pub(crate) fn seq_num(&self) -> SeqNum {
        self.entry.header().seq_num()
    }

    pub(crate) fn received(&self) -> Received {
        Received {
            entry: self.entry.as_bytes().to_vec(),
            operation: self.operation.clone().expect("the operation is there"),
        }
    }
}

/// Entries in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    pub(crate) items: Vec<Item>,
    /// Operations that are refused here.
    pub(crate) refuses: BTreeSet<OperationId>,
    /// Schemas that are not known here.
    pub(crate) unknown: BTreeSet<SchemaId>,
    /// Blobs, and pieces of blobs, to which something relates.
    pub(crate) related: BTreeSet<DocumentId>,
}

impl Store {
    pub(crate) fn ids(&self) -> BTreeSet<OperationId> {
        self.items.iter().map(Item::id).collect()
    }

    pub(crate) fn has(&self, id: OperationId) -> bool {
        self.items.iter().any(|item| item.id() == id)
    }

    pub(crate) fn ingest(&mut self, received: &Received) -> Verdict {
        let Some((entry, operation)) = authentic(received) else { return Verdict::Forged };
        let header = *entry.header();
        let id = OperationId::from(header.hash());
        if self.has(id) {
            return Verdict::Known;
        }
        if self.refuses.contains(&id) {
            return Verdict::Refused;
        }
        if self.unknown.contains(operation.schema()) {
            return Verdict::UnknownSchema;
        }
        let log = (header.public_key(), header.log_id());
        let tip = self.items.iter().rfind(|item| item.log() == log);
        if header.seq_num().previous() != tip.map(Item::seq_num) {
            return Verdict::Waiting;
        }
        if header.links().backlink() != tip.map(|tip| tip.entry.hash()) {
            return Verdict::Refused;
        }
        let document = match operation.previous() {
            None => id.into(),
            Some(previous) => {
                let document_of = |id: &OperationId| {
                    self.items.iter().find(|item| item.id() == *id).map(|item| item.document)
                };
                let documents: Option<BTreeSet<_>> = previous.iter().map(document_of).collect();
                match documents.and_then(|documents| documents.first().copied()) {
                    Some(document) => document,
                    None => return Verdict::Waiting,
                }
            }
        };
        let schema = operation.schema().clone();
        let operation = Some(received.operation.clone());
        self.items.push(Item { document, schema, entry, operation });
        Verdict::Stored
    }

    pub(crate) fn answer(&self, query: &Query) -> Answer {
        match query {
            Query::Heights { schemas, limit } => {
                assert!(!schemas.as_slice().iter().any(is_blob), "blobs are asked for apart");
                Answer::Heights(self.heights(schemas, *limit, |_| true))
            }
            Query::BlobHeights { schemas, related_from, limit } => {
                assert!(schemas.as_slice().iter().all(is_blob));
                assert!(!related_from.is_empty());
                let is_related = |item: &Item| self.related.contains(&item.document);
                Answer::Heights(self.heights(schemas, *limit, is_related))
            }
            Query::Entries { needs, after, max_entries, .. } => {
                self.entries(needs, *after, *max_entries)
            }
        }
    }

    fn heights(
        &self,
        schemas: &SchemaSet,
        limit: usize,
        holds: impl Fn(&Item) -> bool,
    ) -> Vec<LogHeight> {
        let mut by_document: Vec<DocumentId> = Vec::new();
        let mut heights = BTreeMap::new();
        for item in self.items.iter().filter(|it| schemas.contains(&it.schema) && holds(it)) {
            if !by_document.contains(&item.document) {
                by_document.push(item.document);
            }
            heights.insert((item.document, item.log()), item.seq_num());
        }
        let of = |document: &DocumentId| {
            let document = *document;
            heights.iter().filter(move |((of, _), _)| *of == document)
        };
        let height = |((document, (author, log_id)), seq_num): (&(DocumentId, _), &SeqNum)| {
            LogHeight { document: *document, author: *author, log_id: *log_id, seq_num: *seq_num }
        };
        by_document.iter().flat_map(of).map(height).take(limit).collect()
    }

    /// The order of arrival is one in which previous operations come first.
    pub(crate) fn needed(&self, needs: &[Need]) -> Vec<&Item> {
        let mut documents: Vec<_> = needs.iter().map(|need| need.document).collect();
        documents.dedup();
        let unique: BTreeSet<_> = documents.iter().collect();
        assert_eq!(unique.len(), documents.len(), "needs of a document stand together");
        let is_needed = |item: &&Item| {
            needs.iter().any(|need| {
                (need.author, need.log_id) == item.log()
                    && (need.from..=need.to).contains(&item.seq_num())
            })
        };
        documents
            .iter()
            .flat_map(|document| self.items.iter().filter(move |item| item.document == *document))
            .filter(is_needed)
            .collect()
    }

    fn entries(&self, needs: &[Need], after: Option<OperationId>, max: usize) -> Answer {
        let all = self.needed(needs);
        let skip = after.map_or(0, |after| {
            1 + all.iter().position(|item| item.id() == after).expect("we sent it before")
        });
        let rest = &all[skip..];
        let stored = |item: &&Item| StoredEntry {
            document: item.document,
            entry: item.entry,
            operation: item.operation.clone(),
        };
        // Small pages, so that going on is tried.
        let page = max.min(5);
        let entries = rest.iter().take(page).map(stored).collect();
        Answer::Entries { entries, more: rest.len() > page }
    }
}

fn is_blob(schema: &SchemaId) -> bool {
    [SystemSchema::Blob.into(), SystemSchema::BlobPiece.into()].contains(schema)
}

/// Decodes and verifies what came.
fn authentic(received: &Received) -> Option<(EncodedEntry, Operation)> {
    let operation = Operation::decode(&received.operation).ok()?;
    let entry = Entry::decode(&received.entry).ok()?.authenticate().ok()?;
    let entry = entry.bind(&received.operation).ok()?.entry().to_encoded();
    Some((entry, operation))
}

/// A schema that is defined in documents.
pub(crate) fn schema(number: u8) -> SchemaId {
    let digest = [number; 32];
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("thing_0020{hex}").parse().expect("it is an id")
}

pub(crate) fn set(schemas: impl IntoIterator<Item = SchemaId>) -> SchemaSet {
    SchemaSet::new(schemas).expect("there are few")
}

/// Somebody who writes into one store.
pub(crate) struct Author(KeyPair);

impl Author {
    pub(crate) fn new(number: u8) -> Self {
        Self(KeyPair::from_seed(&[number; 32]))
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    /// Begins a document.
    pub(crate) fn create(&self, store: &mut Store, schema: &SchemaId, text: &str) -> DocumentId {
        let operation = Operation::Create { schema: schema.clone(), fields: fields(text) };
        self.append(store, None, &operation).document
    }

    /// Changes a document on top of all that the store has of it.
    pub(crate) fn update(&self, store: &mut Store, document: DocumentId, text: &str) -> Item {
        let tip = store.items.iter().rfind(|item| item.document == document);
        let tip = tip.expect("the document is there").clone();
        let previous = DocumentViewId::from_tips([tip.id()]).expect("it is not empty");
        let operation = Operation::Update { schema: tip.schema, previous, fields: fields(text) };
        self.append(store, Some(document), &operation)
    }

    fn append(
        &self,
        store: &mut Store,
        document: Option<DocumentId>,
        operation: &Operation,
    ) -> Item {
        let own: Vec<_> =
            store.items.iter().filter(|item| item.author() == self.public_key()).cloned().collect();
        let log: Vec<_> =
            own.iter().filter(|item| Some(item.document) == document).cloned().collect();
        let args = match log.last() {
            Some(tip) => {
                let header = tip.entry.header();
                let target = header.seq_num().next().and_then(SeqNum::skiplink);
                let target = target
                    .and_then(|target| log.iter().find(|item| item.seq_num() == target))
                    .map(|item| item.entry.hash());
                NextArgs::after(header, target).expect("the log goes on")
            }
            None => {
                let last = own.iter().map(|item| item.entry.header().log_id()).max();
                NextArgs::first(last.and_then(LogId::next).unwrap_or_default())
            }
        };
        let bytes = operation.encode();
        let entry = args.forge(&self.0, &bytes);
        let received = Received { entry: entry.as_bytes().to_vec(), operation: bytes };
        assert_eq!(store.ingest(&received), Verdict::Stored);
        store.items.last().expect("it was stored right before").clone()
    }
}

fn fields(text: &str) -> Fields {
    Fields::from_iter([("text", RawValue::Str(text.into()))])
}
