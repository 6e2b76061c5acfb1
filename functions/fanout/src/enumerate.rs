//! One page of an audience, the same one however often it is asked for.

use homing_credentials::derive_id;
use homing_domain::limits::SHARD_MAX_DEVICES;
use homing_domain::{Audience, Cursor, DeviceId, Message, MessageId, Shard, ShardId, Target};
use homing_ports::StageError;

use crate::{Fanout, Ports};

/// The id of the page of a segment that starts here.
#[must_use]
pub fn shard_id(message: MessageId, segment: u8, start: Cursor) -> ShardId {
    let index;
    let (kind, place): (&[u8], &[u8]) = match &start {
        Cursor::Start => (b"start", &[]),
        Cursor::Index(at) => {
            index = at.to_be_bytes();
            (b"index", &index)
        }
        Cursor::After(device) => (b"after", device.as_bytes()),
        Cursor::AfterMember(key) => (b"member", &key.0),
        Cursor::AfterShard(shard) => (b"shard", shard.as_bytes()),
    };
    ShardId::from_bytes(derive_id("homing/1 shard", &[message.as_bytes(), &[segment], kind, place]))
}

impl<P: Ports> Fanout<P> {
    /// The page that starts at the cursor, as the directory has it now.
    pub(crate) async fn enumerate(&self, message: &Message, segment: u8, cursor: Cursor) -> Result<Shard, StageError> {
        let (targets, next) = match (&message.audience, cursor) {
            (Audience::Devices(devices), Cursor::Start | Cursor::Index(_)) => page_of_list(devices, index(cursor)),
            (Audience::Users(users), Cursor::Start | Cursor::Index(_)) => {
                self.page_of_users(message, users, cursor).await?
            }
            (Audience::All, Cursor::Start) => self.page_of_app(message, segment, None).await?,
            (Audience::All, Cursor::After(device)) => self.page_of_app(message, segment, Some(device)).await?,
            _ => {
                return Err(StageError::poison("the cursor does not fit the audience"));
            }
        };
        Ok(Shard { id: shard_id(message.id, segment, cursor), message: message.id, targets, next })
    }

    /// Devices registered after the release began are not targeted, so that an enumeration ends.
    async fn page_of_app(
        &self,
        message: &Message,
        segment: u8,
        after: Option<DeviceId>,
    ) -> Result<(Vec<Target>, Option<Cursor>), StageError> {
        let devices = self.ports.devices_of_app(&message.app, segment, after, SHARD_MAX_DEVICES).await?;
        let next = devices.last().filter(|_| devices.len() >= SHARD_MAX_DEVICES).map(|device| Cursor::After(device.id));
        let targets = devices
            .iter()
            .filter(|device| message.releasing_at.is_none_or(|releasing_at| device.created_at <= releasing_at))
            .map(|device| Target::plain(device.id, None))
            .collect();
        Ok((targets, next))
    }
}

/// Where in a list of names a page starts.
pub(crate) const fn index(cursor: Cursor) -> usize {
    match cursor {
        Cursor::Index(index) => index as usize,
        _ => 0,
    }
}

/// A cursor to the name at `index`, unless the list ends there.
pub(crate) fn cursor_at(index: usize, names: usize) -> Option<Cursor> {
    u32::try_from(index).ok().filter(|_| index < names).map(Cursor::Index)
}

/// Devices that do not exist are targeted too: dispatch finds out, and tells the sender so.
fn page_of_list(devices: &[DeviceId], start: usize) -> (Vec<Target>, Option<Cursor>) {
    let end = devices.len().min(start.saturating_add(SHARD_MAX_DEVICES));
    let page = devices.get(start..end).unwrap_or_default();
    let targets = page.iter().map(|device| Target::plain(*device, None)).collect();
    (targets, cursor_at(end, devices.len()))
}
