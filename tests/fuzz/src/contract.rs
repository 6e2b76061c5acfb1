//! JSON from a business system, and from a queue.

use std::fmt::Debug;

use homing_contract::http::v1::PushRequest;
use homing_contract::queue::v1::{Item, decode, decode_dispatch_input, encode};
use homing_domain::limits::{
    AUDIENCE_MAX_NAMES, LOCALIZATIONS_MAX, PAYLOAD_MAX_BYTES, SCHEDULE_MAX_AHEAD, SCHEDULE_PAST_TOLERANCE,
    TTL_MAX_SECONDS,
};
use homing_domain::{
    Audience, AudienceJob, CloseJob, DeviceId, DueTick, Notice, ReceiptBatch, Schedule, Shard, Undelivered, UnixMillis,
};

/// Late in 2023: as good as any time.
const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

/// A request is either refused with reasons that point at it, or it is within every limit.
pub fn contract_message(data: &[u8]) {
    let Ok(request) = serde_json::from_slice::<PushRequest>(data) else { return };
    let written = serde_json::to_vec(&request).expect("a request that was read can be written");
    // Not compared: a number with a fraction may differ in its last bit.
    let _: PushRequest = serde_json::from_slice(&written).expect("and read again");

    let device_of_token = |token: &str| token.starts_with('t').then(|| DeviceId::from_bytes([7; 16]));
    match request.check(NOW, &device_of_token) {
        Ok(valid) => {
            assert!(valid.payload.len() <= PAYLOAD_MAX_BYTES);
            let payload: serde_json::Value = serde_json::from_slice(&valid.payload).expect("the payload is JSON");
            assert!(payload.is_object());
            assert!(valid.options.ttl_seconds <= TTL_MAX_SECONDS);
            // A recurring message comes whenever its expression does.
            let end = if matches!(valid.schedule, Schedule::Recurring(_)) {
                SCHEDULE_MAX_AHEAD * 9
            } else {
                SCHEDULE_MAX_AHEAD
            };
            let allowed = NOW.minus(SCHEDULE_PAST_TOLERANCE)..=NOW.plus(end);
            assert!(valid.release_at.is_none_or(|at| allowed.contains(&at)), "{:?}", valid.release_at);
            let names = match &valid.audience {
                Audience::Devices(devices) => devices.len(),
                Audience::Users(users) => users.len(),
                Audience::Expression(_) | Audience::Uploaded(_) | Audience::All => 1,
                Audience::RecipientsOf(_) => panic!("nobody may ask for that"),
            };
            let excluded = &valid.exclude;
            assert!(excluded.devices.len().max(excluded.users.len()) <= AUDIENCE_MAX_NAMES);
            assert!(valid.localizations.len() <= LOCALIZATIONS_MAX);
            assert!(valid.localizations.iter().all(|other| other.payload.len() <= PAYLOAD_MAX_BYTES));
            assert!((1..=AUDIENCE_MAX_NAMES).contains(&names), "{names} names");
        }
        Err(violations) => {
            let violations = violations.into_vec();
            assert!(!violations.is_empty(), "refused without a reason");
            for violation in violations {
                assert!(violation.pointer.is_empty() || violation.pointer.starts_with('/'), "{violation:?}");
            }
        }
    }
}

/// What stands in a queue is read as what it is, or given up: it never stops a worker.
pub fn queue_envelopes(data: &[u8]) {
    reads_back::<AudienceJob>(data);
    reads_back::<Shard>(data);
    reads_back::<Undelivered>(data);
    reads_back::<ReceiptBatch>(data);
    reads_back::<CloseJob>(data);
    reads_back::<DueTick>(data);
    reads_back::<Notice>(data);
    let is_dispatch = decode::<Shard>(data).is_ok() || decode::<Undelivered>(data).is_ok();
    assert_eq!(decode_dispatch_input(data).is_ok(), is_dispatch);
}

fn reads_back<T: Item + PartialEq + Debug>(data: &[u8]) {
    if let Ok(item) = decode::<T>(data) {
        assert_eq!(decode::<T>(&encode(&item)).as_ref(), Ok(&item));
    }
}
