//! What apps have set for vendors' channels.

use bytes::Bytes;
use homing_domain::{Channel, ChannelConfig, ChannelCredential, ChannelPolicy, UnixMillis};

use super::code::Code;
use super::{Stored, Wrong, app_id, optional_time};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ChannelConfigRow {
    #[prost(string, tag = "1")]
    app: String,
    #[prost(uint32, tag = "2")]
    channel: u32,
    #[prost(message, optional, tag = "3")]
    credential: Option<CredentialRow>,
    #[prost(message, optional, tag = "4")]
    policy: Option<PolicyRow>,
    #[prost(uint64, tag = "5")]
    revision: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CredentialRow {
    #[prost(bytes = "bytes", tag = "1")]
    sealed: Bytes,
    #[prost(string, tag = "2")]
    kind: String,
    #[prost(message, repeated, tag = "3")]
    public: Vec<PublicRow>,
    #[prost(uint64, optional, tag = "4")]
    expires_at: Option<u64>,
    #[prost(uint64, tag = "5")]
    uploaded_at: u64,
    #[prost(uint32, optional, tag = "6")]
    warned_days: Option<u32>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PublicRow {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PolicyRow {
    #[prost(uint32, tag = "1")]
    attempts_max: u32,
    #[prost(uint64, tag = "2")]
    base: u64,
    #[prost(uint64, tag = "3")]
    max: u64,
    #[prost(uint32, optional, tag = "4")]
    per_second: Option<u32>,
    #[prost(uint32, optional, tag = "5")]
    burst: Option<u32>,
    #[prost(uint32, optional, tag = "6")]
    batch_max: Option<u32>,
    #[prost(bool, tag = "7")]
    repeats_unanswered: bool,
}

impl Stored for ChannelConfig {
    type Row = ChannelConfigRow;

    fn to_row(&self) -> ChannelConfigRow {
        ChannelConfigRow {
            app: self.app.as_str().to_owned(),
            channel: self.channel.code(),
            credential: self.credential.as_ref().map(Stored::to_row),
            policy: Some(self.policy.to_row()),
            revision: self.revision,
        }
    }

    fn from_row(row: ChannelConfigRow) -> Result<Self, Wrong> {
        Ok(Self {
            app: app_id(&row.app)?,
            channel: Channel::from_code(row.channel)?,
            credential: row.credential.map(ChannelCredential::from_row).transpose()?,
            policy: ChannelPolicy::from_row(row.policy.ok_or("policy")?)?,
            revision: row.revision,
        })
    }
}

impl Stored for ChannelCredential {
    type Row = CredentialRow;

    fn to_row(&self) -> CredentialRow {
        let public = |(name, value): &(String, String)| PublicRow { name: name.clone(), value: value.clone() };
        CredentialRow {
            sealed: self.sealed.clone(),
            kind: self.kind.clone(),
            public: self.public.iter().map(public).collect(),
            expires_at: optional_time(self.expires_at),
            uploaded_at: self.uploaded_at.0,
            warned_days: self.warned_days.map(u32::from),
        }
    }

    fn from_row(row: CredentialRow) -> Result<Self, Wrong> {
        Ok(Self {
            sealed: row.sealed,
            kind: row.kind,
            public: row.public.into_iter().map(|row| (row.name, row.value)).collect(),
            expires_at: row.expires_at.map(UnixMillis),
            uploaded_at: UnixMillis(row.uploaded_at),
            warned_days: row.warned_days.map(|days| u16::try_from(days).map_err(|_| "days warned of")).transpose()?,
        })
    }
}

impl Stored for ChannelPolicy {
    type Row = PolicyRow;

    fn to_row(&self) -> PolicyRow {
        PolicyRow {
            attempts_max: self.attempts_max,
            base: self.base,
            max: self.max,
            per_second: self.per_second,
            burst: self.burst,
            batch_max: self.batch_max.map(u32::from),
            repeats_unanswered: self.repeats_unanswered,
        }
    }

    fn from_row(row: PolicyRow) -> Result<Self, Wrong> {
        Ok(Self {
            attempts_max: row.attempts_max,
            base: row.base,
            max: row.max,
            per_second: row.per_second,
            burst: row.burst,
            batch_max: row.batch_max.map(|most| u16::try_from(most).map_err(|_| "batch")).transpose()?,
            repeats_unanswered: row.repeats_unanswered,
        })
    }
}
