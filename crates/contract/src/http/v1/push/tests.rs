use homing_domain::DeliveryPolicy;
use homing_domain::limits::PAYLOAD_MAX_BYTES;
use serde_json::json;

use super::*;

const DEVICE: &str = "00000000-0000-0000-0000-000000000001";
/// 2023-11-14T22:13:20Z.
const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const DAY: u64 = 24 * 3_600_000;

fn check(body: Value) -> Checked<ValidPush> {
    let request: PushRequest = serde_json::from_value(body).unwrap();
    request.check(NOW, &|token| (token == "hmp_ok").then(|| DeviceId::from_bytes([2; 16])))
}

fn broken(body: Value) -> Vec<(String, String)> {
    check(body).unwrap_err().into_vec().into_iter().map(|wrong| (wrong.code, wrong.pointer)).collect()
}

fn pair(code: &str, pointer: &str) -> (String, String) {
    (code.to_owned(), pointer.to_owned())
}

#[test]
fn a_full_request_becomes_a_message() {
    let push = check(json!({
        "audience": {"devices": [DEVICE, "hmp_ok", DEVICE]},
        "notification": {"title": "到账 💰", "body": "¥5", "badge": 1, "actions": [{"id": "a", "title": "A"}]},
        "data": {"order": 7},
        "options": {"ttl_seconds": 0, "priority": "high", "collapse_key": "balance", "delivery": "online_first"},
        "localizations": {}, "channels": {}
    }))
    .unwrap();
    let devices = vec![DEVICE.parse().unwrap(), DeviceId::from_bytes([2; 16])];
    assert_eq!(push.audience, Audience::Devices(devices));
    assert_eq!((push.options.ttl_seconds, push.release_at, push.validate_only), (0, None, false));
    let payload: Value = serde_json::from_slice(&push.payload).unwrap();
    assert_eq!(payload["notification"]["title"], "到账 💰");
    assert_eq!(payload["data"]["order"], 7);
}

#[test]
fn everything_wrong_is_named_at_once() {
    let all = broken(json!({
        "audience": {"devices": [DEVICE, "x", "hmp_forged"]},
        "notification": {"title": " ", "image": "ftp://x"},
        "options": {"ttl_seconds": -1, "collapse_key": "", "rate_per_second": 0, "delivery": "vendor_only",
            "fallback_after_seconds": 5},
        "schedule": {"at": "2030-01-01T00:00:00Z", "cron": "0 9 * * *", "timezone": "Asia/Shanghai", "at_local": "09:00"},
        "channels": {"pigeon": {}}
    }));
    let expected = [
        ("invalid_device", "/audience/devices/1"),
        ("invalid_device", "/audience/devices/2"),
        ("notification_empty", "/notification"),
        ("invalid_url", "/notification/image"),
        ("unknown_channel", "/channels/pigeon"),
        ("out_of_range", "/options/ttl_seconds"),
        ("out_of_range", "/options/rate_per_second"),
        ("empty", "/options/collapse_key"),
        ("not_applicable", "/options/fallback_after_seconds"),
        ("schedule_ambiguous", "/schedule"),
    ];
    assert_eq!(all, expected.map(|(code, pointer)| pair(code, pointer)));
}

fn delivering(options: &Value) -> Checked<DeliveryPolicy> {
    check(json!({"audience": {"all": true}, "data": {}, "options": options})).map(|push| push.options.delivery)
}

#[test]
fn each_way_of_delivery_is_taken_within_its_bounds() {
    let online_first = |fallback_after| DeliveryPolicy::OnlineFirst { fallback_after };
    let fallback = |fallback_after| DeliveryPolicy::Fallback { fallback_after };
    for (options, expected) in [
        (json!({}), online_first(10_000)),
        (json!({"delivery": "online_first"}), online_first(10_000)),
        (json!({"delivery": "online_first", "fallback_after_seconds": 1}), online_first(1_000)),
        (json!({"fallback_after_seconds": 900}), online_first(900_000)),
        (json!({"delivery": "fallback"}), fallback(10_000)),
        (json!({"delivery": "fallback", "fallback_after_seconds": 900}), fallback(900_000)),
        (json!({"delivery": "own_only"}), DeliveryPolicy::OwnOnly),
        (json!({"delivery": "vendor_only"}), DeliveryPolicy::VendorOnly),
    ] {
        assert_eq!(delivering(&options), Ok(expected), "{options}");
    }
    let at = "/options/fallback_after_seconds";
    for (options, code) in [
        (json!({"fallback_after_seconds": 0}), "out_of_range"),
        (json!({"fallback_after_seconds": 901}), "out_of_range"),
        (json!({"delivery": "fallback", "fallback_after_seconds": -1}), "out_of_range"),
        (json!({"delivery": "own_only", "fallback_after_seconds": 10}), "not_applicable"),
        (json!({"delivery": "vendor_only", "fallback_after_seconds": 10}), "not_applicable"),
    ] {
        let wrong: Vec<_> = delivering(&options).unwrap_err().into_vec();
        let wrong: Vec<_> = wrong.into_iter().map(|wrong| (wrong.code, wrong.pointer)).collect();
        assert_eq!(wrong, [pair(code, at)], "{options}");
    }
    let unknown = json!({"audience": {"all": true}, "data": {}, "options": {"delivery": "pigeon"}});
    assert!(serde_json::from_value::<PushRequest>(unknown).is_err());
}

#[test]
fn a_time_is_between_a_minute_ago_and_a_year_ahead() {
    let at = |schedule: Value| check(json!({"audience": {"all": true}, "data": {}, "schedule": schedule}));
    for (text, expected) in [
        ("2023-11-14T22:12:20Z", UnixMillis(NOW.0 - 60_000)),
        ("2023-11-14T22:13:20.5Z", UnixMillis(NOW.0 + 500)),
        ("2023-11-15T07:13:20+08:00", UnixMillis(NOW.0 + 3_600_000)),
        ("2024-11-13T22:13:20Z", UnixMillis(NOW.0 + 365 * DAY)),
    ] {
        assert_eq!(at(json!({"at": text})).unwrap().release_at, Some(expected), "{text}");
    }
    for (schedule, code, pointer) in [
        (json!({"at": "2023-11-14T22:12:19.999Z"}), "in_the_past", "/schedule/at"),
        (json!({"at": "1969-01-01T00:00:00Z"}), "in_the_past", "/schedule/at"),
        (json!({"at": "2024-11-13T22:13:20.001Z"}), "out_of_range", "/schedule/at"),
        (json!({"at": "9999-01-01T00:00:00Z"}), "out_of_range", "/schedule/at"),
        (json!({}), "empty", "/schedule"),
        (json!({"at": null}), "empty", "/schedule"),
    ] {
        let codes = at(schedule).unwrap_err().into_vec();
        assert_eq!(
            codes.into_iter().map(|wrong| (wrong.code, wrong.pointer)).collect::<Vec<_>>(),
            [pair(code, pointer)]
        );
    }
    for schedule in
        [json!({"at": "tomorrow"}), json!({"at": "2030-01-01T00:00:00"}), json!({"at": 5}), json!({"when": 1})]
    {
        let body = json!({"audience": {"all": true}, "data": {}, "schedule": schedule});
        assert!(serde_json::from_value::<PushRequest>(body.clone()).is_err(), "{body}");
    }
    assert_eq!(at(Value::Null).unwrap().release_at, None);
}

#[test]
fn the_payload_limit_is_exact_and_blames_the_larger_half() {
    let with = |length: usize| json!({"audience": {"all": true}, "data": {"a": "x".repeat(length)}});
    let overhead = r#"{"data":{"a":""}}"#.len();
    assert_eq!(check(with(PAYLOAD_MAX_BYTES - overhead)).unwrap().payload.len(), PAYLOAD_MAX_BYTES);
    assert_eq!(broken(with(PAYLOAD_MAX_BYTES - overhead + 1)), [pair("payload_too_large", "/data")]);
    let text = json!({"audience": {"all": true}, "notification": {"body": "界".repeat(1_400)}});
    assert_eq!(broken(text), [pair("payload_too_large", "/notification")]);
}

#[test]
fn unknown_fields_are_refused_at_every_depth() {
    for body in [
        json!({"audience": {"all": true}, "titel": 1}),
        json!({"audience": {"everyone": true}}),
        json!({"audience": {"all": true}, "options": {"ttl": 1}}),
        json!({"audience": {"all": true}, "notification": {"titel": "x"}}),
        json!({"audience": {"all": true}, "notification": {"actions": [{"id": "a", "title": "b", "x": 1}]}}),
    ] {
        assert!(serde_json::from_value::<PushRequest>(body.clone()).is_err(), "{body}");
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                proptest::collection::btree_map(".{0,8}", inner, 0..8)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn config() -> ProptestConfig {
        ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) }
    }

    proptest! {
        #![proptest_config(config())]

        /// What an app gets is what was sent, whatever it is.
        #[test]
        fn content_passes_unchanged_or_not_at_all(title in ".{1,60}", data in any_json()) {
            let body = json!({"audience": {"all": true}, "notification": {"title": format!("x{title}")}, "data": {"d": data}});
            match check(body.clone()) {
                Ok(push) => {
                    prop_assert!(push.payload.len() <= PAYLOAD_MAX_BYTES);
                    let payload: Value = serde_json::from_slice(&push.payload).unwrap();
                    prop_assert_eq!(&payload["notification"], &body["notification"]);
                    prop_assert_eq!(&payload["data"], &body["data"]);
                }
                Err(wrong) => prop_assert_eq!(&*wrong.into_vec()[0].code, "payload_too_large"),
            }
        }

        /// Any JSON at all is taken or refused, never a panic; what is taken has an audience and content.
        #[test]
        fn any_json_is_judged(
            audience in any_json(), options in any_json(), notification in any_json(), schedule in any_json(),
        ) {
            let body =
                json!({"audience": audience, "options": options, "notification": notification, "schedule": schedule});
            if let Ok(request) = serde_json::from_value::<PushRequest>(body)
                && let Err(wrong) = request.check(NOW, &|_| None)
            {
                prop_assert!(!wrong.into_vec().is_empty());
            }
        }
    }
}
