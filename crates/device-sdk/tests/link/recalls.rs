//! Messages that are taken back: told once, safe before they are acknowledged, and not shown when they come too late.

use bytes::Bytes;
use homing_device_sdk::{Device, Event, FileState, Inbox, MemoryState, Preference, StateStore, Transport};
use homing_domain::MessageId;
use homing_wire::{Frame, Recall};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::fake::{Gateway, Listens, PATIENCE, QUICK, identity, push, push_with_id};

const MESSAGE: [u8; 16] = [4; 16];
const OWN: [u8; 16] = [5; 16];

fn recall(seq: u64) -> Frame {
    let id = |id: [u8; 16]| Bytes::copy_from_slice(&id);
    Recall { message: id(MESSAGE), seq, recall: id(OWN), feed_offset: 0 }.into()
}

fn taken_back() -> Event {
    Event::Recalled { message: MessageId::from_bytes(MESSAGE), recall: Some(MessageId::from_bytes(OWN)) }
}

async fn start<S: StateStore>(gateway: &Gateway, transport: Transport, state: S) -> (Device, Inbox) {
    let builder = Device::builder(identity(), gateway.route()).transports(gateway.transports()).backoff(QUICK);
    builder.preference(Preference::Only(transport)).start(state).await.unwrap()
}

/// The next event, finished.
async fn next(inbox: &mut Inbox) -> Event {
    let delivery = timeout(PATIENCE, inbox.next()).await.expect("an event in time").unwrap();
    let event = delivery.event().clone();
    delivery.done().await;
    event
}

fn seq(event: &Event) -> u64 {
    match event {
        Event::Message(message) => message.seq,
        other => panic!("no message but {other:?}"),
    }
}

#[tokio::test]
async fn a_recall_reaches_the_app_once_on_both_transports() {
    for transport in [Transport::Quic, Transport::Tcp] {
        let mut gateway = Gateway::start(Listens::Only(transport)).await;
        let (device, mut inbox) = start(&gateway, transport, MemoryState::new()).await;
        let mut peer = gateway.welcome().await;
        peer.send([push_with_id(1, MESSAGE)]).await;
        assert_eq!(seq(&next(&mut inbox).await), 1);
        peer.send([recall(2), push(3)]).await;
        assert_eq!((next(&mut inbox).await, seq(&next(&mut inbox).await)), (taken_back(), 3));
        peer.acked(3).await;
        device.drop_link().await;
        // Another gateway that does not know how far the device is, and a mailbox that has the recall twice.
        let mut peer = gateway.welcome().await;
        assert_eq!(peer.hello.last_seq, 3);
        peer.send([recall(2), push(3), recall(4), push(5)]).await;
        assert_eq!(seq(&next(&mut inbox).await), 5);
        peer.acked(5).await;
    }
}

#[tokio::test]
async fn what_comes_after_its_recall_is_acknowledged_and_not_shown_even_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state");
    let mut gateway = Gateway::start(Listens::Only(Transport::Quic)).await;
    let (device, mut inbox) = start(&gateway, Transport::Quic, FileState::open(&path).unwrap()).await;
    let mut peer = gateway.welcome().await;
    peer.send([recall(1), push_with_id(2, MESSAGE)]).await;
    peer.acked(2).await;
    let unfinished = timeout(PATIENCE, inbox.next()).await.unwrap().unwrap();
    assert_eq!(unfinished.event(), &taken_back());
    drop((unfinished, inbox));
    device.shut_down().await;

    let (_device, mut inbox) = start(&gateway, Transport::Quic, FileState::open(&path).unwrap()).await;
    assert_eq!(next(&mut inbox).await, taken_back(), "the app had not finished it");
    let mut peer = gateway.welcome().await;
    assert_eq!(peer.hello.last_seq, 2);
    peer.send([push_with_id(3, MESSAGE), push(4)]).await;
    assert_eq!(seq(&next(&mut inbox).await), 4);
    peer.acked(4).await;
}

#[tokio::test]
async fn what_is_taken_back_before_the_app_had_it_is_not_given_to_it() {
    let state = MemoryState::new();
    let mut gateway = Gateway::start(Listens::Only(Transport::Tcp)).await;
    let (_device, mut inbox) = start(&gateway, Transport::Tcp, state.clone()).await;
    let mut peer = gateway.welcome().await;
    // All in one record, so that the device has both when it looks.
    peer.send([push_with_id(1, MESSAGE), recall(2), push(3)]).await;
    assert_eq!((next(&mut inbox).await, seq(&next(&mut inbox).await)), (taken_back(), 3));
    peer.acked(3).await;
    while !state.snapshot().unfinished.is_empty() {
        tokio::task::yield_now().await;
    }
}
