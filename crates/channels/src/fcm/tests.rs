use aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;
use bytes::Bytes;
use homing_domain::Priority;
use serde_json::json;

use super::*;
use crate::scripted::{NOW, Scripted, outcomes, shipped, to_tokens};
use crate::{Class, Click, Content, Next, Origins, Push, Recipients, throwaway_keys};

const TOKEN: &str = "fcmtok-AAA:APA91bExample1";
const SEND: &str = "/v1/projects/demo-project/messages:send";

fn upload(pem: &str) -> Value {
    json!({"type": "service_account", "project_id": "demo-project", "private_key_id": "k1", "private_key": pem,
        "client_email": "push@demo-project.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token",
        "universe_domain": "googleapis.com", "client_id": "1"})
}

fn scripted() -> Scripted<Fcm> {
    Scripted::new(Fcm, &upload(&throwaway_keys::rsa().0))
}

fn to_device(content: Content) -> Operation {
    Operation::Push(to_tokens(content, &[TOKEN]))
}

fn to_topic(content: Content, topic: &str) -> Operation {
    Operation::Push(Push { to: Recipients::Topic(topic.into()), ..to_tokens(content, &[]) })
}

fn failure(status: &str, details: &Value) -> Value {
    json!({"error": {"code": 0, "message": "m", "status": status, "details": details}})
}

fn fcm_error(code: &str) -> Value {
    json!({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code})
}

#[test]
fn access_is_asked_for_with_a_signed_assertion() {
    let (pem, public) = throwaway_keys::rsa();
    let scripted = Scripted::new(Fcm, &upload(&pem));
    let (sent, access) =
        scripted.authorize(&json!({"access_token": "ya29.test", "expires_in": 3599, "token_type": "Bearer"}));
    assert_eq!(sent.path, "/token");
    let form = sent.form();
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let (head, claims) = throwaway_keys::jwt(&form["assertion"], &public, &RSA_PKCS1_2048_8192_SHA256);
    assert_eq!(head, json!({"typ": "JWT", "alg": "RS256", "kid": "k1"}));
    assert_eq!(
        claims,
        json!({"iss": "push@demo-project.iam.gserviceaccount.com", "iat": 1_767_225_600, "exp": 1_767_229_200,
            "scope": "https://www.googleapis.com/auth/firebase.messaging", "aud": "https://oauth2.googleapis.com/token"})
    );
    let access = access.unwrap();
    assert_eq!((&**access.token, access.renew_at), ("ya29.test", NOW.plus(3_299_000)));

    let refused =
        http::Response::builder().status(400).body(Bytes::from_static(br#"{"error":"invalid_grant"}"#)).unwrap();
    let answers = Fcm.read_access(&refused, NOW).unwrap_err();
    assert_eq!((answers.class, &*answers.code, answers.refresh_access), (Class::AuthError, "invalid_grant", false));
}

#[test]
fn a_message_for_a_device() {
    let (sent, answers) =
        scripted().walk(&to_device(shipped()), &[(200, json!({"name": "projects/p/messages/0:1%a"}))]);
    assert_eq!(sent[0].path, SEND);
    assert_eq!(sent[0].http.headers()["authorization"], "Bearer at-1");
    let message = &sent[0].json()["message"];
    assert_eq!(message["token"], TOKEN);
    assert_eq!(message["notification"], json!({"title": "订单已发货", "body": "您的包裹已从北京仓出库"}));
    assert_eq!(message["data"], json!({"orderId": "88017", "scene": "logistics", "homing_id": "m-7f3a9c2e01"}));
    let android = json!({"priority": "HIGH", "ttl": "86400s", "notification": {"tag": "m-7f3a9c2e01"}});
    assert_eq!(message["android"], android);
    assert_eq!(message["apns"], json!({"headers": {"apns-expiration": "1767312000"}}));
    assert_eq!(message["webpush"], json!({"headers": {"TTL": "86400", "Urgency": "high"}}));
    assert_eq!((answers.class, &*answers.vendor_ids), (Class::Accepted, &["projects/p/messages/0:1%a".to_owned()][..]));
    assert_eq!(outcomes(&answers), [(Class::Accepted, false)]);
}

#[test]
fn a_message_for_a_topic_has_half_the_room_and_no_token_to_clean() {
    let scripted = scripted();
    let content = Content { collapse_key: Some("sale".into()), priority: Priority::Normal, ..shipped() };
    let gone = failure("NOT_FOUND", &json!([fcm_error("UNREGISTERED")]));
    let (sent, answers) = scripted.walk(&to_topic(content, "/topics/news"), &[(404, gone)]);
    let message = &sent[0].json()["message"];
    assert_eq!((&message["topic"], message.get("token")), (&json!("news"), None));
    assert_eq!(
        (&message["android"]["collapse_key"], &message["android"]["priority"]),
        (&json!("sale"), &json!("NORMAL"))
    );
    assert_eq!(message["apns"]["headers"]["apns-collapse-id"], "sale");
    assert_eq!((answers.class, answers.targets.len()), (Class::BadRequest, 0));
    assert!(matches!(scripted.refuses(&to_topic(shipped(), "a b")), EncodeError::Refused(_)));
    let filled = Content { body: Some("x".repeat(2_100)), ..shipped() };
    assert!(matches!(scripted.refuses(&to_topic(filled.clone(), "news")), EncodeError::Refused(_)));
    scripted.walk(&to_device(filled), &[(200, json!({}))]);
}

#[test]
fn data_is_text_and_silence_shows_nothing() {
    let data = json!({"n": 1, "o": {"a": [true]}, "s": "t", "z": null}).as_object().unwrap().clone();
    let click = Click::Intent("demo://thread/551".into());
    let content = Content { data, click, silent: true, time_to_live: 0, sound: Some("s".into()), ..shipped() };
    let (sent, _) = scripted().walk(&to_device(content), &[(200, json!({}))]);
    let message = &sent[0].json()["message"];
    assert_eq!(
        message["data"],
        json!({"n": "1", "o": "{\"a\":[true]}", "s": "t", "z": "null", "homing_id": "m-7f3a9c2e01",
            "homing_url": "demo://thread/551"})
    );
    assert_eq!((message.get("notification"), &message["android"]["ttl"]), (None, &json!("0s")));
    assert_eq!(message["apns"]["payload"], json!({"aps": {"content-available": 1}}));
    assert_eq!(message["apns"]["headers"]["apns-expiration"], "0");

    let overrides = json!({"notification": {"title": "T"}}).as_object().unwrap().clone();
    let shown = Content { silent: true, overrides, ..shipped() };
    let (sent, _) = scripted().walk(&to_device(shown), &[(200, json!({}))]);
    let message = &sent[0].json()["message"];
    assert_eq!((&message["notification"], message["apns"].get("payload")), (&json!({"title": "T"}), None));
}

#[test]
fn what_fcm_would_take_for_a_dead_token_is_not_sent() {
    let scripted = scripted();
    let refused = |content: Content| matches!(scripted.refuses(&to_device(content)), EncodeError::Refused(_));
    for key in ["from", "message_type", "google.x", "gcm.y", "Google.z"] {
        let data = Some((key.to_owned(), json!("v"))).into_iter().collect();
        assert!(refused(Content { data, ..shipped() }), "{key}");
    }
    let with = |overrides: Value| Content { overrides: overrides.as_object().unwrap().clone(), ..shipped() };
    for overrides in
        [json!({"token": "t"}), json!({"condition": "c"}), json!({"data": []}), json!({"data": {"from": "x"}})]
    {
        assert!(refused(with(overrides)));
    }
    assert!(refused(Content { body: Some("x".repeat(4_096)), ..shipped() }));
    let (sent, _) = scripted.walk(
        &to_device(with(json!({"android": {"ttl": "60s"}, "data": {"n": 2, "homing_id": "x"}}))),
        &[(200, json!({}))],
    );
    let message = &sent[0].json()["message"];
    assert_eq!((&message["android"]["ttl"], &message["android"]["priority"]), (&json!("60s"), &json!("HIGH")));
    assert_eq!((&message["data"]["n"], &message["data"]["homing_id"]), (&json!("2"), &json!("m-7f3a9c2e01")));
    for token in ["", "a b", "токен"] {
        assert!(matches!(scripted.refuses(&Operation::Push(to_tokens(shipped(), &[token]))), EncodeError::Refused(_)));
    }
    assert!(matches!(scripted.refuses(&Operation::Push(to_tokens(shipped(), &["a", "b"]))), EncodeError::Misused(_)));
}

#[test]
fn each_error_has_its_class() {
    let scripted = scripted();
    let violation = |field: &str| {
        json!([fcm_error("INVALID_ARGUMENT"), {"@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": field, "description": "d"}]}])
    };
    let one = |code: &str| json!([fcm_error(code)]);
    let dead = (Class::InvalidToken, true);
    let kept = |class| (class, false);
    for (status, name, details, outcome, refreshes) in [
        (404, "NOT_FOUND", one("UNREGISTERED"), dead, false),
        (404, "UNREGISTERED", json!([]), dead, false),
        (404, "NOT_FOUND", json!([]), kept(Class::BadRequest), false),
        (400, "INVALID_ARGUMENT", one("INVALID_ARGUMENT"), dead, false),
        (400, "INVALID_ARGUMENT", violation("message.token"), dead, false),
        (400, "INVALID_ARGUMENT", violation("message.android.ttl"), kept(Class::BadRequest), false),
        (400, "INVALID_ARGUMENT", json!([]), kept(Class::BadRequest), false),
        (403, "PERMISSION_DENIED", one("SENDER_ID_MISMATCH"), dead, false),
        (403, "PERMISSION_DENIED", json!([]), kept(Class::AuthError), false),
        (401, "UNAUTHENTICATED", json!([]), kept(Class::AuthError), true),
        (401, "UNAUTHENTICATED", one("THIRD_PARTY_AUTH_ERROR"), kept(Class::AuthError), false),
        (429, "RESOURCE_EXHAUSTED", one("QUOTA_EXCEEDED"), kept(Class::RetryLater), false),
        (503, "UNAVAILABLE", one("UNAVAILABLE"), kept(Class::Retry), false),
        (500, "INTERNAL", one("INTERNAL"), kept(Class::Retry), false),
        (400, "X", one("SOMETHING_NEW"), kept(Class::BadRequest), false),
        (302, "", json!([]), kept(Class::Retry), false),
    ] {
        let (_, answers) = scripted.walk(&to_device(shipped()), &[(status, failure(name, &details))]);
        assert_eq!((outcomes(&answers), answers.refresh_access), (vec![outcome], refreshes), "{status} {details}");
    }
    let (_, unreadable) = scripted.walk(&to_device(shipped()), &[(404, json!("<html>"))]);
    assert_eq!(outcomes(&unreadable), [kept(Class::BadRequest)], "a proxy's 404");
}

#[test]
fn fcm_says_how_long_to_wait_or_its_pages_do() {
    let scripted = scripted();
    let wait = |status: u16, retry_after: Option<&str>| {
        let access = Some(&scripted.access);
        let (credential, origins) = (&scripted.credential, &Origins::production());
        let around = Surroundings { credential, access, origins, now: NOW, callback_url: None, random: [0; 64] };
        let exchange = Fcm.begin(&around, &to_device(shipped())).unwrap();
        let mut response = http::Response::builder().status(status);
        if let Some(value) = retry_after {
            response = response.header("retry-after", value);
        }
        let Next::Done(answers) = exchange.take(&response.body(Bytes::new()).unwrap(), NOW) else { panic!("more") };
        answers.retry_after
    };
    assert_eq!(wait(429, Some("37")), Some(37_000));
    assert_eq!(wait(429, Some("Thu, 01 Jan 2026 00:01:00 GMT")), Some(60_000));
    assert_eq!(wait(429, None), Some(60_000));
    assert_eq!(wait(500, None), Some(10_000));
    assert_eq!(wait(503, None), None);
    assert_eq!(wait(400, Some("37")), None);
}

#[test]
fn subscriptions_are_answered_token_by_token() {
    let scripted = scripted();
    let subscribe = |tokens: &[&str]| Operation::Subscribe {
        topic: "news".into(),
        tokens: tokens.iter().map(|token| (*token).to_owned()).collect(),
    };
    let results = json!({"results": [{}, {"error": "NOT_FOUND"}, {"error": "TOO_MANY_TOPICS"}, {"error": "INTERNAL"}]});
    let (sent, answers) = scripted.walk(&subscribe(&["t1", "t2", "t3", "t4"]), &[(200, results)]);
    assert_eq!(sent[0].path, "/iid/v1:batchAdd");
    assert_eq!(sent[0].http.headers()["access_token_auth"], "true");
    assert_eq!(sent[0].json(), json!({"to": "/topics/news", "registration_tokens": ["t1", "t2", "t3", "t4"]}));
    assert_eq!(answers.class, Class::Partial);
    let expected = [Class::Accepted, Class::InvalidToken, Class::BadRequest, Class::Retry];
    assert_eq!(outcomes(&answers), expected.map(|class| (class, class == Class::InvalidToken)));
    let invalid = json!({"results": [{"error": "INVALID_ARGUMENT"}]});
    assert_eq!(outcomes(&scripted.walk(&subscribe(&["t1"]), &[(200, invalid)]).1), [(Class::InvalidToken, true)]);
    let (_, short) = scripted.walk(&subscribe(&["t1", "t2"]), &[(200, json!({"results": [{}]}))]);
    assert_eq!(outcomes(&short), [(Class::Retry, false), (Class::Retry, false)]);
    let (_, refused) = scripted.walk(&subscribe(&["t1"]), &[(401, json!({}))]);
    assert!(refused.refresh_access);
    assert!(matches!(scripted.refuses(&subscribe(&vec!["t"; 1_001])), EncodeError::Misused(_)));
}

#[test]
fn uploads_are_refused_by_field_and_show_no_key() {
    let (pem, _) = throwaway_keys::rsa();
    let with = |field: &str, value: Value| {
        let mut upload = upload(&pem);
        upload[field] = value;
        upload
    };
    for (upload, field, code) in [
        (json!("x"), "", "invalid"),
        (with("type", json!("authorized_user")), "/type", "invalid"),
        (with("project_id", Value::Null), "/project_id", "missing"),
        (with("project_id", json!("a/b")), "/project_id", "invalid"),
        (with("client_email", json!(1)), "/client_email", "invalid"),
        (with("private_key", Value::Null), "/private_key", "missing"),
        (with("private_key", json!("none")), "/private_key", "invalid"),
        (with("private_key", json!(throwaway_keys::p256().0)), "/private_key", "invalid"),
        (with("token_uri", json!("https://evil.example/token")), "/token_uri", "invalid"),
        (with("token_uri", json!("http://oauth2.googleapis.com/token")), "/token_uri", "invalid"),
        (with("token_uri", json!("https://oauth2.googleapis.com@evil.example/")), "/token_uri", "invalid"),
        (with("token_uri", json!("https://oauth2.googleapis.com:8443/token")), "/token_uri", "invalid"),
    ] {
        let error = Fcm.read_credential(&upload, NOW).unwrap_err();
        assert_eq!((&*error.field, error.code), (field, code), "{error}");
    }
    let credential = Fcm.read_credential(&upload(&pem), NOW).unwrap();
    let summary = credential.summary();
    assert_eq!((summary.kind, &*summary.public[0].1), ("service_account", "demo-project"));
    assert!(format!("{credential:?}").contains("redacted"));
}
