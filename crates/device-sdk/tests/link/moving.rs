//! Links that come up, move, give way and end.

use homing_device_sdk::{Device, Event, Inbox, MemoryState, Preference, Status, Stop, Transport};
use homing_wire::{CloseCode, Frame, GoAway};
use tokio::time::timeout;

use crate::fake::{Gateway, Listens, PATIENCE, QUICK, identity, push};

async fn start(gateway: &Gateway, state: MemoryState) -> (Device, Inbox) {
    let builder = Device::builder(identity(), gateway.route()).transports(gateway.transports()).backoff(QUICK);
    builder.start(state).await.unwrap()
}

async fn next_seq(inbox: &mut Inbox) -> u64 {
    let delivery = timeout(PATIENCE, inbox.next()).await.expect("an event in time").unwrap();
    let Event::Message(message) = delivery.event() else { panic!("{delivery:?}") };
    let seq = message.seq;
    delivery.done().await;
    seq
}

#[tokio::test]
async fn tcp_takes_over_where_udp_is_swallowed_and_is_remembered() {
    let mut gateway = Gateway::start(Listens::Only(Transport::Tcp)).await;
    let state = MemoryState::new();
    let (device, _inbox) = start(&gateway, state.clone()).await;
    let peer = gateway.welcome().await;
    assert_eq!(peer.transport, Transport::Tcp);
    assert!(device.wait_for(Status::is_connected).await);
    let winners = state.snapshot().winners;
    assert_eq!((winners.len(), winners[0].transport), (1, Transport::Tcp));
}

#[tokio::test]
async fn quic_wins_where_both_are_there_and_only_the_winner_says_hello() {
    let mut gateway = Gateway::start(Listens::Both).await;
    let state = MemoryState::new();
    let (_device, mut inbox) = start(&gateway, state.clone()).await;
    let mut peer = gateway.welcome().await;
    assert_eq!(peer.transport, Transport::Quic);
    peer.send([push(1)]).await;
    assert_eq!(next_seq(&mut inbox).await, 1);
    peer.acked(1).await;
    assert_eq!(state.snapshot().conn_seq, 1, "one Hello");
}

#[tokio::test]
async fn a_stale_number_is_raised_and_tried_again() {
    let mut gateway = Gateway::start(Listens::Both).await;
    let state = MemoryState::new();
    let (device, _inbox) = start(&gateway, state.clone()).await;
    let peer = gateway.accept().await;
    peer.close(CloseCode::StaleConnection, 40).await;
    let peer = gateway.welcome().await;
    assert_eq!(peer.hello.conn_seq, 41);
    assert!(device.wait_for(Status::is_connected).await);
    assert_eq!(state.snapshot().conn_seq, 41, "durable before it was sent");
}

#[tokio::test]
async fn a_device_that_is_replaced_stops_and_its_inbox_ends() {
    let mut gateway = Gateway::start(Listens::Both).await;
    let (device, mut inbox) = start(&gateway, MemoryState::new()).await;
    let mut peer = gateway.welcome().await;
    peer.close(CloseCode::Superseded, 2).await;
    assert!(inbox.next().await.is_none());
    assert_eq!(*device.status().borrow(), Status::Stopped(Stop::Replaced { by: 2 }));
    peer.gone().await;
    assert!(device.displayed(homing_domain::MessageId::from_bytes([1; 16])).await.is_err());
}

#[tokio::test]
async fn superseded_by_the_bare_quic_code_is_understood_too() {
    let mut gateway = Gateway::start(Listens::Only(Transport::Quic)).await;
    let (device, mut inbox) = start(&gateway, MemoryState::new()).await;
    let peer = gateway.welcome().await;
    assert!(device.wait_for(Status::is_connected).await);
    peer.quic.as_ref().unwrap().close((CloseCode::Superseded as u32).into(), b"");
    assert!(inbox.next().await.is_none());
    assert_eq!(*device.status().borrow(), Status::Stopped(Stop::Replaced { by: 2 }));
}

#[tokio::test]
async fn wrong_credentials_stop() {
    let mut gateway = Gateway::start(Listens::Both).await;
    let (device, mut inbox) = start(&gateway, MemoryState::new()).await;
    gateway.accept().await.close(CloseCode::Authentication, 0).await;
    assert!(inbox.next().await.is_none());
    assert_eq!(*device.status().borrow(), Status::Stopped(Stop::Unauthenticated));
}

#[tokio::test]
async fn go_away_takes_over_elsewhere_first_and_then_closes_the_old_link() {
    let mut gateway = Gateway::start(Listens::Both).await;
    let (device, mut inbox) = start(&gateway, MemoryState::new()).await;
    let mut old = gateway.welcome().await;
    old.send([push(1)]).await;
    assert_eq!(next_seq(&mut inbox).await, 1);
    old.acked(1).await;
    let address = gateway.address.to_string();
    old.send([GoAway { spread_ms: 10, address }.into()]).await;
    let mut new = gateway.accept().await;
    assert_eq!((new.hello.conn_seq, new.hello.last_seq), (2, 1));
    // The new Hello said how far the device has come: what the old link brings now is left to the new one.
    old.send([push(2)]).await;
    old.gone().await;
    new.welcome(1, 3).await;
    new.send([push(2), push(3)]).await;
    assert_eq!((next_seq(&mut inbox).await, next_seq(&mut inbox).await), (2, 3));
    assert_eq!(new.acked(3).await.seq, 3);
    assert!(matches!(*device.status().borrow(), Status::Connected { conn_seq: 2, resumed: true, .. }));
}

#[tokio::test]
async fn an_old_link_without_traffic_lives_until_the_new_one_is_welcomed() {
    let mut gateway = Gateway::start(Listens::Both).await;
    let (device, _inbox) = start(&gateway, MemoryState::new()).await;
    let mut old = gateway.welcome().await;
    assert!(device.wait_for(Status::is_connected).await);
    old.send([GoAway { spread_ms: 0, address: String::new() }.into()]).await;
    let new = gateway.accept().await;
    assert!(matches!(*device.status().borrow(), Status::Connected { conn_seq: 1, .. }));
    new.welcome(1, 0).await;
    old.gone().await;
    assert!(matches!(*device.status().borrow(), Status::Connected { conn_seq: 2, .. }));
}

#[tokio::test]
async fn a_new_address_keeps_the_connection() {
    let mut gateway = Gateway::start(Listens::Only(Transport::Quic)).await;
    let (device, mut inbox) = start(&gateway, MemoryState::new()).await;
    let mut peer = gateway.welcome().await;
    let mut addresses = vec![peer.quic.as_ref().unwrap().remote_address()];
    for seq in 1..=10 {
        peer.send([push(seq)]).await;
        assert_eq!(next_seq(&mut inbox).await, seq);
        peer.acked(seq).await;
        if seq % 3 == 0 {
            device.rebind().await.unwrap();
        }
        let address = peer.quic.as_ref().unwrap().remote_address();
        if addresses.last() != Some(&address) {
            addresses.push(address);
        }
    }
    assert!(addresses.len() > 2, "{addresses:?}");
    assert!(matches!(*device.status().borrow(), Status::Connected { conn_seq: 1, .. }));
}

#[tokio::test]
async fn a_goodbye_acknowledges_and_says_why() {
    for transport in [Transport::Quic, Transport::Tcp] {
        let mut gateway = Gateway::start(Listens::Both).await;
        let builder = Device::builder(identity(), gateway.route()).transports(gateway.transports());
        let builder = builder.preference(Preference::Only(transport));
        let (device, mut inbox) = builder.start(MemoryState::new()).await.unwrap();
        let mut peer = gateway.welcome().await;
        peer.send([push(1)]).await;
        assert_eq!(next_seq(&mut inbox).await, 1);
        device.close().await;
        let mut said = Vec::new();
        while let Some(frame) = peer.frame().await {
            said.push(frame);
        }
        assert!(matches!(&said[..], [Frame::Ack(ack), Frame::Close(_)] if ack.seq == 1), "{said:?}");
        assert_eq!(*device.status().borrow(), Status::Closed);
        assert!(inbox.next().await.is_none());
    }
}
