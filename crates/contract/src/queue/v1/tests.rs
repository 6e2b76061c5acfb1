//! Round trips of any value, and the committed fixtures that must decode for ever.

use bytes::Bytes;
use homing_domain::{
    AudienceJob, BatchId, Channel, CloseJob, Cursor, DeviceId, DueTick, Ended, Event, Fact, FeedAction, FeedCounts,
    FeedHint, FeedJob, HandOff, HandOffTarget, MessageId, Notice, Priority, PushBody, Reason, Receipt, ReceiptBatch,
    Shard, ShardId, Stage, Tally, Target, Undelivered, UnixMillis, UserHash, VendorJob,
};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn device() -> impl Strategy<Value = DeviceId> {
    any::<[u8; 16]>().prop_map(DeviceId::from_bytes)
}

fn message() -> impl Strategy<Value = MessageId> {
    any::<[u8; 16]>().prop_map(MessageId::from_bytes)
}

fn cursor() -> impl Strategy<Value = Cursor> {
    prop_oneof![Just(Cursor::Start), any::<u32>().prop_map(Cursor::Index), device().prop_map(Cursor::After)]
}

fn shard() -> impl Strategy<Value = Shard> {
    let target = (device(), any::<Option<u64>>()).prop_map(|(device, user)| Target::plain(device, user.map(UserHash)));
    (any::<[u8; 16]>(), message(), prop::collection::vec(target, 0..=8), prop::option::of(cursor()))
        .prop_map(|(id, message, targets, next)| Shard { id: ShardId::from_bytes(id), message, targets, next })
}

fn event() -> impl Strategy<Value = Event> {
    let at = || any::<Option<u64>>().prop_map(|at| at.map(UnixMillis));
    let reason = prop::option::of(select(Reason::ALL.to_vec()));
    prop_oneof![
        (select(Stage::ENDS.to_vec()), reason, at(), at()).prop_map(|(stage, reason, enqueued_at, sent_at)| {
            Event::Ended(Ended { stage, reason, enqueued_at, sent_at })
        }),
        select(Fact::ALL.to_vec()).prop_map(Event::Fact),
    ]
}

fn receipt() -> impl Strategy<Value = Receipt> {
    (message(), device(), select(Channel::ALL.to_vec()), any::<u64>(), event()).prop_map(
        |(message, device, channel, at, event)| Receipt { message, device, channel, at: UnixMillis(at), event },
    )
}

fn hand_off() -> impl Strategy<Value = HandOff> {
    let target = (device(), any::<u64>(), any::<u64>(), any::<u64>())
        .prop_map(|(device, conn_seq, seq, at)| HandOffTarget { device, conn_seq, seq, enqueued_at: UnixMillis(at) });
    let priority = select(vec![Priority::Low, Priority::Normal, Priority::High]);
    let times = (any::<u64>(), any::<u64>());
    (message(), times, priority, any::<Option<String>>(), any::<Vec<u8>>(), prop::collection::vec(target, 0..=4))
        .prop_map(|(message, (accepted, expires), priority, collapse_key, payload, targets)| HandOff {
            body: PushBody {
                message,
                accepted_at: UnixMillis(accepted),
                expires_at: UnixMillis(expires),
                priority,
                collapse_key,
                payload: Bytes::from(payload),
                recalls: None,
            },
            targets,
        })
}

fn notice() -> impl Strategy<Value = Notice> {
    prop_oneof![
        hand_off().prop_map(Notice::HandOff),
        (device(), any::<u64>()).prop_map(|(device, conn_seq)| Notice::Reread { device, conn_seq }),
        (device(), any::<u64>()).prop_map(|(device, conn_seq)| Notice::Trim { device, conn_seq }),
        (device(), any::<u64>()).prop_map(|(device, by)| Notice::Superseded { device, by }),
        device().prop_map(|device| Notice::Revoked { device }),
        any::<u64>().prop_map(|offset| Notice::Feed(FeedHint { app: "demo".parse().unwrap(), offset })),
        Just(Notice::HeartbeatChanged),
        any::<u64>().prop_map(|spread| Notice::Drain { spread }),
    ]
}

proptest! {
    #[test]
    fn audience_jobs_come_back(message in message(), segment: Option<u8>, cursor in cursor()) {
        let job = AudienceJob { message, segment, cursor };
        prop_assert_eq!(decode::<AudienceJob>(&encode(&job)), Ok(job));
    }

    #[test]
    fn shards_come_back(shard in shard()) {
        prop_assert_eq!(decode_dispatch_input(&encode(&shard)), Ok(DispatchInput::Shard(shard)));
    }

    #[test]
    fn undelivered_come_back(device in device(), conn_seq: u64, message in message(), transient: bool) {
        let undelivered = Undelivered { device, conn_seq, message, transient };
        prop_assert_eq!(decode_dispatch_input(&encode(&undelivered)), Ok(DispatchInput::Undelivered(undelivered)));
    }

    #[test]
    fn vendor_jobs_come_back(shard in shard()) {
        let job = VendorJob { message: shard.message, targets: shard.targets };
        prop_assert_eq!(decode_dispatch_input(&encode(&job)), Ok(DispatchInput::Vendor(job)));
    }

    #[test]
    fn feed_jobs_come_back(message in message(), action in select(vec![FeedAction::Bring, FeedAction::Stop])) {
        let job = FeedJob { message, action };
        prop_assert_eq!(decode_dispatch_input(&encode(&job)), Ok(DispatchInput::Feed(job)));
    }

    #[test]
    fn receipt_batches_come_back(id: [u8; 16], receipts in prop::collection::vec(receipt(), 0..=8)) {
        let batch = ReceiptBatch { id: BatchId::from_bytes(id), receipts };
        prop_assert_eq!(decode_receipts_input(&encode(&batch)), Ok(ReceiptsInput::Batch(batch)));
    }

    #[test]
    fn feed_counts_come_back(id: [u8; 16], changes in prop::collection::vec((message(), any::<u32>()), 0..=8)) {
        let changes = changes.into_iter().map(|(message, devices)| (message, Tally::of_feed(devices))).collect();
        let counts = FeedCounts { id: BatchId::from_bytes(id), changes };
        prop_assert_eq!(decode_receipts_input(&encode(&counts)), Ok(ReceiptsInput::FeedCounts(counts)));
    }

    #[test]
    fn close_jobs_come_back(message in message(), at: u64, after: Option<[u8; 16]>) {
        let job = CloseJob { message, at: UnixMillis(at), after: after.map(ShardId::from_bytes) };
        prop_assert_eq!(decode::<CloseJob>(&encode(&job)), Ok(job));
    }

    #[test]
    fn due_ticks_come_back(message in message(), at: u64) {
        let tick = DueTick { message, at: UnixMillis(at) };
        prop_assert_eq!(decode::<DueTick>(&encode(&tick)), Ok(tick));
    }

    #[test]
    fn notices_come_back(notice in notice()) {
        prop_assert_eq!(decode::<Notice>(&encode(&notice)), Ok(notice));
    }

    #[test]
    fn any_bytes_are_answered(body: Vec<u8>) {
        prop_assert!(decode::<ReceiptBatch>(&body).is_err());
        prop_assert!(decode_dispatch_input(&body).is_err());
        prop_assert!(decode_receipts_input(&body).is_err());
    }
}

/// Values whose JSON is committed: what was written once must decode for ever, and to the same value.
mod fixtures {
    use super::*;

    const MESSAGE: MessageId = MessageId::from_bytes([0x11; 16]);
    const DEVICE: DeviceId = DeviceId::from_bytes([0x22; 16]);
    const OTHER: DeviceId = DeviceId::from_bytes([0x33; 16]);

    /// Reads the fixture, and checks that today's writer still writes it, field by field.
    fn check<T: Item + PartialEq + std::fmt::Debug>(fixture: &str, value: &T) {
        assert_eq!(decode::<T>(fixture.as_bytes()).as_ref(), Ok(value));
        let written: serde_json::Value = serde_json::from_slice(&encode(value)).unwrap();
        let committed: serde_json::Value = serde_json::from_str(fixture).unwrap();
        assert_eq!(written, committed);
    }

    macro_rules! fixture {
        ($name:literal) => {
            include_str!(concat!("../../../fixtures/queue-v1/", $name, ".json"))
        };
    }

    #[test]
    fn audience_jobs() {
        let job = |segment, cursor| AudienceJob { message: MESSAGE, segment, cursor };
        check(fixture!("audience-job"), &job(None, Cursor::Start));
        check(fixture!("audience-job-index"), &job(Some(0), Cursor::Index(256)));
        check(fixture!("audience-job-after"), &job(Some(8), Cursor::After(DEVICE)));
    }

    #[test]
    fn shards() {
        let shard = Shard {
            id: ShardId::from_bytes([0x44; 16]),
            message: MESSAGE,
            targets: vec![Target::plain(DEVICE, None), Target::plain(OTHER, Some(UserHash(u64::MAX)))],
            next: Some(Cursor::Index(2)),
        };
        check(fixture!("shard"), &shard);
    }

    #[test]
    fn vendor_jobs() {
        let targets =
            vec![Target { variant: 2, ..Target::plain(DEVICE, None) }, Target::plain(OTHER, Some(UserHash(u64::MAX)))];
        check(fixture!("vendor-job"), &VendorJob { message: MESSAGE, targets });
    }

    #[test]
    fn feed_jobs() {
        check(fixture!("feed-job-bring"), &FeedJob { message: MESSAGE, action: FeedAction::Bring });
        check(fixture!("feed-job-stop"), &FeedJob { message: MESSAGE, action: FeedAction::Stop });
    }

    #[test]
    fn feed_counts() {
        let other = MessageId::from_bytes([0x66; 16]);
        let changes = vec![(MESSAGE, Tally::of_feed(18_750)), (other, Tally::of_feed(1))];
        check(fixture!("feed-counts"), &FeedCounts { id: BatchId::from_bytes([0x55; 16]), changes });
    }

    #[test]
    fn undelivered() {
        check(fixture!("undelivered"), &Undelivered { device: DEVICE, conn_seq: 7, message: MESSAGE, transient: true });
    }

    #[test]
    fn receipt_batches() {
        let receipt = |event| Receipt {
            message: MESSAGE,
            device: DEVICE,
            channel: Channel::Own,
            at: UnixMillis(1_700_000_000_000),
            event,
        };
        let enqueued = Some(UnixMillis(1_699_999_999_000));
        let batch = ReceiptBatch {
            id: BatchId::from_bytes([0x55; 16]),
            receipts: vec![
                receipt(Event::Ended(Ended::delivered(enqueued, Some(UnixMillis(1_699_999_999_500))))),
                receipt(Event::Ended(Ended::undelivered(Reason::TimeToLive, None))),
                receipt(Event::Fact(Fact::Opened)),
            ],
        };
        check(fixture!("receipt-batch"), &batch);
    }

    #[test]
    fn close_jobs() {
        let job = |after| CloseJob { message: MESSAGE, at: UnixMillis(1_700_000_000_000), after };
        check(fixture!("close-job"), &job(None));
        check(fixture!("close-job-after"), &job(Some(ShardId::from_bytes([0x44; 16]))));
    }

    #[test]
    fn due_ticks() {
        check(fixture!("due-tick"), &DueTick { message: MESSAGE, at: UnixMillis(1_700_000_000_000) });
    }

    #[test]
    fn notices() {
        let hand_off = HandOff {
            body: PushBody {
                message: MESSAGE,
                accepted_at: UnixMillis(1),
                expires_at: UnixMillis(2),
                priority: Priority::High,
                collapse_key: Some("score".into()),
                payload: Bytes::from_static(b"{}"),
                recalls: None,
            },
            targets: vec![HandOffTarget { device: DEVICE, conn_seq: 3, seq: 4, enqueued_at: UnixMillis(5) }],
        };
        check(fixture!("notice-hand-off"), &Notice::HandOff(hand_off));
        check(fixture!("notice-reread"), &Notice::Reread { device: DEVICE, conn_seq: 3 });
        check(fixture!("notice-feed"), &Notice::Feed(FeedHint { app: "demo".parse().unwrap(), offset: 42 }));
        check(fixture!("notice-heartbeat-changed"), &Notice::HeartbeatChanged);
    }
}

mod refusals {
    use homing_domain::limits::{FEED_COUNTS_MAX, RECEIPT_BATCH_MAX, SHARD_MAX_DEVICES};

    use super::*;

    #[test]
    fn a_later_version_is_named() {
        assert_eq!(decode::<CloseJob>(br#"{"v":2,"kind":"close_job","until":"noon"}"#), Err(DecodeError::Version(2)));
    }

    #[test]
    fn another_kind_is_named() {
        let close = encode(&CloseJob { message: MessageId::from_bytes([1; 16]), at: UnixMillis(1), after: None });
        assert_eq!(decode_dispatch_input(&close), Err(DecodeError::Kind("close_job".into())));
        assert_eq!(decode_receipts_input(&close), Err(DecodeError::Kind("close_job".into())));
        assert_eq!(decode::<Shard>(&close), Err(DecodeError::Kind("close_job".into())));
    }

    #[test]
    fn an_unknown_field_is_passed_over() {
        let body = br#"{"v":1,"kind":"close_job","message":"11111111-1111-1111-1111-111111111111","at":5,"new":[1]}"#;
        assert_eq!(decode::<CloseJob>(body).map(|job| job.at), Ok(UnixMillis(5)));
    }

    #[test]
    fn more_than_one_item_may_hold_is_refused() {
        let target = Target::plain(DeviceId::from_bytes([1; 16]), Some(UserHash(u64::MAX)));
        let mut shard = Shard {
            id: ShardId::from_bytes([2; 16]),
            message: MessageId::from_bytes([3; 16]),
            targets: vec![target; SHARD_MAX_DEVICES],
            next: None,
        };
        let body = encode(&shard);
        assert!(body.len() < 64 * 1_024, "{} bytes", body.len());
        assert!(decode::<Shard>(&body).is_ok());
        shard.targets.push(target);
        assert!(matches!(decode::<Shard>(&encode(&shard)), Err(DecodeError::TooMany { what: "targets", .. })));
        let mut job = VendorJob { message: shard.message, targets: shard.targets };
        assert!(matches!(decode::<VendorJob>(&encode(&job)), Err(DecodeError::TooMany { what: "targets", .. })));
        job.targets.pop();
        assert_eq!(decode::<VendorJob>(&encode(&job)), Ok(job));
        let change = (MessageId::from_bytes([3; 16]), Tally::of_feed(u32::MAX));
        let mut counts = FeedCounts { id: BatchId::from_bytes([4; 16]), changes: vec![change; FEED_COUNTS_MAX] };
        let body = encode(&counts);
        assert!(body.len() < 64 * 1_024, "{} bytes", body.len());
        assert_eq!(decode::<FeedCounts>(&body).as_ref(), Ok(&counts));
        counts.changes.push((MessageId::from_bytes([5; 16]), Tally::of_feed(1)));
        assert!(matches!(decode::<FeedCounts>(&encode(&counts)), Err(DecodeError::TooMany { what: "messages", .. })));
    }

    #[test]
    fn gateways_count_upwards_only() {
        let body = br#"{"v":1,"kind":"feed_counts","id":"11111111-1111-1111-1111-111111111111","changes":[{
            "message":"11111111-1111-1111-1111-111111111111","delivered":-1}]}"#;
        assert!(matches!(decode_receipts_input(body), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn a_feed_job_must_say_what_to_do() {
        for action in ["", r#","action":"hold""#] {
            let id = "11111111-1111-1111-1111-111111111111";
            let body = format!(r#"{{"v":1,"kind":"feed_job","message":"{id}"{action}}}"#);
            assert!(matches!(decode_dispatch_input(body.as_bytes()), Err(DecodeError::Malformed(_))), "{body}");
        }
    }

    #[test]
    fn the_largest_batch_fits_a_queue_item() {
        let receipt = Receipt {
            message: MessageId::from_bytes([1; 16]),
            device: DeviceId::from_bytes([2; 16]),
            channel: Channel::WebPush,
            at: UnixMillis(1_700_000_000_000),
            event: Event::Ended(Ended {
                stage: Stage::HandedOff,
                reason: Some(Reason::UnknownDevice),
                enqueued_at: Some(UnixMillis(1_700_000_000_000)),
                sent_at: Some(UnixMillis(1_700_000_000_000)),
            }),
        };
        let batch = ReceiptBatch { id: BatchId::from_bytes([3; 16]), receipts: vec![receipt; RECEIPT_BATCH_MAX] };
        let body = encode(&batch);
        assert!(body.len() < 256 * 1_024, "{} bytes", body.len());
    }

    #[test]
    fn a_delivery_cannot_end_in_a_stage_of_messages() {
        let body = br#"{"v":1,"kind":"receipt_batch","id":"11111111-1111-1111-1111-111111111111","receipts":[{
            "message":"11111111-1111-1111-1111-111111111111","device":"11111111-1111-1111-1111-111111111111",
            "channel":"own","at":1,"event":{"ended":{"stage":"released"}}}]}"#;
        assert!(matches!(decode::<ReceiptBatch>(body), Err(DecodeError::Invalid(_))));
    }
}
