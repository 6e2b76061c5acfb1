//! Who has which address at a vendor: one item for each token, in a partition of its own.
//!
//! | attribute | of a token |
//! |---|---|
//! | `d` | device that reported it last |
//! | `b` | device that had it before, if it was another: a claim that is repeated is answered as it was at first |
//! | `v` | version |
//!
//! | operation | requests | WRU | RRU |
//! |---|---|---|---|
//! | token_owner | 1 | | 1 |
//! | claim_token of a new token, or of the device's own | 1 | 1 | |
//! | claim_token of another device's | 2 | 2 | |
//! | release_token | 1 | 1 | |
//!
//! The key holds the token's SHA-256, for a token may be longer than a key. An item has no time to live: it goes with the
//! device's deregistration, or when its vendor says that the token is dead.

#[cfg(test)]
mod tests;

use homing_domain::{AppId, Channel, DeviceId};
use homing_ports::{Result, VendorTokens};

use crate::AwsStore;
use crate::compare_and_swap::{Decision, Known};
use crate::directory::{call, token_key};
use crate::expression::Expression;
use crate::item::{Damaged, Item, ItemReader, ItemWriter, Table};

/// An item in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner {
    device: DeviceId,
    before: Option<DeviceId>,
}

fn write(key: Item, owner: &Owner) -> Item {
    ItemWriter::of(key).with("d", owner.device).with_some("b", owner.before).finish()
}

fn read(item: Item) -> std::result::Result<Owner, Damaged> {
    let mut item = ItemReader::new(Table::Directory, item);
    Ok(Owner { device: item.take("d")?, before: item.take_some("b")? })
}

/// That the token is still this device's.
fn is_of(device: DeviceId) -> Expression {
    Expression::condition("#d = :device").value("device", device)
}

impl VendorTokens for AwsStore {
    async fn token_owner(&self, app: &AppId, channel: Channel, token: &str) -> Result<Option<DeviceId>> {
        let call = call("look for the token's owner");
        let item = self.get(call, token_key(app, channel, token)).await?;
        item.map(|item| call.read(read(item)).map(|owner| owner.device)).transpose()
    }

    async fn claim_token(
        &self,
        app: &AppId,
        channel: Channel,
        token: &str,
        device: DeviceId,
    ) -> Result<Option<DeviceId>> {
        let call = call("claim the token");
        let key = token_key(app, channel, token);
        let decide = |item: Option<Item>| {
            let stored = item.map(|item| call.read(read(item))).transpose()?;
            if let Some(stored) = stored.filter(|stored| stored.device == device) {
                return Ok(Decision { answer: stored.before, write: None });
            }
            let before = stored.map(|stored| stored.device);
            Ok(Decision { answer: before, write: Some(write(key.clone(), &Owner { device, before })) })
        };
        // Nearly always nobody has it. A wrong guess is answered the item and costs no read.
        self.compare_and_swap(call, key.clone(), Known::Item(None), decide).await
    }

    async fn release_token(&self, app: &AppId, channel: Channel, token: &str, device: DeviceId) -> Result<()> {
        // Refused = it is another's by now, or nobody's.
        self.delete_item(call("release the token"), token_key(app, channel, token), is_of(device)).await.map(|_| ())
    }
}
