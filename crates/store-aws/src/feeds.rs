//! The feeds of apps, one item per entry, in the table of messages: who reads a feed reads messages too, and who writes one
//! need not be given any right to devices and apps.
//!
//! | attribute | of an entry |
//! |---|---|
//! | `pk` | `f` + app, filled up with bytes 0 to 33: no message id is so long |
//! | `sk` | offset, 8 bytes |
//! | `m` `a` `ex` | message, action, expires at |
//!
//! No `ttl`: DynamoDB would delete the head too, and a feed that lost its head would begin anew.
//!
//! | operation | requests | WRU | RRU |
//! |---|---|---|---|
//! | feed_head | 1 | | 1 |
//! | put_feed_entry, also of what is there | 1 | 1 | |
//! | feed_entries | 1 | | 1 for every 40 entries |
//! | trim_feed | 1 + 1 per entry that is dropped | 1 per entry | 2 |
//!
//! A feed is one partition: it takes 1,000 entries a second, and 3,000 reads of up to 40 entries.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use homing_domain::limits::APP_ID_MAX_BYTES;
use homing_domain::{AppId, FeedEntry, FeedOffset};
use homing_ports::{Created, Feeds, Result};

use crate::AwsStore;
use crate::expression::Expression;
use crate::item::{Damaged, Item, ItemReader, ItemWriter, Table, binary, sorted_key};
use crate::listing::CONCURRENT_REQUESTS;
use crate::one_item::{Call, Query, Written};
use crate::schema::SORT_KEY;

/// Entries that one trim drops at most: a tenth of a second. What is left falls to the next trim.
const TRIM_MAX_ENTRIES: usize = 64;

const fn call(operation: &'static str) -> Call {
    Call { operation, table: Table::Messages }
}

fn partition(app: &AppId) -> [u8; 1 + APP_ID_MAX_BYTES] {
    let mut key = [0; 1 + APP_ID_MAX_BYTES];
    key[0] = b'f';
    // Its limit is what an app id is parsed by.
    for (place, byte) in key[1..].iter_mut().zip(app.as_str().bytes()) {
        *place = byte;
    }
    key
}

fn key(app: &AppId, offset: FeedOffset) -> Item {
    sorted_key(partition(app), offset.to_be_bytes())
}

fn write(app: &AppId, offset: FeedOffset, entry: &FeedEntry) -> Item {
    ItemWriter::of(key(app, offset))
        .with("m", entry.message)
        .with("a", entry.action)
        .with("ex", entry.expires_at)
        .finish()
}

fn offset_of(item: &mut ItemReader) -> std::result::Result<FeedOffset, Damaged> {
    item.take(SORT_KEY).map(FeedOffset::from_be_bytes)
}

fn read(item: Item) -> std::result::Result<(FeedOffset, FeedEntry), Damaged> {
    let mut item = ItemReader::new(Table::Messages, item);
    let offset = offset_of(&mut item)?;
    Ok((offset, FeedEntry { message: item.take("m")?, action: item.take("a")?, expires_at: item.take("ex")? }))
}

/// A feed from its first entry on.
fn whole(app: &AppId) -> Query {
    Query::of(Expression::key("#pk = :feed").value("feed", binary(partition(app))))
}

impl Feeds for AwsStore {
    async fn feed_head(&self, app: &AppId) -> Result<FeedOffset> {
        let call = call("read the head of the feed");
        let last = self.list(call, Query { is_descending: true, ..whole(app) }, 1).await?.pop();
        call.read(last.map_or(Ok(0), |item| offset_of(&mut ItemReader::new(call.table, item))))
    }

    async fn put_feed_entry(&self, app: &AppId, offset: FeedOffset, entry: FeedEntry) -> Result<Created> {
        let call = call("put the entry into the feed");
        match self.put(call, write(app, offset, &entry), Expression::absent()).await? {
            Written::Done(_) => Ok(Created::New),
            Written::Refused(_) => Ok(Created::Exists),
        }
    }

    async fn feed_entries(&self, app: &AppId, after: FeedOffset, limit: usize) -> Result<Vec<(FeedOffset, FeedEntry)>> {
        let call = call("read entries of the feed");
        let expression = Expression::key("#pk = :feed AND #sk > :after")
            .value("feed", binary(partition(app)))
            .value("after", after.to_be_bytes());
        call.read_all(self.list(call, Query::of(expression), limit).await?, read)
    }

    async fn trim_feed(&self, app: &AppId, through: FeedOffset) -> Result<()> {
        let call = call("trim the feed");
        let oldest = self.list(call, whole(app), TRIM_MAX_ENTRIES + 1).await?;
        let mut offsets = call.read_all(oldest, |item| offset_of(&mut ItemReader::new(call.table, item)))?;
        // The last one may be the head, whatever the caller says: a feed without its head would begin anew.
        offsets.pop();
        offsets.retain(|offset| *offset <= through);
        stream::iter(offsets)
            .map(|offset| self.delete_item(call, key(app, offset), Expression::none()))
            .buffer_unordered(CONCURRENT_REQUESTS)
            .try_for_each(async |_| Ok(()))
            .await
    }
}

#[cfg(test)]
mod tests {
    use homing_domain::{FeedAction, MessageId, UnixMillis};
    use serde_json::json;

    use super::*;
    use crate::schema::TTL;
    use crate::script::{Reply, Script};

    fn app() -> AppId {
        "shop".parse().unwrap()
    }

    fn entry(action: FeedAction) -> FeedEntry {
        FeedEntry { message: MessageId::from_bytes([7; 16]), action, expires_at: UnixMillis::NEVER }
    }

    #[test]
    fn an_entry_comes_back_and_never_expires() {
        for (offset, action) in [(1, FeedAction::Bring), (u64::MAX, FeedAction::Stop)] {
            let item = write(&app(), offset, &entry(action));
            assert!(!item.contains_key(TTL), "DynamoDB would delete the head too");
            assert_eq!(read(item).unwrap(), (offset, entry(action)));
        }
    }

    #[test]
    fn no_feed_is_the_partition_of_another_or_of_a_message() {
        let longest = "a".repeat(APP_ID_MAX_BYTES);
        let partitions = ["a", "a-b", &longest].map(|app| partition(&app.parse().unwrap()));
        assert!(partitions[0] != partitions[1] && partitions[1] != partitions[2]);
        assert!(partitions.iter().all(|partition| partition.len() != MessageId::from_bytes([0; 16]).as_bytes().len()));
    }

    #[tokio::test]
    async fn a_trim_leaves_the_last_that_it_sees() {
        let sort = |offset: u64| json!({ "sk": { "B": aws_smithy_types::base64::encode(offset.to_be_bytes()) } });
        let page = Reply::Done(json!({ "Items": [sort(4), sort(5), sort(6)] }));
        let (store, script) = Script::store([page, Reply::Done(json!({})), Reply::Done(json!({}))]);
        store.trim_feed(&app(), 6).await.unwrap();
        assert_eq!(script.operations(), ["Query", "DeleteItem", "DeleteItem"]);
        let sent = script.sent();
        let dropped = [&sent[1].body["Key"]["sk"], &sent[2].body["Key"]["sk"]];
        assert_eq!(dropped, [&sort(4)["sk"], &sort(5)["sk"]]);
        assert_eq!(sent[0].body["ConsistentRead"], true);
    }
}
