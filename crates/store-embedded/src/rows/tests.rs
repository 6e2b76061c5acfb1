//! Rows of the first release: what it wrote is read for ever, and what is written today it could have written.
//!
//! A field that is added later is missing in these texts and must read as "not set"; a text never changes.

use std::fmt::Write as _;

use homing_domain::limits::FALLBACK_MAX;
use homing_domain::mailbox::{Body, Enqueue, Mailbox, Takeover};
use homing_domain::{
    AlertSettings, App, Audience, AudienceId, BatchId, Breakdown, Channel, ChannelConfig, ChannelCredential,
    ChannelPolicy, Control, Counter, Cursor, Delivery, DeliveryPolicy, Device, DeviceId, DeviceProfile, DeviceSnapshot,
    Ended, Event, EventSettings, Exclusion, Fact, FeedAction, FeedEntry, Flow, GatewayRef, HeartbeatSettings, Interval,
    Lane, LaneChange, Localization, MemberKey, MemberKind, Message, MessageId, Options, Platform, Preferences,
    Priority, QuietHours, QuietHoursPolicy, Reason, Receipt, Recurrence, Schedule, ServerId, ServerKey, Shard, ShardId,
    Snapshots, Stage, Step, Tally, Target, UnixMillis, UploadedAudience, Upstream, UpstreamRoute, UserHash,
    VendorToken, VersionLabel, WallTime,
};
use homing_ports::FleetSettings;

use super::code::Code;
use super::*;

const DEVICE: DeviceId = DeviceId::from_bytes([1; 16]);
const MESSAGE: MessageId = MessageId::from_bytes([2; 16]);

#[track_caller]
fn holds<T: Stored + PartialEq + std::fmt::Debug>(noun: &T, first_release: &str) {
    let written = write(noun);
    let text = written.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    assert_eq!(text, first_release);
    assert_eq!(&read::<T>(Table::Format, written.into()).unwrap(), noun);
}

/// A row of an earlier release means this.
#[track_caller]
fn reads<T: Stored + PartialEq + std::fmt::Debug>(noun: &T, earlier: &str) {
    assert_eq!(&read::<T>(Table::Format, bytes_of(earlier).into()).unwrap(), noun);
}

fn bytes_of(text: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    text.trim_end().as_bytes().chunks(2).map(byte).collect()
}

#[track_caller]
fn reads_back<T: Stored + PartialEq + std::fmt::Debug>(noun: &T) {
    assert_eq!(&read::<T>(Table::Format, write(noun).into()).unwrap(), noun);
}

fn heartbeat() -> HeartbeatSettings {
    HeartbeatSettings {
        quic: Interval { initial: 2, minimum: 1, maximum: 3 },
        tcp: Interval { initial: 5, minimum: 4, maximum: 6 },
        idle_factor_percent: 150,
    }
}

#[test]
fn settings() {
    let settings = FleetSettings { heartbeat: heartbeat(), admin_token: Some([3; 32]), revision: 4 };
    holds(&settings, include_str!("fixtures/settings.hex").trim_end());
}

#[test]
fn app() {
    let app = App {
        id: "shop".parse().unwrap(),
        name: "店".to_owned(),
        server_keys: vec![ServerKey {
            digest: [3; 32],
            hint: "h".to_owned(),
            created_at: UnixMillis(1),
            expires_at: Some(UnixMillis(2)),
        }],
        client_key: [4; 32],
        quota_per_second: Some(5),
        heartbeat: Some(heartbeat()),
        events: EventSettings::default(),
        upstream: UpstreamRoute::Poll,
        alerts: AlertSettings::default(),
        created_at: UnixMillis(6),
        revision: 7,
    };
    holds(&app, include_str!("fixtures/app.hex").trim_end());
}

#[test]
fn device() {
    let device = Device {
        id: DEVICE,
        app: "shop".parse().unwrap(),
        profile: DeviceProfile {
            platform: Platform::Car,
            brand: Some("b".to_owned()),
            model: Some("m".to_owned()),
            os_version: Some("o".to_owned()),
            app_version: Some("a".to_owned()),
            locale: Some("l".to_owned()),
            timezone: Some("t".to_owned()),
            notifications_enabled: true,
        },
        vendor: Some(VendorToken { channel: "fcm".to_owned(), token: "t".to_owned(), since: UnixMillis(1) }),
        user: Some("lin".parse().unwrap()),
        tags: vec!["x".to_owned(), "y".to_owned()],
        epoch: 2,
        key_id: 3,
        credential_generation: 4,
        created_at: UnixMillis(5),
        updated_at: UnixMillis(6),
        revision: 7,
        // It noted none: its vendor's address has always been there.
        lanes: vec![LaneChange { at: UnixMillis(0), to: Lane::Pages }],
        user_since: None,
        preferences: Preferences::default(),
        seen_at: UnixMillis(6),
    };
    // It knew no `seen_at`: the device was seen when it changed.
    reads(&device, include_str!("fixtures/device.hex"));
    reads_back(&device);
    let preferences = Preferences {
        quiet_hours: Some(QuietHours { start: 1_320, end: 420 }),
        opted_out: vec!["ads".to_owned(), "新闻".to_owned()],
    };
    reads_back(&Device { user_since: Some(UnixMillis(0)), preferences, seen_at: UnixMillis(0), ..device });
}

#[test]
fn mailbox() {
    let mut mailbox = Mailbox::new("shop".parse().unwrap(), 7, 1, Some(UserHash(9)));
    for n in 1..=4 {
        mailbox.enqueue(Enqueue {
            app: "shop".parse().unwrap(),
            message: MessageId::from_bytes([n; 16]),
            user: Some(UserHash(9)),
            now: UnixMillis(3),
            accepted_at: UnixMillis(2),
            expires_at: UnixMillis::NEVER,
            priority: Priority::High,
            collapse_key: Some(format!("k{n}")),
            body: if n == 4 { Body::Reference } else { Body::Inline(Bytes::from_static(b"{}")) },
            variant: 0,
        });
    }
    mailbox.withdraw(MessageId::from_bytes([3; 16]), Reason::Recalled);
    let gateway = GatewayRef { server_id: ServerId([5; 8]), incarnation: 6 };
    mailbox.take_over(Takeover { gateway, conn_seq: 8, credential_generation: 1, now: UnixMillis(0) }).unwrap();
    mailbox.trim(8, 1, 1).unwrap();
    mailbox.withdraw(MessageId::from_bytes([2; 16]), Reason::Recalled);
    mailbox.withdraw(MessageId::from_bytes([6; 16]), Reason::Recalled);
    mailbox.sent = 2;
    holds(&mailbox, include_str!("fixtures/mailbox.hex").trim_end());
}

#[test]
fn message() {
    let message = Message {
        id: MESSAGE,
        app: "shop".parse().unwrap(),
        audience: Audience::Users(vec!["lin".parse().unwrap(), "wei".parse().unwrap()]),
        payload: Bytes::from_static(b"{}"),
        options: Options {
            ttl_seconds: 60,
            priority: Priority::Low,
            collapse_key: Some("k".to_owned()),
            ..Options::default()
        },
        body_sha256: [3; 32],
        accepted_at: UnixMillis(4),
        release_at: None,
        expires_at: UnixMillis(5),
        stage: Stage::Released,
        releasing_at: Some(UnixMillis(6)),
        released_at: Some(UnixMillis(7)),
        exclude: Exclusion::default(),
        localizations: Vec::new(),
        overrides: Vec::new(),
        recalls: None,
        schedule: Schedule::Now,
        series: None,
        control: Control::default(),
        holds: Vec::new(),
        feed_after: None,
        segments_done: 1,
    };
    holds(&message, include_str!("fixtures/message.hex").trim_end());
}

#[test]
fn what_came_with_the_second_format_reads_back() {
    let scheduled = Message {
        id: MESSAGE,
        app: "shop".parse().unwrap(),
        audience: Audience::All,
        payload: Bytes::from_static(b"{}"),
        options: Options {
            ttl_seconds: 60,
            priority: Priority::High,
            collapse_key: Some("k".to_owned()),
            ..Options::default()
        },
        body_sha256: [3; 32],
        accepted_at: UnixMillis(4_000),
        release_at: Some(UnixMillis(5_000)),
        expires_at: UnixMillis(65_000),
        stage: Stage::Scheduled,
        releasing_at: None,
        released_at: None,
        exclude: Exclusion::default(),
        localizations: Vec::new(),
        overrides: Vec::new(),
        recalls: None,
        // It knew only when, and that was for all.
        schedule: Schedule::At(UnixMillis(5_000)),
        series: None,
        control: Control::default(),
        holds: Vec::new(),
        feed_after: None,
        segments_done: 0,
    };
    reads(&scheduled, include_str!("fixtures/message_2_scheduled.hex"));
    let releasing = Message {
        stage: Stage::Releasing,
        releasing_at: Some(UnixMillis(5_001)),
        segments_done: 6,
        ..scheduled.clone()
    };
    reads(&releasing, include_str!("fixtures/message_2_releasing.hex"));
    for schedule in [Schedule::Now, Schedule::At(UnixMillis(7))] {
        reads_back(&Message { schedule, ..scheduled.clone() });
    }
    for upstream in [UpstreamRoute::Poll, UpstreamRoute::Queue("https://sqs/q".to_owned()), UpstreamRoute::Bus] {
        let app = App {
            id: "shop".parse().unwrap(),
            name: "n".to_owned(),
            server_keys: Vec::new(),
            client_key: [4; 32],
            quota_per_second: None,
            heartbeat: None,
            events: EventSettings { message_completed: true, presence: upstream == UpstreamRoute::Bus },
            upstream,
            alerts: AlertSettings::default(),
            created_at: UnixMillis(6),
            revision: 7,
        };
        reads_back(&app);
    }
}

fn third_format() -> Message {
    Message {
        id: MESSAGE,
        app: "shop".parse().unwrap(),
        audience: Audience::RecipientsOf(MESSAGE),
        exclude: Exclusion {
            devices: vec![DEVICE],
            users: vec!["wei".parse().unwrap()],
            expression: Some("vip && !muted".parse().unwrap()),
            uploaded: Some(AudienceId::from_bytes([4; 16])),
        },
        payload: Bytes::from_static(b"{}"),
        localizations: vec![Localization { language: "zh-cn".to_owned(), payload: Bytes::from_static(b"{\"a\":1}") }],
        overrides: vec![(Channel::Apns, Bytes::from_static(b"{}"))],
        recalls: Some(MESSAGE),
        options: Options {
            ttl_seconds: 60,
            priority: Priority::Low,
            collapse_key: None,
            rate_per_second: Some(9),
            topic: Some("ads".to_owned()),
            quiet_hours: QuietHoursPolicy::Drop,
            silent: true,
            sync_read: true,
            delivery: DeliveryPolicy::default(),
        },
        body_sha256: [3; 32],
        accepted_at: UnixMillis(4),
        schedule: Schedule::Now,
        release_at: None,
        series: Some(MessageId::from_bytes([9; 16])),
        expires_at: UnixMillis(6),
        stage: Stage::Releasing,
        releasing_at: Some(UnixMillis(5)),
        released_at: None,
        segments_done: 0,
        control: Control { flow: Flow::Paused, paused_at: Some(UnixMillis(7)), paused_for: 8 },
        holds: vec![UnixMillis(0), UnixMillis(9), UnixMillis::NEVER],
        feed_after: None,
    }
}

#[test]
fn what_came_with_the_third_format_reads_back() {
    holds(&third_format(), include_str!("fixtures/message_3.hex").trim_end());
    let recurrence = |until, remaining| {
        let (cron, timezone) = ("0 9 * * *".to_owned(), "Asia/Shanghai".to_owned());
        Schedule::Recurring(Recurrence { cron, timezone, until, remaining })
    };
    let wall = WallTime { year: 9_998, month: 12, day: 31, hour: 23, minute: 59, second: 58 };
    for schedule in [
        Schedule::AtLocal(wall),
        recurrence(None, None),
        recurrence(Some(UnixMillis(0)), Some(0)),
        Schedule::At(UnixMillis(0)),
    ] {
        reads_back(&Message { schedule, release_at: Some(UnixMillis(8)), ..third_format() });
    }
    let audiences = [
        Audience::Expression("platform == android".parse().unwrap()),
        Audience::Uploaded(AudienceId::from_bytes([4; 16])),
    ];
    for audience in audiences {
        reads_back(&Message { audience, ..third_format() });
    }
    for kind in [MemberKind::Devices, MemberKind::Users] {
        let list = UploadedAudience {
            id: AudienceId::from_bytes([4; 16]),
            app: "shop".parse().unwrap(),
            name: (kind == MemberKind::Users).then(|| "券".to_owned()),
            kind,
            created_at: UnixMillis(1),
            expires_at: UnixMillis::NEVER,
            members: (kind == MemberKind::Users).then_some(0),
        };
        reads_back(&list);
    }
}

#[test]
fn pages_of_the_third_format_read_back() {
    let refused = Target { refusal: Some(Reason::QuietHours), ..Target::plain(DEVICE, None) };
    let held = Target { variant: u8::MAX, hold: Some(UnixMillis(0)), ..Target::plain(DEVICE, Some(UserHash(0))) };
    let cursors = [
        Cursor::Start,
        Cursor::Index(0),
        Cursor::After(DEVICE),
        Cursor::AfterMember(MemberKey([0; 16])),
        Cursor::AfterShard(ShardId::from_bytes([0; 16])),
    ];
    for next in cursors.map(Some).into_iter().chain([None]) {
        let targets = vec![refused, held, Target::plain(DEVICE, None)];
        reads_back(&Shard { id: ShardId::from_bytes([3; 16]), message: MESSAGE, targets, next });
    }
}

#[test]
fn what_came_with_the_fourth_format_reads_back() {
    let policies = [
        DeliveryPolicy::OnlineFirst { fallback_after: 0 },
        DeliveryPolicy::OwnOnly,
        DeliveryPolicy::VendorOnly,
        DeliveryPolicy::Fallback { fallback_after: 0 },
        DeliveryPolicy::Fallback { fallback_after: FALLBACK_MAX },
    ];
    for (delivery, feed_after) in policies.into_iter().zip([None, Some(0), Some(u64::MAX), None, Some(1)]) {
        let options = Options { delivery, ..third_format().options };
        reads_back(&Message { options, feed_after, ..third_format() });
    }
    let mut mailbox = Mailbox::new("shop".parse().unwrap(), 7, 1, None);
    mailbox.has_vendor = true;
    reads_back(&mailbox);
    for claimed_at in [None, Some(UnixMillis(0)), Some(UnixMillis::NEVER)] {
        reads_back(&Delivery { claimed_at, ..Delivery::new(MESSAGE, DEVICE, Channel::WebPush) });
    }
    for action in [FeedAction::Bring, FeedAction::Stop] {
        reads_back(&FeedEntry { message: MESSAGE, action, expires_at: UnixMillis::NEVER });
    }
}

#[test]
fn what_came_with_the_fifth_format_reads_back() {
    let shop = read::<App>(Table::Format, bytes_of(include_str!("fixtures/app.hex")).into()).unwrap();
    assert_eq!(shop.alerts, AlertSettings::default(), "the first release knew none");
    for (emails, webhook_url) in [(1, None), (0, Some("https://shop.example/a".to_owned())), (8, Some(String::new()))] {
        let emails = (0..emails).map(|n| format!("{n}@shop.example")).collect();
        reads_back(&App { alerts: AlertSettings { emails, webhook_url }, ..shop.clone() });
    }
    let credential = |days: Option<u16>| ChannelCredential {
        sealed: Bytes::from_static(b"\0\xff"),
        kind: "certificate".to_owned(),
        public: days.iter().map(|_| ("topic".to_owned(), "店".to_owned())).collect(),
        expires_at: days.map(|_| UnixMillis(0)),
        uploaded_at: UnixMillis(6),
        warned_days: days,
    };
    let every_field = ChannelPolicy {
        attempts_max: 0,
        base: 2,
        max: u64::MAX,
        per_second: Some(0),
        burst: Some(u32::MAX),
        batch_max: Some(u16::MAX),
        repeats_unanswered: true,
    };
    for credential in [None, Some(credential(None)), Some(credential(Some(0))), Some(credential(Some(u16::MAX)))] {
        for (channel, policy) in [(Channel::WebPush, ChannelPolicy::default()), (Channel::Apns, every_field)] {
            let (app, credential) = (shop.id.clone(), credential.clone());
            reads_back(&ChannelConfig { app, channel, credential, policy, revision: 9 });
        }
    }
    for before in [None, Some(DeviceId::from_bytes([0; 16]))] {
        reads_back(&TokenOwner { device: DEVICE, before });
    }
    reads_back(&Delivery { reason: Some(Reason::VendorSilent), ..Delivery::new(MESSAGE, DEVICE, Channel::Oppo) });
}

#[test]
fn a_device_has_the_lanes_that_were_noted_or_those_it_must_have_had() {
    let first = read::<Device>(Table::Format, bytes_of(include_str!("fixtures/device.hex")).into()).unwrap();
    let quiet_hours = Some(QuietHours { start: 0, end: 1 });
    let plain = Device { vendor: None, lanes: Vec::new(), ..first.clone() };
    let quiet = Device { preferences: Preferences { quiet_hours, ..Preferences::default() }, ..plain.clone() };
    let always = vec![LaneChange { at: UnixMillis(0), to: Lane::Pages }];
    let moved =
        vec![LaneChange { at: UnixMillis(9), to: Lane::Pages }, LaneChange { at: UnixMillis(10), to: Lane::Feed }];
    // As the third format has it.
    let third = Device {
        lanes: always.clone(),
        preferences: Preferences {
            opted_out: vec!["ads".to_owned()],
            quiet_hours: Some(QuietHours { start: 1_320, end: 420 }),
        },
        user_since: Some(UnixMillis(5)),
        seen_at: UnixMillis(7),
        ..plain.clone()
    };
    holds(&third, include_str!("fixtures/device_3.hex").trim_end());
    for device in [first, plain, quiet] {
        for lanes in [Vec::new(), always.clone(), moved.clone()] {
            reads_back(&Device { lanes, ..device.clone() });
        }
        let is_plain = device.vendor.is_none() && device.preferences.quiet_hours.is_none();
        let mut unnoted = device.to_row();
        unnoted.lanes = None;
        let expected = if is_plain { Vec::new() } else { always.clone() };
        assert_eq!(Device::from_row(unnoted).unwrap().lanes, expected, "of a row of the release before");
    }
}

#[test]
fn shard() {
    let shard = Shard {
        id: ShardId::from_bytes([3; 16]),
        message: MESSAGE,
        targets: vec![Target::plain(DEVICE, Some(UserHash(4))), Target::plain(DEVICE, None)],
        next: Some(Cursor::After(DEVICE)),
    };
    holds(&shard, include_str!("fixtures/shard.hex").trim_end());
}

#[test]
fn delivery() {
    let mut row = Delivery::new(MESSAGE, DEVICE, Channel::Fcm);
    let events = [
        Event::Ended(Ended::undelivered(Reason::Closed, Some(UnixMillis(1)))),
        Event::Fact(Fact::Displayed),
        Event::Fact(Fact::Opened),
        Event::Fact(Fact::Dismissed),
        Event::Ended(Ended::delivered(Some(UnixMillis(2)), Some(UnixMillis(3)))),
    ];
    for (batch, event) in (1..).zip(events) {
        let receipt = Receipt { message: MESSAGE, device: DEVICE, channel: Channel::Own, at: UnixMillis(9), event };
        assert!(row.record(&receipt, BatchId::from_bytes([batch; 16])));
    }
    row.reason = Some(Reason::Overflow);
    let before_the_sixth = Delivery { sent: None, ..row.clone() };
    reads(&before_the_sixth, include_str!("fixtures/delivery.hex").trim_end());
    let about = DeviceSnapshot {
        app: "shop".parse().unwrap(),
        user: Some("ada".parse().unwrap()),
        platform: Platform::Harmony,
        version: VersionLabel::new("1.2.3"),
        since: UnixMillis(1),
    };
    row.keep_about(&Snapshots::from([(DEVICE, about)]));
    holds(&row, include_str!("fixtures/delivery_6.hex").trim_end());
}

#[test]
fn tally() {
    let mut tally = Tally::targeted(300);
    tally.add(Counter::Ended(Channel::Own, Stage::Delivered), 5);
    tally.add(Counter::Ended(Channel::WebPush, Stage::HandedOff), -1);
    tally.add(Counter::Fact(Channel::Apns, Fact::Opened), 2);
    holds(&tally, include_str!("fixtures/tally.hex").trim_end());
    tally.add(Counter::Accepted, 1);
    tally.add(Counter::Sent(Channel::WebPush), 4);
    tally.add(Counter::Of(Breakdown::Platform(Platform::Ios), Step::Displayed), 2);
    tally.add(Counter::Of(Breakdown::Version(VersionLabel::new("1.2.3")), Step::Opened), 3);
    holds(&tally, include_str!("fixtures/tally_6.hex").trim_end());
}

#[test]
fn upstream() {
    let upstream = Upstream {
        app: "shop".parse().unwrap(),
        device: DEVICE,
        id: 2,
        topic: "t".to_owned(),
        payload: Bytes::from_static(b"p"),
        received_at: UnixMillis(3),
    };
    holds(&upstream, include_str!("fixtures/upstream.hex").trim_end());
}

#[test]
fn every_code_reads_back() {
    fn all<T: Code + PartialEq + std::fmt::Debug>(values: impl IntoIterator<Item = T>) {
        for value in values {
            assert_ne!(value.code(), 0, "zero is for what is missing");
            assert_eq!(T::from_code(value.code()), Ok(value));
        }
        assert!(T::from_code(0).is_err());
    }
    all(Platform::ALL);
    all([Priority::Low, Priority::Normal, Priority::High]);
    all(Stage::ALL);
    all(Reason::ALL);
    all(Channel::ALL);
    all(Fact::ALL);
    all([Lane::Feed, Lane::Pages]);
    all([FeedAction::Bring, FeedAction::Stop]);
    all([Flow::Running, Flow::Paused, Flow::Aborted, Flow::Recalled]);
    all([QuietHoursPolicy::Hold, QuietHoursPolicy::Drop, QuietHoursPolicy::Ignore]);
    all([MemberKind::Devices, MemberKind::Users]);
}

#[test]
fn a_damaged_row_says_what_is_wrong() {
    let not_protobuf = read::<Delivery>(Table::Deliveries, Bytes::from_static(b"\xff\xff")).unwrap_err();
    assert_eq!(not_protobuf.to_string(), "damaged row in table Deliveries: not the table's protobuf");
    let empty = read::<Delivery>(Table::Deliveries, Bytes::new()).unwrap_err();
    assert_eq!(empty.to_string(), "damaged row in table Deliveries: message");
}
