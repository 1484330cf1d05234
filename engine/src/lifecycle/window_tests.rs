//! Windows on ordinary days and on the nights when clocks change.

use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn window(start: &str, end: &str, timezone: &str) -> MaintenanceWindow {
    MaintenanceWindow::new(start, end, timezone).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The window is open from the first to the second moment, and closed just before and from then on.
#[track_caller]
fn assert_open_between(window: &MaintenanceWindow, opens: &str, closes: &str) {
    let (opens, closes, instant) = (at(opens), at(closes), SignedDuration::from_nanos(1));
    let before = opens - instant;
    assert!(!window.contains(before), "closed before it opens");
    assert_eq!(window.closes_at(before), None);
    assert_eq!(window.next_opening(before), opens);
    assert_eq!(window.next_opening(opens), opens, "now, when it is open");
    assert_eq!(window.closes_at(opens), Some(closes));
    assert!(window.contains(closes - instant));
    assert_eq!(window.closes_at(closes - instant), Some(closes));
    assert!(!window.contains(closes), "its end is outside");
}

#[test]
fn an_ordinary_night() {
    let contract = window("02:00", "06:00", "America/New_York");
    assert_open_between(&contract, "2026-02-15T02:00:00-05:00", "2026-02-15T06:00:00-05:00");
    assert_eq!(contract.next_opening(at("2026-02-15T06:00:00-05:00")), at("2026-02-16T02:00:00-05:00"));
}

#[test]
fn over_midnight() {
    let night = window("22:30", "04:15", "Europe/Berlin");
    assert_open_between(&night, "2026-01-10T22:30:00+01:00", "2026-01-11T04:15:00+01:00");
    assert_eq!(night.closes_at(at("2026-01-11T00:00:00+01:00")), Some(at("2026-01-11T04:15:00+01:00")));
    assert_open_between(&window("20:00", "00:00", "UTC"), "2026-12-31T20:00:00Z", "2027-01-01T00:00:00Z");
    assert_open_between(&window("00:00", "23:59", "UTC"), "2026-12-31T00:00:00Z", "2026-12-31T23:59:00Z");
    assert_open_between(&window("00:01", "00:00", "UTC"), "2026-12-31T00:01:00Z", "2027-01-01T00:00:00Z");
}

#[test]
fn clocks_go_forward() {
    // 2026-03-08, New York: 02:00 is 03:00.
    let night = "2026-03-08";
    let moment = |time: &str| format!("{night}T{time}");
    let new_york = |start, end| window(start, end, "America/New_York");
    // Its start does not exist: it opens at the jump, and is three hours long.
    assert_open_between(&new_york("02:00", "06:00"), &moment("03:00:00-04:00"), &moment("06:00:00-04:00"));
    assert_open_between(&new_york("02:30", "06:00"), &moment("03:00:00-04:00"), &moment("06:00:00-04:00"));
    // Its end does not exist: it closes at the jump.
    assert_open_between(&new_york("01:00", "02:30"), &moment("01:00:00-05:00"), &moment("03:00:00-04:00"));
    // Nothing of it exists: not that night.
    let skipped = new_york("02:10", "02:50");
    assert_eq!(skipped.next_opening(at("2026-03-07T03:00:00-05:00")), at("2026-03-09T02:10:00-04:00"));
    // 2011-12-30 did not exist in Apia.
    let apia = window("02:00", "03:00", "Pacific/Apia");
    assert_eq!(apia.next_opening(at("2011-12-29T03:00:00-10:00")), at("2011-12-31T02:00:00+14:00"));
    // 00:00 does not exist in Beirut on 2024-03-31.
    let beirut = window("23:00", "02:00", "Asia/Beirut");
    assert_open_between(&beirut, "2024-03-30T23:00:00+02:00", "2024-03-31T02:00:00+03:00");
}

#[test]
fn clocks_go_back() {
    // 2026-11-01, New York: after 01:59:59 comes 01:00.
    let night = "2026-11-01";
    let moment = |time: &str| format!("{night}T{time}");
    let new_york = |start, end| window(start, end, "America/New_York");
    assert_open_between(&new_york("00:30", "02:00"), &moment("00:30:00-04:00"), &moment("02:00:00-05:00"));
    assert_open_between(&new_york("01:00", "02:00"), &moment("01:00:00-04:00"), &moment("02:00:00-05:00"));
    assert_open_between(&new_york("02:00", "06:00"), &moment("02:00:00-05:00"), &moment("06:00:00-05:00"));
    // The clock shows its start twice: open, closed by the jump, open again.
    let starts_within = new_york("01:30", "06:00");
    assert_open_between(&starts_within, &moment("01:30:00-04:00"), &moment("01:00:00-05:00"));
    assert_open_between(&starts_within, &moment("01:30:00-05:00"), &moment("06:00:00-05:00"));
    // The clock shows its end twice: closed, open again by the jump.
    let ends_within = new_york("00:00", "01:30");
    assert_open_between(&ends_within, &moment("00:00:00-04:00"), &moment("01:30:00-04:00"));
    assert_open_between(&ends_within, &moment("01:00:00-05:00"), &moment("01:30:00-05:00"));
}

#[test]
fn zones_of_half_hours() {
    assert_open_between(&window("02:00", "06:00", "Asia/Kolkata"), "2026-05-01T20:30:00Z", "2026-05-02T00:30:00Z");
    assert_open_between(&window("02:00", "06:00", "Asia/Kathmandu"), "2026-05-01T20:15:00Z", "2026-05-02T00:15:00Z");
    // Clocks go back by half an hour on 2026-04-05: 01:45 comes twice.
    let lord_howe = window("01:40", "01:50", "Australia/Lord_Howe");
    assert_open_between(&lord_howe, "2026-04-05T01:40:00+11:00", "2026-04-05T01:50:00+11:00");
    assert_open_between(&lord_howe, "2026-04-05T01:40:00+10:30", "2026-04-05T01:50:00+10:30");
}

#[test]
fn the_ends_of_time() {
    for zone in ["UTC", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago"] {
        let window = window("02:00", "02:01", zone);
        assert_eq!(window.next_opening(Timestamp::MAX), Timestamp::MAX, "{zone}");
        assert!(window.next_opening(Timestamp::MIN) > Timestamp::MIN);
        let open_at_the_end = self::window("00:00", "23:59", "UTC").closes_at(at("9999-12-29T00:00:00Z"));
        assert_eq!(open_at_the_end, Some(at("9999-12-29T23:59:00Z")));
    }
}

fn refusal(json: Value) -> String {
    let error = Schedule::try_from(json.clone()).unwrap_err();
    assert_eq!(error.code, Code::InvalidRequest);
    // The same through serde, whatever the format.
    let through_serde = serde_json::from_value::<Schedule>(json).unwrap_err();
    assert_eq!(through_serde.to_string(), error.message);
    error.message
}

#[test]
fn errors_name_the_field() {
    let window = |start: Value, end: Value, timezone: Value| {
        refusal(json!({"maintenance_window": {"start": start, "end": end, "timezone": timezone}}))
    };
    let zone = || json!("Europe/Berlin");
    for start in ["2:00", "02:00:00", "24:00", "12:60", "noon", "", "0200", "+2:00", "02:0", " 2:00", "²2:00"] {
        let message = window(json!(start), json!("06:00"), zone());
        assert!(message.starts_with("`schedule.maintenance_window.start` must be a time"), "{message}");
    }
    insta::assert_snapshot!(
        [
            window(json!("02:00"), json!("25:00"), zone()),
            window(json!("02:00"), json!("02:00"), zone()),
            window(json!("02:00"), json!(6), zone()),
            window(json!("02:00"), json!("06:00"), json!("Mars/Olympus")),
            window(json!("02:00"), json!("06:00"), json!("Etc/Unknown")),
            window(json!("02:00"), json!("06:00"), json!("+02:00")),
            window(json!("02:00"), json!("06:00"), json!("EST5EDT,M3.2.0,M11.1.0")),
            refusal(json!({"maintenance_window": {"start": "02:00", "end": "06:00"}})),
            refusal(json!({"maintenance_window": {"start": "02:00", "end": "06:00", "timezone": "UTC", "days": []}})),
            refusal(json!({"maintenance_window": "02:00-06:00"})),
            refusal(json!({"start_at": "2026-02-15T02:00:00"})),
            refusal(json!({"start_at": 1_771_120_800})),
            refusal(json!({"start": "2026-02-15T02:00:00Z"})),
            refusal(json!([])),
        ]
        .join("\n")
    );
}

#[test]
fn reads_and_writes_the_contract() {
    let contract = json!({
        "start_at": "2026-02-15T02:00:00Z",
        "maintenance_window": {"start": "02:00", "end": "06:00", "timezone": "America/New_York"},
    });
    let schedule = Schedule::try_from(contract.clone()).unwrap();
    assert_eq!(serde_json::to_value(&schedule).unwrap(), contract);
    assert_eq!(serde_json::from_value::<Schedule>(contract).unwrap(), schedule);

    let nothing = json!({"start_at": null, "maintenance_window": null});
    assert_eq!(Schedule::try_from(nothing).unwrap(), Schedule::default());
    assert_eq!(serde_json::to_value(Schedule::default()).unwrap(), json!({}));
    let spelled = serde_json::to_value(window("02:00", "06:00", "europe/berlin")).unwrap();
    assert_eq!(spelled["timezone"], "Europe/Berlin");
}

#[test]
fn a_schedule_has_a_start_and_a_window() {
    let now = at("2026-02-10T12:00:00Z");
    let always = Schedule::default();
    assert!(always.may_run(now));
    assert_eq!((always.opens_at(now), always.closes_at(now)), (now, None));

    let start_at = at("2026-02-15T02:00:00Z");
    let later = Schedule { start_at: Some(start_at), maintenance_window: None };
    assert!(!later.may_run(now) && later.may_run(start_at));
    assert_eq!((later.opens_at(now), later.opens_at(start_at)), (start_at, start_at));

    let both = Schedule { maintenance_window: Some(window("02:00", "06:00", "America/New_York")), ..later };
    let opens = at("2026-02-15T07:00:00Z");
    assert_eq!(both.opens_at(now), opens, "the first opening after its start");
    assert!(!both.may_run(at("2026-02-14T08:00:00Z")), "open, but before its start");
    assert_eq!(both.closes_at(at("2026-02-14T08:00:00Z")), None);
    assert!(both.may_run(opens));
    assert_eq!(both.closes_at(opens), Some(at("2026-02-15T11:00:00Z")));
}

/// From the zones with odd offsets, odd changes and none.
const ZONES: &[&str] = &[
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Caracas",
    "Africa/Casablanca",
    "Africa/Monrovia",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Dublin",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "UTC",
    "Etc/GMT+12",
];

/// A zone and an instant of 1970 to 2060, half of them within two days of a change of its clocks.
fn zone_and_instant() -> impl Strategy<Value = (&'static str, Timestamp)> {
    let second = 0..2_840_140_800_i64;
    (prop::sample::select(ZONES), second, any::<bool>(), -172_800..172_800_i64).prop_map(
        |(zone, second, near, distance)| {
            let anywhere = Timestamp::from_second(second).unwrap();
            let change = TimeZone::get(zone).unwrap().following(anywhere).next().map(|t| t.timestamp().as_second());
            let second = change.filter(|_| near).map_or(second, |change| change + distance);
            (zone, Timestamp::from_second(second).unwrap())
        },
    )
}

/// Times of day that lie close together, so that windows begin, end and vanish in jumps.
fn minute_of_day() -> impl Strategy<Value = u16> {
    prop_oneof![0..240_u16, 0..1440_u16]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// The walk asks the clock on the wall alone, minute by minute.
    #[test]
    fn agrees_with_a_walk((zone, from) in zone_and_instant(), start in minute_of_day(), end in minute_of_day()) {
        prop_assume!(start != end);
        let written = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let window = window(&written(start), &written(end), zone);
        let timezone = TimeZone::get(zone).unwrap();
        let shown = |at: Timestamp| {
            let clock = timezone.to_datetime(at);
            let minute = u16::from(clock.hour().unsigned_abs()) * 60 + u16::from(clock.minute().unsigned_abs());
            if start < end { (start..end).contains(&minute) } else { !(end..start).contains(&minute) }
        };

        let (opens, closes) = (window.next_opening(from), window.closes_at(from));
        prop_assert_eq!(closes.is_some(), window.contains(from));
        prop_assert_eq!(opens == from, window.contains(from));
        if let Some(closes) = closes {
            prop_assert!(closes > from && !window.contains(closes));
        }
        prop_assert!(opens >= from && window.contains(opens));

        // Three days: no window stays away for longer, but where a day was left out.
        for minute in 0..3 * 1440 {
            let at = from + SignedDuration::from_mins(minute);
            prop_assert_eq!(window.contains(at), shown(at), "at {}", at);
            match closes {
                Some(closes) if at < closes => prop_assert!(shown(at), "open until {}, not at {}", closes, at),
                None if at < opens => prop_assert!(!shown(at), "closed until {}, not at {}", opens, at),
                Some(_) | None => {}
            }
        }
    }
}
