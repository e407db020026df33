//! What sessions count of each schema.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::model::{Model, author};
use common::world::World;
use common::{schemas, terms};
use pandan_replication::SchemaCounts;

/// Two nodes, of which the second has so many entries more of a log of each of two schemas.
fn missing(known: usize, more: [usize; 2]) -> Vec<SchemaCounts> {
    let mut world = World::new(vec![Model::new(&schemas()); 2], 1);
    for (schema, more) in [(1, more[0]), (2, more[1])] {
        for number in 0..known + more {
            let stored = world.nodes[1].write(&author(schema), 0, schema, &number.to_string());
            if number < known {
                world.nodes[0].entries.push(stored);
            }
        }
    }
    // Who hears of heads finds what is missing; who tells them is sent it without asking.
    let (_, to) = world.connect(1, 0, terms());
    world.run(1_000);
    assert_eq!(world.nodes[0].heads(&schemas()), world.nodes[1].heads(&schemas()));
    let counts = world.sides[to].session.take_schema_counts();
    assert!(world.sides[to].session.take_schema_counts().is_empty(), "they are taken");
    counts.into_iter().map(|(_, counts)| counts).collect()
}

#[test]
fn what_comparing_finds_missing_is_counted_by_schema() {
    let count = |missing| SchemaCounts { missing, ..SchemaCounts::default() };
    assert_eq!(missing(1, [4, 7]), [count(4), count(7)]);
    assert_eq!(missing(3, [0, 1]), [count(1)]);
    assert_eq!(missing(3, [0, 0]), []);
}
