//! Round trips, and the committed fixtures that every reader was built on.

use bytes::Bytes;
use homing_domain::limits::{UPSTREAM_MAX_BYTES, UPSTREAM_TOPIC_MAX_BYTES};
use homing_domain::{
    AppId, Balance, BusEvent, DeviceId, GatewayRef, MessageId, Presence, ServerId, UnixMillis, Upstream,
};
use proptest::prelude::*;

use super::*;
use crate::http::v1::PayloadEncoding;

const AT: UnixMillis = UnixMillis(1_700_000_000_123);

fn app() -> AppId {
    "shop".parse().unwrap()
}

fn presence() -> Presence {
    Presence {
        app: app(),
        device: DeviceId::from_bytes([0x22; 16]),
        conn_seq: 7,
        gateway: GatewayRef { server_id: ServerId([0, 0, 0, 0, 0, 0, 0, 0xa1]), incarnation: 3 },
        at: AT,
    }
}

fn upstream(topic: &str, payload: &[u8]) -> Upstream {
    Upstream {
        app: app(),
        device: DeviceId::from_bytes([0x22; 16]),
        id: 12,
        topic: topic.to_owned(),
        payload: Bytes::copy_from_slice(payload),
        received_at: AT,
    }
}

/// Today's writer still writes the fixture, field by field, and today's reader reads it.
fn check(fixture: &str, written: &BusMessage) {
    let json: serde_json::Value = serde_json::from_slice(&written.json).unwrap();
    assert_eq!(json, serde_json::from_str::<serde_json::Value>(fixture).unwrap());
    assert_eq!((json["type"].as_str(), json["id"].as_str()), (Some(written.kind), Some(written.id.as_str())));
    assert_eq!(decode(fixture.as_bytes()), decode(&written.json));
    assert_eq!(decode(fixture.as_bytes()).unwrap().item.kind(), written.kind);
}

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../fixtures/bus-v1/", $name, ".json"))
    };
}

#[test]
fn fixtures_hold() {
    let balance = Balance { targeted: 3, delivered: 2, expired: 1, opened: 1, ..Balance::default() };
    let message = MessageId::from_bytes([0x11; 16]);
    let completed = BusEvent::MessageCompleted { app: app(), message, balance, at: AT };
    check(fixture!("message-completed"), &encode(&completed));
    check(fixture!("device-online"), &encode(&BusEvent::DeviceOnline(presence())));
    check(fixture!("device-offline"), &encode(&BusEvent::DeviceOffline(presence())));
    let alert = |app| BusEvent::Alert { app, name: "dead_letter", detail: "an item of dispatch".to_owned(), at: AT };
    check(fixture!("alert"), &encode(&alert(None)));
    check(fixture!("alert-of-app"), &encode(&alert(Some(app()))));
    check(fixture!("device-upstream"), &encode_upstream(&upstream("cart", "{\"n\":1} ü".as_bytes())));
    check(fixture!("device-upstream-binary"), &encode_upstream(&upstream("", b"\xff\x00")));
}

#[test]
fn another_version_is_named_as_such() {
    assert_eq!(decode(br#"{"v":2}"#), Err(BusDecodeError::Version(2)));
    assert!(matches!(decode(b"[]"), Err(BusDecodeError::Malformed(_))));
    assert!(matches!(decode(br#"{"v":1,"id":"a","at":"x"}"#), Err(BusDecodeError::Malformed(_))));
}

#[test]
fn an_alert_is_cut_between_characters() {
    let alert = BusEvent::Alert { app: None, name: "x", detail: "ü".repeat(5_000), at: AT };
    let BusItem::Alert(data) = decode(&encode(&alert).json).unwrap().item else { panic!("no alert") };
    assert_eq!(data.detail, "ü".repeat(512));
}

/// The characters that an SQS message may hold.
const fn is_sqs_text(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

proptest! {
    #[test]
    fn any_upstream_message_comes_back_and_fits_sqs(
        topic in prop_oneof![any::<String>(), Just("\u{fffe}\u{ffff}\0".to_owned())],
        payload in prop_oneof![any::<Vec<u8>>(), any::<String>().prop_map(String::into_bytes)],
    ) {
        let upstream = upstream(&topic, &payload);
        let message = encode_upstream(&upstream);
        prop_assert!(std::str::from_utf8(&message.json).unwrap().chars().all(is_sqs_text));
        let envelope = decode(&message.json).unwrap();
        let BusItem::DeviceUpstream(data) = envelope.item else { panic!("{:?}", envelope.item) };
        prop_assert_eq!((data.topic, data.encoding), (topic, PayloadEncoding::write(&payload).1));
        prop_assert_eq!(data.payload, PayloadEncoding::write(&payload).0);
    }
}

/// A control character takes six bytes.
#[test]
fn the_largest_upstream_message_is_small() {
    let largest = upstream(&"\0".repeat(UPSTREAM_TOPIC_MAX_BYTES), &[0; UPSTREAM_MAX_BYTES]);
    assert!(encode_upstream(&largest).json.len() < 32 * 1_024);
}
