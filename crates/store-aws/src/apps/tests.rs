//! What comes back of rows, and revisions.

use homing_domain::{AlertSettings, EventSettings, HeartbeatSettings, ServerKey, UnixMillis, UpstreamRoute};
use homing_ports::Fault;
use serde_json::json;

use super::*;
use crate::script::{Reply, Script};

fn app() -> App {
    App {
        id: "shop".parse().unwrap(),
        name: "店".to_owned(),
        server_keys: vec![
            ServerKey { digest: [1; 32], hint: "a".to_owned(), created_at: UnixMillis(5), expires_at: None },
            ServerKey {
                digest: [2; 32],
                hint: String::new(),
                created_at: UnixMillis(4),
                expires_at: Some(UnixMillis(9)),
            },
        ],
        client_key: [3; 32],
        quota_per_second: Some(17),
        heartbeat: Some(HeartbeatSettings::default()),
        events: EventSettings { message_completed: true, presence: false },
        upstream: UpstreamRoute::Queue("https://queue.example/1".to_owned()),
        alerts: AlertSettings {
            emails: vec!["a@shop.example".to_owned(), "b@shop.example".to_owned()],
            webhook_url: Some("https://shop.example/alerts".to_owned()),
        },
        created_at: UnixMillis(6),
        revision: 2,
    }
}

#[test]
fn every_field_comes_back() {
    let bare = App {
        name: String::new(),
        server_keys: Vec::new(),
        quota_per_second: None,
        heartbeat: None,
        events: EventSettings { message_completed: false, presence: true },
        upstream: UpstreamRoute::Poll,
        alerts: AlertSettings::default(),
        ..app()
    };
    for app in [app(), App { upstream: UpstreamRoute::Bus, ..app() }, bare] {
        assert_eq!(row::read(row::write(&app)), Ok(app));
    }
}

#[tokio::test]
async fn a_change_names_the_revision_that_it_read() {
    let (store, script) = Script::store([Reply::Done(json!({})), Reply::error("ConditionalCheckFailedException")]);
    assert_eq!(store.replace_app(app()).await.unwrap(), Replaced::Done);
    assert_eq!(store.replace_app(app()).await.unwrap(), Replaced::Changed);
    assert_eq!(script.sent()[0].body["ConditionExpression"], "#rv = :before");
    assert_eq!(script.sent()[0].body["ExpressionAttributeValues"], json!({ ":before": { "N": "1" } }));
    assert_eq!(store.replace_app(App { revision: 0, ..app() }).await.unwrap(), Replaced::Changed);
    assert_eq!(script.sent().len(), 2, "nothing comes before revision 0");
}

#[tokio::test]
async fn a_lost_connection_may_be_tried_again_and_a_missing_table_may_not() {
    let (store, _) = Script::store([]);
    assert_eq!(store.app(&app().id).await.unwrap_err().fault, Fault::Retry);
    let (store, _) = Script::store([Reply::error("ResourceNotFoundException")]);
    assert_eq!(store.app(&app().id).await.unwrap_err().fault, Fault::Broken);
}

#[test]
fn what_is_sent_has_no_mistakes() {
    // Debug builds lint what becomes a request.
    for expression in [after(None), after(Some(&app().id))].into_iter().chain(replaces(3)) {
        expression.into_parts();
    }
}
