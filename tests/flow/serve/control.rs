//! A push that is steered while it runs, and one to a list that was uploaded.

use homing::client::ClientError;
use homing_contract::http::v1::{
    AudienceRequest, FlowName, MessageSummary, PushAccepted, StageName, TraceView, Uploaded,
};
use homing_device_sdk::{MemoryState, Transport};
use serde_json::{Value, json};

use super::world::World;

/// Enough that some are left whenever somebody looks.
const DEVICES: usize = 40;

/// Status and code.
fn refusal(error: ClientError) -> (u16, String) {
    match error {
        ClientError::Refused { status, problem } => (status.as_u16(), problem["code"].as_str().unwrap().to_owned()),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_broadcast_is_paused_resumed_and_aborted_and_its_balance_closes() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    for _ in 0..DEVICES {
        world.register(None).await;
    }
    let push = json!({"audience": {"all": true}, "data": {}, "options": {"rate_per_second": 8, "ttl_seconds": 3_600}});
    let (api, key) = world.client();
    let accepted: PushAccepted = api.post("/v1/messages", key, &push).await.unwrap();
    let id = accepted.message_id;
    world.seen(&id, |view| view.summary.stage == StageName::Releasing).await;
    let control = async |verb: &str, body: Value| {
        let path = format!("/v1/messages/{id}/{verb}");
        api.post::<MessageSummary>(&path, key, &body).await.map_err(refusal)
    };

    let paused = control("pause", json!({})).await.unwrap().control;
    assert_eq!((paused.state, paused.rate_per_second), (FlowName::Paused, Some(8)));
    assert_eq!(control("pause", json!({})).await.unwrap().control, paused, "a repeat");
    let view = world.seen(&id, |_| true).await;
    assert!(view.progress.enumerated < 1.0 && view.progress.eta_seconds.is_none(), "{:?}", view.progress);
    assert_eq!(control("rate", json!({"rate_per_second": 4})).await.unwrap().control.rate_per_second, Some(4));
    assert_eq!(control("rate", json!({"rate_per_second": 0})).await.unwrap_err(), (422, "out_of_range".to_owned()));
    assert_eq!(control("resume", json!({})).await.unwrap().control.state, FlowName::Running);

    assert_eq!(control("abort", json!({})).await.unwrap().control.state, FlowName::Aborted);
    let stopped = (409, "stopped".to_owned());
    for verb in ["pause", "resume"] {
        assert_eq!(control(verb, json!({})).await.unwrap_err(), stopped);
    }
    let view = world.seen(&id, |view| view.summary.released_at.is_some()).await;
    assert!(view.balance.targeted < DEVICES as i64, "nobody else was reached: {:?}", view.balance);
    let late = world.register(None).await;
    let trace: TraceView = world.get(&format!("/v1/messages/{id}/trace?device={}", late.device_id)).await;
    assert!(trace.explanation.contains("aborted"), "{}", trace.explanation);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_lines_are_one_list_that_is_pushed_to() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let registered = world.register(Some("user-7")).await;
    world.register(Some("somebody-else")).await;
    let mut device = world.link(&registered, Transport::Tcp, MemoryState::new()).await;
    // Every user twice, ends of lines of either kind, and one line that names nobody.
    let lines = (0..100_000).map(|line| format!("user-{}\r\n", line % 50_000)).collect::<String>() + "\u{7}\n";
    let (api, key) = world.client();
    let path = "/v1/audiences?kind=users&name=all";
    let uploaded: Uploaded = api.post_lines(path, key, None, lines.into()).await.unwrap();
    assert_eq!((uploaded.lines, uploaded.invalid_lines, uploaded.invalid[0].line), (100_001, 1, 100_001));
    assert_eq!(uploaded.audience.members, Some(50_000));
    let id = world.push(AudienceRequest::uploaded(&uploaded.audience.audience_id), "to the list", None).await;
    assert_eq!(device.next_text().await, (id.clone(), "to the list".to_owned()));
    let view = world.completed(&id).await;
    assert_eq!((view.balance.targeted, view.balance.delivered), (1, 1));
}
