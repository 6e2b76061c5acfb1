//! A store as its callers use it: what fails with [`Fault::Retry`] is done again.

use homing_domain::mailbox::{
    Detached, Enqueue, Enqueued, Fenced, Mailbox, Overflowed, Rebound, TakenOver, Takeover, TakeoverRefused,
    Tombstoned, Trimmed, Withdrawn,
};
use homing_domain::{
    App, AppId, AudienceId, BatchId, BusEvent, ChangeRefused, Channel, ChannelConfig, Claimed, ConnSeq, Delivery,
    Device, DeviceId, DueTick, FeedEntry, FeedOffset, GatewayRef, Lease, Member, MemberKey, Message, MessageChange,
    MessageId, Millis, Notice, Reason, Receipt, Seq, Shard, ShardId, Tally, Throttle, UnixMillis, UploadedAudience,
    Upstream, UserHash, UserId,
};
use homing_ports::{
    Accepted, Apps, Audiences, Created, DeadLetter, Devices, Events, Fault, Feeds, FleetSettings, Gateways, Ledger,
    Mailboxes, Messages, NoticeSource, Notices, Outgoing, QueueName, Queues, ReceiptHandle, Received, Replaced, Result,
    Settings, Statistics, StoredUpstream, Throttles, Timers, Upstreams, VendorChannels, VendorTokens,
};
use homing_store_aws::AwsStore;

/// Tries of one call. A share of faults that needs more is no light one.
const TRIES_MAX: usize = 12;

/// The store, tried again.
#[derive(Clone, Debug)]
pub(crate) struct Retrying(pub(super) AwsStore);

fn is_retry<T>(outcome: &Result<T>) -> bool {
    outcome.as_ref().is_err_and(|error| error.fault == Fault::Retry)
}

/// Makes each port of `Retrying` from the calls' signatures.
macro_rules! retried {
    ($($port:ident { $(fn $call:ident($($name:ident: $type:ty),*) -> $answer:ty;)+ })+) => {
        $(
            impl $port for Retrying {
                $(
                    async fn $call(&self, $($name: $type),*) -> Result<$answer> {
                        let mut outcome = self.0.$call($(Clone::clone(&$name)),*).await;
                        for _ in 1..TRIES_MAX {
                            if !is_retry(&outcome) {
                                break;
                            }
                            outcome = self.0.$call($(Clone::clone(&$name)),*).await;
                        }
                        outcome
                    }
                )+
            }
        )+
    };
}

retried! {
    Apps {
        fn create_app(app: App) -> Created;
        fn app(id: &AppId) -> Option<App>;
        fn apps(after: Option<&AppId>, limit: usize) -> Vec<App>;
        fn replace_app(app: App) -> Replaced;
        fn delete_app(id: &AppId) -> ();
    }
    Settings {
        fn settings() -> FleetSettings;
        fn replace_settings(settings: FleetSettings) -> Replaced;
    }
    Devices {
        fn create_device(device: Device) -> Created;
        fn device(id: &DeviceId) -> Option<Device>;
        fn devices(ids: Vec<DeviceId>) -> Vec<Option<Device>>;
        fn touch_device(id: &DeviceId, seen_at: UnixMillis) -> ();
        fn replace_device(device: Device) -> Replaced;
        fn delete_device(id: &DeviceId) -> ();
        fn devices_of_app(app: &AppId, segment: u8, after: Option<DeviceId>, limit: usize) -> Vec<Device>;
        fn devices_of_user(app: &AppId, user: &UserId, limit: usize) -> Vec<DeviceId>;
    }
    Audiences {
        fn create_audience(audience: UploadedAudience) -> Created;
        fn audience(id: AudienceId) -> Option<UploadedAudience>;
        fn audiences_of_app(app: &AppId, after: Option<AudienceId>, limit: usize) -> Vec<UploadedAudience>;
        fn add_members(id: AudienceId, members: Vec<Member>) -> ();
        fn finish_audience(id: AudienceId) -> Option<UploadedAudience>;
        fn members(id: AudienceId, segment: u8, after: Option<MemberKey>, limit: usize) -> Vec<Member>;
        fn are_members(id: AudienceId, keys: Vec<MemberKey>) -> Vec<bool>;
        fn delete_audience(id: AudienceId) -> ();
    }
    Messages {
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
    }
    Ledger {
        fn record(batch: BatchId, receipts: Vec<Receipt>, about: homing_domain::Snapshots) -> Vec<Delivery>;
        fn version_label(app: &AppId, version: homing_domain::VersionLabel) -> homing_domain::VersionLabel;
        fn count(batch: BatchId, changes: Vec<(MessageId, Tally)>) -> ();
        fn count_targets(shard: ShardId, message: MessageId, devices: usize, covers: u32) -> ();
        fn claim_delivery(message: MessageId, device: DeviceId, channel: Channel, now: UnixMillis) -> Claimed;
        fn release_claim(message: MessageId, device: DeviceId) -> ();
        fn tally(message: MessageId) -> Tally;
        fn delivery(message: MessageId, device: DeviceId) -> Option<Delivery>;
        fn deliveries(message: MessageId, after: Option<DeviceId>, limit: usize) -> Vec<Delivery>;
    }
    Statistics {
        fn add_statistics(batch: BatchId, app: &AppId, changes: Vec<(homing_domain::Period, Tally)>) -> ();
        fn statistics(app: &AppId, granularity: homing_domain::Granularity, from: UnixMillis, until: UnixMillis) -> Vec<(homing_domain::Period, Tally)>;
    }
    Feeds {
        fn feed_head(app: &AppId) -> FeedOffset;
        fn put_feed_entry(app: &AppId, offset: FeedOffset, entry: FeedEntry) -> Created;
        fn feed_entries(app: &AppId, after: FeedOffset, limit: usize) -> Vec<(FeedOffset, FeedEntry)>;
        fn trim_feed(app: &AppId, through: FeedOffset) -> ();
    }
    Queues {
        fn send(queue: QueueName, items: Vec<Outgoing>) -> ();
        fn receive(queue: QueueName, max: usize, wait: Millis) -> Vec<Received>;
        fn delete(queue: QueueName, handles: Vec<ReceiptHandle>) -> ();
        fn retry(queue: QueueName, handle: ReceiptHandle, delay: Millis, reason: &str) -> ();
        fn give_up(queue: QueueName, item: Received, reason: &str) -> ();
        fn dead_letters(queue: QueueName, limit: usize) -> Vec<DeadLetter>;
        fn redrive(queue: QueueName, id: bytes::Bytes) -> ();
        fn depth(queue: QueueName) -> u64;
    }
    Notices {
        fn notify(gateway: GatewayRef, notices: Vec<Notice>) -> ();
    }
    NoticeSource {
        fn take_notices(gateway: GatewayRef, max: usize, wait: Millis) -> Vec<Notice>;
    }
    Gateways {
        fn renew_lease(lease: Lease) -> bool;
        fn end_lease(gateway: GatewayRef) -> ();
        fn leases() -> Vec<Lease>;
    }
    Upstreams {
        fn store_upstream(upstream: Upstream) -> Created;
        fn upstreams(app: &AppId, after: u64, limit: usize) -> Vec<StoredUpstream>;
    }
    VendorChannels {
        fn channel_config(app: &AppId, channel: Channel) -> Option<ChannelConfig>;
        fn replace_channel_config(config: ChannelConfig) -> Replaced;
        fn delete_channel_config(app: &AppId, channel: Channel) -> ();
        fn channel_configs(after: Option<(AppId, Channel)>, limit: usize) -> Vec<ChannelConfig>;
    }
    Throttles {
        fn throttle(app: &AppId, channel: Channel) -> Throttle;
        fn replace_throttle(app: &AppId, channel: Channel, throttle: Throttle) -> Replaced;
    }
    VendorTokens {
        fn token_owner(app: &AppId, channel: Channel, token: &str) -> Option<DeviceId>;
        fn claim_token(app: &AppId, channel: Channel, token: &str, device: DeviceId) -> Option<DeviceId>;
        fn release_token(app: &AppId, channel: Channel, token: &str, device: DeviceId) -> ();
    }
    Timers {
        fn set_timer(tick: DueTick) -> ();
    }
    Events {
        fn publish(events: Vec<BusEvent>) -> ();
    }
}

/// A mailbox call, tried again.
macro_rules! again {
    ($call:expr) => {{
        let mut outcome = $call.await;
        for _ in 1..TRIES_MAX {
            if !is_retry(&outcome) {
                break;
            }
            outcome = $call.await;
        }
        outcome
    }};
}

type Decided<T, E> = Result<std::result::Result<T, E>>;

impl Mailboxes for Retrying {
    async fn create_mailbox(&self, device: DeviceId, mailbox: Mailbox) -> Result<Created> {
        again!(self.0.create_mailbox(device, mailbox.clone()))
    }

    async fn mailbox(&self, device: DeviceId) -> Result<Option<Mailbox>> {
        again!(self.0.mailbox(device))
    }

    async fn enqueue(&self, requests: Vec<(DeviceId, Enqueue)>) -> Result<Vec<Result<Enqueued>>> {
        let mut fates = again!(self.0.enqueue(requests.clone()))?;
        for (fate, request) in fates.iter_mut().zip(requests) {
            for _ in 1..TRIES_MAX {
                if !is_retry(fate) {
                    break;
                }
                *fate = self.0.enqueue(vec![request.clone()]).await?.remove(0);
            }
        }
        Ok(fates)
    }

    async fn take_over(&self, device: DeviceId, takeover: Takeover) -> Decided<TakenOver, TakeoverRefused> {
        again!(self.0.take_over(device, takeover))
    }

    async fn tombstone(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        entries: Vec<(Seq, Reason)>,
    ) -> Decided<Tombstoned, Fenced> {
        again!(self.0.tombstone(device, conn_seq, entries.clone()))
    }

    async fn trim(&self, device: DeviceId, conn_seq: ConnSeq, lo: Seq, through: Seq) -> Decided<Trimmed, Fenced> {
        again!(self.0.trim(device, conn_seq, lo, through))
    }

    async fn detach(&self, device: DeviceId, conn_seq: ConnSeq, sent: Seq) -> Decided<Detached, Fenced> {
        again!(self.0.detach(device, conn_seq, sent))
    }

    async fn set_vendor(&self, device: DeviceId, has_vendor: bool) -> Result<()> {
        again!(self.0.set_vendor(device, has_vendor))
    }

    async fn withdraw(&self, device: DeviceId, message: MessageId, reason: Reason) -> Result<Withdrawn> {
        again!(self.0.withdraw(device, message, reason))
    }

    async fn bind(&self, device: DeviceId, user: Option<UserHash>) -> Result<Option<Rebound>> {
        again!(self.0.bind(device, user))
    }

    async fn revoke(&self, device: DeviceId) -> Result<Option<Rebound>> {
        again!(self.0.revoke(device))
    }

    async fn overflow(&self, device: DeviceId) -> Result<Option<Overflowed>> {
        again!(self.0.overflow(device))
    }

    async fn merge_overflow(&self, device: DeviceId, told: Vec<MessageId>) -> Result<()> {
        again!(self.0.merge_overflow(device, told.clone()))
    }
}
