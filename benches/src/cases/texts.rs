//! Hashes as text, as every query answers with many of them.

use std::time::Duration;

use pandan_bamboo::Hash;

use crate::cases::PANDAN;
use crate::{Contestant, Group, Limit, fixtures};

pub(crate) fn groups() -> Vec<Group> {
    let hash = fixtures::hash(1);
    let text = hash.to_string();
    vec![
        group("text: a hash to text", 100, Contestant::new(PANDAN, move || hash.to_string())),
        group("text: a hash from text", 100, Contestant::new(PANDAN, move || text.parse::<Hash>())),
    ]
}

fn group(name: &'static str, nanoseconds: u64, ours: Contestant) -> Group {
    let limits = vec![Limit::Within(Duration::from_nanos(nanoseconds))];
    Group { name, contestants: vec![ours], limits }
}
