use http::HeaderValue;

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
}

fn code(result: Result<impl std::fmt::Debug, Problem>) -> String {
    result.unwrap_err().code().to_owned()
}

fn endpoint(key: Option<&[u8]>) -> WebPushEndpoint {
    WebPushEndpoint::new("demo".parse().unwrap(), homing_domain::DeviceId::from_bytes([9; 16]), 3, key)
}

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
const ORIGIN: &str = "https://push.example";

#[test]
fn headers_say_how_long_how_urgent_and_what_it_replaces() {
    let terms = Terms::read(&headers(&[("ttl", "60"), ("urgency", "very-low"), ("topic", "up_d-ate")])).unwrap();
    assert_eq!(terms, Terms { time_to_live: 60, priority: Priority::Low, topic: Some("up_d-ate".to_owned()) });
    let push = push(&endpoint(None), &terms, b"cipher");
    assert_eq!(push.options.collapse_key.as_deref(), Some("wp:3:up_d-ate"));
    assert_eq!(envelope::unwrap(&push.payload), Some((3, &b"cipher"[..])));
    assert_eq!((push.options.ttl_seconds, push.options.delivery), (60, DeliveryPolicy::OwnOnly));

    for (ttl, kept) in [("0", 0), ("99999999999999", TTL_MAX_SECONDS), ("2419201", TTL_MAX_SECONDS)] {
        assert_eq!(Terms::read(&headers(&[("ttl", ttl)])).unwrap().time_to_live, kept, "{ttl}");
    }
    for ttl in [&[][..], &[("ttl", "")], &[("ttl", "-1")], &[("ttl", "1.5")], &[("ttl", "soon")]] {
        assert_eq!(code(Terms::read(&headers(ttl))), "ttl_required");
    }
    assert_eq!(code(Terms::read(&headers(&[("ttl", "1"), ("urgency", "urgent")]))), "invalid_urgency");
    for topic in ["", "a b", "ü", &"x".repeat(33)] {
        let wrong = Terms::read(&headers(&[("ttl", "1"), ("topic", topic)]));
        assert!(["invalid_topic", "invalid_header"].contains(&&*code(wrong)), "{topic}");
    }
}

#[test]
fn a_body_is_encrypted_and_no_larger_than_the_rfc_says() {
    let encrypted = headers(&[("content-encoding", "aes128gcm")]);
    check_body(&encrypted, &[0; BODY_MAX_BYTES]).unwrap();
    check_body(&headers(&[]), b"").unwrap();
    assert_eq!(code(check_body(&encrypted, &[0; BODY_MAX_BYTES + 1])), "payload_too_large");
    assert_eq!(code(check_body(&headers(&[]), b"plain")), "not_encrypted");
    assert_eq!(code(check_body(&headers(&[("content-encoding", "aesgcm")]), b"old")), "not_encrypted");
}

#[test]
fn only_the_named_application_server_may_send() {
    let (shop, other) = ([7; 32], [8; 32]);
    let key = homing_web_push::public_of_private(&shop).unwrap();
    let (of_shop, open) = (endpoint(Some(&key)), endpoint(None));
    let expires = NOW.0 / 1_000 + 3_600;
    let signed = |private, audience, expires| {
        let value = vapid::sign(private, audience, "mailto:ops@example.com", expires).unwrap();
        headers(&[("authorization", &value)])
    };
    let check = |endpoint, headers: &HeaderMap| check_sender(endpoint, headers, ORIGIN, NOW);
    check(&of_shop, &signed(&shop, ORIGIN, expires)).unwrap();
    check(&open, &signed(&other, ORIGIN, expires)).unwrap();
    check(&open, &headers(&[])).unwrap();
    assert_eq!(code(check(&of_shop, &headers(&[]))), "vapid_required");
    assert_eq!(code(check(&of_shop, &signed(&other, ORIGIN, expires))), "vapid_other_key");
    for bad in [
        signed(&shop, "https://other.example", expires),
        signed(&shop, ORIGIN, NOW.0 / 1_000),
        signed(&shop, ORIGIN, expires + 24 * 3_600),
        headers(&[("authorization", "vapid t=a.b.c, k=d")]),
        headers(&[("authorization", "Bearer x")]),
    ] {
        assert_eq!(code(check(&of_shop, &bad)), "vapid_invalid");
        assert_eq!(code(check(&open, &bad)), "vapid_invalid", "who says who they are must be right");
    }
}
