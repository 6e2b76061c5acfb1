//! `/openapi.json` and `/docs`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::world::World;

/// Every operation that the API has, so that none is forgotten in a router or in the document.
const OPERATIONS: [&str; 59] = [
    "DELETE /v1/apps/{app}",
    "DELETE /v1/apps/{app}/settings/heartbeat",
    "DELETE /v1/audiences/{id}",
    "DELETE /v1/devices/{id}",
    "DELETE /v1/devices/{id}/user",
    "GET /v1/apps",
    "GET /v1/apps/{app}",
    "GET /v1/apps/{app}/settings/heartbeat",
    "GET /v1/audiences",
    "GET /v1/audiences/{id}",
    "GET /v1/dead-letters",
    "GET /v1/devices/{id}",
    "GET /v1/gateways",
    "GET /v1/messages",
    "GET /v1/messages/{id}",
    "GET /v1/messages/{id}/trace",
    "GET /v1/presence",
    "GET /v1/route",
    "GET /v1/settings/heartbeat",
    "GET /v1/stats/messages",
    "GET /v1/stats/messages/{id}",
    "GET /v1/upstream",
    "PATCH /v1/apps/{app}",
    "PATCH /v1/devices/{id}",
    "PATCH /v1/messages/{id}",
    "POST /v1/apps",
    "POST /v1/apps/{app}/keys/rotate",
    "POST /v1/audiences",
    "POST /v1/audiences/{id}/finish",
    "POST /v1/audiences/{id}/members",
    "POST /v1/dead-letters/redrive",
    "POST /v1/devices",
    "POST /v1/devices/deregister",
    "POST /v1/devices/unbind",
    "POST /v1/devices/{id}/receipts",
    "POST /v1/gateways/{id}/drain",
    "POST /v1/messages",
    "POST /v1/messages/{id}/abort",
    "POST /v1/messages/{id}/cancel",
    "POST /v1/messages/{id}/pause",
    "POST /v1/messages/{id}/rate",
    "POST /v1/messages/{id}/recall",
    "POST /v1/messages/{id}/resume",
    "PUT /v1/apps/{app}/settings/heartbeat",
    "PUT /v1/devices/{id}/tags",
    "PUT /v1/devices/{id}/user",
    "PUT /v1/settings/heartbeat",
    "DELETE /v1/apps/{app}/channels/{channel}",
    "GET /v1/apps/{app}/alerts/key",
    "GET /v1/apps/{app}/channels",
    "GET /v1/apps/{app}/channels/{channel}",
    "PUT /v1/apps/{app}/channels/{channel}",
    "PUT /v1/apps/{app}/channels/{channel}/policy",
    "POST /v1/receipts/{channel}/{app}/{secret}",
    "POST /v1/devices/{id}/web-push-subscriptions",
    "POST /wp/{token}",
    "DELETE /wp/messages/{token}",
    "GET /openapi.json",
    "GET /docs",
];

#[tokio::test]
async fn the_document_names_every_operation_and_resolves() {
    let world = World::new().await;
    let document = world.get("/openapi.json", "").await.expect(200);
    assert_eq!(document["openapi"].as_str().unwrap().get(..3), Some("3.1"));
    let mut named = BTreeSet::from(["GET /openapi.json".to_owned(), "GET /docs".to_owned()]);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            named.insert(format!("{} {path}", method.to_uppercase()));
            assert!(operation["security"].is_array(), "{method} {path}");
            for (status, answer) in operation["responses"].as_object().unwrap() {
                assert!(answer["description"].is_string(), "{method} {path} {status}");
            }
        }
    }
    assert_eq!(named, OPERATIONS.map(str::to_owned).into());
    let mut references = BTreeSet::new();
    collect_references(&document, &mut references);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    for name in [
        "PushRequest",
        "AudienceRequest",
        "Notification",
        "OptionsRequest",
        "ScheduleRequest",
        "MessagePatch",
        "RegisterDevice",
        "CreateApp",
        "RedriveRequest",
        "RateRequest",
    ] {
        let schema = &document["components"]["schemas"][name];
        assert_eq!(schema["additionalProperties"], false, "{name} is closed");
    }
}

fn collect_references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                into.insert(reference.clone());
            }
            fields.values().for_each(|field| collect_references(field, into));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, into)),
        _ => {}
    }
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let world = World::new().await;
    let page = world.get("/docs", "").await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let html = String::from_utf8(page.bytes.to_vec()).unwrap();
    assert!(!html.contains("<script") && !html.contains("src="), "no scripts, no pictures");
    for operation in OPERATIONS.iter().filter(|operation| operation.contains("/v1/")) {
        let path = operation.split(' ').nth(1).unwrap();
        assert!(html.contains(&format!("<code>{path}</code>")), "{operation}");
    }
    let ids = html.split("id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect::<BTreeSet<_>>();
    for link in html.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(ids.contains(link), "{link}");
    }
    let style = world.get("/docs/style.css", "").await;
    assert_eq!(style.headers["content-type"], "text/css");
}
