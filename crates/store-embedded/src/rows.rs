//! The rows as they stand on disk: protobuf, one file per noun. Field numbers and codes are only ever added, so that the
//! store of an earlier release opens.

mod app;
mod audience;
mod channel_config;
mod code;
mod delivery_policy;
mod device;
mod feed;
mod lanes;
mod ledger;
mod mailbox;
mod message;
mod queue;
mod schedule;
mod settings;
mod shard;
mod uploaded;
mod upstream;
mod vendor_token;

use bytes::Bytes;
use homing_domain::{AppId, UnixMillis};

pub(crate) use ledger::AppVersionsRow;
pub(crate) use queue::{DeadLetterRow, QueueItemRow};
pub(crate) use uploaded::MemberRow;
pub(crate) use upstream::PositionRow;
pub(crate) use vendor_token::TokenOwner;

use crate::error::{StoreError, StoreResult};
use crate::table::Table;

/// A protobuf message.
pub(crate) trait Row: prost::Message + Default {}
impl<M: prost::Message + Default> Row for M {}

/// What is wrong with a row: the field, in words.
pub(crate) type Wrong = &'static str;

/// A noun that has a row.
pub(crate) trait Stored: Sized {
    /// Its row.
    type Row: Row;
    /// Writes the row.
    fn to_row(&self) -> Self::Row;
    /// Reads the row.
    fn from_row(row: Self::Row) -> Result<Self, Wrong>;
}

/// Reads a row's bytes.
pub(crate) fn decode<R: Row>(table: Table, value: Bytes) -> StoreResult<R> {
    R::decode(value).map_err(|_| StoreError::Damaged { table, what: "not the table's protobuf" })
}

/// Reads a noun from its row's bytes.
pub(crate) fn read<T: Stored>(table: Table, value: Bytes) -> StoreResult<T> {
    T::from_row(decode(table, value)?).map_err(|what| StoreError::Damaged { table, what })
}

/// The bytes of a noun's row.
pub(crate) fn write<T: Stored>(noun: &T) -> Vec<u8> {
    prost::Message::encode_to_vec(&noun.to_row())
}

fn id_bytes(id: &[u8; 16]) -> Bytes {
    Bytes::copy_from_slice(id)
}

fn array<const N: usize>(bytes: &Bytes, wrong: Wrong) -> Result<[u8; N], Wrong> {
    bytes[..].try_into().map_err(|_| wrong)
}

fn app_id(text: &str) -> Result<AppId, Wrong> {
    text.parse().map_err(|_| "app")
}

fn optional_time(at: Option<UnixMillis>) -> Option<u64> {
    at.map(|at| at.0)
}

#[cfg(test)]
mod tests;
