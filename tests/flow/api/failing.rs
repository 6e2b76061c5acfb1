//! The embedded store with one port call that fails: before it took effect, or after.

use std::sync::Mutex;

use homing_domain::mailbox::{
    Detached, Enqueue, Enqueued, Fenced, Mailbox, Overflowed, Rebound, TakenOver, Takeover, TakeoverRefused,
    Tombstoned, Trimmed, Withdrawn,
};
use homing_domain::*;
use homing_ports::*;
use homing_store_embedded::EmbeddedStore;

/// Which call fails next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Calls that succeed before it.
    pub(super) after_calls: usize,
    /// Whether it takes effect although it fails.
    pub(super) takes_effect: bool,
}

#[derive(Debug)]
pub(super) struct Failing {
    store: EmbeddedStore,
    plan: Mutex<Option<Plan>>,
}

impl Failing {
    pub(super) const fn new(store: EmbeddedStore) -> Self {
        Self { store, plan: Mutex::new(None) }
    }

    /// Lets one call fail.
    pub(super) fn fail(&self, plan: Plan) {
        *self.plan.lock().unwrap() = Some(plan);
    }

    /// Lets nothing fail any more, and says whether the call that was to fail never came.
    pub(super) fn mend(&self) -> bool {
        self.plan.lock().unwrap().take().is_some()
    }

    async fn around<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        match self.due() {
            Some(Plan { takes_effect: true, .. }) => {
                call.await?;
                Err(Error::new(Fault::Retry, "a call whose answer is lost"))
            }
            Some(Plan { takes_effect: false, .. }) => Err(Error::new(Fault::Retry, "a call that is lost")),
            None => call.await,
        }
    }

    fn due(&self) -> Option<Plan> {
        let mut plan = self.plan.lock().unwrap();
        match plan.as_mut() {
            Some(Plan { after_calls: 0, .. }) => plan.take(),
            Some(waiting) => {
                waiting.after_calls -= 1;
                None
            }
            None => None,
        }
    }
}

macro_rules! through_the_fault {
    ($port:ident { $(fn $name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)* }) => {
        impl $port for Failing {
            $(async fn $name(&self, $($argument: $kind),*) -> Result<$answer> {
                self.around(self.store.$name($($argument),*)).await
            })*
        }
    };
}

through_the_fault!(Apps {
    fn create_app(app: App) -> Created;
    fn app(id: &AppId) -> Option<App>;
    fn apps(after: Option<&AppId>, limit: usize) -> Vec<App>;
    fn replace_app(app: App) -> Replaced;
    fn delete_app(id: &AppId) -> ();
});

through_the_fault!(Devices {
    fn create_device(device: Device) -> Created;
    fn device(id: &DeviceId) -> Option<Device>;
    fn devices(ids: Vec<DeviceId>) -> Vec<Option<Device>>;
    fn touch_device(id: &DeviceId, seen_at: UnixMillis) -> ();
    fn replace_device(device: Device) -> Replaced;
    fn delete_device(id: &DeviceId) -> ();
    fn devices_of_app(app: &AppId, segment: u8, after: Option<DeviceId>, limit: usize) -> Vec<Device>;
    fn devices_of_user(app: &AppId, user: &UserId, limit: usize) -> Vec<DeviceId>;
});

through_the_fault!(VendorTokens {
    fn token_owner(app: &AppId, channel: Channel, token: &str) -> Option<DeviceId>;
    fn claim_token(app: &AppId, channel: Channel, token: &str, device: DeviceId) -> Option<DeviceId>;
    fn release_token(app: &AppId, channel: Channel, token: &str, device: DeviceId) -> ();
});

through_the_fault!(VendorChannels {
    fn channel_config(app: &AppId, channel: Channel) -> Option<ChannelConfig>;
    fn replace_channel_config(config: ChannelConfig) -> Replaced;
    fn delete_channel_config(app: &AppId, channel: Channel) -> ();
    fn channel_configs(after: Option<(AppId, Channel)>, limit: usize) -> Vec<ChannelConfig>;
});

through_the_fault!(Audiences {
    fn create_audience(audience: UploadedAudience) -> Created;
    fn audience(id: AudienceId) -> Option<UploadedAudience>;
    fn audiences_of_app(app: &AppId, after: Option<AudienceId>, limit: usize) -> Vec<UploadedAudience>;
    fn add_members(id: AudienceId, members: Vec<Member>) -> ();
    fn finish_audience(id: AudienceId) -> Option<UploadedAudience>;
    fn members(id: AudienceId, segment: u8, after: Option<MemberKey>, limit: usize) -> Vec<Member>;
    fn are_members(id: AudienceId, keys: Vec<MemberKey>) -> Vec<bool>;
    fn delete_audience(id: AudienceId) -> ();
});

through_the_fault!(Gateways {
    fn renew_lease(lease: Lease) -> bool;
    fn end_lease(gateway: GatewayRef) -> ();
    fn leases() -> Vec<Lease>;
});

through_the_fault!(Mailboxes {
    fn create_mailbox(device: DeviceId, mailbox: Mailbox) -> Created;
    fn mailbox(device: DeviceId) -> Option<Mailbox>;
    fn enqueue(requests: Vec<(DeviceId, Enqueue)>) -> Vec<Result<Enqueued>>;
    fn take_over(device: DeviceId, takeover: Takeover) -> std::result::Result<TakenOver, TakeoverRefused>;
    fn tombstone(device: DeviceId, conn_seq: ConnSeq, entries: Vec<(Seq, Reason)>) -> std::result::Result<Tombstoned, Fenced>;
    fn trim(device: DeviceId, conn_seq: ConnSeq, expected_lo: Seq, through: Seq) -> std::result::Result<Trimmed, Fenced>;
    fn detach(device: DeviceId, conn_seq: ConnSeq, sent: Seq) -> std::result::Result<Detached, Fenced>;
    fn set_vendor(device: DeviceId, has_vendor: bool) -> ();
    fn withdraw(device: DeviceId, message: MessageId, reason: Reason) -> Withdrawn;
    fn bind(device: DeviceId, user: Option<UserHash>) -> Option<Rebound>;
    fn revoke(device: DeviceId) -> Option<Rebound>;
    fn overflow(device: DeviceId) -> Option<Overflowed>;
    fn merge_overflow(device: DeviceId, told: Vec<MessageId>) -> ();
});

through_the_fault!(Messages {
    fn accept(message: Message) -> Accepted;
    fn message(id: MessageId) -> Option<Message>;
    fn messages_of_app(app: &AppId, before: Option<(UnixMillis, MessageId)>, limit: usize) -> Vec<Message>;
    fn overdue(now: UnixMillis, limit: usize) -> Vec<MessageId>;
    fn begin_release(id: MessageId, now: UnixMillis, feed_head: Option<FeedOffset>) -> Option<Message>;
    fn finish_segment(id: MessageId, segment: u8, now: UnixMillis) -> Option<Message>;
    fn complete(id: MessageId) -> ();
    fn change(id: MessageId, change: MessageChange) -> Option<std::result::Result<Message, ChangeRefused>>;
    fn put_shard(shard: Shard) -> Shard;
    fn shards(message: MessageId, after: Option<ShardId>, limit: usize) -> Vec<Shard>;
});

through_the_fault!(Notices {
    fn notify(gateway: GatewayRef, notices: Vec<Notice>) -> ();
});

through_the_fault!(Queues {
    fn send(queue: QueueName, items: Vec<Outgoing>) -> ();
    fn receive(queue: QueueName, max: usize, wait: Millis) -> Vec<Received>;
    fn delete(queue: QueueName, handles: Vec<ReceiptHandle>) -> ();
    fn retry(queue: QueueName, handle: ReceiptHandle, delay: Millis, reason: &str) -> ();
    fn give_up(queue: QueueName, item: Received, reason: &str) -> ();
    fn dead_letters(queue: QueueName, limit: usize) -> Vec<DeadLetter>;
    fn redrive(queue: QueueName, id: bytes::Bytes) -> ();
    fn depth(queue: QueueName) -> u64;
});

through_the_fault!(Timers {
    fn set_timer(tick: DueTick) -> ();
});

through_the_fault!(Events {
    fn publish(events: Vec<BusEvent>) -> ();
});

through_the_fault!(Settings {
    fn settings() -> FleetSettings;
    fn replace_settings(settings: FleetSettings) -> Replaced;
});

through_the_fault!(Statistics {
    fn add_statistics(batch: BatchId, app: &AppId, changes: Vec<(Period, Tally)>) -> ();
    fn statistics(app: &AppId, granularity: Granularity, from: UnixMillis, until: UnixMillis) -> Vec<(Period, Tally)>;
});
through_the_fault!(Ledger {
    fn record(batch: BatchId, receipts: Vec<Receipt>, about: Snapshots) -> Vec<Delivery>;
    fn version_label(app: &AppId, version: VersionLabel) -> VersionLabel;
    fn count(batch: BatchId, changes: Vec<(MessageId, Tally)>) -> ();
    fn count_targets(shard: ShardId, message: MessageId, devices: usize, covers: u32) -> ();
    fn claim_delivery(message: MessageId, device: DeviceId, channel: Channel, now: UnixMillis) -> Claimed;
    fn release_claim(message: MessageId, device: DeviceId) -> ();
    fn tally(message: MessageId) -> Tally;
    fn delivery(message: MessageId, device: DeviceId) -> Option<Delivery>;
    fn deliveries(message: MessageId, after: Option<DeviceId>, limit: usize) -> Vec<Delivery>;
});

through_the_fault!(Feeds {
    fn feed_head(app: &AppId) -> FeedOffset;
    fn put_feed_entry(app: &AppId, offset: FeedOffset, entry: FeedEntry) -> Created;
    fn feed_entries(app: &AppId, after: FeedOffset, limit: usize) -> Vec<(FeedOffset, FeedEntry)>;
    fn trim_feed(app: &AppId, through: FeedOffset) -> ();
});

through_the_fault!(Upstreams {
    fn store_upstream(upstream: Upstream) -> Created;
    fn upstreams(app: &AppId, after: u64, limit: usize) -> Vec<StoredUpstream>;
});
