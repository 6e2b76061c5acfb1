//! How a running message goes on: what may be told it, and how far it is.

use homing_domain::limits::RATE_MAX_PER_SECOND;
use homing_domain::{Counter, ENUMERATION_WHOLE, Flow, Message, MessageId, Millis, Stage, Tally, UnixMillis};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::to_timestamp;
use crate::http::{Checked, Violations, pointer};

/// Whether a message that is being released goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlowName {
    /// It does.
    Running,
    /// Not for now.
    Paused,
    /// Never again: whose turn had not come does not get it.
    Aborted,
    /// Never again, and what was delivered is taken back.
    Recalled,
}

impl From<Flow> for FlowName {
    fn from(flow: Flow) -> Self {
        match flow {
            Flow::Running => Self::Running,
            Flow::Paused => Self::Paused,
            Flow::Aborted => Self::Aborted,
            Flow::Recalled => Self::Recalled,
        }
    }
}

/// How a message was told to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ControlView {
    /// Whether it goes on.
    pub state: FlowName,
    /// At most so many devices a second; missing when there is no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_second: Option<u32>,
    /// Since when it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_since: Option<Timestamp>,
}

impl ControlView {
    /// The view of a message's control.
    #[must_use]
    pub fn new(message: &Message) -> Self {
        Self {
            state: message.control.flow.into(),
            rate_per_second: message.options.rate_per_second,
            paused_since: message.control.paused_at.map(to_timestamp),
        }
    }
}

/// How far the enumeration of a message's devices is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProgressView {
    /// How much of the audience is enumerated, from 0 to 1.
    #[schema(minimum = 0.0, maximum = 1.0, example = 0.42)]
    pub enumerated: f64,
    /// In how many seconds the rest probably is, as fast as it went so far or as its rate allows. Missing while that cannot
    /// be known: before the first page, while it is paused, and when nothing is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<u64>,
    /// Devices whose local time has not come, or that are in quiet hours, wait at least until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_until: Option<Timestamp>,
}

impl ProgressView {
    /// The progress of a message as of `now`.
    #[must_use]
    pub fn new(message: &Message, tally: &Tally, now: UnixMillis) -> Self {
        let whole = f64::from(ENUMERATION_WHOLE);
        let counted = (tally.get(Counter::Enumerated) as f64 / whole).clamp(0.0, 1.0);
        let enumerated = if message.released_at.is_some() { 1.0 } else { counted };
        Self {
            enumerated,
            eta_seconds: eta(message, tally, now, enumerated),
            held_until: message.holds.first().copied().map(to_timestamp),
        }
    }
}

/// What is left takes as long for its part as what is done took for its; with a rate, as long as the rate makes of it.
fn eta(message: &Message, tally: &Tally, now: UnixMillis, enumerated: f64) -> Option<u64> {
    let is_going = message.stage == Stage::Releasing && message.control.flow == Flow::Running;
    let began = message.releasing_at.filter(|_| is_going && enumerated > 0.0 && enumerated < 1.0)?;
    let left = (1.0 - enumerated) / enumerated;
    // What went by a feed is among the targeted, and no rate slowed it.
    let seconds = match message.options.rate_per_second.filter(|_| message.feed_after.is_none()) {
        Some(rate) => tally.get(Counter::Targeted) as f64 * left / f64::from(rate.max(1)),
        None => running_for(message, began, now) as f64 / 1_000.0 * left,
    };
    Some(seconds.ceil() as u64)
}

fn running_for(message: &Message, began: UnixMillis, now: UnixMillis) -> Millis {
    now.since(began).saturating_sub(message.control.paused_for)
}

/// A new rate for a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct RateRequest {
    /// At most so many devices a second; `null` = as fast as it goes.
    #[schema(minimum = 1, maximum = 1_000_000, example = 500, required = true)]
    #[serde(deserialize_with = "Option::deserialize")]
    pub rate_per_second: Option<i64>,
}

only_objects!(RateRequest);

impl RateRequest {
    /// The rate.
    ///
    /// # Errors
    /// It is out of range.
    pub fn check(self) -> Checked<Option<u32>> {
        self.rate_per_second.map(|rate| checked_rate(rate, &pointer("", "rate_per_second"))).transpose()
    }
}

/// A rate in devices per second.
pub(super) fn checked_rate(rate: i64, at: &str) -> Checked<u32> {
    match u32::try_from(rate) {
        Ok(rate) if (1..=RATE_MAX_PER_SECOND).contains(&rate) => Ok(rate),
        _ => Err(Violations::one("out_of_range", at, format!("must lie between 1 and {RATE_MAX_PER_SECOND}"))),
    }
}

/// A message is being taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecallAccepted {
    /// The recall is a message of its own, with a balance and traces like any other: this is its id.
    #[schema(format = Uuid)]
    pub message_id: String,
    /// The message that is taken back.
    #[schema(format = Uuid)]
    pub recalls: String,
}

impl RecallAccepted {
    /// The answer about a recall.
    #[must_use]
    pub fn new(recall: MessageId, recalled: MessageId) -> Self {
        Self { message_id: recall.to_string(), recalls: recalled.to_string() }
    }
}

#[cfg(test)]
pub(super) mod tests;
