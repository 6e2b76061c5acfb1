use serde_json::json;

use super::*;

#[derive(Default)]
struct Request {
    notification: Value,
    data: Value,
    localizations: Value,
    channels: Value,
}

fn check(request: Request) -> Checked<Rendered> {
    let notification: Option<Notification> = serde_json::from_value(request.notification).unwrap();
    let data: Option<Map<String, Value>> = serde_json::from_value(request.data).unwrap();
    let localizations: Option<BTreeMap<String, Notification>> = serde_json::from_value(request.localizations).unwrap();
    let channels: Option<BTreeMap<String, Map<String, Value>>> = serde_json::from_value(request.channels).unwrap();
    Content {
        notification: notification.as_ref(),
        data: data.as_ref(),
        localizations: localizations.as_ref(),
        channels: channels.as_ref(),
    }
    .check()
}

fn broken(request: Request) -> Vec<(String, String)> {
    let wrong = check(request).err().expect("refused").into_vec();
    wrong.into_iter().map(|wrong| (wrong.code, wrong.pointer)).collect()
}

fn pair(code: &str, pointer: &str) -> (String, String) {
    (code.to_owned(), pointer.to_owned())
}

fn localized(notification: Value, localizations: Value) -> Request {
    Request { notification, localizations, ..Request::default() }
}

fn through(channel: &str, fields: Value, notification: Value, data: Value) -> Request {
    Request { notification, data, channels: json!({channel: fields}), ..Request::default() }
}

#[test]
fn a_language_has_the_defaults_fields_where_it_has_none_of_its_own() {
    let notification = json!({"title": "Hello", "body": "there", "badge": 1, "actions": [{"id": "a", "title": "A"}]});
    let others = json!({"zh-CN": {"title": "你好", "actions": [{"id": "a", "title": "甲"}]}, "de": {"body": "da"}});
    let request = Request { data: json!({"n": 1}), ..localized(notification, others) };
    let rendered = check(request).unwrap();
    let read = |payload: &Bytes| serde_json::from_slice::<Value>(payload).unwrap();
    assert_eq!(read(&rendered.payload)["notification"]["title"], "Hello");
    let [german, chinese] = &*rendered.localizations else { panic!("two") };
    assert_eq!((&*german.language, &*chinese.language), ("de", "zh-cn"));
    let expected = json!({
        "notification": {"title": "你好", "body": "there", "badge": 1, "actions": [{"id": "a", "title": "甲"}]},
        "data": {"n": 1}
    });
    assert_eq!(read(&chinese.payload), expected);
    assert_eq!(read(&german.payload)["notification"]["title"], "Hello");
    assert_eq!(read(&german.payload)["notification"]["body"], "da");
}

#[test]
fn languages_are_checked_one_by_one() {
    let hello = || json!({"title": "Hello"});
    let languages = json!({
        "zh_CN": {"title": "你好"},
        "deutsch und mehr": {"title": "x"},
        "d": {"title": "x"},
        "fr": {},
        "it": {"image": "ftp://x"},
        "nl": {"title": " "},
        "pt-BR": {"title": "x"},
        "pt-br": {"title": "y"},
    });
    assert_eq!(
        broken(localized(hello(), languages)),
        [
            pair("invalid_language", "/localizations/d"),
            pair("invalid_language", "/localizations/deutsch und mehr"),
            pair("empty", "/localizations/fr"),
            pair("invalid_url", "/localizations/it/image"),
            pair("notification_empty", "/localizations/nl"),
            pair("invalid_language", "/localizations/pt-br"),
            pair("invalid_language", "/localizations/zh_CN"),
        ]
    );
    let many = |count: usize| {
        let language = |n: usize| (format!("aa-{n:04}"), json!({"title": "x"}));
        Value::Object((0..count).map(language).collect())
    };
    assert_eq!(check(localized(hello(), many(LOCALIZATIONS_MAX))).unwrap().localizations.len(), LOCALIZATIONS_MAX);
    assert_eq!(broken(localized(hello(), many(LOCALIZATIONS_MAX + 1))), [pair("too_many", "/localizations")]);
    let data_only = Request { data: json!({}), ..localized(Value::Null, json!({"de": {"title": "x"}})) };
    assert_eq!(broken(data_only), [pair("content_required", "/notification")]);
}

#[test]
fn every_language_fits_into_a_payload() {
    let long = |characters: usize| json!({"de": {"body": "x".repeat(characters)}});
    let overhead = r#"{"notification":{"title":"t","body":""}}"#.len();
    let fits = check(localized(json!({"title": "t"}), long(PAYLOAD_MAX_BYTES - overhead))).unwrap();
    assert_eq!(fits.localizations[0].payload.len(), PAYLOAD_MAX_BYTES);
    let over = || localized(json!({"title": "t"}), long(PAYLOAD_MAX_BYTES - overhead + 1));
    assert_eq!(broken(over()), [pair("payload_too_large", "/localizations/de")]);
    let with_data = Request { data: json!({"d": "x".repeat(3_000)}), ..localized(json!({"title": "t"}), long(1_200)) };
    assert_eq!(broken(with_data), [pair("payload_too_large", "/data")]);
}

#[test]
fn fields_of_channels_are_kept_as_they_are() {
    let channels = json!({"fcm": {"android": {"ttl": "60s"}}, "apns": {}});
    let rendered = check(Request { data: json!({}), channels, ..Request::default() }).unwrap();
    let kept: Vec<_> = rendered.overrides.iter().map(|(channel, json)| (*channel, &**json)).collect();
    assert_eq!(kept, [(Channel::Apns, &b"{}"[..]), (Channel::Fcm, br#"{"android":{"ttl":"60s"}}"#)]);
    let unknown = json!({"own": {}, "pigeon": {}});
    let request = Request { data: json!({}), channels: unknown, ..Request::default() };
    assert_eq!(
        broken(request),
        [pair("unknown_channel", "/channels/own"), pair("unknown_channel", "/channels/pigeon")]
    );
}

#[test]
fn what_a_channel_would_refuse_is_refused() {
    let title = |characters: usize| json!({"title": "界".repeat(characters)});
    let nothing = Value::Null;
    // As long as the vendor takes, and one more.
    for (channel, longest, too_long) in [
        ("xiaomi", title(49), title(50)),
        ("oppo", title(50), title(51)),
        ("vivo", title(20), title(21)),
        ("vivo", json!({"title": "x".repeat(40)}), json!({"title": "x".repeat(41)})),
        ("meizu", title(32), title(33)),
    ] {
        assert!(check(through(channel, json!({}), longest, nothing.clone())).is_ok(), "{channel}");
        let refused = broken(through(channel, json!({}), too_long, nothing.clone()));
        assert_eq!(refused, [pair("too_long", "/notification/title")], "{channel}");
    }
    for (channel, longest) in [("xiaomi", 127), ("oppo", 200), ("vivo", 50), ("meizu", 100)] {
        let body = |characters: usize| json!({"body": "界".repeat(characters)});
        assert!(check(through(channel, json!({}), body(longest), nothing.clone())).is_ok(), "{channel}");
        let refused = broken(through(channel, json!({}), body(longest + 1), nothing.clone()));
        assert_eq!(refused, [pair("too_long", "/notification/body")], "{channel}");
    }
    for (channel, longest) in [("vivo", 1_024), ("meizu", 1_000)] {
        let data = |bytes: usize| json!({"d": "x".repeat(bytes - r#"{"d":""}"#.len())});
        assert!(check(through(channel, json!({}), nothing.clone(), data(longest))).is_ok(), "{channel}");
        let refused = broken(through(channel, json!({}), nothing.clone(), data(longest + 1)));
        assert_eq!(refused, [pair("payload_too_large", "/data")], "{channel}");
    }
}

#[test]
fn the_whole_fits_a_channel_with_its_fields() {
    let rendering = |bytes: usize| json!({"d": "x".repeat(bytes - r#"{"data":{"d":""}}"#.len())});
    for (channel, max) in [("apns", 4_096), ("fcm", 4_096), ("huawei", 4_096), ("honor", 4_096), ("webpush", 3_993)] {
        // They are counted without their braces.
        let fields = json!({"ttl": "60s"});
        let own = br#""ttl":"60s""#.len();
        let fits = through(channel, fields.clone(), Value::Null, rendering(max - own));
        assert!(check(fits).is_ok(), "{channel}");
        let over = broken(through(channel, fields, Value::Null, rendering(max - own + 1)));
        assert_eq!(over, [pair("payload_too_large", &format!("/channels/{channel}"))]);
    }
}

#[test]
fn another_text_for_a_channel_is_measured_instead() {
    let long = || json!({"title": "t", "body": "界".repeat(128)});
    let short = json!({"description": "kurz"});
    assert!(check(through("xiaomi", short, long(), Value::Null)).is_ok());
    let longer = json!({"description": "界".repeat(128)});
    assert_eq!(
        broken(through("xiaomi", longer, long(), Value::Null)),
        [pair("too_long", "/channels/xiaomi/description")]
    );
    let nested = json!({"noticeBarInfo": {"title": "界".repeat(33)}});
    let refused = broken(through("meizu", nested, json!({"title": "t"}), Value::Null));
    assert_eq!(refused, [pair("too_long", "/channels/meizu/noticeBarInfo/title")]);
    // In any language.
    let request = Request {
        channels: json!({"oppo": {}}),
        ..localized(json!({"title": "t"}), json!({"de": {"title": "x".repeat(51)}}))
    };
    assert_eq!(broken(request), [pair("too_long", "/localizations/de/title")]);
}
