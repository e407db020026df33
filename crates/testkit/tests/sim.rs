//! Networks of nodes that are simulated from fixed seeds; `cargo xtask sim` plays others.

use pandan_testkit::sim::Simulation;

fn play(simulation: Simulation) {
    if let Err(failure) = simulation.run() {
        panic!("{failure}");
    }
}

#[test]
fn nodes_agree_when_nothing_goes_wrong() {
    for seed in 0..4 {
        play(Simulation { nodes: Some(2), is_calm: true, ..Simulation::of(seed) });
    }
}

#[test]
fn nodes_agree_after_all_kinds_of_trouble() {
    (0..12).for_each(|seed| play(Simulation::of(seed)));
}

#[test]
fn a_seed_always_plays_the_same() {
    assert_eq!(Simulation::of(7).run(), Simulation::of(7).run());
}

#[test]
fn thirty_nodes_agree() {
    play(Simulation { nodes: Some(30), ..Simulation::of(1) });
}
