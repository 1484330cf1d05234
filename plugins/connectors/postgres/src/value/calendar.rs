//! Dates and times. PostgreSQL counts from 2000-01-01, Arrow from 1970-01-01; both count days and microseconds
//! without leap seconds, in the proleptic Gregorian calendar.

use super::{Refused, Value};

/// Days from 1970-01-01 to 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;
/// Microseconds from 1970-01-01 to 2000-01-01.
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * DAY_MICROS;
const DAY_MICROS: i64 = 86_400_000_000;

/// The contract's zero date and zero timestamp.
const ZERO_DAYS: i32 = i32::MIN + 1;
const ZERO_MICROS: i64 = i64::MIN + 1;

const ZERO_DATE: Refused =
    Refused("PostgreSQL has no zero date (0000-00-00); the policy `zero_dates` says what takes its place");
const OUT_OF_RANGE: Refused = Refused("the moment is outside the range that the other side can hold");

/// From `date_send`. Infinities are the largest and smallest value on both sides.
#[inline]
pub(crate) fn date_from_wire(days: i32) -> Value<i32> {
    if days == i32::MAX || days == i32::MIN { Ok(days) } else { days.checked_add(EPOCH_DAYS).ok_or(OUT_OF_RANGE) }
}

/// For `date_recv`.
#[inline]
pub(crate) fn date_to_wire(days: i32) -> Value<i32> {
    match days {
        i32::MAX | i32::MIN => Ok(days),
        ZERO_DAYS => Err(ZERO_DATE),
        _ => days.checked_sub(EPOCH_DAYS).ok_or(OUT_OF_RANGE),
    }
}

/// From `timestamp_send` and `timestamptz_send`. The last 47 years before 294277 are beyond Arrow's range.
#[inline]
pub(crate) fn timestamp_from_wire(micros: i64) -> Value<i64> {
    if micros == i64::MAX || micros == i64::MIN {
        Ok(micros)
    } else {
        micros.checked_add(EPOCH_MICROS).filter(|m| *m != i64::MAX).ok_or(OUT_OF_RANGE)
    }
}

/// For `timestamp_recv` and `timestamptz_recv`.
#[inline]
pub(crate) fn timestamp_to_wire(micros: i64) -> Value<i64> {
    match micros {
        i64::MAX | i64::MIN => Ok(micros),
        ZERO_MICROS => Err(ZERO_DATE),
        _ => micros.checked_sub(EPOCH_MICROS).ok_or(OUT_OF_RANGE),
    }
}

/// Year (astronomical: 0 is 1 BC), month, day of days since 1970-01-01. After Howard Hinnant, "chrono-compatible
/// low-level date algorithms".
pub(crate) fn civil(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month as u32, day as u32)
}

/// ISO text of an Arrow date as `date_in` reads it.
pub(crate) fn date_text(days: i32, out: &mut Vec<u8>) -> Value<()> {
    match days {
        i32::MAX => out.extend_from_slice(b"infinity"),
        i32::MIN => out.extend_from_slice(b"-infinity"),
        ZERO_DAYS => return Err(ZERO_DATE),
        _ => {
            let bc = put_date(i64::from(days), out);
            put_era(bc, out);
        }
    }
    Ok(())
}

/// ISO text of an Arrow timestamp as `timestamp_in` and `timestamptz_in` read it.
pub(crate) fn timestamp_text(micros: i64, zoned: bool, out: &mut Vec<u8>) -> Value<()> {
    match micros {
        i64::MAX => out.extend_from_slice(b"infinity"),
        i64::MIN => out.extend_from_slice(b"-infinity"),
        ZERO_MICROS => return Err(ZERO_DATE),
        _ => {
            let bc = put_date(micros.div_euclid(DAY_MICROS), out);
            out.push(b' ');
            time_text(micros.rem_euclid(DAY_MICROS), out);
            if zoned {
                out.extend_from_slice(b"+00");
            }
            put_era(bc, out);
        }
    }
    Ok(())
}

/// `hh:mm:ss[.ffffff]`, also for spans of more than a day.
pub(crate) fn time_text(micros: i64, out: &mut Vec<u8>) {
    let (seconds, fraction) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    if micros < 0 {
        out.push(b'-');
    }
    padded(seconds / 3600, 2, out);
    out.push(b':');
    padded(seconds / 60 % 60, 2, out);
    out.push(b':');
    padded(seconds % 60, 2, out);
    if fraction != 0 {
        out.push(b'.');
        padded(fraction, 6, out);
    }
}

/// Writes the date; returns whether its year is before Christ.
fn put_date(days: i64, out: &mut Vec<u8>) -> bool {
    let (year, month, day) = civil(days);
    let bc = year <= 0;
    padded(if bc { 1 - year } else { year }.unsigned_abs(), 4, out);
    out.push(b'-');
    padded(u64::from(month), 2, out);
    out.push(b'-');
    padded(u64::from(day), 2, out);
    bc
}

fn put_era(bc: bool, out: &mut Vec<u8>) {
    if bc {
        out.extend_from_slice(b" BC");
    }
}

/// Decimal digits, at least `width`.
pub(crate) fn padded(mut value: u64, width: usize, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while value != 0 {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&digits[at.min(digits.len() - width)..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn date(days: i32) -> String {
        let mut out = Vec::new();
        date_text(days, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn timestamp(micros: i64, zoned: bool) -> String {
        let mut out = Vec::new();
        timestamp_text(micros, zoned, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn known_days() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(EPOCH_DAYS), "2000-01-01");
        assert_eq!(date(19_782), "2024-02-29");
        assert_eq!(date(-719_528), "0001-01-01 BC");
        assert_eq!(date(-719_529), "0002-12-31 BC");
        assert_eq!(date(i32::MAX), "infinity");
        assert_eq!(timestamp(-1, true), "1969-12-31 23:59:59.999999+00");
        assert_eq!(timestamp(1_500_000, false), "1970-01-01 00:00:01.500000");
        assert_eq!(date_text(i32::MIN + 1, &mut vec![]), Err(ZERO_DATE));
    }

    #[test]
    fn ends_of_the_range() {
        // Written by a server for '294276-12-31 23:59:59.999999' and '4713-01-01 BC'.
        assert_eq!(timestamp_from_wire(9_223_371_331_199_999_999), Err(OUT_OF_RANGE));
        assert_eq!(
            timestamp_from_wire(-211_810_204_800_000_000).map(|m| timestamp(m, false)).unwrap(),
            "4713-01-01 00:00:00 BC"
        );
        assert_eq!(timestamp_from_wire(i64::MAX), Ok(i64::MAX));
        assert_eq!(date_to_wire(i32::MIN), Ok(i32::MIN));
        assert_eq!(timestamp_to_wire(i64::MIN + 1), Err(ZERO_DATE));
    }

    proptest! {
        #[test]
        fn dates_there_and_back(days in -2_451_545i32..2_145_031_948) {
            let arrow = date_from_wire(days).unwrap();
            prop_assert_eq!(date_to_wire(arrow), Ok(days));
        }

        #[test]
        fn timestamps_there_and_back(micros in -211_813_488_000_000_000i64..9_222_000_000_000_000_000) {
            let arrow = timestamp_from_wire(micros).unwrap();
            prop_assert_eq!(timestamp_to_wire(arrow), Ok(micros));
        }

        #[test]
        fn civil_days_follow_each_other(days in -3_000_000i64..3_000_000) {
            let (before, after) = (civil(days), civil(days + 1));
            prop_assert!(before < after);
            prop_assert!(after.2 == before.2 + 1 || after.2 == 1);
        }
    }
}
