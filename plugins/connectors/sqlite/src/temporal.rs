//! Dates, times and timestamps as SQLite databases write them: ISO 8601 texts.
//!
//! Calendar arithmetic is Howard Hinnant's `chrono-Compatible Low-Level Date Algorithms`.

use std::io::Write;

/// Microseconds in a second, and in a day.
pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const DAY: i64 = 86_400 * SECOND;

/// Texts of the values that the contract sets apart: the largest, the smallest, and the zero date (smallest + 1).
const INFINITY: &[u8] = b"infinity";
const MINUS_INFINITY: &[u8] = b"-infinity";
const ZERO_DATE: &[u8] = b"0000-00-00";

/// Days since 1970-01-01 of a proleptic Gregorian date.
pub(crate) fn days(year: i32, month: u32, day: u32) -> i32 {
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (i64::from(month) + if month > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(day) - 1;
    (era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468) as i32
}

/// Year, month and day of a number of days since 1970-01-01.
pub(crate) fn civil(days: i32) -> (i32, u32, u32) {
    let shifted = i64::from(days) + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    ((year + era * 400 + i64::from(month <= 2)) as i32, month as u32, day as u32)
}

fn digits(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 9 {
        return None;
    }
    text.iter().try_fold(0u32, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))
}

/// Two digits.
fn pair(text: &[u8]) -> Option<u32> {
    let (tens, ones) = (text[0].wrapping_sub(b'0'), text[1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then_some(u32::from(tens) * 10 + u32::from(ones))
}

/// Days of a month.
fn month_days(year: u32, month: u32) -> u32 {
    const DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    DAYS[month as usize - 1] + u32::from(month == 2 && leap)
}

/// `YYYY-MM-DD`; years outside 0000..=9999 with a sign or more digits, never with zeros in front.
fn plain_date(text: &[u8]) -> Option<i32> {
    if let [c1, c2, y1, y2, b'-', m1, m2, b'-', d1, d2] = *text
        && c1 != b'-'
    {
        // The common form.
        let year = pair(&[c1, c2])? * 100 + pair(&[y1, y2])?;
        let (month, day) = (pair(&[m1, m2])?, pair(&[d1, d2])?);
        let real = (1..=12).contains(&month) && (1..=month_days(year, month)).contains(&day);
        return real.then(|| days(year as i32, month, day));
    }
    let (negative, rest) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let year_digits = rest.len().checked_sub(6).filter(|n| (4..=7).contains(n))?;
    let (year, rest) = rest.split_at(year_digits);
    if rest[0] != b'-' || rest[3] != b'-' || (year_digits > 4 && year[0] == b'0') {
        return None;
    }
    let (year, month, day) = (digits(year)? as i32, digits(&rest[1..3])?, digits(&rest[4..6])?);
    if negative && year == 0 {
        return None;
    }
    let year = if negative { -year } else { year };
    let number = (1..=12).contains(&month).then(|| days(year, month, day.max(1)))?;
    // A day that the month does not have comes back as another date.
    (civil(number) == (year, month, day)).then_some(number)
}

/// A date: days since 1970-01-01, or one of the three values set apart.
pub(crate) fn parse_date(text: &[u8]) -> Option<i32> {
    match text {
        INFINITY => Some(i32::MAX),
        MINUS_INFINITY => Some(i32::MIN),
        ZERO_DATE => Some(i32::MIN + 1),
        _ => plain_date(text),
    }
}

fn put_pair(out: &mut [u8], value: u32) {
    out[0] = b'0' + (value / 10) as u8;
    out[1] = b'0' + (value % 10) as u8;
}

/// Writes a date.
pub(crate) fn write_date(value: i32, out: &mut impl Write) -> std::io::Result<()> {
    match value {
        i32::MAX => out.write_all(INFINITY),
        i32::MIN => out.write_all(MINUS_INFINITY),
        v if v == i32::MIN + 1 => out.write_all(ZERO_DATE),
        v => {
            let (year, month, day) = civil(v);
            if let Ok(year @ 0..=9999) = u32::try_from(year) {
                let mut text = *b"0000-00-00";
                put_pair(&mut text[0..2], year / 100);
                put_pair(&mut text[2..4], year % 100);
                put_pair(&mut text[5..7], month);
                put_pair(&mut text[8..10], day);
                return out.write_all(&text);
            }
            let sign = if year < 0 { "-" } else { "" };
            write!(out, "{sign}{:04}-{month:02}-{day:02}", year.unsigned_abs())
        }
    }
}

/// How the time of day in a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    /// `HH:MM:SS` and not `HH:MM`.
    pub(crate) seconds: bool,
    /// Digits after the point; 0 is no point.
    pub(crate) digits: u8,
}

/// `HH:MM[:SS[.f]]` up to 24:00:00, or, for spans, any number of hours.
fn parse_clock(text: &[u8], most_hours: u32) -> Option<(i64, Clock)> {
    let colon = text.iter().position(|b| *b == b':').filter(|at| *at >= 2)?;
    let hours = digits(&text[..colon])?;
    let minutes = digits(text.get(colon + 1..colon + 3)?)?;
    let mut value = (i64::from(hours) * 3600 + i64::from(minutes) * 60) * SECOND;
    let mut clock = Clock { seconds: false, digits: 0 };
    let rest = &text[colon + 3..];
    if let Some(rest) = rest.strip_prefix(b":") {
        let seconds = digits(rest.get(..2)?)?;
        if seconds > 59 {
            return None;
        }
        value += i64::from(seconds) * SECOND;
        clock.seconds = true;
        let rest = &rest[2..];
        if let Some(fraction) = rest.strip_prefix(b".") {
            // More than microseconds is more than the contract's types hold.
            if fraction.len() > 6 {
                return None;
            }
            clock.digits = fraction.len() as u8;
            value += i64::from(digits(fraction)?) * 10_i64.pow(6 - u32::from(clock.digits));
        } else if !rest.is_empty() {
            return None;
        }
    } else if !rest.is_empty() {
        return None;
    }
    (minutes <= 59 && hours <= most_hours).then_some((value, clock))
}

/// A time of day in microseconds, 24:00:00 included.
pub(crate) fn parse_time(text: &[u8]) -> Option<(i64, Clock)> {
    parse_clock(text, 24).filter(|(value, _)| *value <= DAY && text.iter().position(|b| *b == b':') == Some(2))
}

/// A signed span `[-]H..HH:MM:SS[.f]` in microseconds.
pub(crate) fn parse_duration(text: &[u8]) -> Option<i64> {
    match text.strip_prefix(b"-") {
        Some(rest) => parse_clock(rest, u32::MAX).map(|(value, _)| -value),
        None => parse_clock(text, u32::MAX).map(|(value, _)| value),
    }
}

fn write_clock(micros: u64, seconds: bool, digits: u8, out: &mut impl Write) -> std::io::Result<()> {
    let second = SECOND as u64;
    let (whole, fraction) = (micros / second, micros % second);
    if whole < 100 * 3600 {
        let whole = whole as u32;
        let mut text = *b"00:00:00";
        put_pair(&mut text[0..2], whole / 3600);
        put_pair(&mut text[3..5], whole / 60 % 60);
        put_pair(&mut text[6..8], whole % 60);
        out.write_all(if seconds { &text } else { &text[..5] })?;
    } else {
        write!(out, "{:02}:{:02}", whole / 3600, whole / 60 % 60)?;
        if seconds {
            write!(out, ":{:02}", whole % 60)?;
        }
    }
    if digits > 0 {
        let shown = fraction / 10_u64.pow(6 - u32::from(digits.min(6)));
        write!(out, ".{shown:0width$}", width = usize::from(digits.min(6)))?;
    }
    Ok(())
}

/// Writes a time of day; as many digits as `digits` says, or as it takes where those are not enough.
pub(crate) fn write_time(micros: i64, digits: u8, out: &mut impl Write) -> std::io::Result<()> {
    write_clock(micros.unsigned_abs(), true, digits.max(needed(micros)), out)
}

/// Writes a signed span.
pub(crate) fn write_duration(micros: i64, digits: u8, out: &mut impl Write) -> std::io::Result<()> {
    if micros < 0 {
        out.write_all(b"-")?;
    }
    write_clock(micros.unsigned_abs(), true, digits.max(needed(micros)), out)
}

/// Digits of the second's fraction that a value has.
pub(crate) fn needed(micros: i64) -> u8 {
    let mut fraction = micros.rem_euclid(SECOND);
    if fraction == 0 {
        return 0;
    }
    let mut digits = 6;
    while fraction % 10 == 0 {
        fraction /= 10;
        digits -= 1;
    }
    digits
}

/// How a timestamp says its zone. Only UTC is understood: an offset would be lost on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    None,
    /// `Z`
    Letter,
    /// `+00:00`
    Offset,
}

impl Zone {
    const TEXTS: [(Self, &'static str); 3] = [(Self::Letter, "Z"), (Self::Offset, "+00:00"), (Self::None, "")];

    fn text(self) -> &'static str {
        Self::TEXTS.iter().find(|(zone, _)| *zone == self).map_or("", |(_, text)| text)
    }
}

/// How many digits the fractions of a column's timestamps have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fraction {
    /// Always as many.
    Fixed(u8),
    /// As many, or none where the fraction is zero (Python's `isoformat`).
    Optional(u8),
    /// As few as say it all.
    Trimmed,
}

/// How all timestamps of one column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// Between date and time: a space, or `T`.
    pub(crate) separator: u8,
    pub(crate) seconds: bool,
    pub(crate) fraction: Fraction,
    pub(crate) zone: Zone,
}

/// How one timestamp is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) separator: u8,
    pub(crate) clock: Clock,
    pub(crate) zone: Zone,
}

/// A timestamp in microseconds since 1970, and how it was written; the values set apart have no way of their own.
pub(crate) fn parse_timestamp(text: &[u8]) -> Option<(i64, Option<Written>)> {
    match text {
        INFINITY => return Some((i64::MAX, None)),
        MINUS_INFINITY => return Some((i64::MIN, None)),
        _ if text.starts_with(ZERO_DATE) && matches!(&text[10..], b" 00:00:00") => return Some((i64::MIN + 1, None)),
        _ => {}
    }
    let (zone, rest) = Zone::TEXTS.iter().find_map(|(z, t)| text.strip_suffix(t.as_bytes()).map(|rest| (*z, rest)))?;
    let divides = |b: &u8| matches!(b, b' ' | b'T');
    let at = if rest.get(10).is_some_and(divides) { 10 } else { rest.iter().position(divides)? };
    let date = i64::from(plain_date(&rest[..at])?);
    let (time, clock) = parse_time(&rest[at + 1..]).filter(|(time, _)| *time < DAY)?;
    Some((date.checked_mul(DAY)?.checked_add(time)?, Some(Written { separator: rest[at], clock, zone })))
}

impl Style {
    /// What SQLite's own `datetime()` writes; instants end in `Z`.
    pub(crate) fn plain(digits: u8, zoned: bool) -> Self {
        let zone = if zoned { Zone::Letter } else { Zone::None };
        Self { separator: b' ', seconds: true, fraction: Fraction::Fixed(digits), zone }
    }

    /// Writes a timestamp. A value that the style has no room for is written in full rather than cut.
    pub(crate) fn write(self, value: i64, out: &mut impl Write) -> std::io::Result<()> {
        match value {
            i64::MAX => return out.write_all(INFINITY),
            i64::MIN => return out.write_all(MINUS_INFINITY),
            v if v == i64::MIN + 1 => {
                out.write_all(ZERO_DATE)?;
                return out.write_all(b" 00:00:00");
            }
            _ => {}
        }
        write_date(value.div_euclid(DAY) as i32, out)?;
        out.write_all(&[self.separator])?;
        let time = value.rem_euclid(DAY);
        let least = needed(time);
        let digits = match self.fraction {
            Fraction::Fixed(digits) => digits.max(least),
            Fraction::Optional(_) if least == 0 => 0,
            Fraction::Optional(digits) => digits.max(least),
            Fraction::Trimmed => least,
        };
        let seconds = self.seconds || digits > 0 || time % (60 * SECOND) != 0;
        write_clock(time as u64, seconds, digits, out)?;
        out.write_all(self.zone.text().as_bytes())
    }

    /// The style in a few letters, for a hint in a declared type: separator, seconds, fraction, zone.
    pub(crate) fn hint(self) -> String {
        let fraction = match self.fraction {
            Fraction::Fixed(n) => n.to_string(),
            Fraction::Optional(n) => format!("{n}?"),
            Fraction::Trimmed => "*".to_owned(),
        };
        let separator = if self.separator == b'T' { "T" } else { "_" };
        let seconds = if self.seconds { "s" } else { "m" };
        format!("{separator}{seconds}{fraction}{}", self.zone.text())
    }

    /// Reads [`Self::hint`] back.
    pub(crate) fn from_hint(hint: &str) -> Option<Self> {
        let (zone, rest) = Zone::TEXTS.iter().find_map(|(z, t)| hint.strip_suffix(t).map(|rest| (*z, rest)))?;
        let separator = match rest.get(..1)? {
            "T" => b'T',
            "_" => b' ',
            _ => return None,
        };
        let seconds = match rest.get(1..2)? {
            "s" => true,
            "m" => false,
            _ => return None,
        };
        let fraction = match &rest[2..] {
            "*" => Fraction::Trimmed,
            n => match n.strip_suffix('?') {
                Some(n) => Fraction::Optional(n.parse().ok().filter(|n| *n <= 6)?),
                None => Fraction::Fixed(n.parse().ok().filter(|n| *n <= 6)?),
            },
        };
        Some(Self { separator, seconds, fraction, zone })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for wrong in [
            "2023-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-1-1",
            "24-01-01",
            "2024-01-01 ",
            "00000-01-01",
            "-0000-01-01",
            "",
        ] {
            assert_eq!(parse_date(wrong.as_bytes()), None, "{wrong}");
        }
        for wrong in [
            "2024-01-01",
            "2024-01-01 1:00",
            "2024-01-01 25:00",
            "2024-01-01 00:00:60",
            "2024-01-01 00:00:00.1234567",
            "2024-01-01 00:00:00+01:00",
        ] {
            assert_eq!(parse_timestamp(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(parse_date(b"-infinity"), Some(i32::MIN));
        assert_eq!(parse_time(b"24:00:00").unwrap().0, DAY);
        assert_eq!(parse_duration(b"-838:59:59.5"), Some(-(838 * 3600 + 59 * 60 + 59) * SECOND - SECOND / 2));
    }

    proptest! {
        #[test]
        fn dates_come_back(value in -2_000_000..200_000_000i32) {
            prop_assert_eq!(parse_date(text(|o| write_date(value, o)).as_bytes()), Some(value));
        }

        #[test]
        fn timestamps_come_back_in_every_style(
            value in -62_167_219_200_000_000i64..253_402_300_800_000_000,
            separator in prop_oneof![Just(b' '), Just(b'T')],
            seconds: bool,
            fraction in prop_oneof![(0..=6u8).prop_map(Fraction::Fixed), (1..=6u8).prop_map(Fraction::Optional), Just(Fraction::Trimmed)],
            zone in prop_oneof![Just(Zone::None), Just(Zone::Letter), Just(Zone::Offset)],
        ) {
            let style = Style { separator, seconds, fraction, zone };
            let written = text(|o| style.write(value, o));
            prop_assert_eq!(parse_timestamp(written.as_bytes()).unwrap().0, value, "{}", written);
            prop_assert_eq!(Style::from_hint(&style.hint()), Some(style));
        }

        #[test]
        fn spans_come_back(value in -3_600_000_000_000_000i64..3_600_000_000_000_000, digits in 0..=6u8) {
            prop_assert_eq!(parse_duration(text(|o| write_duration(value, digits, o)).as_bytes()), Some(value));
        }
    }
}
