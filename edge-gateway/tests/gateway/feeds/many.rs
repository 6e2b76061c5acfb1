//! A thousand links of one app.

use homing_domain::{Counter, FeedCounts};

use super::*;

const LINKS: u32 = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_to_a_thousand_links_is_read_once() {
    let world = World::with(|config| {
        config.admission.handshakes_per_address_per_second = LINKS;
        config.admission.max_unproven_per_address = LINKS;
    })
    .await;
    let mut links = Vec::new();
    for n in 1..=LINKS {
        let id = world.register_whole(n);
        links.push(Raw::join_feed(&world, Transport::Tcp, id, 1, 0).await);
    }
    let reads = |world: &World| {
        let ports = &world.ports;
        [&ports.feed_reads, &ports.device_reads, &ports.message_reads].map(|reads| reads.load(Ordering::Relaxed))
    };
    assert_eq!(reads(&world), [1, 0, 0], "an empty feed costs one read for all of them");
    let message = world.broadcast("to all");
    for link in &mut links {
        link.expect_feed(&[(1, message)]).await;
    }
    assert_eq!(reads(&world), [2, LINKS, 1]);
    println!("{LINKS} links: feed, device and message reads {:?}", reads(&world));
    for link in &mut links {
        link.ack_feed(1).await;
    }
    let counted = |counts: &[FeedCounts]| {
        let changes = counts.iter().flat_map(|counts| &counts.changes);
        changes.map(|(_, tally)| tally.get(Counter::Targeted)).sum::<i64>()
    };
    let all = world.ports.until("the counts", |ports| {
        let counts = ports.feed_counts();
        (counted(&counts) >= i64::from(LINKS)).then_some(counts)
    });
    let all = all.await;
    assert_eq!(counted(&all), i64::from(LINKS));
    println!("{LINKS} acknowledgements: {} items", all.len());
    world.stop().await;
}
