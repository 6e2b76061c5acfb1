//! Messages: once from the network, at least once to the app, safe before they are acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use homing_device_sdk::{
    Change, Device, Durability, Event, FileState, Inbox, Loss, MemoryState, Preference, State, StateError, StateStore,
    Status, Transport,
};
use homing_wire::{Frame, Resumption, Skip, SkipReason, Welcome};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::fake::{EPOCH, Gateway, Listens, PATIENCE, QUICK, identity, push, push_with_id};

async fn start<S: StateStore>(gateway: &Gateway, state: S) -> (Device, Inbox) {
    let builder = Device::builder(identity(), gateway.route()).transports(gateway.transports()).backoff(QUICK);
    builder.start(state).await.unwrap()
}

/// Takes that many events in and finishes them; gives the seqs of messages, 0 for anything else.
async fn take(inbox: &mut Inbox, count: usize) -> Vec<u64> {
    let mut seqs = Vec::new();
    for _ in 0..count {
        let delivery = timeout(PATIENCE, inbox.next()).await.expect("an event in time").unwrap();
        seqs.push(match delivery.event() {
            Event::Message(message) => message.seq,
            _ => 0,
        });
        delivery.done().await;
    }
    seqs
}

#[tokio::test]
async fn each_message_comes_once_over_broken_links_in_order_on_both_transports() {
    for transport in [Transport::Quic, Transport::Tcp] {
        let mut gateway = Gateway::start(Listens::Only(transport)).await;
        let builder = Device::builder(identity(), gateway.route()).transports(gateway.transports()).backoff(QUICK);
        let builder = builder.preference(Preference::Only(transport));
        let (device, mut inbox) = builder.start(MemoryState::new()).await.unwrap();
        let mut peer = gateway.welcome().await;
        assert_eq!(
            (peer.transport, peer.hello.epoch, peer.hello.last_seq, peer.hello.conn_seq),
            (transport, EPOCH, 0, 1)
        );
        peer.send((1..=20).map(push)).await;
        assert_eq!(take(&mut inbox, 20).await, (1..=20).collect::<Vec<_>>());
        peer.acked(20).await;
        for round in 1..=5 {
            device.drop_link().await;
            peer.gone().await;
            peer = gateway.welcome().await;
            assert_eq!((peer.hello.last_seq, peer.hello.conn_seq), (round * 20, round + 1));
            // The last ones once more, as a gateway does that does not know.
            peer.send((round * 20 - 3..=round * 20 + 20).map(push)).await;
            assert_eq!(take(&mut inbox, 20).await, (round * 20 + 1..=round * 20 + 20).collect::<Vec<_>>());
            peer.acked(round * 20 + 20).await;
        }
    }
}

#[tokio::test]
async fn a_message_that_the_app_did_not_finish_comes_again_after_a_restart_with_the_same_id() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state");
    let mut gateway = Gateway::start(Listens::Both).await;
    let (device, mut inbox) = start(&gateway, FileState::open(&path).unwrap()).await;
    let mut peer = gateway.welcome().await;
    peer.send([push(1), push(2), push(3)]).await;
    assert_eq!(take(&mut inbox, 1).await, [1]);
    peer.acked(3).await;
    let second = inbox.next().await.unwrap();
    let Event::Message(unfinished) = second.event().clone() else { panic!("{second:?}") };
    drop((second, inbox));
    device.shut_down().await;

    let (device, mut inbox) = start(&gateway, FileState::open(&path).unwrap()).await;
    let again = inbox.next().await.unwrap();
    assert_eq!(again.event(), &Event::Message(unfinished));
    again.done().await;
    assert_eq!(take(&mut inbox, 1).await, [3], "it had not been handed over");
    let peer = gateway.welcome().await;
    assert_eq!((peer.hello.last_seq, peer.hello.conn_seq), (3, 2));
    peer.send([push(4)]).await;
    assert_eq!(take(&mut inbox, 1).await, [4], "and what was finished does not come again");
    drop(inbox);
    device.shut_down().await;
}

#[tokio::test]
async fn skips_and_resets_reach_the_app() {
    let mut gateway = Gateway::start(Listens::Both).await;
    let (_device, mut inbox) = start(&gateway, MemoryState::new()).await;
    let peer = gateway.accept().await;
    let resumption = Resumption::Reset as i32;
    let welcome = Welcome { resumption, epoch: 8, lo: 20, hi: 30, heartbeat: None, server_ms: 1 };
    let skip = |to_seq, reason: SkipReason, count| Frame::from(Skip { to_seq, reason: reason as i32, count });
    peer.send([welcome.into(), push(20), skip(22, SkipReason::Expired, 2), skip(30, SkipReason::Overflow, 8)]).await;
    let mut losses = Vec::new();
    for _ in 0..4 {
        let delivery = inbox.next().await.unwrap();
        losses.push(delivery.event().possible_loss());
        delivery.done().await;
    }
    assert_eq!(losses, [Some(Loss::Reset), None, None, Some(Loss::Overflow)]);
}

#[tokio::test]
async fn an_app_that_does_not_keep_up_holds_the_platform_back_and_loses_nothing() {
    let mut gateway = Gateway::start(Listens::Only(Transport::Quic)).await;
    let (device, mut inbox) = start(&gateway, MemoryState::new()).await;
    let peer = gateway.welcome().await;
    let count: u64 = 2_000;
    let sending = tokio::spawn(async move {
        for first in (1..=count).step_by(100) {
            peer.send((first..first + 100).map(push)).await;
        }
        peer
    });
    let first = inbox.next().await.unwrap();
    device.wait_for(Status::is_connected).await;
    first.done().await;
    assert_eq!(take(&mut inbox, 1_999).await, (2..=count).collect::<Vec<_>>());
    sending.await.unwrap().acked(count).await;
}

#[tokio::test]
async fn the_same_id_under_another_seq_is_acknowledged_and_not_shown() {
    let mut gateway = Gateway::start(Listens::Both).await;
    let (_device, mut inbox) = start(&gateway, MemoryState::new()).await;
    let mut peer = gateway.welcome().await;
    peer.send([push_with_id(1, [4; 16]), push_with_id(2, [4; 16]), push(3)]).await;
    assert_eq!(take(&mut inbox, 2).await, [1, 3]);
    peer.acked(3).await;
}

/// Fails when it is told to.
pub(crate) struct Failing {
    pub(crate) inner: MemoryState,
    pub(crate) fail: Arc<AtomicBool>,
}

impl StateStore for Failing {
    async fn load(&mut self) -> Result<State, StateError> {
        self.inner.load().await
    }

    async fn commit(&mut self, changes: Vec<Change>, durability: Durability) -> Result<(), StateError> {
        if self.fail.swap(false, Ordering::Relaxed) {
            return Err(StateError::Io(std::io::ErrorKind::StorageFull.into()));
        }
        self.inner.commit(changes, durability).await
    }
}

#[tokio::test]
async fn what_could_not_be_written_is_neither_shown_nor_acknowledged_and_comes_again() {
    let fail = Arc::new(AtomicBool::new(false));
    let mut gateway = Gateway::start(Listens::Both).await;
    let inner = MemoryState::new();
    let (_device, mut inbox) = start(&gateway, Failing { inner: inner.clone(), fail: Arc::clone(&fail) }).await;
    let mut peer = gateway.welcome().await;
    peer.send([push(1)]).await;
    peer.acked(1).await;
    assert_eq!(take(&mut inbox, 1).await, [1]);
    while !inner.snapshot().unfinished.is_empty() {
        tokio::task::yield_now().await;
    }
    fail.store(true, Ordering::Relaxed);
    peer.send([push(2)]).await;
    while let Some(frame) = peer.frame().await {
        assert!(!matches!(frame, Frame::Ack(ack) if ack.seq > 1));
    }
    let mut peer = gateway.welcome().await;
    assert_eq!((peer.hello.last_seq, peer.hello.conn_seq), (1, 2));
    peer.send([push(2)]).await;
    assert_eq!(take(&mut inbox, 1).await, [2]);
    peer.acked(2).await;
}

#[tokio::test]
async fn many_devices_share_one_socket() {
    let mut gateway = Gateway::start(Listens::Only(Transport::Quic)).await;
    let transports = gateway.transports();
    let mut devices = Vec::new();
    let mut peers = Vec::new();
    for number in 0..50 {
        let mut identity = identity();
        identity.device = homing_domain::DeviceId::from_bytes([number; 16]);
        let builder = Device::builder(identity, gateway.route()).transports(Arc::clone(&transports));
        devices.push(builder.start(MemoryState::new()).await.unwrap());
        let peer = gateway.welcome().await;
        peer.send([push_with_id(1, [number; 16])]).await;
        peers.push(peer);
    }
    let ports: std::collections::HashSet<_> =
        peers.iter().map(|peer| peer.quic.as_ref().unwrap().remote_address()).collect();
    assert_eq!(ports.len(), 1);
    for (_, inbox) in &mut devices {
        assert_eq!(take(inbox, 1).await, [1]);
    }
}
