use std::collections::BTreeMap;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::json;

use super::*;
use crate::{
    Answers, CallbackEventKind, Category, Class, Click, Content, Next, Origins, Outcome, Push, Recipients, Request,
    Response, Token,
};

/// 2026-01-01T00:00:05Z: in China it is 08:00.
const NOW: UnixMillis = UnixMillis(1_767_225_605_000);
const IDS: [&str; 3] =
    ["0VcFXBPNTLifGLIYK+GdDAiOFJQ/uWAzkfs7QYtfszB=", "hncl+mMTtpA8BQZ66k7Fgpwa+ezlSL8AN/g8HKzTfg6=", "xmRegId0003"];
const CALLBACK: &str = "https://push.example/callbacks/xiaomi";

fn credential(changes: Value) -> Result<crate::Credential, CredentialError> {
    let mut upload = json!({"app_secret": "xm-secret", "package": "com.example.demo"});
    crate::merge::merge(upload.as_object_mut().unwrap(), changes.as_object().unwrap());
    Xiaomi.read_credential(&upload, NOW)
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

fn push(content: Content, to: Recipients) -> Push {
    Push { content, to, same_content: false, request_id: "r".into(), receipts: Vec::new() }
}

fn ids<T: AsRef<str>>(texts: &[T]) -> Recipients {
    Recipients::Tokens(texts.iter().map(|text| Token { text: text.as_ref().to_owned(), since: None }).collect())
}

fn begin_with(credential: &crate::Credential, operation: &Operation) -> Result<Box<dyn Exchange>, EncodeError> {
    let origins = Origins::production();
    let callback_url = Some(CALLBACK);
    let around = Surroundings { credential, access: None, origins: &origins, now: NOW, callback_url, random: [0; 64] };
    Xiaomi.begin(&around, operation)
}

fn fields_of(request: &Request) -> BTreeMap<String, String> {
    form_urlencoded::parse(request.http.body()).into_owned().collect()
}

fn sent(push: Push) -> Result<(Request, BTreeMap<String, String>), EncodeError> {
    let request = begin_with(&credential(json!({})).unwrap(), &Operation::Push(push))?.request();
    let fields = fields_of(&request);
    Ok((request, fields))
}

fn answer(status: u16, body: &Value) -> Response {
    let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    http::Response::builder().status(status).body(Bytes::from(body)).unwrap()
}

fn read(status: u16, body: &Value, ids: &[&str]) -> Answers {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    decode::read(&answer(status, body), &ids, NOW)
}

#[test]
fn a_notification_in_xiaomis_words() {
    let (request, fields) = sent(push(content(), ids(&[IDS[0], IDS[1], IDS[0]]))).unwrap();
    assert_eq!(request.http.uri(), "https://api.xmpush.xiaomi.com/v3/message/regid");
    assert_eq!(request.http.headers()["authorization"], "key=xm-secret");
    assert!(!format!("{:?} {request:?} {:?}", request.http.headers(), credential(json!({}))).contains("xm-secret"));
    let payload = json!({"orderId": "88017", "homing_id": "m-7f3a9c2e01"}).to_string();
    let notify_id = fields["notify_id"].clone();
    let joined = format!("{},{}", IDS[0], IDS[1]);
    let expected = [
        ("description", "您的包裹已从北京仓出库"),
        ("extra.callback", CALLBACK),
        ("extra.callback.param", "m-7f3a9c2e01"),
        ("extra.callback.type", "1267"),
        ("extra.notify_effect", "1"),
        ("notify_id", &notify_id),
        ("notify_type", "-1"),
        ("pass_through", "0"),
        ("payload", &payload),
        ("registration_id", &joined),
        ("restricted_package_name", "com.example.demo"),
        ("time_to_live", "86400000"),
        ("title", "订单已发货"),
    ];
    assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    // Another message has another number; one that replaces has the same.
    let number = |id: &str, key: Option<&str>| {
        let content = Content { message_id: id.into(), collapse_key: key.map(str::to_owned), ..content() };
        sent(push(content, ids(&IDS))).unwrap().1["notify_id"].clone()
    };
    assert_eq!(number("a", Some("k")), number("b", Some("k")));
    assert!(number("a", None) != number("b", None) && notify_id.parse::<i32>().unwrap() > 0);
}

#[test]
fn clicks_lives_receipts_and_channels() {
    let of = |content: Content| sent(push(content, ids(&IDS))).unwrap().1;
    let fields = of(Content { click: Click::Url("https://shop.example/a?b=c".into()), time_to_live: 0, ..content() });
    assert_eq!((&*fields["extra.notify_effect"], &*fields["extra.web_uri"]), ("3", "https://shop.example/a?b=c"));
    assert_eq!(fields["time_to_live"], "1000");
    let fields = of(Content { click: Click::Intent("demo://5".into()), time_to_live: u64::MAX, ..content() });
    assert_eq!((&*fields["extra.notify_effect"], &*fields["extra.intent_uri"]), ("2", "demo://5"));
    assert_eq!(fields["time_to_live"], "1209600000");
    let silent = of(Content { silent: true, title: None, body: None, ..content() });
    assert_eq!((&*silent["pass_through"], silent.contains_key("notify_id")), ("1", false));
    assert!(silent["payload"].contains("88017"));
    for (receipts, mask) in [
        (vec![CallbackEventKind::Delivered, CallbackEventKind::Opened, CallbackEventKind::Delivered], Some("3")),
        (vec![CallbackEventKind::InvalidToken, CallbackEventKind::Dropped], Some("1264")),
        (vec![CallbackEventKind::Displayed], None),
    ] {
        let fields = sent(Push { receipts, ..push(content(), ids(&IDS)) }).unwrap().1;
        assert_eq!(fields.get("extra.callback.type").map(String::as_str), mask);
        assert_eq!(fields.contains_key("extra.callback"), mask.is_some());
    }
    let approved = credential(json!({"channel_id": "orders", "region": "europe"})).unwrap();
    for (category, channel) in [(Category::Service, Some("orders")), (Category::Marketing, None)] {
        let operation = Operation::Push(push(Content { category, ..content() }, ids(&IDS)));
        let request = begin_with(&approved, &operation).unwrap().request();
        assert_eq!(request.http.uri().host(), Some("fr-api.xmpush.global.xiaomi.com"));
        assert_eq!(fields_of(&request).get("extra.channel_id").map(String::as_str), channel);
    }
}

#[test]
fn what_the_business_wrote_wins_but_for_whom_it_is() {
    let overrides = json!({"title": "T", "notify_type": 1, "description": "D", "extra": {"channel_id": "c", "a": {"b": 1}},
        "extra.notify_effect": "2", "notify_id": null, "registration_id": "x", "topic": "t", "user_account": "u"});
    let content = Content { overrides: overrides.as_object().unwrap().clone(), ..content() };
    let (_, fields) = sent(push(content, ids(&IDS[2..]))).unwrap();
    assert_eq!((&*fields["title"], &*fields["notify_type"], &*fields["description"]), ("T", "1", "D"));
    assert_eq!((&*fields["extra.channel_id"], &*fields["extra.a"]), ("c", r#"{"b":1}"#));
    assert_eq!((&*fields["extra.notify_effect"], &*fields["registration_id"]), ("2", IDS[2]));
    assert!(["notify_id", "topic", "user_account"].iter().all(|name| !fields.contains_key(*name)));
}

#[test]
fn whom_it_can_be_for() {
    let (request, fields) = sent(push(content(), Recipients::Aliases(vec!["u1".into(), "u2".into()]))).unwrap();
    assert_eq!((request.http.uri().path(), &*fields["alias"]), ("/v3/message/alias", "u1,u2"));
    let (request, fields) = sent(push(content(), Recipients::Topic("news".into()))).unwrap();
    assert_eq!((request.http.uri().path(), &*fields["topic"]), ("/v3/message/topic", "news"));
    let (request, fields) = sent(push(content(), Recipients::Everyone)).unwrap();
    assert_eq!((request.http.uri().path(), fields.get("registration_id")), ("/v3/message/all", None));
    let subscribe = Operation::Subscribe { topic: "news".into(), tokens: vec!["a".into(), "b".into()] };
    let request = begin_with(&credential(json!({})).unwrap(), &subscribe).unwrap().request();
    assert_eq!(request.http.body(), "registration_id=a%2Cb&topic=news");
    assert_eq!(request.http.uri().path(), "/v2/topic/subscribe");
    let refused = sent(push(content(), Recipients::Aliases(vec!["u1,u2".into()])));
    assert!(matches!(refused, Err(EncodeError::Refused(_))));
    for to in [ids::<&str>(&[]), ids(&vec!["a"; 1_001])] {
        assert!(matches!(sent(push(content(), to)), Err(EncodeError::Misused(_))));
    }
}

#[test]
fn a_token_that_would_be_several_reaches_none() {
    let operation = Operation::Push(push(content(), ids(&["mine,somebody-elses", IDS[2]])));
    let exchange = begin_with(&credential(json!({})).unwrap(), &operation).unwrap();
    assert_eq!(fields_of(&exchange.request())["registration_id"], IDS[2]);
    let Next::Done(answers) = exchange.take(&answer(200, &json!({"code": 0, "data": {"id": "scm1"}})), NOW) else {
        panic!("it is over")
    };
    let classes: Vec<(Class, bool)> = answers.targets.iter().map(|target| (target.class, target.cleans)).collect();
    assert_eq!(classes, [(Class::InvalidToken, true), (Class::Accepted, false)]);
    assert!(matches!(sent(push(content(), ids(&["a,b"]))), Err(EncodeError::Refused(_))));
}

#[test]
fn what_xiaomi_would_refuse_is_not_sent() {
    let refused = |content| matches!(sent(push(content, ids(&IDS))), Err(EncodeError::Refused(_)));
    let with = |title: usize, body: usize| Content {
        title: Some("题".repeat(title)),
        body: Some("文".repeat(body)),
        ..content()
    };
    assert!(!refused(with(49, 127)));
    assert!(refused(with(50, 127)) && refused(with(49, 128)));
    assert!(refused(with(0, 127)) && refused(Content { body: None, ..content() }));
    assert!(refused(Content { message_id: "m".repeat(65), ..content() }));
    let extra = |length: usize| {
        let overrides = json!({"extra": {"a": "x".repeat(length)}}).as_object().unwrap().clone();
        Content { overrides, ..content() }
    };
    assert!(!refused(extra(1_900)) && refused(extra(2_047)));
}

#[test]
fn uploads_name_what_is_wrong() {
    for (changes, field, code) in [
        (json!({"app_secret": null}), "/app_secret", "missing"),
        (json!({"app_secret": "a\u{1}"}), "/app_secret", "invalid"),
        (json!({"package": null}), "/package", "missing"),
        (json!({"region": "mars"}), "/region", "invalid"),
        (json!({"callback_url": "u"}), "/callback_url", "unknown_field"),
    ] {
        let error = credential(changes.clone()).unwrap_err();
        assert_eq!((&*error.field, error.code), (field, code), "{changes}");
    }
    let summary = credential(json!({"region": "india"})).unwrap().summary();
    let public = vec![("package", "com.example.demo".to_owned()), ("region", "india".to_owned())];
    assert_eq!((summary.kind, summary.public), ("app_secret", public));
}

#[test]
fn every_code_of_the_table() {
    let table: [(Class, &[i64]); 5] = [
        (Class::Retry, &[-1, 1, 10_001, 10_002, 10_003, 20_607, 26_003, 65_029, 65_030, 22_102, 20_301]),
        (Class::RetryLater, &[10_027, 10_030, 10_032, 10_039, 26_004, 26_005, 65_006, 200_002]),
        (Class::Quota, &[10_034, 200_001]),
        (Class::AuthError, &[10_031, 10_033, 10_036, 21_301, 21_302, 21_303, 22_000, 22_006, 22_007, 22_022]),
        (
            Class::BadRequest,
            &[
                10_008, 10_012, 10_016, 10_017, 10_029, 10_037, 20_209, 21_305, 26_006, 27_001, 65_003, 65_007, 65_015,
                65_017, 65_028, 65_035, 65_038, 66_006, 66_007, 99_999,
            ],
        ),
    ];
    for (class, codes) in table {
        for code in codes {
            for written in [json!(code), json!(code.to_string())] {
                let answers = read(200, &json!({"result": "error", "code": written, "reason": "failed"}), &IDS);
                // A review, a channel: somebody has to see to it in Xiaomi's console.
                let needs_operator = [26_006, 27_001].contains(code);
                let expected = Outcome { needs_operator, ..Outcome::of(class, code.to_string()) };
                assert_eq!((answers.class, answers.targets), (class, vec![expected; 3]), "{code}");
                assert!(!answers.refresh_access && answers.vendor_ids.is_empty(), "{code}");
                assert_eq!(answers.retry_after, (*code == 200_002).then_some(1_000), "{code}");
                // The next midnight in China.
                let turns = UnixMillis(1_767_283_200_000);
                assert_eq!(answers.not_before, (class == Class::Quota).then_some(turns), "{code}");
            }
        }
    }
    for (status, class) in [
        (401, Class::AuthError),
        (400, Class::BadRequest),
        (429, Class::RetryLater),
        (503, Class::RetryLater),
        (500, Class::Retry),
        (200, Class::Retry),
    ] {
        assert_eq!(read(status, &json!("<html>"), &IDS).class, class, "{status}");
    }
    assert_eq!(read(401, &json!({"code": 21_301}), &IDS).class, Class::AuthError);
}

#[test]
fn tokens_die_by_what_speaks_of_them_alone() {
    let dead = |code| vec![Outcome::dead(code); 3];
    let body = json!({"result": "error", "code": 20_301, "reason": "No valid targets!"});
    assert_eq!(read(200, &body, &IDS).targets, dead("20301"));
    assert_eq!(read(200, &json!({"code": 66_007}), &IDS[..1]).targets, [Outcome::dead("66007")]);
    let taken = |bad: Value| read(200, &json!({"code": 0, "data": {"id": "scm1", "bad_regids": bad}}), &IDS);
    let accepted = Outcome::of(Class::Accepted, "0");
    let answers = taken(json!(format!("{}, other", IDS[1])));
    assert_eq!((answers.class, &*answers.vendor_ids), (Class::Partial, &["scm1".to_owned()][..]));
    assert_eq!(answers.targets, [accepted.clone(), Outcome::dead("bad_regids"), accepted.clone()]);
    assert_eq!(taken(json!(IDS)).targets, dead("bad_regids"));
    assert_eq!((taken(json!("")).class, taken(json!("")).targets), (Class::Accepted, vec![accepted; 3]));
}

/// A server that refuses a request for the ids it does not know.
fn converse(all: &[String], liars: &[&str]) -> (Answers, usize) {
    let operation = Operation::Push(push(content(), ids(all)));
    let mut exchange = begin_with(&credential(json!({})).unwrap(), &operation).unwrap();
    for requests in 1.. {
        let asked = fields_of(&exchange.request())["registration_id"].clone();
        let body = match asked.split(',').any(|id| liars.contains(&id)) {
            true => json!({"code": 66_007}),
            false => json!({"code": 0, "data": {"id": format!("scm{requests}")}}),
        };
        match exchange.take(&answer(200, &body), NOW) {
            Next::Ask(next) => exchange = next,
            Next::Done(answers) => return (answers, requests),
        }
    }
    unreachable!()
}

#[test]
fn an_id_that_is_none_is_found_and_the_others_are_reached() {
    let all: Vec<String> = (0..1_000).map(|n| format!("id-{n}")).collect();
    let (answers, requests) = converse(&all, &["id-0", "id-777"]);
    assert!((20..=40).contains(&requests), "{requests}");
    assert_eq!(answers.class, Class::Partial);
    for (n, outcome) in answers.targets.iter().enumerate() {
        let expected = if n == 0 || n == 777 { Outcome::dead("66007") } else { Outcome::of(Class::Accepted, "0") };
        assert_eq!(*outcome, expected, "{n}");
    }
    assert_eq!(answers.vendor_ids.len(), answers.vendor_ids.iter().filter(|id| id.starts_with("scm")).count());
    assert!(answers.vendor_ids.len() > 10);
    // All of them lie: it ends, and only what was asked alone is forgotten.
    let liars: Vec<&str> = all.iter().map(String::as_str).collect();
    let (answers, requests) = converse(&all, &liars);
    assert_eq!((requests, answers.targets.len()), (39, 1_000));
    assert!(answers.targets.iter().filter(|outcome| outcome.cleans).count() < 40);
    assert!(answers.targets.iter().all(|outcome| outcome.class != Class::Accepted));
    assert_eq!(converse(&all[..1], &["id-0"]).1, 1);
}

fn receipt(data: &Value) -> Result<Vec<CallbackEvent>, CallbackError> {
    let data = data.as_str().map_or_else(|| data.to_string(), str::to_owned);
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("data", &data).finish();
    let callback = Callback { headers: &HeaderMap::new(), body: body.as_bytes() };
    Xiaomi.read_callback(&credential(json!({})).unwrap(), callback, NOW)
}

#[test]
fn a_receipt_becomes_events() {
    let at = UnixMillis(1_767_225_600_500);
    let event = |vendor_id: &str, token: &str, kind, reason: &str| CallbackEvent {
        message_id: Some("m-1".into()),
        vendor_id: Some(vendor_id.into()),
        token: token.into(),
        kind,
        at: Some(at),
        reason: reason.into(),
    };
    for (kind, types) in [
        (CallbackEventKind::Delivered, &[1][..]),
        (CallbackEventKind::Opened, &[2]),
        (CallbackEventKind::InvalidToken, &[16]),
        (CallbackEventKind::Dropped, &[32, 64, 128, 1_024, 2_048]),
    ] {
        for number in types {
            let targets = format!("{},{}", IDS[0], IDS[2]);
            let message = json!({"type": number, "targets": targets, "param": "m-1", "timestamp": at.0, "extra": {}});
            let events = receipt(&json!({"scm1": message})).unwrap();
            let reason = number.to_string();
            assert_eq!(events, [event("scm1", IDS[0], kind, &reason), event("scm1", IDS[2], kind, &reason)]);
        }
    }
    let two = json!({
        "scm1": {"type": "1", "targets": IDS[0], "param": "m-1", "timestamp": at.0},
        "scm2": {"type": 1, "targets": IDS[0], "timestamp": at.0},
        "scm3": {"targets": IDS[0]},
    });
    let delivered = event("scm1", IDS[0], CallbackEventKind::Delivered, "1");
    let unnamed = CallbackEvent { message_id: None, vendor_id: Some("scm2".into()), ..delivered.clone() };
    assert_eq!(receipt(&two).unwrap(), [delivered.clone(), unnamed]);
    // What was replaced is dead, once.
    let replaced = |number: u32, targets: &str| {
        receipt(&json!({"scm1": {"type": number, "targets": targets, "param": "m-1", "timestamp": at.0,
            "replaceTarget": {IDS[1]: "new"}}}))
        .unwrap()
    };
    assert_eq!(replaced(16, IDS[1]), [event("scm1", IDS[1], CallbackEventKind::InvalidToken, "16")]);
    let old = event("scm1", IDS[1], CallbackEventKind::InvalidToken, "replaceTarget");
    assert_eq!(replaced(1, IDS[0]), [delivered, old]);
    for data in ["", "[]", "x"] {
        assert!(matches!(receipt(&json!(data)), Err(CallbackError::Malformed(_))), "{data}");
    }
    let callback = Callback { headers: &HeaderMap::new(), body: b"dat=%7B%7D" };
    let read = Xiaomi.read_callback(&credential(json!({})).unwrap(), callback, NOW);
    assert!(matches!(read, Err(CallbackError::Malformed(_))));
}
