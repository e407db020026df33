//! Which entries prove a single one: paths of links and certificate pools (PN11).

use core::iter::FusedIterator;

use crate::lipmaa::next_t;
use crate::{SeqNum, lipmaa};

/// The entries on the shortest path of links from entry `from` back to entry `to`, both included,
/// in descending order; nothing if `from` is before `to`.
///
/// Each step takes the lipmaa link, or the backlink where the lipmaa link leads past `to`.
///
/// ```
/// use pandan_bamboo::{SeqNum, link_path};
///
/// let [from, to] = [40, 23].map(|number| SeqNum::new(number).unwrap());
/// let path: Vec<_> = link_path(from, to).map(SeqNum::number).collect();
/// assert_eq!(path, [40, 39, 26, 25, 24, 23]);
/// ```
#[must_use]
pub fn link_path(from: SeqNum, to: SeqNum) -> LinkPath {
    LinkPath { at: Some(from).filter(|from| *from >= to), to }
}

/// The entries that together prove entry `seq_num` to be in the one line of its log: its
/// certificate pool, in descending order.
///
/// These are the shortest path from the next entry at a number (3^k − 1) / 2 back to it, and the
/// one from it back to the first entry. Any two certificate pools of a log meet, so that a fork
/// below them does not stay hidden. They are verified by
/// [`verify_subset`](crate::verify_subset) (in ascending order), also when the entries above some
/// number are left out because the log does not reach that far yet.
///
/// ```
/// use pandan_bamboo::{SeqNum, certificate_pool};
///
/// let pool = certificate_pool(SeqNum::new(23).unwrap());
/// let numbers: Vec<_> = pool.map(SeqNum::number).collect();
/// assert_eq!(numbers, [40, 39, 26, 25, 24, 23, 22, 21, 17, 13, 4, 1]);
/// ```
///
/// Above the last such number in 64 bits there is only the lower path.
#[must_use]
pub fn certificate_pool(seq_num: SeqNum) -> CertificatePool {
    let top = next_t(seq_num.number()).and_then(SeqNum::new).unwrap_or(seq_num);
    let mut lower = link_path(seq_num, SeqNum::FIRST);
    // The upper path ends with the entry itself.
    lower.next();
    CertificatePool { upper: link_path(top, seq_num), lower }
}

/// Iterator of [`link_path`].
#[derive(Clone, Debug)]
pub struct LinkPath {
    at: Option<SeqNum>,
    to: SeqNum,
}

impl Iterator for LinkPath {
    type Item = SeqNum;

    fn next(&mut self) -> Option<SeqNum> {
        let at = self.at?;
        let far = SeqNum::new(lipmaa(at.number())).filter(|target| *target >= self.to);
        self.at = far.or_else(|| at.previous()).filter(|target| *target >= self.to);
        Some(at)
    }
}

impl FusedIterator for LinkPath {}

/// Iterator of [`certificate_pool`].
#[derive(Clone, Debug)]
pub struct CertificatePool {
    upper: LinkPath,
    lower: LinkPath,
}

impl Iterator for CertificatePool {
    type Item = SeqNum;

    fn next(&mut self) -> Option<SeqNum> {
        self.upper.next().or_else(|| self.lower.next())
    }
}

impl FusedIterator for CertificatePool {}
