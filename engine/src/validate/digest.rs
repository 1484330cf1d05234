//! Sums that tell two sets of rows apart.
//!
//! A value becomes a 128-bit *token* (see `token`), the tokens of a row are folded into its hash, and the hashes of rows are
//! added up: the order of rows does not matter, a row that is there twice counts twice. The hash is not cryptographic: it
//! finds what went wrong, not who meant harm. It is this module's own, so that a ledger row of one version of Sensei can be
//! compared by the next: [`FORMAT`] changes with it.

use std::fmt;
use std::str::FromStr;

/// Changes with every change of what a token or a hash is: digests of different formats are not compared.
const FORMAT: &str = "1";

/// Odd, without structure: digits of the golden ratio, of e and of pi.
const FOLD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
const SPREAD: u128 = 0xb7e1_5162_8aed_2a6a_bf71_5880_9cf4_f3c7;
const STIR: u128 = 0x243f_6a88_85a3_08d3_1319_8a2e_0370_7345;

/// What a row's hash begins with.
pub(super) const BEGIN: u128 = STIR;
/// The token of NULL, whatever the column's type.
pub(super) const NULL: u128 = 0x4528_21e6_38d0_1377_be54_66cf_34e9_0c6c;

/// Takes a token into a hash. Each step can be undone, so that two tokens never become one.
#[inline]
pub(super) fn fold(hash: u128, token: u128) -> u128 {
    // A difference in the highest bits alone must not stay there: the lower half takes them in before each multiplication.
    let spread = token.wrapping_mul(SPREAD);
    (hash ^ spread ^ (spread >> 64)).wrapping_mul(FOLD).rotate_left(64)
}

/// Ends a row's hash: every bit depends on every other, so that sums of hashes do not cancel out.
#[inline]
pub(super) fn finish(hash: u128) -> u128 {
    let hash = (hash ^ (hash >> 64)).wrapping_mul(SPREAD);
    let hash = (hash ^ (hash >> 67)).wrapping_mul(FOLD);
    hash ^ (hash >> 64)
}

/// Bytes of any length as a token.
#[inline]
pub(super) fn of_bytes(bytes: &[u8]) -> u128 {
    let mut hash = BEGIN ^ bytes.len() as u128;
    let (blocks, rest) = bytes.as_chunks::<16>();
    for block in blocks {
        hash = fold(hash, u128::from_le_bytes(*block));
    }
    if !rest.is_empty() {
        let mut last = [0; 16];
        last[..rest.len()].copy_from_slice(rest);
        hash = fold(hash, u128::from_le_bytes(last));
    }
    hash
}

/// What a set of rows adds up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest {
    sum: u128,
}

impl Digest {
    /// Counts one row in.
    #[inline]
    pub(super) fn add_row(&mut self, hash: u128) {
        self.sum = self.sum.wrapping_add(hash);
    }

    /// Counts all rows of another set in.
    pub(crate) fn add(&mut self, other: Self) {
        self.sum = self.sum.wrapping_add(other.sum);
    }

    /// For the ledger: rows of a share in percent of the table add up to this.
    pub(crate) fn noted(self, percent: u8) -> String {
        format!("{FORMAT}/{percent}:{self}")
    }

    /// Reads what [`Self::noted`] wrote; none where that was another version, or another share of the rows.
    pub(crate) fn read(noted: &str, percent: u8) -> Option<Self> {
        let sum = noted.strip_prefix(FORMAT)?.strip_prefix('/')?.strip_prefix(&format!("{percent}:"))?;
        sum.parse().ok()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.sum)
    }
}

impl FromStr for Digest {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self { sum: u128::from_str_radix(text, 16)? })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn one_bit_of_a_token_changes_about_half_of_the_hash() {
        for token in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef, 42 << 100] {
            for bit in 0..128 {
                let changed = finish(fold(BEGIN, token)) ^ finish(fold(BEGIN, token ^ (1 << bit)));
                assert!((32..=96).contains(&changed.count_ones()), "{token:x} bit {bit}: {changed:032x}");
            }
        }
    }

    /// A difference in one token is not taken back by a simple one in the next.
    #[test]
    fn differences_of_few_bits_in_two_tokens_do_not_cancel_out() {
        let mut seen = HashSet::new();
        let bits = |a: u32, b: u32| (1_u128 << a) | (1_u128 << b);
        for first in 0..128 {
            for (a, b) in (0..128).flat_map(|a| [(a, a), (a, (a + 57) % 128), (a, (a + 64) % 128)]) {
                seen.insert(fold(fold(BEGIN, 1 << first), bits(a, b)));
            }
        }
        // Bits that lie 64 apart make each pair twice.
        assert_eq!(seen.len(), 128 * (128 + 128 + 64));
    }

    #[test]
    fn bytes_differ_by_length_and_content() {
        let mut seen = HashSet::new();
        for length in 0..100 {
            assert!(seen.insert(of_bytes(&vec![0; length])), "{length} zeros");
            assert!(length == 0 || seen.insert(of_bytes(&[vec![0; length - 1], vec![1]].concat())), "{length}");
        }
    }

    #[test]
    fn a_note_is_read_by_who_means_the_same() {
        let digest = Digest { sum: 0xabc };
        assert_eq!(digest.noted(100), "1/100:00000000000000000000000000000abc");
        assert!(digest.noted(100).len() <= 64, "the contract's length");
        assert_eq!(Digest::read(&digest.noted(100), 100), Some(digest));
        assert_eq!(Digest::read(&digest.noted(10), 100), None);
        assert_eq!(Digest::read("2/100:00", 100), None);
        assert_eq!(Digest::read("", 100), None);
    }
}
