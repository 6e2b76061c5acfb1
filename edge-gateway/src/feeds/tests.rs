use std::sync::atomic::{AtomicU32, Ordering};

use homing_domain::limits::FEED_PAGE_MAX;
use homing_domain::{FeedAction, FeedEntry, FeedOffset, MessageId, UnixMillis};
use homing_ports::{Clock, Created, Error, Fault, Feeds, Result};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::*;

const NOW: UnixMillis = UnixMillis(1_000);

/// One feed. Each read waits for leave.
struct Ports {
    entries: Mutex<Vec<(FeedOffset, FeedEntry)>>,
    leave: Semaphore,
    reads: AtomicU32,
    is_down: Mutex<bool>,
}

impl Ports {
    fn with(entries: FeedOffset) -> Arc<Self> {
        let entries = (1..=entries).map(entry).collect();
        Arc::new(Self {
            entries: Mutex::new(entries),
            leave: Semaphore::new(0),
            reads: AtomicU32::new(0),
            is_down: Mutex::new(false),
        })
    }

    fn reads(&self) -> u32 {
        self.reads.load(Ordering::Relaxed)
    }
}

impl Clock for Ports {
    fn now(&self) -> UnixMillis {
        NOW
    }
}

impl Feeds for Ports {
    async fn feed_head(&self, _: &AppId) -> Result<FeedOffset> {
        Err(Error::new(Fault::Broken, "nothing here calls this"))
    }

    async fn put_feed_entry(&self, _: &AppId, _: FeedOffset, _: FeedEntry) -> Result<Created> {
        Err(Error::new(Fault::Broken, "nothing here calls this"))
    }

    async fn feed_entries(&self, _: &AppId, after: FeedOffset, limit: usize) -> Result<Vec<(FeedOffset, FeedEntry)>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.leave.acquire().await.unwrap().forget();
        if *self.is_down.lock().unwrap() {
            return Err(Error::new(Fault::Retry, "read the feed"));
        }
        let entries = self.entries.lock().unwrap();
        Ok(entries.iter().filter(|(offset, _)| *offset > after).take(limit).copied().collect())
    }

    async fn trim_feed(&self, _: &AppId, _: FeedOffset) -> Result<()> {
        Err(Error::new(Fault::Broken, "nothing here calls this"))
    }
}

fn entry(offset: FeedOffset) -> (FeedOffset, FeedEntry) {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&offset.to_be_bytes());
    let message = MessageId::from_bytes(id);
    (offset, FeedEntry { message, action: FeedAction::Bring, expires_at: UnixMillis::NEVER })
}

fn app(name: &str) -> AppId {
    name.parse().unwrap()
}

/// Runs every task as far as it comes.
async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

/// A device that was never here asks.
fn ask(ports: &Arc<Ports>, feed: &Arc<AppFeed>) -> JoinHandle<bool> {
    let (ports, feed) = (Arc::clone(ports), Arc::clone(feed));
    tokio::spawn(async move { feed.catch_up(&*ports, 0).await.is_ok() })
}

/// A hint asks.
fn hint(ports: &Arc<Ports>, feed: &Arc<AppFeed>) -> JoinHandle<bool> {
    let (ports, feed) = (Arc::clone(ports), Arc::clone(feed));
    tokio::spawn(async move { feed.read(&*ports).await.is_ok() })
}

#[tokio::test]
async fn however_many_ask_at_one_moment_it_is_read_once() {
    let (feeds, ports) = (AppFeeds::default(), Ports::with(3));
    let link = feeds.join(&app("demo"), &Arc::default());
    assert!(link.feed().must_read(0));
    let asking: Vec<_> = (0..1_000).map(|_| ask(&ports, link.feed())).collect();
    settle().await;
    ports.leave.add_permits(1_000);
    for asking in asking {
        assert!(asking.await.unwrap());
    }
    assert_eq!(ports.reads(), 1);
    assert!(!link.feed().must_read(3) && link.feed().must_read(4));
}

#[tokio::test]
async fn a_hint_while_it_is_read_may_have_come_too_late_for_that() {
    let (feeds, ports) = (AppFeeds::default(), Ports::with(3));
    let link = feeds.join(&app("demo"), &Arc::default());
    let first = hint(&ports, link.feed());
    settle().await;
    let others: Vec<_> = (0..10).map(|_| hint(&ports, link.feed())).collect();
    settle().await;
    ports.leave.add_permits(10);
    for asking in others.into_iter().chain([first]) {
        assert!(asking.await.unwrap());
    }
    assert_eq!(ports.reads(), 2);
}

#[tokio::test]
async fn a_read_that_fails_fails_for_all_who_waited_and_one_that_is_dropped_for_nobody() {
    let (feeds, ports) = (AppFeeds::default(), Ports::with(3));
    let link = feeds.join(&app("demo"), &Arc::default());
    *ports.is_down.lock().unwrap() = true;
    let asking: Vec<_> = (0..100).map(|_| ask(&ports, link.feed())).collect();
    settle().await;
    ports.leave.add_permits(2);
    for asking in asking {
        assert!(!asking.await.unwrap());
    }
    assert_eq!((ports.reads(), link.feed().must_read(0)), (2, true), "the first one's, and one for who came after it");
    *ports.is_down.lock().unwrap() = false;
    let mut asking: Vec<_> = (0..100).map(|_| ask(&ports, link.feed())).collect();
    settle().await;
    let first = asking.remove(0);
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    ports.leave.add_permits(1);
    for asking in asking {
        assert!(asking.await.unwrap());
    }
    assert_eq!(ports.reads(), 4);
}

#[tokio::test]
async fn a_long_feed_is_read_in_pages_and_its_links_are_told_what_is_new() {
    let pages = 2 * FEED_PAGE_MAX as FeedOffset;
    let (feeds, ports) = (AppFeeds::default(), Ports::with(pages));
    ports.leave.add_permits(100);
    let handle = Arc::<Handle>::default();
    let link = feeds.join(&app("demo"), &handle);
    let feed = link.feed();
    feed.read(&*ports).await.unwrap();
    assert_eq!((ports.reads(), feed.must_read(pages)), (3, false));
    assert!(!handle.take().feed, "the first read is the answer to its own question");
    assert!(feed.nothing_after(pages, NOW).is_some_and(|page| page.through == pages));
    assert!(feed.nothing_after(pages - 1, NOW).is_none(), "there is a candidate");
    let look = feed.look(0, NOW);
    assert!(look.through < look.head && look.candidates.len() as FeedOffset == look.through);
    let look = feed.look(pages - 5, NOW);
    assert_eq!((look.candidates.len(), look.through, look.head), (5, pages, pages));
    feed.read(&*ports).await.unwrap();
    assert!(!handle.take().feed, "nothing is new");
    ports.entries.lock().unwrap().push(entry(pages + 1));
    feed.read(&*ports).await.unwrap();
    assert!(handle.take().feed);
}

#[tokio::test]
async fn what_a_dropped_read_found_is_told_by_the_next() {
    let (feeds, ports) = (AppFeeds::default(), Ports::with(1));
    let handle = Arc::<Handle>::default();
    let link = feeds.join(&app("demo"), &handle);
    ports.leave.add_permits(1);
    link.feed().read(&*ports).await.unwrap();
    let page = FEED_PAGE_MAX as FeedOffset;
    ports.entries.lock().unwrap().extend((2..2 + page).map(entry));
    let dropped = hint(&ports, link.feed());
    ports.leave.add_permits(1);
    settle().await;
    assert_eq!((ports.reads(), link.feed().must_read(1 + page)), (3, false), "it waits for the second page");
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());
    ports.leave.add_permits(1);
    link.feed().read(&*ports).await.unwrap();
    assert!(handle.take().feed);
}

#[tokio::test]
async fn one_hint_of_many_makes_one_read() {
    let (feeds, ports) = (AppFeeds::default(), Ports::with(3));
    ports.leave.add_permits(100);
    let link = feeds.join(&app("demo"), &Arc::default());
    let feed = link.feed();
    assert!(feed.is_news(3));
    assert!(!feed.is_news(3), "somebody is about to read");
    feed.read(&*ports).await.unwrap();
    assert!(!feed.is_news(3), "it is known");
    assert!(feed.is_news(4));
}

#[tokio::test]
async fn a_feed_without_links_is_not_believed_and_forgotten_in_the_second_round() {
    let (feeds, ports) = (AppFeeds::default(), Ports::with(3));
    ports.leave.add_permits(100);
    let name = app("demo");
    let links = [feeds.join(&name, &Arc::default()), feeds.join(&name, &Arc::default())];
    links[0].feed().read(&*ports).await.unwrap();
    assert_eq!(feeds.begin_round().len(), 1);
    let feed = feeds.feed(&name).unwrap();
    drop(links);
    assert!(feed.must_read(0) && feed.nothing_after(3, NOW).is_none());
    assert!(!feed.is_news(9), "nobody wants to know");
    assert_eq!(feeds.begin_round().len(), 0);
    let again = feeds.join(&name, &Arc::default());
    assert!(Arc::ptr_eq(again.feed(), &feed), "what was read is not read again");
    feed.read(&*ports).await.unwrap();
    assert_eq!(ports.reads(), 2);
    drop(again);
    feeds.begin_round();
    feeds.begin_round();
    assert!(feeds.feed(&name).is_none());
}

#[test]
fn the_feeds_without_links_are_bounded() {
    let feeds = AppFeeds::default();
    let stays = feeds.join(&app("stays"), &Arc::default());
    for n in 0..3 * IDLE_FEEDS_MAX {
        drop(feeds.join(&app(&format!("app-{n}")), &Arc::default()));
        assert!(feeds.feeds().len() <= IDLE_FEEDS_MAX);
    }
    assert!(feeds.feed(&app("stays")).is_some_and(|feed| feed.has_links()));
    drop(stays);
}
