//! The in-memory ports, call by call.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use homing_domain::mailbox::{
    Detached, Enqueue, Enqueued, Fenced, Mailbox, Overflowed, Rebound, TakenOver, Takeover, TakeoverRefused,
    Tombstoned, Trimmed, Withdrawn,
};
use homing_domain::{
    App, AppId, BusEvent, ChangeRefused, ConnSeq, Device, DeviceId, FeedEntry, FeedOffset, GatewayRef, Lease, Message,
    MessageChange, MessageId, Millis, Notice, Reason, Seq, Shard, ShardId, UnixMillis, Upstream, UserHash, UserId,
};
use homing_ports::{
    Accepted, Apps, Clock, Created, DeadLetter, Devices, Error, Events, Fault, Feeds, FleetSettings, Gateways,
    Mailboxes, Messages, NoticeSource, Notices, Outgoing, QueueName, Queues, ReceiptHandle, Received, Replaced, Result,
    Settings, StoredUpstream, Upstreams,
};

use crate::world::Ports;

const UNUSED: Error = Error::new(Fault::Broken, "nothing here calls this");

impl Clock for Ports {
    #[expect(clippy::disallowed_methods, reason = "these ports are the driver")]
    fn now(&self) -> UnixMillis {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        UnixMillis(u64::try_from(since_1970.as_millis()).unwrap()).plus(self.ahead.load(Ordering::Relaxed))
    }
}

impl Ports {
    fn with<T>(&self, device: DeviceId, change: impl FnOnce(&mut Mailbox) -> T) -> Option<T> {
        let answer = self.mailboxes.lock().unwrap().get_mut(&device).map(change);
        self.changed.notify_waiters();
        answer
    }
}

impl Mailboxes for Ports {
    async fn create_mailbox(&self, _: DeviceId, _: Mailbox) -> Result<Created> {
        Err(UNUSED)
    }

    async fn mailbox(&self, device: DeviceId) -> Result<Option<Mailbox>> {
        Ok(self.mailboxes.lock().unwrap().get(&device).cloned())
    }

    async fn enqueue(&self, _: Vec<(DeviceId, Enqueue)>) -> Result<Vec<Result<Enqueued>>> {
        Err(UNUSED)
    }

    async fn take_over(
        &self,
        device: DeviceId,
        takeover: Takeover,
    ) -> Result<std::result::Result<TakenOver, TakeoverRefused>> {
        let answer = self.take_over_now(device, takeover);
        self.changed.notify_waiters();
        let failing = self.takeovers_to_fail.try_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        if failing.is_ok() { Err(Error::new(Fault::Retry, "take over")) } else { Ok(answer) }
    }

    async fn tombstone(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        entries: Vec<(Seq, Reason)>,
    ) -> Result<std::result::Result<Tombstoned, Fenced>> {
        self.with(device, |mailbox| mailbox.tombstone(conn_seq, &entries)).ok_or(UNUSED)
    }

    async fn trim(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        expected_lo: Seq,
        through: Seq,
    ) -> Result<std::result::Result<Trimmed, Fenced>> {
        self.with(device, |mailbox| mailbox.trim(conn_seq, expected_lo, through)).ok_or(UNUSED)
    }

    async fn detach(
        &self,
        device: DeviceId,
        conn_seq: ConnSeq,
        sent: Seq,
    ) -> Result<std::result::Result<Detached, Fenced>> {
        self.with(device, |mailbox| mailbox.detach(conn_seq, sent)).ok_or(UNUSED)
    }

    async fn set_vendor(&self, _: DeviceId, _: bool) -> Result<()> {
        Err(UNUSED)
    }

    async fn withdraw(&self, _: DeviceId, _: MessageId, _: Reason) -> Result<Withdrawn> {
        Err(UNUSED)
    }

    async fn bind(&self, _: DeviceId, _: Option<UserHash>) -> Result<Option<Rebound>> {
        Err(UNUSED)
    }

    async fn revoke(&self, _: DeviceId) -> Result<Option<Rebound>> {
        Err(UNUSED)
    }

    async fn overflow(&self, _: DeviceId) -> Result<Option<Overflowed>> {
        Err(UNUSED)
    }

    async fn merge_overflow(&self, _: DeviceId, _: Vec<MessageId>) -> Result<()> {
        Err(UNUSED)
    }
}

impl Messages for Ports {
    async fn accept(&self, _: Message) -> Result<Accepted> {
        Err(UNUSED)
    }

    async fn message(&self, id: MessageId) -> Result<Option<Message>> {
        self.message_reads.fetch_add(1, Ordering::Relaxed);
        // Others ask in the meantime.
        tokio::task::yield_now().await;
        Ok(self.bodies.lock().unwrap().get(&id).cloned())
    }

    async fn messages_of_app(&self, _: &AppId, _: Option<(UnixMillis, MessageId)>, _: usize) -> Result<Vec<Message>> {
        Err(UNUSED)
    }

    async fn overdue(&self, _: UnixMillis, _: usize) -> Result<Vec<MessageId>> {
        Err(UNUSED)
    }

    async fn begin_release(&self, _: MessageId, _: UnixMillis, _: Option<FeedOffset>) -> Result<Option<Message>> {
        Err(UNUSED)
    }

    async fn finish_segment(&self, _: MessageId, _: u8, _: UnixMillis) -> Result<Option<Message>> {
        Err(UNUSED)
    }

    async fn complete(&self, _: MessageId) -> Result<()> {
        Err(UNUSED)
    }

    async fn change(
        &self,
        _: MessageId,
        _: MessageChange,
    ) -> Result<Option<std::result::Result<Message, ChangeRefused>>> {
        Err(UNUSED)
    }

    async fn put_shard(&self, _: Shard) -> Result<Shard> {
        Err(UNUSED)
    }

    async fn shards(&self, _: MessageId, _: Option<ShardId>, _: usize) -> Result<Vec<Shard>> {
        Err(UNUSED)
    }
}

impl Feeds for Ports {
    async fn feed_head(&self, _: &AppId) -> Result<FeedOffset> {
        Err(UNUSED)
    }

    async fn put_feed_entry(&self, _: &AppId, _: FeedOffset, _: FeedEntry) -> Result<Created> {
        Err(UNUSED)
    }

    async fn feed_entries(&self, app: &AppId, after: FeedOffset, limit: usize) -> Result<Vec<(FeedOffset, FeedEntry)>> {
        self.feed_reads.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_waiters();
        if self.feed_reads_to_fail.try_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
            return Err(Error::new(Fault::Retry, "read the feed"));
        }
        let feeds = self.feeds.lock().unwrap();
        let entries = feeds.get(app).into_iter().flatten().filter(|(offset, _)| **offset > after);
        Ok(entries.take(limit).map(|(offset, entry)| (*offset, *entry)).collect())
    }

    async fn trim_feed(&self, _: &AppId, _: FeedOffset) -> Result<()> {
        Err(UNUSED)
    }
}

impl Queues for Ports {
    async fn send(&self, queue: QueueName, items: Vec<Outgoing>) -> Result<()> {
        if queue == QueueName::Receipts && self.is_queue_down.load(Ordering::Relaxed) {
            self.refused.lock().unwrap().extend(items.into_iter().map(|item| item.body));
            self.changed.notify_waiters();
            return Err(Error::new(Fault::Retry, "send receipts"));
        }
        self.queues.lock().unwrap().extend(items.into_iter().map(|item| (queue, item.body)));
        self.changed.notify_waiters();
        Ok(())
    }

    async fn receive(&self, _: QueueName, _: usize, _: Millis) -> Result<Vec<Received>> {
        Err(UNUSED)
    }

    async fn delete(&self, _: QueueName, _: Vec<ReceiptHandle>) -> Result<()> {
        Err(UNUSED)
    }

    async fn retry(&self, _: QueueName, _: ReceiptHandle, _: Millis, _: &str) -> Result<()> {
        Err(UNUSED)
    }

    async fn give_up(&self, _: QueueName, _: Received, _: &str) -> Result<()> {
        Err(UNUSED)
    }

    async fn dead_letters(&self, _: QueueName, _: usize) -> Result<Vec<DeadLetter>> {
        Err(UNUSED)
    }

    async fn redrive(&self, _: QueueName, _: bytes::Bytes) -> Result<()> {
        Err(UNUSED)
    }

    async fn depth(&self, _: QueueName) -> Result<u64> {
        Err(UNUSED)
    }
}

impl Notices for Ports {
    async fn notify(&self, gateway: GatewayRef, notices: Vec<Notice>) -> Result<()> {
        let lives = self.leases.lock().unwrap().iter().any(|lease| lease.gateway == gateway);
        for notice in notices {
            self.notified.lock().unwrap().push((gateway, notice.clone()));
            if lives {
                self.inbox.lock().unwrap().push_back((Some(gateway), notice));
            }
        }
        self.changed.notify_waiters();
        Ok(())
    }
}

impl Events for Ports {
    async fn publish(&self, events: Vec<BusEvent>) -> Result<()> {
        if self.is_bus_down.load(Ordering::Relaxed) {
            return Err(Error::new(Fault::Retry, "publish"));
        }
        self.events.lock().unwrap().extend(events);
        self.changed.notify_waiters();
        Ok(())
    }
}

impl NoticeSource for Ports {
    async fn take_notices(&self, gateway: GatewayRef, max: usize, wait: Millis) -> Result<Vec<Notice>> {
        if self.takes_to_fail.try_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
            self.inbox.lock().unwrap().clear();
            return Err(Error::new(Fault::Retry, "take notices"));
        }
        let some = async {
            loop {
                let changed = self.changed.notified();
                let mut changed = std::pin::pin!(changed);
                changed.as_mut().enable();
                {
                    let mut inbox = self.inbox.lock().unwrap();
                    let (mine, others) = inbox.drain(..).partition(|(to, _)| to.is_none_or(|to| to == gateway));
                    *inbox = others;
                    let mut mine: VecDeque<(Option<GatewayRef>, Notice)> = mine;
                    if !mine.is_empty() {
                        let rest = mine.split_off(max.min(mine.len()));
                        rest.into_iter().rev().for_each(|notice| inbox.push_front(notice));
                        return mine.into_iter().map(|(_, notice)| notice).collect();
                    }
                }
                changed.await;
            }
        };
        Ok(tokio::time::timeout(Duration::from_millis(wait), some).await.unwrap_or_default())
    }
}

impl Gateways for Ports {
    async fn renew_lease(&self, lease: Lease) -> Result<bool> {
        self.leases.lock().unwrap().push(lease);
        self.changed.notify_waiters();
        Ok(true)
    }

    async fn end_lease(&self, gateway: GatewayRef) -> Result<()> {
        self.leases.lock().unwrap().retain(|lease| lease.gateway != gateway);
        Ok(())
    }

    async fn leases(&self) -> Result<Vec<Lease>> {
        Err(UNUSED)
    }
}

impl Devices for Ports {
    async fn create_device(&self, _: Device) -> Result<Created> {
        Err(UNUSED)
    }

    async fn devices(&self, _: Vec<DeviceId>) -> Result<Vec<Option<Device>>> {
        Err(UNUSED)
    }

    async fn device(&self, id: &DeviceId) -> Result<Option<Device>> {
        self.device_reads.fetch_add(1, Ordering::Relaxed);
        Ok(self.devices.lock().unwrap().get(id).cloned())
    }

    async fn replace_device(&self, _: Device) -> Result<Replaced> {
        Err(UNUSED)
    }

    async fn touch_device(&self, id: &DeviceId, seen_at: UnixMillis) -> Result<()> {
        if self.is_directory_stuck.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.seen.lock().unwrap().push((*id, seen_at));
        self.changed.notify_waiters();
        Ok(())
    }

    async fn delete_device(&self, _: &DeviceId) -> Result<()> {
        Err(UNUSED)
    }

    async fn devices_of_app(&self, _: &AppId, _: u8, _: Option<DeviceId>, _: usize) -> Result<Vec<Device>> {
        Err(UNUSED)
    }

    async fn devices_of_user(&self, _: &AppId, _: &UserId, _: usize) -> Result<Vec<DeviceId>> {
        Err(UNUSED)
    }
}

impl Settings for Ports {
    async fn settings(&self) -> Result<FleetSettings> {
        Ok(FleetSettings { heartbeat: *self.heartbeat.lock().unwrap(), ..FleetSettings::default() })
    }

    async fn replace_settings(&self, _: FleetSettings) -> Result<Replaced> {
        Err(UNUSED)
    }
}

impl Apps for Ports {
    async fn create_app(&self, _: App) -> Result<Created> {
        Err(UNUSED)
    }

    async fn app(&self, _: &AppId) -> Result<Option<App>> {
        self.app_reads.fetch_add(1, Ordering::Relaxed);
        Ok(self.app.lock().unwrap().clone())
    }

    async fn apps(&self, _: Option<&AppId>, _: usize) -> Result<Vec<App>> {
        Err(UNUSED)
    }

    async fn replace_app(&self, _: App) -> Result<Replaced> {
        Err(UNUSED)
    }

    async fn delete_app(&self, _: &AppId) -> Result<()> {
        Err(UNUSED)
    }
}

impl Upstreams for Ports {
    async fn store_upstream(&self, upstream: Upstream) -> Result<Created> {
        self.upstreams.lock().unwrap().push(upstream);
        self.changed.notify_waiters();
        Ok(Created::New)
    }

    async fn upstreams(&self, _: &AppId, _: u64, _: usize) -> Result<Vec<StoredUpstream>> {
        Err(UNUSED)
    }
}
