//! Messages.

use bytes::Bytes;
use homing_domain::{
    Channel, Control, Flow, Localization, Message, MessageId, Options, Priority, QuietHoursPolicy, Stage, UnixMillis,
};

use super::audience::{AudienceRow, ExclusionRow, audience, audience_row, exclusion, exclusion_row};
use super::code::Code;
use super::delivery_policy::{DeliveryPolicyRow, delivery_policy, delivery_policy_row};
use super::schedule::{ScheduleRow, schedule, schedule_row};
use super::{Stored, Wrong, app_id, array, id_bytes, optional_time};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MessageRow {
    #[prost(bytes = "bytes", tag = "1")]
    id: Bytes,
    #[prost(string, tag = "2")]
    app: String,
    #[prost(message, optional, tag = "3")]
    audience: Option<AudienceRow>,
    #[prost(bytes = "bytes", tag = "4")]
    payload: Bytes,
    #[prost(uint32, tag = "5")]
    ttl_seconds: u32,
    #[prost(uint32, tag = "6")]
    priority: u32,
    #[prost(string, optional, tag = "7")]
    collapse_key: Option<String>,
    #[prost(bytes = "bytes", tag = "8")]
    body_sha256: Bytes,
    #[prost(uint64, tag = "9")]
    accepted_at: u64,
    #[prost(uint64, tag = "10")]
    expires_at: u64,
    #[prost(uint32, tag = "11")]
    stage: u32,
    #[prost(uint64, optional, tag = "12")]
    releasing_at: Option<u64>,
    #[prost(uint64, optional, tag = "13")]
    released_at: Option<u64>,
    #[prost(fixed64, tag = "14")]
    segments_done: u64,
    #[prost(uint64, optional, tag = "15")]
    release_at: Option<u64>,
    #[prost(message, optional, tag = "16")]
    exclude: Option<ExclusionRow>,
    #[prost(message, repeated, tag = "17")]
    localizations: Vec<LocalizationRow>,
    #[prost(message, repeated, tag = "18")]
    overrides: Vec<OverrideRow>,
    #[prost(bytes = "bytes", optional, tag = "19")]
    recalls: Option<Bytes>,
    /// Missing: at once, or at `release_at` if that is there.
    #[prost(message, optional, tag = "20")]
    schedule: Option<ScheduleRow>,
    #[prost(bytes = "bytes", optional, tag = "21")]
    series: Option<Bytes>,
    /// Missing = running.
    #[prost(uint32, optional, tag = "22")]
    flow: Option<u32>,
    #[prost(uint64, optional, tag = "23")]
    paused_at: Option<u64>,
    #[prost(uint64, tag = "24")]
    paused_for: u64,
    #[prost(uint64, repeated, tag = "25")]
    holds: Vec<u64>,
    #[prost(uint32, optional, tag = "26")]
    rate_per_second: Option<u32>,
    #[prost(string, optional, tag = "27")]
    topic: Option<String>,
    /// Missing = hold.
    #[prost(uint32, optional, tag = "28")]
    quiet_hours: Option<u32>,
    #[prost(bool, tag = "29")]
    sync_read: bool,
    #[prost(bool, tag = "30")]
    silent: bool,
    /// Missing = the default.
    #[prost(message, optional, tag = "31")]
    delivery: Option<DeliveryPolicyRow>,
    #[prost(uint64, optional, tag = "32")]
    feed_after: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct LocalizationRow {
    #[prost(string, tag = "1")]
    language: String,
    #[prost(bytes = "bytes", tag = "2")]
    payload: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
struct OverrideRow {
    #[prost(uint32, tag = "1")]
    channel: u32,
    #[prost(bytes = "bytes", tag = "2")]
    fields: Bytes,
}

impl Stored for Message {
    type Row = MessageRow;

    fn to_row(&self) -> MessageRow {
        MessageRow {
            id: id_bytes(self.id.as_bytes()),
            app: self.app.as_str().to_owned(),
            audience: Some(audience_row(&self.audience)),
            payload: self.payload.clone(),
            ttl_seconds: self.options.ttl_seconds,
            priority: self.options.priority.code(),
            collapse_key: self.options.collapse_key.clone(),
            body_sha256: Bytes::copy_from_slice(&self.body_sha256),
            accepted_at: self.accepted_at.0,
            expires_at: self.expires_at.0,
            stage: self.stage.code(),
            releasing_at: optional_time(self.releasing_at),
            released_at: optional_time(self.released_at),
            segments_done: self.segments_done,
            release_at: optional_time(self.release_at),
            exclude: exclusion_row(&self.exclude),
            localizations: self.localizations.iter().map(localization_row).collect(),
            overrides: self.overrides.iter().map(override_row).collect(),
            recalls: self.recalls.map(|message| id_bytes(message.as_bytes())),
            schedule: schedule_row(&self.schedule, self.release_at),
            series: self.series.map(|message| id_bytes(message.as_bytes())),
            flow: (self.control.flow != Flow::Running).then(|| self.control.flow.code()),
            paused_at: optional_time(self.control.paused_at),
            paused_for: self.control.paused_for,
            holds: self.holds.iter().map(|at| at.0).collect(),
            rate_per_second: self.options.rate_per_second,
            topic: self.options.topic.clone(),
            quiet_hours: (self.options.quiet_hours != QuietHoursPolicy::Hold).then(|| self.options.quiet_hours.code()),
            sync_read: self.options.sync_read,
            silent: self.options.silent,
            delivery: delivery_policy_row(self.options.delivery),
            feed_after: self.feed_after,
        }
    }

    fn from_row(row: MessageRow) -> Result<Self, Wrong> {
        let id = |bytes: Bytes| MessageId::from_slice(&bytes).ok_or("message");
        Ok(Self {
            id: id(row.id)?,
            app: app_id(&row.app)?,
            audience: audience(row.audience)?,
            exclude: row.exclude.map(exclusion).transpose()?.unwrap_or_default(),
            payload: row.payload,
            localizations: row.localizations.into_iter().map(localization).collect(),
            overrides: row.overrides.into_iter().map(channel_override).collect::<Result<_, Wrong>>()?,
            recalls: row.recalls.map(id).transpose()?,
            options: Options {
                ttl_seconds: row.ttl_seconds,
                priority: Priority::from_code(row.priority)?,
                collapse_key: row.collapse_key,
                rate_per_second: row.rate_per_second,
                topic: row.topic,
                quiet_hours: row.quiet_hours.map(QuietHoursPolicy::from_code).transpose()?.unwrap_or_default(),
                sync_read: row.sync_read,
                silent: row.silent,
                delivery: delivery_policy(row.delivery)?,
            },
            body_sha256: array(&row.body_sha256, "body hash")?,
            accepted_at: UnixMillis(row.accepted_at),
            schedule: schedule(row.schedule, row.release_at)?,
            release_at: row.release_at.map(UnixMillis),
            series: row.series.map(id).transpose()?,
            expires_at: UnixMillis(row.expires_at),
            stage: Stage::from_code(row.stage)?,
            releasing_at: row.releasing_at.map(UnixMillis),
            released_at: row.released_at.map(UnixMillis),
            segments_done: row.segments_done,
            control: Control {
                flow: row.flow.map(Flow::from_code).transpose()?.unwrap_or_default(),
                paused_at: row.paused_at.map(UnixMillis),
                paused_for: row.paused_for,
            },
            holds: row.holds.into_iter().map(UnixMillis).collect(),
            feed_after: row.feed_after,
        })
    }
}

fn localization_row(localization: &Localization) -> LocalizationRow {
    LocalizationRow { language: localization.language.clone(), payload: localization.payload.clone() }
}

fn localization(row: LocalizationRow) -> Localization {
    Localization { language: row.language, payload: row.payload }
}

fn override_row((channel, fields): &(Channel, Bytes)) -> OverrideRow {
    OverrideRow { channel: channel.code(), fields: fields.clone() }
}

fn channel_override(row: OverrideRow) -> Result<(Channel, Bytes), Wrong> {
    Ok((Channel::from_code(row.channel)?, row.fields))
}
