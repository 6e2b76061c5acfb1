use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use homing_web_push::{DeviceKeys, Subscription, decrypt, vapid};
use serde_json::json;

use super::*;
use crate::scripted::{NOW, shipped, to_tokens};
use crate::{Class, Click, Content, Next, Origins, Push, Recipients, Request, throwaway_keys};

const ENDPOINT: &str = "https://push.example.net/wpush/v2/gAAAAABexample";
const ORIGIN: &str = "https://push.example.net";
const NOW_SECONDS: u64 = 1_767_225_600;
const HOUR: u64 = 3_600;

fn device() -> DeviceKeys {
    DeviceKeys::from_private(&[7; 32], [8; 16]).unwrap()
}

fn subscription(endpoint: &str) -> String {
    Subscription { endpoint: endpoint.into(), keys: device().subscription_keys() }.to_json()
}

fn credential() -> crate::Credential {
    let upload = json!({"subject": "mailto:ops@example.com", "private_key": URL_SAFE_NO_PAD.encode([9; 32])});
    WebPush.read_credential(&upload, NOW).unwrap()
}

fn begin(push: Push, random: [u8; 64]) -> Result<Box<dyn Exchange>, EncodeError> {
    let (credential, origins) = (&credential(), &Origins::production());
    let around = Surroundings { credential, access: None, origins, now: NOW, callback_url: None, random };
    assert!(matches!(WebPush.authorize(&around), Ok(Authorization::Static)));
    WebPush.begin(&around, &Operation::Push(push))
}

fn request(content: Content) -> Request {
    begin(to_tokens(content, &[&subscription(ENDPOINT)]), [3; 64]).unwrap().request()
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    Some(request.http.headers().get(name)?.to_str().unwrap())
}

fn plaintext(request: &Request) -> Value {
    serde_json::from_slice(&decrypt(request.http.body(), &device()).unwrap()).unwrap()
}

#[test]
fn a_message_is_encrypted_for_the_device_and_signed_for_the_service() {
    let request = request(shipped());
    assert_eq!(*request.http.uri(), ENDPOINT);
    for (name, value) in [
        ("ttl", "86400"),
        ("urgency", "high"),
        ("content-encoding", "aes128gcm"),
        ("content-type", "application/octet-stream"),
    ] {
        assert_eq!(header(&request, name), Some(value), "{name}");
    }
    assert_eq!(header(&request, "topic"), None);
    assert_eq!(
        plaintext(&request),
        json!({"title": "订单已发货", "body": "您的包裹已从北京仓出库", "tag": "m-7f3a9c2e01", "homing_id": "m-7f3a9c2e01",
            "data": {"orderId": "88017", "scene": "logistics"}})
    );
    let signature = header(&request, "authorization").unwrap();
    let public = vapid::verify(signature, ORIGIN, NOW_SECONDS).unwrap();
    let summary = credential().summary();
    assert_eq!(summary.public[1], ("public_key", URL_SAFE_NO_PAD.encode(public)));
    assert!(vapid::verify(signature, ORIGIN, NOW_SECONDS + 12 * HOUR - 1).is_ok());
    assert!(vapid::verify(signature, ORIGIN, NOW_SECONDS + 12 * HOUR).is_err());
    assert!(!format!("{request:?}").contains("vapid"), "the signature is shown");
    assert!(!format!("{:?}", credential()).contains(&URL_SAFE_NO_PAD.encode([9; 32])), "the key is shown");
}

#[test]
fn each_message_has_its_own_key_and_salt() {
    let of = |random| begin(to_tokens(shipped(), &[&subscription(ENDPOINT)]), random).unwrap().request();
    let (one, other) = (of([3; 64]), of([4; 64]));
    let header = |request: &Request| request.http.body().slice(..86);
    assert_ne!(header(&one), header(&other));
    // Bytes that are no key of P-256 are made one.
    assert_eq!(plaintext(&of([0xff; 64])), plaintext(&one));
}

#[test]
fn options_become_headers() {
    let content = Content {
        time_to_live: 1,
        priority: homing_domain::Priority::Low,
        collapse_key: Some("sale".into()),
        click: Click::Url("https://shop.example/sale".into()),
        badge: Some(2),
        ..shipped()
    };
    let sent = request(content);
    assert_eq!((header(&sent, "ttl"), header(&sent, "urgency")), (Some("1"), Some("low")));
    assert_eq!(header(&sent, "topic"), Some("sale"));
    let message = plaintext(&sent);
    assert_eq!(
        (&message["tag"], &message["url"], &message["badge"]),
        (&json!("sale"), &json!("https://shop.example/sale"), &json!(2))
    );

    let topic = |key: &str| {
        let sent = request(Content { time_to_live: 0, collapse_key: Some(key.into()), ..shipped() });
        assert_eq!(header(&sent, "ttl"), Some("0"));
        header(&sent, "topic").unwrap().to_owned()
    };
    let longest = "a".repeat(32);
    assert_eq!(topic(&longest), longest);
    for key in ["a".repeat(33), "线程 551".into(), "a.b".into(), String::new()] {
        let topic = topic(&key);
        assert!(topic.len() == 32 && URL_SAFE_NO_PAD.decode(&topic).is_ok(), "{topic}");
    }
    assert_ne!(topic("a.b"), topic("a.c"));

    let silent = plaintext(&request(Content { silent: true, ..shipped() }));
    assert_eq!((&silent["silent"], silent.get("title")), (&json!(true), None));
    let overrides = json!({"title": "T"}).as_object().unwrap().clone();
    let shown = plaintext(&request(Content { silent: true, overrides, ..shipped() }));
    assert_eq!((shown.get("silent"), &shown["title"]), (None, &json!("T")));
    let overrides = json!({"title": "T", "actions": [{"action": "a"}], "homing_id": "x"}).as_object().unwrap().clone();
    let merged = plaintext(&request(Content { overrides, ..shipped() }));
    assert_eq!((&merged["title"], &merged["homing_id"]), (&json!("T"), &json!("m-7f3a9c2e01")));
    assert_eq!(merged["actions"], json!([{"action": "a"}]));
}

#[test]
fn the_body_never_exceeds_4096_bytes() {
    let used = plaintext(&request(Content { body: Some(String::new()), ..shipped() })).to_string().len();
    let filled = |bytes: usize| Content { body: Some("x".repeat(bytes)), ..shipped() };
    assert_eq!(request(filled(3_993 - used)).http.body().len(), 4_096);
    let too_long = begin(to_tokens(filled(3_994 - used), &[&subscription(ENDPOINT)]), [3; 64]);
    assert!(matches!(too_long, Err(EncodeError::Refused(_))));
}

#[test]
fn what_is_no_subscription_is_refused() {
    let refused = |text: &str| begin(to_tokens(shipped(), &[text]), [3; 64]).unwrap_err();
    for text in ["", ENDPOINT, "{}", &subscription("https://10.0.0.1/x"), &subscription("http://push.example.net/x")] {
        assert!(matches!(refused(text), EncodeError::Refused(_)), "{text}");
    }
    let two = to_tokens(shipped(), &[&subscription(ENDPOINT), &subscription(ENDPOINT)]);
    assert!(matches!(begin(two, [3; 64]), Err(EncodeError::Misused(_))));
    let topic = Push { to: Recipients::Topic("t".into()), ..to_tokens(shipped(), &[]) };
    assert!(matches!(begin(topic, [3; 64]), Err(EncodeError::Unsupported(_))));
}

#[test]
fn each_status_has_its_class() {
    let dead = (Class::InvalidToken, true);
    for (status, (class, cleans), waits, refreshes) in [
        (201, (Class::Accepted, false), false, false),
        (200, (Class::Accepted, false), false, false),
        (202, (Class::Accepted, false), false, false),
        (404, dead, false, false),
        (410, dead, false, false),
        (400, (Class::BadRequest, false), false, false),
        (401, (Class::AuthError, false), false, true),
        (403, (Class::AuthError, false), false, false),
        (413, (Class::BadRequest, false), false, false),
        (429, (Class::RetryLater, false), true, false),
        (500, (Class::Retry, false), true, false),
        (503, (Class::Retry, false), true, false),
        (307, (Class::BadRequest, false), false, false),
    ] {
        let exchange = begin(to_tokens(shipped(), &[&subscription(ENDPOINT)]), [3; 64]).unwrap();
        let location = "https://push.example.net/message/abc123";
        let response =
            http::Response::builder().status(status).header("location", location).header("retry-after", "120");
        let Next::Done(answers) = exchange.take(&response.body(Bytes::new()).unwrap(), NOW) else { panic!("more") };
        let target = &answers.targets[0];
        assert_eq!((answers.class, target.class, target.cleans), (class, class, cleans), "{status}");
        assert_eq!((answers.retry_after, answers.refresh_access), (waits.then_some(120_000), refreshes), "{status}");
        let ids = if class == Class::Accepted { vec![location.to_owned()] } else { Vec::new() };
        assert_eq!(answers.vendor_ids, ids, "{status}");
    }
}

#[test]
fn uploads_bring_a_key_of_p_256_in_either_form() {
    let (pem, public) = throwaway_keys::p256();
    let read = |upload: Value| WebPush.read_credential(&upload, NOW);
    let summary = read(json!({"subject": "https://example.com/push", "private_key": pem})).unwrap().summary();
    assert_eq!((summary.kind, &*summary.public[1].1), ("vapid", &*URL_SAFE_NO_PAD.encode(public)));
    let key = URL_SAFE_NO_PAD.encode([9; 32]);
    for (upload, field, code) in [
        (json!({"private_key": key}), "/subject", "missing"),
        (json!({"subject": "ops@example.com", "private_key": key}), "/subject", "invalid"),
        (json!({"subject": "mailto:a@b.c"}), "/private_key", "missing"),
        (json!({"subject": "mailto:a@b.c", "private_key": "c2hvcnQ"}), "/private_key", "invalid"),
        (json!({"subject": "mailto:a@b.c", "private_key": URL_SAFE_NO_PAD.encode([0; 32])}), "/private_key", "invalid"),
        (json!({"subject": "mailto:a@b.c", "private_key": throwaway_keys::rsa().0}), "/private_key", "invalid"),
        (json!({"subject": "mailto:a@b.c", "private_key": key, "x": 1}), "/x", "unknown_field"),
    ] {
        let error = read(upload).unwrap_err();
        assert_eq!((&*error.field, error.code), (field, code), "{error}");
    }
}
