//! How much others can make us read, keep and do.

/// Greatest length of a frame in bytes: an entry with the greatest operation, and room to spare.
pub const MAX_FRAME_LENGTH: usize = 1024 * 1024;

/// Greatest number of schemas of a session.
pub const MAX_SCHEMAS: usize = 1024;

/// Greatest number of ranges in a message.
pub const MAX_RANGES: usize = 4096;

/// Greatest number of heads in a message.
pub const MAX_HEADS: usize = 8192;

/// Greatest number of logs in a `Want`.
pub const MAX_WANTS: usize = 8192;

/// Greatest number of entries in a message.
pub const MAX_ENTRIES: usize = 1024;

/// Greatest number of documents in a `WantDocuments` or a `Changed`.
pub const MAX_DOCUMENTS: usize = 1024;

/// How many documents a session remembers that were asked for in it; the oldest are forgotten, and
/// that they change is found when they are asked for again.
pub const MAX_WATCHED: usize = 16_384;

/// Greatest number of bytes in the text of a refusal.
pub const MAX_REFUSAL_TEXT: usize = 200;

/// Greatest number of protocol versions in an announcement.
pub const MAX_VERSIONS: usize = 16;

/// Greatest number of items in an `Ask`.
pub const MAX_ASK_ITEMS: usize = 64;

/// Greatest number of entries of a log whose payloads are asked for in one item.
pub const MAX_ASK_PLACES: usize = 1024;

/// Greatest number of newest entries of a log in one item.
pub const MAX_NEWEST: u64 = 1024;

/// Greatest number of entries in the answer to an item that asks for a part.
pub const MAX_PART_ENTRIES: usize = 4096;

/// Greatest number of bytes of entries and payloads in such an answer.
pub const MAX_PART_BYTES: usize = 4 * 1024 * 1024;

/// Greatest number of entries of a whole document that are taken from a peer in one answer.
pub const MAX_WHOLE_ENTRIES: u64 = 1024 * 1024;

/// Greatest number of fork proofs in the answers to an `Ask`.
pub const MAX_ASK_PROOFS: u32 = 1024;

/// Greatest number of asks of one peer that are answered at the same time; further ones wait until
/// one of them ends.
pub const MAX_ASKS: usize = 4;

/// Ranges of at most this many logs are told as heads, others as fingerprints.
pub const HEADS_OF_RANGE: usize = 24;

/// Into how many parts a range is split.
pub const PARTS: usize = 16;

/// Beyond this many ranges in our message, the rest is one fingerprint again.
pub const RANGES_WRITTEN: usize = 2000;

/// Beyond this many heads in our message, the rest is one fingerprint.
pub const HEADS_WRITTEN: usize = 4000;

/// How many heads of ours are listed at most to compare with those of a message; what goes beyond
/// is left to the next message.
pub const HEADS_LISTED: usize = 16_384;

/// How many `Ranges` messages a side may send in a session. A tree of 2⁶⁴ logs is 16 high; the
/// rest is for differences so many that they take more than one message a level.
pub const MAX_RANGES_MESSAGES: u32 = 1024;

/// Greatest number of logs that wait to be sent, named one by one.
pub const MAX_PENDING_WANTS: usize = 16_384;

/// Greatest number of ranges of logs that wait to be sent.
pub const MAX_PENDING_RANGES: usize = 4096;

/// Comparing pauses while more than this many logs or ranges wait to be sent.
pub const PAUSE_PENDING: usize = 2048;

/// How many bytes of entries fill a frame.
pub const BATCH_BYTES: usize = 128 * 1024;

/// No more frames are taken while this many bytes of entries are on their way to the store: enough
/// for entries to be examined while those before them are written.
pub const INGEST_BYTES_LOW: usize = 384 * 1024;

/// Greatest number of batches of entries on their way to the store: news come one by one.
pub const MAX_INGESTS: usize = 64;

/// No more entries are read from the store while this many bytes wait to be sent.
pub const QUEUE_BYTES_LOW: usize = 256 * 1024;

/// News are dropped, and compared later, while this many bytes wait to be sent.
pub const QUEUE_BYTES_HIGH: usize = 1024 * 1024;

/// A peer that asks for answers and does not take this many bytes of them is refused.
pub const MAX_QUEUE_BYTES: usize = 4 * 1024 * 1024;

/// Greatest number of reads of the store under way for what a peer asked.
pub const MAX_READS: usize = 64;

/// No frame is read while the store is asked about this many logs that the other side has named.
pub const LOGS_READ_LOW: usize = 8192;

/// Greatest number of logs in which a fork is looked for, one after the other.
pub const MAX_HUNTS: usize = 64;

/// Greatest number of fork proofs under way to the store; no frame is read while there are so many.
pub const MAX_PROOFS: usize = 64;

/// Greatest number of logs of which entries were refused, before the session ends.
pub const MAX_REFUSED: usize = 64;

/// How many entries a peer may send a second time in a session.
pub const MAX_REPEATS: u64 = 1024;

/// Of how many logs a live session remembers what the peer has.
pub const MAX_REMEMBERED: usize = 4096;

/// Of how many logs a live session waits whether their news come from somebody else.
pub const MAX_GRAFTS: usize = 4096;

/// How long news may take to come from elsewhere before they are asked for, in milliseconds.
pub const GRAFT_DELAY_MS: u64 = 400;

/// How long a peer may be silent while it is its turn, in milliseconds.
pub const IDLE_TIMEOUT_MS: u64 = 30_000;

/// Bytes a millisecond that an answer has to bring at least, once the time of [`IDLE_TIMEOUT_MS`] is
/// used up: whoever sends a few bytes now and then would keep a place otherwise.
pub const ANSWER_BYTES_PER_MS: u64 = 1;

/// After how long a live session is replaced by one that compares anew, in milliseconds.
pub const RESYNC_INTERVAL_MS: u64 = 300_000;

/// By how much that interval varies, in milliseconds.
pub const RESYNC_JITTER_MS: u64 = 60_000;

/// Greatest number of peers that are known at the same time.
pub const MAX_PEERS: usize = 1024;

/// Greatest number of sessions at the same time, of all peers.
pub const MAX_SESSIONS: usize = 128;

/// Greatest number of sessions of a peer that are over, but for entries on their way to the store.
pub const MAX_ENDING: usize = 4;

/// How many sessions with a peer are opened one right after the other.
pub const SESSIONS_AT_ONCE: u64 = 16;

/// How many sessions a peer may open one right after the other: a multiple of those that nodes open,
/// since these count anew when they are started again.
pub const SESSIONS_TAKEN_AT_ONCE: u64 = 64;

/// After so long another one may be opened, in milliseconds.
pub const SESSION_INTERVAL_MS: u64 = 1_000;

/// Wait after the first failure with a peer, in milliseconds; it doubles with each.
pub const BACK_OFF_MIN_MS: u64 = 1_000;

/// The longest such wait, in milliseconds.
pub const BACK_OFF_MAX_MS: u64 = 300_000;

/// With this many points a peer is to be disconnected.
pub const BLOCKING_SCORE: u32 = 100;

/// For how long such a peer is to be kept out, in milliseconds.
pub const BLOCKED_MS: u64 = 3_600_000;

/// After how long a point is forgiven, in milliseconds.
pub const FORGIVE_MS: u64 = 60_000;
