use super::*;
use crate::device::VendorToken;
use crate::expression::tests::device;
use crate::message::tests::broadcast;
use crate::preferences::QuietHours;
use crate::schedule::WallTime;
use crate::stage::Stage;
use crate::time::Millis;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn later(by: Millis) -> UnixMillis {
    NOW.plus(by)
}

fn token() -> VendorToken {
    VendorToken { channel: "fcm".to_owned(), token: "t".to_owned(), since: NOW }
}

#[test]
fn a_lane_changes_only_when_everybody_can_know() {
    let mut phone = device(&[]);
    assert_eq!(phone.lane_at(UnixMillis::NEVER), Lane::Feed);
    phone.vendor = Some(token());
    phone.note_lane(NOW);
    phone.note_lane(later(5));
    assert_eq!(phone.lanes.len(), 1, "the same again is no change");
    assert_eq!(phone.lane_at(later(LANE_CHANGES_AFTER - 1)), Lane::Feed);
    assert_eq!(phone.lane_at(later(LANE_CHANGES_AFTER)), Lane::Pages);
    phone.vendor = None;
    phone.note_lane(later(10));
    assert_eq!(phone.lane_at(later(LANE_CHANGES_AFTER)), Lane::Pages);
    assert_eq!(phone.lane_at(later(LANE_CHANGES_AFTER + 10)), Lane::Feed);
}

#[test]
fn the_past_stays_what_it_was_and_memory_is_bounded() {
    let mut phone = device(&[]);
    for n in 0..40_u64 {
        phone.preferences.quiet_hours = (n % 2 == 0).then_some(QuietHours { start: 0, end: 60 });
        phone.note_lane(later(n));
        assert!(phone.lanes.len() <= DEVICE_MAX_LANE_CHANGES);
        let before = if n % 2 == 0 { Lane::Feed } else { Lane::Pages };
        assert_eq!(phone.lane_at(later(n + LANE_CHANGES_AFTER - 1)), before);
        assert_eq!(phone.lane_at(later(n + LANE_CHANGES_AFTER)), before.other());
    }
}

#[test]
fn changes_at_one_moment_keep_their_order() {
    let mut phone = device(&[]);
    for n in 0..4 {
        phone.vendor = (n % 2 == 0).then(token);
        phone.note_lane(NOW);
    }
    assert!(phone.lanes.is_sorted_by(|one, next| one.at < next.at));
    assert_eq!(phone.lane_at(UnixMillis::NEVER), Lane::Feed);
}

const NINE: WallTime = WallTime { year: 2_026, month: 1, day: 1, hour: 9, minute: 0, second: 0 };

fn released(mut message: Message) -> Message {
    assert!(message.begin_release(NOW, Some(7)));
    message
}

#[test]
fn what_pages_must_decide_is_not_in_the_feed() {
    let changes: [fn(&mut Message); 8] = [
        |message| message.audience = Audience::Devices(Vec::new()),
        |message| message.schedule = Schedule::AtLocal(NINE),
        |message| message.exclude.uploaded = Some(crate::id::AudienceId::from_bytes([1; 16])),
        |message| message.options.delivery = DeliveryPolicy::VendorOnly,
        |message| message.options.rate_per_second = Some(1),
        |message| message.options.collapse_key = Some("k".to_owned()),
        |message| message.options.ttl_seconds = 0,
        |message| message.options.sync_read = true,
    ];
    assert_eq!(released(broadcast()).feed_after, Some(7));
    for change in changes {
        let mut message = broadcast();
        change(&mut message);
        assert_eq!(released(message).feed_after, None);
    }
}

#[test]
fn each_device_has_one_way() {
    let feed = device(&[]);
    let mut pages = device(&[]);
    pages.vendor = Some(token());
    pages.note_lane(NOW.minus(LANE_CHANGES_AFTER));
    let message = released(broadcast());
    assert_eq!((message.lane_of(&feed), message.lane_of(&pages)), (Lane::Feed, Lane::Pages));
    assert_eq!((message.rendering_in_feed(&feed), message.rendering_in_feed(&pages)), (Some(0), None));
    let mut own = broadcast();
    own.options.delivery = DeliveryPolicy::OwnOnly;
    assert!(!released(own.clone()).is_in_feed_only(), "quiet hours are for pages");
    own.options.quiet_hours = QuietHoursPolicy::Ignore;
    let own = released(own);
    assert!(own.is_in_feed_only() && own.segments() == 1);
    assert_eq!(own.rendering_in_feed(&pages), Some(0));
    let mut slowed = own;
    slowed.options.rate_per_second = Some(5);
    assert_eq!(slowed.rendering_in_feed(&pages), Some(0), "what was decided at the release stays");
}

#[test]
fn the_feed_spares_whom_pages_spare() {
    let changes: [fn(&mut Device, &mut Message); 6] = [
        |device, _| device.created_at = NOW.plus(1),
        |device, _| device.app = "other".parse().unwrap(),
        |device, _| device.profile.notifications_enabled = false,
        |device, message| {
            device.preferences.opted_out = vec!["offers".to_owned()];
            message.options.topic = Some("offers".to_owned());
        },
        |device, message| message.exclude.devices.push(device.id),
        |_, message| message.audience = Audience::Expression("vip".parse().unwrap()),
    ];
    for change in changes {
        let (mut device, mut message) = (device(&[]), broadcast());
        assert_eq!(released(message.clone()).rendering_in_feed(&device), Some(0));
        change(&mut device, &mut message);
        let message = released(message);
        assert_eq!(message.rendering_in_feed(&device), None);
        // What takes it back goes to whoever may have got it before they changed their mind.
        assert_eq!(message.means_in_feed(&device), message.refusal_of(&device).is_some());
    }
}

#[test]
fn a_message_in_a_feed_is_complete_when_it_is_closed() {
    let mut message = released(broadcast());
    message.stage = Stage::Released;
    let tally = Tally::default();
    assert!(!message.is_complete(&tally));
    message.stage = Stage::Completed;
    assert!(message.is_complete(&tally));
}
