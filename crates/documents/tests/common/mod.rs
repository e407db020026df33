//! Operations for tests, and an implementation of the rules that is obviously right.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};

use pandan_bamboo::Hash;
use pandan_documents::DocumentOperation;
use pandan_identity::PublicKey;
use pandan_operations::{
    ApplicationSchemaId, DocumentViewId, FieldName, OperationId, SchemaId, SchemaName,
};
use pandan_schema::{CheckedOperation, TypedFields, Value};
use proptest::prelude::*;

/// One operation of a made-up document. Those before it in the list are its possible parents.
#[derive(Clone, Debug)]
pub(crate) struct Sketch {
    pub(crate) kind: SketchKind,
    /// Places of operations before this one.
    pub(crate) parents: Vec<usize>,
}

#[derive(Clone, Debug)]
pub(crate) enum SketchKind {
    /// Bits say which of the fields `a`, `b`, `c` are written.
    Update(u8),
    Delete,
}

pub(crate) const FIELD_NAMES: [&str; 3] = ["a", "b", "c"];

pub(crate) fn id(salt: u64, place: usize) -> OperationId {
    OperationId::from_hash(Hash::of(format!("{salt} {place}").as_bytes()))
}

pub(crate) fn author(byte: u8) -> PublicKey {
    PublicKey::from_stored_bytes([byte; 32])
}

pub(crate) fn schema(name: &str) -> SchemaId {
    let name = SchemaName::parse(name).unwrap();
    SchemaId::Application(ApplicationSchemaId::new(&name, id(0, 0).into()))
}

pub(crate) fn fields(bits: u8, value: i64) -> TypedFields {
    let names = FIELD_NAMES.iter().enumerate().filter(|(place, _)| bits & (1 << place) != 0);
    names.map(|(_, name)| (FieldName::parse(name).unwrap(), Value::Int(value))).collect()
}

pub(crate) fn create(id: OperationId) -> DocumentOperation {
    let operation = CheckedOperation::Create { schema: schema("test"), fields: fields(7, 0) };
    DocumentOperation { id, author: author(0), operation, is_void: false }
}

pub(crate) fn update(
    id: OperationId,
    previous: DocumentViewId,
    bits: u8,
    value: i64,
) -> DocumentOperation {
    let fields = fields(bits, value);
    let operation = CheckedOperation::Update { schema: schema("test"), previous, fields };
    let author = author(u8::try_from(value % 5).unwrap());
    DocumentOperation { id, author, operation, is_void: false }
}

pub(crate) fn delete(id: OperationId, previous: DocumentViewId) -> DocumentOperation {
    let operation = CheckedOperation::Delete { schema: schema("test"), previous };
    DocumentOperation { id, author: author(9), operation, is_void: false }
}

/// A CREATE and the operations that the sketches stand for.
pub(crate) fn draw(salt: u64, sketches: &[Sketch]) -> Vec<DocumentOperation> {
    let mut operations = vec![create(id(salt, 0))];
    for (place, sketch) in (1..).zip(sketches) {
        let parents = sketch.parents.iter().map(|&parent| id(salt, parent));
        let previous = DocumentViewId::from_tips(parents).unwrap();
        operations.push(match sketch.kind {
            SketchKind::Update(bits) => {
                update(id(salt, place), previous, bits, i64::try_from(place).unwrap())
            }
            SketchKind::Delete => delete(id(salt, place), previous),
        });
    }
    operations
}

/// Documents with up to `max` operations behind their CREATE. `deletes` of 100 operations are
/// DELETEs.
pub(crate) fn documents(max: usize, deletes: u8) -> impl Strategy<Value = Vec<DocumentOperation>> {
    let sketch =
        (any::<u8>(), 0..100_u8, prop::collection::vec(any::<prop::sample::Index>(), 1..4));
    let sketches = prop::collection::vec((sketch, any::<bool>()), 0..=max);
    (any::<u64>(), sketches).prop_map(move |(salt, raw)| {
        let mut sketches = Vec::new();
        for (place, ((bits, percent, parents), near)) in (1..).zip(raw) {
            let kind =
                if percent < deletes { SketchKind::Delete } else { SketchKind::Update(bits & 7) };
            // Parents near the end make long branches, others make stars and merges.
            let first = if near { place.max(4) - 4 } else { 0 };
            let parents = parents.iter().map(|parent| first + parent.index(place - first));
            sketches.push(Sketch { kind, parents: parents.collect() });
        }
        draw(salt, &sketches)
    })
}

/// Documents of which `voids` of 100 operations are void, the CREATE among them less often.
pub(crate) fn forked_documents(
    max: usize,
    deletes: u8,
    voids: u8,
) -> impl Strategy<Value = Vec<DocumentOperation>> {
    (documents(max, deletes), prop::collection::vec(0..100_u8, max + 1), 0..8_u8).prop_map(
        move |(mut operations, draws, root)| {
            for (operation, draw) in operations.iter_mut().zip(draws) {
                operation.is_void = draw < voids;
            }
            operations[0].is_void = root == 0;
            operations
        },
    )
}

/// Those that the latest state consists of: what counts and everything that it knew.
pub(crate) fn obvious_part(operations: &[DocumentOperation]) -> Vec<DocumentOperation> {
    let counting = operations.iter().filter(|operation| !operation.is_void);
    let view = DocumentViewId::from_tips(counting.map(|operation| operation.id));
    view.map_or_else(Vec::new, |view| ancestors(operations, &view))
}

pub(crate) fn all_counting(operations: &[DocumentOperation]) -> Vec<DocumentOperation> {
    let counting =
        |operation: &DocumentOperation| DocumentOperation { is_void: false, ..operation.clone() };
    operations.iter().map(counting).collect()
}

pub(crate) fn shuffled<T: Clone>(items: &[T], seed: u64) -> Vec<T> {
    let mut items = items.to_vec();
    let mut state = seed | 1;
    for place in (1..items.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let other = usize::try_from(state % (u64::try_from(place).unwrap() + 1)).unwrap();
        items.swap(place, other);
    }
    items
}

fn previous(operation: &DocumentOperation) -> Vec<OperationId> {
    operation.previous().map(|previous| previous.as_slice().to_vec()).unwrap_or_default()
}

/// The order as the rules say it, word for word, with maps and sets.
///
/// The walk goes down from the CREATE to the lowest child; the other children go onto the stack,
/// so that the greatest is taken first. A merge that is found first and is not ready is left to its
/// last parent; what comes off the stack is skipped if it was visited or is not ready.
pub(crate) fn obvious_order(operations: &[DocumentOperation]) -> Vec<OperationId> {
    let parents: BTreeMap<_, _> =
        operations.iter().map(|operation| (operation.id, previous(operation))).collect();
    let children = |of: OperationId| -> BTreeSet<OperationId> {
        let children = parents.iter().filter(|(_, parents)| parents.contains(&of));
        children.map(|(child, _)| *child).collect()
    };
    let root = *parents.iter().find(|(_, parents)| parents.is_empty()).unwrap().0;
    let mut order = Vec::new();
    let mut stack = vec![root];
    while let Some(taken) = stack.pop() {
        let is_ready = |id: &OperationId, order: &[OperationId]| {
            parents[id].iter().all(|parent| order.contains(parent))
        };
        if order.contains(&taken) || !is_ready(&taken, &order) {
            continue;
        }
        order.push(taken);
        let mut here = taken;
        loop {
            let mut found: Vec<_> =
                children(here).into_iter().filter(|child| !order.contains(child)).collect();
            if found.is_empty() {
                break;
            }
            let first = found.remove(0);
            stack.extend(found);
            if parents[&first].len() > 1 {
                if is_ready(&first, &order) {
                    stack.push(first);
                }
                break;
            }
            order.push(first);
            here = first;
        }
    }
    order
}

/// The state as the rules say it: view id, and for each field who wrote it last. No fields when
/// the document is deleted.
pub(crate) fn obvious_state(
    operations: &[DocumentOperation],
) -> (DocumentViewId, Option<BTreeMap<FieldName, OperationId>>) {
    let by_id: BTreeMap<_, _> =
        operations.iter().map(|operation| (operation.id, operation)).collect();
    let mut fields = BTreeMap::new();
    for id in obvious_order(operations) {
        let operation = by_id[&id];
        if operation.is_void {
            continue;
        }
        let Some(written) = operation.fields() else {
            return (id.into(), None);
        };
        for (name, _) in written {
            fields.insert(name.clone(), id);
        }
    }
    let named: BTreeSet<_> = operations.iter().flat_map(previous).collect();
    let tips = operations.iter().map(|operation| operation.id).filter(|id| !named.contains(id));
    (DocumentViewId::from_tips(tips).unwrap(), Some(fields))
}

/// An operation and everything that it knew, itself included.
pub(crate) fn ancestors(
    operations: &[DocumentOperation],
    view: &DocumentViewId,
) -> Vec<DocumentOperation> {
    let mut known: BTreeSet<_> = view.iter().copied().collect();
    loop {
        let more: BTreeSet<_> = operations
            .iter()
            .filter(|operation| known.contains(&operation.id))
            .flat_map(previous)
            .chain(known.iter().copied())
            .collect();
        if more == known {
            break;
        }
        known = more;
    }
    operations.iter().filter(|operation| known.contains(&operation.id)).cloned().collect()
}
