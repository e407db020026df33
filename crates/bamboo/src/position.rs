//! Where an entry stands: its log and its place in it.

use core::fmt;
use core::num::{NonZeroU64, ParseIntError};
use core::str::FromStr;

use thiserror::Error;

/// Names one of the logs of an author. Log ids begin at 0 and span all of `u64`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(u64);

impl LogId {
    /// The log with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The log id after this one, if there is one.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LogId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// The place of an entry in its log. The first entry has sequence number 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeqNum(NonZeroU64);

impl SeqNum {
    /// The first sequence number of every log.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// The last one there can be.
    pub const MAX: Self = Self(NonZeroU64::MAX);

    /// The sequence number with this value, unless it is 0.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number, at least 1.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0.get()
    }

    /// The one after this, if there is one.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The one before this, unless this is the first.
    #[must_use]
    pub const fn previous(self) -> Option<Self> {
        match self.0.get().checked_sub(1) {
            Some(number) => Self::new(number),
            None => None,
        }
    }

    /// Checks that an entry at this place is the one due after the latest known one of its log
    /// (PN9).
    pub fn check_follows(self, latest: Option<Self>) -> Result<(), SequenceError> {
        let expected = match latest {
            None => Self::FIRST,
            Some(latest) => latest.next().ok_or(SequenceError::LogFull)?,
        };
        if self == expected {
            Ok(())
        } else {
            Err(SequenceError::NotNext { expected, found: self })
        }
    }

    /// The target of the lipmaa link, when an entry at this place carries one: that is when it
    /// is not the first and the target is not the entry right before it, to which the backlink
    /// points already.
    #[must_use]
    pub fn skiplink(self) -> Option<Self> {
        let target = crate::lipmaa(self.number());
        if self.previous() == Self::new(target) { None } else { Self::new(target) }
    }
}

impl fmt::Display for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SeqNum {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A place that is not the next one of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SequenceError {
    /// Another place is due.
    #[error("expected sequence number {expected}, found {found}")]
    NotNext {
        /// The place due.
        expected: SeqNum,
        /// The place given.
        found: SeqNum,
    },
    /// The latest known entry has the last sequence number there can be.
    #[error("the log has used up all sequence numbers")]
    LogFull,
}
