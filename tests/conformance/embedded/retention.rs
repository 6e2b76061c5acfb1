//! The sweep: what is too old goes with all that belongs to it, and nothing else does.

use bytes::Bytes;
use homing_domain::limits::{HISTORY_KEPT_FOR, UPLOAD_KEPT_FOR};
use homing_domain::{Audience, Message, Receipt, Stage, UnixMillis, UploadedAudience, Upstream};
use homing_ports::{Audiences, Created, Ledger, Messages, Outgoing, QueueName, Queues, Upstreams};

use super::Embedded;
use crate::adapter::Adapter;
use crate::values::{
    app_id, audience_id, batch_id, delivered, device_id, member, message, message_id, shard, uploaded, upstream,
};

/// Deliveries of one message: more than a page of the sweep.
const DEVICES: u32 = 2_500;

async fn fill(world: &Embedded, n: u32) {
    let store = world.ports();
    let accepted = Message { accepted_at: world.now(), ..message(n, "shop", Audience::All) };
    store.accept(accepted).await.unwrap();
    store.put_shard(shard(n, n)).await.unwrap();
    store.count_targets(shard(n, n).id, message_id(n), 3, 0).await.unwrap();
    for first in (0..DEVICES).step_by(500) {
        let receipts: Vec<Receipt> = (first..first + 500).map(|device| delivered(n, device)).collect();
        store.record(batch_id(first + n), receipts, homing_domain::Snapshots::default()).await.unwrap();
    }
    let upstream = Upstream { received_at: world.now(), ..upstream(1, u64::from(n)) };
    store.store_upstream(upstream).await.unwrap();
}

async fn is_gone(world: &Embedded, n: u32) -> bool {
    let store = world.ports();
    let traces = [
        store.message(message_id(n)).await.unwrap().is_some(),
        !store.shards(message_id(n), None, 1).await.unwrap().is_empty(),
        !store.deliveries(message_id(n), None, 1).await.unwrap().is_empty(),
        !store.tally(message_id(n)).await.unwrap().is_empty(),
        store.messages_of_app(&app_id("shop"), None, 99).await.unwrap().iter().any(|row| row.id == message_id(n)),
        store.overdue(UnixMillis::NEVER, 99).await.unwrap().contains(&message_id(n)),
        store.upstreams(&app_id("shop"), 0, 99).await.unwrap().iter().any(|row| row.upstream.id == u64::from(n)),
    ];
    assert!(traces.iter().all(|trace| *trace == traces[0]), "half gone: {traces:?}");
    !traces[0]
}

#[tokio::test]
async fn what_is_too_old_goes_whole() {
    let world = Embedded::open();
    let store = world.ports();
    fill(&world, 1).await;
    world.advance(HISTORY_KEPT_FOR).await;
    fill(&world, 2).await;
    store.sweep(world.now()).await.unwrap();
    assert!(!is_gone(&world, 1).await, "it is exactly as old as is promised");
    world.advance(1).await;
    let swept = store.sweep(world.now()).await.unwrap();
    assert_eq!(swept.items, 2);
    assert!(swept.rows > u64::from(DEVICES));
    assert!(is_gone(&world, 1).await && !is_gone(&world, 2).await);
    assert_eq!(store.sweep(world.now()).await.unwrap().items, 0);
}

#[tokio::test]
async fn receipts_for_nobodys_message_go_too() {
    let world = Embedded::open();
    let store = world.ports();
    store.record(batch_id(1), vec![delivered(9, 1)], homing_domain::Snapshots::default()).await.unwrap();
    store.count_targets(shard(1, 8).id, message_id(8), 3, 0).await.unwrap();
    world.advance(HISTORY_KEPT_FOR + 1).await;
    store.sweep(world.now()).await.unwrap();
    assert_eq!(store.delivery(message_id(9), device_id(1)).await.unwrap(), None);
    assert!(store.tally(message_id(8)).await.unwrap().is_empty());
}

#[tokio::test]
async fn old_dead_letters_go() {
    const QUEUE: QueueName = QueueName::Dispatch;
    let world = Embedded::open();
    let store = world.ports();
    for life in 0..2 {
        store.send(QUEUE, vec![Outgoing::now(Bytes::from(life.to_string()))]).await.unwrap();
        for _ in 0..QUEUE.max_receives() {
            let received = store.receive(QUEUE, 1, 0).await.unwrap();
            store.retry(QUEUE, received[0].handle.clone(), 0, "no").await.unwrap();
        }
        world.advance(HISTORY_KEPT_FOR).await;
    }
    store.sweep(world.now()).await.unwrap();
    let left = store.dead_letters(QUEUE, 9).await.unwrap();
    assert_eq!(left.into_iter().map(|letter| letter.body).collect::<Vec<_>>(), ["1"]);
}

#[tokio::test]
async fn a_scheduled_message_ages_from_its_release() {
    let world = Embedded::open();
    let store = world.ports();
    let scheduled = Message {
        accepted_at: world.now(),
        release_at: Some(world.now().plus(HISTORY_KEPT_FOR)),
        stage: Stage::Scheduled,
        ..message(1, "shop", Audience::All)
    };
    store.accept(scheduled).await.unwrap();
    world.advance(HISTORY_KEPT_FOR * 2).await;
    store.sweep(world.now()).await.unwrap();
    assert!(store.message(message_id(1)).await.unwrap().is_some());
    assert_eq!(store.overdue(UnixMillis::NEVER, 9).await.unwrap(), [message_id(1)]);
    world.advance(1).await;
    store.sweep(world.now()).await.unwrap();
    assert_eq!(store.message(message_id(1)).await.unwrap(), None);
    assert!(store.overdue(UnixMillis::NEVER, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn uploaded_lists_go_when_their_time_is_over_or_they_are_deleted() {
    let world = Embedded::open();
    let store = world.ports();
    let lists = [1, 2, 3].map(|n| uploaded(n, "shop", world.now()));
    for list in &lists {
        store.create_audience(list.clone()).await.unwrap();
        // More than a page of the sweep, in all segments.
        let members = (0..DEVICES).map(|n| member(n.wrapping_mul(0x9e37_79b9))).collect();
        store.add_members(list.id, members).await.unwrap();
    }
    let longer = UploadedAudience { expires_at: lists[0].expires_at.plus(5), ..uploaded(4, "shop", world.now()) };
    store.create_audience(longer).await.unwrap();
    store.delete_audience(audience_id(2)).await.unwrap();
    let is_member = async |n| store.are_members(audience_id(n), vec![member(0).key]).await.unwrap()[0];
    let swept = store.sweep(world.now()).await.unwrap();
    assert_eq!((swept.items, swept.rows), (1, u64::from(DEVICES)), "the deleted one");
    assert!(is_member(1).await && !is_member(2).await);
    world.advance(UPLOAD_KEPT_FOR).await;
    assert_eq!(store.sweep(world.now()).await.unwrap().items, 0, "kept until its very end");
    world.advance(1).await;
    let swept = store.sweep(world.now()).await.unwrap();
    assert_eq!((swept.items, swept.rows), (2, 2 * (u64::from(DEVICES) + 2)));
    assert!(!is_member(1).await && !is_member(3).await);
    assert_eq!(store.create_audience(lists[0].clone()).await.unwrap(), Created::New, "nothing is left of it");
    assert!(store.audience(audience_id(4)).await.unwrap().is_some());
}
