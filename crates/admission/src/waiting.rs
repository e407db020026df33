//! Candidates that came before what they need.

use pandan_bamboo::{EntryHash, Link, LinkError, SeqNum};
use pandan_operations::{OperationId, SchemaId};

use crate::{Candidate, Refusal};

/// A candidate that cannot be judged yet, and what it waits for.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The candidate.
    pub candidate: Candidate,
    /// The first thing that was missing. When it is there, something else may be.
    pub missing: Missing,
}

impl Waiting {
    /// What a client hears, who is to publish in order and does not wait.
    #[must_use]
    pub fn into_refusal(self) -> Refusal {
        match self.missing {
            Missing::Schema(schema) => Refusal::SchemaNotFound { schema },
            Missing::Backlink { expected, found, .. } => Refusal::SeqNum { expected, found },
            Missing::Skiplink { seq_num, .. } => Refusal::SkiplinkNotFound { seq_num },
            Missing::Branch { link, named, stored } => {
                LinkError::OtherHash { link, expected: named, found: stored }.into()
            }
            Missing::Previous(operation) => Refusal::PreviousNotFound { operation },
        }
    }
}

impl Missing {
    /// Whether it is an entry of the same log to which a link leads: once the log is frozen from
    /// the place of the candidate on, it is not asked for.
    #[must_use]
    pub const fn is_link(&self) -> bool {
        matches!(self, Self::Backlink { .. } | Self::Skiplink { .. } | Self::Branch { .. })
    }
}

/// What has to arrive first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The schema that the operation claims, complete.
    Schema(SchemaId),
    /// The entry right before in the same log.
    Backlink {
        /// Its hash.
        hash: EntryHash,
        /// The sequence number that is the next one now.
        expected: SeqNum,
        /// That of the candidate.
        found: SeqNum,
    },
    /// The entry to which the skiplink leads.
    Skiplink {
        /// Its hash.
        hash: EntryHash,
        /// Its place in the log.
        seq_num: SeqNum,
    },
    /// The entry that a link names, in place of another one that is stored there. If it exists, the
    /// log has two branches, and it will prove that.
    Branch {
        /// The link.
        link: Link,
        /// What it names.
        named: EntryHash,
        /// What is stored where it leads.
        stored: EntryHash,
    },
    /// An operation on top of which this one was made.
    Previous(OperationId),
}
