//! The head of a log: how far one has it, and whether it is forked.

use pandan_bamboo::{HeadState, Salt, SaltedState, SeqNum};

use crate::LogKey;

/// How far a node has a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tip {
    /// Up to this entry; no fork is known.
    Line(SeqNum),
    /// The log is frozen.
    Frozen(FrozenTip),
}

/// How far a node has a log that is frozen: the latest entry below the fork is below the fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrozenTip {
    latest: Option<SeqNum>,
    fork: SeqNum,
}

impl FrozenTip {
    /// A log that forks at `fork`, with the latest entry below that the node has.
    ///
    /// Nothing when `latest` is not below `fork`.
    #[must_use]
    pub fn new(latest: Option<SeqNum>, fork: SeqNum) -> Option<Self> {
        latest.is_none_or(|latest| latest < fork).then_some(Self { latest, fork })
    }
}

impl Tip {
    /// The latest entry, below the fork if there is one.
    #[must_use]
    pub const fn latest(&self) -> Option<SeqNum> {
        match self {
            Self::Line(latest) => Some(*latest),
            Self::Frozen(FrozenTip { latest, .. }) => *latest,
        }
    }

    /// Where the log forks.
    #[must_use]
    pub const fn fork(&self) -> Option<SeqNum> {
        match self {
            Self::Line(_) => None,
            Self::Frozen(FrozenTip { fork, .. }) => Some(*fork),
        }
    }

    /// The place after the latest entry.
    pub(crate) fn next(&self) -> Option<SeqNum> {
        self.latest().map_or(Some(SeqNum::FIRST), SeqNum::next)
    }
}

/// A log in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which log.
    pub key: LogKey,
    /// How far the store has it.
    pub tip: Tip,
    /// The state of the log.
    pub state: HeadState,
}

impl Head {
    /// What goes over the wire.
    pub(crate) fn salted(&self, salt: &Salt) -> TheirHead {
        TheirHead { log: self.key.log, tip: self.tip, state: self.state.salted(salt) }
    }
}

/// A log as the other side of a session tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TheirHead {
    /// Which log.
    pub log: crate::LogName,
    /// How far that side has it.
    pub tip: Tip,
    /// Its state there.
    pub state: SaltedState,
}
