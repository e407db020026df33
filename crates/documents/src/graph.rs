//! The operations of one document as a graph: an edge leads from each operation to those that name
//! it in `previous`.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use pandan_operations::limits::MAX_PREVIOUS;
use pandan_operations::{DocumentId, DocumentViewId, OperationId};
use thiserror::Error;

use crate::edges::Edges;
use crate::walk::walk;

/// What the graph needs to know of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphNode<'a> {
    /// The operation.
    pub id: OperationId,
    /// What it does and what it refers to.
    pub kind: NodeKind<'a>,
    /// Whether its entry stands at or above the fork of its log (PN31).
    pub is_void: bool,
}

/// What an operation does to its document, and on top of which others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind<'a> {
    /// Begins the document.
    Create,
    /// Changes it.
    Update {
        /// The operations that its author knew as the latest.
        previous: &'a DocumentViewId,
    },
    /// Ends it.
    Delete {
        /// The operations that its author knew as the latest.
        previous: &'a DocumentViewId,
    },
}

impl<'a> NodeKind<'a> {
    fn previous(self) -> Option<&'a DocumentViewId> {
        match self {
            Self::Create => None,
            Self::Update { previous } | Self::Delete { previous } => Some(previous),
        }
    }
}

/// The whole graph of a document, or the part of it below a view, in its deterministic order.
///
/// A graph is a function of the *set* of its operations: it does not matter in which order they
/// are handed in.
///
/// Void operations are in the graph of a document like all others. What counts for its latest
/// state is [a part of it](Self::latest), in which they are mere connectors.
#[derive(Clone, Debug)]
pub struct Graph {
    // Invariant: nodes are numbered by the ascending order of their ids; `ids`, `positions`,
    // `deletes`, `voids`, `parents` and `children` have one item per node, and `order` has each node
    // once, behind all its parents.
    ids: Vec<OperationId>,
    /// Where the node stood among those handed in.
    positions: Vec<usize>,
    deletes: Vec<bool>,
    voids: Vec<bool>,
    parents: Edges,
    children: Edges,
    order: Vec<usize>,
    root: OperationId,
}

impl Graph {
    /// Builds the graph of a whole document from all its operations.
    pub fn new<'a>(nodes: impl IntoIterator<Item = GraphNode<'a>>) -> Result<Self, GraphError> {
        let nodes: Vec<_> = nodes.into_iter().collect();
        let ranked = Ranked::new(&nodes)?;
        let (create, second) = ranked.creates(&nodes);
        if let (Some(first), Some(second)) = (create, second) {
            return Err(GraphError::TwoCreates { first, second });
        }
        let parents = ranked.parents(&nodes)?;
        let root = create.ok_or(GraphError::NoRoot)?;
        let is_delete = |node: &&GraphNode<'_>| matches!(node.kind, NodeKind::Delete { .. });
        let deletes = ranked.in_order(&nodes).map(|node| is_delete(&node)).collect();
        let voids = ranked.in_order(&nodes).map(|node| node.is_void).collect();
        Self::walked(ranked, deletes, voids, parents, root)
    }

    /// The part of the graph that the latest state consists of: the operations that count and all
    /// their ancestors. None when the CREATE does not count, so that the document is withdrawn.
    ///
    /// A void operation in it holds the place between what it knew and what was made on top of it.
    /// It is no tip, since something that counts comes after it (PN32).
    #[must_use]
    pub fn latest(&self) -> Option<Cow<'_, Self>> {
        if !self.has_void() {
            return Some(Cow::Borrowed(self));
        }
        if self.is_void(self.root) {
            return None;
        }
        let counting = (0..self.ids.len()).filter(|&node| !self.is_void_node(node));
        let kept = self.with_ancestors(counting.collect());
        let voids = pick(&self.voids, &kept);
        // A part that holds all its ancestors has the root and no circle, as the whole has.
        self.part(&kept, voids).ok().map(Cow::Owned)
    }

    /// Whether there are void operations in it.
    #[must_use]
    pub fn has_void(&self) -> bool {
        self.voids.contains(&true)
    }

    /// Whether this operation is part of the graph and void in it.
    #[must_use]
    pub fn is_void(&self, operation: OperationId) -> bool {
        self.find(operation).is_some_and(|node| self.is_void_node(node))
    }

    /// The part of the graph that a view consists of: the operations that it names and all their
    /// ancestors.
    ///
    /// Operations that were added to the document later or beside do not change the result. All of
    /// them count, void or not: a view id is a promise of content that nobody can take back (PN33).
    pub fn at(&self, view: &DocumentViewId) -> Result<Self, GraphError> {
        let find = |&operation: &OperationId| {
            self.find(operation).ok_or(GraphError::UnknownView { operation })
        };
        let named = view.as_slice().iter().map(find).collect::<Result<_, _>>()?;
        let kept = self.with_ancestors(named);
        let voids = alloc::vec![false; kept.len()];
        self.part(&kept, voids)
    }

    /// The graph of some of the nodes, ascending, which hold all their ancestors.
    fn part(&self, kept: &[usize], voids: Vec<bool>) -> Result<Self, GraphError> {
        let mut ranks = alloc::vec![usize::MAX; self.ids.len()];
        for (rank, &node) in kept.iter().enumerate() {
            if let Some(slot) = ranks.get_mut(node) {
                *slot = rank;
            }
        }
        let mut parents = Edges::with_capacity(kept.len());
        for &node in kept {
            let list = self.parents.of(node).iter();
            let list = list.filter_map(|&parent| ranks.get(parent).copied());
            let Ok(()) = parents.push(list.map(Ok::<_, core::convert::Infallible>));
        }
        let ranked = Ranked { ids: pick(&self.ids, kept), positions: pick(&self.positions, kept) };
        Self::walked(ranked, pick(&self.deletes, kept), voids, parents, self.root)
    }

    fn walked(
        ranked: Ranked,
        deletes: Vec<bool>,
        voids: Vec<bool>,
        parents: Edges,
        root: OperationId,
    ) -> Result<Self, GraphError> {
        let Ranked { ids, positions } = ranked;
        let children = parents.reversed();
        let start = ids.binary_search(&root).map_err(|_| GraphError::NoRoot)?;
        let order = walk(start, &parents, &children);
        if order.len() != ids.len() {
            return Err(GraphError::Cycle { reached: order.len(), operations: ids.len() });
        }
        Ok(Self { ids, positions, deletes, voids, parents, children, order, root })
    }

    /// Nodes and all their ancestors, ascending.
    fn with_ancestors(&self, mut stack: Vec<usize>) -> Vec<usize> {
        let mut marked = alloc::vec![false; self.ids.len()];
        let mut kept = Vec::new();
        while let Some(node) = stack.pop() {
            match marked.get_mut(node) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            kept.push(node);
            stack.extend_from_slice(self.parents.of(node));
        }
        kept.sort_unstable();
        kept
    }

    /// The document: the id of its CREATE.
    #[must_use]
    pub fn document_id(&self) -> DocumentId {
        DocumentId::from(self.root)
    }

    /// All operations, each once and behind all those that it refers to.
    pub fn order(&self) -> impl ExactSizeIterator<Item = OperationId> + DoubleEndedIterator {
        self.order.iter().map(|&node| self.id(node))
    }

    /// For each operation of the [order](Self::order): its place among the nodes handed in.
    pub fn positions(&self) -> impl ExactSizeIterator<Item = usize> + DoubleEndedIterator {
        self.order.iter().map(|&node| self.position(node))
    }

    /// Number of operations; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a graph is never empty")]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether this operation is part of the graph.
    #[must_use]
    pub fn contains(&self, operation: OperationId) -> bool {
        self.find(operation).is_some()
    }

    /// The operations that no other refers to.
    ///
    /// A view id has room for [`MAX_PREVIOUS`] of them, as `previous` has in an operation. Of more
    /// tips those count that come last in the order; whoever writes on top of them leaves so many
    /// fewer.
    #[must_use]
    pub fn tips(&self) -> DocumentViewId {
        let is_tip = |node: &usize| self.children.of(*node).is_empty();
        let tips = self.order.iter().rev().copied().filter(is_tip).map(|node| self.id(node));
        DocumentViewId::from_tips(tips.take(MAX_PREVIOUS))
            .expect("a graph without a circle has tips, and no more were taken than have room")
    }

    /// The DELETE that counts: the first one in the order (DO4, D11) that is not void.
    #[must_use]
    pub fn first_delete(&self) -> Option<OperationId> {
        let is_delete =
            |&node: &usize| self.deletes.get(node) == Some(&true) && !self.is_void_node(node);
        self.order.iter().copied().find(is_delete).map(|node| self.id(node))
    }

    /// The id of the state that the graph results in: the DELETE that counts if there is one, else
    /// all tips.
    #[must_use]
    pub fn view_id(&self) -> DocumentViewId {
        self.first_delete().map_or_else(|| self.tips(), DocumentViewId::from)
    }

    pub(crate) fn children_of(&self, node: usize) -> &[usize] {
        self.children.of(node)
    }

    /// The nodes in their order.
    pub(crate) fn nodes(&self) -> &[usize] {
        &self.order
    }

    pub(crate) fn is_void_node(&self, node: usize) -> bool {
        self.voids.get(node).copied().unwrap_or(false)
    }

    pub(crate) fn id(&self, node: usize) -> OperationId {
        self.ids.get(node).copied().unwrap_or(self.root)
    }

    pub(crate) fn position(&self, node: usize) -> usize {
        self.positions.get(node).copied().unwrap_or(usize::MAX)
    }

    fn find(&self, operation: OperationId) -> Option<usize> {
        self.ids.binary_search(&operation).ok()
    }
}

/// Nodes numbered by the ascending order of their ids.
struct Ranked {
    ids: Vec<OperationId>,
    positions: Vec<usize>,
}

impl Ranked {
    fn new(nodes: &[GraphNode<'_>]) -> Result<Self, GraphError> {
        let mut ranked: Vec<_> = nodes.iter().enumerate().collect();
        // Beginnings of hashes nearly always differ, and are quicker to compare.
        ranked.sort_unstable_by_key(|&(_, node)| (beginning(node.id), node.id));
        let ids: Vec<_> = ranked.iter().map(|&(_, node)| node.id).collect();
        if let Some((&operation, _)) = ids.iter().zip(ids.iter().skip(1)).find(|(a, b)| a == b) {
            return Err(GraphError::Duplicate { operation });
        }
        Ok(Self { ids, positions: ranked.into_iter().map(|(position, _)| position).collect() })
    }

    fn in_order<'n, 'a>(
        &self,
        nodes: &'n [GraphNode<'a>],
    ) -> impl Iterator<Item = &'n GraphNode<'a>> {
        self.positions.iter().filter_map(|&position| nodes.get(position))
    }

    /// The first and the second CREATE.
    fn creates(&self, nodes: &[GraphNode<'_>]) -> (Option<OperationId>, Option<OperationId>) {
        let mut creates = self
            .in_order(nodes)
            .filter(|node| matches!(node.kind, NodeKind::Create))
            .map(|node| node.id);
        (creates.next(), creates.next())
    }

    fn find(&self, id: OperationId, beginnings: &[u64]) -> Option<usize> {
        let start = beginnings.partition_point(|&other| other < beginning(id));
        match self.ids.get(start) {
            Some(found) if *found == id => Some(start),
            _ => self.ids.binary_search(&id).ok(),
        }
    }

    fn parents(&self, nodes: &[GraphNode<'_>]) -> Result<Edges, GraphError> {
        let mut parents = Edges::with_capacity(nodes.len());
        let beginnings: Vec<_> = self.ids.iter().copied().map(beginning).collect();
        for node in self.in_order(nodes) {
            let previous = node.kind.previous().map_or(&[][..], DocumentViewId::as_slice);
            parents.push(previous.iter().map(|&previous| {
                let found = self.find(previous, &beginnings);
                found
                    .filter(|_| previous != node.id)
                    .ok_or(GraphError::Unlinked { operation: node.id, previous })
            }))?;
        }
        Ok(parents)
    }
}

/// The first bytes of an id; they are ordered as the ids are.
fn beginning(id: OperationId) -> u64 {
    id.as_hash().digest().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

fn pick<T: Copy>(all: &[T], kept: &[usize]) -> Vec<T> {
    kept.iter().filter_map(|&node| all.get(node).copied()).collect()
}

/// Operations that do not make up the graph of one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GraphError {
    /// A document has exactly one CREATE (DO1).
    #[error("expected one create operation, found {first} and {second}")]
    TwoCreates {
        /// The lower id of the two.
        first: OperationId,
        /// The next one.
        second: OperationId,
    },
    /// An operation was handed in twice.
    #[error("operation {operation} was handed in twice")]
    Duplicate {
        /// The operation.
        operation: OperationId,
    },
    /// An operation refers to one that is not there, or to itself (DO3).
    #[error("operation {operation} refers to {previous}, which is not among the operations")]
    Unlinked {
        /// The operation.
        operation: OperationId,
        /// What it refers to.
        previous: OperationId,
    },
    /// A view names an operation that is not there (DV2).
    #[error("the view names operation {operation}, which is not part of the document")]
    UnknownView {
        /// The operation.
        operation: OperationId,
    },
    /// There is no CREATE (DO1).
    #[error("expected a create operation, found none")]
    NoRoot,
    /// Operations refer to each other in a circle, which real hashes cannot do (DO2).
    #[error("operations refer to each other in a circle: reached {reached} of {operations}")]
    Cycle {
        /// Operations that can be put behind all their parents.
        reached: usize,
        /// All operations.
        operations: usize,
    },
}

impl GraphError {
    /// The number of the requirement of the p2panda specification that the operations break.
    #[must_use]
    pub const fn requirement(&self) -> Option<&'static str> {
        match self {
            Self::TwoCreates { .. } | Self::NoRoot => Some("DO1"),
            Self::Cycle { .. } => Some("DO2"),
            Self::Unlinked { .. } => Some("DO3"),
            Self::UnknownView { .. } => Some("DV2"),
            Self::Duplicate { .. } => None,
        }
    }
}
