//! Who a message is for, as rows.

use bytes::Bytes;
use homing_domain::{Audience, AudienceId, DeviceId, Exclusion, Expression, MessageId, UserId};

use super::{Wrong, id_bytes};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AudienceRow {
    #[prost(oneof = "AudienceKind", tags = "1, 2, 3, 4, 5, 6")]
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
    #[prost(string, tag = "4")]
    Expression(String),
    #[prost(bytes = "bytes", tag = "5")]
    Uploaded(Bytes),
    #[prost(bytes = "bytes", tag = "6")]
    RecipientsOf(Bytes),
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

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ExclusionRow {
    #[prost(message, optional, tag = "1")]
    devices: Option<DevicesRow>,
    #[prost(message, optional, tag = "2")]
    users: Option<UsersRow>,
    #[prost(string, optional, tag = "3")]
    expression: Option<String>,
    #[prost(bytes = "bytes", optional, tag = "4")]
    uploaded: Option<Bytes>,
}

pub(super) fn audience_row(audience: &Audience) -> AudienceRow {
    let kind = match audience {
        Audience::Devices(ids) => AudienceKind::Devices(devices_row(ids)),
        Audience::Users(ids) => AudienceKind::Users(users_row(ids)),
        Audience::All => AudienceKind::All(true),
        Audience::Expression(expression) => AudienceKind::Expression(expression.as_str().to_owned()),
        Audience::Uploaded(id) => AudienceKind::Uploaded(id_bytes(id.as_bytes())),
        Audience::RecipientsOf(id) => AudienceKind::RecipientsOf(id_bytes(id.as_bytes())),
    };
    AudienceRow { kind: Some(kind) }
}

pub(super) fn audience(row: Option<AudienceRow>) -> Result<Audience, Wrong> {
    Ok(match row.and_then(|row| row.kind).ok_or("audience")? {
        AudienceKind::Devices(row) => Audience::Devices(devices(&row)?),
        AudienceKind::Users(row) => Audience::Users(users(&row)?),
        AudienceKind::All(_) => Audience::All,
        AudienceKind::Expression(text) => Audience::Expression(expression(&text)?),
        AudienceKind::Uploaded(id) => Audience::Uploaded(AudienceId::from_slice(&id).ok_or("audience")?),
        AudienceKind::RecipientsOf(id) => Audience::RecipientsOf(MessageId::from_slice(&id).ok_or("audience")?),
    })
}

/// None for nobody.
pub(super) fn exclusion_row(exclusion: &Exclusion) -> Option<ExclusionRow> {
    (!exclusion.is_empty()).then(|| ExclusionRow {
        devices: Some(devices_row(&exclusion.devices)),
        users: Some(users_row(&exclusion.users)),
        expression: exclusion.expression.as_ref().map(|expression| expression.as_str().to_owned()),
        uploaded: exclusion.uploaded.map(|id| id_bytes(id.as_bytes())),
    })
}

pub(super) fn exclusion(row: ExclusionRow) -> Result<Exclusion, Wrong> {
    Ok(Exclusion {
        devices: devices(&row.devices.unwrap_or_default())?,
        users: users(&row.users.unwrap_or_default())?,
        expression: row.expression.as_deref().map(expression).transpose()?,
        uploaded: row.uploaded.map(|id| AudienceId::from_slice(&id).ok_or("audience")).transpose()?,
    })
}

fn devices_row(ids: &[DeviceId]) -> DevicesRow {
    DevicesRow { ids: ids.iter().flat_map(|id| *id.as_bytes()).collect() }
}

fn devices(row: &DevicesRow) -> Result<Vec<DeviceId>, Wrong> {
    row.ids.chunks(16).map(|id| DeviceId::from_slice(id).ok_or("audience")).collect()
}

fn users_row(ids: &[UserId]) -> UsersRow {
    UsersRow { ids: ids.iter().map(|id| id.as_str().to_owned()).collect() }
}

fn users(row: &UsersRow) -> Result<Vec<UserId>, Wrong> {
    row.ids.iter().map(|id| id.parse::<UserId>().map_err(|_| "audience")).collect()
}

fn expression(text: &str) -> Result<Expression, Wrong> {
    text.parse().map_err(|_| "expression")
}
