//! Messages in numbers: lists over many partitions and batches, and the last of many segments.

use bytes::Bytes;
use futures_util::future::join_all;
use homing_domain::limits::FANOUT_SEGMENTS;
use homing_domain::{Audience, Message, MessageId, Stage, UnixMillis};
use homing_ports::Messages;

use super::Aws;
use crate::adapter::Adapter;
use crate::values::{app_id, device_id, message, message_id};

/// More than one batch of keys holds.
const MESSAGES: u32 = 230;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_list_is_whole_and_in_order() {
    let world = Aws::start().await;
    let ports = world.ports();
    let sent: Vec<Message> = (1..=MESSAGES)
        .map(|n| {
            // Some stand in one item, some in two.
            let payload = Bytes::from(vec![b'p'; if n % 3 == 0 { 700 } else { 7 }]);
            Message { payload, ..message(n, "shop", Audience::Devices(vec![device_id(n)])) }
        })
        .collect();
    for some in sent.chunks(32) {
        join_all(some.iter().map(|message| ports.accept(message.clone()))).await.into_iter().for_each(|accepted| {
            accepted.unwrap();
        });
    }
    let newest_first: Vec<_> = sent.into_iter().rev().collect();
    assert_eq!(ports.messages_of_app(&app_id("shop"), None, 1_000).await.unwrap(), newest_first);
    let of_120 = ports.messages_of_app(&app_id("shop"), None, 120).await.unwrap();
    let last = of_120.last().unwrap();
    let rest = ports.messages_of_app(&app_id("shop"), Some((last.accepted_at, last.id)), 120).await.unwrap();
    assert_eq!([of_120, rest].concat(), newest_first);

    let overdue = ports.overdue(UnixMillis::NEVER, 1_000).await.unwrap();
    let by_time: Vec<MessageId> = (1..=MESSAGES).map(message_id).collect();
    assert_eq!(overdue, by_time, "whatever partitions they stand in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_workers_that_finish_at_once_one_releases() {
    let world = Aws::start().await;
    let ports = world.ports();
    ports.accept(message(1, "shop", Audience::All)).await.unwrap();
    ports.begin_release(message_id(1), UnixMillis(2_000), None).await.unwrap();
    let finished = (0..FANOUT_SEGMENTS).map(|segment| {
        let now = UnixMillis(3_000 + u64::from(segment));
        ports.finish_segment(message_id(1), segment, now)
    });
    let finished: Vec<Message> = join_all(finished).await.into_iter().map(|done| done.unwrap().unwrap()).collect();
    let stored = ports.message(message_id(1)).await.unwrap().unwrap();
    assert_eq!((stored.stage, stored.segments_done), (Stage::Released, u64::MAX));
    let released: Vec<_> = finished.into_iter().filter(|message| message.stage == Stage::Released).collect();
    assert!(!released.is_empty() && released.iter().all(|message| *message == stored), "all who saw it saw one");
}
