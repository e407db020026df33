//! The heads of logs: what nodes compare to find out what one has and the other lacks.
//!
//! A frozen log has its head before the fork. One that forks at its first entry has nothing there
//! and is of no document any more: it has a head all the same, among those of
//! [`SCHEMA_OF_FORKED`], whatever was written in it, so that nodes find out that they know different
//! proofs.
//!
//! The heads of a schema stand in one order, by author and then by log id. A node that compares
//! itself with another asks for fingerprints of ranges in this order, down to where they differ,
//! and then for the heads there. Sums over ranges are kept up with every commit, so that no
//! question reads more than a few hundred logs one by one, however many there are.

mod by_document;
mod wanted;

use pandan_bamboo::{HeadState, HeadsSum, LogId, SeqNum};
use pandan_identity::PublicKey;
use pandan_operations::{SchemaId, SystemSchema};

pub(crate) use by_document::pieces;
pub use by_document::{DocumentHead, NeededEntries, NeededLog};
pub use wanted::{Amount, Arrival, Budget, WantedEntries, WantedLog, Wants};
pub(crate) use wanted::{Filling, Reached};

/// The schema among whose logs those are that fork at their first entry: one that all nodes know,
/// also those which have nothing of such a log but the proof.
pub const SCHEMA_OF_FORKED: SystemSchema = SystemSchema::SchemaDefinition;

/// Where a log stands among those of its schema.
///
/// The author is given by bytes that need not be a key: a place can be a mere bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogPlace {
    /// The key of the author.
    pub author: [u8; 32],
    /// The log.
    pub log_id: LogId,
}

impl LogPlace {
    /// The place of a log.
    #[must_use]
    pub const fn of(author: &PublicKey, log_id: LogId) -> Self {
        Self { author: *author.as_bytes(), log_id }
    }

    /// The place with the shortest beginning that is above `below` and not above `from`, which is
    /// behind it. It says little, so that it takes few bytes to say it.
    pub(crate) fn between(below: &Self, from: &Self) -> Self {
        if below.author == from.author {
            return *from;
        }
        let pairs = below.author.iter().zip(&from.author);
        let common = pairs.take_while(|(one, other)| one == other).count();
        let mut author = [0; 32];
        author.iter_mut().zip(from.author).take(common + 1).for_each(|(to, byte)| *to = byte);
        Self { author, log_id: LogId::new(0) }
    }
}

/// A part of the logs of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadRange {
    /// The schema.
    pub schema: SchemaId,
    /// The first place that belongs to it; without it, it begins with the first log.
    pub from: Option<LogPlace>,
    /// The first place behind it; without it, it goes on to the last log.
    pub to: Option<LogPlace>,
}

impl HeadRange {
    /// All logs of a schema.
    #[must_use]
    pub const fn all(schema: SchemaId) -> Self {
        Self { schema, from: None, to: None }
    }

    /// Whether a place of the schema belongs to it.
    #[must_use]
    pub fn contains(&self, place: &LogPlace) -> bool {
        self.from.is_none_or(|from| from <= *place) && self.to.is_none_or(|to| *place < to)
    }
}

/// How far a log reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Who writes the log.
    pub author: PublicKey,
    /// The log.
    pub log_id: LogId,
    /// The place of its latest entry, below the fork if there is one; none when it forks at the
    /// first.
    pub latest: Option<SeqNum>,
    /// The place of the fork from which on the log is frozen.
    pub fork: Option<SeqNum>,
    /// Stands for the whole log and its fork: no two different logs have the same state.
    pub state: HeadState,
}

impl Head {
    /// Where the log stands.
    #[must_use]
    pub const fn place(&self) -> LogPlace {
        LogPlace::of(&self.author, self.log_id)
    }
}

/// A head, and which of several ranges it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadInRange {
    /// Counts the ranges that were asked for from 0.
    pub range: usize,
    /// The head.
    pub head: Head,
}

/// Some of the heads in several ranges that follow each other: from its beginning to that of the
/// next part, or to the end of the last range.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadsPart {
    /// The range in which it begins, counted from 0.
    pub range: usize,
    /// Where in that range it begins; without it, where the range begins. Of all places between the
    /// log before and the first of its own it is the one with the shortest beginning: a few bytes
    /// of an author and then zeros, unless one author writes both.
    pub from: Option<LogPlace>,
    /// The sum of its heads, and how many there are.
    pub sum: Box<HeadsSum>,
}

/// Heads that stay together when ranges are split.
pub(crate) struct Piece {
    pub(crate) range: usize,
    pub(crate) from: Option<LogPlace>,
    pub(crate) sum: Box<HeadsSum>,
}

/// Puts pieces together to up to `parts` parts of nearly equal size.
pub(crate) fn group(pieces: Vec<Piece>, parts: u64) -> Vec<HeadsPart> {
    let total: u64 = pieces.iter().map(|piece| piece.sum.count()).sum();
    let mut grouped: Vec<HeadsPart> = Vec::new();
    let (mut done, mut begun) = (0_u64, 0_u64);
    for piece in pieces {
        let count = piece.sum.count();
        // A part is begun when those before it hold what as many parts of equal size would.
        let is_due = u128::from(done) * u128::from(parts) >= u128::from(begun) * u128::from(total);
        match grouped.last_mut() {
            Some(part) if !is_due => part.sum.combine(&piece.sum),
            _ => {
                begun += 1;
                let Piece { range, from, sum } = piece;
                grouped.push(HeadsPart { range, from, sum });
            }
        }
        done += count;
    }
    // The first part begins where the first range does, whether there are logs at once or not.
    if let Some(first) = grouped.first_mut() {
        (first.range, first.from) = (0, None);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(author: &[u8], log_id: u64) -> LogPlace {
        let mut bytes = [0; 32];
        bytes[..author.len()].copy_from_slice(author);
        LogPlace { author: bytes, log_id: LogId::new(log_id) }
    }

    #[test]
    fn the_shortest_place_separates_two_logs() {
        let cases = [
            (place(&[1, 2, 3], 4), place(&[1, 7, 9], 5), place(&[1, 7], 0)),
            (place(&[1, 2, 3], 4), place(&[2], 0), place(&[2], 0)),
            (place(&[1, 2, 3], 4), place(&[1, 2, 3], 5), place(&[1, 2, 3], 5)),
            (place(&[9; 31], 0), place(&[9; 32], 3), place(&[9; 32], 0)),
        ];
        for (below, from, expected) in cases {
            let found = LogPlace::between(&below, &from);
            assert_eq!(found, expected);
            assert!(below < found && found <= from);
        }
    }
}
