//! How much a file can make its reader hold at once, and how much is read and written at once.
//!
//! A file may be as long as it likes: it is read block by block.

use pandan_bamboo::limits::{MAX_ENTRY_LENGTH, MAX_FORK_PROOF_LENGTH, VARU64_LENGTH_MAX};
use pandan_operations::limits::MAX_OPERATION_LENGTH;

/// Bytes of a block, before and after compression (BU2).
pub const MAX_BLOCK_LENGTH: usize = 1024 * 1024;

/// A writer ends a block rather than let its content grow beyond this; only a single great
/// operation does.
///
/// What is common to entries further apart than 32 KiB is not found by the compression anyway, and
/// a reader loses less to damage.
pub const BLOCK_LENGTH: usize = 256 * 1024;

/// Schemas that a header lists; of more it says how many there are (BU5).
pub const MAX_SCHEMAS_LISTED: usize = 1_024;

/// Bytes of the names of schemas that a header lists.
///
/// A schema id can have 70,000 bytes; a common one has a hundred.
pub const MAX_SCHEMAS_LENGTH: usize = 128 * 1024;

/// Bytes of the name of the program that wrote a file.
pub const MAX_SOFTWARE_LENGTH: usize = 64;

/// Entries that are stored in one transaction when a bundle is imported.
pub const MAX_BATCH_ENTRIES: usize = 512;

/// Refusals that are told one by one when a bundle is imported; others are counted.
pub const MAX_REFUSALS_TOLD: usize = 100;

/// Entries, heads and forks that are read from a store at once.
pub const MAX_ITEMS_READ: usize = 1_024;

/// Entries of a document that are read from a store at once, whatever their size.
pub const MAX_OPERATIONS_READ: usize = 64;

/// Bytes of entries that are read from a store at once.
pub const MAX_BYTES_READ: usize = 1024 * 1024;

/// Documents whose relations are read at once.
pub const MAX_DOCUMENTS_READ: usize = 256;

/// Logs of which a difference is read log by log; one in more of them is found by going through
/// everything that was chosen. It is what the store sorts at once.
pub const MAX_LOGS_WANTED: usize = pandan_store::limits::MAX_LOGS_SORTED;

// Every item has room in a block.
const _: () = assert!(
    2 + 2 * VARU64_LENGTH_MAX + MAX_ENTRY_LENGTH + MAX_OPERATION_LENGTH <= MAX_BLOCK_LENGTH
        && 1 + VARU64_LENGTH_MAX + MAX_FORK_PROOF_LENGTH <= MAX_BLOCK_LENGTH
);
