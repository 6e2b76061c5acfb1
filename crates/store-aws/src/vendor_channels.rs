//! What apps have set for vendors' channels, and the token buckets that all who ask a vendor for an app share.
//!
//! | operation | requests | WRU | RRU |
//! |---|---|---|---|
//! | channel_config | 1 | | 1 per 4 KiB: nearly all are smaller |
//! | replace_channel_config, delete_channel_config | 1 | 1 per KiB, twice (`by_segment`) | |
//! | channel_configs | 1 per MiB | | 0.5 per 4 KiB |
//! | throttle | 1 | | 1 |
//! | replace_throttle, done or not | 1 | 1 | |
//!
//! A bucket is one item, and hot: DynamoDB takes 1,000 changes of it a second, and of those who read the same revision one
//! gets through. So whoever asks a vendor takes many requests with one change, and a vendor that is asked one device at a time
//! is as fast as its buckets' changes are large. A bucket has no time to live: it is 100 bytes, and one for each (app, channel).
//!
//! Configurations of all apps are one partition of the index: they are written by people, and listed once a day.

mod row;
#[cfg(test)]
mod tests;

use homing_domain::{AppId, Channel, ChannelConfig, Throttle};
use homing_ports::{Replaced, Result, Throttles, VendorChannels};

use crate::AwsStore;
use crate::apps::replaces;
use crate::directory::{all_channel_configs, bucket_key, call, channel_config_key, channel_config_place};
use crate::expression::Expression;
use crate::item::{Item, binary};
use crate::one_item::{Call, Query, Written};
use crate::schema::DEVICES_BY_SEGMENT;

/// What lists all configurations after one.
fn after(place: Option<&(AppId, Channel)>) -> Expression {
    let expression = match place {
        Some((app, channel)) => Expression::key("#sp = :configs AND #ss > :after")
            .value("after", binary(channel_config_place(app, *channel))),
        None => Expression::key("#sp = :configs"),
    };
    expression.value("configs", binary(all_channel_configs()))
}

impl AwsStore {
    /// Puts an item where the stored revision is the one before; where there is none, that is 0.
    async fn put_revision(&self, call: Call, revision: u64, item: Item) -> Result<Replaced> {
        let condition = match revision {
            1 => Expression::absent(),
            revision => match replaces(revision) {
                Some(condition) => condition,
                None => return Ok(Replaced::Changed),
            },
        };
        match self.put(call, item, condition).await? {
            Written::Done(_) => Ok(Replaced::Done),
            Written::Refused(_) => Ok(Replaced::Changed),
        }
    }
}

impl VendorChannels for AwsStore {
    async fn channel_config(&self, app: &AppId, channel: Channel) -> Result<Option<ChannelConfig>> {
        let call = call("read what is set for the channel");
        self.get(call, channel_config_key(app, channel)).await?.map(|item| call.read(row::read(item))).transpose()
    }

    async fn replace_channel_config(&self, config: ChannelConfig) -> Result<Replaced> {
        self.put_revision(call("replace what is set for the channel"), config.revision, row::write(&config)).await
    }

    async fn delete_channel_config(&self, app: &AppId, channel: Channel) -> Result<()> {
        let call = call("delete what is set for the channel");
        self.delete_item(call, channel_config_key(app, channel), Expression::none()).await.map(|_| ())
    }

    async fn channel_configs(&self, place: Option<(AppId, Channel)>, limit: usize) -> Result<Vec<ChannelConfig>> {
        let call = call("list what is set for channels");
        let expression = after(place.as_ref());
        let query = Query { index: Some(DEVICES_BY_SEGMENT.name), is_consistent: false, ..Query::of(expression) };
        call.read_all(self.list(call, query, limit).await?, row::read)
    }
}

impl Throttles for AwsStore {
    async fn throttle(&self, app: &AppId, channel: Channel) -> Result<Throttle> {
        let call = call("read how fast the vendor was asked");
        match self.get(call, bucket_key(app, channel)).await? {
            Some(item) => call.read(row::read_bucket(item)),
            None => Ok(Throttle::default()),
        }
    }

    async fn replace_throttle(&self, app: &AppId, channel: Channel, throttle: Throttle) -> Result<Replaced> {
        let call = call("note how fast the vendor was asked");
        self.put_revision(call, throttle.revision, row::write_bucket(app, channel, &throttle)).await
    }
}
