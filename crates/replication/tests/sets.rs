//! Two nodes with any two sets end with the same.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::model::{Model, author};
use common::world::World;
use common::{schemas, terms};
use pandan_replication::{End, Verdict};
use pandan_testkit::Random;
use proptest::prelude::*;

/// Writes some logs; each of two nodes gets the beginning of each, longer or shorter.
fn two_sets(logs: usize, length: usize, equal: usize, random: &mut Random) -> [Model; 2] {
    let mut all = Model::new(&schemas());
    for log in 0..logs {
        let author = author(u8::try_from(random.below(12)).unwrap());
        let schema = u8::try_from(random.below(4)).unwrap();
        for place in 0..=random.below(length) {
            all.write(&author, u64::try_from(log).unwrap(), schema, &format!("{log} {place}"));
        }
    }
    let mut models = [Model::new(&schemas()), Model::new(&schemas())];
    for model in &mut models {
        let mut heights = std::collections::BTreeMap::new();
        for stored in &all.entries {
            let most = if random.chance(equal) { length + 1 } else { random.below(length + 2) };
            let height = *heights.entry(stored.log).or_insert(most);
            if stored.seq_num.number() <= u64::try_from(height).unwrap() {
                assert_eq!(model.ingest(&stored.received()), Verdict::Stored);
            }
        }
    }
    models
}

fn assert_equal(world: &World) {
    let [one, other] = [0, 1].map(|node| world.nodes[node].heads(&schemas()));
    assert_eq!(one, other);
}

#[test]
fn re6_entries_travel_in_the_order_in_which_they_came() {
    let mut full = Model::new(&schemas());
    for place in 0..40 {
        let log = (place * 7) % 5;
        full.write(&author(1), log, u8::try_from(log % 4).unwrap(), &format!("{place}"));
    }
    let mut world = World::new(vec![full, Model::new(&schemas())], 2);
    world.connect(0, 1, terms());
    world.run(1_000_000);
    let [one, other] = [0, 1].map(|node| {
        let entries = world.nodes[node].entries.iter();
        entries.map(|stored| stored.entry.hash()).collect::<Vec<_>>()
    });
    assert_eq!(one, other);
}

#[test]
fn many_logs_that_differ_everywhere_are_found() {
    let mut models = [Model::new(&schemas()), Model::new(&schemas())];
    for log in 0..400 {
        let both = log % 3 == 2;
        for (side, model) in (0..).zip(&mut models) {
            if both || log % 3 == side {
                model.write(&author(1), log, 0, "");
            }
        }
    }
    let mut world = World::new(models.to_vec(), 3);
    world.connect(0, 1, terms());
    world.run(1_000_000);
    assert_equal(&world);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn re4_any_two_sets_end_equal(seed: u64, logs in 0_usize..120, equal in 0_usize..=100) {
        let mut random = Random::new(seed);
        let world = World::new(two_sets(logs, 4, equal, &mut random).to_vec(), seed);
        let mut world = world;
        let (from, to) = world.connect(0, 1, terms());
        world.run(1_000_000);
        prop_assert_eq!(&world.sides[from].end, &Some(End::Complete));
        prop_assert_eq!(&world.sides[to].end, &Some(End::Complete));
        assert_equal(&world);
        for side in [from, to] {
            let status = world.sides[side].session.status();
            prop_assert_eq!(status.received, status.stored);
            prop_assert_eq!(status.expected_entries, 0);
            prop_assert_eq!(status.points, 0);
        }
    }

    #[test]
    fn interrupted_sessions_continue(seed: u64, steps in 0_usize..400) {
        let mut random = Random::new(seed);
        let mut world = World::new(two_sets(60, 4, 40, &mut random).to_vec(), seed);
        let sent = |world: &World| {
            world.sides.iter().map(|side| side.session.status().stored).sum::<u64>()
        };
        let missing = u64::try_from({
            let mut union = world.nodes[0].clone();
            let before = union.entries.len();
            world.nodes[1].entries.iter().for_each(|e| { union.ingest(&e.received()); });
            2 * union.entries.len() - before - world.nodes[1].entries.len()
        }).unwrap();
        let (from, _) = world.connect(0, 1, terms());
        world.run_steps(steps);
        world.cut(from);
        world.connect(0, 1, terms());
        world.run(1_000_000);
        assert_equal(&world);
        prop_assert_eq!(sent(&world), missing);
    }
}
