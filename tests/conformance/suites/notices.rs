//! Notices to gateways.

use std::time::Duration;

use bytes::Bytes;
use homing_domain::{ConnSeq, HandOff, HandOffTarget, Notice, Priority, PushBody, UnixMillis};
use homing_ports::{Fault, Gateways, NoticeSource, Notices};

use crate::adapter::Adapter;
use crate::values::{device_id, gateway, lease, message_id};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn every_kind() -> Vec<Notice> {
    let (device, conn_seq) = (device_id(1), 3);
    let body = PushBody {
        message: message_id(1),
        accepted_at: UnixMillis(1),
        expires_at: UnixMillis(2),
        priority: Priority::High,
        collapse_key: Some("k".to_owned()),
        payload: Bytes::from_static(b"{}"),
        recalls: None,
    };
    let targets = vec![HandOffTarget { device, conn_seq, seq: 4, enqueued_at: UnixMillis(5) }];
    vec![
        Notice::HandOff(HandOff { body, targets }),
        Notice::Reread { device, conn_seq },
        Notice::Trim { device, conn_seq },
        Notice::Superseded { device, by: 4 },
        Notice::Revoked { device },
        Notice::HeartbeatChanged,
        Notice::Drain { spread: 9 },
    ]
}

fn numbered(conn_seq: ConnSeq) -> Notice {
    Notice::Reread { device: device_id(1), conn_seq }
}

async fn live<A: Adapter>(world: &A, incarnation: u64) {
    let valid = world.now().plus(60_000);
    assert!(world.ports().renew_lease(lease(incarnation, valid)).await.unwrap());
}

pub(crate) async fn they_arrive_in_whole<A: Adapter>(world: &A) {
    let ports = world.ports();
    live(world, 1).await;
    ports.notify(gateway(1), every_kind()).await.unwrap();
    ports.notify(gateway(1), Vec::new()).await.unwrap();
    let mut taken = ports.take_notices(gateway(1), 3, 0).await.unwrap();
    assert_eq!(taken.len(), 3);
    taken.extend(ports.take_notices(gateway(1), 9, 0).await.unwrap());
    assert_eq!(taken, every_kind());
    assert!(ports.take_notices(gateway(1), 9, 0).await.unwrap().is_empty());
}

pub(crate) async fn an_unknown_incarnation_swallows<A: Adapter>(world: &A) {
    let ports = world.ports();
    ports.notify(gateway(1), vec![numbered(1)]).await.unwrap();
    live(world, 1).await;
    live(world, 2).await;
    ports.notify(gateway(1), vec![numbered(2)]).await.unwrap();
    ports.notify(gateway(2), vec![numbered(3)]).await.unwrap();
    assert!(ports.take_notices(gateway(1), 9, 0).await.unwrap().is_empty());
    assert_eq!(ports.take_notices(gateway(2), 9, 0).await.unwrap(), [numbered(3)]);
    ports.end_lease(gateway(2)).await.unwrap();
    ports.notify(gateway(2), vec![numbered(4)]).await.unwrap();
    assert!(ports.take_notices(gateway(2), 9, 0).await.unwrap().is_empty());
}

pub(crate) async fn take_waits_for_the_first<A: Adapter>(world: &A) {
    let ports = world.ports();
    // Waiting may begin before the first lease does.
    let waiting = tokio::spawn({
        let ports = ports.clone();
        async move { ports.take_notices(gateway(1), 9, 20_000).await.unwrap() }
    });
    tokio::task::yield_now().await;
    live(world, 1).await;
    ports.notify(gateway(1), vec![numbered(1)]).await.unwrap();
    assert_eq!(tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap(), [numbered(1)]);
    let patient = tokio::time::timeout(PATIENCE, ports.take_notices(gateway(1), 9, 30)).await.unwrap();
    assert!(patient.unwrap().is_empty());
}

pub(crate) async fn a_full_inbox_asks_to_try_again<A: Adapter>(world: &A) {
    /// More than any inbox should hold.
    const MANY: u64 = 1_000_000;
    let ports = world.ports();
    live(world, 1).await;
    let mut sent = 0;
    let refused = loop {
        assert!(sent < MANY, "an inbox without a limit");
        match ports.notify(gateway(1), (0..100).map(|n| numbered(sent + n)).collect()).await {
            Ok(()) => sent += 100,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.fault, Fault::Retry);
    let taken = ports.take_notices(gateway(1), 100, 0).await.unwrap();
    assert_eq!(taken.first(), Some(&numbered(0)), "what was taken in stays");
    ports.notify(gateway(1), vec![numbered(sent)]).await.unwrap();
}
