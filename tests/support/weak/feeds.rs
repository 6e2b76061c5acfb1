//! Feeds: entries by offset, and what must hold of them.

use std::collections::{BTreeMap, BTreeSet};

use homing_domain::{AppId, FeedAction, FeedEntry, FeedOffset, MessageId, UnixMillis};
use homing_ports::{Created, Feeds, Result};

use super::{State, Weak, Weakness};

/// The feeds, and what is counted to check them.
#[derive(Debug, Default)]
pub struct FeedState {
    /// Entries.
    pub entries: BTreeMap<(AppId, FeedOffset), FeedEntry>,
    /// How many acknowledgements of each message gateways have taken, and so will count.
    pub acknowledged: BTreeMap<MessageId, u32>,
    /// How many of them died with their gateway: they may be counted or not.
    pub in_flight: BTreeMap<MessageId, u32>,
    /// When a stop entered the feed.
    pub stopped_at: BTreeMap<MessageId, UnixMillis>,
    heads: BTreeMap<AppId, FeedOffset>,
    known: BTreeSet<(MessageId, &'static str)>,
}

impl State {
    fn put_entry(&mut self, app: AppId, offset: FeedOffset, entry: FeedEntry) -> Created {
        let head = self.feeds.heads.get(&app).copied().unwrap_or(0);
        let overwrites = self.weakness == Weakness::FeedOverwrites;
        if offset <= head && !overwrites {
            self.coverage.hit("feed", "somebody else was first");
            return Created::Exists;
        }
        if offset > head + 1 {
            self.check.violated(format!("offset {offset} is put although the feed goes to {head}"));
        }
        if !self.feeds.known.insert((entry.message, entry.action.name())) {
            self.check.violated(format!("{} is in the feed twice ({})", entry.message, entry.action.name()));
        }
        self.coverage.hit("feed", entry.action.name());
        self.trace(|| format!("  feed {offset}: {} {}", entry.action.name(), entry.message));
        if entry.action == FeedAction::Stop {
            let now = self.now;
            self.feeds.stopped_at.insert(entry.message, now);
        }
        self.feeds.heads.insert(app.clone(), head.max(offset));
        self.feeds.entries.insert((app, offset), entry);
        Created::New
    }
}

impl Feeds for Weak {
    async fn feed_head(&self, app: &AppId) -> Result<FeedOffset> {
        let app = app.clone();
        self.call("read the head of a feed", move |state| Ok(state.feeds.heads.get(&app).copied().unwrap_or(0))).await
    }

    async fn put_feed_entry(&self, app: &AppId, offset: FeedOffset, entry: FeedEntry) -> Result<Created> {
        let app = app.clone();
        self.call("put a feed entry", move |state| Ok(state.put_entry(app, offset, entry))).await
    }

    async fn feed_entries(&self, app: &AppId, after: FeedOffset, limit: usize) -> Result<Vec<(FeedOffset, FeedEntry)>> {
        let app = app.clone();
        self.call("read a feed", move |state| {
            let entries = state.feeds.entries.range((app.clone(), after + 1)..=(app, FeedOffset::MAX));
            Ok(entries.map(|((_, offset), entry)| (*offset, *entry)).take(limit).collect())
        })
        .await
    }

    async fn trim_feed(&self, app: &AppId, through: FeedOffset) -> Result<()> {
        let app = app.clone();
        self.call("trim a feed", move |state| {
            if state.feeds.heads.get(&app).is_none_or(|head| through >= *head) {
                state.check.violated(format!("a feed is trimmed to {through}, its head with it"));
            }
            let now = state.now;
            let trimmed = |entry: &FeedEntry| entry.expires_at > now;
            let early = state
                .feeds
                .entries
                .iter()
                .find(|((of, offset), entry)| *of == app && *offset <= through && trimmed(entry));
            if let Some(((_, offset), entry)) = early {
                let what = format!("entry {offset} ({}) is trimmed before it expires", entry.message);
                state.check.violated(what);
            }
            state.coverage.hit("feed", "trimmed");
            state.feeds.entries.retain(|(of, offset), _| *of != app || *offset > through);
            Ok(())
        })
        .await
    }
}
