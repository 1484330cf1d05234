//! Numbers, sizes and times as people read them.

use std::time::Duration;

/// Decimal units, as disks and networks are sold in.
const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];

/// `1234567` -> `1,234,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 table`, `8 tables`: the number with its noun, whose plural ends in `s`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// Bytes: `812 B`, `47.2 GB`.
pub(super) fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut amount = bytes as f64;
    let mut unit = 0;
    // 999.95 would be shown as 1000.0.
    while amount >= 999.95 && unit + 1 < UNITS.len() {
        amount /= 1000.0;
        unit += 1;
    }
    format!("{amount:.1} {}", UNITS[unit])
}

/// `0.4 s`, `12.3 s`, `3 min 05 s`, `2 h 07 min`, `4 d 03 h`.
pub(super) fn duration(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    if tenths < 600 {
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    let seconds = (time.as_millis() + 500) / 1000;
    match (seconds / 86_400, seconds / 3600, seconds / 60) {
        (0, 0, minutes) => format!("{minutes} min {:02} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {:02} min", minutes % 60),
        (days, hours, _) => format!("{days} d {:02} h", hours % 24),
    }
}

/// Seconds as [`duration`] shows them; what is no time is no time.
pub(super) fn seconds(time: f64) -> String {
    duration(Duration::try_from_secs_f64(time).unwrap_or_default())
}

/// How many a second, rounded; none while the time is too short to tell.
pub(super) fn per_second(amount: u64, time: Duration) -> Option<u64> {
    /// Below this, a rate says more about the clock than about the work.
    const SHORTEST: Duration = Duration::from_millis(1);
    let rate = u128::from(amount) * 1_000_000 / time.as_micros().max(1);
    (time >= SHORTEST).then(|| u64::try_from(rate).unwrap_or(u64::MAX))
}

/// A fraction of a whole, in whole percent: 100 only when nothing is left.
pub(super) fn percent(done: u64, whole: u64) -> u64 {
    match whole {
        0 => 100,
        _ if done >= whole => 100,
        _ => u64::try_from(u128::from(done) * 100 / u128::from(whole)).unwrap_or(100).min(99),
    }
}

/// `a, b, c and 12 more`: at most `most` of the names.
pub(super) fn some_of<T: AsRef<str>>(names: &[T], most: usize) -> String {
    let shown: Vec<&str> = names.iter().take(most).map(AsRef::as_ref).collect();
    let mut text = shown.join(", ");
    if names.len() > shown.len() {
        text += &format!(" and {} more", count((names.len() - shown.len()) as u64));
    }
    text
}

/// Text cut to `most` characters, the last of them `…` where something is missing.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    kept + "…"
}

/// Words of somebody else, without what would move the cursor or change colours. Line breaks stay.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Lines of at most `width` characters, broken at spaces, each begun with `indent`.
pub(super) fn wrapped(text: &str, indent: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut().filter(|line| line.chars().count() + 1 + word.chars().count() <= width) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(format!("{indent}{word}")),
        }
    }
    lines.join("\n")
}

/// The same with words of its own in place of the first line's indent.
pub(super) fn headed(head: &str, text: &str, indent: &str, width: usize) -> String {
    let body = wrapped(text, indent, width);
    format!("{head}{}", body.get(indent.len()..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_separators() {
        let cases = [(0, "0"), (7, "7"), (999, "999"), (1000, "1,000"), (8_661_245, "8,661,245")];
        for (number, text) in cases {
            assert_eq!(count(number), text);
        }
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!((counted(1, "table"), counted(0, "row")), ("1 table".into(), "0 rows".into()));
    }

    #[test]
    fn sizes_have_units() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (47_200_000_000, "47.2 GB"),
            (u64::MAX, "18446.7 PB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn durations_have_the_grain_that_matters() {
        let cases = [
            (0, "0.0 s"),
            (449, "0.4 s"),
            (59_949, "59.9 s"),
            (59_960, "1 min 00 s"),
            (185_000, "3 min 05 s"),
            (3_599_400, "59 min 59 s"),
            (3_600_000, "1 h 00 min"),
            (7_620_000, "2 h 07 min"),
            (356_400_000, "4 d 03 h"),
        ];
        for (milliseconds, text) in cases {
            assert_eq!(duration(Duration::from_millis(milliseconds)), text);
        }
        assert_eq!(
            (seconds(12.34), seconds(f64::NAN), seconds(-1.0)),
            ("12.3 s".into(), "0.0 s".into(), "0.0 s".into())
        );
    }

    #[test]
    fn rates_wait_for_a_time_that_can_be_told() {
        assert_eq!(per_second(1000, Duration::from_millis(500)), Some(2000));
        assert_eq!(per_second(0, Duration::from_secs(1)), Some(0));
        assert_eq!(per_second(1000, Duration::from_micros(10)), None);
        assert_eq!(per_second(u64::MAX, Duration::from_millis(1)), Some(u64::MAX));
    }

    #[test]
    fn percent_says_100_only_at_the_end() {
        assert_eq!((percent(0, 10), percent(999, 1000), percent(1000, 1000)), (0, 99, 100));
        assert_eq!((percent(0, 0), percent(7, 5), percent(u64::MAX - 1, u64::MAX)), (100, 100, 99));
    }

    #[test]
    fn lists_and_names_are_cut_and_say_so() {
        assert_eq!(some_of(&["a", "b"], 3), "a, b");
        assert_eq!(some_of(&["a", "b", "c", "d"], 2), "a, b and 2 more");
        assert_eq!(shortened("customer", 8), "customer");
        assert_eq!(shortened("customers", 8), "custome…");
    }

    #[test]
    fn somebody_else_s_words_cannot_drive_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\nc\u{9b}d"), "a\u{fffd}[2Jb\nc\u{fffd}d");
    }

    #[test]
    fn text_is_wrapped_at_spaces() {
        assert_eq!(wrapped("one two three four", "  ", 9), "  one two\n  three\n  four");
        assert_eq!(wrapped("averyveryverylongword b", " ", 5), " averyveryverylongword\n b");
        assert_eq!(wrapped("", " ", 5), "");
        assert_eq!(headed("- ", "one two three", "  ", 9), "- one two\n  three");
        assert_eq!(headed("- ", "", "  ", 9), "- ");
    }
}
