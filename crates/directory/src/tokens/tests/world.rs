//! Devices, mailboxes and the index in memory, whose calls of several callers come in the order that a schedule says.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use homing_domain::mailbox::{
    Detached, Enqueue, Enqueued, Fenced, Mailbox, Overflowed, Rebound, TakenOver, Takeover, TakeoverRefused,
    Tombstoned, Trimmed, Withdrawn,
};
use homing_domain::{
    AppId, Channel, ConnSeq, Device, DeviceId, DeviceProfile, MessageId, Platform, Preferences, Reason, Seq,
    UnixMillis, UserHash, UserId, VendorToken,
};
use homing_ports::{Created, Devices, Mailboxes, Replaced, Result, VendorTokens};

pub(super) const APP: &str = "demo";

pub(super) fn id(n: u8) -> DeviceId {
    DeviceId::from_bytes([n; 16])
}

pub(super) fn token(text: &str, since: UnixMillis) -> VendorToken {
    VendorToken { channel: "fcm".into(), token: text.into(), since }
}

#[derive(Default)]
struct Items {
    rows: HashMap<DeviceId, Device>,
    mailboxes: HashMap<DeviceId, Mailbox>,
    /// Who has a token, and who had it before.
    owners: HashMap<(Channel, String), (DeviceId, Option<DeviceId>)>,
}

#[derive(Default)]
pub(super) struct World(Mutex<Items>);

/// Runs callers to their ends. Before each call the schedule's next bit says whose is next, once for each step; without bits the
/// first goes on, then the next.
pub(super) fn interleaved<T>(mut schedule: u32, callers: Vec<Pin<Box<dyn Future<Output = T> + '_>>>) -> Vec<T> {
    let mut context = Context::from_waker(Waker::noop());
    let mut answers: Vec<Option<T>> = callers.iter().map(|_| None).collect();
    let mut callers = callers;
    while let Some(first) = answers.iter().position(Option::is_none) {
        let wanted = (schedule & 1) as usize;
        schedule >>= 1;
        let next = if answers.get(wanted).is_some_and(Option::is_none) { wanted } else { first };
        if let Poll::Ready(answer) = callers[next].as_mut().poll(&mut context) {
            answers[next] = Some(answer);
        }
    }
    answers.into_iter().flatten().collect()
}

/// Lets another caller go first.
async fn step() {
    let mut waited = false;
    poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl World {
    pub(super) fn with_devices(devices: &[u8]) -> Self {
        let world = Self::default();
        for n in devices {
            let mut items = world.lock();
            items.rows.insert(id(*n), row(id(*n)));
            items.mailboxes.insert(id(*n), Mailbox::new(APP.parse().unwrap(), 1, 1, None));
        }
        world
    }

    pub(super) fn token_of(&self, n: u8) -> Option<String> {
        self.lock().rows[&id(n)].vendor.as_ref().map(|vendor| vendor.token.clone())
    }

    pub(super) fn owner(&self, token: &str) -> Option<DeviceId> {
        self.lock().owners.get(&(Channel::Fcm, token.to_owned())).map(|(owner, _)| *owner)
    }

    pub(super) fn has_vendor(&self, n: u8) -> bool {
        self.lock().mailboxes[&id(n)].has_vendor
    }

    fn lock(&self) -> MutexGuard<'_, Items> {
        self.0.lock().unwrap()
    }

    async fn call<T>(&self, does: impl FnOnce(&mut Items) -> T) -> Result<T> {
        step().await;
        Ok(does(&mut self.lock()))
    }
}

fn row(id: DeviceId) -> Device {
    let at = UnixMillis(0);
    Device {
        id,
        app: APP.parse().unwrap(),
        profile: DeviceProfile {
            platform: Platform::Android,
            brand: None,
            model: None,
            os_version: None,
            app_version: None,
            locale: None,
            timezone: None,
            notifications_enabled: true,
        },
        vendor: None,
        user: None,
        user_since: None,
        preferences: Preferences::default(),
        tags: Vec::new(),
        epoch: 1,
        key_id: 1,
        credential_generation: 1,
        created_at: at,
        updated_at: at,
        seen_at: at,
        revision: 1,
        lanes: Vec::new(),
    }
}

impl VendorTokens for World {
    async fn token_owner(&self, _: &AppId, channel: Channel, token: &str) -> Result<Option<DeviceId>> {
        self.call(|items| items.owners.get(&(channel, token.to_owned())).map(|(owner, _)| *owner)).await
    }

    async fn claim_token(
        &self,
        _: &AppId,
        channel: Channel,
        token: &str,
        device: DeviceId,
    ) -> Result<Option<DeviceId>> {
        self.call(|items| {
            let owned = items.owners.entry((channel, token.to_owned())).or_insert((device, None));
            if owned.0 != device {
                *owned = (device, Some(owned.0));
            }
            owned.1
        })
        .await
    }

    async fn release_token(&self, _: &AppId, channel: Channel, token: &str, device: DeviceId) -> Result<()> {
        let key = (channel, token.to_owned());
        self.call(|items| {
            if items.owners.get(&key).is_some_and(|(owner, _)| *owner == device) {
                items.owners.remove(&key);
            }
        })
        .await
    }
}

impl Devices for World {
    async fn device(&self, id: &DeviceId) -> Result<Option<Device>> {
        self.call(|items| items.rows.get(id).cloned()).await
    }

    async fn replace_device(&self, device: Device) -> Result<Replaced> {
        self.call(|items| match items.rows.get_mut(&device.id) {
            Some(row) if row.revision + 1 == device.revision => {
                *row = device;
                Replaced::Done
            }
            _ => Replaced::Changed,
        })
        .await
    }

    async fn create_device(&self, _: Device) -> Result<Created> {
        unreachable!()
    }

    async fn devices(&self, _: Vec<DeviceId>) -> Result<Vec<Option<Device>>> {
        unreachable!()
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

impl Mailboxes for World {
    async fn mailbox(&self, device: DeviceId) -> Result<Option<Mailbox>> {
        self.call(|items| items.mailboxes.get(&device).cloned()).await
    }

    async fn set_vendor(&self, device: DeviceId, has_vendor: bool) -> Result<()> {
        self.call(|items| {
            if let Some(mailbox) = items.mailboxes.get_mut(&device) {
                mailbox.has_vendor = has_vendor;
            }
        })
        .await
    }

    async fn create_mailbox(&self, _: DeviceId, _: Mailbox) -> Result<Created> {
        unreachable!()
    }

    async fn bind(&self, _: DeviceId, _: Option<UserHash>) -> Result<Option<Rebound>> {
        unreachable!()
    }

    async fn enqueue(&self, _: Vec<(DeviceId, Enqueue)>) -> Result<Vec<Result<Enqueued>>> {
        unreachable!()
    }

    async fn take_over(&self, _: DeviceId, _: Takeover) -> Result<std::result::Result<TakenOver, TakeoverRefused>> {
        unreachable!()
    }

    async fn tombstone(
        &self,
        _: DeviceId,
        _: ConnSeq,
        _: Vec<(Seq, Reason)>,
    ) -> Result<std::result::Result<Tombstoned, Fenced>> {
        unreachable!()
    }

    async fn trim(&self, _: DeviceId, _: ConnSeq, _: Seq, _: Seq) -> Result<std::result::Result<Trimmed, Fenced>> {
        unreachable!()
    }

    async fn detach(&self, _: DeviceId, _: ConnSeq, _: Seq) -> Result<std::result::Result<Detached, Fenced>> {
        unreachable!()
    }

    async fn withdraw(&self, _: DeviceId, _: MessageId, _: Reason) -> Result<Withdrawn> {
        unreachable!()
    }

    async fn revoke(&self, _: DeviceId) -> Result<Option<Rebound>> {
        unreachable!()
    }

    async fn overflow(&self, _: DeviceId) -> Result<Option<Overflowed>> {
        unreachable!()
    }

    async fn merge_overflow(&self, _: DeviceId, _: Vec<MessageId>) -> Result<()> {
        unreachable!()
    }
}
