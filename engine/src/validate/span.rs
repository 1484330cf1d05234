//! Spans of time that systems without a type for them keep as ISO 8601 text.

/// Nanoseconds of an hour, a minute and a second.
const HOUR: i128 = 3_600_000_000_000;
const MINUTE: i128 = 60_000_000_000;
const SECOND: i128 = 1_000_000_000;

/// Months, days and nanoseconds: none of them says how long the others are.
pub(super) type Span = (i128, i128, i128);

/// Reads `P1Y2M-3DT4H5M6.789S`; none where it is none.
pub(super) fn parse(text: &str) -> Option<Span> {
    let (negative, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (mut months, mut days, mut nanos) = (0, 0, 0);
    let mut number = String::new();
    let mut time = false;
    for character in rest.strip_prefix('P')?.chars() {
        if matches!(character, '0'..='9' | '-' | '+' | '.') {
            number.push(character);
            continue;
        }
        let (sum, unit) = match (time, character) {
            (false, 'T') if number.is_empty() => {
                time = true;
                continue;
            }
            (false, 'Y') => (&mut months, 12),
            (false, 'M') => (&mut months, 1),
            (false, 'W') => (&mut days, 7),
            (false, 'D') => (&mut days, 1),
            (true, 'H') => (&mut nanos, HOUR),
            (true, 'M') => (&mut nanos, MINUTE),
            (true, 'S') => (&mut nanos, SECOND),
            (_, _) => return None,
        };
        *sum += scaled(&std::mem::take(&mut number), unit)?;
    }
    number.is_empty().then_some((months * negative, days * negative, nanos * negative))
}

/// A decimal number of units, which must be whole.
fn scaled(text: &str, unit: i128) -> Option<i128> {
    let (negative, digits, exponent) = crate::expression::spelled(text)?;
    let digits: i128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    let power = 10_i128.checked_pow(u32::try_from(exponent.unsigned_abs()).ok()?)?;
    let product = digits.checked_mul(unit)?;
    let value =
        if exponent < 0 { (product % power == 0).then_some(product / power)? } else { product.checked_mul(power)? };
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_they_are_written() {
        assert_eq!(parse("P1Y2M-3DT4H5M6.789S"), Some((14, -3, 4 * HOUR + 5 * MINUTE + 6_789_000_000)));
        assert_eq!(parse("PT-838H-59M-59S"), Some((0, 0, -(838 * HOUR + 59 * MINUTE + 59 * SECOND))));
        assert_eq!((parse("PT0S"), parse("P2W")), (Some((0, 0, 0)), Some((0, 14, 0))));
        for none in ["", "1 day", "P1", "PT1Y", "P1DT1.5", "P1.5M", "PxD"] {
            assert_eq!(parse(none), None, "{none}");
        }
    }
}
