//! Messages.

use bytes::Bytes;
use homing_domain::{Audience, DeviceId, Message, MessageId, Options, Priority, Stage, UnixMillis, UserId};

use super::code::Code;
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
}

#[derive(Clone, PartialEq, prost::Message)]
struct AudienceRow {
    #[prost(oneof = "AudienceKind", tags = "1, 2, 3")]
    kind: Option<AudienceKind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum AudienceKind {
    #[prost(message, tag = "1")]
    Devices(DevicesRow),
    #[prost(message, tag = "2")]
    Users(UsersRow),
    #[prost(bool, tag = "3")]
    All(bool),
}

#[derive(Clone, PartialEq, prost::Message)]
struct DevicesRow {
    /// 16 bytes each, one after the other.
    #[prost(bytes = "bytes", tag = "1")]
    ids: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
struct UsersRow {
    #[prost(string, repeated, tag = "1")]
    ids: Vec<String>,
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
        }
    }

    fn from_row(row: MessageRow) -> Result<Self, Wrong> {
        Ok(Self {
            id: MessageId::from_slice(&row.id).ok_or("message")?,
            app: app_id(&row.app)?,
            audience: audience(row.audience.and_then(|audience| audience.kind).ok_or("audience")?)?,
            payload: row.payload,
            options: Options {
                ttl_seconds: row.ttl_seconds,
                priority: Priority::from_code(row.priority)?,
                collapse_key: row.collapse_key,
            },
            body_sha256: array(&row.body_sha256, "body hash")?,
            accepted_at: UnixMillis(row.accepted_at),
            release_at: row.release_at.map(UnixMillis),
            expires_at: UnixMillis(row.expires_at),
            stage: Stage::from_code(row.stage)?,
            releasing_at: row.releasing_at.map(UnixMillis),
            released_at: row.released_at.map(UnixMillis),
            segments_done: row.segments_done,
        })
    }
}

fn audience_row(audience: &Audience) -> AudienceRow {
    let kind = match audience {
        Audience::Devices(ids) => {
            AudienceKind::Devices(DevicesRow { ids: ids.iter().flat_map(|id| *id.as_bytes()).collect() })
        }
        Audience::Users(ids) => {
            AudienceKind::Users(UsersRow { ids: ids.iter().map(|id| id.as_str().to_owned()).collect() })
        }
        Audience::All => AudienceKind::All(true),
    };
    AudienceRow { kind: Some(kind) }
}

fn audience(kind: AudienceKind) -> Result<Audience, Wrong> {
    Ok(match kind {
        AudienceKind::Devices(row) => Audience::Devices(
            row.ids.chunks(16).map(|id| DeviceId::from_slice(id).ok_or("audience")).collect::<Result<_, Wrong>>()?,
        ),
        AudienceKind::Users(row) => Audience::Users(
            row.ids.iter().map(|id| id.parse::<UserId>().map_err(|_| "audience")).collect::<Result<_, Wrong>>()?,
        ),
        AudienceKind::All(_) => Audience::All,
    })
}
