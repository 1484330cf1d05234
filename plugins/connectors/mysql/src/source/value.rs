//! Values of the binary protocol: numbers, decimals, dates and times.
//! Format: "Binary Protocol Resultset" of the MySQL source documentation.

use arrow_buffer::i256;

use crate::connection::packet::Cursor;

/// Why a value cannot be handed on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bad {
    /// The packet makes no sense.
    Protocol,
    /// `2024-00-10`: some part of a date is zero.
    PartialDate,
    /// `2024-02-31`.
    NoSuchDay,
    /// `0000-00-00`, and the configuration refuses it.
    ZeroDate,
    /// A decimal with other digits than its column has.
    Decimal,
    /// A UUID that is none.
    Uuid,
    /// A geometry shorter than its header.
    Geometry,
}

impl Bad {
    /// One sentence for a person.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Protocol => "The server's row does not fit its description: the table may have changed. Plan again.",
            Self::PartialDate => {
                "A date with a zero month or day is no date anywhere else. Correct it, or set zero_dates to null."
            }
            Self::NoSuchDay => "The calendar has no such day (it was stored with ALLOW_INVALID_DATES). Correct it.",
            Self::ZeroDate => {
                "It is the zero date, and zero_dates is set to reject. Correct it, or set zero_dates to null."
            }
            Self::Decimal => "The decimal has other digits than its column: the table may have changed. Plan again.",
            Self::Uuid => "It is no UUID.",
            Self::Geometry => "It is no geometry.",
        }
    }
}

/// A date, or one of its special forms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Date {
    /// Days since 1970-01-01.
    Day(i32),
    Zero,
    Bad(Bad),
}

/// Days of each month, February in a common year.
const MONTHS: [u8; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Days since 1970-01-01 in the proleptic Gregorian calendar.
/// Method: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
pub(crate) fn day(year: u16, month: u8, day: u8) -> Date {
    if year == 0 && month == 0 && day == 0 {
        return Date::Zero;
    }
    if month == 0 || day == 0 {
        return Date::Bad(Bad::PartialDate);
    }
    let Some(&length) = MONTHS.get(usize::from(month) - 1) else { return Date::Bad(Bad::Protocol) };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    if day > length + u8::from(leap && month == 2) {
        return Date::Bad(Bad::NoSuchDay);
    }
    // A year that begins in March: the leap day is its last.
    let year = i32::from(year) - i32::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((i32::from(month) + 9) % 12) + 2) / 5 + i32::from(day) - 1;
    Date::Day(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

const MICROS_OF_SECOND: i64 = 1_000_000;
const MICROS_OF_DAY: i64 = 86_400 * MICROS_OF_SECOND;

/// A DATE: length, then year, month, day.
pub(crate) fn date(bytes: &[u8]) -> Date {
    match *bytes {
        [] => Date::Zero,
        [y, z, month, d] | [y, z, month, d, 0, 0, 0] => day(u16::from_le_bytes([y, z]), month, d),
        _ => Date::Bad(Bad::Protocol),
    }
}

/// A DATETIME or TIMESTAMP: the day, and microseconds of it.
pub(crate) fn datetime(bytes: &[u8]) -> (Date, i64) {
    let (date_part, time_part) = bytes.split_at(bytes.len().min(4));
    let seconds = |h: u8, m: u8, s: u8| (i64::from(h) * 3600 + i64::from(m) * 60 + i64::from(s)) * MICROS_OF_SECOND;
    match *time_part {
        [] => (date(date_part), 0),
        [h, m, s] => (date(date_part), seconds(h, m, s)),
        [h, m, s, a, b, c, d] => (date(date_part), seconds(h, m, s) + i64::from(u32::from_le_bytes([a, b, c, d]))),
        _ => (Date::Bad(Bad::Protocol), 0),
    }
}

/// Microseconds since 1970-01-01T00:00:00.
pub(crate) fn micros(day: i32, of_day: i64) -> i64 {
    i64::from(day) * MICROS_OF_DAY + of_day
}

/// A TIME reaches 838:59:59.
const MAX_TIME_DAYS: u32 = 34;

/// A TIME, in microseconds.
pub(crate) fn time(bytes: &[u8]) -> Result<i64, Bad> {
    let (sign, rest) = match bytes {
        [] => return Ok(0),
        [sign, rest @ ..] => (*sign, rest),
    };
    let mut cursor = Cursor(rest);
    let mut read = || {
        let days = cursor.u32()?;
        if days > MAX_TIME_DAYS {
            return Ok(None);
        }
        let (h, m, s) = (cursor.u8()?, cursor.u8()?, cursor.u8()?);
        let micros = if cursor.0.is_empty() { 0 } else { cursor.u32()? };
        let seconds = i64::from(days) * 86_400 + i64::from(h) * 3600 + i64::from(m) * 60 + i64::from(s);
        Ok::<_, sensei_sdk::Error>(Some(seconds * MICROS_OF_SECOND + i64::from(micros)))
    };
    let micros = read().ok().flatten().ok_or(Bad::Protocol)?;
    Ok(if sign == 0 { micros } else { -micros })
}

/// A decimal's digits without its point, which must stand before the last `scale` digits.
#[inline]
pub(crate) fn decimal(text: &[u8], scale: usize) -> Result<i128, Bad> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (whole, fraction) = split_point(digits, scale)?;
    // 18 digits fit 64 bits: most decimals do.
    let value = if digits.len() <= 19 {
        let mut value = 0_u64;
        for &digit in whole.iter().chain(fraction) {
            value = value * 10 + u64::from(digit_value(digit)?);
        }
        i128::from(value)
    } else {
        let mut value = 0_i128;
        for &digit in whole.iter().chain(fraction) {
            value = value
                .checked_mul(10)
                .and_then(|v| v.checked_add(i128::from(digit_value(digit).unwrap_or(10))))
                .ok_or(Bad::Decimal)?;
            digit_value(digit)?;
        }
        value
    };
    Ok(if negative { -value } else { value })
}

fn digit_value(digit: u8) -> Result<u8, Bad> {
    let value = digit.wrapping_sub(b'0');
    if value < 10 { Ok(value) } else { Err(Bad::Decimal) }
}

fn split_point(digits: &[u8], scale: usize) -> Result<(&[u8], &[u8]), Bad> {
    if scale == 0 {
        return if digits.is_empty() { Err(Bad::Decimal) } else { Ok((digits, &[])) };
    }
    let at = digits.len().checked_sub(scale + 1).ok_or(Bad::Decimal)?;
    let (whole, rest) = digits.split_at(at);
    match rest {
        [b'.', fraction @ ..] => Ok((whole, fraction)),
        _ => Err(Bad::Decimal),
    }
}

/// As [`decimal`], for columns of more than 38 digits.
pub(crate) fn wide_decimal(text: &[u8], scale: usize) -> Result<i256, Bad> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (whole, fraction) = split_point(digits, scale)?;
    let ten = i256::from_i128(10);
    let mut value = i256::ZERO;
    for &digit in whole.iter().chain(fraction) {
        // 76 digits is the most that fits.
        value = value
            .checked_mul(ten)
            .and_then(|v| v.checked_add(i256::from_i128(i128::from(digit_value(digit).ok()?))))
            .ok_or(Bad::Decimal)?;
    }
    Ok(if negative { value.wrapping_neg() } else { value })
}

/// A UUID's bytes from its 36 characters.
pub(crate) fn uuid(text: &[u8]) -> Result<[u8; 16], Bad> {
    let mut out = [0; 16];
    let mut digits = 0;
    for (at, &c) in text.iter().enumerate() {
        if c == b'-' && matches!(at, 8 | 13 | 18 | 23) {
            continue;
        }
        let value = char::from(c).to_digit(16).ok_or(Bad::Uuid)? as u8;
        *out.get_mut(digits / 2).ok_or(Bad::Uuid)? |= value << (4 * (1 - digits % 2));
        digits += 1;
    }
    if digits == 32 { Ok(out) } else { Err(Bad::Uuid) }
}

/// Appends a geometry (4 bytes of SRID, then WKB) as WKB, or as EWKB when it has an SRID.
pub(crate) fn geometry(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Bad> {
    /// PostGIS's flag in the geometry's type: an SRID follows.
    const HAS_SRID: u32 = 0x2000_0000;
    let (srid, wkb) = bytes.split_first_chunk::<4>().ok_or(Bad::Geometry)?;
    if u32::from_le_bytes(*srid) == 0 {
        out.extend_from_slice(wkb);
        return Ok(());
    }
    // The server stores little-endian WKB, whatever came in.
    let ([1, kind @ ..], rest) = wkb.split_first_chunk::<5>().ok_or(Bad::Geometry)? else {
        return Err(Bad::Geometry);
    };
    out.push(1);
    out.extend_from_slice(&(u32::from_le_bytes(*kind) | HAS_SRID).to_le_bytes());
    out.extend_from_slice(srid);
    out.extend_from_slice(rest);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn days() {
        assert_eq!(day(1970, 1, 1), Date::Day(0));
        assert_eq!(day(2000, 2, 29), Date::Day(11_016));
        assert_eq!(day(1, 1, 1), Date::Day(-719_162));
        assert_eq!(day(9999, 12, 31), Date::Day(2_932_896));
        assert_eq!(day(0, 0, 0), Date::Zero);
        assert_eq!(day(2024, 0, 10), Date::Bad(Bad::PartialDate));
        assert_eq!(day(2023, 2, 29), Date::Bad(Bad::NoSuchDay));
        assert_eq!(day(2023, 13, 1), Date::Bad(Bad::Protocol));
    }

    #[test]
    fn days_follow_each_other() {
        let mut expected = -719_162;
        for year in 1..=2400 {
            for month in 1..=12 {
                for d in 1..=31 {
                    match day(year, month, d) {
                        Date::Day(found) => {
                            assert_eq!(found, expected, "{year}-{month}-{d}");
                            expected += 1;
                        }
                        Date::Bad(bad) => assert_eq!(bad, Bad::NoSuchDay),
                        Date::Zero => panic!("{year}-{month}-{d} is not zero"),
                    }
                }
            }
        }
    }

    #[test]
    fn times_and_timestamps() {
        assert_eq!(time(&[]), Ok(0));
        assert_eq!(time(&[1, 34, 0, 0, 0, 22, 59, 59]), Ok(-(838 * 3600 + 59 * 60 + 59) * 1_000_000));
        assert_eq!(time(&[0, 0, 0, 0, 0, 0, 0, 1, 7, 0, 0, 0]), Ok(1_000_007));
        assert_eq!(time(&[0, 0]), Err(Bad::Protocol));
        assert_eq!(datetime(&[0xb2, 7, 1, 1]), (Date::Day(0), 0));
        assert_eq!(datetime(&[0xb2, 7, 1, 2, 0, 0, 1, 9, 0, 0, 0]), (Date::Day(1), 1_000_009));
        assert_eq!(datetime(&[]), (Date::Zero, 0));
    }

    #[test]
    fn decimals() {
        assert_eq!(decimal(b"-0.50", 2), Ok(-50));
        assert_eq!(decimal(b"00012.30", 2), Ok(1230));
        assert_eq!(decimal(b"99999999999999999999999999999999999999", 0), Ok(10_i128.pow(38) - 1));
        assert_eq!(decimal(b"1.5", 2), Err(Bad::Decimal));
        assert_eq!(decimal(b"1x", 0), Err(Bad::Decimal));
        assert_eq!(decimal(b"", 0), Err(Bad::Decimal));
        let nines = i256::from_string(&"9".repeat(65)).unwrap();
        assert_eq!(
            wide_decimal(format!("-{}.{}", "9".repeat(35), "9".repeat(30)).as_bytes(), 30),
            Ok(nines.wrapping_neg())
        );
    }

    proptest! {
        #[test]
        fn decimals_come_back(value in any::<i64>(), scale in 0_usize..18) {
            let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            let sign = if value < 0 { "-" } else { "" };
            let text = if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") };
            assert_eq!(decimal(text.as_bytes(), scale), Ok(i128::from(value)));
            assert_eq!(wide_decimal(text.as_bytes(), scale), Ok(i256::from_i128(i128::from(value))));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..30), scale in 0_usize..30) {
            let _ = (decimal(&bytes, scale), wide_decimal(&bytes, scale), time(&bytes), datetime(&bytes), uuid(&bytes));
            let _ = geometry(&mut Vec::new(), &bytes);
        }
    }

    #[test]
    fn uuids_and_geometries() {
        assert_eq!(uuid(b"00112233-4455-6677-8899-aabbccddeeff").unwrap()[15], 0xff);
        assert_eq!(uuid(b"0011"), Err(Bad::Uuid));
        let mut out = Vec::new();
        geometry(&mut out, &[0, 0, 0, 0, 1, 1, 0, 0, 0, 9]).unwrap();
        assert_eq!(out, [1, 1, 0, 0, 0, 9]);
        out.clear();
        geometry(&mut out, &[0xe6, 0x10, 0, 0, 1, 1, 0, 0, 0, 9]).unwrap();
        assert_eq!(out, [1, 1, 0, 0, 0x20, 0xe6, 0x10, 0, 0, 9]);
    }
}
