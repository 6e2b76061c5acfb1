//! When a device was last here.

use std::sync::atomic::Ordering;

use homing_domain::UnixMillis;
use homing_link::Transport;

use crate::raw::Raw;
use crate::world::World;

const DAY: u64 = 24 * 3_600_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_noted_once_a_day_however_often_it_comes() {
    let world = World::new().await;
    let device = world.register(1);
    let noted = |world: &World| world.ports.seen.lock().unwrap().clone();
    let mut links = vec![Raw::join(&world, Transport::Tcp, device, 1).await];
    world.ports.until("the first note", |ports| (ports.seen.lock().unwrap().len() == 1).then_some(())).await;
    let first = world.ports.mailbox_of(device).seen_at;
    for conn_seq in 2..=4 {
        links.push(Raw::join(&world, Transport::Quic, device, conn_seq).await);
    }
    world.ports.ahead.fetch_add(DAY, Ordering::Relaxed);
    links.push(Raw::join(&world, Transport::Tcp, device, 5).await);
    // Notes of the visits between would have come before this one.
    world.ports.until("the next day's", |ports| (ports.seen.lock().unwrap().len() > 1).then_some(())).await;
    let [(_, at), (again, later)] = noted(&world)[..] else { panic!("{:?}", noted(&world)) };
    assert_eq!(again, device);
    assert!(at.since(first) < 10_000 && later.since(at) >= DAY, "{at:?} {later:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_does_not_answer_holds_no_link_up() {
    let world = World::new().await;
    world.ports.is_directory_stuck.store(true, Ordering::Relaxed);
    let device = world.register(1);
    let mut link = Raw::join(&world, Transport::Quic, device, 1).await;
    world.push(device, "delivered");
    assert_eq!(link.push().await.seq, 1);
    assert_eq!(*world.ports.seen.lock().unwrap(), [] as [(_, UnixMillis); 0]);
    world.stop().await;
}
