//! What is acknowledged of a feed is counted.

use homing_domain::FeedCounts;
use homing_domain::limits::FEED_COUNTS_MAX;

use super::*;

fn sum(counts: &[FeedCounts], message: MessageId) -> Tally {
    let mut sum = Tally::default();
    let changes = counts.iter().flat_map(|counts| &counts.changes);
    changes.filter(|(of, _)| *of == message).for_each(|(_, tally)| sum.merge(tally));
    sum
}

#[tokio::test(flavor = "multi_thread")]
async fn each_acknowledgement_counts_once() {
    let world = World::new().await;
    let messages = [world.broadcast("one"), world.broadcast("two")];
    let mut links = Vec::new();
    for n in 1..=3 {
        let id = world.register_whole(n);
        let mut link = Raw::join_feed(&world, BOTH[n as usize % 2], id, 1, 0).await;
        link.expect_feed(&[(1, messages[0]), (2, messages[1])]).await;
        link.ack_feed(if n == 3 { 1 } else { 2 }).await;
        links.push(link);
    }
    let expected = [Tally::of_feed(3), Tally::of_feed(2)];
    let counted = |counts: &[FeedCounts]| messages.map(|message| sum(counts, message)) == expected;
    world.ports.until("the counts", |ports| counted(&ports.feed_counts()).then_some(())).await;
    assert_eq!(world.ports.receipts(), [], "no receipts of single devices");
    // Acknowledged a second time, and on the next link not again.
    links[0].ack_feed(2).await;
    drop(links);
    let mut link = Raw::join_feed(&world, Transport::Tcp, device(1), 2, 2).await;
    link.ack_feed(2).await;
    let ports = std::sync::Arc::clone(&world.ports);
    world.stop().await;
    assert!(counted(&ports.feed_counts()), "{:?}", ports.feed_counts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_was_away_gets_the_same_item() {
    let world = World::new().await;
    let message = world.broadcast("text");
    let id = world.register_whole(1);
    let mut link = Raw::join_feed(&world, Transport::Quic, id, 1, 0).await;
    link.expect_feed(&[(1, message)]).await;
    world.ports.is_queue_down.store(true, Ordering::Relaxed);
    link.ack_feed(1).await;
    let refused = world.ports.until("two tries", |ports| {
        let refused = ports.refused.lock().unwrap();
        (refused.len() >= 2).then(|| refused.clone())
    });
    let refused = refused.await;
    assert!(refused.iter().all(|body| *body == refused[0]));
    world.ports.is_queue_down.store(false, Ordering::Relaxed);
    let counts = world.ports.until("the counts", |ports| Some(ports.feed_counts()).filter(|counts| !counts.is_empty()));
    assert_eq!(counts.await.len(), 1);
    assert_eq!(world.ports.queues.lock().unwrap()[0].1, refused[0]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_sent_yet_is_sent_at_the_end() {
    let world = World::new().await;
    let messages: Vec<_> = (0..FEED_COUNTS_MAX + 1).map(|_| world.broadcast_unhinted("text", |_| {})).collect();
    let id = world.register_whole(1);
    let mut link = Raw::join_feed(&world, Transport::Tcp, id, 1, 0).await;
    for (offset, message) in (1..).zip(&messages) {
        link.expect_feed(&[(offset, *message)]).await;
        if offset % 16 == 0 {
            link.ack_feed(offset).await;
        }
    }
    let last = messages.len() as FeedOffset;
    link.ack_feed(last).await;
    // The answer shows that the acknowledgement was heard.
    link.ask_place().await;
    // Nobody is waited for: the gateway ends before the next flush.
    drop(link);
    let ports = std::sync::Arc::clone(&world.ports);
    world.stop().await;
    let counts = ports.feed_counts();
    assert!(counts.iter().all(|counts| counts.changes.len() <= FEED_COUNTS_MAX));
    for message in messages {
        assert_eq!(sum(&counts, message), Tally::of_feed(1));
    }
    let ids: std::collections::BTreeSet<_> = counts.iter().map(|counts| counts.id).collect();
    assert_eq!(ids.len(), counts.len(), "each batch has an id of its own");
}
