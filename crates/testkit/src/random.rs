//! Randomness that is the same everywhere.

/// Numbers that follow from a seed, and nothing else (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
    /// What comes before the numbers of the seed, in reverse.
    script: Vec<u8>,
}

impl Random {
    /// The numbers of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed, script: Vec::new() }
    }

    /// First these bytes, each as a number, then the numbers of seed 0: so that a fuzzer decides.
    #[must_use]
    pub fn scripted(bytes: &[u8]) -> Self {
        Self { state: 0, script: bytes.iter().rev().copied().collect() }
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        if let Some(byte) = self.script.pop() {
            return byte.into();
        }
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.state;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    /// A number below a limit, or 0 when that is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let number = self.number().checked_rem(limit as u64).unwrap_or(0);
        usize::try_from(number).unwrap_or(0)
    }

    /// Whether something happens that does so this often in a hundred times.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of some things.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub fn pick<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        let index = self.below(things.len());
        things.get(index).expect("there is something to pick from")
    }

    /// Some of some things, at least one and at most `limit`, in their order.
    pub fn some<T: Clone>(&mut self, things: &[T], limit: usize) -> Vec<T> {
        let count = 1 + self.below(limit.min(things.len()));
        let mut indexes: Vec<_> = (0..count).map(|_| self.below(things.len())).collect();
        indexes.sort_unstable();
        indexes.dedup();
        indexes.into_iter().filter_map(|index| things.get(index).cloned()).collect()
    }

    /// Puts things in another order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.below(last + 1));
        }
    }
}
