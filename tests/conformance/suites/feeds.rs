//! Feeds: dense, one entry an offset, and never without their head.

use futures_util::future::join_all;
use homing_domain::limits::FEED_PAGE_MAX;
use homing_domain::{FeedAction, FeedEntry, FeedOffset, UnixMillis};
use homing_ports::{Created, Feeds};

use crate::adapter::{Adapter, Ports};
use crate::values::{app_id, feed_entry};

/// Puts entries 1 to `count`, of messages 1 to `count`.
async fn filled(ports: &impl Ports, app: &str, count: u32) {
    for n in 1..=count {
        let put = ports.put_feed_entry(&app_id(app), n.into(), feed_entry(n)).await.unwrap();
        assert_eq!(put, Created::New);
    }
}

async fn offsets(ports: &impl Ports, app: &str) -> Vec<FeedOffset> {
    let entries = ports.feed_entries(&app_id(app), 0, FEED_PAGE_MAX).await.unwrap();
    entries.into_iter().map(|(offset, _)| offset).collect()
}

pub(crate) async fn an_offset_is_put_once<A: Adapter>(world: &A) {
    let ports = world.ports();
    let shop = app_id("shop");
    assert_eq!(ports.feed_head(&shop).await.unwrap(), 0, "there never was one");
    assert!(ports.feed_entries(&shop, 0, 9).await.unwrap().is_empty());
    assert_eq!(ports.put_feed_entry(&shop, 1, feed_entry(1)).await.unwrap(), Created::New);
    assert_eq!(ports.put_feed_entry(&shop, 1, feed_entry(2)).await.unwrap(), Created::Exists);
    assert_eq!(ports.put_feed_entry(&shop, 1, feed_entry(1)).await.unwrap(), Created::Exists, "nor by a repeat");
    assert_eq!(ports.feed_entries(&shop, 0, 9).await.unwrap(), [(1, feed_entry(1))]);
    // Apps whose names begin alike have feeds of their own.
    for other in ["sho", "shop-2"] {
        assert_eq!(ports.feed_head(&app_id(other)).await.unwrap(), 0);
        filled(ports, other, 3).await;
    }
    assert_eq!(ports.feed_head(&shop).await.unwrap(), 1);
    assert_eq!(offsets(ports, "shop").await, [1]);
    assert_eq!(offsets(ports, "shop-2").await, [1, 2, 3]);
}

pub(crate) async fn every_field_comes_back<A: Adapter>(world: &A) {
    let ports = world.ports();
    let longest = app_id(&"a".repeat(homing_domain::limits::APP_ID_MAX_BYTES));
    let entries = [
        feed_entry(u32::MAX),
        FeedEntry { action: FeedAction::Stop, ..feed_entry(1) },
        FeedEntry { expires_at: UnixMillis::NEVER, ..feed_entry(2) },
    ];
    // As far on as a feed ever gets: it sorts as a number.
    for (offset, entry) in [255, 256, 1 << 40].into_iter().zip(entries) {
        assert_eq!(ports.put_feed_entry(&longest, offset, entry).await.unwrap(), Created::New);
        assert_eq!(ports.feed_head(&longest).await.unwrap(), offset);
        assert_eq!(ports.feed_entries(&longest, offset - 1, 9).await.unwrap(), [(offset, entry)]);
    }
}

pub(crate) async fn entries_come_in_pages<A: Adapter>(world: &A) {
    let ports = world.ports();
    filled(ports, "shop", 10).await;
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let page = ports.feed_entries(&app_id("shop"), after, 3).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        assert!(page.len() <= 3);
        after = *last;
        found.extend(page);
    }
    let expected: Vec<_> = (1..=10).map(|n| (FeedOffset::from(n), feed_entry(n))).collect();
    assert_eq!(found, expected);
    assert_eq!(ports.feed_entries(&app_id("shop"), 7, 2).await.unwrap(), expected[7..9]);
}

pub(crate) async fn a_trim_leaves_the_head<A: Adapter>(world: &A) {
    const ENTRIES: u32 = 90;
    let ports = world.ports();
    let shop = app_id("shop");
    ports.trim_feed(&shop, 0).await.unwrap();
    filled(ports, "shop", ENTRIES).await;
    filled(ports, "shop-2", 2).await;
    ports.trim_feed(&shop, 2).await.unwrap();
    assert!(offsets(ports, "shop").await.ends_with(&[88, 89, 90]), "only what was said");
    let head = FeedOffset::from(ENTRIES);
    // A call may drop only some.
    for _ in 0..ENTRIES {
        ports.trim_feed(&shop, head - 1).await.unwrap();
        if offsets(ports, "shop").await.len() == 1 {
            break;
        }
    }
    assert_eq!(offsets(ports, "shop").await, [head]);
    assert_eq!(ports.feed_head(&shop).await.unwrap(), head);
    ports.trim_feed(&shop, head - 1).await.unwrap();
    let next = ports.put_feed_entry(&shop, head + 1, feed_entry(1)).await.unwrap();
    assert_eq!((next, ports.feed_head(&shop).await.unwrap()), (Created::New, head + 1));
    assert_eq!(offsets(ports, "shop-2").await, [1, 2], "another's stays");
}

/// As a worker appends: the next offset that nobody has.
async fn append(ports: &impl Ports, message: u32) -> FeedOffset {
    let shop = app_id("shop");
    let mut offset = ports.feed_head(&shop).await.unwrap() + 1;
    while ports.put_feed_entry(&shop, offset, feed_entry(message)).await.unwrap() == Created::Exists {
        offset += 1;
    }
    offset
}

pub(crate) async fn of_two_writers_one_puts<A: Adapter>(world: &A) {
    const WRITERS: u32 = 16;
    let ports = world.ports();
    for offset in 1..=8 {
        let shop = app_id("shop");
        let rivals = join_all((1..=4).map(|n| ports.put_feed_entry(&shop, offset, feed_entry(n)))).await;
        let won: Vec<bool> = rivals.into_iter().map(|put| put.unwrap() == Created::New).collect();
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "at offset {offset}");
        let (_, stands) = ports.feed_entries(&app_id("shop"), offset - 1, 1).await.unwrap().remove(0);
        let winner = won.iter().position(|won| *won).unwrap();
        assert_eq!(stands, feed_entry(u32::try_from(winner).unwrap() + 1), "what the winner put");
    }
    let mut appended = join_all((1..=WRITERS).map(|n| append(ports, 100 + n))).await;
    appended.sort_unstable();
    let after: Vec<FeedOffset> = (9..9 + FeedOffset::from(WRITERS)).collect();
    assert_eq!(appended, after, "dense, and each its own");
    assert_eq!(offsets(ports, "shop").await.len(), 8 + after.len());
}
