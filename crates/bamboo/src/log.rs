//! Verifying a log: all of it, a part that hangs together by links, or a path of links.
//!
//! Entries come one by one in ascending order and nothing is allocated. Because lipmaa links never
//! cross, the targets that entries to come can still point to are those on the path of lipmaa
//! links from the last entry to the first: at most [`LINK_PATH_LENGTH_MAX`] hashes are kept.

use pandan_identity::{PublicKey, SignatureError};
use thiserror::Error;

use crate::decode_entry::DecodeEntryError;
use crate::entry::{AuthenticEntry, Entry, Header};
use crate::limits::LINK_PATH_LENGTH_MAX;
use crate::verify_links::{Link, LinkError, LinkTarget, check_link};
use crate::{EntryHash, LogId, SeqNum, lipmaa};

/// Verifies a whole log, from its first entry on and without gaps.
///
/// Payloads are not needed: they can be gone while the log stays verifiable.
pub fn verify_log<E: AsRef<[u8]>>(
    entries: impl IntoIterator<Item = E>,
) -> Result<LogSummary, LogError> {
    verify_all(LogVerifier::of_whole_log(), entries)
}

/// Verifies some entries of a log by themselves, given in ascending order from the first entry on.
///
/// With each entry the target of its lipmaa link must be among them. This is so for the union of
/// any [certificate pools](crate::certificate_pool), also after leaving out all above some entry.
/// A backlink next to a skiplink is checked when its target is there.
pub fn verify_subset<E: AsRef<[u8]>>(
    entries: impl IntoIterator<Item = E>,
) -> Result<LogSummary, LogError> {
    verify_all(LogVerifier::of_subset(), entries)
}

/// Verifies that entries in ascending order lead from a trusted one to the last of them, each
/// linked to the one before it, as along a [`link_path`](crate::link_path).
///
/// This proves the last entry without what lies between the steps.
pub fn verify_path<E: AsRef<[u8]>>(
    trusted: &Header,
    entries: impl IntoIterator<Item = E>,
) -> Result<LogSummary, LogError> {
    let mut summary = LogSummary { tip: *trusted, length: 1 };
    for (index, bytes) in entries.into_iter().enumerate() {
        let header = *authenticate(index, bytes.as_ref())?.header();
        check_step(index, &summary.tip, &header)?;
        summary = summary.extended(header);
    }
    Ok(summary)
}

fn check_step(index: usize, tip: &Header, header: &Header) -> Result<(), LogError> {
    let link = if header.seq_num().skiplink() == Some(tip.seq_num()) {
        Link::Skiplink
    } else if header.seq_num().previous() == Some(tip.seq_num()) {
        Link::Backlink
    } else {
        let (previous, found) = (tip.seq_num(), header.seq_num());
        return Err(LogError::NotLinked { index, previous, found });
    };
    check_link(header, link, Some(LinkTarget::of(tip)))
        .map_err(|source| LogError::Link { index, source })
}

fn verify_all<E: AsRef<[u8]>>(
    mut verifier: LogVerifier,
    entries: impl IntoIterator<Item = E>,
) -> Result<LogSummary, LogError> {
    for bytes in entries {
        verifier.push(bytes.as_ref())?;
    }
    verifier.finish()
}

pub(crate) fn authenticate(index: usize, bytes: &[u8]) -> Result<AuthenticEntry<'_>, LogError> {
    Entry::decode(bytes)
        .map_err(|source| LogError::Decode { index, source })?
        .authenticate()
        .map_err(|source| LogError::Signature { index, source })
}

/// What is known of a log, or of a part of it, after its verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSummary {
    tip: Header,
    length: usize,
}

impl LogSummary {
    /// The last entry.
    #[must_use]
    pub const fn tip(&self) -> &Header {
        &self.tip
    }

    /// The author.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey {
        self.tip.public_key()
    }

    /// The log.
    #[must_use]
    pub const fn log_id(&self) -> LogId {
        self.tip.log_id()
    }

    /// The number of entries that were verified or trusted.
    #[must_use]
    pub const fn entries_count(&self) -> usize {
        self.length
    }

    /// Whether nothing may follow.
    #[must_use]
    pub const fn is_end_of_log(&self) -> bool {
        self.tip.is_end_of_log()
    }

    fn extended(&self, tip: Header) -> Self {
        Self { tip, length: self.length.saturating_add(1) }
    }
}

/// Verifies a log entry by entry.
///
/// ```
/// use pandan_bamboo::{LogId, LogVerifier, NextArgs};
/// use pandan_identity::KeyPair;
///
/// let key_pair = KeyPair::from_seed(&[7; 32]);
/// let entry = NextArgs::first(LogId::new(0)).forge(&key_pair, b"hello");
///
/// let mut verifier = LogVerifier::of_whole_log();
/// verifier.push(entry.as_bytes())?;
/// assert_eq!(verifier.finish()?.tip().hash(), entry.hash());
/// # Ok::<_, pandan_bamboo::LogError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LogVerifier {
    scope: Scope,
    summary: Option<LogSummary>,
    path: Path,
}

/// Which entries must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    WholeLog,
    Subset,
}

impl LogVerifier {
    /// For all entries; see [`verify_log`].
    #[must_use]
    pub const fn of_whole_log() -> Self {
        Self::new(Scope::WholeLog)
    }

    /// For some of them; see [`verify_subset`].
    #[must_use]
    pub const fn of_subset() -> Self {
        Self::new(Scope::Subset)
    }

    const fn new(scope: Scope) -> Self {
        Self { scope, summary: None, path: Path::new() }
    }

    /// Verifies the next entry. After an error the verifier is where it was before.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Header, LogError> {
        self.push_authentic(&authenticate(self.index(), bytes)?)
    }

    /// Verifies the place of the next entry, whose signature was checked already.
    pub fn push_authentic(&mut self, entry: &AuthenticEntry<'_>) -> Result<Header, LogError> {
        let header = *entry.header();
        let summary = match self.summary {
            None => Self::begin(&header)?,
            Some(summary) => self.check_next(summary, &header)?,
        };
        self.path.back_to(lipmaa(header.seq_num().number()));
        self.path.push(header.seq_num(), header.hash());
        self.summary = Some(summary);
        Ok(header)
    }

    /// What was verified so far, if anything.
    #[must_use]
    pub const fn summary(&self) -> Option<&LogSummary> {
        self.summary.as_ref()
    }

    /// What was verified.
    pub fn finish(self) -> Result<LogSummary, LogError> {
        self.summary.ok_or(LogError::Empty)
    }

    /// Where the next entry stands among those given.
    pub(crate) fn index(&self) -> usize {
        self.summary.map_or(0, |summary| summary.length)
    }

    fn begin(header: &Header) -> Result<LogSummary, LogError> {
        let found = header.seq_num();
        if found != SeqNum::FIRST {
            return Err(LogError::Place { index: 0, expected: SeqNum::FIRST, found });
        }
        Ok(LogSummary { tip: *header, length: 1 })
    }

    fn check_next(&self, summary: LogSummary, header: &Header) -> Result<LogSummary, LogError> {
        let (index, tip) = (summary.length, summary.tip);
        let next = tip.seq_num().next().filter(|_| !tip.is_end_of_log());
        let expected = next.ok_or(LogError::AfterEndOfLog { index, seq_num: tip.seq_num() })?;
        let found = header.seq_num();
        if found < expected || (self.scope == Scope::WholeLog && found != expected) {
            return Err(LogError::Place { index, expected, found });
        }
        self.check_links(&tip, header).map_err(|source| LogError::Link { index, source })?;
        Ok(summary.extended(*header))
    }

    fn check_links(&self, tip: &Header, header: &Header) -> Result<(), LinkError> {
        // Everything on the path is of the author and the log of the tip, and ended nothing.
        let skiplink = header.seq_num().skiplink().and_then(|seq_num| {
            let hash = self.path.find(seq_num)?;
            Some(LinkTarget { hash, seq_num, ..LinkTarget::of(tip) })
        });
        check_link(header, Link::Skiplink, skiplink)?;
        let has_backlink_target = header.seq_num().previous() == Some(tip.seq_num());
        if self.scope == Scope::Subset && skiplink.is_some() && !has_backlink_target {
            return Ok(());
        }
        let backlink = has_backlink_target.then(|| LinkTarget::of(tip));
        check_link(header, Link::Backlink, backlink)
    }
}

/// The path of lipmaa links from the last entry to the first.
#[derive(Clone, Debug)]
struct Path {
    steps: [Option<(SeqNum, EntryHash)>; LINK_PATH_LENGTH_MAX],
    length: usize,
}

impl Path {
    const fn new() -> Self {
        Self { steps: [None; LINK_PATH_LENGTH_MAX], length: 0 }
    }

    fn steps(&self) -> impl DoubleEndedIterator<Item = &(SeqNum, EntryHash)> {
        self.steps.iter().take(self.length).flatten()
    }

    fn find(&self, seq_num: SeqNum) -> Option<EntryHash> {
        self.steps().rev().find(|(at, _)| *at == seq_num).map(|(_, hash)| *hash)
    }

    /// Forgets the steps above `seq_num`: no link from further on can lead to them.
    fn back_to(&mut self, seq_num: u64) {
        self.length = self.steps().take_while(|(at, _)| at.number() <= seq_num).count();
    }

    fn push(&mut self, seq_num: SeqNum, hash: EntryHash) {
        *self
            .steps
            .get_mut(self.length)
            .expect("every step leads to its lipmaa number, and such paths are shorter") =
            Some((seq_num, hash));
        self.length = self.length.saturating_add(1);
    }
}

/// Entries that are not a log, or not a part of one that hangs together.
///
/// `index` counts the given entries from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LogError {
    /// There are no entries.
    #[error("expected at least one entry, found none")]
    Empty,
    /// An entry is not well formed.
    #[error("given entry {index} is not well formed")]
    Decode {
        /// Which entry.
        index: usize,
        /// What is wrong with it.
        source: DecodeEntryError,
    },
    /// A signature does not hold.
    #[error("given entry {index} is not authentic")]
    Signature {
        /// Which entry.
        index: usize,
        /// What is wrong with it.
        source: SignatureError,
    },
    /// An entry comes too early, too late, or twice.
    #[error("expected sequence number {expected} in given entry {index}, found {found}")]
    Place {
        /// Which entry.
        index: usize,
        /// The sequence number due; in a subset, the lowest that could be.
        expected: SeqNum,
        /// The sequence number found.
        found: SeqNum,
    },
    /// A link does not lead where it must.
    #[error("a link of given entry {index} does not hold")]
    Link {
        /// Which entry.
        index: usize,
        /// What is wrong with it.
        source: LinkError,
    },
    /// An entry in a path has no link to the one before.
    #[error("expected given entry {index} to link to entry {previous}, found entry {found}")]
    NotLinked {
        /// Which entry.
        index: usize,
        /// The step before.
        previous: SeqNum,
        /// The entry found.
        found: SeqNum,
    },
    /// The entry before was the last one that could be.
    #[error("expected nothing after entry {seq_num}, found given entry {index}")]
    AfterEndOfLog {
        /// Which entry.
        index: usize,
        /// Where the log ended.
        seq_num: SeqNum,
    },
}
