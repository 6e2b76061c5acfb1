//! Bodies as the vendor's pages and captures of its traffic show them.

use homing_domain::UnixMillis;
use serde_json::{Value, json};

use super::{Vivo, access};
use crate::scripted::{NOW, Scripted, events, outcomes, shipped, to_tokens};
use crate::{Category, Class, Click, Content, EncodeError, Operation};

const A: &str = "15513410784181118114099";
const B: &str = "15554239157791000000009";
const C: &str = "12345678901234567890122";
const TASK: &str = "555758542050050048";

fn vivo() -> Scripted<Vivo> {
    Scripted::new(Vivo, &json!({"app_id": 10004, "app_key": "vivo-app-key", "app_secret": "vivo-app-secret"}))
}

fn push(tokens: &[&str]) -> Operation {
    Operation::Push(to_tokens(shipped(), tokens))
}

fn done() -> (u16, Value) {
    (200, json!({"result": 0, "desc": "请求成功", "taskId": TASK}))
}

#[test]
fn access_is_asked_for_with_a_signature_and_used_for_two_hours() {
    let sign = access::sign("10004", "vivo-app-key", "1767225600000", "vivo-app-secret");
    assert_eq!(sign, "ca085d7c60c8f034fbaf20bddbb83f26");
    let (sent, access) = vivo().authorize(&json!({"result": 0, "desc": "请求成功", "authToken": "vv-at-1"}));
    let expected = json!({"appId": 10004, "appKey": "vivo-app-key", "timestamp": NOW.0, "sign": sign});
    assert_eq!((&*sent.path, sent.json()), ("/message/auth", expected));
    let access = access.unwrap();
    assert_eq!((&**access.token, access.renew_at), ("vv-at-1", UnixMillis(NOW.0 + 7_200_000)));
    for (answer, class) in [
        (json!({"result": 10206, "desc": "sign 不正确"}), Class::AuthError),
        (json!({"result": 10000}), Class::AuthError),
        (json!({"result": 10093}), Class::RetryLater),
        (json!({"result": 0}), Class::Retry),
    ] {
        let answers = vivo().authorize(&answer).1.unwrap_err();
        assert_eq!((answers.class, answers.refresh_access), (class, false), "{answer}");
    }
}

#[test]
fn one_device_is_sent_to_alone() {
    let (sent, answers) = vivo().walk(&push(&[A]), &[done()]);
    assert_eq!((&*sent[0].path, &sent[0].http.headers()["authtoken"]), ("/message/send", &"at-1".parse().unwrap()));
    assert!(sent[0].http.headers()["authtoken"].is_sensitive());
    let mut body = sent[0].json();
    let request_id = body.as_object_mut().unwrap().remove("requestId").unwrap();
    assert!(request_id.as_str().unwrap().starts_with("r-1-") && request_id.as_str().unwrap().len() <= 64);
    assert_eq!(
        body,
        json!({
            "regId": A, "notifyType": 4, "title": "订单已发货", "content": "您的包裹已从北京仓出库",
            "timeToLive": 86400, "skipType": 1, "networkType": -1, "classification": 1, "pushMode": 0,
            "clientCustomMap": {"orderId": "88017", "scene": "logistics", "homing_id": "m-7f3a9c2e01"},
            "extra": {"callback": "https://push.example/callbacks/vivo", "callback.param": "m-7f3a9c2e01"},
        })
    );
    assert_eq!((answers.class, &*answers.vendor_ids), (Class::Accepted, &[TASK.to_owned()][..]));
    assert_eq!(outcomes(&answers), [(Class::Accepted, false)]);
}

#[test]
fn codes_of_one_device_mean_what_the_vendor_says() {
    for (code, class, cleans) in [
        (10000, Class::AuthError, false),
        (10094, Class::AuthError, false),
        (10206, Class::AuthError, false),
        (10800, Class::AuthError, false),
        (10302, Class::InvalidToken, true),
        (10040, Class::Retry, false),
        (10072, Class::RetryLater, false),
        (10093, Class::RetryLater, false),
        (10071, Class::RetryLater, false),
        (10070, Class::Quota, false),
        (10073, Class::Quota, false),
        (10252, Class::Quota, false),
        (10254, Class::Quota, false),
        (10054, Class::BadRequest, false),
        (10103, Class::BadRequest, false),
        (10104, Class::BadRequest, false),
        (10311, Class::BadRequest, false),
        (10353, Class::BadRequest, false),
        (99999, Class::BadRequest, false),
    ] {
        let (_, answers) = vivo().walk(&push(&[A]), &[(200, json!({"result": code, "desc": "…"}))]);
        assert_eq!((answers.class, outcomes(&answers)), (class, vec![(class, cleans)]), "{code}");
        assert_eq!(answers.refresh_access, code == 10000, "{code}");
        // In China it is 08:00: midnight is 16 hours away, the next opening 23.
        let hours = match code {
            _ if class == Class::Quota => Some(16),
            10071 => Some(23),
            _ => None,
        };
        assert_eq!(answers.not_before, hours.map(|hours| UnixMillis(NOW.0 + hours * 3_600_000)), "{code}");
    }
    let unknown = json!({"result": 0, "taskId": TASK, "invalidUser": {"status": 2, "userid": A}});
    assert_eq!(outcomes(&vivo().walk(&push(&[A]), &[(200, unknown)]).1), [(Class::InvalidToken, true)]);
}

#[test]
fn several_devices_have_a_list_of_a_saved_content() {
    let invalid = json!([{"status": 1, "userid": C}, {"status": 3, "userid": B}]);
    let answer = json!({"result": 0, "desc": "请求成功", "requestId": "r1", "invalidUsers": invalid});
    let (sent, answers) = vivo().walk(&push(&[A, B, C]), &[done(), (200, answer)]);
    assert_eq!((&*sent[0].path, &*sent[1].path), ("/message/saveListPayload", "/message/pushToList"));
    let saved = sent[0].json();
    assert_eq!((saved.get("regId"), &saved["title"]), (None, &json!("订单已发货")));
    assert_eq!(saved["requestId"].as_str().unwrap().len(), 32);
    let list = sent[1].json();
    assert_eq!((&list["taskId"], &list["regIds"]), (&json!(TASK), &json!([A, B, C])));
    assert_eq!(sent[1].http.headers()["authtoken"], "at-1");
    assert_eq!((answers.class, &*answers.vendor_ids), (Class::Partial, &[TASK.to_owned()][..]));
    assert_eq!(outcomes(&answers), [(Class::Accepted, false), (Class::BadRequest, false), (Class::InvalidToken, true)]);
    let (_, answers) = vivo().walk(&push(&[A, B]), &[(200, json!({"result": 10252}))]);
    assert_eq!(outcomes(&answers), [(Class::Quota, false); 2]);
    // A code of the whole that is about one id does not say which.
    let (_, answers) = vivo().walk(&push(&[A, B]), &[done(), (200, json!({"result": 10302}))]);
    assert_eq!(outcomes(&answers), [(Class::BadRequest, false); 2]);
}

#[test]
fn the_same_device_twice_is_no_list() {
    let (sent, answers) = vivo().walk(&push(&[A, A]), &[(200, json!({"result": 10302}))]);
    assert_eq!((&*sent[0].path, &sent[0].json()["regId"]), ("/message/send", &json!(A)));
    assert_eq!(outcomes(&answers), [(Class::InvalidToken, true); 2]);
}

#[test]
fn a_request_is_named_by_whom_it_is_for() {
    let name = |tokens: &[&str]| vivo().walk(&push(tokens), &[done(), done()]).0[1].json()["requestId"].clone();
    assert_eq!(name(&[A, B]), name(&[B, A]));
    assert_ne!(name(&[A, B]), name(&[A, C]));
}

#[test]
fn a_click_and_what_the_business_wrote_reach_the_vendor() {
    let body = |content: Content| vivo().walk(&Operation::Push(to_tokens(content, &[A])), &[done()]).0[0].json();
    let url =
        body(Content { click: Click::Url("https://shop.example".into()), category: Category::Marketing, ..shipped() });
    assert_eq!((&url["skipType"], &url["skipContent"]), (&json!(2), &json!("https://shop.example")));
    assert_eq!(url["classification"], 0);
    let intent = body(Content { click: Click::Intent("intent://thread".into()), time_to_live: 0, ..shipped() });
    assert_eq!((&intent["skipType"], &intent["timeToLive"]), (&json!(4), &json!(60)));
    assert_eq!(body(Content { time_to_live: u64::MAX, ..shipped() })["timeToLive"], 604_800);
    let overrides = json!({"category": "ORDER", "extra": {"callback.id": "7"}}).as_object().unwrap().clone();
    let written = body(Content { overrides, ..shipped() });
    assert_eq!((&written["category"], &written["extra"]["callback.id"]), (&json!("ORDER"), &json!("7")));
    assert_eq!(written["extra"]["callback.param"], "m-7f3a9c2e01");
    let overrides = json!({"alias": "somebody", "regId": B}).as_object().unwrap().clone();
    let aimed = body(Content { overrides, ..shipped() });
    assert_eq!((aimed.get("alias"), &aimed["regId"]), (None, &json!(A)));
    // Ten pairs have no room for our id.
    let data = (0..10).map(|index| (index.to_string(), json!(index))).collect();
    assert_eq!(body(Content { data, ..shipped() })["clientCustomMap"].as_object().unwrap().len(), 10);
}

#[test]
fn what_the_vendor_would_refuse_is_not_sent() {
    let refuses = |content: Content| vivo().refuses(&Operation::Push(to_tokens(content, &[A])));
    for fits in [("长".repeat(20), "长".repeat(50)), ("x".repeat(40), "x".repeat(100))] {
        let content = Content { title: Some(fits.0), body: Some(fits.1), ..shipped() };
        vivo().walk(&Operation::Push(to_tokens(content, &[A])), &[done()]);
    }
    for content in [
        Content { title: Some("长".repeat(20) + "x"), ..shipped() },
        Content { body: Some("x".repeat(101)), ..shipped() },
        Content { body: None, ..shipped() },
        Content { data: (0..11).map(|index| (index.to_string(), json!(index))).collect(), ..shipped() },
        Content { data: json!({"x": "y".repeat(1_024)}).as_object().unwrap().clone(), ..shipped() },
        Content { click: Click::Url("x".repeat(1_025)), ..shipped() },
    ] {
        assert!(matches!(refuses(content), EncodeError::Refused(_)));
    }
    assert_eq!(refuses(Content { silent: true, ..shipped() }), EncodeError::Unsupported("silent messages"));
    let pull = vivo().refuses(&Operation::FetchDeadTokens);
    assert!(matches!(pull, EncodeError::Unsupported(_)));
    // A URL that is too long costs the receipts, not the message.
    let long = Scripted { callback_url: format!("https://push.example/{}", "x".repeat(128)), ..vivo() };
    assert_eq!(long.walk(&push(&[A]), &[done()]).0[0].json()["extra"].get("callback"), None);
}

#[test]
fn receipts_name_devices_and_what_happened() {
    let read = |body: &Value| events(vivo().callback(body.to_string().as_bytes()).unwrap());
    let old = json!({TASK: {"param": null, "targets": A}});
    assert_eq!(read(&old), [(None, Some(TASK.to_owned()), A.to_owned(), "delivered", None, "0".to_owned())]);
    let of = |targets: &str, ack: &str, sub: Option<&str>| {
        let mut task = json!({"param": "m-1", "targets": targets, "ackTime": 1_767_225_600_500_u64, "ackType": ack});
        if let Some(sub) = sub {
            task["subAckType"] = sub.into();
        }
        task
    };
    let all = json!({
        "1": of(A, "0", None), "2": of(A, "100", Some("11001")), "3": of(A, "101", None), "4": of(B, "102", Some("20001")),
        "5": of(C, "102", Some("20002")), "6": of(A, "102", Some("20006")), "7": of(A, "103", None),
        "8": of(A, "104", Some("1017")), "9": of(B, "104", Some("2183")),
    });
    let mut read: Vec<_> = read(&all).into_iter().map(|event| (event.1.unwrap(), event.2, event.3, event.5)).collect();
    read.sort();
    let expected = [
        ("1", A, "delivered", "0"),
        ("2", A, "dropped", "100/11001"),
        ("3", A, "dropped", "101"),
        ("4", B, "invalid_token", "102/20001"),
        ("5", C, "invalid_token", "102/20002"),
        ("6", A, "dropped", "102/20006"),
        ("7", A, "dropped", "103"),
        ("8", A, "dropped", "104/1017"),
        ("9", B, "invalid_token", "104/2183"),
    ];
    let expected =
        expected.map(|(task, token, kind, reason)| (task.to_owned(), token.to_owned(), kind, reason.to_owned()));
    assert_eq!(read, expected);
    assert!(vivo().callback(b"[]").is_err());
    assert_eq!(vivo().callback(br#"{"1": 2, "3": {"targets": 4}}"#).unwrap(), []);
}

#[test]
fn an_upload_is_checked_and_its_secret_never_shown() {
    let credential = vivo().credential;
    assert!(!format!("{credential:?}").contains("vivo-app-secret"));
    let public = [("app_id", "10004".to_owned()), ("app_key", "vivo-app-key".to_owned())];
    assert_eq!((credential.summary().kind, credential.summary().public), ("app_secret", public.to_vec()));
    let read = |app_id: Value| super::Credential::read(&json!({"app_id": app_id, "app_key": "k", "app_secret": "s"}));
    assert_eq!(read(json!("10004")).unwrap().app_id, "10004");
    assert_eq!(read(json!("app")).unwrap_err().field, "/app_id");
}
