//! What is fuzzed: one module for each target, with what has to hold for every input.

#![forbid(unsafe_code)]

pub mod bundle;
pub mod cursor;
pub mod document;
pub mod entry;
pub mod graph;
#[cfg(feature = "node")]
pub mod graphql;
pub mod legacy_messages;
pub mod lock_file;
pub mod log;
pub mod log_play;
pub mod mdns;
pub mod message;
pub mod multistream;
pub mod operation;
pub mod session;
#[cfg(feature = "store")]
pub mod store_play;

/// Parts of the program that the lock file is read with.
#[path = "../../crates/cli/src/proof.rs"]
#[allow(unused, missing_docs, reason = "written for a program, of which this is a part")]
mod proof;

/// Parts of the network, which needs much else.
#[path = "../../crates/network/src/discovery/found.rs"]
#[allow(unused, missing_docs, reason = "written for a crate, of which this is a part")]
mod found;

#[path = "../../crates/network/src/limits.rs"]
#[allow(unused, missing_docs, reason = "written for a crate, of which this is a part")]
mod limits;

#[path = "../../crates/network/src/wire/multistream.rs"]
#[allow(unused, missing_docs, reason = "written for a crate, of which this is a part")]
mod multistream_select;

#[path = "../../crates/network/src/peer_id.rs"]
#[allow(unused, missing_docs, reason = "written for a crate, of which this is a part")]
mod peer_id;

/// What the simulator checks of sessions.
#[path = "../../crates/testkit/src/sim/usage.rs"]
mod usage;

use peer_id::PeerId;
