//! What a device learns of its networks.

use homing_device_sdk::{Device, Inbox, MemoryState, Power, Status, Transport};
use homing_wire::{Frame, HeartbeatConfig, HeartbeatInterval, Ping, Pong, Probe};
use tokio::time::{Duration, sleep};

use crate::fake::{Gateway, Listens, Peer, QUICK, identity};

const HOME: u64 = 5;
const ELSEWHERE: u64 = 6;
const SILENCE: u32 = 1_200;

async fn start(gateway: &Gateway, state: &MemoryState, power: Power) -> (Device, Inbox) {
    let builder = Device::builder(identity(), gateway.route()).transports(gateway.transports()).backoff(QUICK);
    builder.network(HOME).power(power).start(state.clone()).await.unwrap()
}

async fn welcome(gateway: &mut Gateway) -> Peer {
    let peer = gateway.accept().await;
    let interval = HeartbeatInterval { initial: SILENCE, minimum: 1_000, maximum: 3_600_000 };
    peer.welcome_with(1, 1_000, Some(HeartbeatConfig { interval: Some(interval), idle_factor_percent: 150 })).await;
    peer
}

async fn ping(peer: &mut Peer) -> Ping {
    loop {
        if let Frame::Ping(ping) = peer.frame().await.expect("the device is there") {
            return ping;
        }
    }
}

async fn has_heartbeat(device: &Device, expected: u64) {
    let is_it = |status: &Status| matches!(status, Status::Connected { heartbeat, .. } if *heartbeat == expected);
    assert!(device.wait_for(is_it).await);
}

#[tokio::test]
async fn what_a_probe_proves_is_kept_by_network_and_outlives_the_app() {
    let mut gateway = Gateway::start(Listens::Only(Transport::Quic)).await;
    let state = MemoryState::new();
    let (device, inbox) = start(&gateway, &state, Power::Battery).await;
    let mut peer = welcome(&mut gateway).await;
    has_heartbeat(&device, 1_200).await;
    assert_eq!(ping(&mut peer).await, Ping { ack: None, probe_after_ms: SILENCE, next_ms: SILENCE + 3_000 });
    peer.send([Pong::default().into()]).await;
    // sleep: the silence that is to be proven.
    sleep(Duration::from_millis(SILENCE.into())).await;
    peer.send([Probe {}.into()]).await;
    has_heartbeat(&device, 1_020).await;
    assert_eq!(ping(&mut peer).await.probe_after_ms, 1_800, "it beats at once, and asks for more");
    peer.send([Pong::default().into()]).await;

    device.network_changed(ELSEWHERE).await;
    assert_eq!(ping(&mut peer).await.probe_after_ms, SILENCE, "of this network it knows nothing");
    has_heartbeat(&device, 1_200).await;
    drop(inbox);
    device.shut_down().await;

    let networks = state.snapshot().networks;
    assert_eq!(networks.learned(HOME, Transport::Quic).proven, 1_200);
    assert_eq!(networks.learned(ELSEWHERE, Transport::Quic).proven, 0);
    let (device, _inbox) = start(&gateway, &state, Power::Battery).await;
    let _peer = welcome(&mut gateway).await;
    has_heartbeat(&device, 1_020).await;
}

#[tokio::test]
async fn a_device_on_mains_spares_nothing() {
    let mut gateway = Gateway::start(Listens::Only(Transport::Tcp)).await;
    let (device, _inbox) = start(&gateway, &MemoryState::new(), Power::Mains).await;
    let peer = gateway.accept().await;
    let interval = HeartbeatInterval { initial: 270_000, minimum: 30_000, maximum: 590_000 };
    peer.welcome_with(1, 1_000, Some(HeartbeatConfig { interval: Some(interval), idle_factor_percent: 150 })).await;
    has_heartbeat(&device, 60_000).await;
}
