//! Why a message is where it is, in words.

use homing_contract::http::v1::to_timestamp;
use homing_domain::mailbox::EntryState;
use homing_domain::{Delivery, DeliveryPolicy, Flow, Reason, Schedule, Stage, Target};

use super::{Known, Subject};

/// One sentence about the whole.
pub(super) fn explanation(subject: Subject<'_>, known: &Known) -> String {
    if let Some(delivery) = known.delivery.as_ref().filter(|delivery| delivery.stage.is_terminal()) {
        return sentence(end(delivery));
    }
    if let Some(entry) = &known.entry {
        return sentence(&match entry.state {
            EntryState::Tombstone(Reason::TakenByVendor) | EntryState::Marked(Reason::TakenByVendor) => {
                "the device's vendor took it, which is about to be recorded".to_owned()
            }
            EntryState::Tombstone(reason) => format!("it will not be delivered: {}", reason.in_words()),
            EntryState::Marked(reason) => {
                format!("it was withdrawn, and the device will say whether it had it already: {}", reason.in_words())
            }
            EntryState::Live if entry.expires_at <= subject.now => {
                "its time to live ran out while it waited for the device; this is recorded when the device comes back, or \
                 an hour after it ran out"
                    .to_owned()
            }
            EntryState::Live if known.is_online => {
                "the device is online and has not acknowledged it yet".to_owned()
            }
            EntryState::Live => "it waits in the device's mailbox; the device is offline".to_owned(),
        });
    }
    if let Some(words) = known.target.as_ref().and_then(|target| decided(subject, target)) {
        return sentence(&words);
    }
    let message = subject.message;
    if message.feed_after.is_some() && !known.is_targeted {
        return sentence(by_feed(subject, known));
    }
    let is_series = matches!(message.schedule, Schedule::Recurring(_));
    sentence(match (known.is_targeted, message.stage, message.control.flow) {
        (true, ..) if message.options.delivery == DeliveryPolicy::VendorOnly => {
            "it is on its way to the device's vendor, or its end is about to be recorded"
        }
        (true, ..) => "it is on its way to the device's mailbox, or its end is about to be recorded",
        (false, Stage::Scheduled, _) if is_series => "each of its occurrences is a message of its own",
        (false, Stage::Scheduled, _) => "it waits for its time",
        (false, Stage::Accepted, _) => "the enumeration of its devices has not begun yet",
        (false, Stage::Cancelled, _) => "the sender cancelled it before its release",
        (false, Stage::Releasing, Flow::Paused) => {
            "the sender paused it before this device's turn, if it is among them"
        }
        (false, _, Flow::Aborted) => "the sender aborted it before this device's turn, or it is not for this device",
        (false, _, Flow::Recalled) => "the sender recalled it before this device's turn, or it is not for this device",
        (false, Stage::Releasing, Flow::Running) => {
            "the enumeration of its devices has not come to this one, if it is among them"
        }
        (false, ..) => "it is not for this device",
    })
}

/// Of a message in a feed, and a device that no page names: nobody writes down to which single devices it came.
fn by_feed(subject: Subject<'_>, known: &Known) -> &'static str {
    let message = subject.message;
    let facts = known.delivery.as_ref().map(|delivery| [delivery.displayed, delivery.opened, delivery.dismissed]);
    if facts.is_some_and(|facts| facts.iter().any(Option::is_some)) {
        return "the device has it by the feed of its app, where arrivals on single devices are not recorded; what its person did \
                with it is";
    }
    match message.control.flow {
        Flow::Aborted | Flow::Recalled => {
            "it went by the feed of its app until it was stopped; to which single devices it came is not recorded"
        }
        _ if message.expires_at <= subject.now => {
            "it went by the feed of its app until it expired; to which single devices it came is not recorded"
        }
        Flow::Running | Flow::Paused => {
            "it goes by the feed of its app: the device gets it while it is online, or when it next is, if it is meant for it; to \
             which single devices it came is not recorded"
        }
    }
}

/// What its page says of a device that nothing has happened to yet.
fn decided(subject: Subject<'_>, target: &Target) -> Option<String> {
    if let Some(reason) = target.refusal {
        return Some(format!("it will not be delivered, which is about to be recorded: {}", reason.in_words()));
    }
    let until = target.hold.filter(|hold| *hold > subject.now)?;
    let what = match subject.message.schedule {
        Schedule::AtLocal(_) => "its time on the device's own clock, and for the end of the person's quiet hours",
        _ => "the end of the person's quiet hours",
    };
    Some(format!("it waits for {what}: until {}", to_timestamp(until)))
}

/// How a delivery ended.
pub(super) fn end(delivery: &Delivery) -> &'static str {
    match (delivery.reason, delivery.stage) {
        (_, Stage::Delivered) => "the device acknowledged it",
        (Some(reason), _) => reason.in_words(),
        (None, Stage::HandedOff) => "the vendor took it, and gives no delivery receipts",
        (None, Stage::Cancelled) => "the message was cancelled before release",
        (None, _) => "it ended without a reason on record",
    }
}

/// Begins with a capital letter and ends with a full stop.
fn sentence(words: &str) -> String {
    let mut characters = words.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + characters.as_str() + "."
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use homing_domain::mailbox::{Body, Entry};
    use homing_domain::{
        Audience, Channel, Control, DeviceId, Ended, Event, Exclusion, Fact, Message, MessageId, Options, Priority,
        Reason, Receipt, UnixMillis, WallTime,
    };

    use super::*;

    fn message(stage: Stage) -> Message {
        Message {
            id: MessageId::from_bytes([1; 16]),
            app: "demo".parse().unwrap(),
            audience: Audience::All,
            payload: Bytes::new(),
            options: Options { ttl_seconds: 60, priority: Priority::Normal, collapse_key: None, ..Options::default() },
            body_sha256: [0; 32],
            accepted_at: UnixMillis(0),
            release_at: None,
            expires_at: UnixMillis(60_000),
            stage,
            releasing_at: None,
            released_at: None,
            exclude: Exclusion::default(),
            localizations: Vec::new(),
            overrides: Vec::new(),
            recalls: None,
            schedule: Schedule::Now,
            series: None,
            control: Control::default(),
            holds: Vec::new(),
            feed_after: None,
            segments_done: 0,
        }
    }

    fn entry(state: EntryState) -> Entry {
        Entry {
            span: 1,
            message: MessageId::from_bytes([1; 16]),
            state,
            enqueued_at: UnixMillis(1),
            accepted_at: UnixMillis(0),
            expires_at: UnixMillis(60_000),
            priority: Priority::Normal,
            collapse_key: None,
            user: None,
            body: Body::Reference,
            variant: 0,
        }
    }

    fn say(stage: Stage, known: &Known, now: u64) -> String {
        let message = message(stage);
        let device = DeviceId::from_bytes([2; 16]);
        explanation(Subject { message: &message, device, leases: &[], now: UnixMillis(now) }, known)
    }

    #[test]
    fn every_reason_is_said_when_it_ended() {
        // A vendor that takes it ends nothing by itself: what the vendor answered does.
        for reason in Reason::ALL.into_iter().filter(|reason| *reason != Reason::TakenByVendor) {
            let mut row = Delivery::new(MessageId::from_bytes([1; 16]), DeviceId::from_bytes([2; 16]), Channel::Own);
            let receipt = Receipt {
                message: row.message,
                device: row.device,
                channel: Channel::Own,
                at: UnixMillis(5),
                event: Event::Ended(Ended::undelivered(reason, None)),
            };
            assert!(row.record(&receipt, homing_domain::BatchId::from_bytes([3; 16])));
            let known = Known { delivery: Some(row), is_targeted: true, ..Known::default() };
            assert_eq!(say(Stage::Released, &known, 10), sentence(reason.in_words()));
        }
    }

    #[test]
    fn what_waits_says_for_what() {
        let waits = |state, is_online, now| {
            let known = Known { entry: Some(entry(state)), is_targeted: true, is_online, ..Known::default() };
            say(Stage::Released, &known, now)
        };
        assert_eq!(waits(EntryState::Live, false, 10), "It waits in the device's mailbox; the device is offline.");
        assert_eq!(waits(EntryState::Live, true, 10), "The device is online and has not acknowledged it yet.");
        assert!(waits(EntryState::Live, true, 60_000).starts_with("Its time to live ran out"));
        assert!(waits(EntryState::Marked(Reason::Unbound), true, 10).starts_with("It was withdrawn"));
        for taken in [EntryState::Marked(Reason::TakenByVendor), EntryState::Tombstone(Reason::TakenByVendor)] {
            assert!(waits(taken, true, 10).starts_with("The device's vendor took it"));
        }
        assert!(waits(EntryState::Tombstone(Reason::Collapsed), true, 10).contains("collapse key"));
    }

    #[test]
    fn what_is_not_targeted_says_why() {
        let nothing = Known::default();
        assert!(say(Stage::Accepted, &nothing, 1).contains("has not begun"));
        assert_eq!(say(Stage::Scheduled, &nothing, 1), "It waits for its time.");
        assert!(say(Stage::Releasing, &nothing, 1).contains("has not come to this one"));
        assert_eq!(say(Stage::Released, &nothing, 1), "It is not for this device.");
        assert!(say(Stage::Released, &Known { is_targeted: true, ..Known::default() }, 1).contains("on its way"));
    }

    #[test]
    fn what_goes_by_a_feed_says_that_nobody_records_single_devices() {
        let in_feed = |flow, known: &Known, now| {
            let mut message = message(Stage::Released);
            (message.feed_after, message.control.flow) = (Some(3), flow);
            let device = DeviceId::from_bytes([2; 16]);
            explanation(Subject { message: &message, device, leases: &[], now: UnixMillis(now) }, known)
        };
        let nothing = Known::default();
        for (flow, now, beginning) in [
            (Flow::Running, 59_999, "It goes by the feed of its app: the device gets it while it is online"),
            (Flow::Running, 60_000, "It went by the feed of its app until it expired;"),
            (Flow::Aborted, 10, "It went by the feed of its app until it was stopped;"),
            (Flow::Recalled, 10, "It went by the feed of its app until it was stopped;"),
        ] {
            let words = in_feed(flow, &nothing, now);
            assert!(words.starts_with(beginning), "{words}");
            assert!(words.ends_with("to which single devices it came is not recorded."), "{words}");
        }
        let mut row = Delivery::new(MessageId::from_bytes([1; 16]), DeviceId::from_bytes([2; 16]), Channel::Own);
        let receipt = Receipt {
            message: row.message,
            device: row.device,
            channel: Channel::Own,
            at: UnixMillis(5),
            event: Event::Fact(Fact::Opened),
        };
        assert!(row.record(&receipt, homing_domain::BatchId::from_bytes([3; 16])));
        let opened = Known { delivery: Some(row), ..Known::default() };
        assert!(in_feed(Flow::Running, &opened, 10).starts_with("The device has it by the feed of its app"));
        // A page that names the device is sure.
        let named = Known { entry: Some(entry(EntryState::Live)), is_targeted: true, ..Known::default() };
        assert_eq!(in_feed(Flow::Running, &named, 10), "It waits in the device's mailbox; the device is offline.");
    }

    #[test]
    fn what_goes_by_vendors_alone_is_on_its_way_to_them() {
        let mut message = message(Stage::Released);
        message.options.delivery = DeliveryPolicy::VendorOnly;
        let subject =
            Subject { message: &message, device: DeviceId::from_bytes([2; 16]), leases: &[], now: UnixMillis(1) };
        let known = Known { is_targeted: true, ..Known::default() };
        assert!(explanation(subject, &known).starts_with("It is on its way to the device's vendor"));
    }

    #[test]
    fn what_its_page_decided_is_said_while_nothing_else_is_known() {
        let plain = Target::plain(DeviceId::from_bytes([2; 16]), None);
        let say = |target, schedule, now| {
            let known = Known { target: Some(target), is_targeted: true, ..Known::default() };
            let message = Message { schedule, ..message(Stage::Releasing) };
            let device = DeviceId::from_bytes([2; 16]);
            explanation(Subject { message: &message, device, leases: &[], now: UnixMillis(now) }, &known)
        };
        let held = Target { hold: Some(UnixMillis(60_000)), ..plain };
        let until = "quiet hours: until 1970-01-01T00:01:00Z.";
        assert_eq!(say(held, Schedule::Now, 10), format!("It waits for the end of the person's {until}"));
        let wall = WallTime { year: 1970, month: 1, day: 1, hour: 0, minute: 1, second: 0 };
        assert!(say(held, Schedule::AtLocal(wall), 10).starts_with("It waits for its time on the device's own clock"));
        assert!(say(held, Schedule::Now, 60_000).contains("on its way"), "its time has come");
        let refused = Target { refusal: Some(Reason::OptedOut), ..plain };
        assert!(say(refused, Schedule::Now, 10).ends_with(&format!("{}.", Reason::OptedOut.in_words())));
    }

    #[test]
    fn who_was_not_reached_in_time_hears_what_the_sender_did() {
        for (flow, word) in [(Flow::Paused, "paused"), (Flow::Aborted, "aborted"), (Flow::Recalled, "recalled")] {
            let mut message = message(Stage::Releasing);
            message.control.flow = flow;
            let subject =
                Subject { message: &message, device: DeviceId::from_bytes([2; 16]), leases: &[], now: UnixMillis(1) };
            assert!(explanation(subject, &Known::default()).contains(word));
        }
        assert!(say(Stage::Cancelled, &Known::default(), 1).contains("cancelled"));
    }
}
