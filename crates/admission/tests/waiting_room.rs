//! The waiting room and its limits.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{candidate, create, key_pair, update};
use pandan_admission::limits::{
    MAX_WAITING, MAX_WAITING_BYTES, MAX_WAITING_BYTES_PER_AUTHOR, MAX_WAITING_PER_AUTHOR,
};
use pandan_admission::{Arrival, Candidate, Hold, Missing, Waiting, WaitingRoom};
use pandan_bamboo::{Hash, LogId, NextArgs};
use pandan_identity::KeyPair;
use pandan_operations::limits::MAX_OPERATION_LENGTH;
use pandan_operations::{DocumentViewId, OperationId, SchemaId, SystemSchema};

fn unknown(number: u64) -> OperationId {
    OperationId::from_hash(Hash::of(&number.to_be_bytes()))
}

/// The number-th candidate of an author.
fn one(author: &KeyPair, number: u64, data: &[u8]) -> Candidate {
    candidate(author, &NextArgs::first(LogId::new(number)), &update(unknown(number), data))
}

fn hold(room: &mut WaitingRoom, candidate: Candidate, missing: OperationId) -> Hold {
    room.hold(Waiting { candidate, missing: Missing::Previous(missing) })
}

fn author(number: usize) -> KeyPair {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&u64::try_from(number).unwrap().to_be_bytes());
    KeyPair::from_seed(&seed)
}

#[test]
fn an_arrival_releases_those_that_waited_for_it_in_the_order_in_which_they_came() {
    let mut room = WaitingRoom::new();
    let panda = key_pair(1);
    let candidates: Vec<_> = (0..4).map(|number| one(&panda, number, b"a")).collect();
    for (candidate, missing) in candidates.iter().zip([5, 6, 5, 5]) {
        assert_eq!(hold(&mut room, candidate.clone(), unknown(missing)), Hold::Held);
    }
    let released = room.arrived(Arrival { operation: unknown(5), schemas: &[] });
    let released: Vec<_> = released.iter().map(Candidate::id).collect();
    assert_eq!(released, [0, 2, 3].map(|place: usize| candidates[place].id()));
    assert_eq!(room.len(), 1);
    assert!(room.contains(&candidates[1].id()));
    assert_eq!(room.bytes(), candidates[1].size());
    assert!(room.arrived(Arrival { operation: unknown(5), schemas: &[] }).is_empty());
}

/// The schema that a state of a definition makes.
fn schema(tips: impl IntoIterator<Item = u64>) -> SchemaId {
    let view = DocumentViewId::from_tips(tips.into_iter().map(unknown)).unwrap();
    SchemaId::application("panda".parse().unwrap(), view)
}

fn wait_for_schema(schema: SchemaId) -> WaitingRoom {
    let mut room = WaitingRoom::new();
    let candidate = candidate(&key_pair(1), &NextArgs::first(LogId::new(0)), &create(b"a"));
    let missing = Missing::Schema(schema);
    assert_eq!(room.hold(Waiting { candidate, missing }), Hold::Held);
    room
}

#[test]
fn a_schema_releases_those_that_waited_for_it() {
    let mut room = wait_for_schema(schema([5]));
    let other = [schema([6]), SchemaId::System(SystemSchema::BlobPiece)];
    assert!(room.arrived(Arrival { operation: unknown(1), schemas: &other }).is_empty());
    let schemas = [schema([5])];
    assert_eq!(room.arrived(Arrival { operation: unknown(1), schemas: &schemas }).len(), 1);
    assert!(room.is_empty());
}

// Two people change a definition at the same time, a third knows both changes and writes documents
// of that version, and then the definition goes on. A node that gets the end of it first never
// holds the version in between, so nobody reports it; still its documents have to come in.
#[test]
fn parts_of_a_definition_release_those_that_waited_for_the_schema() {
    let arrivals = [(5, None), (6, None), (1, Some(schema([5]))), (1, Some(schema([6, 7])))];
    for (operation, schemas) in arrivals {
        let mut room = wait_for_schema(schema([5, 6]));
        let schemas = schemas.as_slice();
        assert_eq!(room.arrived(Arrival { operation: unknown(operation), schemas }).len(), 1);
        assert!(room.is_empty());
        assert!(room.arrived(Arrival { operation: unknown(6), schemas: &[] }).is_empty());
    }
}

#[test]
fn nobody_waits_twice() {
    let mut room = WaitingRoom::new();
    let candidate = one(&key_pair(1), 0, b"a");
    assert_eq!(hold(&mut room, candidate.clone(), unknown(1)), Hold::Held);
    assert_eq!(hold(&mut room, candidate, unknown(2)), Hold::Known);
    assert_eq!(room.len(), 1);
}

#[test]
fn pn25_an_author_may_have_so_many_waiting_and_no_more() {
    let mut room = WaitingRoom::new();
    let panda = key_pair(1);
    let max = u64::try_from(MAX_WAITING_PER_AUTHOR).unwrap();
    for number in 0..max {
        assert_eq!(hold(&mut room, one(&panda, number, b""), unknown(number)), Hold::Held);
    }
    assert_eq!(hold(&mut room, one(&panda, max, b""), unknown(max)), Hold::AuthorFull);
    assert_eq!(hold(&mut room, one(&key_pair(2), 0, b""), unknown(0)), Hold::Held);
    assert_eq!(room.len(), MAX_WAITING_PER_AUTHOR + 1);
    // Who is let go makes room.
    assert_eq!(room.arrived(Arrival { operation: unknown(0), schemas: &[] }).len(), 2);
    assert_eq!(hold(&mut room, one(&panda, max, b""), unknown(max)), Hold::Held);
}

#[test]
fn an_author_may_have_so_many_bytes_waiting_and_no_more() {
    let mut room = WaitingRoom::new();
    let panda = key_pair(1);
    let data = vec![0; MAX_OPERATION_LENGTH - 200];
    let fits = MAX_WAITING_BYTES_PER_AUTHOR / one(&panda, 0, &data).size();
    for number in 0..u64::try_from(fits).unwrap() {
        assert_eq!(hold(&mut room, one(&panda, number, &data), unknown(number)), Hold::Held);
    }
    let more = one(&panda, 1_000, &data);
    assert_eq!(hold(&mut room, more, unknown(0)), Hold::AuthorFull);
    assert!(room.bytes() <= MAX_WAITING_BYTES_PER_AUTHOR);
}

#[test]
fn those_that_waited_longest_make_room_for_others() {
    let mut room = WaitingRoom::new();
    let first = one(&author(0), 0, b"");
    assert_eq!(hold(&mut room, first.clone(), unknown(0)), Hold::Held);
    for number in 1..=MAX_WAITING {
        let candidate = one(&author(number), 0, b"");
        assert_eq!(hold(&mut room, candidate, unknown(1)), Hold::Held);
        assert_eq!(room.contains(&first.id()), number < MAX_WAITING);
    }
    assert_eq!(room.len(), MAX_WAITING);
}

#[test]
fn large_ones_make_room_until_the_bytes_fit() {
    let mut room = WaitingRoom::new();
    let data = vec![0; MAX_OPERATION_LENGTH - 200];
    let fits = MAX_WAITING_BYTES / one(&author(0), 0, &data).size();
    for number in 0..fits + 3 {
        let candidate = one(&author(number), 0, &data);
        assert_eq!(hold(&mut room, candidate, unknown(0)), Hold::Held);
        assert!(room.bytes() <= MAX_WAITING_BYTES);
    }
    assert_eq!(room.len(), fits);
}
