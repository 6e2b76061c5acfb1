//! Malformed requests: each gets the designed refusal, and leaves nothing behind.

mod content;

use axum::body::Body;
use http::Request;

use super::world::World;

/// Who sends it.
#[derive(Clone, Copy, Debug)]
enum By {
    Nobody,
    Server,
    Client,
    Admin,
    Device,
    Text(&'static str),
}

/// One malformed request and its refusal: status, code, pointer.
struct Case {
    by: By,
    method: &'static str,
    path: &'static str,
    media_type: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: String,
    refusal: (u16, &'static str, Option<&'static str>),
}

type Refusal = (u16, &'static str, Option<&'static str>);

fn case(by: By, method: &'static str, path: &'static str, body: &str, refusal: Refusal) -> Case {
    let media_type = if body.is_empty() { "" } else { "application/json" };
    Case { by, method, path, media_type, headers: &[], body: body.to_owned(), refusal }
}

fn push(body: &str, refusal: Refusal) -> Case {
    case(By::Server, "POST", "/v1/messages", body, refusal)
}

/// Refused for what is in the body, at a pointer.
const fn at(code: &'static str, pointer: &'static str) -> Refusal {
    (422, code, Some(pointer))
}

const GOOD: &str = r#"{"audience":{"all":true},"data":{}}"#;
const ID: &str = "00000000-0000-4000-8000-000000000001";

fn unreadable_bodies() -> Vec<Case> {
    let bad = (400, "malformed_json", None);
    vec![
        Case { media_type: "application/json", ..push("", bad) },
        push("{", bad),
        push("{\"audience\":{\"all\":true},\"data\":{}}}", bad),
        push("{'audience':{}}", bad),
        push("{\"audience\":{\"all\":true},\"data\":{\"a\":NaN}}", bad),
        push("{\"audience\":{\"all\":true},\"data\":{\"a\":\"\\ud800\"}}", bad),
        push("{\"audience\":{\"all\":true},\"data\":{\"a\":\"line\nbreak\"}}", bad),
        push(&format!("{{\"audience\":{{\"all\":true}},\"data\":{{\"a\":{}", "[".repeat(200)), bad),
        push(&format!("{GOOD}{}", " ".repeat(64 * 1024)), (413, "body_too_large", None)),
        Case { media_type: "", ..push(GOOD, (415, "unsupported_media_type", None)) },
        Case { media_type: "text/plain", ..push(GOOD, (415, "unsupported_media_type", None)) },
        Case {
            media_type: "application/x-www-form-urlencoded",
            ..push("audience=all", (415, "unsupported_media_type", None))
        },
    ]
}

fn wrong_shapes() -> Vec<Case> {
    vec![
        push("[]", at("invalid_type", "")),
        push("null", at("invalid_type", "")),
        push("{}", at("missing_field", "/audience")),
        push(r#"{"audience":"all","data":{}}"#, at("invalid_type", "/audience")),
        push(r#"{"audience":[["a"]],"data":{}}"#, at("invalid_type", "/audience")),
        push(r#"{"audience":{"all":true},"data":{},"ttl":5}"#, at("unknown_field", "/ttl")),
        push(r#"{"audience":{"everyone":true},"data":{}}"#, at("unknown_field", "/audience/everyone")),
        push(r#"{"audience":{"all":true},"audience":{"all":true}}"#, at("duplicate_field", "/audience")),
        push(r#"{"audience":{"all":"yes"},"data":{}}"#, at("invalid_type", "/audience/all")),
        push(r#"{"audience":{"users":[7]},"data":{}}"#, at("invalid_type", "/audience/users/0")),
        push(r#"{"audience":{"all":true},"data":"x"}"#, at("invalid_type", "/data")),
        push(r#"{"audience":{"all":true},"data":[]}"#, at("invalid_type", "/data")),
        push(r#"{"audience":{"all":true},"notification":{"title":1}}"#, at("invalid_type", "/notification/title")),
        push(r#"{"audience":{"all":true},"notification":{"badge":-1}}"#, at("invalid_value", "/notification/badge")),
        push(
            r#"{"audience":{"all":true},"notification":{"title":"t","actions":[{"id":"a"}]}}"#,
            at("missing_field", "/notification/actions/0/title"),
        ),
        push(
            r#"{"audience":{"all":true},"data":{},"options":{"priority":"urgent"}}"#,
            at("invalid_value", "/options/priority"),
        ),
        push(
            r#"{"audience":{"all":true},"data":{},"options":{"ttl_seconds":"5"}}"#,
            at("invalid_type", "/options/ttl_seconds"),
        ),
        push(
            r#"{"audience":{"all":true},"data":{},"options":{"ttl_seconds":1.5}}"#,
            at("invalid_type", "/options/ttl_seconds"),
        ),
        push(
            r#"{"audience":{"all":true},"data":{},"schedule":{"at":"tomorrow"}}"#,
            at("invalid_value", "/schedule/at"),
        ),
        push(r#"{"audience":{"all":true},"data":{},"schedule":{"at":1}}"#, at("invalid_type", "/schedule/at")),
        push(r#"{"audience":{"all":true},"data":{},"schedule":{"on":"x"}}"#, at("unknown_field", "/schedule/on")),
        push(r#"{"audience":{"all":true},"data":{},"validate_only":1}"#, at("invalid_type", "/validate_only")),
    ]
}

fn broken_rules() -> Vec<Case> {
    let with = |rest: &str| format!(r#"{{"audience":{{"all":true}},{rest}}}"#);
    let to = |audience: &str| format!(r#"{{"audience":{audience},"data":{{}}}}"#);
    let names = |count: usize| vec!["\"u\""; count].join(",");
    vec![
        push(r#"{"audience":{"all":true}}"#, at("content_required", "")),
        push(&to("{}"), at("audience_required", "/audience")),
        push(&to(r#"{"all":true,"users":["u"]}"#), at("audience_ambiguous", "/audience")),
        push(&to(r#"{"all":false}"#), at("invalid_value", "/audience/all")),
        push(&to(r#"{"devices":[]}"#), at("audience_empty", "/audience/devices")),
        push(&to(r#"{"devices":["nobody"]}"#), at("invalid_device", "/audience/devices/0")),
        push(&to(r#"{"devices":["hmp_AAAA"]}"#), at("invalid_device", "/audience/devices/0")),
        push(&to(r#"{"users":["ok",""]}"#), at("invalid_user", "/audience/users/1")),
        push(&to(&format!(r#"{{"users":[{}]}}"#, names(1_001))), at("audience_too_large", "/audience/users")),
        push(&with(r#""notification":{}"#), at("notification_empty", "/notification")),
        push(&with(r#""notification":{"title":"t","image":"javascript:x"}"#), at("invalid_url", "/notification/image")),
        push(&with(&format!(r#""data":{{"a":"{}"}}"#, "x".repeat(4_096))), at("payload_too_large", "/data")),
        push(
            &with(&format!(r#""notification":{{"body":"{}"}}"#, "界".repeat(1_400))),
            at("payload_too_large", "/notification"),
        ),
        push(&with(r#""data":{},"options":{"ttl_seconds":-1}"#), at("out_of_range", "/options/ttl_seconds")),
        push(&with(r#""data":{},"options":{"ttl_seconds":2419201}"#), at("out_of_range", "/options/ttl_seconds")),
        push(&with(r#""data":{},"options":{"collapse_key":""}"#), at("empty", "/options/collapse_key")),
        push(
            &with(&format!(r#""data":{{}},"options":{{"collapse_key":"{}"}}"#, "k".repeat(65))),
            at("too_long", "/options/collapse_key"),
        ),
        push(&with(r#""data":{},"schedule":{"at":"2020-01-01T00:00:00Z"}"#), at("in_the_past", "/schedule/at")),
        push(&with(r#""data":{},"schedule":{"at":"9020-01-01T00:00:00Z"}"#), at("out_of_range", "/schedule/at")),
        push(&with(r#""data":{},"schedule":{}"#), at("empty", "/schedule")),
        push(&with(r#""data":{},"schedule":{"cron":"0 9 * *"}"#), at("invalid_cron", "/schedule/cron")),
    ]
}

fn wrong_callers() -> Vec<Case> {
    let missing = (401, "credentials_missing", None);
    let invalid = (401, "credentials_invalid", None);
    let insufficient = (403, "credentials_insufficient", None);
    vec![
        case(By::Nobody, "POST", "/v1/messages", GOOD, missing),
        case(By::Text("hms_demo.short"), "POST", "/v1/messages", GOOD, invalid),
        case(By::Text("hms_demo.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), "POST", "/v1/messages", GOOD, invalid),
        case(By::Text("hms_other.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), "GET", "/v1/messages", "", invalid),
        case(By::Client, "POST", "/v1/messages", GOOD, insufficient),
        case(By::Admin, "POST", "/v1/messages", GOOD, insufficient),
        case(By::Server, "POST", "/v1/apps", r#"{"id":"x"}"#, insufficient),
        case(By::Text("hma_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), "GET", "/v1/gateways", "", invalid),
        case(By::Nobody, "POST", "/v1/devices", r#"{"platform":"ios"}"#, missing),
        case(By::Server, "POST", "/v1/devices", r#"{"platform":"ios"}"#, insufficient),
        case(By::Device, "GET", "/v1/devices/00000000-0000-4000-8000-000000000001", "", invalid),
        case(By::Device, "GET", "/v1/route", "", (400, "invalid_query", None)),
        Case {
            headers: &[("authorization", "Basic dXNlcjpwYXNz")],
            ..case(By::Nobody, "GET", "/v1/messages", "", missing)
        },
    ]
}

fn wrong_places() -> Vec<Case> {
    let query = (400, "invalid_query", None);
    let absent = (404, "not_found", None);
    vec![
        case(By::Server, "GET", "/v1/nowhere", "", absent),
        case(By::Server, "DELETE", "/v1/messages", "", (405, "method_not_allowed", None)),
        case(By::Server, "GET", "/v1/messages/7", "", (400, "invalid_path", None)),
        case(By::Server, "GET", "/v1/messages/00000000-0000-4000-8000-000000000001", "", absent),
        case(By::Server, "GET", "/v1/messages?limit=0", "", query),
        case(By::Server, "GET", "/v1/messages?limit=many", "", query),
        case(By::Server, "GET", "/v1/messages?page=2", "", query),
        case(By::Server, "GET", "/v1/messages?cursor=abc", "", (400, "invalid_cursor", None)),
        case(By::Server, "GET", "/v1/messages/00000000-0000-4000-8000-000000000001/trace", "", query),
        case(By::Server, "GET", "/v1/messages/00000000-0000-4000-8000-000000000001/trace?device=x", "", query),
        case(By::Server, "GET", "/v1/presence", "", query),
        case(By::Server, "GET", "/v1/presence?devices=x", "", query),
        case(By::Server, "GET", "/v1/upstream?after=-1", "", query),
        case(By::Server, "GET", "/v1/devices/x", "", (400, "invalid_path", None)),
        case(By::Server, "GET", "/v1/devices/00000000-0000-4000-8000-000000000001", "", absent),
        case(By::Admin, "GET", "/v1/apps/nobody", "", absent),
        case(By::Admin, "GET", "/v1/apps/No%20App", "", (400, "invalid_path", None)),
        case(By::Admin, "POST", "/v1/gateways/0x00000000000000ff/drain", "", absent),
        case(By::Admin, "POST", "/v1/gateways/ff/drain", "", (400, "invalid_path", None)),
        Case { headers: &[("idempotency-key", "")], ..push(GOOD, (400, "invalid_idempotency_key", None)) },
        Case { headers: &[("idempotency-key", "schlüssel")], ..push(GOOD, (400, "invalid_idempotency_key", None)) },
    ]
}

fn devices_and_apps() -> Vec<Case> {
    let register = |body: &str, refusal| case(By::Client, "POST", "/v1/devices", body, refusal);
    let app = |body: &str, refusal| case(By::Admin, "POST", "/v1/apps", body, refusal);
    let heartbeat = |minimum: u32, factor: u32| {
        let interval = format!(r#"{{"initial_ms":60000,"minimum_ms":{minimum},"maximum_ms":90000}}"#);
        format!(r#"{{"quic":{interval},"tcp":{interval},"idle_factor_percent":{factor}}}"#)
    };
    vec![
        register("{}", at("missing_field", "/platform")),
        register(r#"{"platform":"amiga"}"#, at("invalid_value", "/platform")),
        register(&format!(r#"{{"platform":"ios","brand":"{}"}}"#, "b".repeat(65)), at("too_long", "/brand")),
        register(
            r#"{"platform":"ios","vendor":{"channel":"own","token":"t"}}"#,
            at("invalid_value", "/vendor/channel"),
        ),
        register(r#"{"platform":"ios","vendor":{"channel":"apns"}}"#, at("missing_field", "/vendor/token")),
        Case {
            headers: &[("idempotency-key", "guessable")],
            ..register(r#"{"platform":"ios"}"#, (400, "invalid_idempotency_key", None))
        },
        case(By::Server, "POST", "/v1/devices/unbind", r#"{"devices":[]}"#, at("empty", "/devices")),
        case(By::Server, "POST", "/v1/devices/deregister", r#"{"devices":["x"]}"#, at("invalid_device", "/devices/0")),
        app(r#"{"id":"Not An Id"}"#, at("invalid_app", "/id")),
        app(r#"{"id":"demo"}"#, (409, "app_exists", None)),
        app(r#"{"id":"ok","quota_per_second":0}"#, at("out_of_range", "/quota_per_second")),
        app(r#"{"id":"ok","name":""}"#, at("empty", "/name")),
        case(By::Admin, "PATCH", "/v1/apps/demo", r#"{"id":"other"}"#, at("unknown_field", "/id")),
        case(
            By::Admin,
            "POST",
            "/v1/apps/demo/keys/rotate",
            r#"{"grace_seconds":99999999}"#,
            at("out_of_range", "/grace_seconds"),
        ),
        case(By::Admin, "PUT", "/v1/settings/heartbeat", &heartbeat(999, 150), at("out_of_range", "/quic")),
        case(
            By::Admin,
            "PUT",
            "/v1/apps/demo/settings/heartbeat",
            &heartbeat(60_000, 100),
            at("out_of_range", "/idle_factor_percent"),
        ),
    ]
}

#[tokio::test]
async fn every_malformed_request_is_refused_as_designed_and_leaves_nothing() {
    let world = World::new().await;
    let (_, secret) = world.register().await;
    let before = world.stored().await;
    let cases: Vec<Case> =
        [unreadable_bodies(), wrong_shapes(), broken_rules(), wrong_callers(), wrong_places(), devices_and_apps()]
            .into_iter()
            .chain([content::audiences(), content::contents(), content::options(), content::registrations()])
            .flatten()
            .collect();
    assert!(cases.len() >= 100, "{} cases", cases.len());
    for case in cases {
        let name = format!("{:?} {} {} {:.200}", case.by, case.method, case.path, case.body);
        let (status, code, pointer) = case.refusal;
        let answer = world.send(request(&world, &secret, case)).await;
        assert_eq!(answer.problem(), (status, code.to_owned(), pointer.map(str::to_owned)), "{name}");
        assert!(answer.headers.contains_key("x-request-id"), "{name}");
        assert_eq!(world.stored().await, before, "{name}");
    }
}

fn request(world: &World, secret: &str, case: Case) -> Request<Body> {
    let credentials = match case.by {
        By::Nobody => "",
        By::Server => &world.server_key,
        By::Client => &world.client_key,
        By::Admin => &world.admin,
        By::Device => secret,
        By::Text(text) => text,
    };
    let mut request = Request::builder().method(case.method).uri(case.path);
    if !credentials.is_empty() {
        request = request.header("authorization", format!("Bearer {credentials}"));
    }
    if !case.media_type.is_empty() {
        request = request.header("content-type", case.media_type);
    }
    for (name, value) in case.headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(case.body)).unwrap()
}

#[tokio::test]
async fn receipts_and_bindings_are_checked_too() {
    let world = World::new().await;
    let (id, secret) = world.register().await;
    let before = world.stored().await;
    let many = vec![format!(r#"{{"message_id":"{ID}","kind":"opened"}}"#); 101].join(",");
    for (method, part, body, refusal) in [
        ("PUT", "user", r#"{"user_id":""}"#.to_owned(), at("invalid_user", "/user_id")),
        ("PUT", "user", r#"{"user":"u"}"#.to_owned(), at("unknown_field", "/user")),
        ("PUT", "tags", r#"{"tags":["a",""]}"#.to_owned(), at("empty", "/tags/1")),
        ("PUT", "tags", r#"{"tags":"vip"}"#.to_owned(), at("invalid_type", "/tags")),
        ("PATCH", "", r#"{"timezone":"Asia/Peking"}"#.to_owned(), at("unknown_timezone", "/timezone")),
        ("PATCH", "", r#"{"quiet_hours":{"start":"22:00"}}"#.to_owned(), at("missing_field", "/quiet_hours/end")),
        (
            "PATCH",
            "",
            r#"{"quiet_hours":{"start":"22:00","end":"24:00"}}"#.to_owned(),
            at("invalid_time", "/quiet_hours/end"),
        ),
        ("PATCH", "", r#"{"quiet_hours":"22-7"}"#.to_owned(), at("invalid_type", "/quiet_hours")),
        ("PATCH", "", r#"{"opted_out_topics":["a",""]}"#.to_owned(), at("empty", "/opted_out_topics/1")),
        ("POST", "receipts", r#"{"receipts":[]}"#.to_owned(), at("empty", "/receipts")),
        ("POST", "receipts", format!(r#"{{"receipts":[{many}]}}"#), at("too_many", "/receipts")),
        (
            "POST",
            "receipts",
            r#"{"receipts":[{"message_id":"7","kind":"opened"}]}"#.to_owned(),
            at("invalid_message", "/receipts/0/message_id"),
        ),
        (
            "POST",
            "receipts",
            format!(r#"{{"receipts":[{{"message_id":"{ID}","kind":"loved"}}]}}"#),
            at("invalid_value", "/receipts/0/kind"),
        ),
        (
            "POST",
            "receipts",
            format!(r#"{{"receipts":[{{"message_id":"{ID}","kind":"opened","at":"yesterday"}}]}}"#),
            at("invalid_value", "/receipts/0/at"),
        ),
    ] {
        let path = format!("/v1/devices/{id}/{part}");
        let path = path.trim_end_matches('/');
        // More of them than a device may make in a second.
        world.clock.advance(1_000);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let answer = world.call(method, path, &secret, Some(body.clone())).await;
        let (status, code, pointer) = refusal;
        assert_eq!(answer.problem(), (status, code.to_owned(), pointer.map(str::to_owned)), "{part} {body:.100}");
        assert_eq!(world.stored().await, before, "{part} {body:.100}");
    }
}
