//! Decimal numbers as texts: exact, whatever their length. Nothing here passes through a float.

use std::io::Write;

use arrow_buffer::i256;

/// Longest text of a finite f64 without exponent: sign, 309 digits or 0., 324 digits.
const REAL_BYTES: usize = 352;

/// Digits that any number of so many digits fits into a u64.
const DIGITS_IN_U64: usize = 19;

/// A decimal number, taken apart: sign, digits before the point without zeros in front, digits after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    pub(crate) negative: bool,
    pub(crate) whole: &'a [u8],
    pub(crate) fraction: &'a [u8],
}

impl<'a> Parts<'a> {
    /// `[-+]digits[.digits]`; no exponent.
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let point = rest.iter().position(|b| *b == b'.');
        let (whole, fraction) = match point {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, &[][..]),
        };
        let plain = !whole.is_empty()
            && (point.is_none() || !fraction.is_empty())
            && whole.iter().chain(fraction).all(u8::is_ascii_digit);
        let zeros = whole.iter().take_while(|b| **b == b'0').count();
        plain.then(|| Self { negative, whole: &whole[zeros..], fraction })
    }

    /// Digits after the point that are not zeros at the end.
    pub(crate) fn scale(self) -> usize {
        self.fraction.iter().rposition(|b| *b != b'0').map_or(0, |at| at + 1)
    }

    /// The number times 10^scale, if it has at most `precision` digits and none of them beyond the scale.
    pub(crate) fn scaled(self, precision: u8, scale: u8) -> Option<i128> {
        if self.whole.len() + usize::from(scale) <= DIGITS_IN_U64 {
            // 128-bit multiplication is a function call in a guest; most decimals do without.
            let mut value = 0u64;
            self.each_digit(precision, scale, |digit| value = value * 10 + u64::from(digit))?;
            return Some(if self.negative { -i128::from(value) } else { i128::from(value) });
        }
        let mut value = 0i128;
        self.each_digit(precision, scale, |digit| value = value * 10 + i128::from(digit))?;
        Some(if self.negative { -value } else { value })
    }

    /// As [`Self::scaled`], for up to 76 digits.
    pub(crate) fn scaled_wide(self, precision: u8, scale: u8) -> Option<i256> {
        let ten = i256::from_i128(10);
        let mut value = i256::ZERO;
        self.each_digit(precision, scale, |digit| {
            value = value.wrapping_mul(ten).wrapping_add(i256::from_i128(i128::from(digit)));
        })?;
        Some(if self.negative { value.wrapping_neg() } else { value })
    }

    fn each_digit(self, precision: u8, scale: u8, mut take: impl FnMut(u8)) -> Option<()> {
        let used = self.scale();
        if used > usize::from(scale) || self.whole.len() + usize::from(scale) > usize::from(precision) {
            return None;
        }
        self.whole.iter().chain(&self.fraction[..used]).for_each(|b| take(b - b'0'));
        (used..usize::from(scale)).for_each(|_| take(0));
        Some(())
    }
}

/// A REAL in the shortest decimal digits that read back as the same REAL.
pub(crate) struct Shortest {
    text: [u8; REAL_BYTES],
    length: usize,
}

impl Shortest {
    /// None for infinities.
    pub(crate) fn of(value: f64) -> Option<Self> {
        let mut text = [0; REAL_BYTES];
        let mut rest = &mut text[..];
        if !value.is_finite() || write!(rest, "{value}").is_err() {
            return None;
        }
        let length = REAL_BYTES - rest.len();
        Some(Self { text, length })
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.text[..self.length]
    }
}

/// The digits of a number, at the end of a buffer.
fn digits_of(mut value: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            return &buffer[at..];
        }
    }
}

/// Writes an integer that is a decimal times 10^scale, with its point: (150, 2) is `1.50`.
pub(crate) fn write_scaled(value: i128, scale: u8, out: &mut Vec<u8>) -> std::io::Result<()> {
    let Ok(magnitude) = u64::try_from(value.unsigned_abs()) else {
        return write_decimal(&value.to_string(), scale, out);
    };
    if value < 0 {
        out.push(b'-');
    }
    let mut buffer = [0; 20];
    let digits = digits_of(magnitude, &mut buffer);
    let scale = usize::from(scale);
    match digits.len().checked_sub(scale) {
        _ if scale == 0 => out.extend_from_slice(digits),
        Some(at) if at > 0 => {
            out.extend_from_slice(&digits[..at]);
            out.push(b'.');
            out.extend_from_slice(&digits[at..]);
        }
        _ => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + scale - digits.len(), b'0');
            out.extend_from_slice(digits);
        }
    }
    Ok(())
}

/// As [`write_scaled`], from the digits of an integer of any size.
pub(crate) fn write_decimal(digits: &str, scale: u8, out: &mut impl Write) -> std::io::Result<()> {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let scale = usize::from(scale);
    if scale == 0 {
        return write!(out, "{sign}{digits}");
    }
    match digits.len().checked_sub(scale) {
        Some(at) if at > 0 => write!(out, "{sign}{}.{}", &digits[..at], &digits[at..]),
        _ => write!(out, "{sign}0.{digits:0>scale$}"),
    }
}

/// True for what the contract calls a number: a decimal, or one of three words.
pub(crate) fn is_number(text: &[u8]) -> bool {
    matches!(text, b"NaN" | b"Infinity" | b"-Infinity") || Parts::parse(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_does_not_fit_is_refused() {
        let scaled = |text: &str, p, s| Parts::parse(text.as_bytes()).and_then(|parts| parts.scaled(p, s));
        assert_eq!(scaled("1.5", 10, 2), Some(150));
        assert_eq!(scaled("-0.010", 10, 2), Some(-1));
        assert_eq!(scaled("1.005", 10, 2), None);
        assert_eq!(scaled("12345", 6, 2), None);
        assert_eq!(scaled("0001234", 6, 2), Some(123_400));
        for wrong in ["", ".", "1.", ".5", "1e5", " 1", "--1", "1,5"] {
            assert_eq!(Parts::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn short_and_long_ways_write_the_same(value in prop_oneof![any::<i64>().prop_map(i128::from), any::<i128>()], scale in 0..=38u8) {
            let (mut short, mut long) = (Vec::new(), Vec::new());
            write_scaled(value, scale, &mut short).unwrap();
            write_decimal(&value.to_string(), scale, &mut long).unwrap();
            prop_assert_eq!(short, long);
        }

        #[test]
        fn decimals_come_back(value in -10i128.pow(37)..10i128.pow(37), scale in 0..=30u8) {
            let mut out = Vec::new();
            write_decimal(&value.to_string(), scale, &mut out).unwrap();
            let parts = Parts::parse(&out).unwrap();
            prop_assert_eq!(parts.scaled(38, scale).or_else(|| Parts::parse(&out).unwrap().scaled_wide(76, scale).and_then(i256::to_i128)), Some(value));
        }

        #[test]
        fn shortest_digits_read_back(value in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            let shortest = Shortest::of(value).unwrap();
            prop_assert_eq!(std::str::from_utf8(shortest.text()).unwrap().parse::<f64>().unwrap(), value);
            prop_assert!(Parts::parse(shortest.text()).is_some());
        }
    }
}
