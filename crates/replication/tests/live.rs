//! News, also where there are several ways from one node to another.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::model::{Model, author};
use common::world::World;
use common::{schemas, terms};
use pandan_replication::limits::RESYNC_INTERVAL_MS;
use pandan_replication::{Acceptance, End, Interest, Phase};
use proptest::prelude::*;

/// Nodes with nothing, all connected with each other, live.
fn mesh(count: usize, seed: u64) -> World {
    let mut world = World::new(vec![Model::new(&schemas()); count], seed);
    for from in 0..count {
        for to in from + 1..count {
            world.connect(from, to, terms().live());
        }
    }
    world.run(1_000);
    assert!(world.sides.iter().all(|side| side.session.status().phase == Phase::Live));
    world
}

/// Some nodes write; gives the bytes of what they have written.
fn write(world: &mut World, round: usize, pause: u64) -> usize {
    let mut bytes = 0;
    for node in 0..world.nodes.len() {
        let key_pair = author(u8::try_from(node).unwrap());
        let text = format!("round {round} of {node}, {}", "long ".repeat(100));
        let stored = world.nodes[node].write(&key_pair, 0, 1, &text);
        bytes += stored.entry.as_bytes().len() + stored.payload.len();
        world.publish(node, &stored);
        world.run(world.now + pause);
    }
    bytes
}

fn assert_equal(world: &World) {
    let heads = world.nodes[0].heads(&schemas());
    for node in &world.nodes[1..] {
        assert_eq!(node.heads(&schemas()), heads);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn re8_in_a_mesh_bytes_of_entries_come_about_once(seed: u64, count in 3_usize..=5) {
        let mut world = mesh(count, seed);
        // The links find out which of them are not needed.
        for round in 0..5 {
            write(&mut world, round, 2_000);
        }
        assert_equal(&world);
        let before: usize = world.nodes.iter().map(|node| node.bytes_in).sum();
        let written: usize = (5..25).map(|round| write(&mut world, round, 2_000)).sum();
        assert_equal(&world);
        let came: usize = world.nodes.iter().map(|node| node.bytes_in).sum::<usize>() - before;
        let needed = written * (count - 1);
        prop_assert!(came >= needed);
        prop_assert!(came * 100 <= needed * 115, "{} of {} bytes", came, needed);
        prop_assert!(world.sides.iter().all(|side| side.session.status().points == 0));
    }

    #[test]
    fn news_come_along_a_chain_and_while_comparing(seed: u64, steps in 0_usize..200) {
        let mut world = World::new(vec![Model::new(&schemas()); 3], seed);
        for log in 0..40 {
            world.nodes[0].write(&author(9), log, 0, "old");
        }
        world.connect(0, 1, terms().live());
        world.connect(1, 2, terms().live());
        world.run_steps(steps);
        for text in ["one", "two", "three"] {
            let stored = world.nodes[2].write(&author(1), 0, 3, text);
            world.publish(2, &stored);
            let stored = world.nodes[0].write(&author(2), 0, 3, text);
            world.publish(0, &stored);
            world.run_steps(steps / 4);
        }
        world.run(10_000);
        assert_equal(&world);
    }
}

#[test]
fn a_link_that_fails_is_made_good_by_another() {
    let mut world = mesh(3, 4);
    for round in 0..5 {
        write(&mut world, round, 2_000);
    }
    // Nodes 0 and 2 hear of each other from node 1 only.
    let link = world.sides.iter().position(|side| side.node == 2).unwrap();
    world.cut(link);
    for round in 5..8 {
        write(&mut world, round, 2_000);
    }
    assert_equal(&world);
}

#[test]
fn a_live_session_compares_anew_after_some_time() {
    let mut world = World::new(vec![Model::new(&schemas()); 2], 5);
    let (from, to) = world.connect(0, 1, terms().live().resync_jitter_ms(7));
    world.run(RESYNC_INTERVAL_MS + 6);
    assert_eq!(world.sides[from].end, None);
    world.run(RESYNC_INTERVAL_MS + 7);
    assert_eq!(world.sides[from].end, Some(End::CompareAgain));
    assert_eq!(world.sides[to].end, Some(End::CompareAgain));
}

#[test]
fn news_may_be_declined() {
    let mut world = World::new(vec![Model::new(&schemas()); 2], 6);
    world.nodes[1].write(&author(1), 0, 0, "old");
    let acceptance = Acceptance { interest: Interest::All, is_live: false };
    let (from, to) = world.connect_with(0, 1, terms().live(), acceptance);
    let stored = world.nodes[0].write(&author(2), 0, 0, "new");
    world.publish(0, &stored);
    world.run(10_000);
    assert_eq!(world.sides[from].end, Some(End::Complete));
    assert_eq!(world.sides[to].end, Some(End::Complete));
}
