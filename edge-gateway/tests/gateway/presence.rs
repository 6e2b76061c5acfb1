//! Apps that asked are told who comes and goes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use homing_domain::{BusEvent, ConnSeq, Notice};
use homing_link::Transport;

use crate::raw::Raw;
use crate::world::{Ports, World, app_with_presence};

async fn world_with_presence() -> World {
    let ports = Ports::default();
    *ports.app.lock().unwrap() = Some(app_with_presence());
    World::on(Arc::new(ports), |_| {}).await
}

/// Which connections came (`true`) and went, in the order in which it was told.
fn told(ports: &Ports) -> Vec<(bool, ConnSeq)> {
    let events = ports.events.lock().unwrap();
    let one = |event: &BusEvent| match event {
        BusEvent::DeviceOnline(presence) => (true, presence.conn_seq),
        BusEvent::DeviceOffline(presence) => (false, presence.conn_seq),
        other => panic!("not presence: {other:?}"),
    };
    events.iter().map(one).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn coming_and_going_is_told_and_superseding_is_not_going() {
    let world = world_with_presence().await;
    let device = world.register(1);
    let _first = Raw::join(&world, Transport::Tcp, device, 1).await;
    let second = Raw::join(&world, Transport::Quic, device, 2).await;
    world.ports.until("both online", |ports| (told(ports) == [(true, 1), (true, 2)]).then_some(())).await;
    drop(second);
    // The end of a link is noticed by its task; then time passes.
    let body = world.body("now");
    let target =
        homing_domain::HandOffTarget { device, conn_seq: 2, seq: 0, enqueued_at: homing_domain::UnixMillis(1) };
    world.ports.notice(Notice::HandOff(homing_domain::HandOff { body, targets: vec![target] }));
    world.ports.until("the way back", |ports| ports.undelivered().pop()).await;
    assert_eq!(told(&world.ports).len(), 2, "not at once: it may be roaming");
    world.ports.ahead.fetch_add(31_000, Ordering::Relaxed);
    world.ports.notice(Notice::Trim { device, conn_seq: 2 });
    let all = world.ports.until("offline", |ports| Some(told(ports)).filter(|told| told.len() > 2)).await;
    assert_eq!(all, [(true, 1), (true, 2), (false, 2)]);
    let gateway = world.gateway.gateway();
    let named = |event: &BusEvent| matches!(event, BusEvent::DeviceOffline(presence) if presence.gateway == gateway && presence.device == device);
    assert!(named(world.ports.events.lock().unwrap().last().unwrap()));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_did_not_ask_is_not_told_and_is_read_once() {
    let world = World::new().await;
    for n in 1..=5 {
        let device = world.register(n);
        Raw::join(&world, Transport::Tcp, device, 1).await;
    }
    let ports = Arc::clone(&world.ports);
    world.stop().await;
    assert_eq!(told(&ports), []);
    assert_eq!(ports.app_reads.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_is_down_holds_no_link_up() {
    let world = world_with_presence().await;
    world.ports.is_bus_down.store(true, Ordering::Relaxed);
    let device = world.register(1);
    let mut link = Raw::join(&world, Transport::Tcp, device, 1).await;
    world.push(device, "delivered");
    assert_eq!(link.push().await.seq, 1);
    world.ports.is_bus_down.store(false, Ordering::Relaxed);
    world.ports.until("told late", |ports| (told(ports) == [(true, 1)]).then_some(())).await;
    // It goes down again, and the gateway stops all the same.
    world.ports.is_bus_down.store(true, Ordering::Relaxed);
    world.stop().await;
}
