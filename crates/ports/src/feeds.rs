//! The feed of each app: what is meant for many, written once.
//!
//! The order is the offsets'. Whoever appends reads how far the feed goes, puts the next offset, and begins again when
//! somebody else put it first; so there is no counter, and no hole that is filled later. Every call here sees what was put
//! before.

use std::future::Future;

use homing_domain::{AppId, FeedEntry, FeedOffset};

use crate::{Created, Result};

/// The feeds.
pub trait Feeds: Send + Sync {
    /// The offset of the last entry; 0 = there never was one.
    fn feed_head(&self, app: &AppId) -> impl Future<Output = Result<FeedOffset>> + Send;

    /// Puts an entry at an offset unless one is there. The caller knows that the one before is there.
    fn put_feed_entry(
        &self,
        app: &AppId,
        offset: FeedOffset,
        entry: FeedEntry,
    ) -> impl Future<Output = Result<Created>> + Send;

    /// Entries after an offset in order, at most `limit` ([`homing_domain::limits::FEED_PAGE_MAX`]). The first may be far
    /// after: what expired is dropped.
    fn feed_entries(
        &self,
        app: &AppId,
        after: FeedOffset,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(FeedOffset, FeedEntry)>>> + Send;

    /// Drops entries up to this offset, which must be below the head: a feed that lost its head would begin anew. May drop
    /// only some of them.
    fn trim_feed(&self, app: &AppId, through: FeedOffset) -> impl Future<Output = Result<()>> + Send;
}
