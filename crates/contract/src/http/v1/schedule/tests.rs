use serde_json::{Value, json};

use super::*;

/// 2023-11-14T22:13:20Z, a Tuesday.
const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const HOUR: u64 = 3_600_000;

fn check(schedule: Value) -> Checked<Scheduled> {
    serde_json::from_value::<ScheduleRequest>(schedule).unwrap().check(NOW, "/schedule")
}

fn at(text: &str) -> UnixMillis {
    from_timestamp(text.parse().unwrap())
}

#[test]
fn a_recurrence_says_when_it_first_comes() {
    for (schedule, timezone, first) in [
        (json!({"cron": "0 9 * * *"}), "UTC", "2023-11-15T09:00:00Z"),
        (json!({"cron": "0 9 * * *", "timezone": "Asia/Shanghai"}), "Asia/Shanghai", "2023-11-15T01:00:00Z"),
        (json!({"cron": "*/5 * * * * *", "count": 3}), "UTC", "2023-11-14T22:13:25Z"),
        (json!({"cron": "0 0 1 1 *", "until": "2024-01-01T00:00:00Z"}), "UTC", "2024-01-01T00:00:00Z"),
    ] {
        let (Schedule::Recurring(recurrence), release_at) = check(schedule.clone()).unwrap() else {
            panic!("{schedule}")
        };
        assert_eq!((&*recurrence.timezone, release_at), (timezone, Some(at(first))), "{schedule}");
        assert_eq!(recurrence.cron, schedule["cron"].as_str().unwrap());
        assert_eq!(recurrence.remaining.map(u64::from), schedule["count"].as_u64());
    }
}

#[test]
fn a_local_time_begins_where_clocks_show_it_first() {
    let local = |text: &str| check(json!({ "at_local": text })).unwrap();
    let (schedule, release_at) = local("2023-12-24T18:00:05");
    let time = WallTime { year: 2023, month: 12, day: 24, hour: 18, minute: 0, second: 5 };
    assert_eq!((schedule, release_at), (Schedule::AtLocal(time), Some(at("2023-12-24T04:00:05Z"))));
    // It has begun: the message goes out now, to those whose time it is or was.
    assert_eq!(local("2023-11-14T22:13:20").1, Some(NOW));
    assert_eq!(local("2023-11-14T10:12:20").1, Some(NOW), "a minute ago on the last clock on Earth");
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (schedule, code, pointer) in [
        (json!({}), "empty", "/schedule"),
        (json!({"timezone": "UTC"}), "empty", "/schedule"),
        (json!({"at": "2023-11-15T00:00:00Z", "cron": "0 9 * * *"}), "schedule_ambiguous", "/schedule"),
        (json!({"at": "2023-11-15T00:00:00Z", "timezone": "UTC"}), "cron_required", "/schedule/timezone"),
        (json!({"at_local": "2023-12-24T18:00:00", "count": 1}), "cron_required", "/schedule/count"),
        (
            json!({"at_local": "2023-12-24T18:00:00", "until": "2024-11-15T00:00:00Z"}),
            "cron_required",
            "/schedule/until",
        ),
        (json!({"cron": "0 9 * *"}), "invalid_cron", "/schedule/cron"),
        (json!({"cron": "0 0 30 2 *"}), "invalid_cron", "/schedule/cron"),
        (json!({"cron": "0 9 * * *", "timezone": "Berlin"}), "unknown_timezone", "/schedule/timezone"),
        (json!({"cron": "0 9 * * *", "count": 0}), "out_of_range", "/schedule/count"),
        (json!({"cron": "0 9 * * *", "count": 1_000_001}), "out_of_range", "/schedule/count"),
        (json!({"cron": "0 9 * * *", "until": "2023-11-15T08:59:59Z"}), "never_comes", "/schedule/until"),
        (json!({"at_local": "09:00"}), "invalid_time", "/schedule/at_local"),
        (json!({"at_local": "2023-12-24T18:00:00Z"}), "invalid_time", "/schedule/at_local"),
        (json!({"at_local": "2023-12-24T18:00:00+08:00"}), "invalid_time", "/schedule/at_local"),
        (json!({"at_local": "2023-02-29T18:00:00"}), "invalid_time", "/schedule/at_local"),
        (json!({"at_local": "2023-12-24T18:00:60"}), "invalid_time", "/schedule/at_local"),
        (json!({"at_local": " 2023-12-24T18:00:00"}), "invalid_time", "/schedule/at_local"),
        (json!({"at_local": "9999-12-24T18:00:00"}), "invalid_time", "/schedule/at_local"),
        (json!({"at_local": "2023-11-14T10:12:19"}), "in_the_past", "/schedule/at_local"),
        (json!({"at_local": "2024-11-14T12:13:21"}), "out_of_range", "/schedule/at_local"),
    ] {
        let wrong = check(schedule.clone()).unwrap_err().into_vec();
        let found: Vec<_> = wrong.iter().map(|wrong| (&*wrong.code, &*wrong.pointer)).collect();
        assert_eq!(found, [(code, pointer)], "{schedule}");
    }
    let all = check(json!({"cron": "", "timezone": "", "count": -1})).unwrap_err().into_vec();
    assert_eq!(all.len(), 3);
}

#[test]
fn what_was_said_is_shown_again() {
    for schedule in [
        json!({"at": "2023-11-15T00:00:00Z"}),
        json!({"at_local": "2023-12-24T08:05:09"}),
        json!({"cron": "0 9 * * *", "timezone": "Europe/Berlin", "until": "2024-11-15T00:00:00Z", "count": 7}),
    ] {
        let (checked, _) = check(schedule.clone()).unwrap();
        assert_eq!(serde_json::to_value(ScheduleRequest::of(&checked)).unwrap(), schedule);
    }
    assert_eq!(ScheduleRequest::of(&Schedule::Now), None);
    assert!(latest_on_earth(&read("2023-11-15T12:00:00").unwrap()).since(NOW) > HOUR);
}
