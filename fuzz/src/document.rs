//! Documents with branches and merges, compared with the rules as they are written.

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use pandan_documents::{Document, History};
use pandan_operations::{DocumentViewId, OperationId};

/// Made-up operations and the obvious implementation, those of the tests of the crate.
#[path = "../../crates/documents/tests/common/mod.rs"]
#[allow(unused, missing_docs, reason = "written for tests")]
mod common;

use common::{Sketch, SketchKind};

/// Operations behind a CREATE, and a seed for their order of arrival.
#[derive(Arbitrary, Debug)]
pub struct Sketches {
    salt: u8,
    seed: u64,
    operations: Vec<Operation>,
    view: Vec<u8>,
}

/// One operation: what it does and how far before it its parents are.
#[derive(Arbitrary, Debug)]
struct Operation {
    bits: u8,
    first_parent: u8,
    more_parents: Vec<u8>,
}

const OPERATIONS_MAX: usize = 60;

/// Builds the document in two orders of arrival and compares with the obvious implementation.
pub fn check(sketches: Sketches) {
    let drawn: Vec<_> = sketches
        .operations
        .iter()
        .take(OPERATIONS_MAX)
        .zip(1..)
        .map(|(operation, place)| operation.sketch(place))
        .collect();
    let operations = common::draw(sketches.salt.into(), &drawn);
    let history = History::new(common::shuffled(&operations, sketches.seed))
        .expect("the parents of each are before it");
    let document = history.document().expect("all are of one schema");
    assert_eq!(document.order(), common::obvious_order(&operations));
    assert_eq!(Document::build(operations.clone()), Ok(document.clone()));
    check_state(&document, &operations);
    let view = sketches.view.iter().map(|&place| place_of(place, operations.len()));
    let view = view.map(|place| common::id(sketches.salt.into(), place));
    if let Some(view) = DocumentViewId::from_tips(view) {
        let known = common::ancestors(&operations, &view);
        assert_eq!(history.document_at(&view), Document::build(known));
    }
}

fn check_state(document: &Document, operations: &[pandan_documents::DocumentOperation]) {
    let (view_id, writers) = common::obvious_state(operations);
    assert_eq!(document.view().id, view_id);
    let fields = document.view().fields.as_ref();
    let found: Option<BTreeMap<_, OperationId>> = fields
        .map(|fields| fields.iter().map(|(name, field)| (name.clone(), field.operation)).collect());
    assert_eq!(found, writers);
}

impl Operation {
    fn sketch(&self, place: usize) -> Sketch {
        let behind = |&back: &u8| place - 1 - place_of(back, place);
        let parents = std::iter::once(&self.first_parent).chain(self.more_parents.iter().take(5));
        let kind = match self.bits {
            250.. => SketchKind::Delete,
            bits => SketchKind::Update(bits & 7),
        };
        Sketch { kind, parents: parents.map(behind).collect() }
    }
}

fn place_of(number: u8, count: usize) -> usize {
    usize::from(number) % count
}
