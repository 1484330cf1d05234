//! `interval`: months, days, microseconds; Arrow's has nanoseconds.

use arrow_buffer::IntervalMonthDayNano;

use super::calendar::time_text;
use super::{Refused, Value};

const TOO_LONG: Refused =
    Refused("the interval is infinite or longer than 292 years of hours, which Arrow cannot hold");
const TOO_FINE: Refused = Refused("the interval has nanoseconds; PostgreSQL holds microseconds");

/// From `interval_send`: microseconds, days, months.
#[inline]
pub(crate) fn from_wire(micros: i64, days: i32, months: i32) -> Value<IntervalMonthDayNano> {
    let nanos = micros.checked_mul(1000).ok_or(TOO_LONG)?;
    Ok(IntervalMonthDayNano::new(months, days, nanos))
}

/// For `interval_recv`: microseconds, days, months.
#[inline]
pub(crate) fn to_wire(value: IntervalMonthDayNano) -> Value<(i64, i32, i32)> {
    if value.nanoseconds % 1000 != 0 {
        return Err(TOO_FINE);
    }
    Ok((value.nanoseconds / 1000, value.days, value.months))
}

/// As `interval_in` reads it, sign by sign.
pub(crate) fn text(value: IntervalMonthDayNano, out: &mut Vec<u8>) -> Value<()> {
    let (micros, days, months) = to_wire(value)?;
    out.extend_from_slice(format!("{months} mons {days} days ").as_bytes());
    time_text(micros, out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn signs_are_each_their_own() {
        let mut out = Vec::new();
        text(IntervalMonthDayNano::new(-1, 2, -3_600_000_001_000), &mut out).unwrap();
        assert_eq!(out, b"-1 mons 2 days -01:00:00.000001");
        assert_eq!(text(IntervalMonthDayNano::new(0, 0, 1), &mut out), Err(TOO_FINE));
        assert_eq!(from_wire(i64::MAX, i32::MAX, i32::MAX), Err(TOO_LONG));
    }

    proptest! {
        #[test]
        fn there_and_back(micros in -9_223_372_036_854_775i64..9_223_372_036_854_775, days: i32, months: i32) {
            let arrow = from_wire(micros, days, months).unwrap();
            prop_assert_eq!(to_wire(arrow), Ok((micros, days, months)));
        }
    }
}
