//! How much a peer can make us read, keep and do in version 1 of the protocol.
//!
//! All of it is for one connection. Times are in milliseconds.

/// Bytes of one message other than a Have.
///
/// An Entry with the greatest operation takes half of it, and so does the text of
/// [`MAX_SCHEMAS`] schemas of which each is defined by a view of one operation.
pub const MAX_MESSAGE_LENGTH: usize = 1024 * 1024;

/// Bytes of one Have: room for [`MAX_LOGS`] logs, of which most take no more than eight bytes.
pub const MAX_HAVE_LENGTH: usize = 8 * 1024 * 1024;

/// Arrays inside each other. A Have has five: the message, its list of authors, an author, the
/// list of its logs, a log.
pub const MAX_NESTING: usize = 5;

/// Schemas of an announcement or a session.
pub const MAX_SCHEMAS: usize = 4096;

/// Bytes of the texts of the schemas of an announcement or a session, so that a message always has
/// room for them.
pub const MAX_SCHEMAS_LENGTH: usize = 1_000_000;

/// Logs in one Have, read or written. It is also how many heights the store may answer with.
pub const MAX_LOGS: usize = 1 << 20;

/// Sessions at the same time beyond which we open none; the protocol's own number.
pub const MAX_SESSIONS: usize = 3;

/// Sessions at the same time that the peer has opened. It counts all of ours before it opens one,
/// so that a peer which keeps the rule never has more.
pub const MAX_SERVED: usize = 3;

/// Requests of a peer in a row. Peers open a session every five seconds, a few more when requests
/// cross each other.
pub const MAX_REQUESTS: u32 = 20;

/// After so long a peer may send one request more.
pub const REQUEST_INTERVAL_MS: u64 = 1_000;

/// Entries handed over to be stored at once.
pub const MAX_INGEST_ENTRIES: usize = 256;

/// Bytes of entries and operations handed over to be stored at once; one more may follow when it
/// is reached.
pub const MAX_INGEST_BYTES: usize = 1024 * 1024;

/// Logs asked of the store in one query; one document may have more.
pub const MAX_QUERY_NEEDS: usize = 256;

/// Bytes of entries and operations that the store shall answer with; what is sent waits in memory.
pub const ENTRIES_BYTES: usize = 256 * 1024;

/// Entries that the store shall answer with.
pub const ENTRIES_COUNT: usize = 256;

/// Reports (effects other than bytes to send) that may be waiting before no more input is taken.
pub const MAX_REPORTS: usize = 32;

/// Logs of which the peer's entries were refused that are remembered. Beyond, the one that was
/// remembered first is forgotten.
pub const MAX_REFUSED_LOGS: usize = 4096;

/// Documents kept from a peer, because it fails with them. Beyond, the one that was kept from it
/// first is tried again.
pub const MAX_WITHHELD: usize = 4096;

/// Logs sent in a session of which we remember that they were sent, to find the one that the peer
/// did not take. When a peer has taken all of them, it got on by that many.
pub const MAX_SENT_LOGS: usize = 4096;

/// Sets of schemas of which is remembered how sessions with them went.
pub const MAX_SETS: usize = 8;

/// How long refused logs are not asked for, and withheld documents not sent.
pub const FORGET_REFUSED_MS: u64 = 60 * 60 * 1000;

/// How often a newer announcement is looked for.
pub const TICK_MS: u64 = 5_000;

/// At least so long between two sessions that we open.
pub const MIN_INITIATE_MS: u64 = 1_000;

/// At most so long between two sessions with a set of schemas where nothing seems to have changed.
pub const IDLE_INITIATE_MS: u64 = 60_000;

/// A session that we asked for is given up when the peer has not begun it after so long.
pub const REQUEST_SILENCE_MS: u64 = 20_000;

/// A session ends when nothing came for so long, while the peer has to say something.
pub const SILENCE_MS: u64 = 60_000;

/// What a peer gets on top of it for every entry sent to it: slow ones store ten in a second.
pub const SILENCE_PER_ENTRY_MS: u64 = 100;

/// No session is longer, whatever happens in it.
pub const MAX_SESSION_MS: u64 = 60 * 60 * 1000;

/// Wait before a set of schemas is tried again after a failed session; doubles with every failure.
pub const MIN_BACK_OFF_MS: u64 = 5_000;

/// The longest such wait.
pub const MAX_BACK_OFF_MS: u64 = 5 * 60 * 1000;

// Heads of the message and its two byte strings, the greatest session id, entry and operation.
const _: () = assert!(
    32 + pandan_bamboo::limits::MAX_ENTRY_LENGTH + pandan_operations::limits::MAX_OPERATION_LENGTH
        <= MAX_MESSAGE_LENGTH
);
// Each schema has a head of at most five bytes before its text.
const _: () = assert!(32 + 5 * MAX_SCHEMAS + MAX_SCHEMAS_LENGTH <= MAX_MESSAGE_LENGTH);
