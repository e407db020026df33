//! What holds for every history.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeSet;

use common::{Memory, admitted, candidate, create, delete, key_pair, memory, outcome, update};
use pandan_admission::{Arrival, Candidate, Door, Hold, Verdict, WaitingRoom};
use pandan_bamboo::{LogId, NextArgs};
use pandan_operations::{DocumentId, DocumentViewId, Operation, OperationId};
use proptest::prelude::*;
use proptest::sample::Index;

/// What somebody does: an author, whether to begin a document, which operations to write on top
/// of, and whether to delete.
type Step = (u8, bool, Vec<Index>, bool);

fn steps(max: usize) -> impl Strategy<Value = Vec<Step>> {
    let previous = prop::collection::vec(any::<Index>(), 1..3);
    let begins = prop::bool::weighted(0.2);
    let deletes = prop::bool::weighted(0.05);
    prop::collection::vec((0..3_u8, begins, previous, deletes), 1..max)
}

/// The operation that a step stands for, given those that are stored by now.
fn operation(number: usize, step: &Step, stored: &[(OperationId, DocumentId)]) -> Operation {
    let data = number.to_string();
    let (_, begins, previous, deletes) = step;
    let Some((_, document)) =
        previous.first().filter(|_| !begins && !stored.is_empty()).map(|first| *first.get(stored))
    else {
        return create(data.as_bytes());
    };
    let known: Vec<_> =
        stored.iter().filter(|(_, of)| *of == document).map(|(id, _)| *id).collect();
    let tips = previous.iter().map(|previous| *previous.get(&known));
    let previous = DocumentViewId::from_tips(tips).unwrap();
    if *deletes { delete(previous) } else { update(previous, data.as_bytes()) }
}

/// A history of several authors, with branches, and writes of those who did not hear of a DELETE.
fn history(steps: &[Step]) -> Vec<Candidate> {
    let mut memory = memory();
    let mut stored: Vec<(OperationId, DocumentId)> = Vec::new();
    let mut candidates = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let operation = operation(number, step, &stored);
        let author = key_pair(step.0);
        let args = match operation.previous() {
            None => memory.next_args(author.public_key(), &[]).unwrap(),
            Some(previous) => {
                let first = previous.as_slice()[0];
                let (_, document) = stored.iter().find(|(id, _)| *id == first).unwrap();
                memory.blind_args(author.public_key(), *document).unwrap()
            }
        };
        let candidate = candidate(&author, &args, &operation);
        let admitted = admitted(memory.ingest(candidate.clone(), Door::Peer));
        stored.push((admitted.id(), admitted.document_id()));
        candidates.push(candidate);
    }
    candidates
}

/// Takes in a candidate, and all that waited for it.
fn take_in(memory: &mut Memory, room: &mut WaitingRoom, candidate: Candidate) {
    let mut queue = vec![candidate];
    while let Some(candidate) = queue.pop() {
        match memory.ingest(candidate, Door::Peer) {
            Verdict::Admitted(admitted) => {
                let header = admitted.header();
                let arrival = Arrival {
                    author: header.public_key(),
                    log_id: header.log_id(),
                    seq_num: header.seq_num(),
                    operation: admitted.id(),
                    schemas: &[],
                };
                queue.extend(room.arrived(arrival));
            }
            Verdict::Wait(waiting) => assert_eq!(room.hold(*waiting), Hold::Held),
            verdict => panic!("unexpected: {}", outcome(verdict)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn next_arguments_lead_to_an_accepted_entry(steps in steps(40)) {
        let mut memory = memory();
        let mut stored: Vec<(OperationId, DocumentId)> = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            let operation = operation(number, step, &stored);
            let view = operation.previous().map(DocumentViewId::as_slice).unwrap_or_default();
            let author = key_pair(step.0);
            let args = match memory.next_args(author.public_key(), view) {
                Ok(args) => args,
                Err(error) => {
                    prop_assert_eq!(error.code(), "DOCUMENT_DELETED");
                    continue;
                }
            };
            let candidate = candidate(&author, &args, &operation);
            let admitted = admitted(memory.ingest(candidate, Door::Client));
            let id = admitted.id();
            stored.push((id, admitted.document_id()));
            // The answer to publishing is what one would be told when asking again.
            match memory.next_args(author.public_key(), &[id]) {
                Ok(next) => prop_assert_eq!(admitted.next(), Some(next)),
                Err(error) => prop_assert_eq!(error.code(), "DOCUMENT_DELETED"),
            }
        }
    }

    #[test]
    fn bytes_of_any_kind_are_examined(
        entry in prop::collection::vec(any::<u8>(), 0..300),
        operation in prop::collection::vec(any::<u8>(), 0..300),
        place: Index,
        byte: u8,
    ) {
        // Neither arbitrary bytes nor good ones with one byte changed are taken.
        let payload = create(b"bamboo").encode();
        prop_assert!(Candidate::examine(&entry, &operation).is_err());
        prop_assert!(Candidate::examine(&entry, &payload).is_err());
        let mut changed =
            NextArgs::first(LogId::default()).forge(&key_pair(1), &payload).as_bytes().to_vec();
        prop_assert!(Candidate::examine(&changed, &payload).is_ok());
        let place = place.index(changed.len());
        let before = std::mem::replace(&mut changed[place], byte);
        prop_assert_eq!(Candidate::examine(&changed, &payload).is_ok(), before == byte);
    }

    #[test]
    fn pn22_the_order_of_arrival_does_not_matter(
        shuffled in steps(40).prop_map(|steps| history(&steps)).prop_shuffle(),
    ) {
        let expected: BTreeSet<_> = shuffled.iter().map(Candidate::id).collect();
        let mut memory = memory();
        let mut room = WaitingRoom::new();
        for candidate in shuffled {
            take_in(&mut memory, &mut room, candidate);
        }
        prop_assert!(room.is_empty());
        prop_assert_eq!(room.bytes(), 0);
        let stored: BTreeSet<_> = memory.operations.keys().copied().collect();
        prop_assert_eq!(stored, expected);
    }
}
