//! Whole logs, parts of logs, paths and certificate pools.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::BTreeSet;

use common::{at, log};
use pandan_bamboo::limits::LINK_PATH_LENGTH_MAX;
use pandan_bamboo::{
    EncodedEntry, Link, LinkError, LogError, LogId, NextArgs, SeqNum, certificate_pool, forge,
    link_path, lipmaa, verify_log, verify_path, verify_subset,
};
use pandan_identity::KeyPair;
use proptest::prelude::*;

fn seq_num(number: u64) -> SeqNum {
    SeqNum::new(number).unwrap()
}

fn subset(log: &[EncodedEntry], numbers: &BTreeSet<u64>) -> Vec<EncodedEntry> {
    numbers.iter().map(|&number| *at(log, number)).collect()
}

fn pool(number: u64, log_length: u64) -> BTreeSet<u64> {
    let numbers = certificate_pool(seq_num(number)).map(SeqNum::number);
    numbers.filter(|&number| number <= log_length).collect()
}

/// The same log from `from` on with other payloads: a fork there.
fn forked(original: &[EncodedEntry], from: usize) -> Vec<EncodedEntry> {
    let key_pair = KeyPair::from_seed(&[1; 32]);
    let mut fork = original[..from].to_vec();
    while fork.len() < original.len() {
        fork.push(common::next_args(&fork, 0).forge(&key_pair, b"otherwise"));
    }
    fork
}

#[test]
fn a_log_is_verified() {
    let log = log(1, 3, 50);
    let summary = verify_log(&log).unwrap();
    assert_eq!(summary.entries_count(), 50);
    assert_eq!(summary.log_id(), LogId::new(3));
    assert_eq!(summary.tip(), log[49].header());
    assert!(!summary.is_end_of_log());
}

#[test]
fn pn9_a_log_with_gaps_repeats_or_strangers_is_refused() {
    let good = log(1, 0, 20);
    let other_author = log(2, 0, 20);
    let other_log = log(1, 1, 20);
    let place = |index, expected, found| LogError::Place {
        index,
        expected: seq_num(expected),
        found: seq_num(found),
    };
    let gap = [&good[..5], &good[6..]].concat();
    let repeat = [&good[..5], &good[4..]].concat();
    for (log, expected) in [
        (vec![], LogError::Empty),
        (good[1..].to_vec(), place(0, 1, 2)),
        (gap, place(5, 6, 7)),
        (repeat, place(5, 6, 5)),
    ] {
        assert_eq!(verify_log(&log), Err(expected));
    }
    for stranger in [other_author, other_log, forked(&good, 3)] {
        for index in 4..20 {
            let mut log = good.clone();
            log[index] = stranger[index];
            let Err(LogError::Link { index: found, source }) = verify_log(&log) else {
                panic!("entry {index} of another log was taken");
            };
            assert_eq!(found, index, "{source}");
        }
    }
}

#[test]
fn nothing_follows_the_end_of_a_log() {
    let key_pair = KeyPair::from_seed(&[1; 32]);
    let mut log = log(1, 0, 7);
    log.push(common::next_args(&log, 0).forge_end_of_log(&key_pair, b"bye"));
    assert!(verify_log(&log).unwrap().is_end_of_log());

    let links = pandan_bamboo::Links::Next { backlink: log[7].hash() };
    log.push(forge(&key_pair, LogId::new(0), seq_num(9), links, b"more").unwrap());
    let expected = LogError::AfterEndOfLog { index: 8, seq_num: seq_num(8) };
    assert_eq!(verify_log(&log), Err(expected));
}

#[test]
fn certificate_pools_are_the_two_shortest_paths() {
    for (number, expected) in [
        (1, &[1][..]),
        (2, &[4, 3, 2, 1]),
        (4, &[4, 1]),
        (5, &[13, 12, 8, 7, 6, 5, 4, 1]),
        (6, &[13, 12, 8, 7, 6, 5, 4, 1]),
        (13, &[13, 4, 1]),
        (14, &[40, 39, 26, 25, 21, 17, 16, 15, 14, 13, 4, 1]),
    ] {
        let found: Vec<_> = certificate_pool(seq_num(number)).map(SeqNum::number).collect();
        assert_eq!(found, expected, "pool of {number}");
    }
}

#[test]
fn the_pool_of_the_last_entry_is_its_path_to_the_first() {
    let pool: Vec<_> = certificate_pool(SeqNum::MAX).collect();
    assert_eq!(pool, link_path(SeqNum::MAX, SeqNum::FIRST).collect::<Vec<_>>());
}

#[test]
fn link_paths_keep_the_limit_up_to_the_last_sequence_number() {
    // The longest path: below the top, go back by the greatest t as often as one can, at each level.
    let mut longest = 0;
    let mut t = 1_u64;
    let mut worst = 1_u64;
    while let Some(sum) = t.checked_mul(2).and_then(|twice| twice.checked_add(worst)) {
        worst = sum;
        let length = link_path(seq_num(worst), SeqNum::FIRST).count();
        longest = longest.max(length);
        t = t.saturating_mul(3).saturating_add(1);
    }
    longest = longest.max(link_path(SeqNum::MAX, SeqNum::FIRST).count());
    assert!(longest > 100, "not the worst case: {longest}");
    assert!(longest < LINK_PATH_LENGTH_MAX, "{longest}");
}

#[test]
fn a_subset_without_the_target_of_a_link_is_refused() {
    let log = log(1, 0, 40);
    let whole = pool(23, 40);
    assert_eq!(verify_subset(subset(&log, &whole)).unwrap().tip(), log[39].header());
    for &missing in whole.range(..40) {
        let mut numbers = whole.clone();
        numbers.remove(&missing);
        // An entry that is nobody's lipmaa target is not missed.
        let is_target = whole.iter().any(|&number| lipmaa(number) == missing);
        let result = verify_subset(subset(&log, &numbers));
        assert_eq!(result.is_err(), is_target || missing == 1, "without {missing}: {result:?}");
    }
}

#[test]
fn a_subset_with_a_missing_backlink_target_is_told_so() {
    let log = log(1, 0, 7);
    let result = verify_subset([log[0], log[3], log[5]]);
    let target = log[4].header();
    let missing =
        LinkError::Missing { link: Link::Backlink, seq_num: target.seq_num(), hash: target.hash() };
    assert_eq!(result, Err(LogError::Link { index: 2, source: missing }));
}

#[test]
fn a_path_that_skips_a_step_is_refused() {
    let log = log(1, 0, 40);
    let path = [log[23], log[24], log[25], log[38], log[39]];
    assert!(verify_path(log[22].header(), path).is_ok());
    let expected = LogError::NotLinked { index: 1, previous: seq_num(24), found: seq_num(26) };
    assert_eq!(verify_path(log[22].header(), [path[0], path[2]]), Err(expected));
    assert!(verify_path(forked(&log, 10)[22].header(), path).is_err());
    assert_eq!(verify_path(log[22].header(), &path[..0]).unwrap().tip(), log[22].header());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_forged_log_verifies(seed: u8, log_id: u64, length in 1_usize..130) {
        let log = log(seed, log_id, length);
        let summary = verify_log(&log).unwrap();
        prop_assert_eq!(summary.tip(), log[length - 1].header());
    }

    #[test]
    fn pn11_a_certificate_pool_verifies_alone(number in 1_u64..130, more in 0_u64..130) {
        let length = number + more;
        let log = log(1, 0, usize::try_from(length).unwrap());
        let entries = subset(&log, &pool(number, length));
        let summary = verify_subset(&entries).unwrap();
        prop_assert!(summary.tip().seq_num() >= seq_num(number));
    }

    #[test]
    fn certificate_pools_of_two_sides_of_a_fork_do_not_verify_together(
        from in 0_usize..40, a in 1_u64..=40, b in 1_u64..=40,
    ) {
        // Both are proved above the fork, each on its own side.
        let above = u64::try_from(from).unwrap() + 1;
        let (a, b) = (a.max(above), b.max(above));
        let good = log(1, 0, 40);
        let fork = forked(&good, from);
        let (pool_a, pool_b) = (pool(a, 40), pool(b, 40));
        // The pools meet at or above the fork, where the hashes differ.
        let meet = pool_a.intersection(&pool_b).any(|&number| number >= above);
        prop_assert!(meet);
        let mut mixed = pool_a.clone();
        mixed.extend(&pool_b);
        let entries: Vec<_> = mixed
            .iter()
            .map(|number| if pool_a.contains(number) { at(&good, *number) } else { at(&fork, *number) })
            .collect();
        let is_one_line = mixed.range(above..).all(|number| pool_a.contains(number));
        prop_assert_eq!(verify_subset(entries).is_ok(), is_one_line);
    }

    #[test]
    fn a_path_of_links_verifies(from in 1_u64..130, to in 1_u64..130) {
        let (from, to) = (from.max(to), from.min(to));
        let log = log(1, 0, usize::try_from(from).unwrap());
        let mut path: Vec<_> = link_path(seq_num(from), seq_num(to)).map(SeqNum::number).collect();
        path.reverse();
        prop_assert_eq!(path[0], to);
        let entries = path[1..].iter().map(|&number| *at(&log, number));
        let summary = verify_path(at(&log, to).header(), entries).unwrap();
        prop_assert_eq!(summary.tip().seq_num(), seq_num(from));
        prop_assert_eq!(summary.entries_count(), path.len());
    }

    #[test]
    fn pools_are_closed_and_short(number: u64, bits in 0_u32..64) {
        let number = (number >> bits).max(1);
        let pool: Vec<_> = certificate_pool(seq_num(number)).map(SeqNum::number).collect();
        prop_assert!(pool.is_sorted_by(|a, b| a > b));
        prop_assert!(pool.contains(&number));
        prop_assert_eq!(pool.last(), Some(&1));
        prop_assert!(pool.len() < 2 * LINK_PATH_LENGTH_MAX);
        let set: BTreeSet<_> = pool.iter().copied().collect();
        prop_assert!(pool.iter().all(|&n| n == 1 || set.contains(&lipmaa(n))));
    }
}

#[cfg(feature = "parallel")]
mod parallel {
    use super::*;
    use pandan_bamboo::verify_log_parallel;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn parallel_equals_sequential(length in 0_usize..60, damage: Option<(usize, usize, u8)>) {
            let mut log: Vec<_> =
                log(1, 0, length).iter().map(|entry| entry.as_bytes().to_vec()).collect();
            if let (Some((index, offset, bits)), 1..) = (damage, length) {
                let entry = &mut log[index % length];
                let offset = offset % entry.len();
                entry[offset] ^= bits;
            }
            prop_assert_eq!(verify_log_parallel(&log), verify_log(&log));
        }
    }

    #[test]
    fn logs_over_several_batches_verify() {
        let mut entries = log(1, 0, 2_100);
        assert_eq!(verify_log_parallel(&entries), verify_log(&entries));
        entries.swap(2_050, 2_051);
        let error = verify_log(&entries).unwrap_err();
        assert_eq!(verify_log_parallel(&entries), Err(error));
        assert!(matches!(error, LogError::Place { index: 2_050, .. }));
    }
}

#[test]
fn first_args_make_the_first_entry() {
    let args = NextArgs::first(LogId::new(9));
    assert_eq!((args.seq_num(), args.log_id()), (SeqNum::FIRST, LogId::new(9)));
}
