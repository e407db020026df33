//! Hashes as text, as every query answers with many of them.

use std::time::Duration;

use pandan_bamboo::Hash;

use crate::cases::PANDAN;
use crate::{Contestant, Group, Limit, fixtures};

/// So many that no processor learns their digits by heart: a single one, read again and again, does
/// not say what a wrong guess costs.
const HASHES: usize = 4096;

pub(crate) fn groups() -> Vec<Group> {
    let hashes: Vec<_> = (0..).map(fixtures::hash).take(HASHES).collect();
    let texts: Vec<_> = hashes.iter().map(Hash::to_string).collect();
    let to_text = in_turns(hashes, Hash::to_string);
    let from_text = in_turns(texts, |text| text.parse::<Hash>());
    vec![
        group("text: a hash to text", 100, to_text),
        group("text: a hash from text", 100, from_text),
    ]
}

fn in_turns<T: 'static, R>(items: Vec<T>, run: impl Fn(&T) -> R + 'static) -> Contestant {
    let mut turn = 0;
    Contestant::new(PANDAN, move || {
        turn = (turn + 1) % items.len();
        run(&items[turn])
    })
}

fn group(name: &'static str, nanoseconds: u64, ours: Contestant) -> Group {
    let limits = vec![Limit::Within(Duration::from_nanos(nanoseconds))];
    Group { name, contestants: vec![ours], limits }
}
