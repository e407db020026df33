//! The waiting room and its limits.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{candidate, create, key_pair, update};
use pandan_admission::limits::{
    MAX_WAITING, MAX_WAITING_BYTES, MAX_WAITING_BYTES_PER_AUTHOR, MAX_WAITING_PER_AUTHOR,
};
use pandan_admission::{Arrival, Candidate, Hold, Missing, Waiting, WaitingRoom};
use pandan_bamboo::{ForkProof, Hash, Link, LogId, NextArgs, SeqNum};
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

/// What arrives is in a log of somebody else.
fn arrival(operation: OperationId, schemas: &[SchemaId]) -> Arrival<'_> {
    let author = key_pair(99).public_key();
    Arrival { author, log_id: LogId::new(0), seq_num: SeqNum::FIRST, operation, schemas }
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
    let released = room.arrived(arrival(unknown(5), &[]));
    let released: Vec<_> = released.iter().map(Candidate::id).collect();
    assert_eq!(released, [0, 2, 3].map(|place: usize| candidates[place].id()));
    assert_eq!(room.len(), 1);
    assert!(room.contains(&candidates[1].id()));
    assert_eq!(room.bytes(), candidates[1].size());
    assert!(room.arrived(arrival(unknown(5), &[])).is_empty());
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
    assert!(room.arrived(arrival(unknown(1), &other)).is_empty());
    let schemas = [schema([5])];
    assert_eq!(room.arrived(arrival(unknown(1), &schemas)).len(), 1);
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
        assert_eq!(room.arrived(arrival(unknown(operation), schemas)).len(), 1);
        assert!(room.is_empty());
        assert!(room.arrived(arrival(unknown(6), &[])).is_empty());
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
    assert_eq!(room.arrived(arrival(unknown(0), &[])).len(), 2);
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

fn proof(one: &Candidate, other: &Candidate) -> ForkProof {
    ForkProof::new(&one.entry().as_authentic(), &other.entry().as_authentic()).unwrap()
}

fn released(candidates: &[Candidate]) -> Vec<OperationId> {
    candidates.iter().map(Candidate::id).collect()
}

/// Two entries that could wait for each other's place, of which nobody would hear otherwise.
#[test]
fn pn30_an_arrival_releases_those_at_the_same_place() {
    let (mut room, panda) = (WaitingRoom::new(), key_pair(1));
    let (held, next) = (one(&panda, 3, b"a"), one(&panda, 4, b"a"));
    assert_eq!(hold(&mut room, held.clone(), unknown(1)), Hold::Held);
    assert_eq!(hold(&mut room, next, unknown(1)), Hold::Held);
    let stored = *one(&panda, 3, b"b").header();
    let arrival = Arrival {
        author: stored.public_key(),
        log_id: stored.log_id(),
        seq_num: stored.seq_num(),
        operation: unknown(7),
        schemas: &[],
    };
    assert_eq!(released(&room.arrived(arrival)), [held.id()]);
    assert_eq!(room.len(), 1);
}

#[test]
fn pn35_freezing_a_log_releases_those_that_waited_for_links_in_it() {
    let (mut room, panda) = (WaitingRoom::new(), key_pair(1));
    let first = one(&panda, 3, b"a");
    let second = |data| {
        let args = NextArgs::after(first.header(), None).unwrap();
        candidate(&panda, &args, &update(first.id(), data))
    };
    let hash = first.header().hash();
    let missing = [
        Missing::Backlink { hash, expected: SeqNum::FIRST, found: SeqNum::FIRST },
        Missing::Skiplink { seq_num: SeqNum::FIRST, hash },
        Missing::Branch { link: Link::Backlink, named: hash, stored: hash },
        Missing::Previous(unknown(1)),
    ];
    let waiting = [b"1", b"2", b"3", b"4"].map(|data| second(data));
    for (candidate, missing) in waiting.iter().cloned().zip(missing) {
        assert_eq!(room.hold(Waiting { candidate, missing }), Hold::Held);
    }
    // A log of another number, or a fork behind, is nothing to them.
    let (a, b) = (one(&panda, 4, b"a"), one(&panda, 4, b"b"));
    assert!(room.frozen(&proof(&a, &b)).is_empty());
    let behind = NextArgs::new(
        LogId::new(3),
        SeqNum::new(3).unwrap(),
        pandan_bamboo::Links::Next { backlink: hash },
    );
    let behind = behind.unwrap();
    let [a, b] = [b"5", b"6"].map(|data| candidate(&panda, &behind, &update(first.id(), data)));
    assert!(room.frozen(&proof(&a, &b)).is_empty());
    let others = one(&panda, 3, b"b");
    let found = room.frozen(&proof(&first, &others));
    assert_eq!(released(&found), [0, 1, 2].map(|place: usize| waiting[place].id()));
    assert_eq!(room.len(), 1);
}

/// What waits for something else comes out if it belongs into the proof.
#[test]
fn pn30_freezing_a_log_releases_those_with_lower_hashes_at_the_fork() {
    let panda = key_pair(1);
    let mut all: Vec<_> = (0..4).map(|data| one(&panda, 3, &[data])).collect();
    all.sort_by_key(|candidate| candidate.header().hash());
    for lower in 0..4 {
        let mut room = WaitingRoom::new();
        assert_eq!(hold(&mut room, all[lower].clone(), unknown(1)), Hold::Held);
        let rest: Vec<_> = (0..4).filter(|&place| place != lower).collect();
        let proof = proof(&all[rest[0]], &all[rest[1]]);
        assert_eq!(room.frozen(&proof).len(), usize::from(lower < 2), "{lower}");
    }
}
