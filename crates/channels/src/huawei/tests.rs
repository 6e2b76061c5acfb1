use aws_lc_rs::signature::RSA_PSS_2048_8192_SHA256;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::json;
use zeroize::Zeroizing;

use super::*;
use crate::{
    CallbackEventKind, Category, Class, Click, Content, Origins, Outcome, Push, Recipients, Request, Token,
    throwaway_keys,
};

/// 2026-01-01T00:00:05Z.
const NOW: UnixMillis = UnixMillis(1_767_225_605_000);
const TOKENS: [&str; 3] = ["HWTOKEN-0001", "HWTOKEN-0002", "HWTOKEN-0003"];

fn upload() -> Value {
    json!({"app_id": "101300999", "client_id": "101300999", "client_secret": "hw-secret",
        "callback_user": "cbuser", "callback_secret": "cb-secret"})
}

fn credential(changes: Value) -> Result<crate::Credential, CredentialError> {
    let mut upload = upload();
    crate::merge::merge(upload.as_object_mut().unwrap(), changes.as_object().unwrap());
    Huawei.read_credential(&upload, NOW)
}

fn content() -> Content {
    Content {
        message_id: "m-7f3a9c2e01".into(),
        title: Some("订单已发货".into()),
        body: Some("您的包裹已从北京仓出库".into()),
        data: json!({"orderId": "88017"}).as_object().unwrap().clone(),
        time_to_live: 86_400_000,
        ..Content::default()
    }
}

fn push(content: Content, tokens: &[&str]) -> Operation {
    let to = tokens.iter().map(|token| Token { text: (*token).to_owned(), since: None }).collect();
    let to = Recipients::Tokens(to);
    Operation::Push(Push { content, to, same_content: false, request_id: "r".into(), receipts: Vec::new() })
}

fn with_surroundings<T>(credential: &crate::Credential, then: impl FnOnce(&Surroundings<'_>) -> T) -> T {
    let access = Access { token: Zeroizing::new("hw-at-1".into()), since: NOW, renew_at: NOW.plus(1) };
    then(&Surroundings {
        credential,
        access: Some(&access),
        origins: &Origins::production(),
        now: NOW,
        callback_url: None,
        random: [0; 64],
    })
}

fn begin(credential: &crate::Credential, operation: &Operation) -> Result<(Request, Value), EncodeError> {
    with_surroundings(credential, |around| {
        let request = Huawei.begin(around, operation)?.request();
        let body = serde_json::from_slice(request.http.body()).unwrap();
        Ok((request, body))
    })
}

fn refused(content: Content) -> bool {
    matches!(begin(&credential(json!({})).unwrap(), &push(content, &TOKENS)), Err(EncodeError::Refused(_)))
}

fn answer(status: u16, body: &str) -> Response {
    http::Response::builder().status(status).body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

fn read(status: u16, body: &Value, tokens: &[&str]) -> Answers {
    let tokens: Vec<String> = tokens.iter().map(|token| (*token).to_owned()).collect();
    let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    decode::read(&answer(status, &body), &tokens, NOW)
}

fn coded(code: &str) -> Answers {
    read(200, &json!({"code": code, "msg": "some words", "requestId": "1767"}), &TOKENS)
}

#[test]
fn android_by_app_and_by_project() {
    let by_app = credential(json!({})).unwrap();
    let (request, body) = begin(&by_app, &push(content(), &["HWTOKEN-0001", "HWTOKEN-0002", "HWTOKEN-0001"])).unwrap();
    assert_eq!(request.http.uri(), "https://push-api.cloud.huawei.com/v1/101300999/messages:send");
    assert_eq!(request.http.headers()["authorization"], "Bearer hw-at-1");
    assert!(!format!("{:?} {request:?} {by_app:?}", request.http.headers()).contains("hw-"));
    let data = json!({"orderId": "88017", "homing_id": "m-7f3a9c2e01"}).to_string();
    let expected = json!({"validate_only": false, "message": {
        "token": ["HWTOKEN-0001", "HWTOKEN-0002"],
        "data": data,
        "android": {"bi_tag": "m-7f3a9c2e01", "ttl": "86400s", "notification": {
            "title": "订单已发货", "body": "您的包裹已从北京仓出库", "click_action": {"type": 3},
            "importance": "NORMAL", "tag": "m-7f3a9c2e01"}}}});
    assert_eq!(body, expected);
    for (changes, path) in [
        (json!({"project_id": "7364"}), "/v2/7364/messages:send"),
        (json!({"project_id": "7364", "api": "v1"}), "/v1/101300999/messages:send"),
    ] {
        let (request, _) = begin(&credential(changes).unwrap(), &push(content(), &TOKENS)).unwrap();
        assert_eq!(request.http.uri().path(), path);
    }
}

#[test]
fn what_a_message_says_in_huaweis_words() {
    let credential = credential(json!({})).unwrap();
    let sent = |content| begin(&credential, &push(content, &TOKENS)).unwrap().1["message"].clone();
    let message = sent(Content {
        click: Click::Url("https://shop.example/sale".into()),
        category: Category::Marketing,
        collapse_key: Some("sale".into()),
        badge: Some(120),
        sound: Some("ding".into()),
        time_to_live: 99 * 86_400_000,
        ..content()
    });
    let shown = &message["android"]["notification"];
    assert_eq!(shown["click_action"], json!({"type": 2, "url": "https://shop.example/sale"}));
    assert_eq!((&shown["importance"], &shown["tag"]), (&json!("LOW"), &json!("sale")));
    assert_eq!((&shown["badge"], &shown["sound"]), (&json!({"set_num": 99}), &json!("/raw/ding")));
    assert_eq!(message["android"]["ttl"], "1296000s");
    let message = sent(Content { click: Click::Intent("demo://5".into()), time_to_live: 0, ..content() });
    assert_eq!(message["android"]["notification"]["click_action"], json!({"type": 1, "intent": "demo://5"}));
    assert_eq!(message["android"]["ttl"], "1s");
    let silent = sent(Content { silent: true, title: None, body: None, ..content() });
    assert!(silent["android"].get("notification").is_none() && silent["data"].is_string());
    let overrides = json!({"android": {"category": "EXPRESS", "notification": {"title": "T", "color": "#ff0000"}},
        "token": ["somebody-elses"], "topic": "t", "condition": "c"});
    let message = sent(Content { overrides: overrides.as_object().unwrap().clone(), ..content() });
    let android = &message["android"];
    assert_eq!((&android["category"], &android["notification"]["title"]), (&json!("EXPRESS"), &json!("T")));
    assert_eq!(android["notification"]["body"], "您的包裹已从北京仓出库");
    assert_eq!((&message["token"], message.get("topic"), message.get("condition")), (&json!(TOKENS), None, None));
}

#[test]
fn what_huawei_would_refuse_is_not_sent() {
    let with = |text: usize| Content { body: Some("x".repeat(text)), ..content() };
    assert!(refused(with(4_096)) && !refused(with(3_500)));
    // Tokens do not count.
    let many: Vec<String> = (0..1_000).map(|n| format!("HWTOKEN-{n:04}-{}", "x".repeat(100))).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let credential = credential(json!({})).unwrap();
    assert!(begin(&credential, &push(with(3_500), &many)).is_ok());
    assert!(refused(Content { title: None, ..content() }));
    assert!(refused(Content { body: Some(String::new()), ..content() }));
    let of_all = json!({"notification": {"title": "T"}}).as_object().unwrap().clone();
    assert!(!refused(Content { title: None, overrides: of_all, ..content() }));
    for tokens in [&[][..], &vec!["t"; 1_001]] {
        assert!(matches!(begin(&credential, &push(content(), tokens)), Err(EncodeError::Misused(_))));
    }
    let Operation::Push(push) = push(content(), &TOKENS) else { panic!() };
    for to in [Recipients::Everyone, Recipients::Aliases(vec!["a".into()]), Recipients::BroadcastChannel("c".into())] {
        let operation = Operation::Push(Push { to, ..push.clone() });
        assert!(matches!(begin(&credential, &operation), Err(EncodeError::Unsupported(_))));
    }
}

#[test]
fn a_topic_is_heard_and_sent_to() {
    let credential = credential(json!({})).unwrap();
    let subscribe = Operation::Subscribe { topic: "news".into(), tokens: vec!["a".into(), "b".into()] };
    let (request, body) = begin(&credential, &subscribe).unwrap();
    assert_eq!(request.http.uri().path(), "/v1/101300999/topic:subscribe");
    assert_eq!(body, json!({"topic": "news", "tokenArray": ["a", "b"]}));
    let Operation::Push(push) = push(content(), &TOKENS) else { panic!() };
    let (_, body) =
        begin(&credential, &Operation::Push(Push { to: Recipients::Topic("news".into()), ..push })).unwrap();
    assert_eq!((&body["message"]["topic"], body["message"].get("token")), (&json!("news"), None));
}

#[test]
fn harmony_with_a_signed_token() {
    let (private_key, public_key) = throwaway_keys::rsa();
    let account = json!({"key_id": "kid-1", "sub_account": "sub-account-1", "private_key": private_key});
    let upload = json!({"project_id": "7364", "service_account": account});
    let credential = Huawei.read_credential(&upload, NOW).unwrap();
    let summary = credential.summary();
    assert_eq!((summary.kind, summary.public.len()), ("service_account", 3));
    let Ok(Authorization::Signed(access)) = with_surroundings(&credential, |around| Huawei.authorize(around)) else {
        panic!("it is signed")
    };
    assert_eq!(access.renew_at.since(NOW), 3_300_000);
    let (header, signed) = throwaway_keys::jwt(&access.token, &public_key, &RSA_PSS_2048_8192_SHA256);
    assert_eq!(header, json!({"alg": "PS256", "typ": "JWT", "kid": "kid-1"}));
    let audience = "https://oauth-login.cloud.huawei.com/oauth2/v3/token";
    let claims = json!({"iss": "sub-account-1", "aud": audience, "iat": 1_767_225_605, "exp": 1_767_229_205});
    assert_eq!(signed, claims);
    let (request, body) = begin(&credential, &push(content(), &TOKENS)).unwrap();
    assert_eq!(request.http.uri().path(), "/v3/7364/messages:send");
    assert_eq!(request.http.headers()["push-type"], "0");
    assert_eq!(body["target"], json!({"token": TOKENS}));
    assert_eq!(body["pushOptions"], json!({"ttl": 86_400, "biTag": "m-7f3a9c2e01"}));
    let shown = &body["payload"]["notification"];
    assert_eq!((&shown["title"], &shown["body"]), (&json!("订单已发货"), &json!("您的包裹已从北京仓出库")));
    let data = json!({"orderId": "88017", "homing_id": "m-7f3a9c2e01"});
    assert_eq!(shown["clickAction"], json!({"actionType": 0, "data": data}));
    let (request, body) = begin(&credential, &push(Content { silent: true, ..content() }, &TOKENS)).unwrap();
    assert_eq!(request.http.headers()["push-type"], "6");
    assert_eq!(body["payload"], json!({"extraData": data.to_string()}));
    let live = |push_type: Value| {
        let overrides = json!({"push-type": push_type, "target": {"token": ["x"]}}).as_object().unwrap().clone();
        begin(&credential, &push(Content { overrides, ..content() }, &TOKENS))
    };
    let (request, body) = live(json!(7)).unwrap();
    assert_eq!(
        (&request.http.headers()["push-type"], &body["target"]["token"]),
        (&"7".parse().unwrap(), &json!(TOKENS))
    );
    assert!(body.get("push-type").is_none());
    assert!(matches!(live(json!(11)), Err(EncodeError::Refused(_))));
}

#[test]
fn uploads_name_what_is_wrong() {
    let account = |key: &str| json!({"key_id": "k", "sub_account": "s", "private_key": key});
    for (changes, field, code) in [
        (json!({"app_id": null}), "/app_id", "missing"),
        (json!({"app_id": "1/../2"}), "/app_id", "invalid"),
        (json!({"client_secret": null}), "/client_secret", "missing"),
        (json!({"callback_secret": null}), "/callback_secret", "missing"),
        (json!({"api": "v2"}), "/project_id", "missing"),
        (json!({"api": "v3", "project_id": "1"}), "/service_account", "missing"),
        (json!({"api": "v4"}), "/api", "invalid"),
        (json!({"keys": 1}), "/keys", "unknown_field"),
        (json!({"service_account": {"key_id": "k"}}), "/service_account/private_key", "missing"),
        (json!({"service_account": {"kid": "k"}}), "/service_account/kid", "unknown_field"),
        (json!({"service_account": account("hw-key")}), "/service_account/private_key", "invalid"),
        (
            json!({"service_account": account("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")}),
            "/service_account/private_key",
            "invalid",
        ),
    ] {
        let error = credential(changes.clone()).unwrap_err();
        assert_eq!((&*error.field, error.code), (field, code), "{changes}");
        assert!(!error.message.contains("hw-"), "{error}");
    }
}

#[test]
fn every_code_of_the_table() {
    for (code, class) in [
        ("80000000", Class::Accepted),
        ("80300007", Class::InvalidToken),
        ("80200001", Class::AuthError),
        ("80200003", Class::AuthError),
        ("80200005", Class::AuthError),
        ("80300002", Class::AuthError),
        ("80300036", Class::AuthError),
        ("80300037", Class::AuthError),
        ("80600003", Class::AuthError),
        ("80100001", Class::BadRequest),
        ("80100004", Class::BadRequest),
        ("80100013", Class::BadRequest),
        ("80100016", Class::BadRequest),
        ("80100018", Class::BadRequest),
        ("80300008", Class::BadRequest),
        ("80300010", Class::BadRequest),
        ("80300011", Class::BadRequest),
        ("80300029", Class::Quota),
        ("80300030", Class::Quota),
        ("81000001", Class::Retry),
        ("82000001", Class::BadRequest),
        ("99", Class::BadRequest),
    ] {
        let answers = coded(code);
        let expected = Outcome { cleans: code == "80300007", ..Outcome::of(class, code) };
        assert_eq!((answers.class, answers.targets), (class, vec![expected; 3]), "{code}");
        let refreshes = ["80200001", "80200003", "80200005", "80600003"].contains(&code);
        assert_eq!(answers.refresh_access, refreshes, "{code}");
        assert_eq!(answers.vendor_ids.is_empty(), class != Class::Accepted, "{code}");
    }
    assert_eq!(read(200, &json!({"code": "82000002", "msg": "System busy"}), &TOKENS).class, Class::Retry);
    // A number is the same, and the code wins over the status.
    assert_eq!(read(503, &json!({"code": 80_300_008}), &TOKENS).class, Class::BadRequest);
    assert_eq!(read(500, &json!({"code": "99"}), &TOKENS).class, Class::Retry);
}

#[test]
fn without_a_code_the_status_speaks() {
    for (status, class) in [
        (503, Class::RetryLater),
        (429, Class::RetryLater),
        (500, Class::Retry),
        (502, Class::Retry),
        (400, Class::BadRequest),
        (401, Class::AuthError),
        (404, Class::AuthError),
        (200, Class::Retry),
    ] {
        let answers = read(status, &json!("<html>"), &TOKENS);
        assert_eq!((answers.class, answers.targets.len(), answers.refresh_access), (class, 3, false), "{status}");
    }
}

#[test]
fn a_part_is_refused() {
    let msg = r#"{"success": 2, "failure": 1, "illegal_tokens": ["HWTOKEN-0002", "unknown"]}"#;
    let answers = read(200, &json!({"code": "80100000", "msg": msg, "requestId": "17"}), &TOKENS);
    let accepted = Outcome::of(Class::Accepted, "80100000");
    assert_eq!((answers.class, &*answers.vendor_ids), (Class::Partial, &["17".to_owned()][..]));
    assert_eq!(answers.targets, [accepted.clone(), Outcome::dead("80100000"), accepted.clone()]);
    // Which ones cannot be read: none is asked again or forgotten.
    let answers = read(200, &json!({"code": "80100000", "msg": "some"}), &TOKENS);
    assert_eq!(answers.targets, [accepted.clone(), accepted.clone(), accepted]);
}

#[test]
fn a_right_that_is_missing_cleans_nothing() {
    let all = |reason: &str| {
        let msg = json!({"failure": 1, "illegalTokens": {reason: ["HWTOKEN-0001"]}}).to_string();
        read(400, &json!({"code": "80300007", "msg": msg}), &TOKENS[..1])
    };
    for (reason, class) in [
        ("tokenFormatError", Class::InvalidToken),
        ("noPushTypeRight", Class::AuthError),
        ("noRight", Class::AuthError),
        ("appinfoError", Class::AuthError),
        ("disableSendHuaweiMsgBecauseOfPenalty", Class::AuthError),
        ("noRightToSendThisLiveNotificationEvent", Class::AuthError),
        ("differentImgVerifyPolicy", Class::AuthError),
        ("countryNotSupport", Class::AuthError),
        ("tokenPlatformNotSupport", Class::AuthError),
        ("atomicUnableSendUnsubscribedMsg", Class::Dropped),
        ("somethingNew", Class::BadRequest),
    ] {
        let answers = all(reason);
        let expected = Outcome { cleans: class == Class::InvalidToken, ..Outcome::of(class, reason) };
        assert_eq!((answers.class, answers.targets), (class, vec![expected]), "{reason}");
    }
    let msg = r#"{"illegalTokens": {"tokenFormatError": ["HWTOKEN-0001"], "noRight": ["HWTOKEN-0002"]}}"#;
    let answers = read(200, &json!({"code": "80300007", "msg": msg}), &TOKENS);
    let classes: Vec<(Class, bool)> = answers.targets.iter().map(|target| (target.class, target.cleans)).collect();
    assert_eq!(classes, [(Class::InvalidToken, true), (Class::AuthError, false), (Class::BadRequest, false)]);
}

fn receipt(signature: Option<&str>, now: UnixMillis, body: &str) -> Result<Vec<CallbackEvent>, CallbackError> {
    let mut headers = HeaderMap::new();
    if let Some(signature) = signature {
        headers.insert("X-HUAWEI-CALLBACK-ID", signature.parse().unwrap());
    }
    Huawei.read_callback(&credential(json!({})).unwrap(), Callback { headers: &headers, body: body.as_bytes() }, now)
}

const SIGNED: &str = "timestamp=1767225601234; nonce=a07bfa17-6d82-4b53-a9a2-07cfef5ceef1; \
                      value=22ANFoArW9L4nO+PIKtRPbQ76BEBiEtPfClsgF9lbyM=";

#[test]
fn a_receipt_is_taken_only_with_a_fresh_signature() {
    let body = r#"{"statuses":[]}"#;
    assert_eq!(receipt(Some(SIGNED), NOW, body), Ok(Vec::new()));
    let quarter = 15 * 60 * 1_000;
    let signed_at = UnixMillis(1_767_225_601_234);
    assert!(receipt(Some(SIGNED), signed_at.plus(quarter), body).is_ok());
    assert!(receipt(Some(SIGNED), signed_at.minus(quarter), body).is_ok());
    let wrong = SIGNED.replace("22AN", "AAAA");
    let later = SIGNED.replace("1767225601234", "1767225601235");
    let twice = format!("timestamp=1767225601235; {SIGNED}");
    for (signature, now) in [
        (None, NOW),
        (Some(""), NOW),
        (Some("timestamp=1767225601234; nonce=a; value="), NOW),
        (Some(&*wrong), NOW),
        (Some(&*later), NOW),
        (Some(&*twice), NOW),
        (Some(SIGNED), signed_at.plus(quarter + 1)),
        (Some(SIGNED), signed_at.minus(quarter + 1)),
    ] {
        assert_eq!(receipt(signature, now, body), Err(CallbackError::Unauthorized), "{signature:?} {now}");
    }
    // Who set no secret has the URL's alone.
    let unsigned = credential(json!({"callback_user": null, "callback_secret": null})).unwrap();
    let callback = Callback { headers: &HeaderMap::new(), body: body.as_bytes() };
    assert_eq!(Huawei.read_callback(&unsigned, callback, NOW), Ok(Vec::new()));
}

#[test]
fn a_receipt_in_both_shapes() {
    let status = |n: usize, status: u32| {
        json!({"appid": "101300999", "token": format!("T{n}"), "biTag": "m-1", "status": status,
            "timestamp": 1_767_225_600_500_u64, "requestId": "17"})
    };
    let codes = [0, 2, 5, 6, 10, 14, 15, 22, 27, 31, 51, 102, 144, 201, 256];
    let statuses: Vec<Value> = codes.iter().enumerate().map(|(n, code)| status(n, *code)).collect();
    let events = receipt(Some(SIGNED), NOW, &json!({"statuses": statuses}).to_string()).unwrap();
    // 27 waits for another.
    assert_eq!(events.len(), codes.len() - 1);
    let first = CallbackEvent {
        message_id: Some("m-1".into()),
        vendor_id: Some("17".into()),
        token: "T0".into(),
        kind: CallbackEventKind::Delivered,
        at: Some(UnixMillis(1_767_225_600_500)),
        reason: "0".into(),
    };
    assert_eq!(events[0], first);
    for event in &events[1..] {
        let invalid = ["2", "5"].contains(&&*event.reason);
        let kind = if invalid { CallbackEventKind::InvalidToken } else { CallbackEventKind::Dropped };
        assert_eq!(event.kind, kind, "{event:?}");
    }
    let newer = json!({"statuses": [
        {"token": "T1", "pushType": 0, "biTag": "", "requestId": "17",
            "deliveryStatus": {"result": 5, "timestamp": 1_767_225_600_500_u64}},
        {"token": "T2", "pushType": 1, "requestId": "17", "formStatus": {"result": 0}},
        {"deliveryStatus": {"result": 0}},
    ]});
    let events = receipt(Some(SIGNED), NOW, &newer.to_string()).unwrap();
    let expected = CallbackEvent {
        message_id: None,
        token: "T1".into(),
        kind: CallbackEventKind::InvalidToken,
        reason: "5".into(),
        ..first
    };
    assert_eq!(events, [expected]);
    for body in ["", "[]", "{}", r#"{"statuses":{}}"#] {
        assert!(matches!(receipt(Some(SIGNED), NOW, body), Err(CallbackError::Malformed(_))), "{body}");
    }
}
