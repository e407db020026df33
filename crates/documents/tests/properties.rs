//! What holds for every document.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{ancestors, documents, id, obvious_order, obvious_state, shuffled, update};
use pandan_documents::{Document, ExtendError, History};
use pandan_operations::{DocumentViewId, OperationId};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn do6_do9_the_order_is_the_obvious_one(operations in documents(40, 5), seed: u64) {
        let history = History::new(shuffled(&operations, seed)).unwrap();
        let order: Vec<_> = history.graph().order().collect();
        prop_assert_eq!(order, obvious_order(&operations));
    }

    #[test]
    fn d10_every_operation_comes_once_behind_its_parents(operations in documents(60, 5)) {
        let document = Document::build(operations.clone()).unwrap();
        let places: BTreeMap<OperationId, usize> =
            document.order().iter().enumerate().map(|(place, &id)| (id, place)).collect();
        prop_assert_eq!(document.order().len(), operations.len());
        prop_assert_eq!(places.len(), operations.len());
        for operation in &operations {
            for previous in operation.previous().into_iter().flatten() {
                prop_assert!(places[previous] < places[&operation.id]);
            }
        }
    }

    #[test]
    fn the_state_is_the_obvious_one(operations in documents(40, 4)) {
        let document = Document::build(operations.clone()).unwrap();
        let (view_id, fields) = obvious_state(&operations);
        prop_assert_eq!(&document.view().id, &view_id);
        let writers = |document: &Document| document.view().fields.as_ref().map(|fields| {
            fields.iter().map(|(name, field)| (name.clone(), field.operation)).collect()
        });
        prop_assert_eq!(writers(&document), fields);
        let create = OperationId::from(document.id());
        let is_edited = document.view().fields.as_ref().is_none_or(|fields| {
            fields.values().any(|field| field.operation != create)
        });
        prop_assert_eq!(document.view().is_edited, is_edited);
    }

    #[test]
    fn large_documents_do_not_depend_on_the_order_of_arrival(
        operations in documents(150, 2), seeds: [u64; 3],
    ) {
        let document = Document::build(operations.clone()).unwrap();
        for seed in seeds {
            prop_assert_eq!(&Document::build(shuffled(&operations, seed)).unwrap(), &document);
        }
    }

    #[test]
    fn small_documents_do_not_depend_on_the_order_of_arrival(operations in documents(4, 10)) {
        let document = Document::build(operations.clone()).unwrap();
        for permutation in permutations(&operations) {
            prop_assert_eq!(&Document::build(permutation).unwrap(), &document);
        }
    }

    #[test]
    fn the_view_at_all_tips_is_the_document(operations in documents(60, 5)) {
        let document = Document::build(operations.clone()).unwrap();
        let view = Document::build_view(operations, document.tips()).unwrap();
        prop_assert_eq!(view, document);
    }

    #[test]
    fn pn20_a_view_is_the_document_of_its_ancestors(
        operations in documents(60, 5), tips in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let tips = tips.iter().map(|tip| tip.get(&operations).id);
        let view = DocumentViewId::from_tips(tips).unwrap();
        let known = ancestors(&operations, &view);
        let history = History::new(operations).unwrap();
        prop_assert_eq!(history.document_at(&view), Document::build(known.clone()));
        prop_assert_eq!(
            history.conflicts_at(&view).unwrap(),
            History::new(known).unwrap().conflicts()
        );
    }

    #[test]
    fn extending_is_building_again(operations in documents(60, 5), bits in 0..8_u8, ends: bool) {
        let mut document = Document::build(operations.clone()).unwrap();
        let previous = document.tips().clone();
        let next = if ends {
            common::delete(id(1, 1), previous)
        } else {
            update(id(1, 1), previous, bits, 99)
        };
        let mut view = document.view().clone();
        document.extend(next.clone()).unwrap();
        let mut all = operations;
        all.push(next.clone());
        let again = Document::build(all).unwrap();
        prop_assert_eq!(&document, &again);
        match view.extend(next) {
            Ok(()) => prop_assert_eq!(&view, again.view()),
            Err(error) => prop_assert_eq!(error, ExtendError::Deleted { operation: id(1, 1) }),
        }
    }

    #[test]
    fn growing_a_document_one_by_one_is_building_it(operations in documents(30, 3)) {
        let mut grown = Document::build(operations[..1].to_vec()).unwrap();
        for (count, operation) in (1..).zip(&operations).skip(1) {
            match grown.extend(operation.clone()) {
                Ok(()) => {}
                Err(ExtendError::NotAtTip { .. }) => {
                    grown = Document::build(operations[..count].to_vec()).unwrap();
                }
                Err(error) => prop_assert!(false, "unexpected: {error}"),
            }
            prop_assert_eq!(&grown, &Document::build(operations[..count].to_vec()).unwrap());
        }
    }

    #[test]
    fn conflicts_are_the_latest_writes_that_do_not_know_each_other(operations in documents(30, 1)) {
        let history = History::new(operations.clone()).unwrap();
        let document = history.document().unwrap();
        let found: BTreeMap<_, _> = history.conflicts().into_iter().map(|conflict| {
            (conflict.field.clone(), conflict)
        }).collect();
        let Some(fields) = &document.view().fields else {
            prop_assert!(found.is_empty());
            return Ok(());
        };
        for (name, field) in fields {
            let latest = latest_writes(&operations, name.as_str());
            let Some(conflict) = found.get(name) else {
                prop_assert_eq!(latest, BTreeSet::from([field.operation]));
                continue;
            };
            prop_assert_eq!(conflict.winner, field.operation);
            prop_assert_eq!(conflict.writes.last().unwrap().operation, conflict.winner);
            prop_assert!(conflict.writes.len() > 1);
            let writes: BTreeSet<_> =
                conflict.writes.iter().map(|write| write.operation).collect();
            prop_assert_eq!(writes, latest);
        }
    }
}

/// All writes of a field but those that another one knew.
fn latest_writes(
    operations: &[pandan_documents::DocumentOperation],
    field: &str,
) -> BTreeSet<OperationId> {
    let writes = operations
        .iter()
        .filter(|operation| operation.writes().any(|(name, _)| name.as_str() == field));
    let mut latest: BTreeSet<_> = writes.clone().map(|operation| operation.id).collect();
    for write in writes {
        for known in ancestors(operations, &write.id.into()) {
            if known.id != write.id {
                latest.remove(&known.id);
            }
        }
    }
    latest
}

fn permutations<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for place in 0..items.len() {
        let mut rest = items.to_vec();
        let first = rest.remove(place);
        for mut permutation in permutations(&rest) {
            permutation.push(first.clone());
            all.push(permutation);
        }
    }
    all
}
