//! The rest of the world: the directory, the feed, the ledger's rows, the vendors.

use homing_domain::{
    AppId, BatchId, BusEvent, Channel, Claimed, Delivery, Device, DeviceId, FeedEntry, FeedOffset, MessageId, Receipt,
    ShardId, Tally, UnixMillis, UserId, VendorAnswer, VendorPush,
};
use homing_ports::{
    Admission, Created, Devices, Error, Events, Fault, Feeds, Ledger, Replaced, Result, VendorTokens, Vendors,
};

use super::world::{When, World};

impl Devices for World {
    async fn create_device(&self, _: Device) -> Result<Created> {
        unreachable!()
    }

    async fn devices(&self, _: Vec<DeviceId>) -> Result<Vec<Option<Device>>> {
        unreachable!()
    }

    async fn device(&self, id: &DeviceId) -> Result<Option<Device>> {
        self.call(|state, _| state.devices.get(id).cloned())
    }

    async fn replace_device(&self, device: Device) -> Result<Replaced> {
        self.call(|state, _| match state.devices.get_mut(&device.id) {
            Some(row) if row.revision + 1 == device.revision => {
                *row = device;
                Replaced::Done
            }
            _ => Replaced::Changed,
        })
    }

    async fn touch_device(&self, _: &DeviceId, _: UnixMillis) -> Result<()> {
        unreachable!()
    }

    async fn delete_device(&self, _: &DeviceId) -> Result<()> {
        unreachable!()
    }

    async fn devices_of_app(&self, _: &AppId, _: u8, _: Option<DeviceId>, _: usize) -> Result<Vec<Device>> {
        unreachable!()
    }

    async fn devices_of_user(&self, _: &AppId, _: &UserId, _: usize) -> Result<Vec<DeviceId>> {
        unreachable!()
    }
}

impl Feeds for World {
    async fn feed_head(&self, _: &AppId) -> Result<FeedOffset> {
        unreachable!()
    }

    async fn put_feed_entry(&self, _: &AppId, offset: FeedOffset, entry: FeedEntry) -> Result<Created> {
        self.call(|state, _| {
            let head = state.feed.last_key_value().map_or(0, |(head, _)| *head);
            assert!(offset <= head + 1, "a hole before {offset}");
            if !state.rivals.is_empty() {
                let rival = state.rivals.remove(0);
                assert!(state.feed.insert(offset, rival).is_none(), "the rival comes first");
            }
            match state.feed.entry(offset) {
                std::collections::btree_map::Entry::Occupied(_) => Created::Exists,
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(entry);
                    Created::New
                }
            }
        })
    }

    async fn feed_entries(&self, _: &AppId, after: FeedOffset, limit: usize) -> Result<Vec<(FeedOffset, FeedEntry)>> {
        self.call(|state, _| {
            state.feed.range(after + 1..).take(limit).map(|(offset, entry)| (*offset, *entry)).collect()
        })
    }

    async fn trim_feed(&self, _: &AppId, through: FeedOffset) -> Result<()> {
        self.call(|state, _| {
            assert!(state.feed.last_key_value().is_some_and(|(head, _)| through < *head), "the head is trimmed");
            state.feed.retain(|offset, _| *offset > through);
        })
    }
}

impl Ledger for World {
    async fn version_label(
        &self,
        _: &AppId,
        version: homing_domain::VersionLabel,
    ) -> Result<homing_domain::VersionLabel> {
        Ok(version)
    }

    async fn record(&self, _: BatchId, _: Vec<Receipt>, _: homing_domain::Snapshots) -> Result<Vec<Delivery>> {
        unreachable!()
    }

    async fn count(&self, _: BatchId, _: Vec<(MessageId, Tally)>) -> Result<()> {
        unreachable!()
    }

    async fn count_targets(&self, _: ShardId, _: MessageId, _: usize, _: u32) -> Result<()> {
        unreachable!()
    }

    async fn claim_delivery(
        &self,
        message: MessageId,
        device: DeviceId,
        channel: Channel,
        now: UnixMillis,
    ) -> Result<Claimed> {
        let claimed = self.call(|state, _| {
            let row = state.deliveries.entry((message, device));
            row.or_insert_with(|| Delivery::new(message, device, channel)).claim(now)
        });
        if self.with(|state| {
            state.dies_after_claims.as_mut().is_some_and(|left| std::mem::replace(left, left.saturating_sub(1)) <= 1)
        }) {
            std::future::pending::<()>().await;
        }
        claimed
    }

    async fn release_claim(&self, message: MessageId, device: DeviceId) -> Result<()> {
        self.call(|state, _| {
            if let Some(row) = state.deliveries.get_mut(&(message, device)) {
                row.release_claim();
            }
        })
    }

    async fn tally(&self, _: MessageId) -> Result<Tally> {
        unreachable!()
    }

    async fn delivery(&self, message: MessageId, device: DeviceId) -> Result<Option<Delivery>> {
        self.call(|state, _| state.deliveries.get(&(message, device)).cloned())
    }

    async fn deliveries(&self, _: MessageId, _: Option<DeviceId>, _: usize) -> Result<Vec<Delivery>> {
        unreachable!()
    }
}

impl VendorTokens for World {
    async fn token_owner(&self, _: &AppId, _: Channel, _: &str) -> Result<Option<DeviceId>> {
        unreachable!()
    }

    async fn claim_token(&self, _: &AppId, _: Channel, _: &str, _: DeviceId) -> Result<Option<DeviceId>> {
        unreachable!()
    }

    async fn release_token(&self, _: &AppId, channel: Channel, token: &str, device: DeviceId) -> Result<()> {
        self.call(|state, _| state.tokens_released.push((channel, token.to_owned(), device)))
    }
}

impl Events for World {
    async fn publish(&self, events: Vec<BusEvent>) -> Result<()> {
        self.call(|state, _| state.published.extend(events))
    }
}

/// A call that is cut off has reached the vendor for some, and nobody knows for which.
impl Vendors for World {
    type Held = ();

    async fn serves(&self, _: &AppId, channel: Channel) -> Result<bool> {
        self.with(|state| Ok(state.channels.contains(&channel)))
    }

    async fn may_repeat(&self, _: &AppId, _: Channel) -> Result<bool> {
        self.with(|state| Ok(state.may_repeat))
    }

    fn batch_max(&self, _: Channel) -> usize {
        self.with(|state| state.batch_max)
    }

    async fn admit(&self, _: &AppId, _: Channel, wanted: usize) -> Result<Admission<()>> {
        self.with(|state| {
            if state.admits.is_empty() {
                return Ok(Admission { devices: wanted, wait: 0, held: () });
            }
            let (devices, wait) = state.admits.remove(0);
            Ok(Admission { devices, wait, held: () })
        })
    }

    async fn give_back(&self, _: &AppId, _: Channel, admission: Admission<()>) {
        self.with(|state| state.given_back.push(admission.devices));
    }

    async fn ask_vendor(&self, push: &VendorPush, admission: Admission<()>) -> Result<Vec<VendorAnswer>> {
        assert!(push.to.len() <= admission.devices, "asked for more than were admitted");
        self.with(|state| {
            state.calls += 1;
            let strikes = state.fail_at.filter(|(at, _)| *at == state.calls).map(|(_, when)| when);
            let reach = match strikes {
                Some(When::Before) => return Err(Error::new(Fault::Retry, "call the world")),
                Some(When::Halfway) => push.to.len() / 2,
                Some(When::After) | None => push.to.len(),
            };
            let mut answers = Vec::new();
            for (at, address) in push.to.iter().enumerate() {
                if at < reach {
                    let one = VendorPush { to: vec![address.clone()], ..push.clone() };
                    state.asked.push((state.calls, one));
                }
                answers.push(match strikes {
                    Some(_) => VendorAnswer::Unknown,
                    None if state.answers.is_empty() => VendorAnswer::Accepted,
                    None => state.answers.remove(0),
                });
            }
            Ok(answers)
        })
    }
}
