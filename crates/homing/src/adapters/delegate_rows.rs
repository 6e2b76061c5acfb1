//! The ports that are passed on as they are, but for one drill.

use homing_domain::{
    App, AppId, AudienceId, BatchId, BusEvent, ChangeRefused, Channel, ChannelConfig, Claimed, Delivery, Device,
    DeviceId, DueTick, FeedEntry, FeedOffset, GatewayRef, Granularity, Lease, Member, MemberKey, Message,
    MessageChange, MessageId, Period, Receipt, Shard, ShardId, Snapshots, Tally, Throttle, UnixMillis,
    UploadedAudience, Upstream, UserId, VersionLabel,
};
use homing_ports::{
    Accepted, Apps, Audiences, Created, Devices, Events, Feeds, FleetSettings, Gateways, Ledger, Messages, Replaced,
    Result, Settings, Statistics, StoredUpstream, Throttles, Timers, Upstreams, VendorChannels, VendorTokens,
};

use super::{Adapters, FailPoint};

impl<S: Apps> Apps for Adapters<S> {
    async fn create_app(&self, app: App) -> Result<Created> {
        self.store.create_app(app).await
    }

    async fn app(&self, id: &AppId) -> Result<Option<App>> {
        self.store.app(id).await
    }

    async fn apps(&self, after: Option<&AppId>, limit: usize) -> Result<Vec<App>> {
        self.store.apps(after, limit).await
    }

    async fn replace_app(&self, app: App) -> Result<Replaced> {
        self.store.replace_app(app).await
    }

    async fn delete_app(&self, id: &AppId) -> Result<()> {
        self.store.delete_app(id).await
    }
}

impl<S: Devices> Devices for Adapters<S> {
    async fn create_device(&self, device: Device) -> Result<Created> {
        self.store.create_device(device).await
    }

    async fn device(&self, id: &DeviceId) -> Result<Option<Device>> {
        self.store.device(id).await
    }

    async fn devices(&self, ids: Vec<DeviceId>) -> Result<Vec<Option<Device>>> {
        self.store.devices(ids).await
    }

    async fn touch_device(&self, id: &DeviceId, seen_at: UnixMillis) -> Result<()> {
        self.store.touch_device(id, seen_at).await
    }

    async fn replace_device(&self, device: Device) -> Result<Replaced> {
        self.store.replace_device(device).await
    }

    async fn delete_device(&self, id: &DeviceId) -> Result<()> {
        self.store.delete_device(id).await
    }

    async fn devices_of_app(
        &self,
        app: &AppId,
        segment: u8,
        after: Option<DeviceId>,
        limit: usize,
    ) -> Result<Vec<Device>> {
        self.store.devices_of_app(app, segment, after, limit).await
    }

    async fn devices_of_user(&self, app: &AppId, user: &UserId, limit: usize) -> Result<Vec<DeviceId>> {
        self.store.devices_of_user(app, user, limit).await
    }
}

impl<S: Audiences> Audiences for Adapters<S> {
    async fn create_audience(&self, audience: UploadedAudience) -> Result<Created> {
        self.store.create_audience(audience).await
    }

    async fn audience(&self, id: AudienceId) -> Result<Option<UploadedAudience>> {
        self.store.audience(id).await
    }

    async fn audiences_of_app(
        &self,
        app: &AppId,
        after: Option<AudienceId>,
        limit: usize,
    ) -> Result<Vec<UploadedAudience>> {
        self.store.audiences_of_app(app, after, limit).await
    }

    async fn add_members(&self, id: AudienceId, members: Vec<Member>) -> Result<()> {
        self.store.add_members(id, members).await
    }

    async fn finish_audience(&self, id: AudienceId) -> Result<Option<UploadedAudience>> {
        self.store.finish_audience(id).await
    }

    async fn members(
        &self,
        id: AudienceId,
        segment: u8,
        after: Option<MemberKey>,
        limit: usize,
    ) -> Result<Vec<Member>> {
        self.store.members(id, segment, after, limit).await
    }

    async fn are_members(&self, id: AudienceId, keys: Vec<MemberKey>) -> Result<Vec<bool>> {
        self.store.are_members(id, keys).await
    }

    async fn delete_audience(&self, id: AudienceId) -> Result<()> {
        self.store.delete_audience(id).await
    }
}

impl<S: Gateways> Gateways for Adapters<S> {
    async fn renew_lease(&self, lease: Lease) -> Result<bool> {
        self.store.renew_lease(lease).await
    }

    async fn end_lease(&self, gateway: GatewayRef) -> Result<()> {
        self.store.end_lease(gateway).await
    }

    async fn leases(&self) -> Result<Vec<Lease>> {
        self.store.leases().await
    }
}

impl<S: Ledger> Ledger for Adapters<S> {
    async fn record(&self, batch: BatchId, receipts: Vec<Receipt>, about: Snapshots) -> Result<Vec<Delivery>> {
        self.store.record(batch, receipts, about).await
    }

    async fn version_label(&self, app: &AppId, version: VersionLabel) -> Result<VersionLabel> {
        self.store.version_label(app, version).await
    }

    async fn count(&self, batch: BatchId, changes: Vec<(MessageId, Tally)>) -> Result<()> {
        self.store.count(batch, changes).await
    }

    async fn count_targets(&self, shard: ShardId, message: MessageId, devices: usize, covers: u32) -> Result<()> {
        self.store.count_targets(shard, message, devices, covers).await
    }

    async fn claim_delivery(
        &self,
        message: MessageId,
        device: DeviceId,
        channel: Channel,
        now: UnixMillis,
    ) -> Result<Claimed> {
        let claimed = self.store.claim_delivery(message, device, channel, now).await;
        if matches!(claimed, Ok(Claimed::Granted { .. })) {
            self.drills.pass(FailPoint::BetweenClaimAndVendor);
        }
        claimed
    }

    async fn release_claim(&self, message: MessageId, device: DeviceId) -> Result<()> {
        self.store.release_claim(message, device).await
    }

    async fn tally(&self, message: MessageId) -> Result<Tally> {
        self.store.tally(message).await
    }

    async fn delivery(&self, message: MessageId, device: DeviceId) -> Result<Option<Delivery>> {
        self.store.delivery(message, device).await
    }

    async fn deliveries(&self, message: MessageId, after: Option<DeviceId>, limit: usize) -> Result<Vec<Delivery>> {
        self.store.deliveries(message, after, limit).await
    }
}

impl<S: Statistics> Statistics for Adapters<S> {
    async fn add_statistics(&self, batch: BatchId, app: &AppId, changes: Vec<(Period, Tally)>) -> Result<()> {
        self.store.add_statistics(batch, app, changes).await
    }

    async fn statistics(
        &self,
        app: &AppId,
        granularity: Granularity,
        from: UnixMillis,
        until: UnixMillis,
    ) -> Result<Vec<(Period, Tally)>> {
        self.store.statistics(app, granularity, from, until).await
    }
}

impl<S: Messages> Messages for Adapters<S> {
    async fn accept(&self, message: Message) -> Result<Accepted> {
        self.store.accept(message).await
    }

    async fn message(&self, id: MessageId) -> Result<Option<Message>> {
        self.store.message(id).await
    }

    async fn messages_of_app(
        &self,
        app: &AppId,
        before: Option<(UnixMillis, MessageId)>,
        limit: usize,
    ) -> Result<Vec<Message>> {
        self.store.messages_of_app(app, before, limit).await
    }

    async fn overdue(&self, now: UnixMillis, limit: usize) -> Result<Vec<MessageId>> {
        self.store.overdue(now, limit).await
    }

    async fn begin_release(
        &self,
        id: MessageId,
        now: UnixMillis,
        feed_head: Option<FeedOffset>,
    ) -> Result<Option<Message>> {
        self.store.begin_release(id, now, feed_head).await
    }

    async fn finish_segment(&self, id: MessageId, segment: u8, now: UnixMillis) -> Result<Option<Message>> {
        self.store.finish_segment(id, segment, now).await
    }

    async fn complete(&self, id: MessageId) -> Result<()> {
        self.store.complete(id).await
    }

    async fn change(
        &self,
        id: MessageId,
        change: MessageChange,
    ) -> Result<Option<std::result::Result<Message, ChangeRefused>>> {
        self.store.change(id, change).await
    }

    async fn put_shard(&self, shard: Shard) -> Result<Shard> {
        self.store.put_shard(shard).await
    }

    async fn shards(&self, message: MessageId, after: Option<ShardId>, limit: usize) -> Result<Vec<Shard>> {
        self.store.shards(message, after, limit).await
    }
}

impl<S: Feeds> Feeds for Adapters<S> {
    async fn feed_head(&self, app: &AppId) -> Result<FeedOffset> {
        self.store.feed_head(app).await
    }

    async fn put_feed_entry(&self, app: &AppId, offset: FeedOffset, entry: FeedEntry) -> Result<Created> {
        self.store.put_feed_entry(app, offset, entry).await
    }

    async fn feed_entries(&self, app: &AppId, after: FeedOffset, limit: usize) -> Result<Vec<(FeedOffset, FeedEntry)>> {
        self.store.feed_entries(app, after, limit).await
    }

    async fn trim_feed(&self, app: &AppId, through: FeedOffset) -> Result<()> {
        self.store.trim_feed(app, through).await
    }
}

impl<S: Timers> Timers for Adapters<S> {
    async fn set_timer(&self, tick: DueTick) -> Result<()> {
        self.store.set_timer(tick).await
    }
}

impl<S: Events> Events for Adapters<S> {
    async fn publish(&self, events: Vec<BusEvent>) -> Result<()> {
        self.store.publish(events).await
    }
}

impl<S: Settings> Settings for Adapters<S> {
    async fn settings(&self) -> Result<FleetSettings> {
        self.store.settings().await
    }

    async fn replace_settings(&self, settings: FleetSettings) -> Result<Replaced> {
        self.store.replace_settings(settings).await
    }
}

impl<S: Upstreams> Upstreams for Adapters<S> {
    async fn store_upstream(&self, upstream: Upstream) -> Result<Created> {
        self.store.store_upstream(upstream).await
    }

    async fn upstreams(&self, app: &AppId, after: u64, limit: usize) -> Result<Vec<StoredUpstream>> {
        self.store.upstreams(app, after, limit).await
    }
}

impl<S: VendorChannels> VendorChannels for Adapters<S> {
    async fn channel_config(&self, app: &AppId, channel: Channel) -> Result<Option<ChannelConfig>> {
        self.store.channel_config(app, channel).await
    }

    async fn replace_channel_config(&self, config: ChannelConfig) -> Result<Replaced> {
        self.store.replace_channel_config(config).await
    }

    async fn delete_channel_config(&self, app: &AppId, channel: Channel) -> Result<()> {
        self.store.delete_channel_config(app, channel).await
    }

    async fn channel_configs(&self, after: Option<(AppId, Channel)>, limit: usize) -> Result<Vec<ChannelConfig>> {
        self.store.channel_configs(after, limit).await
    }
}

impl<S: Throttles> Throttles for Adapters<S> {
    async fn throttle(&self, app: &AppId, channel: Channel) -> Result<Throttle> {
        self.store.throttle(app, channel).await
    }

    async fn replace_throttle(&self, app: &AppId, channel: Channel, throttle: Throttle) -> Result<Replaced> {
        self.store.replace_throttle(app, channel, throttle).await
    }
}

impl<S: VendorTokens> VendorTokens for Adapters<S> {
    async fn token_owner(&self, app: &AppId, channel: Channel, token: &str) -> Result<Option<DeviceId>> {
        self.store.token_owner(app, channel, token).await
    }

    async fn claim_token(
        &self,
        app: &AppId,
        channel: Channel,
        token: &str,
        device: DeviceId,
    ) -> Result<Option<DeviceId>> {
        self.store.claim_token(app, channel, token, device).await
    }

    async fn release_token(&self, app: &AppId, channel: Channel, token: &str, device: DeviceId) -> Result<()> {
        self.store.release_token(app, channel, token, device).await
    }
}
