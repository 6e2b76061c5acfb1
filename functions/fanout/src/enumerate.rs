//! One page of an audience, as the directory has it now.

use homing_credentials::derive_id;
use homing_domain::limits::SHARD_MAX_DEVICES;
use homing_domain::{Audience, Cursor, DeviceId, Message, MessageId, Shard, ShardId, Target, UnixMillis};
use homing_ports::StageError;

use crate::decide::{self, decide};
use crate::exclude::{self, Candidate};
use crate::pace::page_limit;
use crate::{Fanout, Ports};

/// The devices of a page and where the next one starts.
pub(crate) type Page = (Vec<Target>, Option<Cursor>);

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

/// As of when an audience is meant.
pub(crate) fn as_of(message: &Message, now: UnixMillis) -> UnixMillis {
    message.releasing_at.unwrap_or(now)
}

impl<P: Ports> Fanout<P> {
    /// The page that starts at the cursor. Of a stopped message it is empty and the last, unless it is stored already; so it
    /// is of one that all its devices have from the feed.
    pub(crate) async fn enumerate(&self, message: &Message, segment: u8, cursor: Cursor) -> Result<Shard, StageError> {
        let limit = page_limit(message, self.ports.now());
        let (targets, next) = match (&message.audience, cursor) {
            _ if message.control.flow.is_stopped() || message.is_in_feed_only() => (Vec::new(), None),
            (Audience::Devices(devices), Cursor::Start | Cursor::Index(_)) => {
                self.page_of_list(message, devices, cursor, limit).await?
            }
            (Audience::Users(users), Cursor::Start | Cursor::Index(_)) => {
                self.page_of_users(message, users, cursor, limit).await?
            }
            (Audience::All | Audience::Expression(_), Cursor::Start) => {
                self.page_of_app(message, segment, None, limit).await?
            }
            (Audience::All | Audience::Expression(_), Cursor::After(device)) => {
                self.page_of_app(message, segment, Some(device), limit).await?
            }
            (Audience::Uploaded(list), Cursor::Start) => {
                self.page_of_members(message, *list, segment, None, limit).await?
            }
            (Audience::Uploaded(list), Cursor::AfterMember(member)) => {
                self.page_of_members(message, *list, segment, Some(member), limit).await?
            }
            (Audience::RecipientsOf(other), Cursor::Start) => {
                self.page_of_recipients(message, *other, None, limit).await?
            }
            (Audience::RecipientsOf(other), Cursor::AfterShard(shard)) => {
                self.page_of_recipients(message, *other, Some(shard), limit).await?
            }
            _ => return Err(StageError::poison("the cursor does not fit the audience")),
        };
        Ok(Shard { id: shard_id(message.id, segment, cursor), message: message.id, targets, next })
    }

    /// Decides everything about the devices of a page, at most [`SHARD_MAX_DEVICES`], but those that are excluded.
    pub(crate) async fn select(&self, message: &Message, page: Vec<Candidate>) -> Result<Vec<Target>, StageError> {
        let now = self.ports.now();
        let page = self.not_excluded(message, page, as_of(message, now)).await?;
        let decided = |one: Candidate| match &one.device {
            Some(device) => decide(message, device, one.target, now),
            None => one.target,
        };
        Ok(page.into_iter().map(decided).collect())
    }

    /// Devices by name, with what the directory says of them where the message needs it. One that the directory does not
    /// know is a candidate all the same: dispatch finds out, and tells the sender so.
    pub(crate) async fn named(&self, message: &Message, targets: Vec<Target>) -> Result<Vec<Candidate>, StageError> {
        if targets.is_empty() || !(decide::needs_directory(message) || exclude::needs_directory(&message.exclude)) {
            return Ok(targets.into_iter().map(|target| Candidate { target, device: None }).collect());
        }
        let rows = self.ports.devices(targets.iter().map(|target| target.device).collect()).await?;
        let of_app = |row: Option<homing_domain::Device>| row.filter(|device| device.app == message.app);
        Ok(targets.into_iter().zip(rows).map(|(target, row)| Candidate { target, device: of_app(row) }).collect())
    }

    async fn page_of_list(
        &self,
        message: &Message,
        devices: &[DeviceId],
        cursor: Cursor,
        limit: usize,
    ) -> Result<Page, StageError> {
        let start = index(cursor);
        let end = devices.len().min(start.saturating_add(limit.min(SHARD_MAX_DEVICES)));
        let page = devices.get(start..end).unwrap_or_default();
        let page = self.named(message, page.iter().map(|device| Target::plain(*device, None)).collect()).await?;
        Ok((self.select(message, page).await?, cursor_at(end, devices.len())))
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
