//! The feed of an app: its broadcasts in one order, written once however many devices there are (device-link design,
//! section 4b; ADR 0018). Gateways read it and bring each device what is meant for it; the device keeps the offset up to
//! which it is done.
//!
//! Who gets a broadcast through the feed and who through pages of the directory is one rule, asked by fanout and by
//! gateways at different moments. So that nobody is forgotten and nobody found twice it hangs on nothing that may look
//! different to the two: on the message, and on the device's *lane* at the moment of the release. A device changes its lane
//! only [`crate::limits::LANE_CHANGES_AFTER`] after whatever made it change was written.

use crate::audience::{Audience, Exclusion};
use crate::balance::Tally;
use crate::device::Device;
use crate::id::{AppId, BatchId, FeedOffset, MessageId};
use crate::limits::{DEVICE_MAX_LANE_CHANGES, LANE_CHANGES_AFTER};
use crate::message::{DeliveryPolicy, Message};
use crate::preferences::QuietHoursPolicy;
use crate::reason::Reason;
use crate::schedule::Schedule;
use crate::time::UnixMillis;

/// What an entry of a feed says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FeedAction {
    /// Bring this message to every device that it is meant for.
    Bring,
    /// Bring it to nobody else.
    Stop,
}

impl FeedAction {
    /// The stable name in JSON and stores.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bring => "bring",
            Self::Stop => "stop",
        }
    }
}

/// One entry of a feed. Its offset is its place: dense from 1, and n + 1 is written only when n is there, so a device's
/// offset can never jump over an entry that is written later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedEntry {
    /// Which message.
    pub message: MessageId,
    /// What is to be done with it.
    pub action: FeedAction,
    /// When the message expires: from here on nobody needs the entry.
    pub expires_at: UnixMillis,
}

/// Put an entry into the feed of the message's app, and tell the gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedJob {
    /// Which message.
    pub message: MessageId,
    /// What is to be done with it.
    pub action: FeedAction,
}

/// What a gateway counted of broadcasts that came by a feed: added once per batch. There are no rows of single devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedCounts {
    /// Of (gateway, incarnation, flush): a repeat is the same batch.
    pub id: BatchId,
    /// By message, at most [`crate::limits::FEED_COUNTS_MAX`].
    pub changes: Vec<(MessageId, Tally)>,
}

/// Which way broadcasts take to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Through the feed of its app.
    Feed,
    /// As a target of a page: its vendor may be asked, or its quiet hours waited for.
    Pages,
}

impl Lane {
    const fn other(self) -> Self {
        match self {
            Self::Feed => Self::Pages,
            Self::Pages => Self::Feed,
        }
    }
}

/// From when on a device has a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneChange {
    /// From here on.
    pub at: UnixMillis,
    /// The lane.
    pub to: Lane,
}

impl Device {
    /// The lane for what was released at this moment.
    #[must_use]
    pub fn lane_at(&self, released_at: UnixMillis) -> Lane {
        match self.lanes.iter().rev().find(|change| change.at <= released_at) {
            Some(change) => change.to,
            // Changes alternate, so before the first that is remembered it had the other.
            None => self.lanes.first().map_or(Lane::Feed, |first| first.to.other()),
        }
    }

    /// Notes the lane that follows from what the device is now, if it is another one. To be called before every write of
    /// its row.
    pub fn note_lane(&mut self, now: UnixMillis) {
        let to = if self.vendor.is_some() || self.preferences.quiet_hours.is_some() { Lane::Pages } else { Lane::Feed };
        let last = self.lanes.last().copied();
        if last.map_or(Lane::Feed, |last| last.to) == to {
            return;
        }
        if self.lanes.len() >= DEVICE_MAX_LANE_CHANGES {
            self.lanes.remove(0);
        }
        let at = now.plus(LANE_CHANGES_AFTER);
        self.lanes.push(LaneChange { at: last.map_or(at, |last| at.max(last.at.plus(1))), to });
    }
}

impl Message {
    /// Whether it goes through the feed of its app to devices of that lane. What needs a decision per device that only pages
    /// keep (its own time, its turn in a slow release, a list, a row in the ledger for read sync) does not.
    #[must_use]
    pub fn goes_by_feed(&self) -> bool {
        matches!(self.audience, Audience::All | Audience::Expression(_))
            && !matches!(self.schedule, Schedule::AtLocal(_))
            && self.exclude.uploaded.is_none()
            && self.options.delivery != DeliveryPolicy::VendorOnly
            && self.options.rate_per_second.is_none()
            && self.options.collapse_key.is_none()
            && self.options.ttl_seconds > 0
            && !self.options.sync_read
    }

    /// Whether a device's lane is all one to it: no vendor is to be asked, and no quiet hours are to be met.
    #[must_use]
    pub fn suits_every_lane(&self) -> bool {
        let meets_quiet_hours = !self.options.silent && self.options.quiet_hours != QuietHoursPolicy::Ignore;
        self.options.delivery == DeliveryPolicy::OwnOnly && !meets_quiet_hours
    }

    /// Whether it is in the feed and nobody gets it otherwise: no page has to be made.
    #[must_use]
    pub fn is_in_feed_only(&self) -> bool {
        self.feed_after.is_some() && self.recalls.is_none() && self.suits_every_lane()
    }

    /// The lane in which a device gets this message, once its release has begun.
    #[must_use]
    pub fn lane_of(&self, device: &Device) -> Lane {
        match self.feed_after {
            None => Lane::Pages,
            Some(_) if self.suits_every_lane() => Lane::Feed,
            Some(_) => device.lane_at(self.releasing_at.unwrap_or(self.accepted_at)),
        }
    }

    /// Which rendering a device gets through the feed; `None` = it is not meant, does not want it, or gets it otherwise. Its
    /// attributes count as they are when it is asked.
    #[must_use]
    pub fn rendering_in_feed(&self, device: &Device) -> Option<u8> {
        let gets_it = self.means_in_feed(device) && self.refusal_of(device).is_none();
        gets_it.then(|| self.variant_for(device.profile.locale.as_deref()))
    }

    /// Whether the feed is a device's way to this message, wanted or not: what takes it back goes to every such device, for
    /// wishes change.
    #[must_use]
    pub fn means_in_feed(&self, device: &Device) -> bool {
        let Some(released_at) = self.releasing_at else { return false };
        let is_meant = match &self.audience {
            Audience::All => true,
            Audience::Expression(expression) => expression.holds_for(device, released_at),
            Audience::Devices(_) | Audience::Users(_) | Audience::Uploaded(_) | Audience::RecipientsOf(_) => false,
        };
        device.app == self.app
            && device.created_at <= released_at
            && self.lane_of(device) == Lane::Feed
            && is_meant
            && !self.exclude.names(device, released_at)
    }

    /// Why a device is spared the message, if its person wants that.
    #[must_use]
    pub fn refusal_of(&self, device: &Device) -> Option<Reason> {
        let opted_out = |topic: &String| device.preferences.opted_out_of(topic);
        if !self.options.silent && !device.profile.notifications_enabled {
            Some(Reason::NotificationsOff)
        } else if self.options.topic.as_ref().is_some_and(opted_out) {
            Some(Reason::OptedOut)
        } else {
            None
        }
    }
}

impl Exclusion {
    /// Whether it excludes this device by name, by its user or by the expression. Uploaded lists are for whoever can read
    /// them.
    #[must_use]
    pub fn names(&self, device: &Device, as_of: UnixMillis) -> bool {
        self.devices.contains(&device.id)
            || device.user.as_ref().is_some_and(|user| self.users.contains(user))
            || self.expression.as_ref().is_some_and(|expression| expression.holds_for(device, as_of))
    }
}

/// Which app's feed has a new entry: a hint, for gateways read their feeds again by and by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedHint {
    /// Whose feed.
    pub app: AppId,
    /// The entry's offset.
    pub offset: FeedOffset,
}

#[cfg(test)]
mod tests;
