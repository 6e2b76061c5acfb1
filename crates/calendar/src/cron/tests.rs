//! Cron expressions by example, and against a library that many use.

use std::str::FromStr as _;

use croner::Cron;
use jiff::Zoned;
use proptest::prelude::*;

use super::*;
use crate::zone;

fn recurrence(cron: &str, timezone: &str) -> Recurrence {
    Recurrence { cron: cron.into(), timezone: timezone.into(), until: None, remaining: None }
}

fn at(text: &str) -> UnixMillis {
    unix_millis(text.parse().unwrap())
}

fn shown_utc(at: UnixMillis) -> String {
    timestamp(at).unwrap().to_string()
}

/// The next occurrences after a moment.
fn next(cron: &str, timezone: &str, after: &str, count: usize) -> Vec<String> {
    check_cron(cron).unwrap();
    let recurrence = recurrence(cron, timezone);
    let from = next_occurrence(&recurrence, at(after));
    std::iter::successors(from, |last| next_occurrence(&recurrence, *last)).take(count).map(shown_utc).collect()
}

#[test]
fn fields_mean_what_cron_says() {
    for (cron, after, expected) in [
        ("0 9 * * *", "2026-11-23T08:59:59.999Z", "2026-11-23T09:00:00Z"),
        ("0 9 * * *", "2026-11-23T09:00:00Z", "2026-11-24T09:00:00Z"),
        ("*/10 * * * * *", "2026-11-23T09:00:00.001Z", "2026-11-23T09:00:10Z"),
        ("30 5-7/2 9 * * *", "2026-11-23T09:05:30Z", "2026-11-23T09:07:30Z"),
        ("15,45 * * * *", "2026-11-23T23:45:00Z", "2026-11-24T00:15:00Z"),
        ("0 18 24 dec *", "2026-12-24T18:00:00Z", "2027-12-24T18:00:00Z"),
        ("0 0 * * mon-fri", "2026-11-27T00:00:00Z", "2026-11-30T00:00:00Z"),
        ("0 0 * * 7", "2026-11-23T00:00:00Z", "2026-11-29T00:00:00Z"),
        ("0 0 * * 0", "2026-11-23T00:00:00Z", "2026-11-29T00:00:00Z"),
        ("0 0 * * FRI-SUN", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"),
        ("0 0 ? * TUE", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"),
        // Either the 1st or a Monday.
        ("0 0 1 * MON", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
        ("0 0 1 * MON", "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"),
        ("0 12 L * *", "2027-02-01T00:00:00Z", "2027-02-28T12:00:00Z"),
        ("0 12 L * *", "2028-02-01T00:00:00Z", "2028-02-29T12:00:00Z"),
        ("0 12 15,l * *", "2027-02-01T00:00:00Z", "2027-02-15T12:00:00Z"),
        ("0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"),
    ] {
        assert_eq!(next(cron, "UTC", after, 1), [expected], "{cron} after {after}");
    }
}

#[test]
fn a_time_of_day_comes_once_on_every_day() {
    for (cron, zone, after, expected) in [
        // Left out: when the clocks go forward. Two such times on one day are one.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]),
        ("10,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", ["2026-03-29T01:00:00Z", "2026-03-30T00:10:00Z"]),
        ("0 2,14 * * *", "Europe/Berlin", "2026-03-28T14:00:00Z", ["2026-03-29T01:00:00Z", "2026-03-29T12:00:00Z"]),
        ("0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", ["2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"]),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", ["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"]),
        // Twice: the first.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]),
        ("30 1 * * *", "America/New_York", "2026-11-01T05:30:00Z", ["2026-11-02T06:30:00Z", "2026-11-03T06:30:00Z"]),
    ] {
        assert_eq!(next(cron, zone, after, 2), expected, "{cron} in {zone}");
    }
}

#[test]
fn a_repetition_comes_as_often_as_clocks_show_it() {
    let autumn = next("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", 4);
    assert_eq!(
        autumn,
        ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"]
    );
    let spring = next("30 * * * *", "Europe/Berlin", "2026-03-28T23:45:00Z", 3);
    assert_eq!(spring, ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"]);
    assert_eq!(next("*/20 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 1), ["2026-03-30T00:00:00Z"]);
    let both = next("*/30 2 * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", 4);
    assert_eq!(both, ["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:00:00Z"]);
}

#[test]
fn a_series_ends() {
    let mut series = recurrence("0 9 * * *", "UTC");
    series.until = Some(at("2026-11-24T09:00:00Z"));
    assert_eq!(next_occurrence(&series, at("2026-11-23T09:00:00Z")), series.until);
    assert_eq!(next_occurrence(&series, at("2026-11-24T09:00:00Z")), None);
    series.remaining = Some(1);
    assert_eq!(next_occurrence(&series, at("2026-11-23T09:00:00Z")), series.until);
    series.remaining = Some(0);
    assert_eq!(next_occurrence(&series, at("2026-11-23T09:00:00Z")), None);
    assert_eq!(next_occurrence(&recurrence("* * * * * *", "UTC"), UnixMillis::NEVER), None);
}

#[test]
fn what_is_no_expression_is_told_why() {
    for (cron, expected) in [
        ("", "must have 5 fields"),
        ("0 9 * *", "must have 5 fields"),
        ("0 0 9 * * * 2027", "must have 5 fields"),
        ("@daily", "must have 5 fields"),
        ("60 9 * * *", "minutes: `60` must be 0 to 59"),
        ("* * * * * 8", "day of week: `8` must be 0 to 7 or a name like SUN"),
        ("0 9 0 * *", "day of month: `0` must be 1 to 31"),
        ("0 9 * 13 *", "month: `13` must be 1 to 12 or a name like JAN"),
        ("0 9 * Foo *", "month: `Foo` must be"),
        ("+5 9 * * *", "minutes: `+5` must be"),
        ("0 -1 * * *", "hours: `-1` must be"),
        ("0 22-2 * * *", "hours: `22-2` runs backwards: write it as two ranges"),
        ("*/0 * * * *", "minutes: the step of `*/0` must be 1 to 59"),
        ("*/x * * * *", "minutes: the step of `*/x` must be 1 to 59"),
        ("5/10 * * * *", "minutes: say where `5/10` ends: `5-59/…`"),
        ("0,, 9 * * *", "minutes: `` must be"),
        ("? * * * *", "minutes: `?` must be"),
        ("0 L * * *", "hours: `L` must be"),
        ("0 9 * * 5L", "day of week: `5L` must be"),
        ("0 9 15W * *", "day of month: `15W` must be"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 2,4,6,9,11 *", "never comes"),
        ("0 9 * * 一", "day of week: `一` must be"),
    ] {
        let error = check_cron(cron).unwrap_err();
        assert!(error.message.starts_with(expected), "{cron}: {error}");
    }
    assert!(check_cron(&format!("{}0 9 * * *", " ".repeat(CRON_MAX_BYTES))).unwrap_err().message.contains("at most"));
    let every: Vec<String> = (0..60).map(|value| value.to_string()).collect();
    check_cron(&format!("{0} {0} {1} * * *", every.join(","), every[..24].join(","))).unwrap();
}

/// What the library answers.
fn library(cron: &str, zone: &str, after: UnixMillis) -> UnixMillis {
    let after = Zoned::new(timestamp(after).unwrap(), zone::find(zone).unwrap());
    let next = Cron::from_str(cron).unwrap().find_next_occurrence(&after, false).unwrap();
    unix_millis(next.timestamp())
}

/// Where the library has another rule. Both are the daemons' of old; ours sends nobody the same push twice.
#[test]
fn the_library_repeats_or_leaves_out_what_has_several_times_of_day() {
    let ours = |cron, zone, after| next_occurrence(&recurrence(cron, zone), at(after)).unwrap();
    let cron = "30 2,14 * * *";
    let twice = "2026-10-25T00:30:00Z";
    assert_eq!(library(cron, "Europe/Berlin", at(twice)), at("2026-10-25T01:30:00Z"), "02:30 for the second time");
    assert_eq!(ours(cron, "Europe/Berlin", twice), at("2026-10-25T13:30:00Z"));
    let left_out = "2026-03-29T00:00:00Z";
    assert_eq!(library(cron, "Europe/Berlin", at(left_out)), at("2026-03-29T12:30:00Z"));
    assert_eq!(ours(cron, "Europe/Berlin", left_out), at("2026-03-29T01:00:00Z"));
    // In Nuuk clocks go from Saturday 23:00 to Sunday 00:00: a Saturday's time would come on Sunday.
    let saturday = "30 23 * * SAT";
    assert_eq!(library(saturday, "America/Nuuk", at("2026-03-28T12:00:00Z")), at("2026-04-05T00:30:00Z"));
    assert_eq!(ours(saturday, "America/Nuuk", "2026-03-28T12:00:00Z"), at("2026-03-29T01:00:00Z"));
}

/// A field as a list of its items, or with `*`.
#[derive(Clone, Debug)]
enum Part {
    Star(String),
    Items(Vec<u8>),
}

impl Part {
    fn texts(&self) -> Vec<String> {
        match self {
            Self::Star(text) => vec![text.clone()],
            Self::Items(items) => items.iter().map(u8::to_string).collect(),
        }
    }

    fn text(&self) -> String {
        self.texts().join(",")
    }
}

fn part(first: u8, last: u8) -> impl Strategy<Value = Part> {
    prop_oneof![
        Just(Part::Star("*".into())),
        (2..=last / 2).prop_map(|step| Part::Star(format!("*/{step}"))),
        proptest::collection::vec(first..=last, 1..=3).prop_map(Part::Items),
    ]
}

fn clock() -> impl Strategy<Value = [Part; 3]> {
    // Often at night, when clocks are changed.
    let hours = prop_oneof![part(0, 23), proptest::collection::vec(0_u8..=3, 1..=2).prop_map(Part::Items)];
    let seconds = prop_oneof![Just(Part::Items(vec![0])), part(0, 59)];
    (seconds, part(0, 59), hours).prop_map(|(seconds, minutes, hours)| [seconds, minutes, hours])
}

fn dates() -> impl Strategy<Value = String> {
    let days = prop_oneof![
        3 => Just("*".to_owned()),
        1 => (1_u8..=31).prop_map(|day| day.to_string()),
        1 => (1_u8..=15, 16_u8..=28, 1_u8..=9).prop_map(|(first, last, step)| format!("{first}-{last}/{step}")),
        1 => Just("L".to_owned()),
    ];
    let months = prop_oneof![
        4 => Just("*".to_owned()),
        1 => Just("JAN,mar,5-7,OCT-NOV".to_owned()),
        1 => (1_u8..=12).prop_map(|month| month.to_string()),
    ];
    let weekdays = prop_oneof![
        3 => Just("*".to_owned()),
        1 => (0_u8..=7).prop_map(|day| day.to_string()),
        1 => Just("MON-FRI".to_owned()),
        1 => Just("0,sat".to_owned()),
        1 => Just("5-7".to_owned()),
    ];
    let possible = |(days, months, _): &(String, String, String)| {
        !matches!((days.as_str(), months.as_str()), ("30" | "31", "2") | ("31", "4" | "6" | "9" | "11"))
    };
    (days, months, weekdays)
        .prop_filter("a day that never comes", possible)
        .prop_map(|(days, months, weekdays)| format!("{days} {months} {weekdays}"))
}

/// Zones, and years in which their clocks were changed, if ever.
const ZONES: [(&str, i16); 7] = [
    ("UTC", 2026),
    ("Europe/Berlin", 2026),
    ("America/New_York", 2026),
    ("Australia/Lord_Howe", 2026),
    ("Asia/Shanghai", 1988),
    ("America/Sao_Paulo", 2018),
    ("Asia/Kathmandu", 2026),
];

/// A zone and a moment, mostly near a change of its clocks.
fn somewhere_sometime() -> impl Strategy<Value = (&'static str, UnixMillis)> {
    let anywhere = (prop::sample::select(&ZONES[..]), 0_u64..400 * 86_400_000, -40_i64..=10, 0_u64..3_600_000);
    anywhere.prop_map(|((name, year), far, hours, near)| {
        let start: Timestamp = format!("{year}-01-01T00:00:00Z").parse().unwrap();
        let random = unix_millis(start).plus(far);
        let change =
            zone::find(name).unwrap().following(timestamp(random).unwrap()).next().map(|change| change.timestamp());
        let near_change =
            |change| UnixMillis(unix_millis(change).0.saturating_add_signed(hours * 3_600_000)).plus(near);
        (name, change.filter(|_| far % 4 != 0).map_or(random, near_change))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_024) })]

    /// Ours are the library's answers: of what is repeated within the day, and of each single time of day. The next of several
    /// times of day is the next of any of them.
    #[test]
    fn occurrences_are_those_of_the_library([seconds, minutes, hours] in clock(), dates in dates(), (zone, after) in somewhere_sometime()) {
        let cron = format!("{} {} {} {dates}", seconds.text(), minutes.text(), hours.text());
        check_cron(&cron).unwrap();
        let is_repetition = [&seconds, &minutes, &hours].into_iter().any(|part| matches!(part, Part::Star(_)));
        let expected = if is_repetition {
            library(&cron, zone, after)
        } else {
            let singles = seconds.texts().into_iter().flat_map(|second| {
                let (minutes, hours) = (minutes.texts(), hours.texts());
                minutes.into_iter().flat_map(move |minute| {
                    let second = second.clone();
                    hours.clone().into_iter().map(move |hour| format!("{second} {minute} {hour}"))
                })
            });
            singles.map(|clock| library(&format!("{clock} {dates}"), zone, after)).min().unwrap()
        };
        let next = next_occurrence(&recurrence(&cron, zone), after);
        prop_assert_eq!(next.map(shown_utc), Some(shown_utc(expected)), "{} in {} after {}", cron, zone, shown_utc(after));
    }

    /// Any text is taken or refused, and what is taken comes, later, at a full second.
    #[test]
    fn any_text_is_judged(text in "[0-9*/,L?a-z -]{0,24}", after in 0_u64..4_000_000_000_000) {
        if check_cron(&text).is_ok() {
            let next = next_occurrence(&recurrence(&text, "Europe/Berlin"), UnixMillis(after)).unwrap();
            prop_assert!(next.0 > after && next.0.is_multiple_of(1_000));
        }
    }
}
