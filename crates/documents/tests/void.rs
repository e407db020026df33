//! Operations at or above the fork of a log.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{
    all_counting, create, delete, documents, forked_documents, id, obvious_order, obvious_part,
    obvious_state, shuffled, update,
};
use pandan_documents::{Document, DocumentOperation, ExtendError, History};
use pandan_operations::{DocumentViewId, OperationId};
use pandan_schema::Value;
use proptest::prelude::*;

fn void(operation: DocumentOperation) -> DocumentOperation {
    DocumentOperation { is_void: true, ..operation }
}

fn value(document: &Document, field: &str) -> i64 {
    let fields = document.view().fields.as_ref().unwrap();
    let (_, field) = fields.iter().find(|(name, _)| name.as_str() == field).unwrap();
    let Value::Int(value) = field.value else { panic!("{field:?}") };
    value
}

#[test]
fn pn31_void_operations_have_no_effect_on_the_latest_state() {
    let [a, b, c] = [id(1, 0), id(1, 1), id(1, 2)];
    let operations = [create(a), void(update(b, a.into(), 1, 1)), void(delete(c, b.into()))];
    let document = Document::build(operations).unwrap();
    assert_eq!((&document, value(&document, "a")), (&Document::build([create(a)]).unwrap(), 0));
    assert!(!document.view().is_edited && !document.is_withdrawn());
}

/// What was written on top of a void operation keeps coming after what that one knew.
#[test]
fn pn32_a_void_operation_keeps_the_place_of_what_was_written_on_top_of_it() {
    let [a, b, c, d] = [id(1, 0), id(1, 1), id(1, 2), id(1, 3)];
    let operations = [
        create(a),
        update(b, a.into(), 1, 1),
        void(update(c, b.into(), 3, 2)),
        update(d, c.into(), 1, 3),
    ];
    let document = Document::build(operations).unwrap();
    assert_eq!(document.order(), [a, b, c, d]);
    assert_eq!((value(&document, "a"), value(&document, "b")), (3, 0));
    assert_eq!(document.view().id, d.into());
}

#[test]
fn pn33_a_view_id_keeps_what_it_names() {
    let [a, b, c] = [id(1, 0), id(1, 1), id(1, 2)];
    let operations = [create(a), void(update(b, a.into(), 1, 1)), update(c, b.into(), 2, 2)];
    let history = History::new(operations.clone()).unwrap();
    assert_eq!(value(&history.document().unwrap(), "a"), 0);
    for (view, expected) in [(b, (1, 0)), (c, (1, 2))] {
        let state = history.document_at(&view.into()).unwrap();
        assert_eq!((value(&state, "a"), value(&state, "b")), expected);
    }
    // Not even the CREATE can be taken away from who named it.
    let [first, ..] = operations;
    let state = Document::build_view([void(first)], &a.into()).unwrap();
    assert_eq!((value(&state, "a"), state.is_withdrawn()), (0, false));
}

#[test]
fn pn34_a_document_with_a_void_create_is_withdrawn() {
    let [a, b, c] = [id(1, 0), id(1, 1), id(1, 2)];
    let mut document = Document::build([void(create(a)), update(b, a.into(), 1, 1)]).unwrap();
    assert!(document.is_withdrawn() && document.view().is_deleted() && document.view().is_edited);
    assert_eq!(document.view().id, a.into());
    let before = document.clone();
    document.extend(update(c, a.into(), 1, 1)).unwrap();
    assert_eq!(document, before);
    let history = History::new([void(create(a)), update(b, a.into(), 1, 1)]).unwrap();
    assert_eq!((history.conflicts(), history.view_id()), (Vec::new(), a.into()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn pn31_the_latest_state_is_the_obvious_one(operations in forked_documents(30, 6, 30)) {
        let history = History::new(operations.clone()).unwrap();
        let document = history.document().unwrap();
        prop_assert_eq!(history.view_id(), document.view().id.clone());
        prop_assert_eq!(document.is_withdrawn(), operations[0].is_void);
        if operations[0].is_void {
            prop_assert!(document.view().is_deleted());
            return Ok(());
        }
        let part = obvious_part(&operations);
        prop_assert_eq!(document.order(), obvious_order(&part));
        let (view_id, fields) = obvious_state(&part);
        prop_assert_eq!(&document.view().id, &view_id);
        let writers = document.view().fields.as_ref().map(|fields| {
            fields.iter().map(|(name, field)| (name.clone(), field.operation)).collect()
        });
        prop_assert_eq!(writers, fields);
        prop_assert_eq!(Document::build(part).unwrap(), document);
    }

    #[test]
    fn pn32_the_latest_state_is_a_function_of_the_set(
        operations in forked_documents(60, 4, 30), seeds: [u64; 3],
    ) {
        let history = History::new(operations.clone()).unwrap();
        for seed in seeds {
            let again = History::new(shuffled(&operations, seed)).unwrap();
            prop_assert_eq!(again.document(), history.document());
            prop_assert_eq!(again.conflicts(), history.conflicts());
        }
    }

    #[test]
    fn pn33_states_that_are_named_take_no_notice_of_forks(
        operations in forked_documents(40, 4, 40),
        tips in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let tips = tips.iter().map(|tip| tip.get(&operations).id);
        let view = DocumentViewId::from_tips(tips).unwrap();
        let history = History::new(operations.clone()).unwrap();
        let counting = History::new(all_counting(&operations)).unwrap();
        prop_assert_eq!(history.document_at(&view), counting.document_at(&view));
        prop_assert_eq!(history.conflicts_at(&view), counting.conflicts_at(&view));
    }

    #[test]
    fn conflicts_are_those_of_writes_that_count(operations in forked_documents(30, 1, 30)) {
        let voids: Vec<_> = operations.iter().filter(|it| it.is_void).map(|it| it.id).collect();
        let history = History::new(operations).unwrap();
        let document = history.document().unwrap();
        for conflict in history.conflicts() {
            prop_assert!(conflict.writes.iter().all(|write| !voids.contains(&write.operation)));
            let fields = document.view().fields.as_ref().unwrap();
            prop_assert_eq!(conflict.winner, fields[&conflict.field].operation);
        }
    }

    #[test]
    fn growing_a_forked_document_one_by_one_is_building_it(
        operations in forked_documents(30, 3, 25),
    ) {
        let mut grown = Document::build(operations[..1].to_vec()).unwrap();
        for (count, operation) in (1..).zip(&operations).skip(1) {
            let expected = Document::build(operations[..count].to_vec()).unwrap();
            let mut view = grown.view().clone();
            match grown.extend(operation.clone()) {
                Ok(()) if grown.is_withdrawn() => {}
                Ok(()) => match view.extend(operation.clone()) {
                    Ok(()) => prop_assert_eq!(&view, expected.view()),
                    Err(error) => {
                        prop_assert_eq!(error, ExtendError::Deleted { operation: operation.id });
                    }
                },
                Err(ExtendError::NotAtTip { .. }) => grown = expected.clone(),
                Err(error) => prop_assert!(false, "unexpected: {error}"),
            }
            prop_assert_eq!(&grown, &expected);
        }
    }

    /// A fork that becomes known later, or of an earlier place, leaves the rest alone.
    #[test]
    fn what_is_void_depends_on_nothing_but_the_marks(operations in documents(30, 4), from in 1..31_usize) {
        let whole = Document::build(operations.clone()).unwrap();
        let mut forked = operations.clone();
        for operation in forked.iter_mut().skip(from) {
            operation.is_void = true;
        }
        let found = Document::build(forked.clone()).unwrap();
        let before: Vec<_> = operations.iter().take(from).cloned().collect();
        prop_assert_eq!(&found, &Document::build(before).unwrap());
        prop_assert_eq!(Document::build(all_counting(&forked)).unwrap(), whole);
        let ids: Vec<OperationId> = found.order().to_vec();
        prop_assert_eq!(ids.len(), from.min(operations.len()));
    }
}
