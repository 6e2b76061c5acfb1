//! The checker must find what it is there to find.

use std::collections::BTreeMap;

use crate::arrived::Arrivals;
use crate::balance::compare;
use crate::expected::Expectations;
use crate::record::{Audience, Balance, Balances, Device, Published, Seen};

fn devices() -> Vec<Device> {
    let device = |id: &str, user: &str| Device {
        device_id: id.into(),
        user: user.into(),
        transport: "tcp".into(),
        log: format!("{id}.log").into(),
    };
    vec![device("d1", "u1"), device("d2", "u1"), device("d3", "u2")]
}

fn request(key: &str, audience: Audience) -> Published {
    Published::Request { key: key.into(), audience, text: format!("text {key} 👋") }
}

fn answered(key: &str, id: &str) -> Published {
    Published::Answered { key: key.into(), message_id: id.into() }
}

fn message(seq: u64, id: &str, key: &str) -> Seen {
    Seen::Message { seq, message_id: id.into(), text: format!("text {key} 👋"), at: 10_000 }
}

/// d1 and d2 are for m1 (user), all for m2.
fn expectations() -> Expectations {
    let lines = [
        request("k1", Audience::Users(vec!["u1".into()])),
        Published::Unanswered { key: "k1".into(), why: "killed".into() },
        request("k1", Audience::Users(vec!["u1".into()])),
        answered("k1", "m1"),
        request("k2", Audience::All),
        answered("k2", "m2"),
    ];
    Expectations::read(&lines, &devices())
}

fn findings(lines: &[Seen]) -> Vec<String> {
    Arrivals::read("d1", lines, &expectations()).findings
}

#[test]
fn a_clean_run_has_no_findings() {
    let expectations = expectations();
    assert_eq!(expectations.findings, Vec::<String>::new());
    assert_eq!((expectations.deliveries(), expectations.requests, expectations.unanswered.len()), (5, 3, 1));
    assert_eq!(findings(&[Seen::Started {}, message(1, "m1", "k1"), message(2, "m2", "k2")]), Vec::<String>::new());
    let skip = Seen::Skipped { from: 2, through: 4, reason: "collapsed".into() };
    assert_eq!(findings(&[message(1, "m1", "k1"), skip, message(5, "m2", "k2")]), Vec::<String>::new());
}

#[test]
fn lost_doubled_unordered_foreign_and_changed_messages_are_found() {
    let cases = [
        (vec![message(1, "m1", "k1")], "m2 arrived 0 times"),
        (vec![message(1, "m1", "k1"), message(2, "m2", "k2"), message(3, "m2", "k2")], "m2 arrived 2 times"),
        (vec![message(2, "m1", "k1"), message(1, "m2", "k2")], "came with seq 1 after seq 2"),
        (vec![message(1, "m1", "k1"), message(3, "m2", "k2")], "seqs 2 to 2 are missing without a Skip"),
        (vec![message(1, "m9", "k9")], "m9 arrived, but was never answered"),
        (vec![message(1, "m1", "k2")], "instead of"),
        (vec![Seen::PossibleLoss {}], "may be lost"),
        (vec![Seen::Skipped { from: 3, through: 4, reason: "x".into() }], "a Skip (x) of 3 to 4 came after seq 0"),
    ];
    for (lines, expected) in cases {
        let findings = findings(&lines);
        assert!(findings.iter().any(|finding| finding.contains(expected)), "{expected:?} is not in {findings:?}");
    }
    let others = Arrivals::read("d3", &[message(1, "m1", "k1")], &expectations()).findings;
    assert!(others.iter().any(|finding| finding.contains("was for others")), "{others:?}");
}

#[test]
fn only_the_message_of_a_killed_callback_may_repeat_and_only_once() {
    let (one, two) = (message(1, "m1", "k1"), message(2, "m2", "k2"));
    let allowed = [one.clone(), Seen::Started {}, one.clone(), two.clone()];
    let arrivals = Arrivals::read("d1", &allowed, &expectations());
    assert_eq!((arrivals.repeats, arrivals.findings), (1, Vec::new()));
    for forbidden in [
        vec![one.clone(), one.clone(), two.clone()],
        vec![one.clone(), Seen::Started {}, one.clone(), one.clone(), two.clone()],
        vec![one.clone(), two, Seen::Started {}, one],
    ] {
        assert_ne!(findings(&forbidden), Vec::<String>::new(), "{forbidden:?}");
    }
}

#[test]
fn the_publisher_must_have_been_answered_once_and_alike() {
    let all = || request("k1", Audience::All);
    for (lines, expected) in [
        (vec![all()], "never answered"),
        (vec![all(), answered("k1", "m1"), answered("k1", "m2")], "answered with m1 and with m2"),
        (vec![all(), answered("k1", "m1"), request("k2", Audience::All), answered("k2", "m1")], "answers two keys"),
        (vec![all(), request("k1", Audience::Devices(vec![])), answered("k1", "m1")], "two different messages"),
        (
            vec![all(), Published::Refused { key: "k1".into(), status: 409, why: "reused".into() }],
            "refused with 409: reused",
        ),
    ] {
        let findings = Expectations::read(&lines, &devices()).findings;
        assert!(findings.iter().any(|finding| finding.contains(expected)), "{expected:?} is not in {findings:?}");
    }
}

#[test]
fn the_balance_must_say_what_the_logs_say() {
    let expectations = expectations();
    let arrived = |lines: &[Seen], device: &str| (device.to_owned(), Arrivals::read(device, lines, &expectations));
    let both = [message(1, "m1", "k1"), message(2, "m2", "k2")];
    let arrivals =
        BTreeMap::from([arrived(&both, "d1"), arrived(&both, "d2"), arrived(&[message(1, "m2", "k2")], "d3")]);
    let balance = |number| Balance { targeted: number, delivered: number, ..Balance::default() };
    let good = Balances::from([("m1".into(), balance(2)), ("m2".into(), balance(3))]);
    assert_eq!(compare(&expectations, &arrivals, &good), Vec::<String>::new());
    let pending = Balance { targeted: 3, delivered: 2, pending: 1, ..Balance::default() };
    for bad in [
        Balances::from([("m1".into(), balance(2))]),
        Balances::from([("m1".into(), balance(2)), ("m2".into(), pending)]),
        Balances::from([("m1".into(), balance(2)), ("m2".into(), balance(3)), ("m3".into(), balance(1))]),
    ] {
        assert_eq!(compare(&expectations, &arrivals, &bad).len(), 1, "{bad:?}");
    }
}

#[test]
fn of_a_broadcast_by_the_feed_only_what_was_cut_off_may_be_uncounted() {
    let by_feed = |device: &str, lines: &[Seen]| {
        let lines: Vec<Seen> = lines.iter().cloned().chain([message(0, "m2", "k2")]).collect();
        (device.to_owned(), Arrivals::read(device, &lines, &expectations()))
    };
    let one = [message(1, "m1", "k1")];
    let arrivals = BTreeMap::from([by_feed("d1", &one), by_feed("d2", &one), by_feed("d3", &[])]);
    let balance = |number| Balance { targeted: number, delivered: number, ..Balance::default() };
    let counted = |number| Balances::from([("m1".into(), balance(2)), ("m2".into(), balance(number))]);
    for (cuts, number, findings) in [
        (vec![], 3, 0),
        (vec![], 2, 1),
        (vec![], 0, 1),
        (vec![], 4, 1),
        (vec![11_000], 0, 0),
        (vec![11_000], 4, 1),
        (vec![9_500], 0, 0),
        (vec![9_499], 2, 1),
        (vec![11_501], 2, 1),
    ] {
        let expectations = Expectations { cuts, ..expectations() };
        let found = compare(&expectations, &arrivals, &counted(number));
        assert_eq!(found.len(), findings, "{:?} {number}: {found:?}", expectations.cuts);
    }
}
