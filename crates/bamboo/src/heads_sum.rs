//! A sum over a set of logs, for finding out where two sets differ (RE2).
//!
//! This is LtHash16: each [`HeadState`] is expanded by BLAKE3 to 1,024 numbers of 16 bits, and a
//! set has the sum of them, lane by lane and wrapping. Adding and removing cost the same whatever
//! the size of the set, and sums of parts add up to that of the whole. Sets with equal sums are a
//! short-vector problem on lattices, also for somebody who chooses what is in them; of shorter or
//! simpler sums (XOR, one large number) that cannot be said.

use core::fmt;

use crate::head_state::{HeadState, SHORT_LENGTH, Salt, shorten};

/// Length of an encoded sum in bytes, without its count.
pub const HEADS_SUM_LENGTH: usize = 2 * LANES;

const LANES: usize = 1024;

/// Context of BLAKE3's key derivation for expanding a state.
const HEAD_CONTEXT: &str = "pandan 2 log head";

/// Context for the key of fingerprints.
const FINGERPRINT_CONTEXT: &str = "pandan 2 fingerprint";

/// The sum over a set of logs, and how many they are.
///
/// ```
/// use pandan_bamboo::{HeadState, HeadsSum};
///
/// let [one, other] = [1, 2].map(|byte| HeadState::from_bytes([byte; 32]));
/// let (mut sum, mut reverse) = (HeadsSum::EMPTY, HeadsSum::EMPTY);
/// sum.add(&one);
/// sum.add(&other);
/// reverse.add(&other);
/// reverse.add(&one);
/// assert_eq!(sum, reverse);
/// sum.remove(&one);
/// sum.remove(&other);
/// assert_eq!(sum, HeadsSum::EMPTY);
/// ```
///
/// It is 2 KiB large; keep it in a box where it is not used at once.
#[derive(Clone, PartialEq, Eq)]
pub struct HeadsSum {
    count: u64,
    lanes: [u16; LANES],
}

impl HeadsSum {
    /// The sum over no log.
    pub const EMPTY: Self = Self { count: 0, lanes: [0; LANES] };

    /// How many logs there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Adds a log.
    pub fn add(&mut self, state: &HeadState) {
        self.count = self.count.wrapping_add(1);
        self.change(numbers(&expand(state)), u16::wrapping_add);
    }

    /// Takes away a log that was added before.
    pub fn remove(&mut self, state: &HeadState) {
        self.count = self.count.wrapping_sub(1);
        self.change(numbers(&expand(state)), u16::wrapping_sub);
    }

    /// Adds another set, which has no log in common with this one.
    pub fn combine(&mut self, other: &Self) {
        self.count = self.count.wrapping_add(other.count);
        self.change(other.lanes.iter().copied(), u16::wrapping_add);
    }

    /// Takes away a set which was [combined](Self::combine) with this one before.
    pub fn subtract(&mut self, other: &Self) {
        self.count = self.count.wrapping_sub(other.count);
        self.change(other.lanes.iter().copied(), u16::wrapping_sub);
    }

    /// The lanes as bytes, little endian, without the count.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADS_SUM_LENGTH] {
        let mut bytes = [0; HEADS_SUM_LENGTH];
        let (pairs, _) = bytes.as_chunks_mut::<2>();
        for (pair, lane) in pairs.iter_mut().zip(self.lanes) {
            *pair = lane.to_le_bytes();
        }
        bytes
    }

    /// A sum from its count and lanes, as they were stored.
    #[must_use]
    pub fn from_bytes(count: u64, bytes: &[u8; HEADS_SUM_LENGTH]) -> Self {
        let mut lanes = [0; LANES];
        lanes.iter_mut().zip(numbers(bytes)).for_each(|(lane, number)| *lane = number);
        Self { count, lanes }
    }

    /// The set in eight bytes under a salt.
    #[must_use]
    pub fn fingerprint(&self, salt: &Salt) -> Fingerprint {
        let mut hasher = blake3::Hasher::new_keyed(&salt.key(FINGERPRINT_CONTEXT));
        hasher.update(&self.count.to_le_bytes()).update(&self.to_bytes());
        Fingerprint(shorten(hasher.finalize().as_bytes()))
    }

    fn change(&mut self, numbers: impl Iterator<Item = u16>, change: impl Fn(u16, u16) -> u16) {
        for (lane, number) in self.lanes.iter_mut().zip(numbers) {
            *lane = change(*lane, number);
        }
    }
}

impl Default for HeadsSum {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl fmt::Debug for HeadsSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeadsSum").field("count", &self.count).finish_non_exhaustive()
    }
}

fn expand(state: &HeadState) -> [u8; HEADS_SUM_LENGTH] {
    let mut bytes = [0; HEADS_SUM_LENGTH];
    let mut hasher = blake3::Hasher::new_derive_key(HEAD_CONTEXT);
    hasher.update(state.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn numbers(bytes: &[u8; HEADS_SUM_LENGTH]) -> impl Iterator<Item = u16> {
    bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair))
}

/// A set of logs in eight bytes, under a [`Salt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; SHORT_LENGTH]);

impl Fingerprint {
    /// What somebody else claims.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; SHORT_LENGTH]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; SHORT_LENGTH] {
        &self.0
    }
}
