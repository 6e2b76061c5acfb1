//! The message as accepted, and what its sender may still change.

mod change;
mod localization;

pub use change::{AmendedContent, AmendedRelease, Amendment, ChangeRefused, MessageChange};

use bytes::Bytes;

use crate::audience::{Audience, Exclusion};
use crate::balance::Tally;
use crate::id::{AppId, FeedOffset, MessageId};
use crate::limits::{ACCEPTED_SWEEP_AFTER, CLOSE_AFTER_EXPIRY, FALLBACK_DEFAULT};
use crate::preferences::QuietHoursPolicy;
use crate::receipt::Channel;
use crate::schedule::Schedule;
use crate::stage::Stage;
use crate::time::{Millis, UnixMillis};

/// How urgent a message is. High never waits behind a broadcast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// May wait for a better moment.
    Low,
    /// The default.
    #[default]
    Normal,
    /// A person waits for it.
    High,
}

/// By which way a device is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryPolicy {
    /// The own link while the device is online, and the vendor if it does not acknowledge in time; the vendor at once while it
    /// is not; without a vendor, its mailbox.
    OnlineFirst {
        /// How long a live device has to acknowledge, at most [`crate::limits::FALLBACK_MAX`].
        fallback_after: Millis,
    },
    /// The own link and the mailbox, and no vendor.
    OwnOnly,
    /// The vendor alone.
    VendorOnly,
    /// The own link or the mailbox, and the vendor if the device does not acknowledge in time, online or not.
    Fallback {
        /// How long it has, at most [`crate::limits::FALLBACK_MAX`].
        fallback_after: Millis,
    },
}

impl Default for DeliveryPolicy {
    fn default() -> Self {
        Self::OnlineFirst { fallback_after: FALLBACK_DEFAULT }
    }
}

/// What the sender may ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Seconds it is worth delivering; 0 = now or never.
    pub ttl_seconds: u32,
    /// Urgency.
    pub priority: Priority,
    /// Of several pending messages with one key, a device needs only the newest.
    pub collapse_key: Option<String>,
    /// At most so many devices a second; `None` = as fast as it goes.
    pub rate_per_second: Option<u32>,
    /// What it is about: a device that opted out of this topic does not get it.
    pub topic: Option<String>,
    /// What it does when it meets quiet hours.
    pub quiet_hours: QuietHoursPolicy,
    /// It shows nothing: only the app gets its data. Whoever does not want to be notified gets it all the same.
    pub silent: bool,
    /// Opened or dismissed on one of a user's devices, it is taken back from the user's others.
    pub sync_read: bool,
    /// By which way devices are reached.
    pub delivery: DeliveryPolicy,
}

/// A rendering of a message in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Localization {
    /// BCP 47 language tag, in lower case: `zh-cn`.
    pub language: String,
    /// What devices of this language get instead of [`Message::payload`]; the same form and limit.
    pub payload: Bytes,
}

/// Whether a message that is being released goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flow {
    /// It does.
    #[default]
    Running,
    /// Not for now.
    Paused,
    /// Never again: whose turn has not come is not targeted, who waits in a queue is cancelled.
    Aborted,
    /// Never again, and what was delivered is taken back.
    Recalled,
}

impl Flow {
    /// The stable name in JSON, logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Aborted => "aborted",
            Self::Recalled => "recalled",
        }
    }

    /// Whether nobody else is to be reached any more.
    #[must_use]
    pub const fn is_stopped(self) -> bool {
        matches!(self, Self::Aborted | Self::Recalled)
    }
}

/// How a running message was told to go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// Whether it goes on.
    pub flow: Flow,
    /// Since when it is paused.
    pub paused_at: Option<UnixMillis>,
    /// How long it was paused before.
    pub paused_for: Millis,
}

/// A push, durable from the moment it is answered with 202.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id through every hop.
    pub id: MessageId,
    /// Whose it is.
    pub app: AppId,
    /// Who it is for.
    pub audience: Audience,
    /// And who of them does not get it.
    pub exclude: Exclusion,
    /// What devices get on their own link: UTF-8 JSON `{"notification": …, "data": …}`, at most
    /// [`crate::limits::PAYLOAD_MAX_BYTES`].
    pub payload: Bytes,
    /// The same in other languages; at most [`crate::limits::LOCALIZATIONS_MAX`]. The nth is variant n, counted from 1.
    pub localizations: Vec<Localization>,
    /// Fields for single vendors' channels, as JSON objects.
    pub overrides: Vec<(Channel, Bytes)>,
    /// Set when it shows nothing, but takes back this message.
    pub recalls: Option<MessageId>,
    /// How it is to be delivered.
    pub options: Options,
    /// SHA-256 of the request body: the same Idempotency-Key with another body is a conflict.
    pub body_sha256: [u8; 32],
    /// When it was accepted.
    pub accepted_at: UnixMillis,
    /// When it is to be released, as the sender said it.
    pub schedule: Schedule,
    /// When it is to be released, or next; `None` = at once.
    pub release_at: Option<UnixMillis>,
    /// The recurring message that this one is an occurrence of.
    pub series: Option<MessageId>,
    /// From here on it is not delivered any more.
    pub expires_at: UnixMillis,
    /// `accepted` or `scheduled`, `releasing`, `released`, and `completed` once it is closed (before that, completion is
    /// derived from the balance).
    pub stage: Stage,
    /// When enumeration began; devices registered later are not targeted.
    pub releasing_at: Option<UnixMillis>,
    /// When enumeration ended.
    pub released_at: Option<UnixMillis>,
    /// Which of the [`crate::limits::FANOUT_SEGMENTS`] segments are fully enumerated, one bit each.
    pub segments_done: u64,
    /// How it was told to go on.
    pub control: Control,
    /// When parts of it that were held back go on, in order; at most [`crate::limits::MESSAGE_MAX_HOLDS`].
    pub holds: Vec<UnixMillis>,
    /// Set when it went into the feed of its app as its release began: its entry stands after this offset.
    pub feed_after: Option<FeedOffset>,
}

impl Message {
    /// Begins its release, if that may begin ([`Self::may_be_released`]); returns whether it did. `feed_head` = the head of the
    /// app's feed when the caller looked, if the message is to go into the feed; it does when it still may.
    pub fn begin_release(&mut self, now: UnixMillis, feed_head: Option<FeedOffset>) -> bool {
        if !self.may_be_released(now) {
            return false;
        }
        self.stage = Stage::Releasing;
        self.releasing_at = Some(now);
        // What takes a message back goes where that one went.
        let may_enter = self.goes_by_feed() || matches!(self.audience, Audience::RecipientsOf(_));
        self.feed_after = feed_head.filter(|_| may_enter);
        true
    }

    /// When somebody must look at the message again if nothing else moved it: its job or its timer may be lost, or it is
    /// to be closed. `None` = never again.
    #[must_use]
    pub fn due_at(&self) -> Option<UnixMillis> {
        match self.stage {
            Stage::Accepted => Some(self.accepted_at.plus(ACCEPTED_SWEEP_AFTER)),
            Stage::Scheduled => Some(self.release_at.unwrap_or(self.accepted_at).plus(ACCEPTED_SWEEP_AFTER)),
            Stage::Releasing | Stage::Released => Some(self.due_once_releasing()),
            // Nothing else is the stage of a message.
            _ => None,
        }
    }

    /// What [`Self::due_at`] is from the beginning of its release until it is complete.
    #[must_use]
    pub fn due_once_releasing(&self) -> UnixMillis {
        let close = self.expires_at.plus(CLOSE_AFTER_EXPIRY);
        // The timer of a hold may be lost like any other.
        self.holds.first().map_or(close, |hold| hold.plus(ACCEPTED_SWEEP_AFTER).min(close))
    }

    /// Whether its release may begin: it was accepted to go at once, or its time has come. A recurring message is never
    /// released itself.
    #[must_use]
    pub fn may_be_released(&self, now: UnixMillis) -> bool {
        match self.stage {
            Stage::Accepted => true,
            Stage::Scheduled => !matches!(self.schedule, Schedule::Recurring(_)) && self.wanted_at() <= now,
            _ => false,
        }
    }

    /// From when on somebody waits for it: its delay is measured from here.
    #[must_use]
    pub fn wanted_at(&self) -> UnixMillis {
        self.release_at.unwrap_or(self.accepted_at)
    }

    /// Whether nothing more is to come: every device is known, and every one has ended. What is in a feed may come to another
    /// device as long as it lives: it is complete when it is closed.
    #[must_use]
    pub fn is_complete(&self, tally: &Tally) -> bool {
        let is_open = self.feed_after.is_some() && self.stage != Stage::Completed;
        matches!(self.stage, Stage::Released | Stage::Completed) && tally.balance(None).pending == 0 && !is_open
    }

    /// Whether every segment of the audience has been enumerated.
    #[must_use]
    pub fn is_enumerated(&self) -> bool {
        self.segments_done == self.all_segments()
    }

    /// In how many segments it is enumerated.
    #[must_use]
    pub fn segments(&self) -> u8 {
        if self.is_in_feed_only() { 1 } else { self.audience.segments() }
    }

    /// The mask of [`Self::segments_done`] when all is done.
    #[must_use]
    pub fn all_segments(&self) -> u64 {
        u64::MAX >> (64 - self.segments())
    }

    /// Whether somebody sent it, and knows its id. Nobody sends what takes a message back from a person's other devices.
    #[must_use]
    pub const fn has_sender(&self) -> bool {
        self.recalls.is_none() || matches!(self.audience, Audience::RecipientsOf(_))
    }

    /// Whose turn it is when queues serve their groups in turn: an app's urgent messages do not wait behind its others.
    #[must_use]
    pub fn queue_group(&self) -> Box<str> {
        match self.options.priority {
            Priority::High => format!("{}/high", self.app).into(),
            Priority::Normal | Priority::Low => self.app.as_str().into(),
        }
    }

    /// The payload of a variant: the default one when there is no such.
    #[must_use]
    pub fn rendering(&self, variant: u8) -> &Bytes {
        let localized = usize::from(variant).checked_sub(1).and_then(|index| self.localizations.get(index));
        localized.map_or(&self.payload, |localized| &localized.payload)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::audience::Exclusion;

    /// A plain message for everyone, accepted.
    pub(crate) fn broadcast() -> Message {
        Message {
            id: MessageId::from_bytes([1; 16]),
            app: "demo".parse().unwrap(),
            audience: Audience::All,
            exclude: Exclusion::default(),
            payload: Bytes::new(),
            localizations: Vec::new(),
            overrides: Vec::new(),
            recalls: None,
            options: Options { ttl_seconds: 60, ..Options::default() },
            body_sha256: [0; 32],
            accepted_at: UnixMillis(0),
            schedule: Schedule::Now,
            release_at: None,
            series: None,
            expires_at: UnixMillis::NEVER,
            stage: Stage::Accepted,
            releasing_at: None,
            released_at: None,
            segments_done: 0,
            control: Control::default(),
            holds: Vec::new(),
            feed_after: None,
        }
    }
}
