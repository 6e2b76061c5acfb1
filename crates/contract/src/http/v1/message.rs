//! `GET /v1/messages` and `GET /v1/messages/{id}`.

use std::collections::BTreeMap;

use homing_domain::{Audience, Balance, Message, Stage, Tally, UnixMillis};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::control::{ControlView, ProgressView};
use super::options::{DeliveryName, PriorityName, fallback_seconds};
use super::schedule::ScheduleRequest;
use super::time::to_timestamp;

/// A stop on the way of a message, or of one (message, device).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    /// Message: durable and answered.
    Accepted,
    /// Message: durable, waiting for its time.
    Scheduled,
    /// Message: its devices are being enumerated.
    Releasing,
    /// Message: every device it is for is known.
    Released,
    /// Message: nothing is pending any more.
    Completed,
    /// Delivery: on its way.
    Pending,
    /// Delivery, end: the device has it.
    Delivered,
    /// Delivery, end: taken by a vendor that gives no delivery receipts.
    HandedOff,
    /// Delivery, end: its time to live ran out.
    Expired,
    /// Delivery, end: it cannot be delivered.
    Failed,
    /// Delivery, end: recalled before it was delivered.
    Recalled,
    /// Delivery, end: held back on purpose.
    Suppressed,
    /// Delivery, end: the message was cancelled before release.
    Cancelled,
}

impl From<Stage> for StageName {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Accepted => Self::Accepted,
            Stage::Scheduled => Self::Scheduled,
            Stage::Releasing => Self::Releasing,
            Stage::Released => Self::Released,
            Stage::Completed => Self::Completed,
            Stage::Pending => Self::Pending,
            Stage::Delivered => Self::Delivered,
            Stage::HandedOff => Self::HandedOff,
            Stage::Expired => Self::Expired,
            Stage::Failed => Self::Failed,
            Stage::Recalled => Self::Recalled,
            Stage::Suppressed => Self::Suppressed,
            Stage::Cancelled => Self::Cancelled,
        }
    }
}

/// Who a message is for, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AudienceView {
    /// `devices`, `users`, `expression`, `uploaded`, `all`, or `recipients` (of a message that is recalled).
    #[schema(example = "users")]
    pub kind: String,
    /// How many were named; none for `all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<usize>,
}

/// How a message is delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OptionsView {
    /// How long it is worth delivering.
    pub ttl_seconds: u32,
    /// How urgent it is.
    pub priority: PriorityName,
    /// Its collapse key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collapse_key: Option<String>,
    /// By which way devices are reached.
    #[serde(default)]
    pub delivery: DeliveryName,
    /// How long a device has to acknowledge before its vendor is asked; missing where that is never asked later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 10)]
    pub fallback_after_seconds: Option<u64>,
}

/// A message without its numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageSummary {
    /// Its id.
    #[schema(format = Uuid)]
    pub message_id: String,
    /// Where it is. `GET /v1/messages/{id}`, which has the numbers, says `completed` as soon as nothing is pending; a list
    /// says so once the message is closed.
    pub stage: StageName,
    /// Who it is for.
    pub audience: AudienceView,
    /// How it is delivered.
    pub options: OptionsView,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it is to be released, as it was asked for; missing when that was at once. One with `cron` is never delivered itself:
    /// its occurrences are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleRequest>,
    /// When it is to be released, or its next occurrence; missing when that was at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_at: Option<Timestamp>,
    /// From here on it is not delivered any more.
    pub expires_at: Timestamp,
    /// When the enumeration of its devices began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub releasing_at: Option<Timestamp>,
    /// When the enumeration of its devices ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Timestamp>,
    /// How it was told to go on.
    pub control: ControlView,
    /// The message that this one takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Uuid)]
    pub recalls: Option<String>,
    /// The recurring message that this one is an occurrence of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = Uuid)]
    pub series: Option<String>,
}

impl MessageSummary {
    /// The summary of a message.
    #[must_use]
    pub fn new(message: &Message) -> Self {
        let (kind, named) = match &message.audience {
            Audience::Devices(devices) => ("devices", Some(devices.len())),
            Audience::Users(users) => ("users", Some(users.len())),
            Audience::Expression(_) => ("expression", None),
            Audience::Uploaded(_) => ("uploaded", None),
            Audience::All => ("all", None),
            Audience::RecipientsOf(_) => ("recipients", None),
        };
        Self {
            message_id: message.id.to_string(),
            stage: message.stage.into(),
            audience: AudienceView { kind: kind.to_owned(), named },
            options: OptionsView {
                ttl_seconds: message.options.ttl_seconds,
                priority: message.options.priority.into(),
                collapse_key: message.options.collapse_key.clone(),
                delivery: message.options.delivery.into(),
                fallback_after_seconds: fallback_seconds(message.options.delivery),
            },
            accepted_at: to_timestamp(message.accepted_at),
            schedule: ScheduleRequest::of(&message.schedule),
            release_at: message.release_at.map(to_timestamp),
            expires_at: to_timestamp(message.expires_at),
            releasing_at: message.releasing_at.map(to_timestamp),
            released_at: message.released_at.map(to_timestamp),
            control: ControlView::new(message),
            recalls: message.recalls.map(|recalled| recalled.to_string()),
            series: message.series.map(|series| series.to_string()),
        }
    }
}

/// A page of messages, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageList {
    /// The messages.
    pub messages: Vec<MessageSummary>,
    /// For the next page; none on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// `targeted = delivered + handed_off + expired + failed + recalled + suppressed + cancelled + pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BalanceView {
    /// Devices that the message is for, as far as they are enumerated. Of one channel: those that ended there.
    pub targeted: i64,
    /// The device has it.
    pub delivered: i64,
    /// Taken by a vendor that gives no delivery receipts.
    pub handed_off: i64,
    /// Its time ran out.
    pub expired: i64,
    /// Cannot be delivered.
    pub failed: i64,
    /// Recalled before it was delivered.
    pub recalled: i64,
    /// Held back on purpose.
    pub suppressed: i64,
    /// Cancelled before release.
    pub cancelled: i64,
    /// Still on its way.
    pub pending: i64,
    /// Shown to a person.
    pub displayed: i64,
    /// Opened by a person.
    pub opened: i64,
    /// Swiped away by a person.
    pub dismissed: i64,
}

impl From<Balance> for BalanceView {
    fn from(balance: Balance) -> Self {
        Self {
            targeted: balance.targeted,
            delivered: balance.delivered,
            handed_off: balance.handed_off,
            expired: balance.expired,
            failed: balance.failed,
            recalled: balance.recalled,
            suppressed: balance.suppressed,
            cancelled: balance.cancelled,
            pending: balance.pending,
            displayed: balance.displayed,
            opened: balance.opened,
            dismissed: balance.dismissed,
        }
    }
}

/// A message with its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageView {
    /// The message.
    #[serde(flatten)]
    pub summary: MessageSummary,
    /// How far the enumeration of its devices is.
    pub progress: ProgressView,
    /// Its numbers over all channels.
    pub balance: BalanceView,
    /// Set when its numbers are approximate: it goes to most devices by the feed of its app, where those that have it are
    /// counted by gateways, and nobody else is. A gateway that fails may take the counts of its last second with it.
    #[serde(default, skip_serializing_if = "is_exact")]
    pub approximate: bool,
    /// Its numbers by channel (`own`, and the vendors').
    pub channels: BTreeMap<String, BalanceView>,
}

impl MessageView {
    /// The view of a message as of `now`. It is completed when all its devices are known and none is pending.
    #[must_use]
    pub fn new(message: &Message, tally: &Tally, now: UnixMillis) -> Self {
        let balance = tally.balance(None);
        let mut summary = MessageSummary::new(message);
        if message.is_complete(tally) {
            summary.stage = StageName::Completed;
        }
        let by_channel = |channel| tally.balance(Some(channel)).into();
        let channels =
            tally.channels().into_iter().map(|channel| (channel.name().to_owned(), by_channel(channel))).collect();
        let progress = ProgressView::new(message, tally, now);
        Self { summary, progress, balance: balance.into(), approximate: message.feed_after.is_some(), channels }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_exact(approximate: &bool) -> bool {
    !*approximate
}

#[cfg(test)]
mod tests {
    use homing_domain::DeliveryPolicy;

    use super::*;
    use crate::http::v1::control::tests::running;

    fn view(message: &Message) -> serde_json::Value {
        serde_json::to_value(MessageView::new(message, &Tally::of_feed(7), UnixMillis(0))).unwrap()
    }

    #[test]
    fn numbers_of_what_goes_by_a_feed_are_called_approximate() {
        let mut message = running(None);
        assert_eq!(view(&message).get("approximate"), None);
        message.feed_after = Some(3);
        let view = view(&message);
        assert_eq!((&view["approximate"], &view["balance"]["delivered"]), (&true.into(), &7.into()));
        assert_eq!((&view["balance"]["targeted"], &view["balance"]["pending"]), (&7.into(), &0.into()));
        assert_eq!(view["stage"], "releasing", "it is open until it is closed");
    }

    #[test]
    fn a_view_says_by_which_way_devices_are_reached() {
        for (delivery, name, seconds) in [
            (DeliveryPolicy::OnlineFirst { fallback_after: 5_000 }, "online_first", Some(5)),
            (DeliveryPolicy::Fallback { fallback_after: 900_000 }, "fallback", Some(900)),
            (DeliveryPolicy::OwnOnly, "own_only", None),
            (DeliveryPolicy::VendorOnly, "vendor_only", None),
        ] {
            let mut message = running(None);
            message.options.delivery = delivery;
            let options = &view(&message)["options"];
            assert_eq!(options["delivery"], name);
            assert_eq!(options.get("fallback_after_seconds").and_then(serde_json::Value::as_u64), seconds);
        }
    }

    #[test]
    fn stages_have_the_names_of_the_domain() {
        for stage in Stage::ALL {
            assert_eq!(serde_json::to_value(StageName::from(stage)).unwrap(), stage.name());
        }
    }
}
