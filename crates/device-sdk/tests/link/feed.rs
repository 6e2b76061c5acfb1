//! Broadcasts by the app's feed, and messages that came by the vendor's channel: each is shown once, whichever way it comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use homing_device_sdk::{Device, DeviceError, Event, FileState, Inbox, MemoryState, StateStore};
use homing_domain::MessageId;
use homing_wire::{Frame, Pong, Push};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::delivery::Failing;
use crate::fake::{Gateway, Listens, PATIENCE, Peer, QUICK, identity, push_with_id};

fn fed(feed_offset: u64, id: u8) -> Frame {
    let payload = Bytes::from_static("{\"text\":\"大家好 👋\"}".as_bytes());
    Push { feed_offset, message: Bytes::copy_from_slice(&[id; 16]), payload, ..Push::default() }.into()
}

fn id(n: u8) -> MessageId {
    MessageId::from_bytes([n; 16])
}

async fn start<S: StateStore>(gateway: &Gateway, state: S) -> (Device, Inbox) {
    let builder = Device::builder(identity(), gateway.route()).transports(gateway.transports()).backoff(QUICK);
    builder.start(state).await.unwrap()
}

/// The next message, finished.
async fn next(inbox: &mut Inbox) -> MessageId {
    let delivery = timeout(PATIENCE, inbox.next()).await.expect("an event in time").unwrap();
    let Event::Message(message) = delivery.event().clone() else { panic!("{delivery:?}") };
    delivery.done().await;
    message.id
}

/// Waits for an Ack of at least this offset.
async fn acked(peer: &mut Peer, feed_offset: u64) {
    loop {
        match peer.frame().await.expect("the device is there") {
            Frame::Ack(ack) if ack.feed_offset >= feed_offset => return,
            _ => {}
        }
    }
}

#[tokio::test]
async fn the_offset_is_kept_with_each_message_and_named_by_the_next_hello() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state");
    let mut gateway = Gateway::start(Listens::Both).await;
    let (device, mut inbox) = start(&gateway, FileState::open(&path).unwrap()).await;
    let mut peer = gateway.welcome().await;
    assert_eq!((peer.hello.feed_offset, peer.hello.reads_feed), (0, true));
    peer.send([fed(3, 1), fed(8, 2)]).await;
    assert_eq!([next(&mut inbox).await, next(&mut inbox).await], [id(1), id(2)]);
    acked(&mut peer, 8).await;
    device.drop_link().await;
    let peer = gateway.welcome().await;
    assert_eq!(peer.hello.feed_offset, 8);
    // One that it had, then how far nothing is for it.
    let pong = Pong { feed_offset: 20, ..Pong::default() };
    peer.send([fed(8, 2), pong.into(), push_with_id(1, [3; 16])]).await;
    assert_eq!(next(&mut inbox).await, id(3));
    drop(inbox);
    device.shut_down().await;
    let (_device, mut inbox) = start(&gateway, FileState::open(&path).unwrap()).await;
    let peer = gateway.welcome().await;
    assert_eq!((peer.hello.last_seq, peer.hello.feed_offset), (1, 20));
    peer.send([fed(21, 4)]).await;
    assert_eq!(next(&mut inbox).await, id(4));
}

#[tokio::test]
async fn what_came_by_the_vendor_is_not_shown_again_and_the_other_way_round() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state");
    let mut gateway = Gateway::start(Listens::Both).await;
    let (device, mut inbox) = start(&gateway, FileState::open(&path).unwrap()).await;
    let mut peer = gateway.welcome().await;
    assert_eq!(device.note_vendor_message(id(1)).await, Ok(true));
    assert_eq!(device.note_vendor_message(id(2)).await, Ok(true));
    assert_eq!(device.note_vendor_message(id(1)).await, Ok(false));
    peer.send([push_with_id(1, [1; 16]), fed(5, 2), push_with_id(2, [3; 16])]).await;
    assert_eq!(next(&mut inbox).await, id(3), "neither of the others");
    acked(&mut peer, 5).await;
    assert_eq!(device.note_vendor_message(id(3)).await, Ok(false));
    drop(inbox);
    device.shut_down().await;
    let (device, _inbox) = start(&gateway, FileState::open(&path).unwrap()).await;
    for n in 1..=3 {
        assert_eq!(device.note_vendor_message(id(n)).await, Ok(false), "{n} is remembered over a restart");
    }
    device.close().await;
    assert_eq!(device.note_vendor_message(id(4)).await, Err(DeviceError::Closed));
}

#[tokio::test]
async fn it_is_durable_before_the_app_may_show_it() {
    let fail = Arc::new(AtomicBool::new(false));
    let mut gateway = Gateway::start(Listens::Both).await;
    let inner = MemoryState::new();
    let (device, mut inbox) = start(&gateway, Failing { inner: inner.clone(), fail: Arc::clone(&fail) }).await;
    let peer = gateway.welcome().await;
    // So that the device is past its own first writes.
    peer.send([push_with_id(1, [9; 16])]).await;
    assert_eq!(next(&mut inbox).await, id(9));
    while !inner.snapshot().unfinished.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(device.note_vendor_message(id(1)).await, Ok(true));
    assert!(inner.snapshot().seen.contains(id(1)));
    fail.store(true, Ordering::Relaxed);
    assert_eq!(device.note_vendor_message(id(2)).await, Err(DeviceError::Store));
    assert!(!inner.snapshot().seen.contains(id(2)));
    // Nothing is said before the state was read anew.
    assert_eq!(device.note_vendor_message(id(2)).await, Err(DeviceError::Store));
    let peer = gateway.welcome().await;
    peer.send([push_with_id(2, [2; 16])]).await;
    assert_eq!(next(&mut inbox).await, id(2), "it comes by the own link then");
    assert_eq!(device.note_vendor_message(id(2)).await, Ok(false));
}
