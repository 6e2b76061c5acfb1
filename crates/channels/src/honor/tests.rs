use bytes::Bytes;
use http::HeaderMap;
use serde_json::json;
use zeroize::Zeroizing;

use super::*;
use crate::{CallbackEventKind, Category, Class, Click, Content, Origins, Outcome, Push, Recipients, Request, Token};

/// 2026-01-01T00:00:05Z.
const NOW: UnixMillis = UnixMillis(1_767_225_605_000);
const TOKENS: [&str; 3] = ["HONOR-T1", "HONOR-T2", "HONOR-T3"];

fn credential() -> crate::Credential {
    let upload = json!({"app_id": "104436234", "client_id": "honor-client", "client_secret": "honor-secret"});
    Honor.read_credential(&upload, NOW).unwrap()
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

fn push(content: Content, to: Recipients) -> Operation {
    Operation::Push(Push { content, to, same_content: false, request_id: "r".into(), receipts: Vec::new() })
}

fn tokens(texts: &[&str]) -> Recipients {
    Recipients::Tokens(texts.iter().map(|text| Token { text: (*text).to_owned(), since: None }).collect())
}

fn with_surroundings<T>(then: impl FnOnce(&Surroundings<'_>) -> T) -> T {
    let access = Access { token: Zeroizing::new("hn-at-1".into()), since: NOW, renew_at: NOW.plus(1) };
    then(&Surroundings {
        credential: &credential(),
        access: Some(&access),
        origins: &Origins::production(),
        now: NOW,
        callback_url: None,
        random: [0; 64],
    })
}

fn begin(operation: &Operation) -> Result<(Request, Value), EncodeError> {
    with_surroundings(|around| {
        let request = Honor.begin(around, operation)?.request();
        let body = serde_json::from_slice(request.http.body()).unwrap();
        Ok((request, body))
    })
}

fn read(status: u16, body: &Value) -> Answers {
    let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    let response = http::Response::builder().status(status).body(Bytes::from(body)).unwrap();
    decode::read(&response, &TOKENS.map(str::to_owned), NOW)
}

#[test]
fn a_notification_in_honors_words() {
    let (request, body) = begin(&push(content(), tokens(&["HONOR-T1", "HONOR-T2", "HONOR-T1"]))).unwrap();
    assert_eq!(request.http.uri(), "https://push-api.cloud.honor.com/api/v1/104436234/sendMessage");
    assert_eq!(request.http.headers()["authorization"], "Bearer hn-at-1");
    assert_eq!(request.http.headers()["timestamp"], "1767225605000");
    assert!(!format!("{:?} {request:?} {:?}", request.http.headers(), credential()).contains("hn-at"));
    let data = json!({"orderId": "88017", "homing_id": "m-7f3a9c2e01"}).to_string();
    let expected = json!({
        "token": ["HONOR-T1", "HONOR-T2"],
        "data": data,
        "android": {"ttl": "86400s", "biTag": "m-7f3a9c2e01", "notification": {
            "title": "订单已发货", "body": "您的包裹已从北京仓出库", "clickAction": {"type": 3},
            "importance": "NORMAL", "tag": "m-7f3a9c2e01"}}});
    assert_eq!(body, expected);
    let overrides = json!({"android": {"targetUserType": 1, "notification": {"title": "T"}}, "token": ["x"]});
    let (_, body) = begin(&push(
        Content {
            click: Click::Url("https://shop.example/sale".into()),
            category: Category::Marketing,
            collapse_key: Some("sale".into()),
            badge: Some(3),
            time_to_live: u64::MAX,
            overrides: overrides.as_object().unwrap().clone(),
            ..content()
        },
        tokens(&TOKENS),
    ))
    .unwrap();
    let (android, shown) = (&body["android"], &body["android"]["notification"]);
    assert_eq!((&android["ttl"], &android["targetUserType"]), (&json!("1296000s"), &json!(1)));
    assert_eq!(shown["clickAction"], json!({"type": 2, "url": "https://shop.example/sale"}));
    assert_eq!((&shown["importance"], &shown["tag"], &shown["title"]), (&json!("LOW"), &json!("sale"), &json!("T")));
    assert_eq!((&shown["badge"], &body["token"]), (&json!({"setNum": 3}), &json!(TOKENS)));
    let intent = Content { click: Click::Intent("demo://5".into()), time_to_live: 0, ..content() };
    let (_, body) = begin(&push(intent, tokens(&TOKENS))).unwrap();
    assert_eq!(body["android"]["notification"]["clickAction"], json!({"type": 1, "intent": "demo://5"}));
    assert_eq!(body["android"]["ttl"], "1s");
    let silent = Content { silent: true, title: None, body: None, ..content() };
    let (_, body) = begin(&push(silent, tokens(&TOKENS))).unwrap();
    assert!(body["android"].get("notification").is_none() && body["data"].is_string());
}

#[test]
fn what_honor_would_refuse_is_not_sent() {
    let refused = |content| matches!(begin(&push(content, tokens(&TOKENS))), Err(EncodeError::Refused(_)));
    let with = |text: usize| Content { body: Some("x".repeat(text)), ..content() };
    assert!(refused(with(4_096)) && !refused(with(3_500)));
    assert!(refused(Content { title: None, ..content() }));
    let of_all = json!({"notification": {"title": "T"}}).as_object().unwrap().clone();
    assert!(!refused(Content { title: None, overrides: of_all, ..content() }));
    assert!(matches!(begin(&push(content(), tokens(&vec!["t"; 1_001]))), Err(EncodeError::Misused(_))));
    for to in [Recipients::Everyone, Recipients::Aliases(vec!["a".into()]), Recipients::Topic("t".into())] {
        assert!(matches!(begin(&push(content(), to)), Err(EncodeError::Unsupported(_))));
    }
}

#[test]
fn access_is_asked_of_another_server() {
    let Ok(Authorization::Ask(request)) = with_surroundings(|around| Honor.authorize(around)) else { panic!() };
    assert_eq!(request.http.uri(), "https://iam.developer.honor.com/auth/token");
    let form = "grant_type=client_credentials&client_id=honor-client&client_secret=honor-secret";
    assert_eq!(request.http.body(), form);
    let own = Origins::production().with(Channel::Honor, "http://127.0.0.1:9/");
    let Ok(Authorization::Ask(request)) =
        with_surroundings(|around| Honor.authorize(&Surroundings { origins: &own, ..*around }))
    else {
        panic!()
    };
    assert_eq!(request.http.uri(), "http://127.0.0.1:9/auth/token");
}

#[test]
fn uploads_name_what_is_wrong() {
    for (upload, field, code) in [
        (json!({"client_id": "c", "client_secret": "s"}), "/app_id", "missing"),
        (json!({"app_id": "1?", "client_id": "c", "client_secret": "s"}), "/app_id", "invalid"),
        (json!({"app_id": 104, "client_id": "c"}), "/client_secret", "missing"),
        (
            json!({"app_id": "1", "client_id": "c", "client_secret": "s", "project_id": "1"}),
            "/project_id",
            "unknown_field",
        ),
    ] {
        let error = Honor.read_credential(&upload, NOW).unwrap_err();
        assert_eq!((&*error.field, error.code), (field, code), "{upload}");
    }
}

#[test]
fn every_code_of_the_table() {
    for (code, class) in [
        (200, Class::Accepted),
        (80_000_000, Class::Accepted),
        (80_300_007, Class::InvalidToken),
        (401, Class::AuthError),
        (403, Class::AuthError),
        (404, Class::AuthError),
        (10_205, Class::AuthError),
        (80_200_022, Class::AuthError),
        (503, Class::RetryLater),
        (500, Class::Retry),
        (502, Class::Retry),
        (400, Class::BadRequest),
        (80_100_003, Class::BadRequest),
        (80_300_006, Class::BadRequest),
        (80_300_008, Class::BadRequest),
        (80_300_010, Class::BadRequest),
        (80_200_020, Class::BadRequest),
        (80_200_050, Class::BadRequest),
        (80_200_056, Class::BadRequest),
        (10_001, Class::BadRequest),
        (10_207, Class::BadRequest),
        (10_300, Class::BadRequest),
        (80_200_047, Class::Quota),
        (77, Class::BadRequest),
    ] {
        let expected = Outcome { cleans: code == 80_300_007, ..Outcome::of(class, code.to_string()) };
        for written in [json!(code), json!(code.to_string())] {
            let answers = read(200, &json!({"code": written, "message": "m", "data": {"requestId": "hn-req-0001"}}));
            assert_eq!((answers.class, answers.targets), (class, vec![expected.clone(); 3]), "{code}");
            assert_eq!(answers.refresh_access, code == 401 || code == 403, "{code}");
            assert_eq!(answers.vendor_ids.is_empty(), class != Class::Accepted, "{code}");
        }
    }
    // The code wins over the status; without one the status speaks.
    assert_eq!(read(503, &json!({"code": 80_300_008})).class, Class::BadRequest);
    for (status, class) in [
        (503, Class::RetryLater),
        (500, Class::Retry),
        (502, Class::Retry),
        (400, Class::BadRequest),
        (401, Class::AuthError),
        (403, Class::AuthError),
        (404, Class::AuthError),
        (200, Class::Retry),
    ] {
        let answers = read(status, &json!("<html>"));
        assert_eq!((answers.class, answers.refresh_access), (class, status == 401 || status == 403), "{status}");
    }
}

#[test]
fn a_part_is_refused() {
    let body = |code: u32, sent: bool, failed: &[&str], expired: &[&str]| {
        json!({"code": code, "data": {"sendResult": sent, "requestId": "hn-req-0001",
            "failTokens": failed, "expireTokens": expired}})
    };
    let answers = read(200, &body(80_100_000, true, &["HONOR-T2"], &[]));
    let accepted = Outcome::of(Class::Accepted, "80100000");
    assert_eq!((answers.class, &*answers.vendor_ids), (Class::Partial, &["hn-req-0001".to_owned()][..]));
    assert_eq!(answers.targets, [accepted.clone(), Outcome::dead("failTokens"), accepted]);
    let answers = read(200, &body(200, true, &[], &["HONOR-T1", "another"]));
    assert_eq!((answers.class, &answers.targets[0]), (Class::Partial, &Outcome::dead("expireTokens")));
    let answers = read(200, &body(200, true, &["HONOR-T1", "HONOR-T3"], &["HONOR-T2"]));
    assert_eq!(answers.class, Class::InvalidToken);
    assert_eq!(read(200, &body(200, false, &[], &[])).class, Class::Retry);
}

fn receipt(body: &str) -> Result<Vec<CallbackEvent>, CallbackError> {
    let callback = Callback { headers: &HeaderMap::new(), body: body.as_bytes() };
    Honor.read_callback(&credential(), callback, NOW)
}

#[test]
fn a_receipt_becomes_events() {
    let codes = [
        (40_000_001, Some(CallbackEventKind::Delivered)),
        (40_000_002, Some(CallbackEventKind::Delivered)),
        (40_000_003, Some(CallbackEventKind::InvalidToken)),
        (40_000_004, Some(CallbackEventKind::InvalidToken)),
        (40_000_005, Some(CallbackEventKind::Dropped)),
        (40_000_006, Some(CallbackEventKind::Dropped)),
        (40_000_007, Some(CallbackEventKind::Opened)),
        (40_000_009, Some(CallbackEventKind::Dropped)),
        (40_000_011, Some(CallbackEventKind::Dropped)),
        (40_000_013, None),
        (40_000_014, Some(CallbackEventKind::Dropped)),
        (40_000_015, Some(CallbackEventKind::Dropped)),
        (50_000_003, Some(CallbackEventKind::Dropped)),
        (40_009_999, Some(CallbackEventKind::Dropped)),
    ];
    for (code, kind) in codes {
        let status = json!({"appid": "104436234", "token": "HONOR-T1", "biTag": "m-1", "status": code,
            "timestamp": 1_767_225_600_500_u64, "requestId": "hn-req-0001"});
        let expected = kind.map(|kind| CallbackEvent {
            message_id: Some("m-1".into()),
            vendor_id: Some("hn-req-0001".into()),
            token: "HONOR-T1".into(),
            kind,
            at: Some(UnixMillis(1_767_225_600_500)),
            reason: code.to_string(),
        });
        let events = receipt(&json!({"statuses": [status, {"status": code}]}).to_string()).unwrap();
        assert_eq!(events, Vec::from_iter(expected), "{code}");
    }
    for body in ["", "[]", "{}"] {
        assert!(matches!(receipt(body), Err(CallbackError::Malformed(_))), "{body}");
    }
}
