//! The feeds of apps: one row per entry, under its app and offset.

use homing_domain::{AppId, FeedEntry, FeedOffset};
use homing_ports::{Created, Feeds, Result};

use crate::EmbeddedStore;
use crate::error::{StoreError, StoreResult};
use crate::rows;
use crate::table::{Key, Table};

/// Entries that one trim drops at most: about 5 ms of the committer, between which pushes go on. What is left falls to the
/// next trim.
const TRIM_MAX_ENTRIES: usize = 1_000;

fn entries_of(app: &AppId) -> Key {
    Key::of(Table::Feeds).app(app)
}

fn key(app: &AppId, offset: FeedOffset) -> Key {
    entries_of(app).number(offset)
}

fn offset_at_end(key: &[u8]) -> StoreResult<FeedOffset> {
    key.last_chunk()
        .map(|offset| FeedOffset::from_be_bytes(*offset))
        .ok_or(StoreError::Damaged { table: Table::Feeds, what: "a key without an offset" })
}

impl Feeds for EmbeddedStore {
    async fn feed_head(&self, app: &AppId) -> Result<FeedOffset> {
        let last = self.engine().last_key(&entries_of(app));
        let head = last.and_then(|key| key.map_or(Ok(0), |key| offset_at_end(&key)));
        head.map_err(|error| error.in_port("read the head of the feed"))
    }

    async fn put_feed_entry(&self, app: &AppId, offset: FeedOffset, entry: FeedEntry) -> Result<Created> {
        let key = key(app, offset);
        self.commit("put the entry into the feed", move |view| {
            if view.contains(&key)? {
                return Ok(Created::Exists);
            }
            view.put_noun(key, &entry);
            Ok(Created::New)
        })
        .await
    }

    async fn feed_entries(&self, app: &AppId, after: FeedOffset, limit: usize) -> Result<Vec<(FeedOffset, FeedEntry)>> {
        let prefix = entries_of(app);
        let start = key(app, after).next();
        self.read_pages("read entries of the feed", move |engine| {
            let read = |(key, value): (bytes::Bytes, bytes::Bytes)| {
                Ok((offset_at_end(&key)?, rows::read(prefix.table, value)?))
            };
            engine.page(&prefix, Some(start), limit)?.into_iter().map(read).collect()
        })
        .await
    }

    async fn trim_feed(&self, app: &AppId, through: FeedOffset) -> Result<()> {
        const OPERATION: &str = "trim the feed";
        let (prefix, last) = (entries_of(app), key(app, through).bytes);
        let page = self.read_pages(OPERATION, move |engine| engine.page(&prefix, None, TRIM_MAX_ENTRIES + 1)).await?;
        let mut keys: Vec<_> = page.into_iter().map(|(key, _)| key).collect();
        // The last one may be the head, whatever the caller says: a feed without its head would begin anew.
        keys.pop();
        keys.retain(|key| key[..] <= last[..]);
        if keys.is_empty() {
            return Ok(());
        }
        self.commit(OPERATION, move |view| {
            keys.into_iter().for_each(|key| view.delete(Key { table: Table::Feeds, bytes: key.into() }));
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use homing_domain::{FeedAction, MessageId, UnixMillis};
    use homing_ports::Clock;

    use super::*;

    struct Stopped;

    impl Clock for Stopped {
        fn now(&self) -> UnixMillis {
            UnixMillis(1_000_000)
        }
    }

    #[tokio::test]
    async fn the_head_stays_whatever_is_trimmed_and_is_found_by_the_next_process() {
        const ENTRIES: u64 = 2_100;
        let directory = tempfile::tempdir().unwrap();
        let shop: AppId = "shop".parse().unwrap();
        let open = || EmbeddedStore::open(directory.path(), Arc::new(Stopped)).unwrap();
        let entry =
            FeedEntry { message: MessageId::from_bytes([1; 16]), action: FeedAction::Bring, expires_at: UnixMillis(5) };
        {
            let store = open();
            let of_shop = shop.clone();
            let fill = store.commit("fill the feed", move |view| {
                (1..=ENTRIES).for_each(|offset| view.put_noun(key(&of_shop, offset), &entry));
                Ok(())
            });
            fill.await.unwrap();
            assert_eq!(store.put_feed_entry(&shop, ENTRIES, entry).await.unwrap(), Created::Exists);
            store.trim_feed(&shop, u64::MAX).await.unwrap();
            let first = store.feed_entries(&shop, 0, 1).await.unwrap()[0].0;
            assert_eq!(first, TRIM_MAX_ENTRIES as u64 + 1, "a bounded number at a time");
            for _ in 0..3 {
                store.trim_feed(&shop, u64::MAX).await.unwrap();
            }
            assert_eq!(store.feed_entries(&shop, 0, 9).await.unwrap(), [(ENTRIES, entry)]);
        }
        assert_eq!(open().feed_head(&shop).await.unwrap(), ENTRIES);
    }
}
