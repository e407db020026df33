//! Why sessions end, and who is at fault.

use pandan_bamboo::{DecodeEntryError, SignatureError};
use pandan_operations::SchemaId;
use thiserror::Error;

use crate::reader::DecodeMessageError;
use crate::{Refusal, RefusalCode};

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// Both sides were done.
    Complete,
    /// Nothing is wrong, but news were left out or it is time: compare anew, in a new session.
    CompareAgain,
    /// The stream is gone with its connection, or another one took its place.
    Gone,
    /// The other side ended it.
    Refused(Refusal),
    /// This side ended it.
    Failed(Fault),
}

/// Why this side ended a session.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// A frame is not a message.
    #[error("the frame is no message")]
    Malformed(#[from] DecodeMessageError),
    /// An entry is not well formed.
    #[error("an entry is not well formed")]
    Entry(#[from] DecodeEntryError),
    /// A message came when it must not.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What may come.
        expected: &'static str,
        /// What came.
        found: &'static str,
    },
    /// The other side wants schemas that are not replicated here.
    #[error("expected schemas that are replicated here, found others")]
    Schemas,
    /// A bound is in a schema beyond those of the session.
    #[error("expected bounds in {schemas} schemas, found one beyond")]
    Bound {
        /// The number of schemas.
        schemas: usize,
    },
    /// Comparing does not end.
    #[error("expected at most {max} messages with ranges")]
    TooManyRanges {
        /// The limit.
        max: u32,
    },
    /// The other side wants more than this side keeps in mind.
    #[error("expected at most {max} logs that wait to be sent")]
    TooManyWants {
        /// The limit.
        max: usize,
    },
    /// The other side asks and does not take the answers.
    #[error("expected that answers are taken, found more than {max} bytes waiting")]
    NotReading {
        /// The limit.
        max: usize,
    },
    /// More fork proofs than can be of use in the answers to an ask.
    #[error("expected at most {max} fork proofs")]
    TooManyProofs {
        /// The limit.
        max: u32,
    },
    /// Entries of too many logs were refused.
    #[error("expected at most {max} logs with entries that are refused")]
    TooManyRefused {
        /// The limit.
        max: usize,
    },
    /// The other side sends the same entries again and again.
    #[error("expected at most {max} entries that came before")]
    TooManyRepeats {
        /// The limit.
        max: u64,
    },
    /// An answer about a part with more entries than it can have.
    #[error("expected at most {max} entries in an answer")]
    TooManyEntries {
        /// The limit.
        max: u64,
    },
    /// An answer about a part with more bytes than it can have.
    #[error("expected at most {max} bytes of entries in an answer")]
    TooManyBytes {
        /// The limit.
        max: usize,
    },
    /// An entry of a document that is none of those which the session is about, or which were asked
    /// for.
    #[error("expected entries that were asked for, found one of schema {schema}")]
    Unasked {
        /// The schema that its operation claims.
        schema: SchemaId,
    },
    /// A payload is missing in a session which asked for all.
    #[error("expected an entry with its payload")]
    PayloadMissing,
    /// An entry that was probed is not authentic.
    #[error("the entry that was asked for is not authentic")]
    NotAuthentic(#[from] SignatureError),
    /// An entry that was probed is of another place.
    #[error("expected the entry that was asked for, found another")]
    OtherEntry,
    /// The other side was silent for too long.
    #[error("expected a sign of life within {ms} milliseconds")]
    Idle {
        /// The limit.
        ms: u64,
    },
    /// The answer to an ask came in drops.
    #[error("expected an answer with at least {min} bytes a second")]
    TooSlow {
        /// The limit.
        min: u64,
    },
    /// The stream ended in the middle.
    #[error("the stream ended before the session did")]
    ClosedEarly,
    /// Our store cannot be read.
    #[error("the store cannot be read")]
    Unavailable,
    /// Our store gave an answer of another kind than was asked for.
    #[error("expected another kind of answer from the store")]
    Misuse,
}

/// Points for an entry that was refused.
pub(crate) const REFUSED_POINTS: u32 = 5;

impl Fault {
    /// What goes on the account of the peer; at 100 it is to be kept out.
    #[must_use]
    pub const fn points(&self) -> u32 {
        match self {
            Self::NotAuthentic(_) | Self::OtherEntry | Self::Entry(_) => 50,
            Self::Malformed(_)
            | Self::Unexpected { .. }
            | Self::Bound { .. }
            | Self::TooManyWants { .. }
            | Self::NotReading { .. }
            | Self::TooManyProofs { .. }
            | Self::TooManyRefused { .. }
            | Self::TooManyRepeats { .. }
            | Self::TooManyEntries { .. }
            | Self::TooManyBytes { .. }
            | Self::Unasked { .. }
            | Self::PayloadMissing => 25,
            Self::TooManyRanges { .. } => 10,
            Self::Idle { .. } | Self::TooSlow { .. } => 5,
            Self::ClosedEarly => 1,
            Self::Schemas | Self::Unavailable | Self::Misuse => 0,
        }
    }

    pub(crate) const fn code(&self) -> RefusalCode {
        match self {
            Self::Schemas => RefusalCode::SCHEMAS,
            Self::Idle { .. } | Self::TooSlow { .. } => RefusalCode::IDLE,
            Self::Unavailable | Self::Misuse => RefusalCode::UNAVAILABLE,
            _ => RefusalCode::BROKEN,
        }
    }
}
