//! Strategies for properties: everything follows from seeds, which shrink towards short histories.

use proptest::prelude::*;

use crate::{Delivery, History};

/// Histories of up to about so many entries.
pub fn histories(length_max: usize) -> impl Strategy<Value = History> {
    (any::<u64>(), 1..=length_max).prop_map(|(seed, length)| History::from_seed(seed, length))
}

/// Histories of up to about so many entries in which authors fork their logs.
pub fn forked_histories(length_max: usize) -> impl Strategy<Value = History> {
    (any::<u64>(), 1..=length_max).prop_map(|(seed, length)| History::with_forks(seed, length))
}

/// Deliveries in any order and in batches of any size.
pub fn deliveries() -> impl Strategy<Value = Delivery> {
    (any::<u64>(), 1_usize..64).prop_map(|(seed, batch)| Delivery::shuffled(seed).in_batches(batch))
}
