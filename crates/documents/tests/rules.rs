//! One test for each rule of documents and each way to break it.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{author, create, delete, fields, id, schema, update};
use pandan_documents::{
    BuildError, Document, DocumentOperation, ExtendError, Graph, GraphError, GraphNode, History,
    NodeKind,
};
use pandan_operations::limits::MAX_PREVIOUS;
use pandan_operations::{DocumentViewId, FieldName, OperationId};
use pandan_schema::CheckedOperation;

/// Ids in ascending order, so that tests can say which comes first.
fn sorted_ids(count: usize) -> Vec<OperationId> {
    let mut ids: Vec<_> = (0..count).map(|place| id(42, place)).collect();
    ids.sort_unstable();
    ids
}

fn view<'a>(ids: impl IntoIterator<Item = &'a OperationId>) -> DocumentViewId {
    DocumentViewId::from_tips(ids.into_iter().copied()).unwrap()
}

fn order_of(operations: &[DocumentOperation]) -> Vec<OperationId> {
    Document::build(operations.to_vec()).unwrap().order().to_vec()
}

#[test]
fn do7_what_refers_to_an_operation_follows_it() {
    let ids = sorted_ids(5);
    // The ids fall along one branch, so that nothing but the edges makes the order.
    let [e, d, c, b, r] = ids[..] else { unreachable!() };
    let operations = [
        create(r),
        update(b, r.into(), 1, 1),
        update(c, b.into(), 1, 2),
        update(d, c.into(), 1, 3),
        update(e, d.into(), 1, 4),
    ];
    assert_eq!(order_of(&operations), [r, b, c, d, e]);
}

#[test]
fn do8_siblings_come_lowest_first_and_then_from_the_greatest_down() {
    let ids = sorted_ids(4);
    let [r, b, c, d] = ids[..] else { unreachable!() };
    let operations = [
        create(r),
        update(b, r.into(), 1, 1),
        update(c, r.into(), 1, 2),
        update(d, r.into(), 1, 3),
    ];
    assert_eq!(order_of(&operations), [r, b, d, c]);
}

#[test]
fn d10_a_merge_waits_for_all_that_it_knew() {
    let ids = sorted_ids(5);
    let [r, b, c, d, m] = ids[..] else { unreachable!() };
    let operations = [
        create(r),
        update(b, r.into(), 1, 1),
        update(c, r.into(), 1, 2),
        update(d, b.into(), 1, 3),
        update(m, view(&[b, c]), 1, 4),
    ];
    // The deployed network visits m before c here, and lets what m knew win over m.
    assert_eq!(order_of(&operations), [r, b, d, c, m]);
}

#[test]
fn pn21_previous_may_hold_ancestors() {
    let ids = sorted_ids(3);
    let [r, b, c] = ids[..] else { unreachable!() };
    let operations = [create(r), update(b, r.into(), 1, 1), update(c, view(&[r, b]), 2, 2)];
    assert_eq!(order_of(&operations), [r, b, c]);
    let state = Document::build_view(operations, &view(&[b, r])).unwrap();
    assert_eq!(state.view().id, b.into());
}

#[test]
fn do4_d11_a_delete_wins_over_everything_beside_it() {
    let ids = sorted_ids(4);
    let [r, b, c, d] = ids[..] else { unreachable!() };
    let operations =
        [create(r), update(b, r.into(), 1, 1), delete(c, r.into()), update(d, r.into(), 1, 3)];
    let document = Document::build(operations.clone()).unwrap();
    assert!(document.view().is_deleted());
    assert!(document.view().is_edited);
    assert_eq!(document.view().id, c.into());
    assert_eq!(*document.tips(), view(&[b, c, d]));
    let before = Document::build_view(operations, &view(&[b, d])).unwrap();
    assert!(!before.view().is_deleted());
}

#[test]
fn d11_of_two_deletes_the_first_in_the_order_counts() {
    let ids = sorted_ids(4);
    let [r, b, c, d] = ids[..] else { unreachable!() };
    let operations =
        [create(r), delete(c, r.into()), delete(d, r.into()), update(b, r.into(), 1, 1)];
    let document = Document::build(operations).unwrap();
    assert_eq!(document.order(), [r, b, d, c]);
    assert_eq!(document.view().id, d.into());
}

#[test]
fn an_update_of_no_field_is_no_edit() {
    let document =
        Document::build([create(id(1, 0)), update(id(1, 1), id(1, 0).into(), 0, 1)]).unwrap();
    assert!(!document.view().is_edited);
    assert_eq!(document.view().id, id(1, 1).into());
}

#[test]
fn do1_do2_do3_operations_that_are_no_document_are_refused() {
    let [a, b, c] = [id(1, 0), id(1, 1), id(1, 2)];
    let check = |operations: &[DocumentOperation], expected: GraphError| {
        let found = Document::build(operations.to_vec()).unwrap_err();
        assert_eq!(found, BuildError::Graph(expected));
    };
    check(&[], GraphError::NoRoot);
    let (first, second) = (a.min(b), a.max(b));
    check(&[create(a), create(b)], GraphError::TwoCreates { first, second });
    check(&[create(a), create(a)], GraphError::Duplicate { operation: a });
    let unlinked = GraphError::Unlinked { operation: b, previous: c };
    check(&[create(a), update(b, c.into(), 1, 1)], unlinked);
    let itself = GraphError::Unlinked { operation: b, previous: b };
    check(&[create(a), update(b, b.into(), 1, 1)], itself);
    let circle = [create(a), update(b, view(&[a, c]), 1, 1), update(c, b.into(), 1, 2)];
    check(&circle, GraphError::Cycle { reached: 1, operations: 3 });
    check(&circle[1..2], GraphError::Unlinked { operation: b, previous: a.min(c) });
    let no_create = [update(b, c.into(), 1, 1), update(c, b.into(), 1, 2)];
    check(&no_create, GraphError::NoRoot);
}

#[test]
fn dv2_an_unknown_view_is_refused() {
    let [a, b] = [id(1, 0), id(1, 1)];
    let found = Document::build_view([create(a)], &view(&[a, b])).unwrap_err();
    assert_eq!(found, BuildError::Graph(GraphError::UnknownView { operation: b }));
}

#[test]
fn pn19_an_operation_of_another_schema_is_refused() {
    let [a, b] = [id(1, 0), id(1, 1)];
    let (expected, found) = (schema("test"), schema("other"));
    let operation = CheckedOperation::Update {
        schema: found.clone(),
        previous: a.into(),
        fields: fields(1, 1),
    };
    let other = DocumentOperation { id: b, author: author(1), operation, is_void: false };
    let error =
        BuildError::OtherSchema { operation: b, expected: expected.clone(), found: found.clone() };
    assert_eq!(Document::build([create(a), other.clone()]).unwrap_err(), error);
    let mut document = Document::build([create(a)]).unwrap();
    let error = ExtendError::OtherSchema { operation: b, expected, found };
    assert_eq!(document.extend(other).unwrap_err(), error);
}

/// An operation that names an older one beside the tips changes the order of its siblings, so
/// that extending would not be what building is.
#[test]
fn extending_takes_only_what_names_the_tips_and_nothing_else() {
    let ids = sorted_ids(4);
    let [r, a, b, d] = ids[..] else { unreachable!() };
    let operations = [create(r), update(b, r.into(), 1, 1), update(d, r.into(), 1, 2)];
    let last = update(a, view(&[r, b, d]), 2, 3);
    let mut document = Document::build(operations.clone()).unwrap();
    assert_eq!(document.order(), [r, b, d]);
    let error = ExtendError::NotAtTip { operation: a };
    assert_eq!(document.extend(last.clone()).unwrap_err(), error);
    assert_eq!(document.extend(update(a, b.into(), 2, 3)).unwrap_err(), error);
    let mut all = operations.to_vec();
    all.push(last);
    assert_eq!(order_of(&all), [r, d, b, a]);
    let error = ExtendError::Create { operation: a };
    assert_eq!(document.extend(create(a)).unwrap_err(), error);
}

#[test]
fn conflicts_tell_who_wrote_and_who_won() {
    let ids = sorted_ids(4);
    let [r, b, c, d] = ids[..] else { unreachable!() };
    let operations = [
        create(r),
        update(b, r.into(), 0b11, 1),
        update(c, r.into(), 0b01, 2),
        update(d, b.into(), 0b10, 3),
    ];
    let conflicts = History::new(operations).unwrap().conflicts();
    let [conflict] = &conflicts[..] else { panic!("{conflicts:?}") };
    assert_eq!(conflict.field, FieldName::parse("a").unwrap());
    assert_eq!(conflict.winner, c);
    let writes: Vec<_> =
        conflict.writes.iter().map(|write| (write.operation, write.author)).collect();
    assert_eq!(writes, [(b, author(1)), (c, author(2))]);
}

/// Neither the length of a chain nor the number of branches or merges meets a limit of the walk.
#[test]
fn large_graphs_are_walked_without_recursion() {
    let count = 100_000;
    let previous: Vec<DocumentViewId> = (0..count).map(|place| id(5, place).into()).collect();
    let chain = previous.iter().zip(1..).map(|(previous, place)| GraphNode {
        id: id(5, place),
        kind: NodeKind::Update { previous },
        is_void: false,
    });
    let root = GraphNode { id: id(5, 0), kind: NodeKind::Create, is_void: false };
    let graph = Graph::new(chain.chain([root])).unwrap();
    assert_eq!(graph.len(), count + 1);
    assert_eq!(graph.tips(), id(5, count).into());
    assert_eq!(graph.at(&previous[500]).unwrap().len(), 501);
}

#[test]
fn diamonds_in_a_row_take_linear_time() {
    let mut operations = vec![create(id(6, 0))];
    let mut tip = id(6, 0);
    for diamond in 1..2_000 {
        let [left, right, merge] =
            [3 * diamond, 3 * diamond + 1, 3 * diamond + 2].map(|n| id(6, n));
        operations.push(update(left, tip.into(), 1, 1));
        operations.push(update(right, tip.into(), 2, 2));
        operations.push(update(merge, view(&[left, right]), 0, 3));
        tip = merge;
    }
    let history = History::new(operations).unwrap();
    assert_eq!(history.document_at(&tip.into()), history.document());
}

/// More concurrent operations than a view id has room for.
#[test]
fn a_view_id_holds_the_last_of_too_many_tips() {
    let mut operations = vec![create(id(7, 0))];
    let root = DocumentViewId::from(id(7, 0));
    operations.extend((1..=MAX_PREVIOUS + 1).map(|place| update(id(7, place), root.clone(), 1, 1)));
    let mut document = Document::build(operations).unwrap();
    let tips = document.view().id.clone();
    assert_eq!(tips.len(), MAX_PREVIOUS);
    assert_eq!(*document.tips(), tips);
    let left_out: Vec<_> = document.order().iter().filter(|id| !tips.contains(id)).collect();
    assert_eq!(left_out, document.order().iter().take(2).collect::<Vec<_>>());
    // It is not known whether these are all tips.
    let next = update(id(8, 0), tips, 1, 1);
    assert_eq!(document.extend(next).unwrap_err(), ExtendError::NotAtTip { operation: id(8, 0) });
}
