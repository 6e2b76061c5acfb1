//! What devices say: receipts, and messages to the business.

use bytes::Bytes;
use homing_device_sdk::{Device, FileState, MemoryState, UpError};
use homing_domain::MessageId;
use homing_wire::{FactKind, Frame, Up, UpAck, UpCode};
use tempfile::TempDir;

use crate::fake::{Gateway, Listens, Peer, QUICK, identity, push};

async fn next_up(peer: &mut Peer) -> Up {
    loop {
        if let Frame::Up(up) = peer.frame().await.expect("the device is there") {
            return up;
        }
    }
}

fn answer(up: &Up, code: UpCode) -> [Frame; 1] {
    [UpAck { id: up.id, code: code as i32 }.into()]
}

#[tokio::test]
async fn receipts_travel_in_acks() {
    let mut gateway = Gateway::start(Listens::Both).await;
    let builder = Device::builder(identity(), gateway.route()).transports(gateway.transports()).backoff(QUICK);
    let (device, _inbox) = builder.start(MemoryState::new()).await.unwrap();
    let mut peer = gateway.welcome().await;
    peer.send([push(1)]).await;
    peer.acked(1).await;
    let id = MessageId::from_bytes([5; 16]);
    device.displayed(id).await.unwrap();
    device.opened(id).await.unwrap();
    device.dismissed(id).await.unwrap();
    let mut kinds = Vec::new();
    while kinds.len() < 3 {
        let ack = peer.acked(1).await;
        assert!(ack.receipts.iter().all(|receipt| receipt.message == id.as_bytes()[..]));
        kinds.extend(ack.receipts.iter().map(|receipt| receipt.kind()));
    }
    assert_eq!(kinds, [FactKind::Displayed, FactKind::Opened, FactKind::Dismissed]);
}

#[tokio::test]
async fn a_message_to_the_business_is_repeated_under_its_id_until_it_is_durable() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state");
    let mut gateway = Gateway::start(Listens::Both).await;
    let start = async |gateway: &Gateway| {
        let builder = Device::builder(identity(), gateway.route()).transports(gateway.transports()).backoff(QUICK);
        builder.start(FileState::open(&path).unwrap()).await.unwrap()
    };
    let (device, inbox) = start(&gateway).await;
    let sending = tokio::spawn({
        let device = device.clone();
        async move { device.up("orders", Bytes::from_static(b"one")).await }
    });
    let mut peer = gateway.welcome().await;
    let first = next_up(&mut peer).await;
    device.drop_link().await;
    let mut peer = gateway.welcome().await;
    assert_eq!(next_up(&mut peer).await, first);
    assert!(!sending.is_finished());
    peer.send(answer(&first, UpCode::Stored)).await;
    assert_eq!(sending.await.unwrap(), Ok(()));

    let sending = tokio::spawn({
        let device = device.clone();
        async move { device.up("orders", Bytes::from_static(b"two")).await }
    });
    let second = next_up(&mut peer).await;
    assert!(second.id > first.id);
    device.close().await;
    assert_eq!(sending.await.unwrap(), Err(UpError::Closed));
    drop(inbox);
    device.shut_down().await;

    let (device, inbox) = start(&gateway).await;
    let mut peer = gateway.welcome().await;
    assert_eq!(next_up(&mut peer).await, second, "kept over the restart");
    peer.send(answer(&second, UpCode::Refused)).await;
    let sending = tokio::spawn(async move { device.up("orders", Bytes::from_static(b"three")).await });
    let third = next_up(&mut peer).await;
    assert!(third.id > second.id);
    peer.send(answer(&third, UpCode::Refused)).await;
    assert_eq!(sending.await.unwrap(), Err(UpError::Refused));
    drop(inbox);
}

#[tokio::test]
async fn what_is_too_large_is_not_even_tried() {
    let gateway = Gateway::start(Listens::Both).await;
    let builder = Device::builder(identity(), gateway.route()).transports(gateway.transports());
    let (device, _inbox) = builder.start(MemoryState::new()).await.unwrap();
    assert_eq!(device.up("t", vec![0; 4_097]).await, Err(UpError::TooLarge));
    assert_eq!(device.up("t".repeat(129), Bytes::new()).await, Err(UpError::TooLarge));
}
