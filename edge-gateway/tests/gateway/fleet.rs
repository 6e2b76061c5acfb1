//! What the rest of the fleet tells a gateway, and what it tells the rest.

use std::sync::atomic::Ordering;

use homing_domain::{HandOff, HandOffTarget, Interval, Notice, UnixMillis};
use homing_link::Transport;
use homing_wire::{Frame, Ping};

use crate::raw::Raw;
use crate::world::{World, device};

#[tokio::test(flavor = "multi_thread")]
async fn a_hand_off_without_a_link_goes_back() {
    let world = World::new().await;
    let body = world.body("for nobody");
    let message = body.message;
    let target = |seq| HandOffTarget { device: device(1), conn_seq: 3, seq, enqueued_at: UnixMillis(1) };
    world.ports.notice(Notice::HandOff(HandOff { body, targets: vec![target(0), target(4)] }));
    let back = world.ports.until("both", |ports| Some(ports.undelivered()).filter(|items| items.len() == 2)).await;
    assert_eq!(back.iter().map(|item| item.transient).collect::<Vec<_>>(), [true, false]);
    assert!(back.iter().all(|item| (item.device, item.conn_seq, item.message) == (device(1), 3, message)));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_heartbeats_reach_live_links() {
    let world = World::new().await;
    let id = world.register(1);
    let mut link = Raw::join(&world, Transport::Tcp, id, 1).await;
    world.ports.heartbeat.lock().unwrap().tcp = Interval { initial: 3_000, minimum: 2_000, maximum: 4_000 };
    world.ports.notice(Notice::HeartbeatChanged);
    match link.next().await {
        Some(Frame::HeartbeatConfig(config)) => assert_eq!(config.interval.unwrap().initial, 3_000),
        other => panic!("no HeartbeatConfig but {other:?}"),
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_gateway_asks_in_the_next_pong_and_says_so_in_its_lease() {
    let world = World::new().await;
    let id = world.register(1);
    let mut link = Raw::join(&world, Transport::Quic, id, 1).await;
    world.gateway.drain(30_000).await;
    assert!(world.ports.leases.lock().unwrap().last().unwrap().draining);
    // The order reaches the link by another way than the Ping, so ask until it has.
    let asked = loop {
        link.send(Ping::default()).await;
        match link.next().await {
            Some(Frame::Pong(pong)) => {
                if let Some(go_away) = pong.go_away {
                    break go_away;
                }
            }
            other => panic!("no Pong but {other:?}"),
        }
    };
    assert_eq!(asked.spread_ms, 30_000);
    assert!(world.gateway.stats().draining);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_left_is_given_up() {
    let world = World::new().await;
    let id = world.register(1);
    let link = Raw::join(&world, Transport::Tcp, id, 1).await;
    drop(link);
    // Comes back when the link has noticed its end, whichever is first.
    let target = HandOffTarget { device: id, conn_seq: 1, seq: 0, enqueued_at: UnixMillis(1) };
    world.ports.notice(Notice::HandOff(HandOff { body: world.body("now"), targets: vec![target] }));
    world.ports.until("the way back", |ports| ports.undelivered().pop()).await;
    assert!(world.ports.mailbox_of(id).route.is_some(), "not at once: it may be roaming");
    world.ports.ahead.fetch_add(31_000, Ordering::Relaxed);
    // Any notice makes the link look at the clock.
    world.ports.notice(Notice::Trim { device: id, conn_seq: 1 });
    world.until_routed(id, false).await;
    assert_eq!(world.gateway.stats().links, 0);
    world.stop().await;
}

/// Found by the simulation: a dispatcher that does not know a new gateway yet, or believes it dead, leaves messages in
/// mailboxes without a hand-off.
#[tokio::test(flavor = "multi_thread")]
async fn mailboxes_are_read_again_one_renewal_after_the_start() {
    let world = World::new().await;
    let id = world.register(1);
    let mut link = Raw::join(&world, Transport::Tcp, id, 1).await;
    let message = world.push_body(id, world.body("nobody told you"), false);
    let push = link.push().await;
    assert_eq!(&push.message[..], message.as_bytes());
    world.stop().await;
}

/// A take whose answer got lost may have taken hand-offs with it.
#[tokio::test(flavor = "multi_thread")]
async fn mailboxes_are_read_again_after_a_failed_take() {
    let world = World::new().await;
    let id = world.register(1);
    let mut link = Raw::join(&world, Transport::Tcp, id, 1).await;
    // Past the reading that follows every start.
    world.ports.until("three leases", |ports| (ports.leases.lock().unwrap().len() >= 3).then_some(())).await;
    world.ports.takes_to_fail.store(1, Ordering::Relaxed);
    let message = world.push_body(id, world.body("its hand-off was in the lost answer"), false);
    // Ends the take that waits; the next one fails.
    world.ports.notice(Notice::Trim { device: id, conn_seq: 1 });
    assert_eq!(&link.push().await.message[..], message.as_bytes());
    world.stop().await;
}
