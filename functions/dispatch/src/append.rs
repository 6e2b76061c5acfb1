//! An entry for the feed of an app, and the hint that makes gateways read it.

use futures_util::future::join_all;
use homing_domain::limits::FEED_PAGE_MAX;
use homing_domain::{
    AppId, FeedAction, FeedEntry, FeedHint, FeedJob, FeedOffset, GatewayRef, MessageId, Millis, Notice, UnixMillis,
};
use homing_ports::{Created, StageError, Vendors};

use crate::cache::Rendered;
use crate::{Dispatch, Ports};

/// Gateways that are told at the same time.
const HINTS_AT_ONCE: usize = 32;

/// Entries at the beginning of a feed that one append looks at to drop them: more than one by far, so that the feed shrinks
/// to what lives, and a short read.
const TRIM_AT_ONCE: usize = 32;

/// Entries stay so long after they expired: whoever appends looks for an entry of its own, and its clock may be behind.
const TRIM_AFTER_EXPIRY: Millis = 60_000;

impl<P: Ports, V: Vendors> Dispatch<P, V> {
    /// Puts the entry unless it is there, and tells the gateways in any case: an earlier run may have died in between.
    pub(crate) async fn append(&self, job: FeedJob) -> Result<(), StageError> {
        let message = self.messages.read_anew(&*self.ports, job.message).await?;
        let Some(feed_after) = message.feed_after else {
            return Err(StageError::poison("the message is in no feed"));
        };
        let now = self.ports.now();
        // Nobody needs to be told of what nobody gets.
        if now >= message.expires_at || (job.action == FeedAction::Bring && message.flow.is_stopped()) {
            return Ok(());
        }
        let Some(offset) = self.put_once(&message, job.action, feed_after).await? else {
            return Ok(());
        };
        tracing::info!(message = %message.id, app = %message.app, offset, action = job.action.name(), "in the feed");
        self.hint(&message.app, offset, now).await?;
        self.drop_expired(&message.app, offset, now).await
    }

    /// The entry's offset. `None`: the message was stopped first, and is not brought any more.
    async fn put_once(
        &self,
        message: &Rendered,
        action: FeedAction,
        feed_after: FeedOffset,
    ) -> Result<Option<FeedOffset>, StageError> {
        let entry = FeedEntry { message: message.id, action, expires_at: message.expires_at };
        let mut last = feed_after;
        loop {
            let page = self.ports.feed_entries(&message.app, last, FEED_PAGE_MAX).await?;
            let is_full = page.len() >= FEED_PAGE_MAX;
            for (offset, present) in page {
                if present.message == entry.message && present.action == action {
                    return Ok(Some(offset));
                }
                // Whoever stopped it did so after this job read the message.
                if is_stop_of(&present, entry.message) {
                    return Ok(None);
                }
                last = offset;
            }
            // After the last there is a hole for it, unless somebody else fills that first.
            if !is_full && self.ports.put_feed_entry(&message.app, last + 1, entry).await? == Created::New {
                return Ok(Some(last + 1));
            }
        }
    }

    /// Tells every gateway with a valid lease. Read anew: a gateway that began a moment ago may have read the feed already.
    async fn hint(&self, app: &AppId, offset: FeedOffset, now: UnixMillis) -> Result<(), StageError> {
        let leases = self.ports.leases().await?.into_iter();
        let alive: Vec<_> = leases.filter(|lease| now < lease.expires_at).map(|lease| lease.gateway).collect();
        for some in alive.chunks(HINTS_AT_ONCE) {
            join_all(some.iter().map(|gateway| self.hint_one(*gateway, app, offset))).await;
        }
        Ok(())
    }

    async fn hint_one(&self, gateway: GatewayRef, app: &AppId, offset: FeedOffset) {
        let notice = Notice::Feed(FeedHint { app: app.clone(), offset });
        if let Err(error) = self.ports.notify(gateway, vec![notice]).await {
            // It reads its feeds again by and by.
            tracing::warn!(%gateway, %app, offset, %error, "a gateway was not told of a new entry in a feed");
        }
    }

    /// Drops what expired at the beginning of the feed, below an entry that is there: so never the head.
    async fn drop_expired(&self, app: &AppId, below: FeedOffset, now: UnixMillis) -> Result<(), StageError> {
        let oldest = self.ports.feed_entries(app, 0, TRIM_AT_ONCE).await?.into_iter();
        let is_over = |(offset, entry): &(FeedOffset, FeedEntry)| {
            *offset < below && entry.expires_at.plus(TRIM_AFTER_EXPIRY) <= now
        };
        match oldest.take_while(is_over).last() {
            Some((through, _)) => Ok(self.ports.trim_feed(app, through).await?),
            None => Ok(()),
        }
    }
}

fn is_stop_of(entry: &FeedEntry, message: MessageId) -> bool {
    entry.message == message && entry.action == FeedAction::Stop
}
