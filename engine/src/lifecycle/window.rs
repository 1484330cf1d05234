//! When a migration may run: not before a moment, and only while a maintenance window is open.
//!
//! A window is a range of what the clocks on the wall show in its time zone, every day anew. So where clocks go
//! forward over its start it opens at that jump; where they jump over all of it, it does not open that day; where
//! they go back, an hour that is in the window is in it twice, and an hour that is not is outside of it twice.

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::error::{Code, Error, Result};

/// The path of the window in the contract's JSON: errors name its fields.
const WINDOW: &str = "schedule.maintenance_window";

/// From `start`, included, to `end`, excluded; over midnight where `end` is before `start`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub struct MaintenanceWindow {
    start: Time,
    end: Time,
    timezone: TimeZone,
    /// As the zones' database spells it; an older name of a zone stays that name.
    zone_name: String,
}

impl MaintenanceWindow {
    /// From times such as `02:00` and an IANA time zone such as `America/New_York`.
    ///
    /// # Errors
    /// `invalid_request` naming the field.
    pub fn new(start: &str, end: &str, timezone: &str) -> Result<Self> {
        let (from, to) = (time("start", start)?, time("end", end)?);
        if from == to {
            return Err(wrong(
                &format!("{WINDOW}.end"),
                "must differ from `start`; leave the window out to run at any time",
            ));
        }
        match TimeZone::get(timezone) {
            Ok(zone) if !zone.is_unknown() => Ok(Self {
                start: from,
                end: to,
                zone_name: zone.iana_name().unwrap_or(timezone).to_owned(),
                timezone: zone,
            }),
            Ok(_) | Err(_) => Err(wrong(
                &format!("{WINDOW}.timezone"),
                &format!(
                    "must be an IANA time zone such as `Europe/Berlin`; there is no `{}`",
                    timezone.escape_debug()
                ),
            )),
        }
    }

    /// Whether it is open at `at`.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        let clock = self.timezone.to_datetime(at).time();
        if self.start < self.end {
            self.start <= clock && clock < self.end
        } else {
            self.start <= clock || clock < self.end
        }
    }

    /// When it is open next: `after` itself while it is open. At the end of time, ten thousand years on, the last
    /// moment there is.
    #[must_use]
    pub fn next_opening(&self, after: Timestamp) -> Timestamp {
        self.next(after, true)
    }

    /// When it closes, while it is open at `at`: the first moment after `at` that is outside.
    #[must_use]
    pub fn closes_at(&self, at: Timestamp) -> Option<Timestamp> {
        self.contains(at).then(|| self.next(at, false))
    }

    /// The first moment from `at` on at which the window is `open` or not.
    fn next(&self, mut at: Timestamp, open: bool) -> Timestamp {
        while self.contains(at) != open {
            match self.next_change(at) {
                Some(change) => at = change,
                None => return Timestamp::MAX,
            }
        }
        at
    }

    /// The next moment after `at` at which the window may open or close. Between two changes of the zone's offset the
    /// clock runs evenly, so that is when it reaches `start` or `end`, or when the offset changes.
    fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        let offset = self.timezone.to_offset(at);
        let clock = offset.to_datetime(at);
        let reached = [self.start, self.end]
            .into_iter()
            .filter_map(|time| following(clock, time))
            .min()
            .and_then(|time| offset.to_timestamp(time).ok());
        let shifted = self.timezone.following(at).next().map(|transition| transition.timestamp());
        reached.into_iter().chain(shifted).min()
    }
}

/// The next moment after `clock` at which it shows `time`.
fn following(clock: DateTime, time: Time) -> Option<DateTime> {
    let today = DateTime::from_parts(clock.date(), time);
    if today > clock { Some(today) } else { today.tomorrow().ok() }
}

/// `HH:MM`, and nothing else: `2:00` might be an afternoon, and seconds would be a false promise.
fn time(field: &str, text: &str) -> Result<Time> {
    let two = |digits: &str| {
        let both = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        both.then(|| digits.parse().ok()).flatten()
    };
    let parts = text.split_once(':').and_then(|(hour, minute)| Some((two(hour)?, two(minute)?)));
    parts.and_then(|(hour, minute)| Time::new(hour, minute, 0, 0).ok()).ok_or_else(|| {
        let shown = text.escape_debug();
        wrong(
            &format!("{WINDOW}.{field}"),
            &format!("must be a time from `00:00` to `23:59`, with two digits each; `{shown}` is none"),
        )
    })
}

impl TryFrom<Value> for MaintenanceWindow {
    type Error = Error;

    /// From the contract's JSON: `{"start": "02:00", "end": "06:00", "timezone": "America/New_York"}`.
    fn try_from(json: Value) -> Result<Self> {
        let mut fields = object(WINDOW, json)?;
        let mut text = |field: &str| match fields.remove(field) {
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(wrong(&format!("{WINDOW}.{field}"), "must be a string")),
            None => Err(wrong(&format!("{WINDOW}.{field}"), "is missing")),
        };
        let (start, end, timezone) = (text("start")?, text("end")?, text("timezone")?);
        nothing_left(WINDOW, &fields)?;
        Self::new(&start, &end, &timezone)
    }
}

impl Serialize for MaintenanceWindow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            start: String,
            end: String,
            timezone: &'a str,
        }
        let hours_and_minutes = |time: Time| format!("{:02}:{:02}", time.hour(), time.minute());
        Written { start: hours_and_minutes(self.start), end: hours_and_minutes(self.end), timezone: &self.zone_name }
            .serialize(serializer)
    }
}

/// When a migration may run. The default: always.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Schedule {
    /// Not before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_at: Option<Timestamp>,
    /// Only while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance_window: Option<MaintenanceWindow>,
}

impl Schedule {
    /// Whether a migration may run at `now`.
    #[must_use]
    pub fn may_run(&self, now: Timestamp) -> bool {
        self.opens_at(now) == now
    }

    /// When it may run next: `now` itself when it may.
    #[must_use]
    pub fn opens_at(&self, now: Timestamp) -> Timestamp {
        let begin = self.start_at.map_or(now, |start| start.max(now));
        self.maintenance_window.as_ref().map_or(begin, |window| window.next_opening(begin))
    }

    /// When it must have stopped, while it may run at `now`. `None`: it may run on, or may not run at all.
    #[must_use]
    pub fn closes_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.maintenance_window.as_ref().filter(|_| self.may_run(now))?.closes_at(now)
    }
}

impl TryFrom<Value> for Schedule {
    type Error = Error;

    /// From the contract's JSON; `null` means the same as leaving a field out.
    fn try_from(json: Value) -> Result<Self> {
        let mut fields = object("schedule", json)?;
        let start_at = match fields.remove("start_at") {
            None | Some(Value::Null) => None,
            Some(json) => Some(json.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
                wrong("schedule.start_at", "must be a time with its offset from UTC, such as `2026-02-15T02:00:00Z`")
            })?),
        };
        let maintenance_window = match fields.remove("maintenance_window") {
            None | Some(Value::Null) => None,
            Some(json) => Some(json.try_into()?),
        };
        nothing_left("schedule", &fields)?;
        Ok(Self { start_at, maintenance_window })
    }
}

fn object(path: &str, json: Value) -> Result<Map<String, Value>> {
    match json {
        Value::Object(fields) => Ok(fields),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(wrong(path, "must be an object"))
        }
    }
}

/// A misspelled field must not pass for one that was left out: the migration would run at any time.
fn nothing_left(path: &str, fields: &Map<String, Value>) -> Result<()> {
    match fields.keys().next() {
        Some(field) => Err(wrong(&format!("{path}.{}", field.escape_debug()), "is no field of it")),
        None => Ok(()),
    }
}

fn wrong(field: &str, what: &str) -> Error {
    Error::new(Code::InvalidRequest, format!("`{field}` {what}.")).with_details(json!({"field": field}))
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
