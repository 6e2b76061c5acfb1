//! The feeds of the apps that have links here: read once for all of them.
//!
//! Each link asks what its app's feed has for its device. What was read stands in memory, so a link for which there is
//! nothing costs a lock; for the others the device's row is read, and each message once for all.
//!
//! Memory: a feed is kept while its app has links, which are counted and limited, and for a round or two of reading after
//! that. It holds some 40 bytes for each message that has not expired.

mod app_feed;
mod messages;
mod page;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use homing_domain::{AppId, FeedHint};

pub(crate) use self::app_feed::AppFeed;
use self::messages::FeedMessages;
pub(crate) use self::page::{Asked, Sources, page_for};
use crate::context::Context;
use crate::handle::Handle;
use crate::ports::GatewayPorts;

/// Feeds that are kept while some of them have no links: beyond it, those go at once.
const IDLE_FEEDS_MAX: usize = 1_024;
/// Feeds that are read again at the same time. A store answers within 20 ms, so that 8 make some 12,000 feeds in a round.
const REREADS_AT_ONCE: usize = 8;

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct AppFeeds {
    feeds: Mutex<HashMap<AppId, Arc<AppFeed>>>,
    messages: FeedMessages,
}

/// A link's part in the feed of its app, until it is dropped.
#[derive(Debug)]
pub(crate) struct FeedLink {
    feed: Arc<AppFeed>,
    number: u64,
}

impl FeedLink {
    /// The feed.
    pub(crate) const fn feed(&self) -> &Arc<AppFeed> {
        &self.feed
    }
}

impl Drop for FeedLink {
    fn drop(&mut self) {
        self.feed.leave(self.number);
    }
}

impl AppFeeds {
    /// Their messages.
    pub(crate) const fn messages(&self) -> &FeedMessages {
        &self.messages
    }

    /// A link of this app is live, and is told from now on when the feed has something new.
    pub(crate) fn join(&self, app: &AppId, link: &Arc<Handle>) -> FeedLink {
        let mut feeds = self.feeds();
        if feeds.len() >= IDLE_FEEDS_MAX && !feeds.contains_key(app) {
            feeds.retain(|_, feed| feed.has_links());
        }
        let feed = feeds.entry(app.clone()).or_insert_with(|| Arc::new(AppFeed::new(app.clone())));
        // Under the lock of the map: a feed that is being dropped is not joined.
        FeedLink { number: feed.join(Arc::clone(link)), feed: Arc::clone(feed) }
    }

    /// The feed of an app, if it is kept.
    fn feed(&self, app: &AppId) -> Option<Arc<AppFeed>> {
        self.feeds().get(app).cloned()
    }

    /// The feeds that have links, once those are dropped that had none since the last round.
    fn begin_round(&self) -> Vec<Arc<AppFeed>> {
        let mut feeds = self.feeds();
        feeds.retain(|_, feed| !feed.is_idle_again());
        feeds.values().filter(|feed| feed.has_links()).cloned().collect()
    }

    fn feeds(&self) -> MutexGuard<'_, HashMap<AppId, Arc<AppFeed>>> {
        // No code that runs under this lock can leave it half changed.
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads on in a feed that has something new, in a task of its own: at most one reads and one waits for each app. A hint
/// for an app without links is nothing to anybody, and one whose read fails costs until the next round.
pub(crate) fn hinted<P: GatewayPorts>(context: &Arc<Context<P>>, hint: &FeedHint) {
    let Some(feed) = context.feeds.feed(&hint.app).filter(|feed| feed.is_news(hint.offset)) else {
        return;
    };
    let shared = Arc::clone(context);
    context.links.spawn(async move {
        // What failed is in the log.
        feed.read(&*shared.ports).await.ok();
    });
}

/// Reads all feeds that have links again and again until the gateway ends: hints may be lost.
pub(crate) async fn run<P: GatewayPorts>(context: Arc<Context<P>>) {
    let pause = Duration::from_millis(context.config.feed_reread_every);
    loop {
        tokio::time::sleep(pause).await;
        let reads = context.feeds.begin_round().into_iter().map(|feed| {
            let context = &context;
            async move {
                // What failed is in the log, and is read in the next round.
                feed.read(&*context.ports).await.ok();
            }
        });
        futures_util::stream::iter(reads).for_each_concurrent(REREADS_AT_ONCE, |read| read).await;
    }
}

#[cfg(test)]
mod tests;
