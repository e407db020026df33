//! How much is looked for at a time, whatever others have written.

/// How many documents of a schema are looked at together for what they relate to.
pub const DOCUMENTS_WALKED: usize = 64;

/// How many related documents are read together to look for what they relate to themselves.
pub const RELATED_READ: usize = 64;

/// When so many related documents were found together, no more are looked for before these were
/// asked for. The relations of one document can be more.
pub const MAX_FOLLOWED: usize = 65_536;

/// How far relations of related documents are followed at once. What comes is looked at when it is
/// stored, so there is no end to a chain of which the documents come one after the other.
pub const MAX_FOLLOW_DEPTH: usize = 8;

/// How many stored documents wait to be looked at for what they relate to; when there are more, all
/// documents are walked over again.
pub const MAX_CHANGED: usize = 4_096;

/// How many ids wait to be asked for in a session because documents were stored or have changed;
/// when there are more, all documents are walked over again.
pub const MAX_QUEUED: usize = 65_536;

/// How long a peer that was asked for documents may send nothing before another one is asked, in
/// milliseconds.
pub const FOLLOW_PATIENCE_MS: u64 = 5_000;
