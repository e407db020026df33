//! Asking peers for parts of documents and logs, and answering those who ask (RE11).
//!
//! Each ask has a stream and a task of its own, beside the driver: nothing of it is a session, and
//! whoever is slow keeps nobody else waiting.

mod ask;
mod serve;
mod talk;

use std::sync::Arc;

use pandan_admission::PartError;
use pandan_bamboo::ForkProof;
use pandan_network::{OpenError, PeerId};
use pandan_store::{PartSummary, StoreError};
use thiserror::Error;

pub(super) use ask::Asking;
pub(super) use serve::Desk;

use crate::PublishError;
use crate::graphql::code;
use crate::publish::store_code;

/// Whom to ask, and for how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AskOptions {
    /// Whom; without it, each peer that is connected until one has something.
    pub peer: Option<PeerId>,
    /// Whether to leave out payloads, but for those without which nothing can be verified. They can
    /// be fetched later.
    pub without_payloads: bool,
}

impl AskOptions {
    /// Asks this peer and nobody else.
    #[must_use]
    pub const fn peer(mut self, peer: PeerId) -> Self {
        self.peer = Some(peer);
        self
    }

    /// Leaves out payloads.
    #[must_use]
    pub const fn without_payloads(mut self) -> Self {
        self.without_payloads = true;
        self
    }
}

/// What came of asking for a part.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asked {
    /// It verifies and is kept in part. Whether it is the newest is the claim of who told it.
    Kept(PartSummary),
    /// All of it is stored here already.
    Stored {
        /// Who told it.
        peer: PeerId,
    },
    /// No peer that was asked has anything of it, or replicates its schema.
    Nothing,
    /// It is more than is told in part: ask for less, without payloads, or for all of it.
    TooMuch {
        /// Who told so.
        peer: PeerId,
    },
    /// A fork came to light, whose proofs are kept. Nothing else is.
    Forked(Vec<ForkProof>),
}

/// What came of asking for all of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Completed {
    /// Who told it.
    pub peer: PeerId,
    /// Entries that are stored now.
    pub stored: u64,
    /// Entries that were stored before.
    pub known: u64,
    /// Entries that wait for something.
    pub waiting: u64,
    /// Entries that broke a rule.
    pub refused: u64,
}

/// Why nothing came of asking.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum AskError {
    /// The node does not replicate.
    #[error("the node is offline, so there is nobody to ask")]
    Offline,
    /// Nobody is connected, or not who was to be asked.
    #[error("the peer that was to be asked is not connected, or nobody is")]
    NotConnected,
    /// The peer does not open a stream for it.
    #[error("peer {peer} does not let itself be asked: {source}")]
    Stream {
        /// Who.
        peer: PeerId,
        /// Why.
        source: Arc<OpenError>,
    },
    /// The peer, or this node, ended it before all was told.
    #[error("peer {peer} did not tell all: {reason}")]
    Ended {
        /// Who.
        peer: PeerId,
        /// Why.
        reason: String,
    },
    /// What the peer told does not verify. Nothing of it is kept.
    #[error("what peer {peer} told does not verify")]
    Unverified {
        /// Who.
        peer: PeerId,
        /// Why.
        source: PartError,
    },
    /// There is no such part.
    #[error("nothing is held of it in part")]
    NoPart,
    /// There are as many parts as are kept.
    #[error("{max} parts are held, and there is no room for more: complete some, or let some go")]
    Full {
        /// The limit.
        max: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// The node failed, or is stopping.
    #[error("the node failed to verify or to keep what was told")]
    Internal,
}

impl AskError {
    /// What happened, for programs; codes do not change.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Offline => "NODE_OFFLINE",
            Self::NotConnected => "NOT_CONNECTED",
            Self::Stream { .. } => "PEER_DECLINED",
            Self::Ended { .. } => "ASK_ENDED",
            Self::Unverified { .. } => "PART_UNVERIFIED",
            Self::NoPart => "NO_PART",
            Self::Full { .. } => "TOO_MANY_PARTS",
            Self::Store(error) => store_code(error),
            Self::Internal => code::INTERNAL,
        }
    }
}

impl From<StoreError> for AskError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<PublishError> for AskError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Store(error) => Self::Store(error),
            _ => Self::Internal,
        }
    }
}
