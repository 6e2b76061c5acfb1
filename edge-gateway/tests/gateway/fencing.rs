//! One device, one link.

use std::sync::atomic::Ordering;

use homing_domain::mailbox::Takeover;
use homing_domain::{GatewayRef, Notice, ServerId, UnixMillis};
use homing_link::Transport;
use homing_wire::CloseCode;

use crate::raw::Raw;
use crate::world::World;

fn elsewhere() -> GatewayRef {
    GatewayRef { server_id: ServerId(*b"gateway2"), incarnation: 5 }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_connection_ends_the_first() {
    let world = World::new().await;
    let device = world.register(1);
    let mut old = Raw::join(&world, Transport::Quic, device, 1).await;
    let mut new = Raw::join(&world, Transport::Tcp, device, 2).await;
    assert_eq!(old.expect_close(CloseCode::Superseded).await.detail, 2);
    world.push(device, "to the new one");
    assert_eq!(new.push().await.seq, 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_number_is_refused_and_told_the_fence() {
    let world = World::new().await;
    let device = world.register(1);
    let _link = Raw::join(&world, Transport::Tcp, device, 9).await;
    for transport in [Transport::Tcp, Transport::Quic] {
        let mut late = Raw::connect(&world, transport).await;
        let hello = late.hello(&world, device, 4, 0);
        late.send(hello).await;
        assert_eq!(late.expect_close(CloseCode::StaleConnection).await.detail, 9);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_takeover_elsewhere_ends_the_link_here() {
    let world = World::new().await;
    let device = world.register(1);
    let mut link = Raw::join(&world, Transport::Tcp, device, 1).await;
    let takeover = Takeover { gateway: elsewhere(), conn_seq: 2, credential_generation: 1, now: UnixMillis(0) };
    world.ports.take_over_now(device, takeover).unwrap();
    // The hint is lost; the next mailbox call shows it.
    world.ports.notice(Notice::Reread { device, conn_seq: 1 });
    assert_eq!(link.expect_close(CloseCode::Superseded).await.detail, 2);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_before_is_told() {
    let world = World::new().await;
    let device = world.register(1);
    let takeover = Takeover { gateway: elsewhere(), conn_seq: 1, credential_generation: 1, now: UnixMillis(0) };
    world.ports.take_over_now(device, takeover).unwrap();
    let _link = Raw::join(&world, Transport::Tcp, device, 2).await;
    let told = world.ports.until("the notice", |ports| ports.notified.lock().unwrap().first().cloned()).await;
    assert_eq!(told, (elsewhere(), Notice::Superseded { device, by: 2 }));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_takeover_whose_answer_is_lost_is_asked_for_again() {
    let world = World::new().await;
    let device = world.register(1);
    world.ports.takeovers_to_fail.store(2, Ordering::Relaxed);
    let _link = Raw::join(&world, Transport::Tcp, device, 1).await;
    assert_eq!(world.ports.mailbox_of(device).conn_seq, 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_device_is_closed_and_not_let_in_again() {
    let world = World::new().await;
    let device = world.register(1);
    let mut link = Raw::join(&world, Transport::Quic, device, 1).await;
    world.ports.mailboxes.lock().unwrap().get_mut(&device).unwrap().revoke();
    world.ports.notice(Notice::Revoked { device });
    link.expect_close(CloseCode::Revoked).await;
    let mut again = Raw::connect(&world, Transport::Tcp).await;
    let hello = again.hello(&world, device, 2, 0);
    again.send(hello).await;
    // Until its first link has left, the number says what the mailbox says after.
    again.expect_close(CloseCode::Revoked).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_gateway_gives_its_devices_up() {
    let world = World::new().await;
    let (one, two) = (world.register(1), world.register(2));
    let mut link = Raw::join(&world, Transport::Quic, one, 1).await;
    drop(Raw::join(&world, Transport::Tcp, two, 1).await);
    world.push(one, "sent, not acknowledged");
    link.push().await;
    let ports = std::sync::Arc::clone(&world.ports);
    let (close, ()) = tokio::join!(link.expect_close(CloseCode::Drain), world.stop());
    assert_eq!(close.code, CloseCode::Drain as i32);
    for device in [one, two] {
        assert_eq!(ports.mailbox_of(device).route, None);
    }
    assert_eq!(ports.mailbox_of(one).sent, 1, "it may have been seen");
    assert!(ports.leases.lock().unwrap().is_empty());
}
