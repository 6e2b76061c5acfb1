use bytes::Bytes;
use homing_domain::{Audience, DeviceId, Localization, MessageId, QuietHours, WallTime};

use super::*;
use crate::tests::message;
use crate::tests::world::{NOW, device};

// NOW is 2023-11-14T22:13:20Z.
const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;

fn push() -> Message {
    let mut message = message(Audience::All);
    message.options.ttl_seconds = 24 * 3_600;
    message.expires_at = NOW.plus(24 * HOUR);
    message
}

fn phone() -> Device {
    device(&"demo".parse().unwrap(), 1, None, NOW)
}

fn sleeper(start: u16, end: u16) -> Device {
    let mut device = phone();
    device.preferences.quiet_hours = Some(QuietHours { start: start * 60, end: end * 60 });
    device
}

fn decided(message: &Message, device: &Device) -> Target {
    decide(message, device, Target::plain(device.id, None), NOW)
}

#[test]
fn who_does_not_want_to_be_notified_gets_what_shows_nothing() {
    let mut device = phone();
    device.profile.notifications_enabled = false;
    let mut message = push();
    assert_eq!(decided(&message, &device).refusal, Some(Reason::NotificationsOff));
    message.options.silent = true;
    assert_eq!(decided(&message, &device), Target::plain(device.id, None));
    let device = sleeper(22, 7);
    assert_eq!(decided(&message, &device).hold, None, "nor does it wake anybody");
}

#[test]
fn an_unwanted_topic_is_refused_even_in_silence() {
    let mut device = phone();
    device.preferences.opted_out = vec!["news".to_owned()];
    let mut message = push();
    message.options.silent = true;
    message.options.topic = Some("news".to_owned());
    assert_eq!(decided(&message, &device).refusal, Some(Reason::OptedOut));
    message.options.topic = Some("orders".to_owned());
    assert_eq!(decided(&message, &device).refusal, None);
}

#[test]
fn quiet_hours_hold_drop_or_do_not_matter() {
    let device = sleeper(22, 7);
    let mut message = push();
    let until = UnixMillis(1_700_031_600_000); // 07:00 UTC
    assert_eq!(decided(&message, &device), Target { hold: Some(until), ..Target::plain(device.id, None) });
    message.options.quiet_hours = QuietHoursPolicy::Drop;
    let dropped = decided(&message, &device);
    assert_eq!((dropped.hold, dropped.refusal), (None, Some(Reason::QuietHours)));
    message.options.quiet_hours = QuietHoursPolicy::Ignore;
    assert_eq!(decided(&message, &device), Target::plain(device.id, None));
    message.options.quiet_hours = QuietHoursPolicy::Drop;
    assert_eq!(decided(&message, &sleeper(23, 7)), Target::plain(device.id, None), "not yet");
}

#[test]
fn ends_of_quiet_hours_are_rounded_up() {
    let mut device = sleeper(22, 7);
    device.preferences.quiet_hours = Some(QuietHours { start: 22 * 60, end: 7 * 60 + 1 });
    assert_eq!(decided(&push(), &device).hold, Some(UnixMillis(1_700_031_600_000 + 15 * MINUTE)));
    assert_eq!(round_up(UnixMillis(30), 15), UnixMillis(30));
}

#[test]
fn what_would_come_too_late_ends_when_it_expires() {
    let device = sleeper(22, 7);
    let mut message = push();
    message.expires_at = NOW.plus(HOUR);
    assert_eq!(decided(&message, &device).hold, Some(NOW.plus(HOUR)));
    message.options.ttl_seconds = 0;
    message.expires_at = message.accepted_at;
    let now_or_never = decided(&message, &device);
    assert_eq!((now_or_never.hold, now_or_never.refusal), (None, Some(Reason::QuietHours)));
}

#[test]
fn a_local_time_is_the_devices_own() {
    let mut message = push();
    message.expires_at = NOW.plus(72 * HOUR);
    // 08:00 in Shanghai is midnight UTC.
    let time = WallTime { year: 2023, month: 11, day: 15, hour: 8, minute: 0, second: 1 };
    message.schedule = Schedule::AtLocal(time);
    let mut device = phone();
    let mut at = |zone: Option<&str>| {
        device.profile.timezone = zone.map(str::to_owned);
        decided(&message, &device).hold
    };
    let midnight = UnixMillis(1_700_006_400_000);
    assert_eq!(at(Some("Asia/Shanghai")), Some(midnight.plus(1_000)));
    assert_eq!(at(None), Some(midnight.plus(8 * HOUR + 1_000)));
    assert_eq!(at(Some("Pacific/Kiritimati")), None, "passed already");
}

#[test]
fn quiet_hours_are_those_of_the_local_time() {
    let mut message = push();
    message.expires_at = NOW.plus(72 * HOUR);
    message.schedule = Schedule::AtLocal(WallTime { year: 2023, month: 11, day: 15, hour: 8, minute: 0, second: 0 });
    let eight = UnixMillis(1_700_006_400_000).plus(8 * HOUR);
    assert_eq!(decided(&message, &sleeper(22, 7)).hold, Some(eight), "quiet now, not then");
    assert_eq!(decided(&message, &sleeper(7, 9)).hold, Some(eight.plus(HOUR)), "quiet then");
    message.options.quiet_hours = QuietHoursPolicy::Drop;
    assert_eq!(decided(&message, &sleeper(7, 9)).refusal, Some(Reason::QuietHours));
    assert_eq!(decided(&message, &sleeper(22, 7)).refusal, None);
}

#[test]
fn each_device_gets_its_language() {
    let mut message = push();
    let localized = |language: &str| Localization { language: language.to_owned(), payload: Bytes::new() };
    message.localizations = vec![localized("zh"), localized("de")];
    let mut device = phone();
    device.profile.locale = Some("de-AT".to_owned());
    assert_eq!(decided(&message, &device).variant, 2);
    device.profile.locale = Some("fr".to_owned());
    assert_eq!(decided(&message, &device).variant, 0);
}

#[test]
fn what_takes_back_is_never_refused_or_held() {
    let mut device = sleeper(22, 7);
    device.profile.notifications_enabled = false;
    let mut message = push();
    message.recalls = Some(MessageId::from_bytes([3; 16]));
    let target = Target::plain(DeviceId::from_bytes([1; 16]), None);
    assert_eq!(decide(&message, &device, target, NOW), target);
    assert!(!needs_directory(&message));
    message.recalls = None;
    assert!(needs_directory(&message));
}
