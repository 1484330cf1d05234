//! Chance that repeats itself: a number from a stream's seed and a row's position.

/// One column's stream of numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draw(u64);

impl Draw {
    /// The stream of that name.
    pub(crate) const fn named(name: &str) -> Self {
        // FNV-1a, 64 bits.
        let bytes = name.as_bytes();
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut i = 0;
        while i < bytes.len() {
            hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
            i += 1;
        }
        Self(scramble(hash))
    }

    /// Another stream, by seed.
    pub(crate) const fn seeded(self, seed: u64) -> Self {
        Self(scramble(self.0 ^ seed.wrapping_mul(GOLDEN)))
    }

    /// The number at a position: 64 even bits.
    pub(crate) const fn at(self, position: u64) -> u64 {
        scramble(self.0.wrapping_add(position.wrapping_mul(GOLDEN)))
    }

    /// The number at a position, from 0 up to and without `bound`, which is below 2^32.
    pub(crate) const fn below(self, position: u64, bound: u64) -> u64 {
        below(self.at(position), bound)
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finisher of SplitMix64 (Steele, Lea and Flood, 2014).
pub(crate) const fn scramble(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// 64 even bits as a number below `bound` (below 2^32), from the upper half: a multiplication instead of a division.
pub(crate) const fn below(bits: u64, bound: u64) -> u64 {
    ((bits >> 32) * bound) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_evenly() {
        let stream = Draw::named("x");
        let mut seen = [0_u32; 10];
        for position in 0..100_000 {
            seen[stream.below(position, 10) as usize] += 1;
        }
        assert!(seen.iter().all(|n| (9_600..10_400).contains(n)), "{seen:?}");
    }

    #[test]
    fn streams_differ_by_name_and_seed() {
        let (a, b) = (Draw::named("a"), Draw::named("b"));
        assert_ne!(a.at(0), b.at(0));
        assert_ne!(a.at(0), a.at(1));
        assert_ne!(a.at(0), a.seeded(1).at(0));
        assert_ne!(a.seeded(1).at(0), a.seeded(2).at(0));
    }
}
