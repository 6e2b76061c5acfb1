//! Delivery policies, with a stand-in for the vendors that writes down what it is asked.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use homing::config::Config;
use homing_contract::http::v1::{
    AudienceRequest, DeliveryName, Notification, OptionsRequest, PushRequest, RegisteredDevice, StageName, TraceView,
};
use homing_device_sdk::{Change, Durability, Event, MemoryState, State, StateError, StateStore, Transport};
use serde_json::Value;

use super::world::{Linked, World, config};

/// A device whose disk takes nothing any more after a while: it has a link, reads, and says nothing.
struct StuckState {
    state: MemoryState,
    is_stuck: Arc<AtomicBool>,
}

impl StateStore for StuckState {
    async fn load(&mut self) -> Result<State, StateError> {
        self.state.load().await
    }

    async fn commit(&mut self, changes: Vec<Change>, durability: Durability) -> Result<(), StateError> {
        if self.is_stuck.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.state.commit(changes, durability).await
    }
}

fn with_vendors(directory: &Path) -> (Config, PathBuf) {
    let file = directory.join("vendors");
    (Config { stand_in_vendor: Some(file.clone()), ..config(directory) }, file)
}

/// The messages that vendors took, with the tokens.
fn taken(file: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    lines.map(|line| (text(&line, "message"), text(&line, "token"))).collect()
}

fn pair(id: &str, token: &str) -> (String, String) {
    (id.to_owned(), token.to_owned())
}

async fn push(
    world: &World,
    audience: AudienceRequest,
    text: &str,
    delivery: DeliveryName,
    fallback_after_seconds: Option<i64>,
) -> String {
    let notification = Some(Notification { body: Some(text.to_owned()), ..Notification::default() });
    let options =
        Some(OptionsRequest { delivery: Some(delivery), fallback_after_seconds, ..OptionsRequest::default() });
    world.send(&PushRequest { audience, notification, options, ..PushRequest::default() }).await
}

fn to(device: &RegisteredDevice) -> AudienceRequest {
    AudienceRequest::devices([device.device_id.clone()])
}

/// The next message; numbers that will never come may come first.
async fn next_message(device: &mut Linked) -> String {
    loop {
        match device.next_event().await {
            Event::Message(message) => return message.id.to_string(),
            Event::Skipped { .. } => {}
            other => panic!("no message but {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_away_gets_it_by_its_vendor_and_not_again() {
    let directory = tempfile::tempdir().unwrap();
    let (config, file) = with_vendors(directory.path());
    let world = World::start_with(config).await;
    let away = world.register_at_vendor("at-apple", None).await;
    let sent = push(&world, to(&away), "by the vendor", DeliveryName::OnlineFirst, None).await;
    let view = world.completed(&sent).await;
    assert_eq!((view.balance.targeted, view.balance.handed_off, view.balance.delivered), (1, 1, 0));
    assert_eq!(view.channels["apns"].handed_off, 1);
    let trace: TraceView = world.get(&format!("/v1/messages/{sent}/trace?device={}", away.device_id)).await;
    assert_eq!(trace.stage, Some(StageName::HandedOff));

    let mut device = world.link(&away, Transport::Quic, MemoryState::new()).await;
    let next = push(&world, to(&away), "by the link", DeliveryName::OwnOnly, None).await;
    assert_eq!(next_message(&mut device).await, next, "the first is not brought twice");
    world.completed(&next).await;
    assert_eq!(taken(&file), [pair(&sent, "at-apple")]);
    assert!(world.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_device_that_does_not_acknowledge_is_left_to_its_vendor() {
    let directory = tempfile::tempdir().unwrap();
    let (config, file) = with_vendors(directory.path());
    let world = World::start_with(config).await;
    let registered = world.register_at_vendor("at-apple", None).await;
    let is_stuck = Arc::new(AtomicBool::new(false));
    let state = StuckState { state: MemoryState::new(), is_stuck: Arc::clone(&is_stuck) };
    let _device = world.link(&registered, Transport::Tcp, state).await;
    is_stuck.store(true, Ordering::SeqCst);
    let sent = push(&world, to(&registered), "anybody there?", DeliveryName::OnlineFirst, Some(1)).await;
    let view = world.completed(&sent).await;
    assert_eq!((view.balance.targeted, view.balance.handed_off), (1, 1));
    assert_eq!(taken(&file), [pair(&sent, "at-apple")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_the_vendor_alone_does_not_come_by_the_link() {
    let directory = tempfile::tempdir().unwrap();
    let (config, file) = with_vendors(directory.path());
    let world = World::start_with(config).await;
    let registered = world.register_at_vendor("later-at-apple", None).await;
    let without = world.register(None).await;
    let mut device = world.link(&registered, Transport::Quic, MemoryState::new()).await;
    let both = AudienceRequest::devices([registered.device_id.clone(), without.device_id]);
    let sent = push(&world, both, "by the vendor", DeliveryName::VendorOnly, None).await;
    let view = world.completed(&sent).await;
    assert_eq!((view.balance.handed_off, view.balance.failed), (1, 1), "one has no address there");
    let next = push(&world, to(&registered), "by the link", DeliveryName::OwnOnly, None).await;
    assert_eq!(device.next_text().await.0, next);
    assert_eq!(taken(&file), [pair(&sent, "later-at-apple")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_unbound_before_the_time_is_over_is_not_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let (config, file) = with_vendors(directory.path());
    let world = World::start_with(config).await;
    let unbound = world.register_at_vendor("alices", Some("alice")).await;
    let bound = world.register_at_vendor("bobs", Some("bob")).await;
    let to_user = |user: &str| AudienceRequest::users([user.to_owned()]);
    let for_alice = push(&world, to_user("alice"), "private", DeliveryName::Fallback, Some(3)).await;
    world.released(&for_alice).await;
    world.bind(&unbound, "carol").await;
    let view = world.completed(&for_alice).await;
    assert_eq!((view.balance.suppressed, view.balance.handed_off), (1, 0));
    // When this one's time is over, so is that one's.
    let for_bob = push(&world, to_user("bob"), "private", DeliveryName::Fallback, Some(4)).await;
    let view = world.completed(&for_bob).await;
    assert_eq!(view.balance.handed_off, 1);
    assert_eq!(taken(&file), [pair(&for_bob, "bobs")]);
    drop(bound);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_the_own_link_alone_waits_for_the_device() {
    let directory = tempfile::tempdir().unwrap();
    let (config, file) = with_vendors(directory.path());
    let world = World::start_with(config).await;
    let away = world.register_at_vendor("at-apple", None).await;
    let sent = push(&world, to(&away), "for you", DeliveryName::OwnOnly, None).await;
    world.released(&sent).await;
    let mut device = world.link(&away, Transport::Tcp, MemoryState::new()).await;
    assert_eq!(device.next_text().await.0, sent);
    let view = world.completed(&sent).await;
    assert_eq!((view.balance.delivered, view.balance.handed_off), (1, 0));
    assert!(taken(&file).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_vendor_does_not_know_leaves_it_to_the_mailbox() {
    let directory = tempfile::tempdir().unwrap();
    let (config, file) = with_vendors(directory.path());
    let world = World::start_with(config).await;
    let away = world.register_at_vendor("invalid-at-apple", None).await;
    let sent = push(&world, to(&away), "for you", DeliveryName::OnlineFirst, None).await;
    world.released(&sent).await;
    let mut device = world.link(&away, Transport::Quic, MemoryState::new()).await;
    assert_eq!(device.next_text().await.0, sent);
    let only_vendor = push(&world, to(&away), "for you", DeliveryName::VendorOnly, None).await;
    assert_eq!(world.completed(&only_vendor).await.balance.failed, 1);
    assert!(taken(&file).is_empty());
}
