//! A directory and mailboxes in memory, which fail when they are told to.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use axum::body::Bytes;
use futures_util::FutureExt as _;
use homing_domain::mailbox::{
    Detached, Enqueue, Enqueued, Fenced, Mailbox, Overflowed, Rebound, TakenOver, Takeover, TakeoverRefused,
    Tombstoned, Trimmed, Withdrawn,
};
use homing_domain::{
    AppId, Channel, ConnSeq, Device, DeviceId, GatewayRef, MessageId, Millis, Notice, Reason, Seq, UnixMillis,
    UserHash, UserId,
};
use homing_ports::{
    Created, DeadLetter, Devices, Error, Fault, Mailboxes, Notices, Outgoing, QueueName, Queues, ReceiptHandle,
    Received, Replaced, Result, VendorTokens,
};

const UNUSED: Error = Error::new(Fault::Broken, "nothing here calls this");
const CRASHED: Error = Error::new(Fault::Retry, "go on");

#[derive(Default)]
struct Items {
    mailboxes: HashMap<DeviceId, Mailbox>,
    rows: HashMap<DeviceId, Device>,
    owners: HashMap<(Channel, String), DeviceId>,
    calls: Vec<&'static str>,
    /// It goes on with every look at it and every write.
    clock: u64,
    nobody_since: UnixMillis,
    /// The call with this number fails and all after it, and whether it takes effect all the same.
    crash: Option<(usize, bool)>,
}

/// Both of them.
#[derive(Default)]
pub(super) struct World(Mutex<Items>);

/// Runs what waits for nothing but its ports.
pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("a stage waits for its ports only")
}

impl World {
    pub(super) fn items(&self, id: DeviceId) -> (Mailbox, Device) {
        let items = self.lock();
        (items.mailboxes[&id].clone(), items.rows[&id].clone())
    }

    pub(super) fn change_mailbox(&self, id: DeviceId, change: impl FnOnce(&mut Mailbox)) {
        change(self.lock().mailboxes.get_mut(&id).unwrap());
    }

    pub(super) fn change_row(&self, id: DeviceId, change: impl FnOnce(&mut Device)) {
        change(self.lock().rows.get_mut(&id).unwrap());
    }

    /// Who is known to have a token.
    pub(super) fn owner(&self, token: &str) -> Option<DeviceId> {
        self.lock().owners.get(&(Channel::Fcm, token.to_owned())).copied()
    }

    pub(super) fn has_row(&self, id: DeviceId) -> bool {
        self.lock().rows.contains_key(&id)
    }

    /// A clock that goes on.
    pub(super) fn later(&self) -> UnixMillis {
        let mut items = self.lock();
        items.clock += 1;
        UnixMillis(items.clock)
    }

    /// When a row was last written without a user.
    pub(super) fn nobody_since(&self) -> UnixMillis {
        self.lock().nobody_since
    }

    /// The calls since the last time.
    pub(super) fn take_calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.lock().calls)
    }

    /// The process dies at its nth call from now.
    pub(super) fn crash_at(&self, call: usize, takes_effect: bool) {
        let mut items = self.lock();
        items.calls.clear();
        items.crash = Some((call, takes_effect));
    }

    pub(super) fn mend(&self) {
        self.lock().crash = None;
    }

    fn lock(&self) -> MutexGuard<'_, Items> {
        self.0.lock().unwrap()
    }

    fn call<T>(&self, name: &'static str, work: impl FnOnce(&mut Items) -> T) -> Result<T> {
        let mut items = self.lock();
        let number = items.calls.len();
        items.calls.push(name);
        match items.crash {
            Some((at, takes_effect)) if number >= at => {
                if number == at && takes_effect {
                    work(&mut items);
                }
                Err(CRASHED)
            }
            _ => Ok(work(&mut items)),
        }
    }
}

impl Devices for World {
    async fn create_device(&self, device: Device) -> Result<Created> {
        self.call("create_device", |items| {
            if items.rows.contains_key(&device.id) {
                return Created::Exists;
            }
            items.rows.insert(device.id, device);
            Created::New
        })
    }

    async fn devices(&self, _: Vec<DeviceId>) -> Result<Vec<Option<Device>>> {
        Err(UNUSED)
    }

    async fn device(&self, id: &DeviceId) -> Result<Option<Device>> {
        self.call("device", |items| items.rows.get(id).cloned())
    }

    async fn replace_device(&self, device: Device) -> Result<Replaced> {
        self.call("replace_device", |items| match items.rows.get_mut(&device.id) {
            Some(row) if row.revision + 1 == device.revision => {
                items.clock += 1;
                if device.user.is_none() {
                    items.nobody_since = UnixMillis(items.clock);
                }
                *row = device;
                Replaced::Done
            }
            _ => Replaced::Changed,
        })
    }

    async fn touch_device(&self, _: &DeviceId, _: UnixMillis) -> Result<()> {
        Err(UNUSED)
    }

    async fn delete_device(&self, id: &DeviceId) -> Result<()> {
        self.call("delete_device", |items| {
            items.rows.remove(id);
        })
    }

    async fn devices_of_app(&self, _: &AppId, _: u8, _: Option<DeviceId>, _: usize) -> Result<Vec<Device>> {
        Err(UNUSED)
    }

    async fn devices_of_user(&self, _: &AppId, _: &UserId, _: usize) -> Result<Vec<DeviceId>> {
        Err(UNUSED)
    }
}

impl Mailboxes for World {
    async fn create_mailbox(&self, device: DeviceId, mailbox: Mailbox) -> Result<Created> {
        self.call("create_mailbox", |items| {
            if items.mailboxes.contains_key(&device) {
                return Created::Exists;
            }
            items.mailboxes.insert(device, mailbox);
            Created::New
        })
    }

    async fn mailbox(&self, device: DeviceId) -> Result<Option<Mailbox>> {
        self.call("mailbox", |items| items.mailboxes.get(&device).cloned())
    }

    async fn set_vendor(&self, device: DeviceId, has_vendor: bool) -> Result<()> {
        self.call("set_vendor", |items| {
            if let Some(mailbox) = items.mailboxes.get_mut(&device) {
                mailbox.has_vendor = has_vendor;
            }
        })
    }

    async fn bind(&self, device: DeviceId, user: Option<UserHash>) -> Result<Option<Rebound>> {
        self.call("bind", |items| items.mailboxes.get_mut(&device).map(|mailbox| mailbox.bind(user)))
    }

    async fn enqueue(&self, _: Vec<(DeviceId, Enqueue)>) -> Result<Vec<Result<Enqueued>>> {
        Err(UNUSED)
    }

    async fn take_over(&self, _: DeviceId, _: Takeover) -> Result<std::result::Result<TakenOver, TakeoverRefused>> {
        Err(UNUSED)
    }

    async fn tombstone(
        &self,
        _: DeviceId,
        _: ConnSeq,
        _: Vec<(Seq, Reason)>,
    ) -> Result<std::result::Result<Tombstoned, Fenced>> {
        Err(UNUSED)
    }

    async fn trim(&self, _: DeviceId, _: ConnSeq, _: Seq, _: Seq) -> Result<std::result::Result<Trimmed, Fenced>> {
        Err(UNUSED)
    }

    async fn detach(&self, _: DeviceId, _: ConnSeq, _: Seq) -> Result<std::result::Result<Detached, Fenced>> {
        Err(UNUSED)
    }

    async fn withdraw(&self, _: DeviceId, _: MessageId, _: Reason) -> Result<Withdrawn> {
        Err(UNUSED)
    }

    async fn revoke(&self, device: DeviceId) -> Result<Option<Rebound>> {
        self.call("revoke", |items| items.mailboxes.get_mut(&device).map(Mailbox::revoke))
    }

    async fn overflow(&self, _: DeviceId) -> Result<Option<Overflowed>> {
        Err(UNUSED)
    }

    async fn merge_overflow(&self, _: DeviceId, _: Vec<MessageId>) -> Result<()> {
        Err(UNUSED)
    }
}

impl VendorTokens for World {
    async fn token_owner(&self, _: &AppId, channel: Channel, token: &str) -> Result<Option<DeviceId>> {
        self.call("token_owner", |items| items.owners.get(&(channel, token.to_owned())).copied())
    }

    async fn claim_token(
        &self,
        _: &AppId,
        channel: Channel,
        token: &str,
        device: DeviceId,
    ) -> Result<Option<DeviceId>> {
        self.call("claim_token", |items| {
            items.owners.insert((channel, token.to_owned()), device).filter(|before| *before != device)
        })
    }

    async fn release_token(&self, _: &AppId, channel: Channel, token: &str, device: DeviceId) -> Result<()> {
        self.call("release_token", |items| {
            let key = (channel, token.to_owned());
            if items.owners.get(&key) == Some(&device) {
                items.owners.remove(&key);
            }
        })
    }
}

impl Notices for World {
    async fn notify(&self, _: GatewayRef, _: Vec<Notice>) -> Result<()> {
        Err(UNUSED)
    }
}

impl Queues for World {
    async fn send(&self, _: QueueName, _: Vec<Outgoing>) -> Result<()> {
        Err(UNUSED)
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

    async fn redrive(&self, _: QueueName, _: Bytes) -> Result<()> {
        Err(UNUSED)
    }

    async fn depth(&self, _: QueueName) -> Result<u64> {
        Err(UNUSED)
    }
}
