//! Whether an entry stands where it says: its links against the entries to which they point.

use core::fmt;

use pandan_identity::PublicKey;
use thiserror::Error;

use crate::entry::{AuthenticEntry, BoundEntry, Header};
use crate::{EntryHash, LogId, SeqNum};

impl<'a> AuthenticEntry<'a> {
    /// Checks the links of an entry whose payload is not at hand; see [`check_links`].
    pub fn verify_links(
        self,
        backlink: Option<&Header>,
        skiplink: Option<&Header>,
    ) -> Result<VerifiedEntry<'a>, LinkError> {
        check_links(self.header(), backlink, skiplink)?;
        Ok(VerifiedEntry { entry: self, payload: None })
    }
}

impl<'a> BoundEntry<'a> {
    /// Checks the links; see [`check_links`].
    pub fn verify_links(
        self,
        backlink: Option<&Header>,
        skiplink: Option<&Header>,
    ) -> Result<VerifiedEntry<'a>, LinkError> {
        check_links(self.header(), backlink, skiplink)?;
        Ok(VerifiedEntry { entry: *self.entry(), payload: Some(self.payload()) })
    }
}

/// An entry whose links match the entries to which they point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct VerifiedEntry<'a> {
    entry: AuthenticEntry<'a>,
    payload: Option<&'a [u8]>,
}

impl<'a> VerifiedEntry<'a> {
    /// The entry.
    pub const fn entry(&self) -> &AuthenticEntry<'a> {
        &self.entry
    }

    /// The facts of the entry.
    #[must_use]
    pub const fn header(&self) -> &Header {
        self.entry.header()
    }

    /// The payload, if it was bound before.
    #[must_use]
    pub const fn payload(&self) -> Option<&'a [u8]> {
        self.payload
    }
}

/// Checks an entry against the targets of its links, the skiplink first.
///
/// Each target must be of the same log, have the hash that the link names, be of the same author,
/// stand at the place to which the link leads, and not have ended the log; in this order. A link
/// whose target is not given is an error ([`LinkError::Missing`]), never a check left out. A
/// target to which the entry has no link is not looked at.
pub fn check_links(
    header: &Header,
    backlink: Option<&Header>,
    skiplink: Option<&Header>,
) -> Result<(), LinkError> {
    check_link(header, Link::Skiplink, skiplink.map(LinkTarget::of))?;
    check_link(header, Link::Backlink, backlink.map(LinkTarget::of))
}

/// What is asked of the target of a link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkTarget {
    pub(crate) hash: EntryHash,
    pub(crate) public_key: PublicKey,
    pub(crate) log_id: LogId,
    pub(crate) seq_num: SeqNum,
    pub(crate) is_end_of_log: bool,
}

impl LinkTarget {
    pub(crate) fn of(header: &Header) -> Self {
        Self {
            hash: header.hash(),
            public_key: header.public_key(),
            log_id: header.log_id(),
            seq_num: header.seq_num(),
            is_end_of_log: header.is_end_of_log(),
        }
    }
}

/// Checks one link, if the entry carries it.
pub(crate) fn check_link(
    header: &Header,
    link: Link,
    target: Option<LinkTarget>,
) -> Result<(), LinkError> {
    let Some((seq_num, hash)) = link.of(header) else { return Ok(()) };
    let Some(target) = target else {
        return Err(LinkError::Missing { link, seq_num, hash });
    };
    if target.log_id != header.log_id() {
        let (expected, found) = (header.log_id(), target.log_id);
        return Err(LinkError::OtherLog { link, expected, found });
    }
    if target.hash != hash {
        return Err(LinkError::OtherHash { link, expected: hash, found: target.hash });
    }
    if target.public_key != header.public_key() {
        let (expected, found) = (header.public_key(), target.public_key);
        return Err(LinkError::OtherAuthor { link, expected, found });
    }
    if target.seq_num != seq_num {
        return Err(LinkError::OtherPlace { link, expected: seq_num, found: target.seq_num });
    }
    if target.is_end_of_log {
        return Err(LinkError::AfterEndOfLog { link, seq_num });
    }
    Ok(())
}

/// One of the two links of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// To the entry at the lipmaa number.
    Skiplink,
    /// To the entry right before.
    Backlink,
}

impl Link {
    /// Where this link of an entry leads, if the entry carries it.
    #[must_use]
    pub fn of(self, header: &Header) -> Option<(SeqNum, EntryHash)> {
        match self {
            Self::Skiplink => header.seq_num().skiplink().zip(header.links().skiplink()),
            Self::Backlink => header.seq_num().previous().zip(header.links().backlink()),
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Skiplink => "skiplink",
            Self::Backlink => "backlink",
        })
    }
}

/// A link that does not hold, or of which that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The target was not given. The entry may well be good: it has to wait (PN8).
    #[error("{link} leads to entry {seq_num} with hash {hash}, which is not known")]
    Missing {
        /// The link.
        link: Link,
        /// The place of the target.
        seq_num: SeqNum,
        /// The hash of the target.
        hash: EntryHash,
    },
    /// The target is in another log.
    #[error("expected the target of the {link} in log {expected}, found it in log {found}")]
    OtherLog {
        /// The link.
        link: Link,
        /// The log of the entry.
        expected: LogId,
        /// The log of the target.
        found: LogId,
    },
    /// The target is not the entry that the link names.
    #[error("expected a target of the {link} with hash {expected}, found {found}")]
    OtherHash {
        /// The link.
        link: Link,
        /// The hash in the link.
        expected: EntryHash,
        /// The hash of the target.
        found: EntryHash,
    },
    /// The target is of another author.
    #[error("expected the target of the {link} to be of author {expected}, found {found}")]
    OtherAuthor {
        /// The link.
        link: Link,
        /// The author of the entry.
        expected: PublicKey,
        /// The author of the target.
        found: PublicKey,
    },
    /// The target stands at another place than the one to which the link leads.
    #[error("expected the target of the {link} at place {expected}, found it at {found}")]
    OtherPlace {
        /// The link.
        link: Link,
        /// Where the link leads.
        expected: SeqNum,
        /// Where the target is.
        found: SeqNum,
    },
    /// The target ended the log (PN6).
    #[error("{link} leads to entry {seq_num}, which ended the log")]
    AfterEndOfLog {
        /// The link.
        link: Link,
        /// The place of the last entry.
        seq_num: SeqNum,
    },
}
