//! The whole server in this process: started, used over its real sockets, stopped, and started again on the same data.

mod broadcasts;
mod control;
mod dead_letters;
mod hostile;
mod one_link;
mod rebind;
mod recalls;
mod schedules;
mod statistics;
mod vendors;
mod web_push;
mod world;

use std::time::Duration;

use homing::serve::{self, StartError};
use homing_contract::http::v1::{AudienceRequest, StageName, TraceView};
use homing_device_sdk::{Event, MemoryState, Transport};

use world::{World, config};

#[tokio::test(flavor = "multi_thread")]
async fn a_push_reaches_devices_over_both_transports_and_the_balance_closes() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let mut devices = Vec::new();
    for transport in [Transport::Quic, Transport::Tcp] {
        let registered = world.register(Some("用户-1")).await;
        devices.push(world.link(&registered, transport, MemoryState::new()).await);
    }
    let audiences =
        [(AudienceRequest::devices([devices[0].id.clone()]), 1), (AudienceRequest::users(["用户-1".to_owned()]), 2)];
    for (audience, reached) in audiences {
        let text = format!("你好 👋 {reached}");
        let id = world.push(audience, &text, None).await;
        for device in &mut devices[..reached] {
            assert_eq!(device.next_text().await, (id.clone(), text.clone()));
        }
        let view = world.completed(&id).await;
        assert_eq!((view.balance.targeted, view.balance.delivered), (reached as i64, reached as i64));
        assert_eq!(view.channels["own"].delivered, reached as i64);
    }
    drop(devices);
    assert!(world.stop().await, "everything ends in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_device_outlives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let registered = world.register(None).await;
    let id = world.push(AudienceRequest::devices([registered.device_id.clone()]), "later", None).await;
    world.released(&id).await;
    let keys = world.keys();
    assert!(world.stop().await);

    let world = World::start_again(directory.path(), keys).await;
    let mut device = world.link(&registered, Transport::Quic, MemoryState::new()).await;
    assert_eq!(device.next_text().await, (id.clone(), "later".to_owned()));
    world.completed(&id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn now_or_never_reaches_who_is_there_and_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let (here, away) = (world.register(None).await, world.register(None).await);
    let mut device = world.link(&here, Transport::Tcp, MemoryState::new()).await;
    let id = world.push(AudienceRequest::all(), "now", Some(0)).await;
    assert_eq!(device.next_text().await, (id.clone(), "now".to_owned()));
    let view = world.completed(&id).await;
    assert_eq!((view.balance.delivered, view.balance.expired), (1, 1));
    let path = format!("/v1/messages/{id}/trace?device={}", away.device_id);
    let trace: TraceView = world.get(&path).await;
    assert_eq!((trace.stage, trace.reason.as_deref()), (Some(StageName::Expired), Some("offline")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_drops_its_link_gets_the_rest_once() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let registered = world.register(None).await;
    let mut device = world.link(&registered, Transport::Quic, MemoryState::new()).await;
    let to_it = || AudienceRequest::devices([registered.device_id.clone()]);
    let mut sent = Vec::new();
    for number in 0..40 {
        sent.push((world.push(to_it(), &format!("#{number}"), None).await, format!("#{number}")));
        if number % 10 == 5 {
            device.handle.drop_link().await;
        }
    }
    let mut arrived = Vec::new();
    while arrived.len() < sent.len() {
        arrived.push(device.next_text().await);
    }
    assert_eq!(device.seqs, (1..=40).collect::<Vec<u64>>(), "each once and in order");
    // Requests were answered one after the other, but workers run beside each other: the order is the store's.
    arrived.sort();
    sent.sort();
    assert_eq!(arrived, sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_token_is_told_once_and_everything_answers() {
    let directory = tempfile::tempdir().unwrap();
    let first = serve::start(config(directory.path())).await.unwrap();
    assert!(serve::greet(&first).contains("export HOMING_ADMIN_TOKEN=hma_"));
    let http = first.http.unwrap();
    for (path, expected) in [
        ("/healthz", "ok"),
        ("/readyz", "ready"),
        ("/openapi.json", "\"openapi\":\"3.1"),
        ("/docs", "<html"),
        // Last, so that there is something to count.
        ("/metrics", "# TYPE"),
    ] {
        let (status, body) = world::plain_get(http, path).await;
        assert!(status == 200 && body.contains(expected), "{path}: {status} {body:.200}");
    }
    assert_eq!(world::plain_get(http, "/nowhere").await.0, 404);
    assert!(first.stop(Duration::from_secs(20)).await);
    let second = serve::start(config(directory.path())).await.unwrap();
    assert!(second.first_admin_token.is_none());
    assert!(!serve::greet(&second).contains("hma_"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_of_a_start_is_named() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let running = serve::start(config(one.path())).await.unwrap();

    let error = serve::start(config(one.path())).await.unwrap_err();
    assert!(matches!(error, StartError::Locked(_)) && error.exit_code() == 75, "{error}");

    let mut taken = config(two.path());
    taken.http = running.http;
    let error = serve::start(taken).await.unwrap_err();
    assert!(error.to_string().contains("--http-listen") && error.exit_code() == 69, "{error}");

    let mut taken = config(two.path());
    taken.gateway.listen = running.gateway;
    let error = serve::start(taken).await.unwrap_err();
    assert!(error.to_string().contains("--gateway-listen") && error.exit_code() == 69, "{error}");

    let file = two.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(serve::start(config(&file)).await.is_err());

    // The failed starts told no token, so the next good one does.
    let running = serve::start(config(two.path())).await.unwrap();
    assert!(running.first_admin_token.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_says_so_to_its_devices() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let registered = world.register(None).await;
    let device = world.link(&registered, Transport::Tcp, MemoryState::new()).await;
    // Watched from before: the device tries again at once, and then the last word is that nobody is there.
    let told = tokio::spawn(async move { device.closed().await });
    assert!(world.stop().await);
    assert!(told.await.unwrap(), "closed with a code, not broken off");
}

/// Messages only; anything else is a surprise here.
fn message(event: &Event) -> &homing_device_sdk::Message {
    match event {
        Event::Message(message) => message,
        other => panic!("not a message: {other:?}"),
    }
}
