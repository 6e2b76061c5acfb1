//! What was delivered is taken back: by its sender, and from the other devices of whoever has read it.

use homing_contract::http::v1::{
    AudienceRequest, Notification, OptionsRequest, PushRequest, RecallAccepted, StageName, TraceView,
};
use homing_device_sdk::{Event, MemoryState, Transport};
use homing_domain::MessageId;
use serde_json::json;

use super::world::{Linked, World};

const USER: &str = "用户-1";

fn to_the_user() -> AudienceRequest {
    AudienceRequest::users([USER.to_owned()])
}

async fn phone(world: &World, transport: Transport) -> Linked {
    let registered = world.register(Some(USER)).await;
    world.link(&registered, transport, MemoryState::new()).await
}

fn id(text: &str) -> MessageId {
    text.parse().unwrap()
}

/// The message that the next event takes back, and the id of what takes it back.
async fn taken_back(device: &mut Linked) -> (MessageId, MessageId) {
    match device.next_event().await {
        Event::Recalled { message, recall } => (message, recall.unwrap()),
        other => panic!("no recall but {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_opened_on_one_device_vanishes_from_their_others() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let mut first = phone(&world, Transport::Quic).await;
    let mut second = phone(&world, Transport::Tcp).await;
    let notification = Notification { body: Some("您有一条新消息".into()), ..Notification::default() };
    let request = PushRequest {
        audience: to_the_user(),
        notification: Some(notification),
        options: Some(OptionsRequest { sync_read: Some(true), ..OptionsRequest::default() }),
        ..PushRequest::default()
    };
    let synced = world.send(&request).await;
    for device in [&mut first, &mut second] {
        assert_eq!(device.next_text().await.0, synced);
    }
    first.handle.opened(id(&synced)).await.unwrap();
    assert_eq!(taken_back(&mut second).await.0, id(&synced));
    // Later on the second as well: it is clear everywhere already.
    second.handle.dismissed(id(&synced)).await.unwrap();
    let other = world.push(to_the_user(), "not synchronised", None).await;
    for device in [&mut first, &mut second] {
        assert_eq!(device.next_text().await.0, other, "and nothing before it");
    }
    second.handle.opened(id(&other)).await.unwrap();
    let last = world.push(to_the_user(), "last", None).await;
    for device in [&mut first, &mut second] {
        assert_eq!(device.next_text().await.0, last);
    }
    assert_eq!(world.completed(&synced).await.balance.delivered, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recall_takes_back_what_was_delivered_and_stops_what_waits() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let mut here = [phone(&world, Transport::Quic).await, phone(&world, Transport::Tcp).await];
    let away = world.register(Some(USER)).await;
    let sent = world.push(to_the_user(), "a mistake", None).await;
    for device in &mut here {
        assert_eq!(device.next_text().await.0, sent);
    }
    let recall: RecallAccepted = world.post(&format!("/v1/messages/{sent}/recall"), &json!({})).await.unwrap();
    for device in &mut here {
        assert_eq!(taken_back(device).await, (id(&sent), id(&recall.message_id)));
    }
    let view = world.completed(&sent).await;
    assert_eq!((view.balance.delivered, view.balance.recalled), (2, 1));
    let view = world.completed(&recall.message_id).await;
    assert_eq!((view.balance.targeted, view.balance.delivered, view.balance.suppressed), (3, 2, 1));
    let trace: TraceView = world.get(&format!("/v1/messages/{sent}/trace?device={}", away.device_id)).await;
    assert_eq!((trace.stage, trace.reason.as_deref()), (Some(StageName::Recalled), Some("recalled")));
    let mut late = world.link(&away, Transport::Quic, MemoryState::new()).await;
    let next = world.push(to_the_user(), "right this time", None).await;
    let skipped = late.next_event().await;
    assert!(matches!(skipped, Event::Skipped { first: 1, last: 1, .. }), "{skipped:?}");
    assert_eq!(late.next_text().await.0, next);
}
