//! Uploaded lists.

use bytes::Bytes;
use homing_domain::{AudienceId, MemberKind, UnixMillis, UploadedAudience};

use super::code::Code;
use super::{Stored, Wrong, app_id, id_bytes};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct UploadedRow {
    #[prost(bytes = "bytes", tag = "1")]
    id: Bytes,
    #[prost(string, tag = "2")]
    app: String,
    #[prost(string, optional, tag = "3")]
    name: Option<String>,
    #[prost(uint32, tag = "4")]
    kind: u32,
    #[prost(uint64, tag = "5")]
    created_at: u64,
    #[prost(uint64, tag = "6")]
    expires_at: u64,
    /// Missing while it is uploaded.
    #[prost(uint64, optional, tag = "7")]
    members: Option<u64>,
}

/// A member; its key says the rest.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct MemberRow {
    #[prost(string, optional, tag = "1")]
    pub(crate) user: Option<String>,
}

impl Stored for UploadedAudience {
    type Row = UploadedRow;

    fn to_row(&self) -> UploadedRow {
        UploadedRow {
            id: id_bytes(self.id.as_bytes()),
            app: self.app.as_str().to_owned(),
            name: self.name.clone(),
            kind: self.kind.code(),
            created_at: self.created_at.0,
            expires_at: self.expires_at.0,
            members: self.members,
        }
    }

    fn from_row(row: UploadedRow) -> Result<Self, Wrong> {
        Ok(Self {
            id: AudienceId::from_slice(&row.id).ok_or("audience")?,
            app: app_id(&row.app)?,
            name: row.name,
            kind: MemberKind::from_code(row.kind)?,
            created_at: UnixMillis(row.created_at),
            expires_at: UnixMillis(row.expires_at),
            members: row.members,
        })
    }
}
