//! A document at its latest view: the operations that it shows, and what proves them (RE11).

use std::collections::{BTreeMap, BTreeSet};

use pandan_bamboo::{EncodedEntry, EntryHash, ForkProof, LogId, SeqNum, certificate_pool};
use pandan_documents::{Graph, GraphNode, NodeKind};
use pandan_identity::PublicKey;
use pandan_operations::{Action, DocumentId, DocumentViewId, FieldName, Operation, OperationId};
use pandan_replication::PartContent;
use pandan_replication::limits::MAX_PART_ENTRIES;
use pandan_store::{ForkQuery, StoreError, StoredEntry};

use super::{Asked, Telling, too_much};

/// How many entries of a document are read at a time.
const READ_TOGETHER: usize = 1_024;

/// Entries of a document that are looked at to find its latest state for somebody who asks.
const MAX_READ: usize = 65_536;

/// How often they may name others as previous, all together.
const MAX_EDGES: usize = 262_144;

/// How many forks are read at a time.
const FORKS_TOGETHER: usize = 1_000;

type Log = (PublicKey, LogId);

type Place = (PublicKey, LogId, SeqNum);

impl Asked<'_> {
    /// The state of a document, the entries that it is made of, and the forks of their logs.
    pub(super) fn document(&self, id: DocumentId) -> Result<Vec<PartContent>, StoreError> {
        if self.schema_of(id)?.is_none() {
            return Ok(Vec::new());
        }
        let history = match self.history(id)? {
            Found::History(history) => history,
            Found::TooMuch => return Ok(too_much()),
            Found::Gap => return Ok(Vec::new()),
        };
        let graph = Graph::new(history.nodes.iter().map(Node::graph_node)).map_err(inconsistent)?;
        let Some(graph) = graph.latest() else { return self.withdrawn(&history, id) };
        let is_deleted = graph.first_delete().is_some();
        let fields = if is_deleted { Vec::new() } else { self.last_writes(&graph)? };
        let view = graph.view_id();
        let shown = view.iter().chain(fields.iter().map(|(_, id)| id));
        let shown: BTreeSet<_> = shown.copied().collect();
        let Some(needed) = self.needed(&history, &shown)? else { return Ok(too_much()) };
        let mut telling = Telling::default();
        for &(author, log_id, seq_num) in &needed {
            let Some(node) = history.at(author, log_id, seq_num) else { continue };
            let is_shown = shown.contains(&node.id) && !self.leaves_out;
            let payload = if is_shown || seq_num == SeqNum::FIRST {
                match self.stored(&node.id)? {
                    Some(StoredEntry { operation: Some(payload), .. }) => Some(payload),
                    _ => return Ok(Vec::new()),
                }
            } else {
                None
            };
            if !telling.push(node.entry.as_bytes(), payload) {
                return Ok(too_much());
            }
        }
        let mut contents = vec![PartContent::State { view, fields }];
        contents.push(PartContent::Entries(telling.entries));
        let logs: BTreeSet<Log> =
            needed.into_iter().map(|(author, log_id, _)| (author, log_id)).collect();
        for (author, log_id) in logs {
            let proof = self.fork(author, log_id)?;
            contents.extend(proof.map(|proof| PartContent::Proof(Box::new(proof))));
        }
        Ok(contents)
    }

    /// Nothing is left of a document but the fork at its CREATE.
    fn withdrawn(&self, history: &History, id: DocumentId) -> Result<Vec<PartContent>, StoreError> {
        let create = history.nodes.iter().find(|node| DocumentId::from(node.id) == id);
        let Some(create) = create.map(|create| create.entry) else { return Ok(Vec::new()) };
        let header = create.header();
        let Some(proof) = self.fork(header.public_key(), header.log_id())? else {
            return Ok(Vec::new());
        };
        // Of three entries for one place the proof that counts may hold the two others.
        let others = proof.entries().into_iter();
        let mut proofs = others
            .filter_map(|other| ForkProof::new(&create.as_authentic(), &other.as_authentic()).ok());
        Ok(proofs.next().map(|proof| PartContent::Proof(Box::new(proof))).into_iter().collect())
    }

    /// All operations of a document, without what they write.
    fn history(&self, id: DocumentId) -> Result<Found, StoreError> {
        let forks = self.forks_in(id)?;
        let (mut nodes, mut edges) = (Vec::new(), 0);
        loop {
            let entries = self.snapshot.document_entries(&id, nodes.len(), READ_TOGETHER)?;
            let is_last = entries.len() < READ_TOGETHER;
            for StoredEntry { entry, operation } in entries {
                let Some(payload) = operation else { return Ok(Found::Gap) };
                let operation = Operation::decode(&payload).map_err(inconsistent)?;
                let node = Node::new(entry, &operation, &forks);
                edges += node.previous.as_ref().map_or(0, DocumentViewId::len);
                nodes.push(node);
            }
            if nodes.len() > MAX_READ || edges > MAX_EDGES {
                return Ok(Found::TooMuch);
            }
            if is_last {
                return Ok(Found::History(History::new(nodes)));
            }
        }
    }

    /// The places from which on operations of a document are void, by log.
    fn forks_in(&self, id: DocumentId) -> Result<BTreeMap<Log, SeqNum>, StoreError> {
        let mut forks = BTreeMap::new();
        if self.snapshot.have_void(&[id])? == [true] {
            let (author, document) = (None, Some(id));
            let mut query = ForkQuery { author, document, after: None, first: FORKS_TOGETHER };
            loop {
                let page = self.snapshot.forks(&query)?;
                let proofs = page.forks.iter().map(|fork| &fork.proof);
                forks.extend(proofs.map(|it| ((it.public_key(), it.log_id()), it.seq_num())));
                query.after = forks.keys().next_back().copied();
                if !page.has_next {
                    break;
                }
            }
        }
        Ok(forks)
    }

    /// Which operation wrote each field last. The order is gone through from its end, as far as a
    /// field is still open.
    fn last_writes(&self, graph: &Graph) -> Result<Vec<(FieldName, OperationId)>, StoreError> {
        let create = self.operation(graph.document_id().as_operation_id())?;
        let names = create.fields().into_iter().flat_map(|fields| fields.iter());
        let mut open: BTreeMap<_, _> = names.map(|(name, _)| (name.to_owned(), None)).collect();
        let mut left = open.len();
        for id in graph.order().rev().filter(|id| !graph.is_void(*id)) {
            if left == 0 {
                break;
            }
            let operation = self.operation(&id)?;
            for (name, _) in operation.fields().into_iter().flat_map(|fields| fields.iter()) {
                if let Some(slot @ None) = open.get_mut(name) {
                    *slot = Some(id);
                    left -= 1;
                }
            }
        }
        let found = open.into_iter().filter_map(|(name, id)| Some((name, id?)));
        found.map(|(name, id)| Ok((FieldName::parse(&name).map_err(inconsistent)?, id))).collect()
    }

    /// The places of all entries that prove operations to be of the document; none when these are
    /// too many, or some that are needed are in no line.
    fn needed(
        &self,
        history: &History,
        shown: &BTreeSet<OperationId>,
    ) -> Result<Option<BTreeSet<Place>>, StoreError> {
        let (mut needed, mut bound) = (BTreeSet::new(), BTreeSet::new());
        let mut queue: Vec<_> = shown.iter().copied().collect();
        while let Some(id) = queue.pop() {
            let Some(node) = history.by_id.get(&id).map(|index| &history.nodes[*index]) else {
                return Ok(None);
            };
            let header = node.entry.header();
            let (author, log_id) = (header.public_key(), header.log_id());
            let pool = certificate_pool(header.seq_num());
            let pool = pool.filter(|seq_num| history.at(author, log_id, *seq_num).is_some());
            needed.extend(pool.map(|seq_num| (author, log_id, seq_num)));
            if node.is_void || needed.len() > MAX_PART_ENTRIES {
                return Ok(None);
            }
            if bound.insert((author, log_id)) {
                let Some(first) = history.at(author, log_id, SeqNum::FIRST) else {
                    return Ok(None);
                };
                if let Some(previous) = &first.previous {
                    let Some(id) = previous.iter().find(|id| history.is_in_line(id)) else {
                        return Ok(None);
                    };
                    queue.push(*id);
                }
            }
        }
        Ok(Some(needed))
    }

    fn stored(&self, id: &OperationId) -> Result<Option<StoredEntry>, StoreError> {
        self.snapshot.entry(&EntryHash::from_hash(*id.as_hash()))
    }

    fn operation(&self, id: &OperationId) -> Result<Operation, StoreError> {
        let payload = self.stored(id)?.and_then(|stored| stored.operation);
        let payload = payload.ok_or_else(|| inconsistent("an operation has no payload"))?;
        Operation::decode(&payload).map_err(inconsistent)
    }
}

enum Found {
    History(History),
    TooMuch,
    /// An operation is there without its payload.
    Gap,
}

/// The operations of a document, with their places.
struct History {
    nodes: Vec<Node>,
    by_id: BTreeMap<OperationId, usize>,
    /// Those in the lines of logs.
    by_place: BTreeMap<Place, usize>,
}

struct Node {
    id: OperationId,
    entry: EncodedEntry,
    action: Action,
    previous: Option<DocumentViewId>,
    is_void: bool,
}

impl History {
    fn new(nodes: Vec<Node>) -> Self {
        let by_id = nodes.iter().map(|node| node.id).zip(0..).collect();
        let lines = nodes.iter().zip(0..).filter(|(node, _)| !node.is_void);
        let by_place = lines.map(|(node, index)| (node.place(), index)).collect();
        Self { nodes, by_id, by_place }
    }

    fn at(&self, author: PublicKey, log_id: LogId, seq_num: SeqNum) -> Option<&Node> {
        self.nodes.get(*self.by_place.get(&(author, log_id, seq_num))?)
    }

    fn is_in_line(&self, id: &OperationId) -> bool {
        self.by_id.get(id).is_some_and(|index| !self.nodes[*index].is_void)
    }
}

impl Node {
    fn new(entry: EncodedEntry, operation: &Operation, forks: &BTreeMap<Log, SeqNum>) -> Self {
        let header = *entry.header();
        let fork = forks.get(&(header.public_key(), header.log_id()));
        Self {
            id: OperationId::from_hash(*header.hash().as_hash()),
            entry,
            action: operation.action(),
            previous: operation.previous().cloned(),
            is_void: fork.is_some_and(|fork| *fork <= header.seq_num()),
        }
    }

    fn place(&self) -> Place {
        let header = self.entry.header();
        (header.public_key(), header.log_id(), header.seq_num())
    }

    fn graph_node(&self) -> GraphNode<'_> {
        let kind = match (&self.previous, self.action) {
            (None, _) => NodeKind::Create,
            (Some(previous), Action::Delete) => NodeKind::Delete { previous },
            (Some(previous), _) => NodeKind::Update { previous },
        };
        GraphNode { id: self.id, kind, is_void: self.is_void }
    }
}

fn inconsistent(detail: impl ToString) -> StoreError {
    StoreError::Inconsistent { detail: detail.to_string() }
}
