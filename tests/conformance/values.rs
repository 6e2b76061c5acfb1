//! Nouns with every field set, so that a field that an adapter forgets is seen.

use bytes::Bytes;
use homing_domain::limits::{
    COLLAPSE_KEY_MAX_BYTES, FALLBACK_MAX, LOCALIZATIONS_MAX, PAYLOAD_MAX_BYTES, TOPIC_MAX_BYTES, UPLOAD_KEPT_FOR,
};
use homing_domain::mailbox::{Body, Enqueue, Mailbox, Takeover};
use homing_domain::{
    AlertSettings, App, AppId, Audience, AudienceId, BatchId, Channel, ChannelConfig, ChannelCredential, ChannelPolicy,
    Control, Cursor, DeliveryPolicy, Device, DeviceId, DeviceProfile, Ended, Event, EventSettings, Exclusion, Fact,
    FeedAction, FeedEntry, Flow, GatewayRef, HeartbeatSettings, Interval, Lane, LaneChange, Lease, Load, Localization,
    Member, MemberKey, MemberKind, Message, MessageId, Options, Platform, Preferences, Priority, QuietHours,
    QuietHoursPolicy, Receipt, Schedule, Seq, ServerId, ServerKey, Shard, ShardId, Stage, Target, UnixMillis,
    UploadedAudience, Upstream, UpstreamRoute, UserHash, UserId, VendorToken,
};

/// An id that starts with the top bits of `n` and ends with all of it, so that ids sort as their numbers do.
fn id(n: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    bytes[12..].copy_from_slice(&n.to_be_bytes());
    bytes
}

pub(crate) fn app_id(name: &str) -> AppId {
    name.parse().unwrap()
}

pub(crate) fn device_id(n: u32) -> DeviceId {
    DeviceId::from_bytes(id(n))
}

pub(crate) fn message_id(n: u32) -> MessageId {
    MessageId::from_bytes(id(n))
}

pub(crate) fn batch_id(n: u32) -> BatchId {
    BatchId::from_bytes(id(n))
}

pub(crate) fn shard_id(n: u32) -> ShardId {
    ShardId::from_bytes(id(n))
}

pub(crate) fn audience_id(n: u32) -> AudienceId {
    AudienceId::from_bytes(id(n))
}

/// A list that outlives every test.
pub(crate) fn uploaded(n: u32, app: &str, created_at: UnixMillis) -> UploadedAudience {
    UploadedAudience {
        id: audience_id(n),
        app: app_id(app),
        name: Some("秋季 VIP".to_owned()),
        kind: MemberKind::Users,
        created_at,
        expires_at: created_at.plus(UPLOAD_KEPT_FOR),
        members: None,
    }
}

pub(crate) fn member(n: u32) -> Member {
    Member { key: MemberKey(id(n)), user: Some(user_id(&format!("用户 {n}"))) }
}

pub(crate) fn user_id(name: &str) -> UserId {
    name.parse().unwrap()
}

pub(crate) fn heartbeat() -> HeartbeatSettings {
    HeartbeatSettings {
        quic: Interval { initial: 50_000, minimum: 20_000, maximum: 200_000 },
        tcp: Interval { initial: 250_000, minimum: 100_000, maximum: 500_000 },
        idle_factor_percent: 170,
    }
}

pub(crate) fn app(name: &str) -> App {
    App {
        id: app_id(name),
        name: format!("应用 {name}"),
        server_keys: vec![
            ServerKey { digest: [1; 32], hint: "hk_1".to_owned(), created_at: UnixMillis(5), expires_at: None },
            ServerKey {
                digest: [2; 32],
                hint: "hk_2".to_owned(),
                created_at: UnixMillis(4),
                expires_at: Some(UnixMillis(9)),
            },
        ],
        client_key: [3; 32],
        quota_per_second: Some(17),
        heartbeat: Some(heartbeat()),
        events: EventSettings { message_completed: true, presence: true },
        upstream: UpstreamRoute::Queue("https://sqs.example/incoming".to_owned()),
        alerts: AlertSettings {
            emails: vec!["值班@shop.example".to_owned(), "b@shop.example".to_owned()],
            webhook_url: Some("https://shop.example/alerts".to_owned()),
        },
        created_at: UnixMillis(6),
        revision: 1,
    }
}

/// What is set for a channel, of a revision.
pub(crate) fn channel_config(app: &str, channel: Channel, revision: u64) -> ChannelConfig {
    ChannelConfig {
        app: app_id(app),
        channel,
        credential: Some(ChannelCredential {
            sealed: Bytes::from_static(b"\x00\xff"),
            kind: "certificate".to_owned(),
            public: vec![("topic".to_owned(), "com.example.店".to_owned()), ("team".to_owned(), String::new())],
            expires_at: Some(UnixMillis(70)),
            uploaded_at: UnixMillis(7),
            warned_days: Some(30),
        }),
        policy: ChannelPolicy {
            attempts_max: 3,
            base: 250,
            max: 9_000,
            per_second: Some(400),
            burst: Some(20),
            batch_max: Some(100),
            repeats_unanswered: true,
        },
        revision,
    }
}

pub(crate) fn device(n: u32, app: &str, user: Option<&str>) -> Device {
    Device {
        id: device_id(n),
        app: app_id(app),
        profile: DeviceProfile {
            platform: Platform::Harmony,
            brand: Some("品牌".to_owned()),
            model: Some("M1".to_owned()),
            os_version: Some("5".to_owned()),
            app_version: Some("1.2".to_owned()),
            locale: Some("zh-CN".to_owned()),
            timezone: Some("Asia/Shanghai".to_owned()),
            notifications_enabled: true,
        },
        vendor: Some(VendorToken { channel: "huawei".to_owned(), token: format!("token-{n}"), since: UnixMillis(3) }),
        user: user.map(user_id),
        tags: vec!["a".to_owned(), "b".to_owned()],
        epoch: 7,
        key_id: 2,
        credential_generation: 4,
        created_at: UnixMillis(1),
        updated_at: UnixMillis(u64::from(n)),
        revision: 1,
        lanes: vec![
            LaneChange { at: UnixMillis(30_003), to: Lane::Pages },
            LaneChange { at: UnixMillis(30_004), to: Lane::Feed },
        ],
        user_since: user.map(|_| UnixMillis(2)),
        preferences: Preferences {
            quiet_hours: Some(QuietHours { start: 1_320, end: 420 }),
            opted_out: vec!["ads".to_owned(), "新闻".to_owned()],
        },
        seen_at: UnixMillis(4),
    }
}

pub(crate) fn message(n: u32, app: &str, audience: Audience) -> Message {
    Message {
        id: message_id(n),
        app: app_id(app),
        audience,
        payload: Bytes::from("{\"notification\":{\"title\":\"券到账 🎉\"}}"),
        options: Options {
            ttl_seconds: 60,
            priority: Priority::High,
            collapse_key: Some("k".to_owned()),
            ..Options::default()
        },
        body_sha256: [9; 32],
        accepted_at: UnixMillis(1_000 + u64::from(n)),
        release_at: Some(UnixMillis(900)),
        expires_at: UnixMillis(61_000 + u64::from(n)),
        stage: Stage::Accepted,
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

/// A message with every field set that a sender can set, of the largest kind of each.
pub(crate) fn full_message(n: u32, app: &str) -> Message {
    let localization =
        |n: usize| Localization { language: format!("x-{n}"), payload: Bytes::from(vec![b'l'; PAYLOAD_MAX_BYTES]) };
    Message {
        exclude: Exclusion {
            devices: (0..100).map(device_id).collect(),
            users: vec![user_id("lin"), user_id("用户")],
            expression: Some("vip && !muted".parse().expect("an expression")),
            uploaded: Some(audience_id(4)),
        },
        payload: Bytes::from(vec![b'p'; PAYLOAD_MAX_BYTES]),
        localizations: (0..LOCALIZATIONS_MAX).map(localization).collect(),
        overrides: vec![(Channel::Apns, Bytes::from_static(b"{}")), (Channel::Fcm, Bytes::from(vec![b'o'; 900]))],
        recalls: Some(message_id(77)),
        options: Options {
            ttl_seconds: 61,
            priority: Priority::Low,
            collapse_key: Some("k".repeat(COLLAPSE_KEY_MAX_BYTES)),
            rate_per_second: Some(u32::MAX),
            topic: Some("t".repeat(TOPIC_MAX_BYTES)),
            quiet_hours: QuietHoursPolicy::Drop,
            silent: true,
            sync_read: true,
            delivery: DeliveryPolicy::Fallback { fallback_after: FALLBACK_MAX },
        },
        series: Some(message_id(78)),
        control: Control { flow: Flow::Paused, paused_at: Some(UnixMillis(5)), paused_for: 6 },
        holds: vec![UnixMillis(0), UnixMillis(7)],
        ..message(n, app, Audience::All)
    }
}

/// A broadcast that needs no page once it is in the feed of its app: it asks no vendor and meets no quiet hours.
pub(crate) fn broadcast(n: u32, app: &str) -> Message {
    let options = Options { ttl_seconds: 60, silent: true, delivery: DeliveryPolicy::OwnOnly, ..Options::default() };
    Message { options, ..message(n, app, Audience::All) }
}

pub(crate) fn feed_entry(message: u32) -> FeedEntry {
    FeedEntry { message: message_id(message), action: FeedAction::Bring, expires_at: UnixMillis(61_000) }
}

pub(crate) fn shard(n: u32, message: u32) -> Shard {
    Shard {
        id: shard_id(n),
        message: message_id(message),
        targets: vec![Target::plain(device_id(1), Some(UserHash(77))), Target::plain(device_id(2), None)],
        next: Some(Cursor::After(device_id(2))),
    }
}

pub(crate) fn mailbox() -> Mailbox {
    Mailbox::new(app_id("shop"), 7, 1, Some(user_id("lin").hash()))
}

pub(crate) fn enqueue(n: u32) -> Enqueue {
    Enqueue {
        app: app_id("shop"),
        message: message_id(n),
        user: None,
        now: UnixMillis(u64::from(n)),
        accepted_at: UnixMillis(1),
        expires_at: UnixMillis(99),
        priority: Priority::High,
        collapse_key: None,
        body: Body::Inline(Bytes::from(vec![b'{'; n as usize % 500])),
        variant: 0,
    }
}

pub(crate) fn gateway(incarnation: u64) -> GatewayRef {
    GatewayRef { server_id: ServerId([8; 8]), incarnation }
}

pub(crate) fn lease(incarnation: u64, expires_at: UnixMillis) -> Lease {
    Lease {
        gateway: gateway(incarnation),
        host: "gw.example".to_owned(),
        port: 7443,
        region: "east".to_owned(),
        load: Load { links: 3, capacity: 10 },
        draining: true,
        expires_at,
    }
}

pub(crate) fn takeover(conn_seq: u64) -> Takeover {
    Takeover { gateway: gateway(conn_seq), conn_seq, credential_generation: 1, now: UnixMillis(0) }
}

pub(crate) fn delivered(message: u32, device: u32) -> Receipt {
    receipt(message, device, Event::Ended(Ended::delivered(Some(UnixMillis(2)), Some(UnixMillis(3)))))
}

pub(crate) fn fact(message: u32, device: u32, fact: Fact) -> Receipt {
    receipt(message, device, Event::Fact(fact))
}

pub(crate) fn receipt(message: u32, device: u32, event: Event) -> Receipt {
    Receipt {
        message: message_id(message),
        device: device_id(device),
        channel: Channel::Own,
        at: UnixMillis(40),
        event,
    }
}

pub(crate) fn upstream(device: u32, id: u64) -> Upstream {
    Upstream {
        app: app_id("shop"),
        device: device_id(device),
        id,
        topic: "chat/房间".to_owned(),
        payload: Bytes::from_static(b"\x00\xff"),
        received_at: UnixMillis(12),
    }
}

/// The numbers of a run of seqs.
pub(crate) fn seqs(from: Seq, to: Seq) -> Vec<Seq> {
    (from..=to).collect()
}
