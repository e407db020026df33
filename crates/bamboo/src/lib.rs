#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

#[cfg(feature = "std")]
extern crate std;

mod certificate;
mod decode_entry;
mod encoded_entry;
mod entry;
mod entry_hash;
mod forge;
mod fork;
mod hash;
mod head_state;
mod heads_sum;
pub mod limits;
mod links;
mod lipmaa;
mod log;
#[cfg(feature = "parallel")]
mod parallel;
mod position;
pub mod varu64;
mod verify_links;

pub use certificate::{CertificatePool, LinkPath, certificate_pool, link_path};
pub use decode_entry::{DecodeEntryError, EntryField};
pub use encoded_entry::EncodedEntry;
pub use entry::{AuthenticEntry, BoundEntry, Claims, Entry, Header, PayloadMismatch};
pub use entry_hash::EntryHash;
pub use forge::{NextArgs, NextArgsError, forge};
pub use fork::{DecodeForkProofError, ForkProof, NotAFork};
pub use hash::{DIGEST_LENGTH, HASH_LENGTH, HASH_TEXT_LENGTH, Hash, HashError};
pub use head_state::{HeadState, SALT_LENGTH, SHORT_LENGTH, Salt, SaltedState};
pub use heads_sum::{Fingerprint, HEADS_SUM_LENGTH, HeadsSum};
pub use links::{Links, LinksError, LinksShape};
pub use lipmaa::lipmaa;
pub use log::{LogError, LogSummary, LogVerifier, verify_log, verify_path, verify_subset};
pub use pandan_identity::SignatureError;
#[cfg(feature = "parallel")]
pub use parallel::verify_log_parallel;
pub use position::{LogId, SeqNum, SequenceError};
pub use verify_links::{Link, LinkError, VerifiedEntry, check_links};
