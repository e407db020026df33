//! Sums over sets of logs.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use pandan_bamboo::{EntryHash, Hash, HeadState, HeadsSum, Salt, SeqNum};
use proptest::prelude::*;

const SALT: Salt = Salt::from_bytes([7; 16]);

fn states(seeds: &[u8]) -> Vec<HeadState> {
    seeds.iter().map(|&seed| HeadState::from_bytes([seed; 32])).collect()
}

fn sum(states: &[HeadState]) -> HeadsSum {
    let mut sum = HeadsSum::EMPTY;
    states.iter().for_each(|state| sum.add(state));
    sum
}

fn hash(seed: u8) -> EntryHash {
    EntryHash::from_hash(Hash::from_digest([seed; 32]))
}

#[test]
fn re1_states_differ_in_everything_that_matters() {
    let fork = |number| SeqNum::new(number).unwrap();
    let frozen = HeadState::of_frozen(Some(hash(1)), fork(5), [hash(2), hash(3)]);
    assert_eq!(frozen, HeadState::of_frozen(Some(hash(1)), fork(5), [hash(3), hash(2)]));
    for other in [
        HeadState::of_line(hash(1)),
        HeadState::of_frozen(None, fork(5), [hash(2), hash(3)]),
        HeadState::of_frozen(Some(hash(4)), fork(5), [hash(2), hash(3)]),
        HeadState::of_frozen(Some(hash(1)), fork(6), [hash(2), hash(3)]),
        HeadState::of_frozen(Some(hash(1)), fork(5), [hash(2), hash(4)]),
    ] {
        assert_ne!(frozen, other);
    }
    let line = HeadState::of_line(hash(1));
    assert_eq!(line.salted(&SALT), line.salted(&SALT));
    assert_ne!(line.salted(&SALT), line.salted(&Salt::from_bytes([8; 16])));
    assert_ne!(line.salted(&SALT), frozen.salted(&SALT));
}

#[test]
fn repeated_elements_and_counts_show() {
    let [one, other] = [[1; 32], [2; 32]].map(HeadState::from_bytes);
    let sums = [
        sum(&[]),
        sum(&[one]),
        sum(&[one, one]),
        sum(&[other]),
        sum(&[one, other]),
        HeadsSum::from_bytes(1, &HeadsSum::EMPTY.to_bytes()),
    ];
    for (index, left) in sums.iter().enumerate() {
        for (place, right) in sums.iter().enumerate() {
            let equal = left.fingerprint(&SALT) == right.fingerprint(&SALT);
            assert_eq!(equal, index == place, "{index} and {place}");
        }
    }
}

proptest! {
    #[test]
    fn re2_sums_depend_on_the_set_and_nothing_else(
        seeds in proptest::collection::vec(any::<u8>(), 0..40),
        order in any::<prop::sample::Index>(),
    ) {
        let states = states(&seeds);
        let expected = sum(&states);
        let mut turned = states.clone();
        turned.rotate_left(if states.is_empty() { 0 } else { order.index(states.len()) });
        turned.reverse();
        prop_assert_eq!(&sum(&turned), &expected);
        prop_assert_eq!(sum(&turned).fingerprint(&SALT), expected.fingerprint(&SALT));

        let (left, right) = states.split_at(states.len() / 3);
        let mut whole = sum(left);
        whole.combine(&sum(right));
        prop_assert_eq!(&whole, &expected);
        whole.subtract(&sum(right));
        prop_assert_eq!(&whole, &sum(left));

        let mut emptied = expected.clone();
        turned.iter().for_each(|state| emptied.remove(state));
        prop_assert_eq!(&emptied, &HeadsSum::EMPTY);
        prop_assert_eq!(&HeadsSum::from_bytes(expected.count(), &expected.to_bytes()), &expected);
    }

    #[test]
    fn heads_of_real_logs_have_the_state_of_their_entry(length in 1_usize..6) {
        let log = common::log(3, 9, length);
        let head = log.last().unwrap().hash();
        let state = HeadState::of_line(head);
        prop_assert_eq!(state.as_bytes(), head.as_hash().digest());
    }
}
