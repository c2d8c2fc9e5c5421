//! Random numbers. In: a seed made of words (archive seed, archive index, event index, …). Out: a stream of numbers
//! that is the same on every machine. Never reads the clock, the system's randomness or any shared state.

/// `SplitMix64` (Steele, Lea, Flood 2014): one addition and three multiplications-with-shift per number.
///
/// Chosen because it can be *placed*: any 64-bit state is a good state, so a generator for one event, one session or one
/// pool entry is made from a hash of its name in a few nanoseconds. That is what lets an archive, or a single event, be
/// made again without making those before it.
#[derive(Clone, Debug)]
pub(crate) struct Prng {
    state: u64,
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

const fn scramble(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Folds words into one seed; the order of the words matters.
pub(super) fn seed_of(words: &[u64]) -> u64 {
    words.iter().fold(0, |seed, word| scramble(seed.wrapping_add(GOLDEN) ^ scramble(word.wrapping_add(GOLDEN))))
}

/// FNV-1a, finished with a scramble: turns a name into a word for [`seed_of`].
pub(super) fn hash_text(text: &[u8]) -> u64 {
    let fnv = text
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    scramble(fnv)
}

/// A `u64` as an index. Lossless where pointers have 64 bits; elsewhere too large a value becomes the largest index.
pub(super) fn index(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// An index as a word. `usize` has at most 64 bits on every target Rust has, so nothing is lost.
pub(super) fn word(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// The index that `value` has in a list of `len` elements when it is spread over it; used to pick by hash.
pub(super) fn spread(value: u64, len: usize) -> usize {
    index(value % word(len.max(1)))
}

impl Prng {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The generator of the thing that `words` name.
    pub(super) fn of(words: &[u64]) -> Self {
        Self::new(seed_of(words))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        scramble(self.state)
    }

    /// Uniform in `0..bound`; 0 when `bound` is 0. The bias of the multiplication is below 2^-32 for every bound used here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// Uniform index of a list of `len` elements.
    pub(crate) fn pick(&mut self, len: usize) -> usize {
        index(self.below(word(len)))
    }

    /// Uniform in `low..=high`; `low` when the range is empty.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).saturating_add(1);
        let offset = self.below(u64::try_from(span).unwrap_or(0));
        low.saturating_add(i64::try_from(offset).unwrap_or(0))
    }

    /// Index of a list of `len` elements of which the first are far more popular: `len · u³`, so that one eighth of the
    /// elements takes half of the draws, as users, buckets and keys do in real trails.
    pub(super) fn skewed(&mut self, len: usize) -> usize {
        let uniform = self.next() >> 32;
        let cube = (((uniform * uniform) >> 32) * uniform) >> 32;
        index((cube * word(len)) >> 32)
    }

    pub(super) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub(super) fn per_million(&mut self, chance: u64) -> bool {
        self.below(1_000_000) < chance
    }
}

/// Draws indices in proportion to integer weights, in constant time: each index is in the table as often as its weight.
#[derive(Debug)]
pub(super) struct Weighted {
    table: Vec<usize>,
}

impl Weighted {
    pub(super) fn new(weights: impl IntoIterator<Item = u32>) -> Self {
        let mut table = Vec::new();
        for (position, weight) in weights.into_iter().enumerate() {
            table.extend(std::iter::repeat_n(position, index(u64::from(weight))));
        }
        Self { table }
    }

    /// 0 when every weight was 0.
    pub(super) fn draw(&self, rng: &mut Prng) -> usize {
        self.table.get(rng.pick(self.table.len())).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix64_gives_its_published_numbers() {
        let mut rng = Prng::new(1_234_567);
        let drawn = [rng.next(), rng.next(), rng.next()];
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn draws_stay_in_range() {
        let mut rng = Prng::new(7);
        for _ in 0..10_000 {
            assert!(rng.below(10) < 10);
            assert!((-3..=5).contains(&rng.between(-3, 5)));
            assert!(rng.skewed(12) < 12);
        }
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.between(4, 2), 4);
    }

    #[test]
    fn weighted_draws_follow_the_weights() {
        let weighted = Weighted::new([1, 0, 3]);
        let mut rng = Prng::new(9);
        let mut counts = [0_u32; 3];
        for _ in 0..40_000 {
            counts[weighted.draw(&mut rng)] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((9_000..11_000).contains(&counts[0]), "{counts:?}");
    }
}
