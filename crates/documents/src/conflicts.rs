//! Which fields were written by people who did not know of each other.

use alloc::vec::Vec;

use pandan_identity::PublicKey;
use pandan_operations::{FieldName, OperationId};
use pandan_schema::Value;

use crate::{DocumentOperation, Graph};

/// A field whose latest writes are concurrent: none of them is an ancestor of another.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// The field.
    pub field: FieldName,
    /// Its latest writes in the order of the document, at least two.
    pub writes: Vec<Write>,
    /// The write whose value the document shows: the last of them.
    pub winner: OperationId,
}

/// One write of a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The operation that wrote.
    pub operation: OperationId,
    /// Who signed it.
    pub author: PublicKey,
    /// What was written.
    pub value: Value,
}

/// The conflicts of a state, by field name.
pub(crate) fn find(graph: &Graph, operations: &[DocumentOperation]) -> Vec<Conflict> {
    if graph.first_delete().is_some() {
        return Vec::new();
    }
    let create = graph.positions().next().and_then(|position| operations.get(position));
    let names: Vec<_> = create.into_iter().flat_map(|create| create.writes()).collect();
    let names: Vec<_> = names.into_iter().map(|(name, _)| name).collect();
    let groups = names.chunks(GROUP_SIZE);
    groups.flat_map(|fields| Group::new(graph, operations, fields).conflicts()).collect()
}

/// One bit for each field of a group.
type Bits = u64;

/// Fields are looked at together in groups of as many as there are bits.
const GROUP_SIZE: usize = Bits::BITS as usize;

struct Group<'a> {
    fields: &'a [&'a FieldName],
    /// In the order: operations that write one of the fields behind all other writes of it that
    /// they knew, and which fields.
    latest: Vec<(&'a DocumentOperation, Bits)>,
}

impl<'a> Group<'a> {
    /// Goes from the tips to the root and hands down what was written above.
    fn new(
        graph: &'a Graph,
        operations: &'a [DocumentOperation],
        fields: &'a [&'a FieldName],
    ) -> Self {
        let mut latest = Vec::new();
        // For each node the fields that it or one of its descendants writes.
        let mut written = alloc::vec![0; graph.len()];
        for &node in graph.nodes().iter().rev() {
            let Some(operation) = operations.get(graph.position(node)) else { continue };
            let above = graph.children_of(node).iter().filter_map(|&child| written.get(child));
            let above = above.fold(0, |above, child| above | child);
            let here = if graph.is_void_node(node) { 0 } else { written_by(operation, fields) };
            if here & !above != 0 {
                latest.push((operation, here & !above));
            }
            if let Some(slot) = written.get_mut(node) {
                *slot = here | above;
            }
        }
        latest.reverse();
        Self { fields, latest }
    }

    fn conflicts(&self) -> Vec<Conflict> {
        let bits = (0..Bits::BITS).map(|place| Bits::from(1_u8) << place);
        let fields = self.fields.iter().zip(bits);
        fields.filter_map(|(&field, bit)| self.conflict(field, bit)).collect()
    }

    fn conflict(&self, field: &FieldName, bit: Bits) -> Option<Conflict> {
        let operations = self.latest.iter().filter(|(_, bits)| bits & bit != 0);
        let writes: Vec<_> =
            operations.filter_map(|(operation, _)| write(operation, field)).collect();
        match writes.as_slice() {
            [] | [_] => None,
            [.., last] => Some(Conflict { field: field.clone(), winner: last.operation, writes }),
        }
    }
}

fn written_by(operation: &DocumentOperation, fields: &[&FieldName]) -> Bits {
    let places = operation.writes().filter_map(|(name, _)| fields.binary_search(&name).ok());
    places.fold(0, |bits, place| bits | (1 << place))
}

fn write(operation: &DocumentOperation, field: &FieldName) -> Option<Write> {
    let (_, value) = operation.writes().find(|&(name, _)| name == field)?;
    Some(Write { operation: operation.id, author: operation.author, value: value.clone() })
}
