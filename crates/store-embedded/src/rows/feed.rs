//! Entries of feeds.

use bytes::Bytes;
use homing_domain::{FeedAction, FeedEntry, MessageId, UnixMillis};

use super::code::Code;
use super::{Stored, Wrong, id_bytes};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct FeedEntryRow {
    #[prost(bytes = "bytes", tag = "1")]
    message: Bytes,
    #[prost(uint32, tag = "2")]
    action: u32,
    #[prost(uint64, tag = "3")]
    expires_at: u64,
}

impl Stored for FeedEntry {
    type Row = FeedEntryRow;

    fn to_row(&self) -> FeedEntryRow {
        FeedEntryRow {
            message: id_bytes(self.message.as_bytes()),
            action: self.action.code(),
            expires_at: self.expires_at.0,
        }
    }

    fn from_row(row: FeedEntryRow) -> Result<Self, Wrong> {
        Ok(Self {
            message: MessageId::from_slice(&row.message).ok_or("message")?,
            action: FeedAction::from_code(row.action)?,
            expires_at: UnixMillis(row.expires_at),
        })
    }
}
