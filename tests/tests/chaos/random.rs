//! Random numbers from a seed. The project implements the generator itself, so that a seed produces the same plan on every
//! machine and with every version of the dependencies.

/// A generator (`SplitMix64`).
pub(crate) struct Random(u64);

impl Random {
    /// Creates a generator from a seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number from `low` to `high`, inclusive.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    /// Returns a number from `low` to `high`, inclusive, as a `usize`.
    pub(crate) fn count(&mut self, low: usize, high: usize) -> usize {
        low + usize::try_from(self.between(0, (high - low) as u64)).expect("a small number")
    }

    /// Returns true with this probability, in percent.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.between(1, 100) <= percent
    }

    /// Returns one of the items.
    pub(crate) fn pick<T: Clone>(&mut self, among: &[T]) -> T {
        among[self.count(0, among.len() - 1)].clone()
    }

    /// Returns a string of this many letters and digits.
    pub(crate) fn text(&mut self, length: usize) -> String {
        const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        (0..length)
            .map(|_| char::from(self.pick(LETTERS)))
            .collect()
    }
}
