//! Limits of what others can make a store keep or do.

/// Texts are ordered by this many characters; documents whose texts agree so far go by their id.
///
/// It keeps long texts out of the indexes.
pub const ORDER_KEY_CHARS: usize = 256;

/// Byte strings are ordered by this many bytes, see [`ORDER_KEY_CHARS`].
pub const ORDER_KEY_BYTES: usize = 256;

/// This many fields of a schema are indexed, in the order of their names; to order or filter by
/// one of the others goes through all documents of the schema.
///
/// Whoever defines a schema with a thousand fields makes every node keep that many indexes.
pub const MAX_INDEXED_FIELDS: usize = 64;

/// This many proofs of forks are kept of one author for logs of which no entry is stored. Each log
/// has at most one proof. Those of logs that fork at their first entry are not counted: they are all
/// that there is of such a log, so all nodes keep them, as they keep documents.
///
/// An author can fork as many logs as it likes, and the proofs can be sent without the logs.
pub const MAX_PROOFS_ALONE: usize = 1_024;

/// A fork is told with this many of its documents, and how many there are. Only a log that forks
/// at its first entry can have more than one.
pub const MAX_FORK_DOCUMENTS: usize = 100;

/// This many parts of documents and logs are kept beside the logs.
pub const MAX_PARTS: usize = 256;

/// A check keeps this many findings and counts the others: a damaged file can be full of them.
pub const MAX_FINDINGS: usize = 1_000;

/// This many heads of logs are summed up together; when there are more the sum is split.
///
/// A question about a range adds up sums, and reads the heads one by one where it begins and ends.
pub const MAX_HEADS_IN_SUM: usize = 256;

/// When wanted entries are looked for among all that are stored, this many are looked at in one go;
/// and so are this many frozen logs.
pub const MAX_ENTRIES_SCANNED: usize = 65_536;

/// This many void operations are sent for one entry that needs them. One that needs more is sent
/// without them, and waits where they are not.
///
/// A forked branch can be as long as its author likes, and an operation that counts can name its
/// end.
pub const MAX_CONNECTORS: usize = 65_536;

/// Wanted entries of up to this many logs are found log by log; those of more among all that are
/// stored.
pub const MAX_LOGS_SORTED: usize = 4_096;
