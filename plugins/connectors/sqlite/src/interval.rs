//! Intervals in ISO 8601: `P14M-3DT1.000000001S`. Months, days and nanoseconds are kept apart, each with its own sign.

use std::io::Write;

use arrow_buffer::IntervalMonthDayNano;

const NANOS: u64 = 1_000_000_000;

/// Reads what [`write`] writes: months, days, seconds, in that order, each at most once.
pub(crate) fn parse(text: &[u8]) -> Option<IntervalMonthDayNano> {
    let mut rest = std::str::from_utf8(text).ok()?.strip_prefix('P')?;
    let mut part = |unit: char| -> Option<Option<&str>> {
        match rest.split_once(unit) {
            Some((number, behind)) if !number.contains(['T', 'M', 'D']) || unit == 'S' => {
                rest = behind;
                Some(Some(number))
            }
            _ => Some(None),
        }
    };
    let months = part('M')?;
    let days = part('D')?;
    let seconds = part('S')?;
    if !rest.is_empty() || (months, days, seconds) == (None, None, None) {
        return None;
    }
    let whole = |number: Option<&str>| number.map_or(Some(0), |n| n.parse::<i32>().ok());
    let nanoseconds = match seconds {
        Some(seconds) => nanoseconds(seconds.strip_prefix('T')?)?,
        None => 0,
    };
    Some(IntervalMonthDayNano { months: whole(months)?, days: whole(days)?, nanoseconds })
}

fn nanoseconds(text: &str) -> Option<i64> {
    let parts = crate::number::Parts::parse(text.as_bytes())?;
    i64::try_from(parts.scaled(38, 9)?).ok()
}

/// Writes an interval.
pub(crate) fn write(value: IntervalMonthDayNano, out: &mut impl Write) -> std::io::Result<()> {
    out.write_all(b"P")?;
    if value.months != 0 {
        write!(out, "{}M", value.months)?;
    }
    if value.days != 0 {
        write!(out, "{}D", value.days)?;
    }
    let nanos = value.nanoseconds;
    if nanos != 0 || (value.months, value.days) == (0, 0) {
        let sign = if nanos < 0 { "-" } else { "" };
        let (whole, fraction) = (nanos.unsigned_abs() / NANOS, nanos.unsigned_abs() % NANOS);
        write!(out, "T{sign}{whole}")?;
        if fraction != 0 {
            let digits = format!("{fraction:09}");
            write!(out, ".{}", digits.trim_end_matches('0'))?;
        }
        out.write_all(b"S")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn intervals_come_back(months: i32, days: i32, nanoseconds: i64) {
            let value = IntervalMonthDayNano { months, days, nanoseconds };
            let mut text = Vec::new();
            write(value, &mut text).unwrap();
            prop_assert_eq!(parse(&text), Some(value), "{}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn what_is_no_interval_is_refused() {
        for wrong in ["", "P", "1 day", "PT1", "P1", "T1S", "P1M1M", "P1DT"] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
