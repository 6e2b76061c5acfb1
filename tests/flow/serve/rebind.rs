//! A device whose address changes in the middle of a stream of messages: QUIC carries the link over, nothing is lost and
//! nothing comes twice.

use homing_contract::http::v1::AudienceRequest;
use homing_device_sdk::{MemoryState, Status, Transport};

use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_address_keeps_the_link_and_every_message_comes_once() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path()).await;
    let registered = world.register(None).await;
    let mut device = world.link(&registered, Transport::Quic, MemoryState::new()).await;
    let before = *device.handle.status().borrow();
    // Whatever happens to the link from here on is seen.
    let mut status = device.handle.status();
    status.mark_unchanged();
    let mut sent = Vec::new();
    for number in 1..=60_u64 {
        let audience = AudienceRequest::devices([registered.device_id.clone()]);
        sent.push(world.push(audience, &format!("#{number}"), None).await);
        if number % 10 == 0 {
            device.handle.rebind().await.unwrap();
        }
    }
    let mut arrived = Vec::new();
    while arrived.len() < sent.len() {
        arrived.push(device.next_text().await.0);
    }
    assert_eq!(device.seqs, (1..=60).collect::<Vec<_>>(), "each once and in order");
    arrived.sort();
    sent.sort();
    assert_eq!(arrived, sent);
    for id in &sent {
        assert_eq!(world.completed(id).await.balance.delivered, 1, "the acks found their way too");
    }
    assert!(!status.has_changed().unwrap(), "no new connection: {:?}", *status.borrow());
    assert!(matches!(before, Status::Connected { conn_seq: 1, transport: Transport::Quic, .. }));
}
