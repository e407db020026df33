//! Graphs from operations that refer to each other in every way, circles and gaps included.

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use pandan_bamboo::Hash;
use pandan_documents::{Graph, GraphNode, NodeKind};
use pandan_operations::{DocumentViewId, OperationId};

/// Nodes by numbers.
#[derive(Arbitrary, Debug)]
pub struct Wild {
    nodes: Vec<(u8, Kind, Vec<u8>)>,
    view: Vec<u8>,
}

/// What a node does.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Kind {
    Create,
    Update,
    Delete,
}

/// Builds the graph: it is refused, or every node comes once and behind its parents.
pub fn check(wild: Wild) {
    let nodes: Vec<_> = wild
        .nodes
        .iter()
        .filter_map(|(number, kind, previous)| {
            let previous = DocumentViewId::from_tips(previous.iter().copied().map(id));
            let is_create = *kind == Kind::Create;
            (is_create || previous.is_some()).then(|| (id(*number), *kind, previous))
        })
        .collect();
    let Ok(graph) = Graph::new(nodes.iter().map(node)) else { return };
    let places: BTreeMap<_, _> = graph.order().zip(0..).collect();
    assert_eq!((graph.len(), places.len()), (nodes.len(), nodes.len()));
    for (id, kind, previous) in &nodes {
        let previous = previous.iter().flatten().filter(|_| *kind != Kind::Create);
        assert!(previous.into_iter().all(|previous| places[previous] < places[id]));
    }
    check_view(&graph, &wild.view);
}

/// The part below a view is a graph as well, with the tips that it was asked for at most.
fn check_view(graph: &Graph, view: &[u8]) {
    let Some(view) = DocumentViewId::from_tips(view.iter().copied().map(id)) else { return };
    let Ok(part) = graph.at(&view) else {
        assert!(!view.iter().all(|id| graph.contains(*id)));
        return;
    };
    assert_eq!(part.document_id(), graph.document_id());
    assert!(part.order().all(|id| graph.contains(id)));
    assert!(part.tips().iter().all(|tip| view.contains(tip)));
    assert!(view.iter().all(|id| part.contains(*id)));
    let again = part.at(&part.tips()).expect("a graph has its own tips");
    assert!(again.order().eq(part.order()));
}

fn node((id, kind, previous): &(OperationId, Kind, Option<DocumentViewId>)) -> GraphNode<'_> {
    let kind = match (kind, previous) {
        (Kind::Update, Some(previous)) => NodeKind::Update { previous },
        (Kind::Delete, Some(previous)) => NodeKind::Delete { previous },
        _ => NodeKind::Create,
    };
    GraphNode { id: *id, kind, is_void: false }
}

/// Ids whose order is that of the numbers in some places and not in others.
fn id(number: u8) -> OperationId {
    let digest = if number % 2 == 0 { [number; 32] } else { *Hash::of(&[number]).digest() };
    OperationId::from_hash(Hash::from_digest(digest))
}
