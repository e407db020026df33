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

/// Entries of a part of a document or of a log: the newest 1,024 of a log with the path of the
/// lowest, or what the fields and tips of a large document come from, each with its path.
pub const MAX_PART_ENTRIES: usize = 4_096;

/// Bytes of the entries and operations of a part.
///
/// Room for eight operations of the greatest size. Whoever asks can leave payloads out.
pub const MAX_PART_BYTES: usize = 4 * 1024 * 1024;

/// How many of the newest entries of a log can be asked for.
pub const MAX_NEWEST: u64 = 1_024;
