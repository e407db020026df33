//! Logs that their authors have forked.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::model::{Model, author, log_name};
use common::world::World;
use common::{schemas, terms};
use pandan_bamboo::{ForkProof, SeqNum};
use pandan_replication::{End, Verdict};
use pandan_testkit::Random;
use proptest::prelude::*;

/// Two nodes with one log up to a place, and one of each from there on.
fn forked(common: usize, own: [usize; 2]) -> [Model; 2] {
    let key_pair = author(1);
    let mut base = Model::new(&schemas());
    for place in 0..common {
        base.write(&key_pair, 5, 2, &format!("both {place}"));
    }
    let mut models = [base.clone(), base];
    for (side, (model, count)) in models.iter_mut().zip(own).enumerate() {
        for place in 0..count {
            model.write(&key_pair, 5, 2, &format!("side {side}, {place}"));
        }
    }
    models
}

fn synchronise(world: &mut World) {
    let (from, to) = world.connect(0, 1, terms());
    world.run(1_000_000);
    for side in [from, to] {
        assert_eq!(world.sides[side].end, Some(End::Complete));
        assert_eq!(world.sides[side].session.status().points, 0, "nobody misbehaved");
    }
}

fn fork(model: &Model) -> Option<&ForkProof> {
    model.forks.get(&log_name(&author(1), 5))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn re9_the_lowest_place_of_a_fork_is_found_and_both_have_its_proof(
        seed: u64, common in 0_usize..40, one in 1_usize..20, other in 1_usize..20,
    ) {
        let mut world = World::new(forked(common, [one, other]).to_vec(), seed);
        synchronise(&mut world);
        let place = SeqNum::new(u64::try_from(common + 1).unwrap()).unwrap();
        for node in &world.nodes {
            prop_assert_eq!(fork(node).map(|proof| proof.seq_num()), Some(place));
        }
        prop_assert_eq!(fork(&world.nodes[0]), fork(&world.nodes[1]));
        prop_assert_eq!(world.nodes[0].heads(&schemas()), world.nodes[1].heads(&schemas()));
        // They agree now, and say so at once.
        let sent = world.sides.len();
        synchronise(&mut world);
        prop_assert_eq!(world.sides[sent].session.status().rounds, 2);
    }

    #[test]
    fn re9_proofs_travel_to_those_who_have_the_log(seed: u64, height in 1_usize..12, knows: bool) {
        let mut random = Random::new(seed);
        let [mut one, other] = forked(4, [2, 6]);
        for stored in &other.entries {
            one.ingest(&stored.received());
        }
        prop_assert!(fork(&one).is_some());
        // Somebody who has one of the branches, or only its beginning, or nothing.
        let mut third = Model::new(&schemas());
        let side = if random.chance(50) { &other } else { &forked(4, [2, 6])[0] };
        for stored in side.entries.iter().take(if knows { height } else { 0 }) {
            third.ingest(&stored.received());
        }
        let mut nodes = vec![one, third];
        nodes.rotate_left(random.below(2));
        let mut world = World::new(nodes, seed);
        synchronise(&mut world);
        prop_assert_eq!(fork(&world.nodes[0]), fork(&world.nodes[1]));
        prop_assert_eq!(world.nodes[0].heads(&schemas()), world.nodes[1].heads(&schemas()));
    }
}

#[test]
fn two_proofs_for_one_place_become_the_same() {
    let branches = [forked(2, [1, 1]), {
        let mut more = forked(2, [0, 0]);
        for (index, model) in more.iter_mut().enumerate() {
            model.write(&author(1), 5, 2, &format!("another {index}"));
        }
        more
    }];
    let nodes = branches.map(|[mut one, other]| {
        for stored in &other.entries {
            let verdict = one.ingest(&stored.received());
            assert!(matches!(verdict, Verdict::Known | Verdict::Fork(_)));
        }
        one
    });
    assert_ne!(fork(&nodes[0]), fork(&nodes[1]));
    let mut world = World::new(nodes.to_vec(), 1);
    synchronise(&mut world);
    assert_eq!(fork(&world.nodes[0]), fork(&world.nodes[1]));
}

#[test]
fn a_fork_is_news_for_live_peers() {
    let [one, other] = forked(3, [1, 1]);
    let nodes = vec![one.clone(), one.clone(), one];
    let mut world = World::new(nodes, 3);
    world.connect(0, 1, terms().live());
    world.connect(1, 2, terms().live());
    world.run(100);
    world.nodes.push(other);
    world.connect(3, 0, terms());
    world.run(1_000);
    for node in &world.nodes {
        assert_eq!(fork(node), fork(&world.nodes[0]));
        assert!(fork(node).is_some());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    /// A fork that was found while two nodes compared was told to nobody before they compared anew.
    #[test]
    fn a_fork_that_is_found_meanwhile_is_told_when_the_session_is_live(seed: u64, steps in 0_usize..60) {
        let [mut one, other] = forked(3, [1, 1]);
        let proof = ForkProof::new(
            &one.latest(&log_name(&author(1), 5)).unwrap().entry.as_authentic(),
            &other.latest(&log_name(&author(1), 5)).unwrap().entry.as_authentic(),
        );
        for log in 0..60 {
            one.write(&author(2), log, 1, "both have it");
        }
        let mut world = World::new(vec![one.clone(), one], seed);
        let (from, _) = world.connect(0, 1, terms().live());
        world.run_steps(steps);
        let proof = proof.unwrap();
        world.nodes[0].freeze(&proof);
        world.sides[from].session.fork(&proof);
        world.run(10_000);
        prop_assert_eq!(fork(&world.nodes[1]), Some(&proof));
    }
}
