//! Devices and whose they are.
//!
//! | operation | requests | WRU | RRU |
//! |---|---|---|---|
//! | create_device | 1 | 1 + 1 (`by_segment`) | |
//! | create_device with a user | 1 | 4 + 1 (transaction: device, index) | |
//! | device | 1 | | 1 |
//! | devices | 1 per 100 | | 0.5 each |
//! | touch_device | 1 | 1 + 1 | |
//! | replace_device, same user | 1 | 1 + 1 | |
//! | the same, bound to a user and changed later | 2 | 1 + 1 + 1 (index) | |
//! | replace_device, another user | 2 | 1 (refused) + 4 to 6 (transaction) + 1 | |
//! | delete_device | 1, bound to a user 2 | 1 + 1, bound 1 (refused) + 4 + 1 | |
//! | devices_of_app | 1 per MiB | | 0.5 per 4 KiB: 2 to 3 devices a KiB |
//! | devices_of_user | 1 | | 1 for up to 40 devices |
//!
//! The index of users is made of items of this table and changes in one transaction with the device, so a push to a user
//! finds every device that is bound, at once. Only the time by which its entries are ordered is written after the device,
//! and may lag by a change.

mod row;
#[cfg(test)]
mod tests;
mod user_index;

use std::collections::{HashMap, HashSet};

use homing_domain::{AppId, Device, DeviceId, UnixMillis, UserId};
use homing_ports::{Created, Devices, Error, Fault, Replaced, Result};

use self::user_index::Owner;
use crate::AwsStore;
use crate::batch::Freshness;
use crate::compare_and_swap::pause;
use crate::directory::{call, device_key, segment_partition};
use crate::expression::Expression;
use crate::item::binary;
use crate::one_item::{Call, Query, Written};
use crate::schema::DEVICES_BY_SEGMENT;
use crate::transaction::{Transacted, Write};

/// Times that a change starts anew because the device was bound to somebody else meanwhile.
const OWNER_MAX_ATTEMPTS: u32 = 5;

/// The stored device is the one that was read, and whose index entry is known.
fn replaces(before: u64, owner: Option<&UserId>) -> Expression {
    match owner {
        Some(user) => Expression::condition("#rv = :before AND #us = :user").value("user", user.clone()),
        None => Expression::condition("#rv = :before AND attribute_not_exists(#us)"),
    }
    .value("before", before)
}

/// The device has no index entry, or is gone.
fn is_unowned() -> Expression {
    Expression::condition("attribute_not_exists(#us)")
}

/// The device has this index entry.
fn is_owned_by(user: &UserId) -> Expression {
    Expression::condition("#us = :user").value("user", user.clone())
}

fn in_segment(app: &AppId, segment: u8, after: Option<DeviceId>) -> Expression {
    let expression = match after {
        Some(after) => Expression::key("#sp = :segment AND #ss > :after").value("after", after),
        None => Expression::key("#sp = :segment"),
    };
    expression.value("segment", binary(segment_partition(app, segment)))
}

impl Devices for AwsStore {
    async fn create_device(&self, device: Device) -> Result<Created> {
        let call = call("create the device");
        let put = row::write(&device);
        let created = match Owner::of(&device) {
            None => match self.put(call, put, Expression::absent()).await? {
                Written::Done(_) => Created::New,
                Written::Refused(_) => Created::Exists,
            },
            Some(owner) => {
                let entry = owner.entry(&device);
                let writes = |_| {
                    vec![Write::Put(put.clone(), Expression::absent()), Write::Put(entry.clone(), Expression::none())]
                };
                match self.transact(call, writes).await? {
                    Transacted::Done => Created::New,
                    Transacted::Refused(_) => Created::Exists,
                }
            }
        };
        Ok(created)
    }

    async fn device(&self, id: &DeviceId) -> Result<Option<Device>> {
        let call = call("read the device");
        self.get(call, device_key(id)).await?.map(|item| call.read(row::read(item))).transpose()
    }

    async fn devices(&self, ids: Vec<DeviceId>) -> Result<Vec<Option<Device>>> {
        let call = call("read devices");
        // One request must not name one device twice.
        let distinct: HashSet<_> = ids.iter().collect();
        let asked = distinct.into_iter().map(device_key).collect();
        let found = call.read_all(self.rows(call, asked, Freshness::Stale).await?, row::read)?;
        let found: HashMap<_, _> = found.into_iter().map(|device| (device.id, device)).collect();
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }

    async fn touch_device(&self, id: &DeviceId, seen_at: UnixMillis) -> Result<()> {
        let touch = Expression::update("SET #se = :at").when("attribute_exists(#pk)").value("at", seen_at);
        self.update(call("note that the device was seen"), device_key(id), touch).await.map(|_| ())
    }

    async fn replace_device(&self, device: Device) -> Result<Replaced> {
        let call = call("replace the device");
        let Some(before) = device.revision.checked_sub(1) else { return Ok(Replaced::Changed) };
        // Most changes leave the user as it is, and then the index need not change with the device.
        let condition = replaces(before, device.user.as_ref());
        match self.put(call, row::write(&device), condition).await? {
            Written::Done(stored) => {
                let stored = stored.map(|item| call.read(row::read(item))).transpose()?;
                self.touch_index(call, &device, stored.as_ref()).await?;
                Ok(Replaced::Done)
            }
            Written::Refused(None) => Ok(Replaced::Changed),
            Written::Refused(Some(stored)) => {
                let stored = call.read(row::read(stored))?;
                if stored.revision != before {
                    return Ok(Replaced::Changed);
                }
                self.rebind(call, &stored, &device).await
            }
        }
    }

    async fn delete_device(&self, id: &DeviceId) -> Result<()> {
        let call = call("delete the device");
        for attempt in 0..OWNER_MAX_ATTEMPTS {
            let stored = match self.delete_item(call, device_key(id), is_unowned()).await? {
                Written::Done(_) | Written::Refused(None) => return Ok(()),
                Written::Refused(Some(stored)) => call.read(row::read(stored))?,
            };
            let Some(owner) = Owner::of(&stored) else { continue };
            let writes = |_| {
                vec![
                    Write::Delete(device_key(id), is_owned_by(owner.user)),
                    Write::Delete(owner.key(id), Expression::none()),
                ]
            };
            match self.transact(call, writes).await? {
                Transacted::Done => return Ok(()),
                Transacted::Refused(_) => pause(attempt).await,
            }
        }
        Err(Error::with_source(Fault::Retry, call.operation, "it was bound to somebody else each time"))
    }

    async fn devices_of_app(
        &self,
        app: &AppId,
        segment: u8,
        after: Option<DeviceId>,
        limit: usize,
    ) -> Result<Vec<Device>> {
        let call = call("list the devices of the app");
        let expression = in_segment(app, segment, after);
        let query = Query { index: Some(DEVICES_BY_SEGMENT.name), is_consistent: false, ..Query::of(expression) };
        call.read_all(self.list(call, query, limit).await?, row::read)
    }

    async fn devices_of_user(&self, app: &AppId, user: &UserId, limit: usize) -> Result<Vec<DeviceId>> {
        self.list_devices_of_user(app, user, limit).await
    }
}

impl AwsStore {
    /// Moves the device from one user's list to another's, or out of all.
    async fn rebind(&self, call: Call, stored: &Device, device: &Device) -> Result<Replaced> {
        let condition = replaces(stored.revision, stored.user.as_ref());
        let mut writes = vec![Write::Put(row::write(device), condition)];
        writes.extend(Owner::of(stored).map(|owner| Write::Delete(owner.key(&device.id), Expression::none())));
        writes.extend(Owner::of(device).map(|owner| Write::Put(owner.entry(device), Expression::none())));
        match self.transact(call, |_| writes.clone()).await? {
            Transacted::Done => Ok(Replaced::Done),
            Transacted::Refused(_) => Ok(Replaced::Changed),
        }
    }
}
