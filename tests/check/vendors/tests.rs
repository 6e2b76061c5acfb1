//! The checker of the vendors must find what it is there to find.

use std::collections::BTreeMap;

use super::pushes::Pushes;
use super::told::compare;
use crate::vendor_record::{Addressee, Balances, Numbers, Pushed, Told, Ways, WrittenDown};

const MESSAGE: &str = "0123-4567";
const TRAVELLING: &str = "01234567";

fn devices() -> Vec<Addressee> {
    let device = |id: &str, channel: &str, is_dead| Addressee {
        device_id: id.into(),
        channel: channel.into(),
        token: format!("token-{id}"),
        is_dead,
    };
    vec![device("a", "apns", false), device("b", "xiaomi", false), device("c", "xiaomi", true)]
}

fn written(kills: &[u64]) -> Vec<WrittenDown> {
    let sent = WrittenDown::Sent { message_id: MESSAGE.into(), ways: Ways::VendorOnly, at: 100 };
    let settled = WrittenDown::Settled { message_id: MESSAGE.into(), at: 9_000 };
    let killed = kills.iter().map(|at| WrittenDown::Killed { at: *at });
    std::iter::once(sent).chain(killed).chain([settled]).collect()
}

fn pushed(vendor: &str, device: &str) -> Pushed {
    let (vendor, token) = (vendor.into(), format!("token-{device}"));
    Pushed { at: 1_000, vendor, token, message: TRAVELLING.into() }
}

fn told(delivered: i64) -> Told {
    let numbers = |targeted, delivered, handed_off, failed| Numbers {
        targeted,
        delivered,
        handed_off,
        failed,
        ..Numbers::default()
    };
    let by_channel =
        BTreeMap::from([("apns".to_owned(), numbers(1, 0, 1, 0)), ("xiaomi".to_owned(), numbers(2, delivered, 0, 1))]);
    let all = numbers(3, delivered, 2 - delivered, 1);
    Told {
        balances: BTreeMap::from([(MESSAGE.to_owned(), Balances { all, by_channel })]),
        silent: Vec::new(),
        addressed: vec!["a".into(), "b".into()],
    }
}

fn findings(kills: &[u64], log: &[Pushed], told: &Told) -> Vec<String> {
    findings_of(&written(kills), log, told)
}

fn findings_of(written: &[WrittenDown], log: &[Pushed], told: &Told) -> Vec<String> {
    let devices = devices();
    let pushes = Pushes::read(written, &devices, log);
    let mut findings = pushes.findings.clone();
    findings.extend(compare(&pushes, &devices, told));
    findings
}

#[test]
fn everybody_once_closes() {
    assert_eq!(findings(&[], &[pushed("apns", "a"), pushed("xiaomi", "b")], &told(1)), Vec::<String>::new());
}

#[test]
fn twice_never_unknown_and_uncounted_are_found() {
    let once = [pushed("apns", "a"), pushed("xiaomi", "b")];
    let with = |more: Pushed| once.iter().cloned().chain([more]).collect::<Vec<_>>();
    assert_eq!(findings(&[], &with(pushed("apns", "a")), &told(1)).len(), 1, "twice");
    assert_eq!(findings(&[], &with(pushed("fcm", "a")), &told(1)).len(), 1, "at another vendor");
    let other = Pushed { message: "77".into(), ..pushed("apns", "a") };
    assert_eq!(findings(&[], &with(other), &told(1)).len(), 1, "a message that nobody sent");
    assert_eq!(findings(&[], &once[1..], &told(1)).len(), 2, "never, and counted as handed off");
    assert_eq!(findings(&[], &once, &told(0)).len(), 1, "an arrival that does not count");
    assert_eq!(findings(&[], &once, &told(2)).len(), 1, "one that counts twice");
}

#[test]
fn silence_is_an_excuse_only_for_what_a_kill_caught() {
    let log = [pushed("xiaomi", "b")];
    let silent = Told { silent: vec![(MESSAGE.into(), "a".into())], ..told(1) };
    assert_eq!(findings(&[1_100], &log, &silent), Vec::<String>::new());
    assert_eq!(findings(&[], &log, &silent).len(), 1, "nobody was killed, so nobody was about to be asked for");
    assert_eq!(findings(&[50], &log, &silent).len(), 1, "before it was sent");
    assert_eq!(findings(&[9_001], &log, &silent).len(), 1, "after it was over");
}

#[test]
fn silence_about_a_push_is_an_excuse_only_right_before_a_kill() {
    let log = [pushed("apns", "a"), pushed("xiaomi", "b")];
    let silent = Told { silent: vec![(MESSAGE.into(), "a".into())], ..told(1) };
    assert_eq!(findings(&[1_100], &log, &silent), Vec::<String>::new());
    assert_eq!(findings(&[5_000], &log, &silent).len(), 1, "seconds later its answer was written down");
}

#[test]
fn few_were_about_to_be_asked_for() {
    let device = |number: usize| Addressee {
        device_id: number.to_string(),
        channel: "apns".into(),
        token: format!("token-{number}"),
        is_dead: false,
    };
    let numbers = |count: usize| {
        let count = i64::try_from(count).unwrap();
        Numbers { targeted: count, handed_off: count, ..Numbers::default() }
    };
    let found = |count: usize| {
        let devices: Vec<_> = (0..count).map(device).collect();
        let by_channel = BTreeMap::from([("apns".to_owned(), numbers(count))]);
        let told = Told {
            balances: BTreeMap::from([(MESSAGE.to_owned(), Balances { all: numbers(count), by_channel })]),
            silent: devices.iter().map(|device| (MESSAGE.into(), device.device_id.clone())).collect(),
            addressed: devices.iter().map(|device| device.device_id.clone()).collect(),
        };
        compare(&Pushes::read(&written(&[1_000]), &devices, &[]), &devices, &told).len()
    };
    assert_eq!((found(100), found(101)), (0, 1));
}

#[test]
fn each_answer_that_was_taken_back_is_one_silent_device_that_was_pushed() {
    let log = [pushed("apns", "a"), pushed("xiaomi", "b")];
    let silent = Told { silent: vec![(MESSAGE.into(), "a".into())], ..told(1) };
    let lost = |answers| {
        let lost = WrittenDown::AnswersLost { message_id: MESSAGE.into(), channel: "apns".into(), answers };
        written(&[]).into_iter().chain([lost]).collect::<Vec<_>>()
    };
    assert_eq!(findings_of(&lost(1), &log, &silent), Vec::<String>::new());
    assert_eq!(findings_of(&lost(2), &log, &silent).len(), 1, "one was asked again, and taken for answered");
    assert_eq!(findings_of(&lost(1), &log[1..], &silent).len(), 1, "the vendor does not have it");
    assert_eq!(findings_of(&lost(1), &log, &told(1)).len(), 1, "nobody is silent");
    assert_eq!(findings_of(&lost(0), &log, &told(1)), Vec::<String>::new());
}

#[test]
fn dead_tokens_and_only_those_are_cleaned() {
    let log = [pushed("apns", "a"), pushed("xiaomi", "b")];
    let addressed = |ids: &[&str]| Told { addressed: ids.iter().map(|id| (*id).to_owned()).collect(), ..told(1) };
    assert_eq!(findings(&[], &log, &addressed(&["a", "b", "c"])).len(), 1);
    assert_eq!(findings(&[], &log, &addressed(&["a"])).len(), 1);
}

#[test]
fn a_balance_that_does_not_close_is_found() {
    let log = [pushed("apns", "a"), pushed("xiaomi", "b")];
    let mut open = told(1);
    let all = &mut open.balances.get_mut(MESSAGE).unwrap().all;
    (all.failed, all.pending) = (0, 1);
    assert_eq!(findings(&[], &log, &open).len(), 1, "pending");
    open.balances.get_mut(MESSAGE).unwrap().all.pending = 0;
    assert_eq!(findings(&[], &log, &open).len(), 1, "lost");
    assert_eq!(findings(&[], &log, &Told { balances: BTreeMap::new(), ..told(1) }).len(), 1, "no numbers");
}
