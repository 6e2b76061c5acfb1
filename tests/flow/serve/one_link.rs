//! One live link per device: a second installation with the same credentials (a restored backup) closes the first, which
//! then neither gets nor says anything any more.

use homing_contract::http::v1::AudienceRequest;
use homing_device_sdk::{Durability, MemoryState, StateStore, Status, Stop, Transport, UpError};

use super::world::{Linked, World};

async fn reconnect(device: &Linked, conn_seq: u64) {
    device.handle.drop_link().await;
    let is_up = move |status: &Status| matches!(status, Status::Connected { conn_seq: n, .. } if *n == conn_seq);
    assert!(device.handle.wait_for(is_up).await);
}

async fn push(world: &World, device: &str, number: u64) -> (String, String) {
    let text = format!("#{number}");
    (world.push(AudienceRequest::devices([device.to_owned()]), &text, None).await, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_link_closes_the_first_which_is_fenced_from_then_on() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let registered = world.register(None).await;
    let state = MemoryState::new();
    let mut first = world.link(&registered, Transport::Quic, state.clone()).await;
    for number in 1..=5 {
        let sent = push(&world, &registered.device_id, number).await;
        assert_eq!(first.next_text().await, sent);
        world.completed(&sent.0).await;
    }
    let mut backup = MemoryState::new();
    backup.commit(state.snapshot().to_changes(), Durability::Synced).await.unwrap();
    // The first goes on, so that the backup's connection number is an old one.
    reconnect(&first, 2).await;
    reconnect(&first, 3).await;

    let mut second = world.link(&registered, Transport::Tcp, backup.clone()).await;
    assert!(matches!(*second.handle.status().borrow(), Status::Connected { conn_seq: 4, resumed: true, .. }));
    assert!(first.handle.wait_for(Status::is_final).await);
    assert_eq!(*first.handle.status().borrow(), Status::Stopped(Stop::Replaced { by: 4 }));

    let fenced = state.snapshot();
    for number in 6..=20 {
        let sent = push(&world, &registered.device_id, number).await;
        assert_eq!(second.next_text().await, sent);
        assert_eq!(world.completed(&sent.0).await.balance.delivered, 1);
    }
    assert_eq!(second.seqs, (6..=20).collect::<Vec<_>>());
    assert_eq!(state.snapshot(), fenced, "the first got nothing more");
    assert!(first.is_over().await, "and its inbox has ended");
    assert_eq!(first.handle.up("late", "word").await, Err(UpError::Closed));
    assert_eq!(second.handle.up("orders", "word").await, Ok(()));
    assert!(second.handle.status().borrow().is_connected(), "the first did not come back");
}
