//! Broadcasts by the feed: one entry, each device once, whenever it comes.

use homing_contract::http::v1::{AudienceRequest, MessageSummary, RegisteredDevice};
use homing_device_sdk::{MemoryState, Transport};
use serde_json::json;

use super::world::{Linked, World};

async fn three_live(world: &World) -> Vec<Linked> {
    let mut live = Vec::new();
    for transport in [Transport::Quic, Transport::Tcp, Transport::Quic] {
        let registered = world.register(None).await;
        live.push(world.link(&registered, transport, MemoryState::new()).await);
    }
    live
}

/// To one device, by its mailbox.
async fn push_to(world: &World, device: &str, text: &str) -> String {
    world.push(AudienceRequest::devices([device.to_owned()]), text, None).await
}

async fn come_back(world: &World, registered: &RegisteredDevice, state: &MemoryState) -> Linked {
    world.link(registered, Transport::Tcp, state.clone()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_gets_a_broadcast_once_and_who_was_away_when_they_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let mut live = three_live(&world).await;
    let away = world.register(None).await;
    let sent = world.push(AudienceRequest::all(), "to all", None).await;
    for device in &mut live {
        assert_eq!(device.next_text().await, (sent.clone(), "to all".to_owned()));
    }
    let view = world.delivered(&sent, 3).await;
    assert!(view.approximate);
    assert_eq!(view.balance.targeted, 3, "who has not got it is not counted");

    let state = MemoryState::new();
    let mut late = come_back(&world, &away, &state).await;
    assert_eq!(late.next_text().await.0, sent);
    world.delivered(&sent, 4).await;

    // The second link of a device that has it brings nothing, and neither does a gateway that reads the feed anew.
    late.handle.close().await;
    let keys = world.keys();
    drop(live);
    assert!(world.stop().await);
    let world = World::start_again(directory.path(), keys).await;
    let mut late = come_back(&world, &away, &state).await;
    let next = push_to(&world, &away.device_id, "to one").await;
    assert_eq!(late.next_text().await.0, next);
    let second = world.push(AudienceRequest::all(), "to all again", None).await;
    assert_eq!(late.next_text().await.0, second);
    let view = world.delivered(&second, 1).await;
    assert_eq!(view.balance.targeted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_that_was_aborted_comes_to_nobody_who_was_away() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let mut live = three_live(&world).await;
    let away = world.register(None).await;
    let sent = world.push(AudienceRequest::all(), "a mistake", None).await;
    for device in &mut live {
        assert_eq!(device.next_text().await.0, sent);
    }
    world.delivered(&sent, 3).await;
    let _: MessageSummary = world.post(&format!("/v1/messages/{sent}/abort"), &json!({})).await.unwrap();
    let next = world.push(AudienceRequest::all(), "right this time", None).await;
    let mut late = come_back(&world, &away, &MemoryState::new()).await;
    assert_eq!(late.next_text().await.0, next, "and nothing before it");
    for device in &mut live {
        assert_eq!(device.next_text().await.0, next);
    }
    world.delivered(&next, 4).await;
    assert_eq!(world.delivered(&sent, 3).await.balance.delivered, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_that_is_recalled_is_taken_back_from_whom_it_reached() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let mut live = three_live(&world).await;
    let sent = world.push(AudienceRequest::all(), "a mistake", None).await;
    for device in &mut live {
        assert_eq!(device.next_text().await.0, sent);
    }
    world.delivered(&sent, 3).await;
    let recall: homing_contract::http::v1::RecallAccepted =
        world.post(&format!("/v1/messages/{sent}/recall"), &json!({})).await.unwrap();
    for device in &mut live {
        match device.next_event().await {
            homing_device_sdk::Event::Recalled { message, recall: by } => {
                assert_eq!(message.to_string(), sent);
                assert_eq!(by.map(|by| by.to_string()), Some(recall.message_id.clone()));
            }
            other => panic!("no recall but {other:?}"),
        }
    }
}
