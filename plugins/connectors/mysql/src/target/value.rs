//! Values as text that the server reads back exactly, or the reason why it cannot.

use arrow_array::types::IntervalMonthDayNano;

const MICROS_OF_SECOND: u64 = 1_000_000;
const MICROS_OF_DAY: i64 = 86_400 * 1_000_000;

/// Appends a number of two digits.
fn two(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&[b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]);
}

/// Appends a finite number so that the server reads the same one.
pub(crate) fn float(out: &mut Vec<u8>, value: f64) -> Result<(), &'static str> {
    if !value.is_finite() {
        return Err(
            "The server has no NaN and no infinity; the policies `nan` and `infinity` say what takes their place.",
        );
    }
    // The shortest digits that make this number, with an exponent.
    out.extend_from_slice(format!("{value:e}").as_bytes());
    Ok(())
}

/// Appends a decimal of `scale` digits after the point.
pub(crate) fn decimal(out: &mut Vec<u8>, value: i128, scale: usize) {
    match i64::try_from(value) {
        Ok(small) => digits(out, itoa::Buffer::new().format(small), scale),
        Err(_) => digits(out, itoa::Buffer::new().format(value), scale),
    }
}

/// Appends digits with a point before the last `scale` of them.
pub(crate) fn digits(out: &mut Vec<u8>, text: &str, scale: usize) {
    let digits = match text.strip_prefix('-') {
        Some(digits) => {
            out.push(b'-');
            digits.as_bytes()
        }
        None => text.as_bytes(),
    };
    if scale == 0 {
        return out.extend_from_slice(digits);
    }
    if let Some(whole) = digits.len().checked_sub(scale).filter(|w| *w > 0) {
        out.extend_from_slice(&digits[..whole]);
        out.push(b'.');
        out.extend_from_slice(&digits[whole..]);
    } else {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + scale - digits.len(), b'0');
        out.extend_from_slice(digits);
    }
}

/// A number's text, if a decimal of so many digits before and after the point holds it exactly. The server would round
/// what is too long, and only remark on it.
pub(crate) fn number(text: &str, whole: usize, fraction: usize) -> Result<&[u8], &'static str> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (before, after) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if before.is_empty() && after.is_empty() || !digits(before) || !digits(after) {
        return Err("It is no number that a decimal holds.");
    }
    let needless = after.len() - after.trim_end_matches('0').len();
    if before.trim_start_matches('0').len() > whole || after.len() - needless > fraction {
        return Err("It has more digits than the decimal.");
    }
    // Zeros beyond the scale say nothing.
    let excess = after.len().saturating_sub(fraction);
    Ok(&text.as_bytes()[..text.len() - excess])
}

/// A geometry as the server keeps it: SRID, byte order and type, the rest.
type Stored<'a> = ([u8; 4], [u8; 5], &'a [u8]);

/// From (E)WKB.
pub(crate) fn geometry(bytes: &[u8]) -> Result<Stored<'_>, &'static str> {
    /// PostGIS's flag in the geometry's type: an SRID follows.
    const HAS_SRID: u32 = 0x2000_0000;
    /// Its flags of further dimensions, and where ISO's types of those begin.
    const MORE_DIMENSIONS: u32 = 0xc000_0000;
    const ISO_DIMENSIONS: u32 = 1_000;
    const SHORT: &str = "It is no geometry.";
    let ([order, kind @ ..], rest) = bytes.split_first_chunk::<5>().ok_or(SHORT)?;
    if *order != 1 {
        return Err("A geometry of big-endian bytes: the connector takes little-endian ones.");
    }
    let kind = u32::from_le_bytes(*kind);
    if kind & MORE_DIMENSIONS != 0 || kind & !HAS_SRID >= ISO_DIMENSIONS {
        return Err("The server holds geometries of two dimensions.");
    }
    let (srid, rest) = if kind & HAS_SRID == 0 {
        ([0; 4], rest)
    } else {
        let (srid, rest) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
        (*srid, rest)
    };
    let [a, b, c, d] = (kind & !HAS_SRID).to_le_bytes();
    Ok((srid, [1, a, b, c, d], rest))
}

/// Appends a UUID's 36 characters.
pub(crate) fn uuid(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// Appends a day. Method: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
fn day(out: &mut Vec<u8>, days: i64) -> Result<(), &'static str> {
    /// 0000-01-01 and 9999-12-31.
    const FIRST: i64 = -719_528;
    const LAST: i64 = 2_932_896;
    if !(FIRST..=LAST).contains(&days) {
        return Err("The server has days from 0000-01-01 to 9999-12-31 only.");
    }
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = (year_of_era + era * 400 + i64::from(month <= 2)) as u64;
    two(out, year / 100);
    two(out, year % 100);
    out.push(b'-');
    two(out, month as u64);
    out.push(b'-');
    two(out, day as u64);
    Ok(())
}

const INFINITE: &str = "The server has no infinite date; the policy `far_dates` says what takes its place.";

/// Appends a date.
pub(crate) fn date(out: &mut Vec<u8>, days: i32) -> Result<(), &'static str> {
    match days {
        i32::MIN | i32::MAX => Err(INFINITE),
        // The contract's zero date.
        days if days == i32::MIN + 1 => {
            out.extend_from_slice(b"0000-00-00");
            Ok(())
        }
        days => day(out, i64::from(days)),
    }
}

/// Appends a year of four digits.
pub(crate) fn year(out: &mut Vec<u8>, year: i16) -> Result<(), &'static str> {
    if year != 0 && !(1901..=2155).contains(&year) {
        return Err("A YEAR is 0 or from 1901 to 2155.");
    }
    two(out, year as u64 / 100);
    two(out, year as u64 % 100);
    Ok(())
}

/// Appends hours, minutes and seconds.
fn clock(out: &mut Vec<u8>, micros: u64) {
    let seconds = micros / MICROS_OF_SECOND;
    let hours = seconds / 3600;
    if hours >= 100 {
        out.push(b'0' + (hours / 100) as u8);
    }
    two(out, hours % 100);
    out.push(b':');
    two(out, seconds / 60 % 60);
    out.push(b':');
    two(out, seconds % 60);
    let micros = micros % MICROS_OF_SECOND;
    if micros > 0 {
        out.push(b'.');
        two(out, micros / 10_000);
        two(out, micros / 100 % 100);
        two(out, micros % 100);
    }
}

/// Appends a timestamp.
pub(crate) fn timestamp(out: &mut Vec<u8>, micros: i64) -> Result<(), &'static str> {
    match micros {
        i64::MIN | i64::MAX => return Err(INFINITE),
        micros if micros == i64::MIN + 1 => {
            out.extend_from_slice(b"0000-00-00 00:00:00");
            return Ok(());
        }
        micros => day(out, micros.div_euclid(MICROS_OF_DAY))?,
    }
    out.push(b' ');
    clock(out, micros.rem_euclid(MICROS_OF_DAY) as u64);
    Ok(())
}

/// Appends a time of day or a span.
pub(crate) fn time(out: &mut Vec<u8>, micros: i64) -> Result<(), &'static str> {
    /// 838:59:59.999999: MariaDB's most. MySQL ends at the full second, and says so itself.
    const MOST: u64 = (838 * 3600 + 59 * 60 + 59) * MICROS_OF_SECOND + 999_999;
    if micros.unsigned_abs() > MOST {
        return Err("The server has times from -838:59:59 to 838:59:59 only.");
    }
    if micros < 0 {
        out.push(b'-');
    }
    clock(out, micros.unsigned_abs());
    Ok(())
}

/// Appends an interval as ISO 8601 text, each part with its own sign.
pub(crate) fn interval(out: &mut Vec<u8>, value: IntervalMonthDayNano) {
    let (years, months) = (value.months / 12, value.months % 12);
    let micros = value.nanoseconds / 1000;
    let mut text = String::from("P");
    for (number, unit) in [(years, 'Y'), (months, 'M'), (value.days, 'D')] {
        if number != 0 {
            text.push_str(&format!("{number}{unit}"));
        }
    }
    let sign = if micros < 0 { "-" } else { "" };
    let (seconds, micros) = (micros.unsigned_abs() / MICROS_OF_SECOND, micros.unsigned_abs() % MICROS_OF_SECOND);
    let mut clock = String::new();
    for (number, unit) in [(seconds / 3600, 'H'), (seconds / 60 % 60, 'M')] {
        if number != 0 {
            clock.push_str(&format!("{sign}{number}{unit}"));
        }
    }
    if micros > 0 {
        let fraction = format!("{micros:06}");
        clock.push_str(&format!("{sign}{}.{}S", seconds % 60, fraction.trim_end_matches('0')));
    } else if seconds % 60 != 0 || text == "P" && clock.is_empty() {
        clock.push_str(&format!("{sign}{}S", seconds % 60));
    }
    if !clock.is_empty() {
        text.push('T');
        text.push_str(&clock);
    }
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;
    use crate::source::value as read;

    fn text(put: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        put(&mut out);
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn days_come_back(days in -719_528_i32..=2_932_896) {
            let text = text(|o| date(o, days).unwrap());
            let part = |from: usize, to: usize| text[from..to].parse::<u16>().unwrap();
            let back = read::day(part(0, 4), part(5, 7) as u8, part(8, 10) as u8);
            assert_eq!(back, read::Date::Day(days));
        }

        #[test]
        fn decimals_come_back(value in any::<i128>(), scale in 0_usize..30) {
            let value = value % 10_i128.pow(38);
            let text = text(|o| decimal(o, value, scale));
            assert_eq!(read::decimal(text.as_bytes(), scale), Ok(value));
        }

        #[test]
        fn uuids_come_back(bytes in any::<[u8; 16]>()) {
            assert_eq!(read::uuid(text(|o| uuid(o, &bytes)).as_bytes()), Ok(bytes));
        }

        #[test]
        fn geometries_come_back(srid in any::<u32>(), rest in proptest::collection::vec(any::<u8>(), 0..40)) {
            let stored = [&srid.to_le_bytes()[..], &[1, 3, 0, 0, 0], &rest].concat();
            let mut neutral = Vec::new();
            read::geometry(&mut neutral, &stored).unwrap();
            let (srid, head, rest) = geometry(&neutral).unwrap();
            assert_eq!([&srid[..], &head, rest].concat(), stored);
        }

        #[test]
        fn floats_come_back(value in any::<f64>()) {
            if value.is_finite() {
                assert_eq!(text(|o| float(o, value).unwrap()).parse::<f64>().unwrap().to_bits(), value.to_bits());
            }
        }
    }

    #[test]
    fn times() {
        assert_eq!(text(|o| time(o, 86_400_000_000).unwrap()), "24:00:00");
        assert_eq!(text(|o| time(o, -(838 * 3600 + 59 * 60 + 59) * 1_000_000).unwrap()), "-838:59:59");
        assert_eq!(text(|o| time(o, 1_000_007).unwrap()), "00:00:01.000007");
        assert!(time(&mut Vec::new(), 839 * 3_600_000_000).is_err());
        assert_eq!(text(|o| timestamp(o, -1).unwrap()), "1969-12-31 23:59:59.999999");
        assert_eq!(text(|o| timestamp(o, i64::MIN + 1).unwrap()), "0000-00-00 00:00:00");
        assert!(timestamp(&mut Vec::new(), i64::MAX).is_err());
        assert!(date(&mut Vec::new(), i32::MIN).is_err());
    }

    #[test]
    fn years() {
        assert_eq!(text(|o| year(o, 0).unwrap()), "0000");
        assert_eq!(text(|o| year(o, 2155).unwrap()), "2155");
        assert!(year(&mut Vec::new(), 5).is_err());
    }

    #[test]
    fn numbers_that_fit() {
        assert_eq!(number("1.5000", 2, 1), Ok(&b"1.5"[..]));
        assert_eq!(number("-0012", 2, 0), Ok(&b"-0012"[..]));
        assert_eq!(number("1.00", 1, 0), Ok(&b"1."[..]));
        for bad in ["1.55", "123", "NaN", "Infinity", "", ".", "1e5"] {
            assert!(number(bad, 2, 1).is_err(), "{bad}");
        }
    }

    #[test]
    fn intervals() {
        let show = |m, d, n| text(|o| interval(o, IntervalMonthDayNano::new(m, d, n)));
        assert_eq!(show(0, 0, 0), "PT0S");
        assert_eq!(show(14, -3, 3_723_500_000_000), "P1Y2M-3DT1H2M3.5S");
        assert_eq!(show(0, 0, -1_000_000), "PT-0.001S");
    }
}
