//! Entries that somebody wants: which, and how they come.

use pandan_bamboo::{ForkProof, LogId, SeqNum};
use pandan_identity::PublicKey;

use super::HeadRange;
use crate::contract::StoredEntry;
use crate::limits::MAX_CONNECTORS;

/// Which entries somebody wants to have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Logs, each from some entry on.
    pub logs: Vec<WantedLog>,
    /// All logs of these ranges, as a whole.
    pub ranges: Vec<HeadRange>,
}

/// A log, from some entry on. What is at and above its fork is not wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WantedLog {
    /// Who writes the log.
    pub author: PublicKey,
    /// The log.
    pub log_id: LogId,
    /// The first entry that is wanted.
    pub from: SeqNum,
}

/// How much to read at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// This many proofs and entries at most.
    pub entries: usize,
    /// Bytes of proofs, entries and operations, after which no further one is read. One is always
    /// read.
    pub bytes: usize,
}

/// Some of what is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedEntries {
    /// Proofs of wanted logs that are frozen.
    pub proofs: Vec<ForkProof>,
    /// Entries in the order in which they were stored, and right before an entry the void ones that
    /// it needs.
    pub entries: Vec<StoredEntry>,
    /// Where to read on; none when this was the last page. There may be more to come although this
    /// page is empty.
    pub next: Option<Arrival>,
    /// About how much comes after this page: wanted entries without the void ones that they need,
    /// at the average size of the entries in this page.
    pub left: Amount,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Number of entries.
    pub entries: u64,
    /// Bytes of entries and operations.
    pub bytes: u64,
}

/// Up to where wanted entries were read. Means something only to the store that gave it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arrival(u64);

impl Arrival {
    /// The number that stands for it.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// What [`Self::number`] gave.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }
}

/// What an [`Arrival`] stands for. Proofs come first, then entries.
///
/// ```text
/// 0 · log (63 bits)
/// 1 · entry (43 bits) · void (20 bits)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// The proofs of logs up to this one were read; logs and entries are counted from 1.
    Proof { log: u64 },
    /// The entries up to this one were read, and this many of the void ones that the next wanted
    /// one needs, if they fill a page by themselves.
    Entry { entry: u64, void: usize },
}

const ENTRIES_BIT: u64 = 1 << 63;
const VOID_BITS: u32 = 20;
const VOID_MASK: u64 = (1 << VOID_BITS) - 1;

const _: () = assert!(MAX_CONNECTORS as u64 <= VOID_MASK, "every number of connectors fits");

impl From<Reached> for Arrival {
    fn from(reached: Reached) -> Self {
        Self(match reached {
            Reached::Proof { log } => log & !ENTRIES_BIT,
            Reached::Entry { entry, void } => {
                let void = u64::try_from(void).unwrap_or(VOID_MASK).min(VOID_MASK);
                ENTRIES_BIT | entry << VOID_BITS | void
            }
        })
    }
}

impl From<Arrival> for Reached {
    fn from(Arrival(number): Arrival) -> Self {
        if number & ENTRIES_BIT == 0 {
            return Self::Proof { log: number };
        }
        let void = usize::try_from(number & VOID_MASK).unwrap_or(usize::MAX);
        Self::Entry { entry: (number & !ENTRIES_BIT) >> VOID_BITS, void }
    }
}

/// A page that is being filled.
#[derive(Debug)]
pub(crate) struct Filling {
    budget: Budget,
    bytes: usize,
    /// How many of the entries are wanted ones.
    wanted: u64,
    page: WantedEntries,
}

impl Filling {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { budget, bytes: 0, wanted: 0, page: WantedEntries::default() }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.page.proofs.len() + self.page.entries.len() >= self.budget.entries.max(1)
            || self.bytes >= self.budget.bytes.max(1)
    }

    /// How many more proofs or entries there can be.
    #[cfg(feature = "sqlite")]
    pub(crate) fn room(&self) -> usize {
        let taken = self.page.proofs.len() + self.page.entries.len();
        self.budget.entries.max(1).saturating_sub(taken)
    }

    /// How many wanted entries there are so far.
    #[cfg(feature = "sqlite")]
    pub(crate) const fn wanted(&self) -> u64 {
        self.wanted
    }

    pub(crate) fn proof(&mut self, proof: ForkProof) {
        self.bytes += proof.entries().map(|entry| entry.as_bytes().len()).iter().sum::<usize>();
        self.page.proofs.push(proof);
    }

    /// Takes up an entry that others need.
    pub(crate) fn connector(&mut self, entry: StoredEntry) {
        self.bytes += entry.size();
        self.page.entries.push(entry);
    }

    pub(crate) fn entry(&mut self, entry: StoredEntry) {
        self.wanted += 1;
        self.connector(entry);
    }

    /// How many entries there are so far.
    pub(crate) fn entries(&self) -> usize {
        self.page.entries.len()
    }

    /// Gives back all but the first of the entries, which others were to need.
    pub(crate) fn give_back(&mut self, kept: usize) {
        self.bytes -= self.page.entries.drain(kept..).map(|entry| entry.size()).sum::<usize>();
    }

    /// Ends the page, behind which about so many entries come.
    pub(crate) fn stop(mut self, reached: Reached, left: u64) -> WantedEntries {
        let sizes = self.page.entries.iter().map(|entry| entry.size() as u64);
        let (bytes, count) = (sizes.sum::<u64>(), self.page.entries.len() as u64);
        self.page.left = Amount { entries: left, bytes: bytes.saturating_mul(left) / count.max(1) };
        self.page.next = Some(reached.into());
        self.page
    }

    /// Ends the last page.
    pub(crate) fn finish(self) -> WantedEntries {
        self.page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_keep_their_order_as_numbers() {
        let entry = |entry, void| Reached::Entry { entry, void };
        let places = [
            Reached::Proof { log: 0 },
            Reached::Proof { log: u64::MAX >> 1 },
            entry(0, 0),
            entry(0, MAX_CONNECTORS),
            entry(1, 0),
            entry((1 << 43) - 1, MAX_CONNECTORS),
        ];
        let numbers = places.map(Arrival::from);
        assert!(numbers.is_sorted());
        assert_eq!(numbers.map(|it| Reached::from(Arrival::from_number(it.number()))), places);
        assert_eq!(Arrival::default(), numbers[0]);
    }
}
