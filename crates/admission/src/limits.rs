//! How much others can make us keep that we cannot judge yet (PN25).
//!
//! What is turned away costs a peer nothing but sending it again in order.

/// Entries that wait at the same time.
pub const MAX_WAITING: usize = 16_384;

/// Bytes of the entries and operations that wait at the same time.
///
/// Room for 128 operations of the greatest size; common ones are a thousand times smaller.
pub const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// Entries of one author that wait at the same time.
pub const MAX_WAITING_PER_AUTHOR: usize = 4_096;

/// Bytes of the waiting entries and operations of one author.
pub const MAX_WAITING_BYTES_PER_AUTHOR: usize = 16 * 1024 * 1024;
