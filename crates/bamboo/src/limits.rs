//! Sizes and lengths that nothing from outside can exceed.

/// Bytes of the longest encoded number: the byte that names the length and all of a `u64`.
pub const VARU64_LENGTH_MAX: usize = 9;

/// Bytes of the shortest entry: the first of a log, every number in one byte.
///
/// Tag 1, public key 32, log id 1, sequence number 1, payload size 1, payload hash 34,
/// signature 64.
pub const MIN_ENTRY_LENGTH: usize = 134;

/// Bytes of the longest entry: both links, every number in nine bytes.
///
/// Tag 1, public key 32, three numbers 27, three hashes 102, signature 64.
pub const MAX_ENTRY_LENGTH: usize = 226;

// Their length takes one byte before an entry in a fork proof.
const _: () = assert!(crate::varu64::encoded_length(MAX_ENTRY_LENGTH as u64) == 1);

/// Bytes of the longest encoded fork proof: two entries, each behind one byte of length.
pub const MAX_FORK_PROOF_LENGTH: usize = 2 * (1 + MAX_ENTRY_LENGTH);

/// Entries on the longest path of lipmaa links that leads from any entry to the first, with room.
///
/// The path of a number below t(k + 1) goes back by t(k) at most twice, then by t(k − 1) at most
/// twice and so on (three times only in its last level) until it stands on a t, and from there
/// over at most k greater ones to 1. With t(41) the greatest in a `u64` these are fewer than
/// 41 + 2 · 41 + 2.
pub const LINK_PATH_LENGTH_MAX: usize = 128;
