//! `numeric`: groups of four decimal digits (`numeric_send` in `numeric.c`): group count, weight of the first group,
//! sign, digits to show after the point, groups. No float is ever involved.

use arrow_buffer::i256;

use super::{MALFORMED, Refused, Value};

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const MINUS_INFINITY: u16 = 0xF000;

/// Ten to the power of the index, as far as 64 bits go.
const POWERS: [u64; 20] = {
    let mut powers = [1; 20];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

const NOT_A_NUMBER: Refused =
    Refused("NaN and Infinity have no decimal form; transform the column to text or a float in the plan");
const TOO_WIDE: Refused = Refused("the number has more digits than its column declares");
const TOO_FINE: Refused = Refused("the number has more digits after the point than the column holds");
const NO_NUMBER: Refused = Refused("the text is no decimal number");
const TOO_LONG: Refused =
    Refused("the number has more digits than PostgreSQL can hold (131072 before the point, 16383 after it)");

struct Wire<'a> {
    groups: &'a [u8],
    weight: i32,
    sign: u16,
    scale: usize,
}

fn wire(bytes: &[u8]) -> Value<Wire<'_>> {
    let (head, groups) = bytes.split_first_chunk::<8>().ok_or(MALFORMED)?;
    let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    if groups.len() != usize::from(word(0)) * 2 {
        return Err(MALFORMED);
    }
    Ok(Wire { groups, weight: i32::from(word(2) as i16), sign: word(4), scale: usize::from(word(6)) })
}

/// The value times ten to `scale`, exactly.
#[inline]
pub(crate) fn to_i128(bytes: &[u8], scale: u8) -> Value<i128> {
    let w = wire(bytes)?;
    if w.sign & NAN == NAN {
        return Err(NOT_A_NUMBER);
    }
    let count = w.groups.len() / 2;
    // The last group stands for its value times ten to this, in units of the result.
    let shift = 4 * (w.weight - count as i32 + 1) + i32::from(scale);
    let magnitude = if count == 0 {
        0
    } else if shift >= -3 && 4 * count as i32 + shift.max(0) <= 19 {
        // Nearly every number that people store: 19 digits fit 64 bits.
        let mut value = 0u64;
        for group in w.groups.chunks_exact(2) {
            value = value * 10_000 + u64::from(u16::from_be_bytes([group[0], group[1]]));
        }
        let (scaled, lost) = match shift {
            -3 => (value / 1000, value % 1000),
            -2 => (value / 100, value % 100),
            -1 => (value / 10, value % 10),
            up => (value * POWERS[up as usize], 0),
        };
        if lost != 0 {
            return Err(TOO_FINE);
        }
        u128::from(scaled)
    } else {
        magnitude(&w, scale)?
    };
    let signed = i128::try_from(magnitude).map_err(|_| TOO_WIDE)?;
    Ok(if w.sign == NEGATIVE { -signed } else { signed })
}

/// The general way: as many digits as 128 bits hold.
fn magnitude(w: &Wire<'_>, scale: u8) -> Value<u128> {
    let mut value = 0u128;
    // What the group at hand counts, as a power of ten in units of the result.
    let mut exponent = 4 * (w.weight + 1) + i32::from(scale);
    let mut pending = 0;
    for group in w.groups.chunks_exact(2) {
        exponent -= 4;
        let group = u128::from(u16::from_be_bytes([group[0], group[1]]));
        // How many of the group's four digits the result still has.
        let kept = (4 + exponent).clamp(0, 4) as u32;
        let cut = 10u128.pow(4 - kept);
        if group % cut != 0 {
            return Err(TOO_FINE);
        }
        let shifted = if value == 0 { Some(0) } else { value.checked_mul(10u128.pow(kept)) };
        value = shifted.and_then(|v| v.checked_add(group / cut)).ok_or(TOO_WIDE)?;
        pending = exponent.max(0);
    }
    if value == 0 {
        return Ok(0);
    }
    10u128.checked_pow(pending.unsigned_abs()).and_then(|p| value.checked_mul(p)).ok_or(TOO_WIDE)
}

/// As [`to_i128`], for up to 76 digits. `scratch` is reused.
pub(crate) fn to_i256(bytes: &[u8], scale: u8, scratch: &mut Vec<u8>) -> Value<i256> {
    scratch.clear();
    to_text(bytes, scratch)?;
    if !scratch.last().is_some_and(u8::is_ascii_digit) {
        return Err(NOT_A_NUMBER);
    }
    let point = scratch.iter().position(|b| *b == b'.');
    let fraction = point.map_or(0, |p| scratch.len() - p - 1);
    if let Some(point) = point {
        scratch.remove(point);
    }
    let wanted = usize::from(scale);
    if fraction > wanted {
        let keep = scratch.len() - (fraction - wanted);
        if scratch[keep..].iter().any(|b| *b != b'0') {
            return Err(TOO_FINE);
        }
        scratch.truncate(keep);
    } else {
        scratch.resize(scratch.len() + wanted - fraction, b'0');
    }
    std::str::from_utf8(scratch).ok().and_then(i256::from_string).ok_or(TOO_WIDE)
}

/// Canonical text: sign, digits, point, all digits of the display scale; or `NaN`, `Infinity`, `-Infinity`.
pub(crate) fn to_text(bytes: &[u8], out: &mut Vec<u8>) -> Value<()> {
    let w = wire(bytes)?;
    match w.sign {
        NAN => out.extend_from_slice(b"NaN"),
        INFINITY => out.extend_from_slice(b"Infinity"),
        MINUS_INFINITY => out.extend_from_slice(b"-Infinity"),
        0 | NEGATIVE => {
            if w.sign == NEGATIVE {
                out.push(b'-');
            }
            let group = |at: i32| {
                let at = 2 * usize::try_from(at).ok()?;
                Some(u16::from_be_bytes([*w.groups.get(at)?, *w.groups.get(at + 1)?]))
            };
            if w.weight < 0 {
                out.push(b'0');
            }
            for at in 0..=w.weight {
                let digits = four_digits(group(at).unwrap_or(0));
                let skip = if at == 0 { digits.iter().take(3).take_while(|d| **d == b'0').count() } else { 0 };
                out.extend_from_slice(&digits[skip..]);
            }
            if w.scale > 0 {
                out.push(b'.');
                let end = out.len() + w.scale;
                for at in (w.weight + 1..).take(w.scale.div_ceil(4)) {
                    out.extend_from_slice(&four_digits(group(at).unwrap_or(0)));
                }
                out.truncate(end);
            }
        }
        _ => return Err(MALFORMED),
    }
    Ok(())
}

fn four_digits(group: u16) -> [u8; 4] {
    let digit = |d: u16| b'0' + (d % 10) as u8;
    [digit(group / 1000), digit(group / 100), digit(group / 10), digit(group)]
}

/// Writes one field: its length and its value.
#[inline]
pub(crate) fn put_i128(value: i128, scale: u8, out: &mut Vec<u8>) {
    // 39 digits and up to three of padding: eleven groups, least significant first.
    let mut groups = [0u16; 11];
    let mut count = 0;
    let scale = usize::from(scale);
    let pad = (4 - scale % 4) % 4;
    let mut push = |group: u64| {
        groups[count] = group as u16;
        count += 1;
    };
    let magnitude = value.unsigned_abs();
    if let Ok(small) = u64::try_from(magnitude)
        && small < u64::MAX / 1000
    {
        let mut rest = small * POWERS[pad];
        while rest != 0 {
            push(rest % 10_000);
            rest /= 10_000;
        }
    } else {
        let mut rest = magnitude;
        if pad > 0 {
            let cut = u128::from(POWERS[4 - pad]);
            push((rest % cut) as u64 * POWERS[pad]);
            rest /= cut;
        }
        while rest != 0 {
            push((rest % 10_000) as u64);
            rest /= 10_000;
        }
    }
    let trailing = groups[..count].iter().take_while(|g| **g == 0).count();
    let kept = &groups[trailing..count];
    let weight = if kept.is_empty() { 0 } else { count as i32 - 1 - ((scale + pad) / 4) as i32 };
    let mut field = [0u8; 12 + 22];
    field[..4].copy_from_slice(&(8 + 2 * kept.len() as u32).to_be_bytes());
    field[4..6].copy_from_slice(&(kept.len() as u16).to_be_bytes());
    field[6..8].copy_from_slice(&(weight as i16).to_be_bytes());
    field[8..10].copy_from_slice(&(if value < 0 { NEGATIVE } else { 0 }).to_be_bytes());
    field[10..12].copy_from_slice(&(scale as u16).to_be_bytes());
    for (place, group) in field[12..].chunks_exact_mut(2).zip(kept.iter().rev()) {
        place.copy_from_slice(&group.to_be_bytes());
    }
    out.extend_from_slice(&field[..12 + 2 * kept.len()]);
}

/// Writes one field from canonical text.
pub(crate) fn put_text(text: &[u8], out: &mut Vec<u8>) -> Value<()> {
    let special = match text {
        b"NaN" => Some(NAN),
        b"Infinity" => Some(INFINITY),
        b"-Infinity" => Some(MINUS_INFINITY),
        _ => None,
    };
    if let Some(sign) = special {
        out.extend_from_slice(&8u32.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&sign.to_be_bytes());
        out.extend_from_slice(&[0; 2]);
        return Ok(());
    }
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let point = digits.iter().position(|b| *b == b'.').unwrap_or(digits.len());
    let (whole, fraction) = (&digits[..point], digits.get(point + 1..).unwrap_or_default());
    if whole.len() + fraction.len() == 0 || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return Err(NO_NUMBER);
    }
    let whole = &whole[whole.iter().take_while(|b| **b == b'0').count()..];
    if whole.len() > 131_072 || fraction.len() > 16_383 {
        return Err(TOO_LONG);
    }
    let lead = whole.len().div_ceil(4);
    let total = lead + fraction.len().div_ceil(4);
    let digit = |from: &[u8], at: Option<usize>| at.and_then(|at| from.get(at)).map_or(0, |b| u16::from(b - b'0'));
    let group = |at: usize| {
        (0..4).fold(0, |value, place| {
            let next = if at < lead {
                digit(whole, (4 * at + place + whole.len()).checked_sub(4 * lead))
            } else {
                digit(fraction, Some(4 * (at - lead) + place))
            };
            value * 10 + next
        })
    };
    let first = (0..total).find(|at| group(*at) != 0).unwrap_or(total);
    let last = (first..total).rev().find(|at| group(*at) != 0).map_or(first, |at| at + 1);
    let count = last - first;
    let weight = if count == 0 { 0 } else { lead as i32 - 1 - first as i32 };
    out.extend_from_slice(&(8 + 2 * count as u32).to_be_bytes());
    for word in
        [count as u16, weight as i16 as u16, if negative && count > 0 { NEGATIVE } else { 0 }, fraction.len() as u16]
    {
        out.extend_from_slice(&word.to_be_bytes());
    }
    for at in first..last {
        out.extend_from_slice(&group(at).to_be_bytes());
    }
    Ok(())
}

/// What a `numeric(p, s)` column holds; the server would round silently to its scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) precision: u16,
    pub(crate) scale: i16,
}

impl Limit {
    /// From `atttypmod`; none is unlimited.
    pub(crate) fn from_modifier(modifier: i32) -> Option<Self> {
        let packed = modifier.checked_sub(4).filter(|m| *m >= 0)?;
        // Eleven bits of signed scale (since PostgreSQL 15; before it they are never negative).
        Some(Self { precision: (packed >> 16) as u16, scale: (((packed & 0x7ff) ^ 1024) - 1024) as i16 })
    }
}

/// Whether `value`, of `scale`, has no digit beyond `limit`.
#[inline]
pub(crate) fn fits_i128(value: i128, scale: u8, limit: Option<Limit>) -> Value<()> {
    match limit {
        Some(limit) if i16::from(scale) > limit.scale => {
            let surplus = (i16::from(scale) - limit.scale) as u32;
            match 10i128.checked_pow(surplus) {
                Some(power) if value % power == 0 => Ok(()),
                None if value == 0 => Ok(()),
                Some(_) | None => Err(TOO_FINE),
            }
        }
        Some(_) | None => Ok(()),
    }
}

/// As [`fits_i128`] for canonical text.
pub(crate) fn fits_text(text: &[u8], limit: Option<Limit>) -> Value<()> {
    let Some(limit) = limit else { return Ok(()) };
    let point = text.iter().position(|b| *b == b'.').unwrap_or(text.len());
    let fraction = text.get(point + 1..).unwrap_or_default();
    let beyond: &[u8] = match usize::try_from(limit.scale) {
        Ok(scale) => fraction.get(scale..).unwrap_or_default(),
        Err(_) => {
            let zeros = usize::from(limit.scale.unsigned_abs());
            let whole = &text[..point];
            if whole[whole.len().saturating_sub(zeros)..].iter().any(|b| matches!(b, b'1'..=b'9')) {
                return Err(TOO_FINE);
            }
            fraction
        }
    };
    if beyond.iter().any(|b| matches!(b, b'1'..=b'9')) { Err(TOO_FINE) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        put_text(text.as_bytes(), &mut out).unwrap();
        assert_eq!(out.len() - 4, u32::from_be_bytes(out[..4].try_into().unwrap()) as usize);
        out.split_off(4)
    }

    fn text(wire: &[u8]) -> String {
        let mut out = Vec::new();
        to_text(wire, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn decimal(value: i128, scale: u8) -> String {
        let digits = format!("{:0width$}", value.unsigned_abs(), width = usize::from(scale) + 1);
        let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
        let sign = if value < 0 { "-" } else { "" };
        if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }

    #[test]
    fn known_forms() {
        // What `numeric_send` gives for these, read from a server.
        assert_eq!(field("1.50"), [0, 2, 0, 0, 0, 0, 0, 2, 0, 1, 0x13, 0x88]);
        assert_eq!(field("-12345.678"), [0, 3, 0, 1, 0x40, 0, 0, 3, 0, 1, 0x09, 0x29, 0x1a, 0x7c]);
        assert_eq!(field("0"), [0; 8]);
        assert_eq!(field("0.0001"), [0, 1, 0xff, 0xff, 0, 0, 0, 4, 0, 1]);
        assert_eq!(field("10000"), [0, 1, 0, 1, 0, 0, 0, 0, 0, 1]);
        for same in ["NaN", "Infinity", "-Infinity", "0.00", "1e".trim_end_matches('e'), "100000000", "0.000000000001"]
        {
            assert_eq!(text(&field(same)), same);
        }
    }

    #[test]
    fn nothing_is_rounded() {
        assert_eq!(to_i128(&field("1.55"), 1), Err(TOO_FINE));
        assert_eq!(to_i128(&field("1.50"), 1), Ok(15));
        assert_eq!(to_i128(&field("NaN"), 1), Err(NOT_A_NUMBER));
        assert_eq!(to_i128(&field(&"9".repeat(40)), 0), Err(TOO_WIDE));
        let limit = Limit::from_modifier(((10 << 16) | 2) + 4);
        assert_eq!(limit, Some(Limit { precision: 10, scale: 2 }));
        assert_eq!(fits_i128(1_500, 3, limit), Ok(()));
        assert_eq!(fits_i128(1_501, 3, limit), Err(TOO_FINE));
        assert_eq!(fits_text(b"1.500", limit), Ok(()));
        assert_eq!(fits_text(b"1.501", limit), Err(TOO_FINE));
        let coarse = Limit::from_modifier(((5 << 16) | (0x7ff & -3i32)) + 4);
        assert_eq!(coarse, Some(Limit { precision: 5, scale: -3 }));
        assert_eq!(fits_text(b"5000", coarse), Ok(()));
        assert_eq!(fits_text(b"5100", coarse), Err(TOO_FINE));
        assert_eq!(put_text(b"1e5", &mut vec![]), Err(NO_NUMBER));
        assert_eq!(put_text(b"", &mut vec![]), Err(NO_NUMBER));
    }

    proptest! {
        #[test]
        fn i128_there_and_back(value in any::<i128>(), shrink in 0u32..127, scale in 0u8..=38) {
            let value = value >> shrink;
            prop_assume!(value.unsigned_abs() < 10u128.pow(38));
            let mut out = Vec::new();
            put_i128(value, scale, &mut out);
            let wire = &out[4..];
            prop_assert_eq!(to_i128(wire, scale), Ok(value));
            prop_assert_eq!(text(wire), decimal(value, scale));
            prop_assert_eq!(wire, &field(&decimal(value, scale))[..]);
            let wide = to_i256(wire, scale, &mut vec![]).unwrap();
            prop_assert_eq!(wide, i256::from_i128(value));
        }

        #[test]
        fn text_there_and_back(number in "-?(0|[1-9][0-9]{0,60})(\\.[0-9]{1,40})?") {
            prop_assume!(!number.starts_with('-') || number.bytes().any(|b| matches!(b, b'1'..=b'9')));
            prop_assert_eq!(text(&field(&number)), number);
        }

        #[test]
        fn any_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40), scale in 0u8..=38) {
            let _ = to_i128(&bytes, scale);
            let _ = to_i256(&bytes, scale, &mut vec![]);
            let _ = to_text(&bytes, &mut vec![]);
        }
    }
}
