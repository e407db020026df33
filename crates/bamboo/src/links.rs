//! Which links an entry carries: settled by its sequence number alone (PN7).

use core::fmt;

use thiserror::Error;

use crate::{EntryHash, SeqNum};

/// The links of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Links {
    /// The first entry has none.
    First,
    /// The lipmaa link would equal the backlink and is left out.
    Next {
        /// The entry right before.
        backlink: EntryHash,
    },
    /// Both links.
    NextWithSkip {
        /// The entry at the lipmaa number.
        skiplink: EntryHash,
        /// The entry right before.
        backlink: EntryHash,
    },
}

impl Links {
    /// The links of the entry at `seq_num`, from parts as they come out of tables and requests.
    pub fn new(
        seq_num: SeqNum,
        backlink: Option<EntryHash>,
        skiplink: Option<EntryHash>,
    ) -> Result<Self, LinksError> {
        let links = match (backlink, skiplink) {
            (None, None) => Self::First,
            (Some(backlink), None) => Self::Next { backlink },
            (Some(backlink), Some(skiplink)) => Self::NextWithSkip { skiplink, backlink },
            (None, Some(_)) => return Err(LinksError::SkiplinkOnly { seq_num }),
        };
        links.check_shape(seq_num)?;
        Ok(links)
    }

    /// Checks that an entry at `seq_num` carries just these links, and that they differ.
    pub fn check_shape(&self, seq_num: SeqNum) -> Result<(), LinksError> {
        let (expected, found) = (LinksShape::at(seq_num), self.shape());
        if expected != found {
            return Err(LinksError::Shape { seq_num, expected, found });
        }
        match self {
            Self::NextWithSkip { skiplink, backlink } if skiplink == backlink => {
                Err(LinksError::Equal { seq_num, hash: *backlink })
            }
            _ => Ok(()),
        }
    }

    /// Which links these are.
    #[must_use]
    pub const fn shape(&self) -> LinksShape {
        match self {
            Self::First => LinksShape::None,
            Self::Next { .. } => LinksShape::Backlink,
            Self::NextWithSkip { .. } => LinksShape::SkiplinkAndBacklink,
        }
    }

    /// The entry right before, for every entry but the first.
    #[must_use]
    pub const fn backlink(&self) -> Option<EntryHash> {
        match self {
            Self::First => None,
            Self::Next { backlink } | Self::NextWithSkip { backlink, .. } => Some(*backlink),
        }
    }

    /// The entry at the lipmaa number, where it is not the one right before.
    #[must_use]
    pub const fn skiplink(&self) -> Option<EntryHash> {
        match self {
            Self::First | Self::Next { .. } => None,
            Self::NextWithSkip { skiplink, .. } => Some(*skiplink),
        }
    }
}

/// The sorts of links an entry can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinksShape {
    /// As the first entry.
    None,
    /// As an entry whose lipmaa number is the one right before it.
    Backlink,
    /// As all others.
    SkiplinkAndBacklink,
}

impl LinksShape {
    /// What the entry at `seq_num` carries.
    #[must_use]
    pub fn at(seq_num: SeqNum) -> Self {
        match (seq_num.previous(), seq_num.skiplink()) {
            (None, _) => Self::None,
            (Some(_), None) => Self::Backlink,
            (Some(_), Some(_)) => Self::SkiplinkAndBacklink,
        }
    }
}

impl fmt::Display for LinksShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "no links",
            Self::Backlink => "a backlink only",
            Self::SkiplinkAndBacklink => "a skiplink and a backlink",
        })
    }
}

/// Links that no entry at this sequence number can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LinksError {
    /// A link is missing or superfluous.
    #[error("expected {expected} on entry {seq_num}, found {found}")]
    Shape {
        /// Place of the entry.
        seq_num: SeqNum,
        /// What an entry there carries.
        expected: LinksShape,
        /// What was given.
        found: LinksShape,
    },
    /// No entry has a skiplink without a backlink.
    #[error("found a skiplink without a backlink on entry {seq_num}")]
    SkiplinkOnly {
        /// Place of the entry.
        seq_num: SeqNum,
    },
    /// Both links point to one entry.
    #[error("skiplink and backlink of entry {seq_num} both point to {hash}")]
    Equal {
        /// Place of the entry.
        seq_num: SeqNum,
        /// The hash found in both.
        hash: EntryHash,
    },
}
