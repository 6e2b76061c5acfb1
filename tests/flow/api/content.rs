//! Whom a push is for and what it brings, from the request to the row; and what devices want to be spared.

use homing_domain::{Audience, Channel, MessageId, QuietHours, QuietHoursPolicy};
use homing_ports::{Devices, Messages};
use serde_json::{Value, json};

use super::world::World;

fn rich(audience: Value) -> Value {
    json!({
        "audience": audience,
        "notification": {"title": "Sale", "body": "today"},
        "data": {"n": 1},
        "localizations": {"zh-CN": {"title": "特卖"}, "de": {"body": "heute"}},
        "channels": {"fcm": {"android": {"priority": "high"}}},
        "options": {"rate_per_second": 500, "topic": "offers", "quiet_hours": "drop", "sync_read": true, "delivery": "own_only"}
    })
}

#[tokio::test]
async fn what_a_push_says_stands_in_its_row() {
    let world = World::new().await;
    let (device, _) = world.register().await;
    let text = "vip && (beijing || shanghai) && !muted && app_version >= 2.10";
    let exclude = json!({"devices": [device], "users": ["anna"], "expression": "last_seen within 1h"});
    let body = rich(json!({"expression": text, "exclude": exclude}));
    let accepted = world.post("/v1/messages", &world.server_key, body).await.expect(202);
    let id: MessageId = accepted["message_id"].as_str().unwrap().parse().unwrap();
    let message = world.store.message(id).await.unwrap().unwrap();

    assert_eq!(message.audience, Audience::Expression(text.parse().unwrap()));
    assert_eq!(message.exclude.devices, [device.parse().unwrap()]);
    assert_eq!(message.exclude.users, ["anna".parse().unwrap()]);
    assert_eq!(message.exclude.expression.unwrap().as_str(), "last_seen within 1h");
    let languages: Vec<_> = message.localizations.iter().map(|other| &*other.language).collect();
    assert_eq!(languages, ["de", "zh-cn"]);
    let chinese: Value = serde_json::from_slice(&message.localizations[1].payload).unwrap();
    assert_eq!(chinese, json!({"notification": {"title": "特卖", "body": "today"}, "data": {"n": 1}}));
    let [(Channel::Fcm, fields)] = &*message.overrides else { panic!("{:?}", message.overrides) };
    assert_eq!(**fields, *br#"{"android":{"priority":"high"}}"#);
    let options = message.options;
    assert_eq!((options.rate_per_second, options.topic.as_deref()), (Some(500), Some("offers")));
    assert_eq!((options.quiet_hours, options.sync_read, options.silent), (QuietHoursPolicy::Drop, true, false));
}

#[tokio::test]
async fn who_only_asks_is_told_how_large_it_would_be() {
    let world = World::new().await;
    let mut body = rich(json!({"all": true}));
    body["validate_only"] = json!(true);
    let before = world.stored().await;
    let valid = world.post("/v1/messages", &world.server_key, body).await.expect(200);
    let size = |payload: Value| payload.to_string().len();
    let default = size(json!({"notification": {"title": "Sale", "body": "today"}, "data": {"n": 1}}));
    let chinese = size(json!({"notification": {"title": "特卖", "body": "today"}, "data": {"n": 1}}));
    assert_eq!(
        valid,
        json!({
            "valid": true, "silent": false, "payload_bytes": default, "localizations": {"de": default, "zh-cn": chinese}
        })
    );
    let silent = json!({"audience": {"all": true}, "data": {}, "validate_only": true});
    let valid = world.post("/v1/messages", &world.server_key, silent).await.expect(200);
    assert_eq!(valid, json!({"valid": true, "silent": true, "payload_bytes": r#"{"data":{}}"#.len()}));
    assert_eq!(world.stored().await, before);
}

#[tokio::test]
async fn an_error_in_an_expression_names_its_character() {
    let world = World::new().await;
    let body = json!({"audience": {"expression": "城市 && && vip"}, "data": {}});
    let answer = world.post("/v1/messages", &world.server_key, body).await;
    let problem = answer.json();
    assert_eq!(answer.problem(), (422, "invalid_expression".into(), Some("/audience/expression".into())));
    assert_eq!(problem["violations"][0]["message"], "expected a tag after && at character 7");
}

#[tokio::test]
async fn a_devices_preferences_are_reported_and_shown() {
    let world = World::new().await;
    let (id, secret) = world.register().await;
    let path = format!("/v1/devices/{id}");
    let report = json!({
        "timezone": "Asia/Shanghai", "quiet_hours": {"start": "22:00", "end": "07:00"}, "opted_out_topics": ["offers", "news"]
    });
    let device = world.call("PATCH", &path, &secret, Some(report)).await.expect(200);
    assert_eq!(device["quiet_hours"], json!({"start": "22:00", "end": "07:00"}));
    assert_eq!(
        (&device["opted_out_topics"], &device["timezone"]),
        (&json!(["news", "offers"]), &json!("Asia/Shanghai"))
    );
    assert_eq!(world.get(&path, &world.server_key).await.expect(200), device);
    let stored = world.store.device(&id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(stored.preferences.quiet_hours, Some(QuietHours { start: 1_320, end: 420 }));

    // The server may do the same for the person.
    let report = Some(json!({"quiet_hours": null, "opted_out_topics": []}));
    let device = world.call("PATCH", &path, &world.server_key, report).await.expect(200);
    assert_eq!((&device["quiet_hours"], &device["opted_out_topics"]), (&Value::Null, &json!([])));
    assert_eq!(device["timezone"], "Asia/Shanghai");
}
