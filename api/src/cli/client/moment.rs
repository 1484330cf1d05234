//! Moments: as people write them on the command line, and as they are shown.

use jiff::{SignedDuration, Timestamp};

/// `2026-02-15T02:00:00Z`, or a time that long ago: `90m`, `24h`.
///
/// # Errors
/// It is neither.
pub(super) fn parse(text: &str) -> Result<Timestamp, String> {
    parse_at(text, Timestamp::now())
}

fn parse_at(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let ago = text.parse::<SignedDuration>().ok().filter(|ago| !ago.is_negative());
    ago.and_then(|ago| now.checked_sub(ago).ok())
        .ok_or_else(|| "write a time as 2026-02-15T02:00:00Z, or how long ago it was as 90m or 24h".to_owned())
}

/// `2026-02-15 02:00:00` in UTC; what is no time is shown as it is.
pub(super) fn shown(text: &str) -> String {
    text.parse::<Timestamp>().map_or_else(|_| text.to_owned(), |t| t.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// The same where no column's head says that it is UTC.
pub(super) fn shown_utc(text: &str) -> String {
    format!("{} UTC", shown(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_times_ago() {
        let now = "2026-02-15T02:00:00Z".parse().expect("a time");
        let moment = |text: &str| parse_at(text, now).map(|t| t.to_string());
        assert_eq!(moment("2026-02-01T00:00:00+01:00").as_deref(), Ok("2026-01-31T23:00:00Z"));
        assert_eq!(moment("90m").as_deref(), Ok("2026-02-15T00:30:00Z"));
        assert_eq!(moment("24h").as_deref(), Ok("2026-02-14T02:00:00Z"));
        for wrong in ["", "yesterday", "-5m", "2026-02-15", "99999999999999h"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn moments_are_shown_to_the_second() {
        assert_eq!(shown("2026-02-15T03:00:00.123456+01:00"), "2026-02-15 02:00:00");
        assert_eq!(shown("soon"), "soon");
    }
}
