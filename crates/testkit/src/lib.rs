#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod delivery;
#[cfg(target_os = "linux")]
pub mod disk;
mod history;
pub mod lan;
pub mod memory;
mod random;
pub mod relay;
#[cfg(feature = "sim")]
pub mod sim;
mod strategies;
pub mod vectors;

pub use delivery::Delivery;
pub use history::History;
pub use pandan_store::conformance::{
    Author, Definition, Signed, fields, pinned_relation, pinned_relation_list, relation,
    relation_list, text,
};
pub use random::Random;
pub use strategies::{deliveries, forked_histories, histories};

use std::fmt::Display;
use std::io::{self, Write as _};
use std::thread;

use pandan_admission::Door;
use pandan_store::{Committed, Outcome, Store};

/// Says in a line why a test, which is the one that runs on this thread, tests nothing here.
///
/// What tests print is hidden while they pass; this is not.
pub fn skipped(reason: impl Display) {
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    // Where nobody can be told anything, tests go on.
    let _ = writeln!(io::stderr(), "skipped: {test}: {reason}");
}

/// Publishes an entry as a client does.
///
/// # Panics
///
/// If it is not stored.
pub fn publish(store: &dyn Store, signed: &Signed) -> Committed {
    let outcomes = store.ingest(vec![(signed.candidate(), Door::Client)]);
    let outcome = outcomes.expect("the store can be written to").pop();
    match outcome.expect("one outcome for one candidate") {
        Outcome::Committed(committed) => committed,
        other => panic!("expected an entry to be stored, found {other:?}"),
    }
}
