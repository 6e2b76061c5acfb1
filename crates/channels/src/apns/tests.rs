use aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use homing_domain::{Channel, Priority, UnixMillis};
use serde_json::{Value, json};

use super::*;
use crate::{
    Answers, Class, Click, Content, LiveActivity, Next, Origins, Push, Recipients, Request, Token, throwaway_keys,
};

const NOW: UnixMillis = UnixMillis(1_767_225_600_000);
const DEVICE: &str = "a9d0ed10e9cfd022a61cb08753f49c5a0b0dfb383697bf9f9d750a1003da19c7";

fn upload(pem: &str) -> Value {
    json!({"team_id": "TEAM123456", "key_id": "KEY1234567", "bundle_id": "com.example.demo", "key": pem,
        "environment": "production"})
}

fn token_key() -> crate::Credential {
    Apns.read_credential(&upload(&throwaway_keys::p256().0), NOW).unwrap()
}

fn certificate() -> crate::Credential {
    let file = throwaway_keys::p12(Some("com.example.demo"), "secret", true, false);
    let upload = json!({"certificate": STANDARD.encode(file), "password": "secret", "environment": "sandbox"});
    Apns.read_credential(&upload, NOW).unwrap()
}

fn begin(credential: &crate::Credential, operation: &Operation) -> Result<Box<dyn Exchange>, EncodeError> {
    let origins = Origins::production();
    let bare =
        Surroundings { credential, access: None, origins: &origins, now: NOW, callback_url: None, random: [0; 64] };
    let access = match Apns.authorize(&bare).unwrap() {
        Authorization::Signed(access) => Some(access),
        _ => None,
    };
    Apns.begin(&Surroundings { access: access.as_ref(), ..bare }, operation)
}

fn content() -> Content {
    Content {
        message_id: "0123456789abcdef0123456789abcdef".into(),
        title: Some("订单已发货".into()),
        body: Some("您的包裹已从北京仓出库".into()),
        data: json!({"orderId": "88017"}).as_object().unwrap().clone(),
        time_to_live: 86_400_000,
        priority: Priority::High,
        ..Content::default()
    }
}

fn to(content: Content, to: Recipients) -> Operation {
    Operation::Push(Push { content, to, same_content: false, request_id: "r".into(), receipts: Vec::new() })
}

fn to_device(content: Content) -> Operation {
    to(content, Recipients::Tokens(vec![Token { text: DEVICE.into(), since: Some(UnixMillis(1_768_003_200_000)) }]))
}

fn live() -> Content {
    let activity = LiveActivity {
        event: "update".into(),
        content_state: json!({"score": "2-1"}),
        timestamp: 1_767_225_600,
        stale_date: Some(1_767_229_200),
        dismissal_date: None,
    };
    Content { message_id: "m-1".into(), live_activity: Some(activity), ..Content::default() }
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    Some(request.http.headers().get(name)?.to_str().unwrap())
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(request.http.body()).unwrap()
}

#[test]
fn an_alert_goes_to_its_device_signed_by_the_key() {
    let (pem, public) = throwaway_keys::p256();
    let credential = Apns.read_credential(&upload(&pem), NOW).unwrap();
    let request = begin(&credential, &to_device(content())).unwrap().request();
    assert_eq!(request.http.uri().to_string(), format!("https://api.push.apple.com:443/3/device/{DEVICE}"));
    let token = header(&request, "authorization").unwrap().strip_prefix("bearer ").unwrap();
    let (head, claims) = throwaway_keys::jwt(token, &public, &ECDSA_P256_SHA256_FIXED);
    assert_eq!(head, json!({"alg": "ES256", "kid": "KEY1234567"}));
    assert_eq!(claims, json!({"iss": "TEAM123456", "iat": 1_767_225_600}));
    for (name, value) in [
        ("apns-topic", "com.example.demo"),
        ("apns-push-type", "alert"),
        ("apns-priority", "10"),
        ("apns-expiration", "1767312000"),
        ("apns-id", "01234567-89ab-cdef-0123-456789abcdef"),
    ] {
        assert_eq!(header(&request, name), Some(value), "{name}");
    }
    assert_eq!(header(&request, "apns-collapse-id"), Some("0123456789abcdef0123456789abcdef"), "its own repeat");
    assert_eq!(
        body(&request),
        json!({"aps": {"alert": {"title": "订单已发货", "body": "您的包裹已从北京仓出库"}}, "orderId": "88017",
            "homing_id": "0123456789abcdef0123456789abcdef"})
    );
    assert!(!format!("{request:?}{credential:?}").contains(token), "the token is shown");
}

#[test]
fn the_token_is_used_for_forty_minutes() {
    let credential = token_key();
    let origins = Origins::production();
    let around = Surroundings {
        credential: &credential,
        access: None,
        origins: &origins,
        now: NOW,
        callback_url: None,
        random: [0; 64],
    };
    let Authorization::Signed(access) = Apns.authorize(&around).unwrap() else { panic!("nothing is signed") };
    assert_eq!((access.since, access.renew_at), (NOW, NOW.plus(2_400_000)));
    assert!(matches!(Apns.begin(&around, &to_device(content())), Err(EncodeError::Misused(_))), "without access");
}

#[test]
fn what_is_silent_or_brief_or_replaces_says_so() {
    let credential = token_key();
    let silent = Content { silent: true, image: Some("https://a.b/c.png".into()), ..content() };
    let request = begin(&credential, &to_device(silent)).unwrap().request();
    assert_eq!(
        (header(&request, "apns-push-type"), header(&request, "apns-priority")),
        (Some("background"), Some("5"))
    );
    assert_eq!(header(&request, "apns-collapse-id"), None);
    assert_eq!(body(&request)["aps"], json!({"content-available": 1}));

    let rich = Content {
        time_to_live: 0,
        collapse_key: Some("thread-551".into()),
        subtitle: Some("s".into()),
        badge: Some(3),
        sound: Some("default".into()),
        image: Some("https://a.b/c.png".into()),
        click: Click::Url("https://shop.example/sale".into()),
        priority: Priority::Low,
        ..content()
    };
    let request = begin(&credential, &to_device(rich)).unwrap().request();
    assert_eq!((header(&request, "apns-expiration"), header(&request, "apns-priority")), (Some("0"), Some("5")));
    assert_eq!(header(&request, "apns-collapse-id"), Some("thread-551"));
    let sent = body(&request);
    assert_eq!(
        (&sent["aps"]["badge"], &sent["aps"]["sound"], &sent["aps"]["mutable-content"]),
        (&json!(3), &json!("default"), &json!(1))
    );
    assert_eq!(
        (&sent["homing_url"], &sent["homing_image"]),
        (&json!("https://shop.example/sale"), &json!("https://a.b/c.png"))
    );

    let long = Content { collapse_key: Some("线".repeat(30)), ..content() };
    let request = begin(&credential, &to_device(long)).unwrap().request();
    assert_eq!(header(&request, "apns-collapse-id").map(str::len), Some(43));
}

#[test]
fn overrides_are_merged_over_the_payload_and_touch_no_header() {
    let credential = token_key();
    let with = |overrides: Value| Content { overrides: overrides.as_object().unwrap().clone(), ..content() };
    let overrides =
        json!({"aps": {"alert": {"title": "T"}, "interruption-level": "active"}, "homing_id": "x", "a": [1]});
    let sent = body(&begin(&credential, &to_device(with(overrides))).unwrap().request());
    assert_eq!(sent["aps"]["alert"], json!({"title": "T", "body": "您的包裹已从北京仓出库"}));
    assert_eq!(sent["aps"]["interruption-level"], "active");
    assert_eq!((&sent["homing_id"], &sent["a"]), (&json!("0123456789abcdef0123456789abcdef"), &json!([1])));
    let shown = Content { silent: true, ..with(json!({"aps": {"alert": "T"}})) };
    let request = begin(&credential, &to_device(shown)).unwrap().request();
    assert_eq!((header(&request, "apns-push-type"), header(&request, "apns-priority")), (Some("alert"), Some("10")));
    for wrong in [json!({"headers": {"apns-priority": "10"}}), json!({"aps": null}), json!({"x": "y".repeat(4_096)})] {
        assert!(matches!(begin(&credential, &to_device(with(wrong))), Err(EncodeError::Refused(_))));
    }
    let nothing = Content { title: None, body: None, ..content() };
    assert!(matches!(begin(&credential, &to_device(nothing)), Err(EncodeError::Refused(_))));
}

#[test]
fn the_payload_ends_at_4096_bytes() {
    let credential = token_key();
    let empty = Content { body: Some(String::new()), ..content() };
    let used = begin(&credential, &to_device(empty)).unwrap().request().http.body().len();
    let filled = |bytes: usize| to_device(Content { body: Some("x".repeat(bytes)), ..content() });
    assert_eq!(begin(&credential, &filled(4_096 - used)).unwrap().request().http.body().len(), 4_096);
    assert!(matches!(begin(&credential, &filled(4_097 - used)), Err(EncodeError::Refused(_))));
}

#[test]
fn live_activities_have_their_own_topic_and_need_a_key() {
    let credential = token_key();
    let request = begin(&credential, &to_device(live())).unwrap().request();
    assert_eq!(header(&request, "apns-push-type"), Some("liveactivity"));
    assert_eq!(header(&request, "apns-topic"), Some("com.example.demo.push-type.liveactivity"));
    assert_eq!(header(&request, "apns-id"), None, "an id of another form");
    let aps = json!({"timestamp": 1_767_225_600, "event": "update", "content-state": {"score": "2-1"}, "stale-date": 1_767_229_200});
    assert_eq!(body(&request)["aps"], aps);

    let channel = || Recipients::BroadcastChannel("dHN0LXNyY2gtY2hubA==".into());
    let request = begin(&credential, &to(live(), channel())).unwrap().request();
    assert_eq!(*request.http.uri(), "https://api.push.apple.com:443/4/broadcasts/apps/com.example.demo");
    assert_eq!(header(&request, "apns-channel-id"), Some("dHN0LXNyY2gtY2hubA=="));
    assert_eq!((header(&request, "apns-topic"), header(&request, "apns-expiration")), (None, Some("0")));
    assert!(matches!(begin(&credential, &to(content(), channel())), Err(EncodeError::Refused(_))));
    assert!(matches!(begin(&certificate(), &to_device(live())), Err(EncodeError::Refused(_))));
}

#[test]
fn what_the_business_writes_for_this_channel_may_be_another_kind_of_push() {
    let credential = token_key();
    let with = |overrides: Value| Content { overrides: overrides.as_object().unwrap().clone(), ..content() };
    let aps = json!({"timestamp": 1_767_225_600, "event": "update", "content-state": {"score": "2-1"}});
    let activity = with(json!({"push-type": "liveactivity", "aps": aps}));
    let request = begin(&credential, &to_device(activity.clone())).unwrap().request();
    assert_eq!(header(&request, "apns-push-type"), Some("liveactivity"));
    assert_eq!(header(&request, "apns-topic"), Some("com.example.demo.push-type.liveactivity"));
    let sent = body(&request);
    assert_eq!((&sent["aps"]["content-state"], sent.get("push-type")), (&json!({"score": "2-1"}), None));
    let silent = begin(&credential, &to_device(Content { silent: true, title: None, body: None, ..activity.clone() }));
    assert_eq!(body(&silent.unwrap().request())["aps"], aps, "no other keys");
    assert!(matches!(begin(&certificate(), &to_device(activity.clone())), Err(EncodeError::Refused(_))));

    let call = begin(&credential, &to_device(with(json!({"push-type": "voip"})))).unwrap().request();
    assert_eq!(header(&call, "apns-push-type"), Some("voip"));
    assert_eq!(header(&call, "apns-topic"), Some("com.example.demo.voip"));
    let of_the_app = Content { data: [("push-type".to_owned(), json!("theirs"))].into_iter().collect(), ..activity };
    let request = begin(&credential, &to_device(of_the_app)).unwrap().request();
    assert_eq!(body(&request)["push-type"], "theirs", "the app's own data stays");
    for wrong in [
        json!({"push-type": "mdm"}),
        json!({"push-type": 6}),
        json!({"push-type": "liveactivity"}),
        json!({"push-type": "liveactivity", "aps": {"event": "end", "timestamp": 1}}),
    ] {
        let refused = begin(&credential, &to_device(with(wrong.clone())));
        assert!(matches!(refused, Err(EncodeError::Refused(_))), "{wrong}");
    }
}

#[test]
fn a_broadcast_channel_is_made_at_its_own_server() {
    let make = Operation::CreateBroadcastChannel { message_storage_policy: 1 };
    let exchange = begin(&token_key(), &make).unwrap();
    let request = exchange.request();
    assert_eq!(
        *request.http.uri(),
        "https://api-manage-broadcast.push.apple.com:2196/1/apps/com.example.demo/channels"
    );
    assert_eq!(body(&request), json!({"message-storage-policy": 1, "push-type": "LiveActivity"}));
    let response = http::Response::builder().status(201).header("apns-channel-id", "dHN0").body(Bytes::new()).unwrap();
    let Next::Done(answers) = exchange.take(&response, NOW) else { panic!("more is asked") };
    assert_eq!((answers.class, answers.channel_id.as_deref()), (Class::Accepted, Some("dHN0")));
}

#[test]
fn a_certificate_is_shown_to_the_server_and_names_the_topic() {
    let credential = certificate();
    let request = begin(&credential, &to_device(content())).unwrap().request();
    assert_eq!(request.http.uri().host(), Some("api.sandbox.push.apple.com"));
    assert_eq!(header(&request, "apns-topic"), Some("com.example.demo"));
    assert_eq!(header(&request, "authorization"), None);
    assert_eq!(request.identity.unwrap().chain.len(), 1);
    let summary = credential.summary();
    assert_eq!((summary.kind, summary.expires_at), ("certificate", Some(throwaway_keys::EXPIRES_AT)));
    assert_eq!(token_key().summary().expires_at, None);
}

#[test]
fn uploads_are_refused_by_field() {
    let (pem, _) = throwaway_keys::p256();
    let with = |field: &str, value: Value| {
        let mut upload = upload(&pem);
        upload[field] = value;
        upload
    };
    let app = Some("com.example.demo");
    let modern = throwaway_keys::p12(app, "secret", true, false);
    let older = throwaway_keys::p12(app, "se cret", true, true);
    let unnamed = throwaway_keys::p12(None, "", true, false);
    let no_key = throwaway_keys::p12(app, "secret", false, false);
    let p12 = |file: &[u8], password: &str| json!({"certificate": STANDARD.encode(file), "password": password, "environment": "production"});
    let read = |upload: &Value, now| Apns.read_credential(upload, now).map(|credential| credential.summary());
    assert!(read(&p12(&older, "se cret"), NOW).is_ok(), "the older ciphers");
    let mut named = p12(&unnamed, "");
    named["bundle_id"] = "com.example.other".into();
    assert!(read(&named, NOW).unwrap().public.contains(&("bundle_id", "com.example.other".into())));
    let after = throwaway_keys::EXPIRES_AT;
    for (upload, now, field, code) in [
        (json!([]), NOW, "", "invalid"),
        (with("key", json!("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")), NOW, "/key", "invalid"),
        (with("key", json!(throwaway_keys::rsa().0)), NOW, "/key", "invalid"),
        (with("key", Value::Null), NOW, "/key", "missing"),
        (with("team_id", Value::Null), NOW, "/team_id", "missing"),
        (with("key_id", json!("a/b")), NOW, "/key_id", "invalid"),
        (with("bundle_id", json!("com.example/../x")), NOW, "/bundle_id", "invalid"),
        (with("environment", json!("test")), NOW, "/environment", "invalid"),
        (with("passwort", json!("x")), NOW, "/passwort", "unknown_field"),
        (p12(&modern, "wrong"), NOW, "/password", "wrong_password"),
        (p12(&older, "wrong"), NOW, "/password", "wrong_password"),
        (p12(b"none", "secret"), NOW, "/certificate", "invalid"),
        (p12(&no_key, "secret"), NOW, "/certificate", "invalid"),
        (p12(&unnamed, ""), NOW, "/bundle_id", "missing"),
        (p12(&modern, "secret"), after, "/certificate", "expired"),
    ] {
        let error = read(&upload, now).unwrap_err();
        assert_eq!((&*error.field, error.code), (field, code), "{error}");
    }
}

#[test]
fn only_hexadecimal_tokens_reach_the_path() {
    let credential = token_key();
    let push = |text: &str| to(content(), Recipients::Tokens(vec![Token { text: text.into(), since: None }]));
    let request = begin(&credential, &push("A9D0")).unwrap().request();
    assert_eq!(request.http.uri().path(), "/3/device/a9d0");
    for wrong in ["", "../x", "a9 d0", "a9d0?x", "ж"] {
        assert!(matches!(begin(&credential, &push(wrong)), Err(EncodeError::Refused(_))), "{wrong}");
    }
    for none in [Recipients::Topic("t".into()), Recipients::Everyone, Recipients::Aliases(vec!["a".into()])] {
        assert!(matches!(begin(&credential, &to(content(), none)), Err(EncodeError::Unsupported(_))));
    }
    assert!(matches!(begin(&credential, &Operation::FetchDeadTokens), Err(EncodeError::Unsupported(_))));
}

fn answer(status: u16, body: &str) -> Answers {
    let exchange = begin(&token_key(), &to_device(content())).unwrap();
    let response = http::Response::builder().status(status).header("apns-id", "3F25").header("retry-after", "7");
    let Next::Done(answers) = exchange.take(&response.body(Bytes::copy_from_slice(body.as_bytes())).unwrap(), NOW)
    else {
        panic!("more is asked")
    };
    answers
}

#[test]
fn each_reason_has_its_class() {
    for (status, reason, class) in [
        (400, "BadDeviceToken", Class::InvalidToken),
        (400, "DeviceTokenNotForTopic", Class::BadRequest),
        (400, "BadTopic", Class::BadRequest),
        (400, "IdleTimeout", Class::Retry),
        (403, "InvalidProviderToken", Class::AuthError),
        (403, "SomethingNew", Class::AuthError),
        (404, "BadPath", Class::BadRequest),
        (405, "MethodNotAllowed", Class::BadRequest),
        (413, "PayloadTooLarge", Class::BadRequest),
        (429, "TooManyRequests", Class::RetryLater),
        (429, "TooManyProviderTokenUpdates", Class::RetryLater),
        (500, "InternalServerError", Class::Retry),
        (503, "Shutdown", Class::Retry),
        (503, "SomethingNew", Class::Retry),
        (302, "", Class::Retry),
    ] {
        let answers = answer(status, &json!({"reason": reason}).to_string());
        let target = &answers.targets[0];
        assert_eq!((answers.class, target.class), (class, class), "{status} {reason}");
        assert_eq!(target.cleans, class == Class::InvalidToken, "{reason}");
        assert_eq!(target.may_be_ours, reason == "BadDeviceToken", "{reason}");
        assert_eq!(target.needs_operator, ["DeviceTokenNotForTopic", "BadTopic"].contains(&reason), "{reason}");
        assert_eq!(answers.retry_after.is_some(), class.is_passing(), "{reason}");
        assert!(!answers.refresh_access, "{reason}");
    }
    let expired = answer(403, r#"{"reason":"ExpiredProviderToken"}"#);
    assert!(expired.class == Class::AuthError && expired.refresh_access);
    let accepted = answer(200, "");
    assert_eq!((accepted.class, &*accepted.vendor_ids), (Class::Accepted, &["3F25".to_owned()][..]));
    assert!(!answer(410, "<html>gone</html>").targets[0].cleans, "somebody else's 410");
}

#[test]
fn a_token_that_was_registered_after_its_death_stays() {
    for (reason, timestamp, cleans) in [
        ("Unregistered", json!(1_772_323_200_000_u64), true),
        ("ExpiredToken", json!(1_772_323_200_000_u64), true),
        ("Unregistered", json!(1_768_003_200_000_u64), true),
        ("Unregistered", json!(1_768_003_199_999_u64), false),
        ("Unregistered", Value::Null, true),
    ] {
        let answers = answer(410, &json!({"reason": reason, "timestamp": timestamp}).to_string());
        let target = &answers.targets[0];
        assert_eq!((target.class, target.cleans), (Class::InvalidToken, cleans), "{timestamp}");
        assert_eq!(target.as_of, timestamp.as_u64().map(UnixMillis));
    }
}

#[test]
fn a_redirected_channel_is_asked_elsewhere() {
    let credential = certificate();
    let origins = Origins::production().with(Channel::Apns, "http://127.0.0.1:7080/");
    let around = Surroundings {
        credential: &credential,
        access: None,
        origins: &origins,
        now: NOW,
        callback_url: None,
        random: [0; 64],
    };
    let request = Apns.begin(&around, &to_device(content())).unwrap().request();
    assert_eq!(request.http.uri().to_string(), format!("http://127.0.0.1:7080/3/device/{DEVICE}"));
}
